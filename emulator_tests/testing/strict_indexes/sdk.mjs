// Runs queries with the Firebase JS SDK, in Node or in a page of a browser, and prints what became
// of them as a line of JSON. Arguments: packages, "full" or "lite", host, port, project; and for a
// browser, its program and the address of a page with the SDK's import map.

import { createRequire } from "node:module";

const [packages, kind, host, port, project, executablePath, url] = process.argv.slice(2);
const require = createRequire(packages);

// It runs in the page as well, so it uses nothing from outside.
async function outcomes(sdk, { initializeApp }, host, port, project) {
  const app = initializeApp({ projectId: project, apiKey: "none" }, "strict");
  const db = sdk.getFirestore(app);
  sdk.connectFirestoreEmulator(db, host, Number(port));
  sdk.setLogLevel("silent");
  const cities = sdk.collection(db, "cities");
  const norway = sdk.where("country", "==", "no");
  const served = sdk.query(cities, norway, sdk.orderBy("population"));
  const refused = sdk.query(cities, norway, sdk.orderBy("population", "desc"));
  const exempt = sdk.query(cities, sdk.orderBy("motto"));
  const ids = (snapshot) => snapshot.docs.map((found) => found.id);
  const of = (promise) =>
    promise.then(
      (value) => ({ value }),
      ({ code, message }) => ({ code, message }),
    );
  const found = {};
  if (sdk.onSnapshot) {
    const states = [];
    let changed = () => {};
    const until = async (holds) => {
      while (!holds()) await new Promise((resolve) => (changed = resolve));
    };
    const listen = (query) =>
      new Promise((resolve) =>
        sdk.onSnapshot(
          query,
          // What the client knows already comes first.
          { includeMetadataChanges: true },
          (snapshot) => snapshot.metadata.fromCache || resolve({ value: ids(snapshot) }),
          ({ code, message }) => resolve({ code, message }),
        ),
      );
    // The first target of the stream is refused, and so is a later one.
    found.first = await listen(refused);
    sdk.onSnapshot(served, (snapshot) => {
      states.push(ids(snapshot));
      changed();
    });
    await until(() => states.length > 0);
    found.later = await listen(exempt);
    await sdk.setDoc(sdk.doc(db, "cities/røros 🚂"), { country: "no", population: 500 });
    await until(() => states.at(-1).length === 3);
    found.states = states;
    found.again = await listen(refused);
    found.other = await listen(sdk.query(cities, sdk.where("country", "==", "it")));
  }
  const get = sdk.getDocsFromServer ?? sdk.getDocs;
  const aggregate = sdk.getAggregateFromServer ?? sdk.getAggregate;
  const sum = (field) => of(aggregate(sdk.query(cities, norway), { sum: sdk.sum(field) }));
  found.get = await of(get(served).then(ids));
  found.getRefused = await of(get(refused).then(ids));
  found.sum = await sum("population").then(({ value }) => value.data().sum > 0);
  found.sumRefused = await sum("area");
  return found;
}

async function inBrowser() {
  const { chromium } = require("playwright-core");
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    const page = await browser.newPage();
    await page.goto(url);
    return await page.evaluate(
      async ([text, ...address]) => {
        const sdk = await import("firebase/firestore");
        const app = await import("firebase/app");
        return await (0, eval)(`(${text})`)(sdk, app, ...address);
      },
      [outcomes.toString(), host, port, project],
    );
  } finally {
    await browser.close();
  }
}

const found = executablePath
  ? await inBrowser()
  : await outcomes(
      require(kind === "lite" ? "firebase/firestore/lite" : "firebase/firestore"),
      require("firebase/app"),
      host,
      port,
      project,
    );
console.log(JSON.stringify(found));
process.exit(0);
