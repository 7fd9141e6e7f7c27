// Small faults of the upload engine that nobody would see at first: each test here fails for one of them.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { CHUNK } from "../../assets/upload/constants.js";
import { Engine, KEY } from "../../assets/upload/engine.js";
import { planned } from "../../assets/upload/plan.js";
import { Answer, Lost, STALL, THINKING, ask } from "../../assets/upload/requests.js";
import { stopClock } from "./browser.js";
import { FakeRequest, begun, counted, data, fresh, granted, held, item, leave, nothing, routes, settle, takes, ticket, until } from "./upload_fakes.js";

beforeEach(fresh);
afterEach(leave);

const files = (reply) => (method, rest, body, request) => (rest === "/files" ? reply(request, body) : takes(method, rest));
const large = (count, size = CHUNK + 1) => Array.from({ length: count }, (_, i) => item(`faces/${i}.bin`, size));
const pair = (more) => [item("faces/a.png", 1, more), item("faces/b.png", 1)];
const taken = { refused: {} };

async function headerOf(body) {
  const bytes = Buffer.from(await body.arrayBuffer());
  return JSON.parse(bytes.subarray(4, 4 + bytes.readUInt32BE(0)));
}

test("three requests are in flight, no more", async () => {
  const server = held();
  FakeRequest.reply = files(server.answer);
  granted(large(5));
  await until(() => server.waiting.length >= 3);
  await settle();
  assert.equal(server.waiting.length, 3);
});

test("a large file goes in pieces, and is one file when the last piece is there", async () => {
  const server = held();
  FakeRequest.reply = files(server.answer);
  const engine = granted([item("faces/a.bin", 2 * CHUNK + 5)]);
  for (const [offset, whole] of [[0, 0], [CHUNK, 0], [2 * CHUNK, 1]]) {
    await until(() => server.waiting.length);
    assert.equal((await headerOf(FakeRequest.sent.at(-1).body)).offset, offset);
    server.release(taken);
    await settle();
    assert.equal(engine.doneFiles, whole);
  }
  await until(() => engine.state === "done");
  assert.deepEqual([counted("POST /files"), engine.sent.bytes, engine.sent.work], [3, engine.bytes, engine.work]);
});

test("of a refused file nothing more is sent, it counts as work that is done and not as a file", async () => {
  FakeRequest.reply = files((request, body) => headerOf(body).then(({ path }) => ({ refused: path === "0.bin" ? { "0.bin": "is bad" } : {} })));
  const engine = await begun([...large(1, 3 * CHUNK), item("faces/1.bin", CHUNK + 1)]);
  assert.deepEqual([counted("POST /files"), engine.state, engine.sent.files, engine.sent.bytes], [3, "done", 1, engine.bytes]);
  FakeRequest.reply = files(() => ({ refused: { "a.png": "is bad" } }));
  assert.equal((await begun(pair())).sent.files, 1);
});

test("a large file that was moved after a lost connection is refused, and its pieces are not sent", async (t) => {
  const pass = stopClock(t);
  let down = true;
  FakeRequest.reply = files(() => (down ? "lost" : taken));
  const engine = granted([item("faces/a.bin", CHUNK + 1, { gone: true }), item("faces/b.png", 1)]);
  await until(() => counted("POST /files") === 2 && engine.waiting);
  down = false;
  pass(1000);
  await until(() => engine.state === "done");
  assert.deepEqual([...engine.refused.keys()], ["a.bin"]);
});

test("a small file costs as much work as 8 kB, so that many small ones do not look done", async () => {
  const engine = await begun(pair());
  assert.equal(engine.work, 2 + 2 * 8192);
});

test("bytes on their way count, at most those of the request, and once", async () => {
  const server = held();
  FakeRequest.reply = files(server.answer);
  const engine = granted([item("faces/a.png", 600)]);
  await until(() => server.waiting.length);
  const { body, request } = FakeRequest.sent.at(-1);
  request.upload.onprogress({ loaded: 100 });
  assert.deepEqual([engine.sent.bytes, engine.sent.work], [100, 100]);
  request.upload.onprogress({ loaded: 10_000 });
  assert.equal(engine.sent.bytes, body.size);
  server.release(taken);
  await until(() => engine.state === "done");
  assert.deepEqual([engine.sent.bytes, engine.flying.size, engine.requests.size], [600, 0, 0]);
});

