// The engine of the upload: what is sent in which requests, and what becomes of refusals and lost connections.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { BATCH_BYTES, BATCH_FILES, CHUNK, NAMES, TOKEN_HEADER } from "../../assets/upload/constants.js";
import { Engine } from "../../assets/upload/engine.js";
import { arrange } from "../../assets/upload/files.js";
import { planned } from "../../assets/upload/plan.js";
import { pace } from "../../assets/upload/progress.js";
import { amount, legible } from "../../assets/upload/words.js";
import { pretendBrowser, stopClock } from "./browser.js";
import { FakeRequest, begun, data, fresh, item, leave, nothing, routes, takes, ticket, until } from "./upload_fakes.js";

const refused = new Map();

beforeEach(fresh);
afterEach(leave);

test("the folder's name is the dataset's, hidden files are left out", () => {
  const chosen = arrange([item("faces/a.png", 1), item("faces/.DS_Store", 1), item("faces/__MACOSX/a.png", 1)]);
  assert.deepEqual([chosen.name, chosen.items.map((f) => f.path), chosen.skipped, chosen.bytes], ["faces", ["a.png"], 2, 1]);
  const wrapped = arrange([item("zip/faces/annotations.csv", 1), item("zip/faces/images/a.png", 1)]);
  assert.deepEqual([wrapped.name, wrapped.items[1].path], ["zip", "images/a.png"]);
  const several = arrange([item("a/x.png", 1), item("b/x.png", 1), item("c/x.png", 1)]);
  assert.equal(several.name, "a and 2 more");
});

test("small files go in batches, large ones first and in pieces", () => {
  const small = Array.from({ length: BATCH_FILES + 1 }, (_, i) => item(`${i}.png`, 1));
  const { queue } = planned([...small, item("large.bin", CHUNK + 1)], refused, nothing);
  assert.deepEqual(queue.map((job) => job.kind), ["large", "batch", "batch"]);
  assert.deepEqual(queue.slice(1).map((job) => job.batch.length), [BATCH_FILES, 1]);
  const half = BATCH_BYTES / 2;
  const sized = planned([item("a", half), item("b", half), item("c", 1)], refused, nothing);
  assert.deepEqual(sized.queue.map((job) => job.batch.length), [2, 1]);
  const whole = planned([item("a", CHUNK)], refused, nothing);
  assert.equal(whole.queue[0].kind, "batch");
});

test("what the server has is not sent again, what changed is, what is gone is dropped", () => {
  const present = {
    files: { "same.png": [5, 1000], "near.png": [5, 2999], "old.png": [5, 9000], "grown.png": [4, 1000], "gone.png": [5, 1000] },
    parts: { "large.bin": [CHUNK, 2 * CHUNK, 1000], "other.bin": [CHUNK, 2 * CHUNK, 7] },
  };
  const mine = ["same.png", "near.png", "old.png", "grown.png"].map((path) => item(path, 5));
  const large = ["large.bin", "other.bin"].map((path) => item(path, 2 * CHUNK));
  const { queue, stale, here } = planned([...mine, ...large, item("toString", 5)], refused, present);
  assert.deepEqual(queue.slice(0, 2).map((job) => [job.large.path, job.from]), [["large.bin", CHUNK], ["other.bin", 0]]);
  assert.deepEqual(queue[2].batch.map((f) => f.path), ["old.png", "grown.png", "toString"]);
  assert.deepEqual(stale, ["gone.png"]);
  assert.deepEqual(here, [{ bytes: 5, files: 1 }, { bytes: 5, files: 1 }, { bytes: CHUNK, files: 0 }]);
});

test("a folder is compared, sent, finished, and Python is told", async () => {
  const engine = await begun([item("faces/a.png", 0, { text: "aa" }), item("faces/b.png", 0, { text: "b" })]);
  assert.deepEqual(routes(), ["GET", "POST /files", "POST /finish"]);
  assert.ok(FakeRequest.sent.every(({ headers }) => headers[TOKEN_HEADER] === "secret"));
  assert.deepEqual(JSON.parse(FakeRequest.sent[2].body), { files: 2, bytes: 3 });
  assert.equal(engine.state, "done");
  assert.deepEqual([engine.request.kind, engine.request.dataset], ["done", "faces"]);
  assert.equal(engine.sent.work, engine.work);
  assert.equal(engine.remembered(), null);
});

