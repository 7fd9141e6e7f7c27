// The view of the upload: it lives as long as it is on the page, asks until it is answered, and discards after two presses.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { KEY } from "../../assets/upload/engine.js";
import mount from "../../assets/upload/main.js";
import { planned } from "../../assets/upload/plan.js";
import { pace, progressTexts } from "../../assets/upload/progress.js";
import { amount, legible, number, plural, time } from "../../assets/upload/words.js";
import { FakeElement, pretendPage } from "./dom.js";
import { settled } from "./gallery_page.js";

let place, root, told, cleanups;

beforeEach(() => {
  const body = pretendPage("http://localhost:8501/dataset");
  for (const purpose of ["dataset", "images"]) delete globalThis[`${KEY}-${purpose}`];
  place = new FakeElement("div");
  root = new FakeElement("div");
  root.className = "fu";
  for (const name of ["fu-body", "fu-speech"]) {
    const part = new FakeElement("div");
    part.className = name;
    root.append(part);
  }
  place.append(root);
  body.append(place);
  told = [];
  cleanups = [];
});

afterEach(() => {
  place.remove();
  for (const cleanup of cleanups) cleanup();
});

const show = (data = {}) => {
  const cleanup = mount({ parentElement: place, data: { purpose: "dataset", ticket: null, unfinished: [], ...data }, setTriggerValue: (_name, value) => told.push(value) });
  cleanups.push(cleanup);
  return cleanup;
};
const engine = (purpose = "dataset") => globalThis[`${KEY}-${purpose}`];
const text = () => root.querySelector(".fu-body").textContent;
const press = (name) => root.querySelectorAll("button").find((b) => b.textContent === name).click();
const file = (size, lastModified = 1000) => ({ size, lastModified, slice: () => ({ arrayBuffer: async () => {} }) });

test("a run of the page that a newer one overtook leaves the view on the page", async () => {
  const late = show();
  show({ unfinished: [{ id: "a", name: "faces", files: 2, bytes: 10, here: 1, bytesHere: 5, isFile: false, idle: 60, active: false }] });
  late();
  assert.match(text(), /Not finished yet.*faces.*1 of 2 files are already here · 60 seconds ago/);
  engine().set("stopped", { message: "The disk is full." });
  await new Promise((done) => setTimeout(done, 150));
  assert.match(text(), /Nothing was uploaded.*The disk is full\./);
  assert.equal(engine().views.size, 1);
});

test("a view that is off the page is told nothing more; the engine goes on", () => {
  const cleanup = show();
  place.remove();
  cleanup();
  assert.equal(engine().views.size, 0);
  engine().want({ kind: "look" });
  assert.equal(told.length, 0);
});

test("another purpose is another view, and so is another element", () => {
  show();
  show({ purpose: "images", accept: [".png"] });
  assert.deepEqual([engine().views.size, engine("images").views.size], [0, 1]);
  assert.match(text(), /Choose images/);
});

test("Python is asked when something is wanted, with the same number until it has answered", () => {
  show();
  engine().choose([{ path: "faces/a.png", file: file(5) }], null, { unfinished: [] });
  show();
  assert.equal(told.length, 1);
  const { n, ...asked } = told[0];
  assert.deepEqual(asked, { kind: "begin", name: "faces", files: 1, bytes: 5 });
  show({ ticket: { n: "another", id: "x", token: "y" } });
  assert.equal(engine().state, "asking");
  show({ ticket: { n, error: "The server is full." } });
  assert.equal(engine().state, "stopped");
  assert.match(text(), /The server is full\./);
});

test("what was sent is discarded after two presses, and kept after one and a no", () => {
  show({ unfinished: [{ id: "a", name: "<b>", files: 1, bytes: 10, here: 0, bytesHere: 5, isFile: true, idle: 3, active: true }] });
  assert.match(text(), /<b>5 B of 10 B are already here · a moment ago/);
  press("Discard");
  press("Keep it");
  assert.deepEqual(told, []);
  press("Discard");
  press("Discard");
  show();
  const [{ n: _, ...asked }] = told;
  assert.deepEqual(asked, { kind: "discard", id: "a" });
});

test("files that were left out are named, the first of them, in letters that can be read", () => {
  show();
  engine().items = [{ path: "a", file: file(1) }, { path: "b", file: file(1) }];
  for (let n = 0; n < 7; n += 1) engine().refused.set(`x\n${n}`, "is hidden");
  engine().set("done", { dataset: "faces" });
  show();
  assert.match(text(), /7 files left outx\\n0 is hidden.*and 2 more/);
  press("Open the dataset");
  show();
  assert.equal(told.at(-1).kind, "done");
});

