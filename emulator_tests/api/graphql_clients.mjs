// Runs graphql-http's audits, or a client of graphql-sse or graphql-ws, and prints what happens,
// one line of JSON each: node graphql_clients.mjs PACKAGE_JSON WHAT ADDRESS [OPTIONS]

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [packageJson, what, address, options] = process.argv.slice(2);
const require = createRequire(packageJson);
const load = (name) => import(pathToFileURL(require.resolve(name)));
const print = (value) => console.log(JSON.stringify(value));

const clients = {
  async audit() {
    const { auditServer } = await load("graphql-http");
    const fetchFn = (url, init = {}) =>
      fetch(url, {
        ...init,
        headers: { ...init.headers, "GraphQL-Require-Preflight": "1" },
      });
    for (const result of await auditServer({ url: address, fetchFn })) {
      print({ status: result.status, name: result.name, reason: result.reason });
    }
  },

  async sse({ query, variables, token, count }) {
    const { createClient } = await load("graphql-sse");
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    const client = createClient({
      url: address,
      headers,
      retryAttempts: 0,
      on: { connected: () => print({ connected: true }) },
    });
    await follow(client, { query, variables }, count);
  },

  async ws({ query, variables, token, count, retries = 0 }) {
    const { createClient } = await load("graphql-ws");
    const { default: WebSocket } = await load("ws");
    const client = createClient({
      url: address.replace("http", "ws"),
      webSocketImpl: WebSocket,
      connectionParams: token ? { authorization: `Bearer ${token}` } : undefined,
      retryAttempts: retries,
      retryWait: async () => {},
      on: {
        connected: () => print({ connected: true }),
        closed: (event) => print({ closed: event.code }),
      },
    });
    await follow(client, { query, variables }, count);
  },
};

// Prints `count` results, and leaves then; or the end, if that comes before.
async function follow(client, operation, count = Infinity) {
  await new Promise((resolve) => {
    let left = count;
    const leave = client.subscribe(operation, {
      next(result) {
        print({ next: result });
        left -= 1;
        if (left === 0) {
          leave();
          resolve();
        }
      },
      error(error) {
        print({ error: Array.isArray(error) ? error : { message: error.message, code: error.code } });
        resolve();
      },
      complete() {
        print({ complete: true });
        resolve();
      },
    });
  });
  client.dispose();
}

await clients[what](JSON.parse(options ?? "{}"));
