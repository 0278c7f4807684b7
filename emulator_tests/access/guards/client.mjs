// Runs what it is told by lines of JSON on its input with the Firebase JS SDK, and answers each with
// a line: {id, outcome, code, value}. The outcome is "allowed", "denied" (the server refused it),
// or "refused" (the SDK did not even send it). A watch sends further lines: {watch, …}.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(process.argv[2]); // web/package.json
const { initializeApp } = require("firebase/app");
const auth = require("firebase/auth");
const full = require("firebase/firestore");
const lite = require("firebase/firestore/lite"); // one HTTP request an operation
full.setLogLevel("silent");
lite.setLogLevel("silent");

const DENIED = new Set(["permission-denied", "unauthenticated"]);
const sessions = new Map();
const watches = new Map();

// Values that JSON has no form for, as {"$name": …}.
const FROM_JSON = {
  $bytes: ({ fs }, base64) => fs.Bytes.fromBase64String(base64),
  $increment: ({ fs }, amount) => fs.increment(amount),
  $now: ({ fs }) => fs.serverTimestamp(),
  $number: (_, text) => Number(text),
  $reference: ({ fs, db }, path) => fs.doc(db, path),
  $text: (_, [part, times]) => part.repeat(times),
  $time: ({ fs }, text) => fs.Timestamp.fromDate(new Date(text)),
  $union: (at, items) => at.fs.arrayUnion(...items.map((item) => decoded(at, item))),
};

function decoded(at, value) {
  if (Array.isArray(value)) return value.map((item) => decoded(at, item));
  if (value === null || typeof value !== "object") return value;
  const [name] = Object.keys(value);
  if (name in FROM_JSON) return FROM_JSON[name](at, value[name]);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, decoded(at, item)]));
}

function encoded(value) {
  if (Array.isArray(value)) return value.map(encoded);
  if (value === null || typeof value !== "object") return value;
  if (value.firestore && value.path) return { $reference: value.path };
  if (value.toDate) return { $time: value.toDate().toISOString() };
  if (value.toBase64) return { $bytes: value.toBase64() };
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, encoded(item)]));
}

function queried(at, { path, group, where = [], limit }) {
  const { fs, db } = at;
  const source = group ? fs.collectionGroup(db, group) : fs.collection(db, path);
  const parts = where.map(([field, op, value]) => fs.where(field, op, decoded(at, value)));
  return fs.query(source, ...parts, ...(limit ? [fs.limit(limit)] : []));
}

const documents = (snapshot) =>
  Object.fromEntries(snapshot.docs.map((found) => [found.ref.path, encoded(found.data())]));

const content = (snapshot) => (snapshot.exists() ? encoded(snapshot.data()) : null);

const OPERATIONS = {
  // A user signs in on the Auth emulator, has claims as the rules see them, or is nobody.
  async open(_, { session, project, firestore, authentication, email, password, claims, light }) {
    const fs = light ? lite : full;
    const app = initializeApp({ projectId: project, apiKey: "emulator" }, session);
    const db = light ? fs.getFirestore(app) : fs.initializeFirestore(app, {});
    const [host, port] = firestore.split(":");
    fs.connectFirestoreEmulator(db, host, Number(port), claims ? { mockUserToken: claims } : {});
    sessions.set(session, { db, fs });
    if (!email) return null;
    const signIn = auth.initializeAuth(app, { persistence: auth.inMemoryPersistence });
    auth.connectAuthEmulator(signIn, `http://${authentication}`, { disableWarnings: true });
    const { user } = await auth.signInWithEmailAndPassword(signIn, email, password);
    return { uid: user.uid, token: await user.getIdToken() };
  },
  async get({ fs, db }, { path }) {
    return content(await (fs.getDocFromServer ?? fs.getDoc)(fs.doc(db, path)));
  },
  async list(at, query) {
    return documents(await (at.fs.getDocsFromServer ?? at.fs.getDocs)(queried(at, query)));
  },
  async set(at, { path, fields, merge = false }) {
    await at.fs.setDoc(at.fs.doc(at.db, path), decoded(at, fields), { merge });
  },
  async update(at, { path, fields }) {
    await at.fs.updateDoc(at.fs.doc(at.db, path), decoded(at, fields));
  },
  async delete({ fs, db }, { path }) {
    await fs.deleteDoc(fs.doc(db, path));
  },
  async add(at, { path, fields }) {
    return (await at.fs.addDoc(at.fs.collection(at.db, path), decoded(at, fields))).path;
  },
  async batch(at, { writes }) {
    const batch = at.fs.writeBatch(at.db);
    for (const { path, fields } of writes) {
      batch.set(at.fs.doc(at.db, path), decoded(at, fields));
    }
    await batch.commit();
  },
  async transaction(at, { path, fields }) {
    const document = at.fs.doc(at.db, path);
    await at.fs.runTransaction(at.db, async (transaction) => {
      await transaction.get(document);
      transaction.set(document, decoded(at, fields));
    });
  },
  async watch(at, { watch, ...target }) {
    const { fs, db } = at;
    const isDocument = target.path?.split("/").length % 2 === 0;
    const stop = fs.onSnapshot(
      isDocument ? fs.doc(db, target.path) : queried(at, target),
      { includeMetadataChanges: true }, // so that one is told when the server agrees with the cache
      (snapshot) => {
        if (snapshot.metadata.fromCache) return;
        say({ watch, value: isDocument ? content(snapshot) : documents(snapshot) });
      },
      (error) => say({ watch, ...failure(error) }),
    );
    watches.set(watch, stop);
  },
  async unwatch(_, { watch }) {
    watches.get(watch)?.();
    watches.delete(watch);
  },
};

function failure(error) {
  const code = error.code ?? error.name;
  return { outcome: DENIED.has(code) ? "denied" : "refused", code, message: error.message };
}

function say(message) {
  process.stdout.write(JSON.stringify(message) + "\n");
}

async function answer({ id, op, ...given }) {
  try {
    const value = (await OPERATIONS[op](sessions.get(given.session), given)) ?? null;
    say({ id, outcome: "allowed", value });
  } catch (error) {
    say({ id, ...failure(error) });
  }
}

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => answer(JSON.parse(line)));
lines.on("close", () => process.exit(0));
