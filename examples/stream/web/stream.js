// One view document in four ways: by Firestore's own listener, by server-sent events, by a callable
// stream, and by a GraphQL subscription. A button edits it by JSON-RPC; all four show the change.
// The addresses of the emulators and the project may be in the page's own:
// ?firestore=HOST:PORT&auth=HOST:PORT&functions=HOST:PORT&project=ID.

import { initializeApp } from "firebase/app";
import { connectAuthEmulator, getAuth, signInWithCustomToken } from "firebase/auth";
import { connectFirestoreEmulator, doc, getFirestore, onSnapshot } from "firebase/firestore";
import { connectFunctionsEmulator, getFunctions, httpsCallable } from "firebase/functions";
import { complaint, silent } from "./reach.js";

const given = new URLSearchParams(location.search);
const project = given.get("project") ?? "demo-onto-fn";
const addresses = {
  Firestore: given.get("firestore") ?? "127.0.0.1:8080",
  Auth: given.get("auth") ?? "127.0.0.1:9099",
  Functions: given.get("functions") ?? "127.0.0.1:5001",
};
const app = initializeApp({ apiKey: "emulator", projectId: project });
const auth = getAuth(app);
const db = getFirestore(app);
const functions = getFunctions(app);
const place = (name) => {
  const [host, port] = addresses[name].split(":");
  return [host, Number(port)];
};
connectFirestoreEmulator(db, ...place("Firestore"));
connectFunctionsEmulator(functions, ...place("Functions"));
connectAuthEmulator(auth, `http://${addresses.Auth}`, { disableWarnings: true });
const url = (name) => `http://${addresses.Functions}/${project}/us-central1/${name}`;

const form = document.querySelector("#sign-in");
const edit = document.querySelector("#edit");
let leave = () => {};

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  leave();
  const [uid, meeting] = [form.elements.uid.value, form.elements.meeting.value];
  const names = await silent(addresses);
  if (names.length) return tell(complaint(names, addresses), { isError: true });
  // The Auth emulator takes a token that nobody has signed.
  await signInWithCustomToken(auth, JSON.stringify({ uid }));
  tell(`Signed in as ${uid}`);
  const leaving = new AbortController();
  leave = () => leaving.abort();
  const path = `users/${uid}/MeetingSession/${meeting}`;
  listen(path, leaving.signal);
  follow("events", () => events(path, leaving.signal), leaving.signal);
  follow("callable", () => callable(uid, meeting, leaving.signal), leaving.signal);
  follow("graphql", () => graphql(uid, meeting, leaving.signal), leaving.signal);
});

edit.addEventListener("click", async () => {
  edit.disabled = true;
  const [uid, meeting] = [form.elements.uid.value, form.elements.meeting.value];
  const fields = { target_meeting_id: meeting, inSession: edit.dataset.next === "true" };
  const call = { id: crypto.randomUUID(), fields, params: { user_id: uid } };
  const answer = await fetch(`${url("onto_api")}/rpc`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...(await token()) },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "MeetingSessionPatch", params: call }),
  });
  const { result, error } = await answer.json();
  tell(result ? `Edited: ${result.state}` : error.message, { isError: !result });
  edit.disabled = false;
});

// Firestore's own listener.
function listen(path, signal) {
  const stop = onSnapshot(
    doc(db, path),
    (snapshot) => show("listener", snapshot.data()),
    (error) => problem("listener", error),
  );
  signal.addEventListener("abort", stop);
}

// Server-sent events. `EventSource` cannot send an ID token, so this fetches them.
async function events(path, signal) {
  const headers = { Accept: "text/event-stream", ...(await token()) };
  const answer = await fetch(`${url("onto_stream")}/${path}`, { headers, signal });
  if (!answer.ok) throw new Error((await answer.json()).detail);
  for await (const { event, data } of eventsOf(answer)) {
    if (event === "denied") throw new Error(JSON.parse(data).reason);
    if (event === "snapshot") show("events", JSON.parse(data));
    if (event === "missing" || event === "deleted") show("events", undefined);
  }
}

// A callable stream: the Firebase SDK sends the ID token and reads the answer.
async function callable(user_id, meeting_id, signal) {
  const call = httpsCallable(functions, "onto_stream");
  const asked = { view: "MeetingSession", params: { user_id, meeting_id } };
  const { stream, data } = await call.stream(asked, { signal });
  data.catch(() => {}); // it fails as the stream does
  for await (const message of stream) show("callable", message.fields ?? undefined);
}

// A GraphQL subscription by graphql-sse: server-sent events again, of the fields that are asked for.
async function graphql(user, meeting, signal) {
  const query = `subscription ($user: ID!, $meeting: ID!) {
    meetingSession(userId: $user, meetingId: $meeting) { inSession attending { name } }
  }`;
  const answer = await fetch(`${url("onto_stream")}/graphql`, {
    method: "POST",
    headers: {
      Accept: "text/event-stream",
      "Content-Type": "application/json",
      ...(await token()),
    },
    body: JSON.stringify({ query, variables: { user, meeting } }),
    signal,
  });
  if (!answer.ok) throw new Error((await answer.json()).errors[0].message);
  for await (const { event, data } of eventsOf(answer)) {
    if (event !== "next") continue; // a heartbeat, or `complete`
    const { data: found, errors } = JSON.parse(data);
    if (errors) throw new Error(errors[0].message);
    show("graphql", found.meetingSession ?? undefined);
  }
}

// The server-sent events of an answer, each with its lines by name.
async function* eventsOf(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (let text = ""; ; ) {
      const { value, done } = await reader.read();
      if (done) return;
      const parts = (text + value).split("\n\n");
      text = parts.pop();
      for (const part of parts) {
        const lines = part.split("\n").map((line) => line.split(": "));
        yield Object.fromEntries(lines.map(([name, ...rest]) => [name, rest.join(": ")]));
      }
    }
  } finally {
    await reader.cancel(); // whoever stops reading leaves the stream
  }
}

// A stream ends with the ID token, or with the function's time: then it is asked for again.
async function follow(panel, stream, signal) {
  while (!signal.aborted) {
    try {
      await stream();
    } catch (error) {
      if (signal.aborted) return;
      problem(panel, error);
    }
    await new Promise((again) => setTimeout(again, 1000 + 2000 * Math.random()));
  }
}

async function token() {
  return { Authorization: `Bearer ${await auth.currentUser.getIdToken()}` };
}

function show(panel, fields) {
  const box = document.querySelector(`#${panel}`);
  const state = fields ? (fields.inSession ? "in session" : "closed") : "there is no such meeting";
  box.querySelector(".state").textContent = state;
  box.querySelector(".state").className = "state";
  box.querySelector(".who").textContent = (fields?.attending ?? []).map(({ name }) => name).join(", ");
  if (panel !== "listener" || !fields) return;
  edit.hidden = false;
  edit.dataset.next = String(!fields.inSession);
  edit.textContent = fields.inSession ? "Close the meeting" : "Open the meeting";
}

function problem(panel, error) {
  const state = document.querySelector(`#${panel} .state`);
  state.textContent = error.message;
  state.className = "state error";
}

function tell(text, { isError = false } = {}) {
  const status = document.querySelector("#status");
  status.textContent = text;
  status.className = isError ? "error" : "";
}
