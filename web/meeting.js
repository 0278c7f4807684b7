// One user's meetings, live: the page reads view documents and writes patches, and nothing else.
// It works on the emulators, where anybody may sign in as anybody. Their addresses and the project
// may be in the page's own: ?firestore=HOST:PORT&auth=HOST:PORT&project=ID.

import { initializeApp } from "firebase/app";
import { connectAuthEmulator, getAuth, signInWithCustomToken } from "firebase/auth";
import {
  addDoc,
  collection,
  connectFirestoreEmulator,
  getFirestore,
  onSnapshot,
} from "firebase/firestore";
import { complaint, silent } from "./reach.js";

const given = new URLSearchParams(location.search);
const app = initializeApp({ apiKey: "emulator", projectId: given.get("project") ?? "demo-onto-fn" });
const auth = getAuth(app);
const db = getFirestore(app);
const addresses = {
  Firestore: given.get("firestore") ?? "127.0.0.1:8080",
  Auth: given.get("auth") ?? "127.0.0.1:9099",
};
const [host, port] = addresses.Firestore.split(":");
connectFirestoreEmulator(db, host, Number(port));
connectAuthEmulator(auth, `http://${addresses.Auth}`, { disableWarnings: true });

const form = document.querySelector("#sign-in");
const status = document.querySelector("#status");
const asked = document.querySelector("#request");
const sessions = document.querySelector("#sessions");
let stop = () => {};

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const uid = form.elements.uid.value;
  const whose = form.elements.whose.value || uid;
  stop();
  asked.textContent = "";
  sessions.replaceChildren();
  tell(`Signing in as ${uid}`);
  const names = await silent(addresses);
  if (names.length) {
    tell(complaint(names, addresses), { isError: true });
    return;
  }
  try {
    // The Auth emulator takes a token that nobody has signed.
    await signInWithCustomToken(auth, JSON.stringify({ uid }));
  } catch (error) {
    tell(`Cannot sign in as ${uid}: ${error.message}`, { isError: true });
    return;
  }
  stop = onSnapshot(
    collection(db, "users", whose, "MeetingSession"),
    { includeMetadataChanges: true },
    (snapshot) => {
      // The SDK's cache may hold what the user before this one was allowed to read.
      if (snapshot.metadata.fromCache) return;
      const hint = snapshot.size ? "" : ": is there any data? `make emulators` writes a sample";
      tell(`${snapshot.size} meeting(s) of ${whose}${hint}`);
      sessions.replaceChildren(...snapshot.docs.map((found) => article(uid, found)));
    },
    (error) => {
      tell(`${whose}: ${error.code}`, { isError: true });
    },
  );
});

function article(uid, found) {
  const { address, attending, inSession } = found.data();
  const box = document.createElement("article");
  box.append(
    element("h2", `${found.id}: ${inSession ? "in session" : "closed"}`),
    element("p", address),
    element("p", attending.map((attendee) => attendee.name).join(", ")),
  );
  const button = element("button", inSession ? "Close the meeting" : "Open the meeting");
  button.addEventListener("click", () => patch(uid, found.id, !inSession));
  box.append(button);
  return box;
}

async function patch(uid, meeting, inSession) {
  asked.textContent = "asked";
  const fields = { target_meeting_id: meeting, inSession };
  const request = await addDoc(collection(db, "users", uid, "MeetingSession_PATCH"), fields);
  const stopWatching = onSnapshot(request, (snapshot) => {
    const processed = snapshot.get("processed");
    if (!processed) return;
    stopWatching();
    asked.textContent = `${processed.state} ${processed.reason ?? ""}`.trim();
  });
}

function tell(text, { isError = false } = {}) {
  status.textContent = text;
  status.className = isError ? "error" : "";
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}