test("a frame is the length of its header, the header, the content", async () => {
  await begun([item("faces/a.png", 0, { text: "pixels", time: -5 })]);
  const bytes = Buffer.from(await FakeRequest.sent[1].body.arrayBuffer());
  const length = bytes.readUInt32BE(0);
  assert.deepEqual(JSON.parse(bytes.subarray(4, 4 + length)), { path: "a.png", size: 6, modified: 0 });
  assert.equal(bytes.subarray(4 + length).toString(), "pixels");
});

test("a long list of files to drop goes in several requests", async () => {
  const files = Object.fromEntries(Array.from({ length: NAMES + 1 }, (_, i) => [`${i}.png`, [1, 1000]]));
  FakeRequest.reply = (method, rest) => (method === "GET" ? { files, parts: {} } : takes(method, rest));
  await begun([item("faces/a.png", 1)]);
  const removals = FakeRequest.sent.filter(({ rest }) => rest === "/remove").map(({ body }) => JSON.parse(body).length);
  assert.deepEqual(removals, [NAMES, 1]);
});

test("a file that the server refuses is said, the others come", async () => {
  FakeRequest.reply = (method, rest) => (rest === "/files" ? { refused: { "b.png": "has a name that is too long" } } : takes(method, rest));
  const engine = await begun([item("faces/a.png", 1), item("faces/b.png", 1)]);
  assert.equal(engine.state, "done");
  assert.deepEqual([...engine.refused], [["b.png", "has a name that is too long"]]);
  assert.deepEqual(JSON.parse(FakeRequest.sent.at(-1).body), { files: 1, bytes: 1 });
  assert.equal(engine.request, null);
});

test("a single file that is refused is the end, and its folder is removed", async () => {
  FakeRequest.reply = (method, rest) => (rest === "/files" ? { refused: { "a.csv": "is no table" } } : takes(method, rest));
  const engine = await begun([item("a.csv", 1)]);
  await until(() => routes().includes("DELETE"));
  assert.deepEqual([engine.state, engine.message], ["stopped", "It is no table."]);
});

test("no room is a state of its own; a file that is no dataset is removed, a folder is kept", async (t) => {
  t.mock.method(console, "error", () => {});
  for (const [status, paths, state, removed] of [
    [507, ["faces/a.png", "faces/b.png"], "full", false],
    [422, ["faces/a.png", "faces/b.png"], "failed", false],
    [422, ["a.csv"], "failed", true],
    [400, ["a.csv"], "stopped", false],
  ]) {
    pretendBrowser();
    FakeRequest.sent = [];
    FakeRequest.reply = (method, rest) => (rest === "/finish" ? [status, { error: "A sentence." }] : takes(method, rest));
    const engine = await begun(paths.map((path) => item(path, 1)));
    assert.deepEqual([engine.state, engine.message], [state, "A sentence."]);
    assert.equal(routes().includes("DELETE"), removed, `${status} ${paths}`);
  }
});

test("an upload that is gone on the server begins anew", async () => {
  FakeRequest.reply = () => [404, { error: "There is no such upload." }];
  const engine = new Engine("dataset");
  engine.choose([item("faces/a.png", 1)], null, data);
  engine.answered({ ...ticket, n: engine.request.n });
  await until(() => engine.state === "asking" && engine.request);
  assert.deepEqual([engine.request.kind, engine.request.files, engine.ticket], ["begin", 1, null]);
});

test("a lost connection waits and goes on by itself", async (t) => {
  const pass = stopClock(t);
  let down = true;
  FakeRequest.reply = (method, rest) => (down && rest === "/files" ? "lost" : takes(method, rest));
  const engine = await begun([item("faces/a.png", 1)]);
  assert.deepEqual([engine.state, engine.retry], ["lost", 1]);
  down = false;
  pass(1000);
  await until(() => engine.state === "done");
  assert.deepEqual(routes(), ["GET", "POST /files", "POST /files", "POST /finish"]);
});

