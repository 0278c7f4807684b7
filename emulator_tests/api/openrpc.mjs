// Checks an OpenRPC document with the tools of OpenRPC: `node openrpc.mjs PACKAGE.JSON DOCUMENT`.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [packages, path] = process.argv.slice(2);
const require = createRequire(packages);
const { parseOpenRPCDocument, validateOpenRPCDocument } = require("@open-rpc/schema-utils-js");

const document = JSON.parse(readFileSync(path, "utf8"));
const found = validateOpenRPCDocument(document);
if (found !== true) {
  console.error(found.message);
  process.exit(1);
}
// Not dereferenced: schemas that refer to themselves would be copied until the memory is full.
const parsed = await parseOpenRPCDocument(document, { validate: true, dereference: false });
console.log(`valid: ${parsed.methods.length} methods`);