test("what cannot be read of a drop is said, and what is hidden is no dataset", async () => {
  show();
  const entry = (isFile, more) => ({ isFile, name: "a", fullPath: "/a", ...more });
  const drop = (...entries) => root.ondrop({ preventDefault() {}, dataTransfer: { items: entries.map((e) => ({ webkitGetAsEntry: () => e })) } });
  await drop(entry(true, { file: (_ok, no) => no(new Error("gone")) }));
  assert.equal(engine().message, "The browser could not read what was dropped.");
  await drop(entry(true, { fullPath: "/.hidden", file: (ok) => ok(file(1)) }));
  assert.equal(engine().message, "There are only hidden files in it.");
  await drop();
  assert.equal(engine().state, "stopped");
  const read = [[entry(true, { fullPath: "/faces/a.png", file: (ok) => ok(file(3)) })], []];
  await drop(entry(false, { createReader: () => ({ readEntries: (ok) => ok(read.shift()) }) }));
  assert.deepEqual([engine().state, engine().name, engine().items.map(({ path }) => path)], ["asking", "faces", ["a.png"]]);
  await settled();
});

// ---- words and plans

test("numbers, sizes and times in words, at their bounds", () => {
  assert.deepEqual([number(1234.5), plural(1, "file"), plural(0, "file"), plural(2000, "file")], ["1,235", "1 file", "0 files", "2,000 files"]);
  assert.deepEqual([0, 1023, 1024, 99.94 * 1024, 2 ** 20, 150 * 2 ** 20, 2 ** 30].map(amount), ["0 B", "1023 B", "1.0 KB", "99.9 KB", "1.0 MB", "150 MB", "1.0 GB"]);
  assert.deepEqual([1.4, 1.5, 89, 90, 5399, 5400, 172_799, 172_800].map(time), ["a second", "2 seconds", "89 seconds", "2 minutes", "90 minutes", "2 hours", "48 hours", "2 days"]);
  assert.equal(legible("a\u0000b\u0085\n"), "a\\u0000b\\u0085\\n");
  assert.deepEqual([legible("x".repeat(50)).length, legible("x".repeat(51))], [50, `…${"x".repeat(45)}`]);
});

test("what is there is not sent again, what changed is, and what is no more is dropped", () => {
  const CHUNK = 8 * 2 ** 20;
  const items = [
    { path: "same", file: file(5, 1000) },
    { path: "older", file: file(5, 9000) },
    { path: "longer", file: file(6) },
    { path: "refused", file: file(1) },
    { path: "__proto__", file: file(2) },
    { path: "large", file: file(10 * CHUNK, 7) },
    { path: "large changed", file: file(10 * CHUNK, 8) },
  ];
  const present = { files: { same: [5, 2999], older: [5, 1000], longer: [5, 1000], gone: [1, 1] }, parts: { large: [CHUNK, 10 * CHUNK, 7], "large changed": [CHUNK, 10 * CHUNK, 7] } };
  const { queue, stale, here } = planned(items, new Map([["refused", "x"]]), present);
  assert.deepEqual(stale, ["gone"]);
  assert.deepEqual(here, [{ bytes: 5, files: 1 }, { bytes: CHUNK, files: 0 }]);
  assert.deepEqual(queue.filter((j) => j.kind === "large").map((j) => [j.large.path, j.from]), [["large", CHUNK], ["large changed", 0]]);
  assert.deepEqual(queue.at(-1).batch.map(({ path }) => path), ["older", "longer", "__proto__"]);
});

test("the pace is that of the last ten seconds, and none before there is one", () => {
  const engineOf = { marks: [], sent: { bytes: 0, work: 0 } };
  assert.equal(pace(engineOf, 0), null);
  engineOf.sent = { bytes: 1000, work: 2000 };
  assert.equal(pace(engineOf, 500), null);
  assert.deepEqual(pace(engineOf, 1000), { bytes: 1000, work: 2000 });
  engineOf.sent = { bytes: 1500, work: 2500 };
  for (let now = 1500; now <= 30_000; now += 500) pace(engineOf, now);
  assert.deepEqual(pace(engineOf, 30_000), { bytes: 0, work: 0 });
  assert.equal(engineOf.marks.length < 25, true);
});

test("every state of an upload has its words", () => {
  const state = (name, more = {}) => progressTexts({ state: name, items: [{}, {}], bytes: 2048, counted: 0, retry: 0, isFile: false, marks: [], sent: { files: 1, bytes: 1024, work: 0 }, work: 0, ...more }, false);
  assert.deepEqual(state("looking", { items: [], counted: 1200 }), { first: "1,200 files found", size: "", second: "" });
  assert.deepEqual(state("asking"), { first: "2 files", size: "2.0 KB", second: "Making room …" });
  assert.equal(state("checking").second, "Everything is here. Reading the dataset …");
  assert.deepEqual(state("sending"), { first: "1 of 2 files", size: "1.0 KB of 2.0 KB", second: "Sending …" });
  assert.equal(state("lost", { retry: 3 }).second, "Connection lost, trying again in 3 seconds");
  assert.equal(state("lost").second, "Connection lost, trying again …");
  assert.equal(state("sending", { isFile: true }).first, "");
});
