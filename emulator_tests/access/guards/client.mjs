// Runs what it is told by lines of JSON on its input with the Firebase JS SDK, and answers each with
// a line: {id, outcome, code, value}. The outcome is "allowed", "denied" (the server refused it),
// or "refused" (the SDK did not even send it). A watch sends further lines: {watch, …}.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(process.argv[2]); // web/package.json
const { initializeApp, deleteApp } = require("firebase/app");
const auth = require("firebase/auth");
const fs = require("firebase/firestore");
fs.setLogLevel("silent");

const DENIED = new Set(["permission-denied", "unauthenticated"]);
const sessions = new Map();
const watches = new Map();

// Values that JSON has no form for, as {"$name": …}.
const FROM_JSON = {
  $bytes: (_, base64) => fs.Bytes.fromBase64String(base64),
  $increment: (_, amount) => fs.increment(amount),
  $now: () => fs.serverTimestamp(),
  $number: (_, text) => Number(text),
  $reference: (db, path) => fs.doc(db, path),
  $text: (_, [part, times]) => part.repeat(times),
  $time: (_, text) => fs.Timestamp.fromDate(new Date(text)),
  $union: (db, items) => fs.arrayUnion(...items.map((item) => decoded(db, item))),
};

function decoded(db, value) {
  if (Array.isArray(value)) return value.map((item) => decoded(db, item));
  if (value === null || typeof value !== "object") return value;
  const [name] = Object.keys(value);
  if (name in FROM_JSON) return FROM_JSON[name](db, value[name]);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, decoded(db, item)]));
}

function encoded(value) {
  if (Array.isArray(value)) return value.map(encoded);
  if (value instanceof fs.DocumentReference) return { $reference: value.path };
  if (value instanceof fs.Timestamp) return { $time: value.toDate().toISOString() };
  if (value instanceof fs.Bytes) return { $bytes: value.toBase64() };
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, encoded(item)]));
}

function queried(db, { path, group, where = [], limit }) {
  const source = group ? fs.collectionGroup(db, group) : fs.collection(db, path);
  const parts = where.map(([field, op, value]) => fs.where(field, op, decoded(db, value)));
  return fs.query(source, ...parts, ...(limit ? [fs.limit(limit)] : []));
}

const documents = (snapshot) =>
  Object.fromEntries(snapshot.docs.map((found) => [found.ref.path, encoded(found.data())]));

const OPERATIONS = {
  // A user signs in on the Auth emulator, has claims as the rules see them, or is nobody.
  async open({ session, project, firestore, authentication, email, password, claims }) {
    const app = initializeApp({ projectId: project, apiKey: "emulator" }, session);
    const db = fs.initializeFirestore(app, { localCache: fs.memoryLocalCache() });
    const [host, port] = firestore.split(":");
    fs.connectFirestoreEmulator(db, host, Number(port), claims ? { mockUserToken: claims } : {});
    sessions.set(session, { app, db });
    if (!email) return null;
    const signIn = auth.initializeAuth(app, { persistence: auth.inMemoryPersistence });
    auth.connectAuthEmulator(signIn, `http://${authentication}`, { disableWarnings: true });
    const { user } = await auth.signInWithEmailAndPassword(signIn, email, password);
    return { uid: user.uid, token: await user.getIdToken() };
  },
  async close({ session }) {
    await deleteApp(sessions.get(session).app);
    sessions.delete(session);
  },
  async get({ db, path }) {
    const snapshot = await fs.getDocFromServer(fs.doc(db, path));
    return snapshot.exists() ? encoded(snapshot.data()) : null;
  },
  async list({ db, ...query }) {
    return documents(await fs.getDocsFromServer(queried(db, query)));
  },
  async set({ db, path, fields, merge = false }) {
    await fs.setDoc(fs.doc(db, path), decoded(db, fields), { merge });
  },
  async update({ db, path, fields }) {
    await fs.updateDoc(fs.doc(db, path), decoded(db, fields));
  },
  async delete({ db, path }) {
    await fs.deleteDoc(fs.doc(db, path));
  },
  async add({ db, path, fields }) {
    return (await fs.addDoc(fs.collection(db, path), decoded(db, fields))).path;
  },
  async batch({ db, writes }) {
    const batch = fs.writeBatch(db);
    for (const { path, fields } of writes) batch.set(fs.doc(db, path), decoded(db, fields));
    await batch.commit();
  },
  async transaction({ db, path, fields }) {
    await fs.runTransaction(db, async (transaction) => {
      await transaction.get(fs.doc(db, path));
      transaction.set(fs.doc(db, path), decoded(db, fields));
    });
  },
  async watch({ db, watch, path, group, where }) {
    const target = path && path.split("/").length % 2 === 0
      ? fs.doc(db, path)
      : queried(db, { path, group, where });
    watches.set(watch, fs.onSnapshot(
      target,
      (snapshot) => {
        if (snapshot.metadata.fromCache) return;
        const value = snapshot.docs ? documents(snapshot)
          : snapshot.exists() ? encoded(snapshot.data()) : null;
        say({ watch, value });
      },
      (error) => say({ watch, ...failure(error) }),
    ));
  },
  async unwatch({ watch }) {
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
    const db = sessions.get(given.session)?.db;
    const value = (await OPERATIONS[op]({ ...given, db })) ?? null;
    say({ id, outcome: "allowed", value });
  } catch (error) {
    say({ id, ...failure(error) });
  }
}

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => answer(JSON.parse(line)));
lines.on("close", () => process.exit(0));