test("the wait for the connection doubles up to ten seconds, and begins anew after an answer", async (t) => {
  const pass = stopClock(t);
  let down = true;
  FakeRequest.reply = () => (down ? "lost" : nothing);
  const engine = await begun(pair());
  const waits = [];
  for (let i = 0; i < 6; i += 1) {
    waits.push(engine.retry);
    for (let left = engine.retry; left > 0; left -= 1) {
      pass(1000);
      await settle();
    }
    await until(() => engine.state === "lost" && engine.retry > 0);
  }
  assert.deepEqual(waits, [1, 2, 4, 8, 10, 10]);
  const server = held();
  down = false;
  FakeRequest.reply = files(server.answer);
  for (let left = engine.retry; left > 0; left -= 1) {
    pass(1000);
    await settle();
  }
  await until(() => server.waiting.length);
  assert.equal(engine.state, "sending");
  server.release("lost");
  await until(() => engine.state === "lost");
  assert.equal(engine.retry, 1);
});

test("after a lost connection it is shown again what was interrupted", async (t) => {
  const pass = stopClock(t);
  const server = held();
  FakeRequest.reply = files(server.answer);
  const engine = granted(large(4));
  for (const seconds of [1, 2]) {
    await until(() => server.waiting.length === 3);
    server.release("lost");
    await until(() => engine.state === "lost");
    await settle();
    assert.deepEqual([engine.failures, engine.retry], [seconds, seconds], "three lanes wait for one timer");
    for (let i = 0; i < seconds; i += 1) {
      pass(1000);
      await settle();
    }
  }
  await until(() => server.waiting.length === 3);
  assert.equal(engine.state, "lost");
  FakeRequest.sent.at(-1).request.upload.onprogress({ loaded: 5 });
  assert.equal(engine.state, "sending", "bytes leave, though nobody has answered yet");
});

test("a part that another connection still writes is sent again, twenty times at most", async (t) => {
  const pass = stopClock(t);
  t.mock.method(console, "error", () => {});
  let busy = 3;
  FakeRequest.reply = files(() => ((busy -= 1) >= 0 ? [409, { error: "It is being written." }] : taken));
  let engine = granted(pair());
  const wait = async () => {
    for (let i = 0; i < 250 && engine.busy; i += 1) {
      pass(1000);
      await settle();
    }
  };
  await wait();
  assert.deepEqual([engine.state, counted("POST /files")], ["done", 4]);
  fresh();
  busy = Infinity;
  FakeRequest.reply = files(() => [409, { error: "It is being written." }]);
  engine = granted(pair());
  await wait();
  assert.deepEqual([engine.state, engine.message, counted("POST /files")], ["stopped", "It is being written.", 21]);
});

test("what is still missing at the end is sent in another round, in three at most", async (t) => {
  t.mock.method(console, "error", () => {});
  const here = { files: { "a.png": [1, 1000], "b.png": [1, 1000] }, parts: {} };
  let missing = 1;
  FakeRequest.reply = (method, rest) => {
    if (method === "GET") return counted("GET") > 1 ? here : nothing;
    if (rest === "/finish" && (missing -= 1) >= 0) return [409, { error: "Files are missing." }];
    return takes(method, rest);
  };
  let engine = await begun(pair());
  assert.deepEqual(routes(), ["GET", "POST /files", "POST /finish", "GET", "POST /finish"]);
  assert.deepEqual([engine.state, engine.here, engine.sent.files], ["done", 0, 2]);
  for (const [status, rounds] of [[409, 3], [500, 1]]) {
    fresh();
    FakeRequest.reply = (method, rest) => (rest === "/finish" ? [status, { error: "No." }] : takes(method, rest));
    engine = await begun(pair());
    assert.deepEqual([engine.state, engine.message, counted("POST /finish")], ["stopped", "No.", rounds]);
  }
});

test("what the server had at the beginning is said", async () => {
  FakeRequest.reply = (method, rest) => (method === "GET" ? { files: { "a.png": [1, 1000] }, parts: {} } : takes(method, rest));
  const engine = await begun(pair());
  assert.deepEqual([engine.here, engine.bytesHere, engine.sent.files], [1, 1, 2]);
});

