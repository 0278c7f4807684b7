// Milliseconds from a write until the Firebase listener, and a stream beside it, show it.
import { createRequire } from "node:module";

const [packages, firestoreAddress, project, address, roundsText] = process.argv.slice(2);
const web = createRequire(packages);
const { initializeApp } = web("firebase/app");
const { connectFirestoreEmulator, doc, getFirestore, onSnapshot, setDoc } = web("firebase/firestore");
const [host, port] = firestoreAddress.split(":");
const database = (name) => {
  const found = getFirestore(initializeApp({ projectId: project, apiKey: "any" }, name));
  connectFirestoreEmulator(found, host, Number(port), { mockUserToken: "owner" });
  return found;
};
const path = "scorePages/latency";
const reader = database("reader");
const writer = database("writer"); // of its own: a client shows its own writes at once
const waiting = new Map();
const shown = (side, number) => waiting.get(number)?.[side]?.(performance.now());

await setDoc(doc(writer, path), { number: 0 });
onSnapshot(doc(reader, path), (snapshot) => shown("listener", snapshot.data()?.number));
const response = await fetch(`${address}/${path}`, { headers: { Accept: "text/event-stream" } });
(async () => {
  let rest = "";
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const events = (rest + text).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const data = event.split("\n").find((line) => line.startsWith("data: "));
      if (data) shown("stream", JSON.parse(data.slice(6)).number);
    }
  }
})().catch(() => {});
await new Promise((resolve) => setTimeout(resolve, 1000));
const found = { listener: [], stream: [] };
for (let number = 1; number <= Number(roundsText); number += 1) {
  const both = {};
  const times = Promise.all(
    ["listener", "stream"].map((side) => new Promise((resolve) => (both[side] = resolve))),
  );
  waiting.set(number, both);
  const started = performance.now();
  setDoc(doc(writer, path), { number });
  const [listener, stream] = await times;
  found.listener.push(listener - started);
  found.stream.push(stream - started);
  await new Promise((resolve) => setTimeout(resolve, 20));
}
console.log(JSON.stringify(found));
process.exit(0);
