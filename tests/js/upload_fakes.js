// A server, files and an engine for the tests of the upload.

import assert from "node:assert/strict";

import { Engine } from "../../assets/upload/engine.js";
import { pretendBrowser, turns } from "./browser.js";

/** A file by its text or its size; a large one has no content and is never sent. */
export class FakeFile extends Blob {
  constructor(size, { text = "x".repeat(size > 1000 ? 0 : size), time = 1000, gone = false } = {}) {
    super([text]);
    if (size > 1000) Object.defineProperty(this, "size", { value: size });
    this.lastModified = time;
    this.gone = gone;
  }

  slice(from, to) {
    return this.gone ? { arrayBuffer: () => Promise.reject(new Error("NotReadableError")) } : super.slice(from, to);
  }
}

export const item = (path, size, more) => ({ path, file: new FakeFile(size, more) });
export const nothing = { files: {}, parts: {} };
export const ticket = { id: "id-1", token: "secret" };
export const data = { purpose: "dataset", ticket: null };

/** A server that answers what `reply` says to (method, rest of the address, body, request); a list is status, content. */
export class FakeRequest {
  static sent = [];
  static reply = takes;

  constructor() {
    this.upload = {};
    this.headers = {};
  }

  open(method, url) {
    Object.assign(this, { method, url });
  }

  setRequestHeader(name, value) {
    this.headers[name] = value;
  }

  abort() {
    this.aborted = true;
    this.onabort?.();
  }

  async send(body) {
    const rest = this.url.replace("http://localhost:8501/app/api/uploads/id-1", "");
    FakeRequest.sent.push({ method: this.method, rest, body, headers: this.headers, request: this });
    const answer = await FakeRequest.reply(this.method, rest, body, this);
    if (this.aborted) return;
    if (answer === "lost") this.onerror();
    else {
      const [status, content] = Array.isArray(answer) ? answer : [200, answer];
      Object.assign(this, { status, responseText: JSON.stringify(content) });
      this.onload();
    }
  }
}

/** A server that takes everything. */
export function takes(method, rest) {
  if (method === "GET") return nothing;
  if (rest === "/files") return { written: 1, refused: {} };
  return rest === "/finish" ? { dataset: "faces" } : {};
}

export const routes = () => FakeRequest.sent.map(({ method, rest }) => `${method} ${rest}`.trim());
export const counted = (route) => routes().filter((r) => r === route).length;

const engines = [];

/** End what a test has left under way, or its timers keep the process alive. */
export function leave() {
  for (const engine of engines.splice(0)) engine.reset();
}

/** A fresh browser, and a server that takes everything. */
export function fresh() {
  pretendBrowser();
  globalThis.XMLHttpRequest = FakeRequest;
  FakeRequest.sent = [];
  FakeRequest.reply = takes;
}

/** An engine that got a ticket for these items. */
export function granted(items, { purpose = "dataset", ...more } = {}) {
  const engine = new Engine(purpose);
  engines.push(engine);
  engine.choose(items, null, { ...data, purpose, ...more });
  engine.answered({ ...ticket, n: engine.request.n });
  return engine;
}

/** The same at the end of its work, or waiting for the connection. */
export async function begun(items, more = {}) {
  const engine = granted(items, more);
  await until(() => !engine.busy || engine.state === "lost");
  return engine;
}

/** An answer that is given when the test says so. */
export function held() {
  const waiting = [];
  return { answer: () => new Promise((done) => waiting.push(done)), waiting, release: (answer) => waiting.splice(0).forEach((done) => done(answer)) };
}

export async function until(reached) {
  for (let i = 0; i < 200 && !reached(); i += 1) await settle();
  assert.ok(reached(), "nothing more happens");
}

/** Let everything happen that waits for no timer and for no answer. */
export async function settle() {
  await turns();
  await new Promise((done) => setImmediate(done));
}