test("a failure aborts the other requests, and nothing goes on by itself", async (t) => {
  const pass = stopClock(t);
  t.mock.method(console, "error", () => {});
  const server = held();
  FakeRequest.reply = files(server.answer);
  const engine = granted(large(4));
  await until(() => server.waiting.length === 3);
  server.waiting.shift()([500, { error: "The disk is broken." }]);
  await until(() => engine.state === "stopped");
  assert.deepEqual(FakeRequest.sent.map(({ request }) => Boolean(request.aborted)), [false, false, true, true]);
  for (let i = 0; i < 3; i += 1) {
    pass(1000);
    await settle();
  }
  assert.deepEqual([engine.state, counted("POST /files")], ["stopped", 3]);
  FakeRequest.reply = takes;
  engine.again();
  await until(() => engine.state === "done");
  assert.equal(engine.message, "");
});

test("an error without a text is said all the same", async (t) => {
  t.mock.method(console, "error", () => {});
  const odd = item("faces/a.png", 1);
  Object.defineProperty(odd.file, "lastModified", { get: () => { throw new Error(""); } });
  const engine = await begun([odd, item("faces/b.png", 1)]);
  assert.equal(engine.message, "The upload stopped.");
});

test("an upload that is gone while it is sent does not begin anew, one that is gone at the start is forgotten", async (t) => {
  t.mock.method(console, "error", () => {});
  FakeRequest.reply = files(() => [404, { error: "There is no such upload." }]);
  const engine = await begun(pair());
  assert.deepEqual([engine.state, engine.request], ["stopped", null]);
  fresh();
  FakeRequest.reply = () => [404, { error: "There is no such upload." }];
  const other = granted(pair());
  await until(() => other.request);
  assert.equal(sessionStorage.getItem(KEY), null);
});

test("the same folder goes on with the ticket of this page or of this tab, another folder does not", async () => {
  const again = (engine, items, wish = null) => {
    engine.choose(items, wish, data);
    return engine.request ? engine.request.kind : engine.ticket.id;
  };
  const stopped = (name = "faces") => Object.assign(new Engine("dataset"), { name, ticket });
  assert.equal(again(stopped(), pair()), "id-1");
  assert.equal(again(stopped("cars"), pair()), "begin");
  assert.equal(again(stopped(), pair(), "wished"), "go on");
  sessionStorage.setItem(KEY, JSON.stringify({ name: "faces", ticket }));
  assert.equal(again(new Engine("dataset"), pair()), "id-1");
  assert.equal(again(stopped("cars"), pair()), "begin", "the page's own comes first");
  const unfinished = [{ id: "old", name: "cars", files: 2, bytes: 2, active: false }];
  const engine = new Engine("dataset");
  sessionStorage.removeItem(KEY);
  for (const changed of [{}, { name: "faces", files: 3 }]) {
    engine.choose(pair(), null, { ...data, unfinished: [{ ...unfinished[0], ...changed }] });
    assert.equal(engine.request.kind, "begin");
  }
});

test("images to predict are never gone on with, and are done though one is refused", async () => {
  const more = { purpose: "images", accept: [".png"], most: 5 };
  sessionStorage.setItem(KEY, JSON.stringify({ name: "faces", ticket }));
  FakeRequest.reply = files(() => ({ refused: { "a.png": "is bad" } }));
  const engine = await begun(pair(), more);
  assert.deepEqual([engine.request.kind, engine.tooMany], ["done", 0]);
  sessionStorage.removeItem(KEY);
  const other = granted(pair(), more);
  assert.equal(sessionStorage.getItem(KEY), null);
  other.choose(pair(), null, { ...data, ...more });
  assert.equal(other.request.kind, "begin");
});

test("one zip is taken, a ticket without a token is none, every question has a number of its own", () => {
  const engine = new Engine("dataset");
  engine.choose([item("a.zip", 1)], null, data);
  const { kind, n } = engine.request;
  assert.equal(kind, "begin");
  engine.answered({ id: "id-1", n });
  assert.deepEqual([engine.state, engine.message], ["stopped", "The server granted no upload."]);
  engine.choose([item("a.zip", 1)], null, data);
  assert.notEqual(engine.request.n, n);
});