test("a file that was moved meanwhile is told apart from a lost connection", async (t) => {
  const pass = stopClock(t);
  let tries = 0;
  FakeRequest.reply = (method, rest) => (rest === "/files" && (tries += 1) === 1 ? "lost" : takes(method, rest));
  const engine = await begun([item("faces/a.png", 1, { gone: true }), item("faces/b.png", 1)]);
  pass(1000);
  await until(() => engine.state === "done");
  assert.deepEqual([...engine.refused.keys()], ["a.png"]);
});

test("cancelling aborts what is under way and removes what was sent", async () => {
  FakeRequest.reply = (method, rest) => (rest === "/files" ? new Promise(() => {}) : takes(method, rest));
  const engine = new Engine("dataset");
  engine.choose([item("faces/a.png", 1)], null, data);
  engine.answered({ ...ticket, n: engine.request.n });
  await until(() => routes().includes("POST /files"));
  await engine.cancel();
  assert.deepEqual([engine.state, routes().at(-1), engine.request.kind], ["idle", "DELETE", "look"]);
});

test("the same folder goes on with the upload that nobody finished", () => {
  const unfinished = [{ id: "old", name: "faces", files: 1, bytes: 1, active: false }];
  const wanted = (list, wish = null) => {
    const engine = new Engine("dataset");
    engine.choose([item("faces/a.png", 1)], wish, { ...data, unfinished: list });
    return [engine.request.kind, engine.request.id];
  };
  assert.deepEqual(wanted(unfinished), ["go on", "old"]);
  assert.deepEqual(wanted([{ ...unfinished[0], active: true }]), ["begin", undefined]);
  assert.deepEqual(wanted([{ ...unfinished[0], bytes: 2 }]), ["begin", undefined]);
  assert.deepEqual(wanted([], "wished"), ["go on", "wished"]);
});

test("what cannot be taken is said before anything is asked for", () => {
  const message = (items, purpose = "dataset", more = {}) => {
    const engine = new Engine(purpose);
    engine.choose(items, null, { ...data, ...more });
    return engine.request ? null : engine.message;
  };
  assert.equal(message([]), "There is nothing in it.");
  assert.equal(message([item(".hidden", 1)]), "There are only hidden files in it.");
  assert.equal(message([item("a.zip", 1), item("b.ZIP", 1)]), "These are several zips; bring one at a time.");
  assert.equal(message([item("a.txt", 1)], "images", { accept: [".png"], most: 3 }), "None of these files is an image.");
});

test("of images to predict only images are taken, and not too many", () => {
  const engine = new Engine("images");
  const items = [item("a.PNG", 2), item("b.txt", 2), item("c.png", 2), item("d.png", 2)];
  engine.choose(items, null, { purpose: "images", ticket: null, accept: [".png"], most: 2 });
  assert.deepEqual([engine.items.map((f) => f.path), engine.notImages, engine.tooMany, engine.bytes], [["a.PNG", "c.png"], 1, 1, 4]);
});

test("an answer to an earlier question is not taken", () => {
  const engine = new Engine("dataset");
  engine.choose([item("faces/a.png", 1)], null, data);
  engine.answered({ ...ticket, n: "another" });
  assert.equal(engine.state, "asking");
  engine.answered({ n: engine.request.n, error: "There are too many files." });
  assert.deepEqual([engine.state, engine.message], ["stopped", "There are too many files."]);
});

test("the speed is that of the last ten seconds", () => {
  const marks = [];
  const at = (now, bytes) => pace({ marks, sent: { bytes, work: bytes } }, now);
  assert.equal(at(0, 0), null);
  assert.equal(at(500, 500), null);
  assert.deepEqual(at(1000, 1000), { bytes: 1000, work: 1000 });
  for (let second = 2; second <= 30; second += 1) at(1000 * second, 1000 + 100 * second);
  assert.equal(Math.round(at(30_500, 4050).bytes), 100);
});

test("numbers and names in words", () => {
  assert.deepEqual([0, 1023, 1024, 150 * 2 ** 20].map(amount), ["0 B", "1023 B", "1.0 KB", "150 MB"]);
  assert.equal(legible("a\nb\u0007"), "a\\nb\\u0007");
  assert.equal(legible("x".repeat(60)).length, 46);
});
