#!/usr/bin/env bash
# A deployed asynchronous Python function logs nothing: functions-framework disables every logger.
#
# One would guess: `logging.getLogger("my_app").error(…)` in a function that functions_framework.aio
#   serves reaches the log, as it does in a function that Flask serves, and in local runs.
# What happens: where LOG_EXECUTION_ID is set, which `firebase deploy` sets for every function,
#   functions-framework loads the function's module first and then calls
#   logging.config.dictConfig without `disable_existing_loggers=False`. Each logger that the module
#   or a library has made by then is disabled, errors included; its handlers are never asked. Only
#   loggers that are made later, and the root logger, still work. Flask targets are not affected.
# Version: functions-framework 3.10.2 (aio/__init__.py, _configure_app_execution_id_logging);
#   firebase-tools 15.34.2 sets LOG_EXECUTION_ID=true (src/deploy/functions/prepare.ts).
# Source: Python's documentation of logging.config.dictConfig on disable_existing_loggers.
#
# Needs: python3.11 or newer.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet functions-framework==3.10.2

cat >"$folder/main.py" <<'PYTHON'
import logging

import functions_framework
import functions_framework.aio

log = logging.getLogger("my_app")


@functions_framework.aio.http
async def asynchronous(request):
    return "ok"


@functions_framework.http
def synchronous(request):
    return "ok"
PYTHON

cat >"$folder/finding.py" <<'PYTHON'
import io
import logging
import sys
from importlib.metadata import version

import functions_framework

target = sys.argv[1]
functions_framework.create_app(target, "main.py")
logger = logging.getLogger("my_app")
heard = io.StringIO()
logger.addHandler(logging.StreamHandler(heard))
logger.error("something is wrong")
print(f"{target}: disabled={logger.disabled}, heard={heard.getvalue().strip()!r}")
PYTHON

cd "$folder"
echo "functions-framework $("$folder/venv/bin/python" -c 'from importlib.metadata import version; print(version("functions-framework"))')"
found=""
for setting in "" true; do
  for target in synchronous asynchronous; do
    line="LOG_EXECUTION_ID=${setting:-(not set)} $(LOG_EXECUTION_ID=$setting "$folder/venv/bin/python" finding.py "$target")"
    echo "$line"
    found+="$line"$'\n'
  done
done

expected="LOG_EXECUTION_ID=(not set) synchronous: disabled=False, heard='something is wrong'
LOG_EXECUTION_ID=(not set) asynchronous: disabled=False, heard='something is wrong'
LOG_EXECUTION_ID=true synchronous: disabled=False, heard='something is wrong'
LOG_EXECUTION_ID=true asynchronous: disabled=True, heard=''
"
if [ "$found" != "$expected" ]; then
  echo "CHANGED: a logger made before the function is served is no longer treated so" >&2
  exit 1
fi
echo "as found: an asynchronous target's loggers are disabled where LOG_EXECUTION_ID is set"