test("a file that is no dataset is left behind", async (t) => {
  t.mock.method(console, "error", () => {});
  FakeRequest.reply = (method, rest) => (rest === "/finish" ? [422, { error: "It is no dataset." }] : takes(method, rest));
  const engine = await begun([item("a.csv", 1)]);
  assert.deepEqual([engine.state, engine.ticket, sessionStorage.getItem(KEY)], ["failed", null, null]);
});

test("what is done is left behind", async () => {
  const engine = await begun(pair());
  assert.deepEqual([engine.ticket, sessionStorage.getItem(KEY)], [null, null]);
  assert.ok(engine.seconds > 0);
});

test("cancelling forgets the upload, though the server cannot be reached, and stops every timer", async (t) => {
  const pass = stopClock(t);
  FakeRequest.reply = () => "lost";
  const engine = await begun(pair());
  pass(1000);
  await until(() => engine.retry === 2);
  await engine.cancel();
  assert.deepEqual([engine.ticket, sessionStorage.getItem(KEY), engine.request.kind], [null, null, "look"]);
  for (let i = 0; i < 3; i += 1) {
    pass(1000);
    await settle();
  }
  assert.equal(engine.state, "idle");
});

test("a folder that is chosen while another is cancelled is not given up", async () => {
  const server = held();
  FakeRequest.reply = (method, rest) => (method === "GET" ? takes(method, rest) : server.answer());
  const engine = granted(pair());
  await until(() => server.waiting.length);
  const cancelled = engine.cancel();
  engine.choose([item("cars/a.png", 1)], null, data);
  await until(() => counted("DELETE"));
  server.release({});
  await cancelled;
  assert.deepEqual([engine.request.kind, engine.request.name], ["begin", "cars"]);
});

test("what the plan compares: time to two seconds, size of pieces, times before 1970, names of methods", () => {
  const refused = new Map([["bad.png", "is bad"]]);
  const present = { files: { "a.png": [5, 3000], "b.png": [5, 3001] }, parts: { "old.bin": [9, 2 * CHUNK, 0], "other.bin": [9, 3 * CHUNK, 1000] } };
  const items = [item("a.png", 5), item("b.png", 5), item("bad.png", 5), item("old.bin", 2 * CHUNK, { time: -5 })];
  const { queue, here } = planned([...items, item("other.bin", 2 * CHUNK), item("toString", 2 * CHUNK)], refused, present);
  assert.deepEqual(queue.map((job) => job.from ?? job.batch.map((f) => f.path)), [9, 0, 0, ["b.png"]]);
  assert.deepEqual(here.map(({ bytes }) => bytes), [5, 9]);
});

test("a request is given up when nothing moves for as long as its patience", async (t) => {
  const pass = stopClock(t);
  FakeRequest.reply = () => new Promise(() => {});
  const requests = new Set();
  const done = ask("GET", "http://localhost:8501/app/api/uploads/id-1", "secret", { patience: 1000, requests }).catch((e) => e);
  const { request } = FakeRequest.sent[0];
  for (const sign of [() => request.upload.onprogress({ loaded: 1 }), () => request.onprogress(), () => {}]) {
    pass(999);
    assert.ok(!request.aborted);
    sign();
  }
  assert.equal(requests.size, 1);
  pass(1);
  assert.ok(request.aborted && (await done) instanceof Lost);
  assert.equal(requests.size, 0);
});

test("files are given up sooner than an answer that takes thinking", async (t) => {
  const delays = [];
  const real = globalThis.setTimeout;
  t.mock.method(globalThis, "setTimeout", (act, ms) => {
    delays.push(ms);
    return real(act, Math.min(ms, 1000));
  });
  await begun(pair());
  assert.deepEqual(delays.filter((ms) => ms === STALL || ms === THINKING), [THINKING, STALL, THINKING]);
});

test("only a sentence of the app is an answer: a proxy's page is a lost connection", async () => {
  const outcome = async (status, content) => {
    FakeRequest.reply = () => [status, content];
    return ask("GET", "http://localhost:8501/app/api/uploads/id-1", "secret").catch((e) => e);
  };
  assert.ok((await outcome(502, undefined)) instanceof Lost);
  assert.ok((await outcome(500, {})) instanceof Lost);
  assert.ok((await outcome(200, undefined)) instanceof Lost);
  assert.ok((await outcome(400, { error: "No." })) instanceof Answer);
  assert.deepEqual(await outcome(299, { a: 1 }), { a: 1 });
});
