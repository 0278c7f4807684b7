// Whether the emulators answer: the SDK alone would wait for them for ever, without a word.

// The names of the addresses ({ name: "host:port" }) at which nobody answers in time.
export async function silent(addresses, milliseconds = 5000) {
  const asked = Object.entries(addresses).map(async ([name, address]) => {
    try {
      // What it answers does not matter, so no permission to read it is asked for.
      await fetch(`http://${address}/`, {
        mode: "no-cors",
        signal: AbortSignal.timeout(milliseconds),
      });
      return null;
    } catch {
      return name;
    }
  });
  return (await Promise.all(asked)).filter((name) => name !== null);
}

// What to tell of those that do not answer, and what to do about it.
export function complaint(names, addresses) {
  const where = names.map((name) => `the ${name} emulator at ${addresses[name]}`).join(" and ");
  const what = names.length > 1 ? "them" : "it";
  return (
    `Cannot reach ${where}: start ${what} with "make emulators". If firebase.json has other ports, ` +
    `open this page as ${location.pathname}?firestore=HOST:PORT&auth=HOST:PORT`
  );
}
