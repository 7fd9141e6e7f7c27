// What a browser has and Node.js has not, as far as the tests need it.

import { webcrypto } from "node:crypto";

/** A fresh browser: empty storages, one tab, which is looked at. */
export function pretendBrowser() {
  const parts = {
    crypto: webcrypto,
    document: { hidden: false },
    localStorage: memory(),
    navigator: {},
    sessionStorage: memory(),
    window: { location: { href: "http://localhost:8501/app/dataset" } },
  };
  // Some of these exist in some versions of Node.js, read-only.
  for (const [name, value] of Object.entries(parts)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}

// A storage like localStorage.
function memory() {
  const kept = new Map();
  return new Proxy(
    {
      getItem: (name) => kept.get(name) ?? null,
      setItem: (name, value) => void kept.set(name, String(value)),
      removeItem: (name) => void kept.delete(name),
      key: (i) => [...kept.keys()][i] ?? null,
    },
    {
      get: (target, name) => (name === "length" ? kept.size : target[name]),
      ownKeys: () => [...kept.keys()],
      getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
    },
  );
}

/** Let everything that waits for nothing but its turn have it. */
export async function turns() {
  for (let i = 0; i < 200; i += 1) await Promise.resolve();
}

/** Stop the clock of setTimeout for one test; gives what lets time pass, in ms. */
export function stopClock(test) {
  const real = { setTimeout, clearTimeout };
  const waiting = new Map();
  let now = 0;
  let last = 0;
  globalThis.setTimeout = (act, ms = 0) => {
    waiting.set((last += 1), { act, at: now + ms });
    return last;
  };
  globalThis.clearTimeout = (id) => void waiting.delete(id);
  test.after(() => Object.assign(globalThis, real));
  return (ms) => {
    now += ms;
    for (const [id, { act, at }] of [...waiting]) {
      if (at > now || !waiting.delete(id)) continue;
      act();
    }
  };
}
