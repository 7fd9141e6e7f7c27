// A gallery on a page without a browser, and a server that answers from a list of rows.

import mount from "../../assets/gallery/main.js";
import { FakeElement, pretendPage } from "./dom.js";
import { turns } from "./browser.js";

export const CLASSES = ["anger", "fear", "joy"];

/** A row as the server has it. */
export const row = (r, more = {}) => ({ r, n: `images/${r}.png`, l: [r % 3, -1], t: r % 3, i: 0, k: -1, c: 0.9, m: 0.8, s: 0, d: null, g: [], ...more });

/** Everything known of a row. */
export const item = (r, more = {}) => ({
  ...row(r),
  log: [],
  posterior: [0.7, 0.2, 0.1],
  image: [0.6, 0.3, 0.1],
  says: { Ann: [0.8, 0.1, 0.1] },
  annotations: { Ann: [1, 0, 0] },
  reasons: [{ rival: 1, by: { "": 0.5, Ann: 1.5 } }],
  alike: [],
  ...more,
});

/** What the page gives to the gallery. */
export const pageData = (more = {}) => ({
  run: "faces-1",
  api: "api/runs/faces-1",
  truth: true,
  sort: "gains",
  columns: ["*truth*", "Ann", "Ben"],
  bands: ["0.9-1", "0-0.5"],
  relations: { none: "no label", one: "one label", agree: "agree", differ: "differ" },
  against: { same: "same", other: "other" },
  neighbours: {},
  token: "token",
  view: {},
  unknown: [],
  classes: CLASSES,
  codes: ["An", "Fe", "Jo"],
  coders: [
    { id: "Ann", name: "Ann", short: "A", machine: false, given: false },
    { id: "Ben", name: "Ben", short: "B", machine: false, given: false },
  ],
  origins: ["Ann"],
  splits: ["", "test"],
  totals: { "": 300, test: 20, "*any*": 320 },
  pairs: [["Ann", "Ben"]],
  saved: [],
  sorts: { gains: "gains most", name: "by name", random: "random" },
  refit: true,
  learned: 0,
  reviewer: "",
  ...more,
});

/** Answers to requests by the last part of their path; a function gets the query and the content that was sent. */
export class FakeServer {
  constructor(rows = 300) {
    this.requests = [];
    this.down = false;
    this.replies = {
      items: ({ offset, limit }) => {
        const here = Array.from({ length: Math.max(0, Math.min(rows - offset, Number(limit))) }, (_, i) => row(Number(offset) + i));
        return { total: rows, offset: Number(offset), version: 5, rows: here };
      },
      cases: { items: rows, of: 320, settled: 0, settled_in_all: 0, blind_in_all: 0, set_aside: 0, pairs: 1, cases: [], against: [] },
      facets: { facets: {} },
      table: { rows: "*truth*", columns: "Ann", counts: [[5, 1, 0], [0, 7, 2], [0, 0, 9]] },
      item: ({ row: r }) => item(Number(r)),
      place: ({ image }) => {
        const r = Number(image.match(/\d+/)?.[0] ?? -1);
        return r < 0 ? { row: null, position: null } : { row: r, position: r < rows ? r : null };
      },
      decisions: (_query, { decisions, last }) => ({ saved: decisions.map((d) => d.key), conflicts: [], changed: {}, last: last + decisions.length, settled_in_all: decisions.length, blind_in_all: decisions.length }),
      history: { actions: [] },
      thumbnails: ({ rows: asked }) => asked.split(",").map(Number),
      queue: { held: {}, open: 9, shares: { second: 0, again: 0 }, agreements: [], last: 0 },
      gains: { sentences: ["Nothing yet."], meaning: "…", matrices: [] },
    };
  }

  async fetch(href, { method = "GET", body } = {}) {
    const url = new URL(href);
    const path = url.pathname.replace(/^\/api\/(runs|labels)\/[^/]+\//, "");
    const query = Object.fromEntries(url.searchParams);
    const content = body ? JSON.parse(body) : undefined;
    this.requests.push({ path, method, query, content });
    if (this.down) throw new TypeError("failed to fetch");
    const reply = this.replies[path];
    const answer = await (typeof reply === "function" ? reply(query, content) : reply);
    if (answer === undefined) return { ok: false, status: 404, json: async () => ({ error: `There is no ${path}.` }) };
    if (answer.error) return { ok: false, status: answer.status ?? 400, json: async () => answer };
    return { ok: true, status: 200, json: async () => structuredClone(answer), body: path === "thumbnails" ? pictures(answer) : null };
  }

  /** The decisions that were sent. */
  get decisions() {
    return this.asked("decisions").flatMap(({ content }) => content.decisions);
  }

  /** What was asked of a path. */
  asked(path) {
    return this.requests.filter((request) => request.path === path);
  }
}

/** The small images as the server sends them: row, length, bytes; a row below 0 has none. */
export function pictures(rows) {
  const parts = rows.map((r) => {
    const bytes = new Uint8Array(r < 0 ? 8 : 10);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, Math.abs(r));
    view.setUint32(4, bytes.length - 8);
    return bytes;
  });
  return new Blob(parts).stream();
}

/** A page with a gallery; `data` and `href` may say otherwise. */
export async function openGallery({ data = {}, rows = 20, href, server = new FakeServer(rows) } = {}) {
  const body = pretendPage(href);
  for (const name of ["setTimeout", "setInterval"]) {
    const real = globalThis[name];
    if (real.isPatient) continue;
    // What waits for long does not hold up the end of the tests.
    globalThis[name] = (act, ms = 0) => (ms > 1000 ? real(act, ms).unref() : real(act, ms));
    globalThis[name].isPatient = true;
  }
  globalThis.fetch = (...request) => server.fetch(...request);
  const place = new FakeElement("div");
  const root = new FakeElement("div");
  root.className = "ga";
  place.append(root);
  body.append(place);
  const told = [];
  const component = (more = {}) => ({ parentElement: place, data: pageData({ ...data, ...more }), setTriggerValue: (_name, value) => told.push(value) });
  const cleanup = mount(component());
  await settled();
  const page = {
    body,
    place,
    root,
    server,
    told,
    component,
    cleanup,
    mount,
    /** As when Streamlit takes it off the page. */
    leave: () => {
      place.remove();
      cleanup();
    },
    /** Back or Forward to another view. */
    go: (search) => {
      window.location = { ...window.location, search };
      window.dispatchEvent({ type: "popstate" });
    },
    one: (selector) => root.querySelector(selector),
    all: (selector) => root.querySelectorAll(selector),
    press: (key, more = {}) => press(key, more),
    dialog: () => root.querySelector("dialog"),
    cards: () => root.querySelectorAll(".ga-card"),
  };
  return page;
}

/** Press a key where the focus is; a listener of the window hears it first. */
function press(key, more) {
  const target = document.activeElement ?? document.body;
  const event = { type: "keydown", key, target, repeat: false, isComposing: false, defaultPrevented: false, isStopped: false, composedPath: () => [target], ...more };
  event.preventDefault = () => (event.defaultPrevented = true);
  event.stopPropagation = event.stopImmediatePropagation = () => (event.isStopped = true);
  window.dispatchEvent(event);
  if (!event.isStopped) target.dispatchEvent(event);
  return event;
}

/** Let answers come and be shown. */
export async function settled() {
  for (let i = 0; i < 5; i += 1) {
    await turns();
    await new Promise((done) => setImmediate(done));
  }
}

/** A promise and what fulfils it. */
export function later() {
  let free;
  const promise = new Promise((done) => (free = done));
  return { promise, free };
}
