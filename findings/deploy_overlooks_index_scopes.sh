#!/usr/bin/env bash
# `firebase deploy` takes a changed single-field index for deployed if only its scope has changed.
#
# One would guess: after `fieldOverrides` of firestore.indexes.json changes, `firebase deploy --only
#   firestore:indexes` makes the project like the file, as it does when an index is added.
# What happens: an entry counts as deployed if the project has as many indexes of the field, and each
#   of their modes (ASCENDING, DESCENDING, CONTAINS) is among the entry's. Scopes are not compared,
#   nor are modes counted. So an index of the collection is never made one of the collection group:
#   the deploy succeeds, sends nothing, and the query of the group still fails in production. Where
#   two scopes of one mode are deployed and two modes are declared, the second mode is never made.
# Version: firebase-tools 15.34.2 (lib/firestore/api.js, fieldMatchesSpec).
# Source: https://firebase.google.com/docs/reference/firestore/indexes ("queryScope" of an override).
#
# Needs: Node.js 20 or newer with npm. The API is a server on loopback that records what is sent.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix "$folder" firebase-tools@15.34.2 >/dev/null

cat >finding.js <<'JS'
const http = require("node:http");

const index = (mode, scope) => ({
  queryScope: scope,
  fields: [{ fieldPath: "at", order: mode }],
  state: "READY",
});
const declared = (mode, scope) => ({ order: mode, queryScope: scope });
const CASES = [
  ["one more index", [index("ASCENDING", "COLLECTION")],
    [declared("ASCENDING", "COLLECTION"), declared("ASCENDING", "COLLECTION_GROUP")]],
  ["another mode", [index("ASCENDING", "COLLECTION")], [declared("DESCENDING", "COLLECTION")]],
  ["another scope", [index("ASCENDING", "COLLECTION")],
    [declared("ASCENDING", "COLLECTION_GROUP")]],
  ["a mode for a scope",
    [index("ASCENDING", "COLLECTION"), index("ASCENDING", "COLLECTION_GROUP")],
    [declared("ASCENDING", "COLLECTION"), declared("DESCENDING", "COLLECTION")]],
];

let deployed = [];
let sent = [];
const server = http.createServer((request, response) => {
  let body = "";
  request.on("data", (part) => (body += part));
  request.on("end", () => {
    response.setHeader("content-type", "application/json");
    if (request.method !== "GET") {
      sent.push(request.method);
      response.end("{}");
    } else if (request.url.includes("/fields")) {
      const name = "projects/p/databases/(default)/collectionGroups/events/fields/at";
      const indexConfig = { indexes: deployed };
      response.end(JSON.stringify({ fields: [{ name, indexConfig }] }));
    } else {
      response.end("{}");
    }
  });
});

server.listen(0, "127.0.0.1", async () => {
  process.env.FIRESTORE_URL = `http://127.0.0.1:${server.address().port}`;
  const { setAccessToken } = require("firebase-tools/lib/apiv2");
  const { FirestoreApi } = require("firebase-tools/lib/firestore/api");
  setAccessToken("nobody");
  for (const [title, before, indexes] of CASES) {
    [deployed, sent] = [before, []];
    const fields = [{ collectionGroup: "events", fieldPath: "at", indexes }];
    await new FirestoreApi().deploy({ project: "p", force: true }, [], fields, "(default)");
    console.log(`${title}: ${sent.length ? sent.join(" ") : "nothing is sent"}`);
  }
  server.close();
});
JS

echo "firebase-tools $(node -p 'require("firebase-tools/package.json").version')"
found=$(node finding.js 2>/dev/null | grep -v '^ *i \|^$' || true)
echo "$found"
expected="one more index: PATCH
another mode: PATCH
another scope: nothing is sent
a mode for a scope: nothing is sent"
if [ "$found" != "$expected" ]; then
  echo "CHANGED: firebase-tools compares overrides otherwise" >&2
  exit 1
fi
echo "as found: a deploy overlooks a change of scopes"
