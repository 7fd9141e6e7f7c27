// The queue of decisions: nothing that was decided is lost, sent out of order or counted twice.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { OPEN, SKIPPED } from "../../assets/gallery/constants.js";
import { Decisions } from "../../assets/gallery/decisions.js";
import { Answer } from "../../assets/gallery/server.js";
import { pretendBrowser, stopClock, turns } from "./browser.js";

/** A server that keeps what it is sent, and answers as `reply` says. */
class FakeServer {
  constructor() {
    this.api = "api/runs/run-1";
    this.token = "token";
    this.requests = [];
    this.reply = () => ({});
  }

  async post(path, { decisions, last }) {
    assert.equal(path, "decisions");
    this.requests.push(decisions);
    const answer = await this.reply(decisions, last);
    return { saved: decisions.map((d) => d.key), conflicts: [], changed: {}, last: last + 1, settled_in_all: 0, ...answer };
  }
}

const FACE = { r: 7, n: "seven.png" };
let server, open;

beforeEach(() => {
  pretendBrowser();
  server = new FakeServer();
  open = [];
});

afterEach(() => {
  for (const queue of open) queue.close();
});

function newQueue() {
  const queue = new Decisions(server, () => {});
  open.push(queue);
  return queue;
}

const settle = (queue, face = FACE, label = 2) => queue.decide(face, label, "Ann", "", 0, "labels");

test("a decision stands at once and is saved when the server says so", async () => {
  const queue = newQueue();
  settle(queue);
  assert.equal(queue.of(7).label, 2);
  assert.equal(queue.of(7).pending, true);
  await turns();
  assert.equal(queue.of(7).pending, false);
  assert.equal(queue.pending.length, 0);
  assert.equal(localStorage.length, 0);
});

test("what is sent says what stood before, and by whom it is", async () => {
  const queue = newQueue();
  queue.learn([{ r: 7, d: { label: 1, id: 41, key: "x", by: "Ben", why: "", at: 0 } }]);
  const before = queue.decide(FACE, SKIPPED, "Ann", "too dark", 0, "image");
  await turns();
  assert.equal(before.id, 41);
  const [[sent]] = server.requests;
  assert.equal(sent.kind, "skip");
  assert.deepEqual([sent.seen, sent.reviewer, sent.reason, sent.shown], [41, "Ann", "too dark", "image"]);
});

test("one request at a time, in the order of the answers", async () => {
  const queue = newQueue();
  let free;
  server.reply = () => new Promise((done) => (free = done));
  for (let row = 0; row < 5; row += 1) settle(queue, { r: row, n: `${row}.png` });
  await turns();
  assert.deepEqual(server.requests.map((r) => r.length), [1]);
  server.reply = () => ({});
  free({});
  await turns();
  assert.deepEqual(server.requests.map((r) => r.map((d) => d.row)), [[0], [1, 2, 3, 4]]);
});

test("what a lost connection kept is sent again with the same key", async (t) => {
  const pass = stopClock(t);
  const queue = newQueue();
  server.reply = () => {
    throw new TypeError("failed to fetch");
  };
  settle(queue);
  await turns();
  assert.equal(queue.lost, true);
  assert.equal(JSON.parse(localStorage.getItem(localStorage.key(0))).length, 1);
  server.reply = () => ({});
  pass(200);
  await turns();
  assert.equal(queue.lost, false);
  assert.equal(server.requests.length, 2);
  assert.equal(server.requests[0][0].key, server.requests[1][0].key);
  assert.equal(queue.of(7).pending, false);
});

test("a refusal that may pass is tried again, one that would not is dropped and said", async (t) => {
  const pass = stopClock(t);
  const queue = newQueue();
  server.reply = () => {
    throw new Answer(503, "The store is busy.");
  };
  settle(queue);
  await turns();
  assert.equal(queue.why, "The store is busy.");
  server.reply = () => {
    throw new Answer(409, "It is of another run.");
  };
  pass(200);
  await turns();
  assert.equal(queue.pending.length, 0);
  assert.equal(queue.error, "seven.png: It is of another run.");
  assert.equal(queue.of(7), null);
  assert.equal(queue.undo("Ann"), null);
});

test("one that is refused does not take the others with it", async () => {
  const queue = newQueue();
  let free;
  server.reply = () => new Promise((done) => (free = done));
  settle(queue, { r: 0, n: "0.png" });
  for (const row of [1, 2, 3]) settle(queue, { r: row, n: `${row}.png` });
  await turns();
  server.reply = (decisions) => {
    if (decisions.some((d) => d.row === 2)) throw new Answer(400, "There is no row 2.");
    return {};
  };
  free({});
  await turns();
  assert.equal(queue.pending.length, 0);
  assert.deepEqual([1, 2, 3].map((r) => queue.of(r)?.pending), [false, undefined, false]);
  assert.equal(queue.error, "2.png: There is no row 2.");
});

test("undo takes back the last answer of this page and shows what stood before", async () => {
  const queue = newQueue();
  settle(queue, FACE, 2);
  settle(queue, FACE, 3);
  await turns();
  const back = queue.undo("Ann");
  assert.equal(back.was.label, 3);
  assert.equal(queue.of(7).label, 2);
  await turns();
  const undo = server.requests.at(-1)[0];
  assert.deepEqual([undo.kind, undo.undoes, undo.label], ["undo", server.requests[1][0].key, OPEN]);
  queue.undo("Ann");
  assert.equal(queue.of(7), null);
  assert.equal(queue.undo("Ann"), null);
});

test("somebody else was first: keep theirs, or say again what one said", async () => {
  const theirs = { kind: "settle", label: "joy", by: "Ben", at: 1, id: 9 };
  for (const useMine of [false, true]) {
    server = new FakeServer();
    const queue = newQueue();
    server.reply = (decisions) => ({
      saved: [],
      conflicts: decisions.map((d) => ({ ...theirs, key: d.key })),
      changed: { 7: { label: 0, id: 9, key: "b", by: "Ben", why: "", at: 1 } },
    });
    settle(queue);
    await turns();
    assert.equal(queue.conflicts.length, 1);
    assert.equal(queue.of(7).label, 0);
    server.reply = () => ({});
    queue.resolve(queue.conflicts[0], useMine);
    await turns();
    assert.equal(queue.conflicts.length, 0);
    assert.equal(queue.of(7).label, useMine ? 2 : 0);
    assert.equal(server.requests.length, useMine ? 2 : 1);
    if (useMine) assert.equal(server.requests[1][0].seen, 9);
  }
});

test("what others decided comes in, but not over what is on its way", async () => {
  const queue = newQueue();
  let free;
  server.reply = () => new Promise((done) => (free = done));
  settle(queue, { r: 0, n: "0.png" });
  settle(queue);
  await turns();
  const other = { label: 5, id: 3, key: "b", by: "Ben", why: "", at: 1 };
  free({ changed: { 7: other, 8: other } });
  server.reply = () => ({});
  await turns();
  assert.equal(queue.of(7).label, 2);
  assert.equal(queue.of(8).label, 5);
});

test("an older list does not put back what is known better", () => {
  const queue = newQueue();
  queue.learn([{ r: 7, d: { label: 1, id: 4 } }]);
  queue.learn([{ r: 7, d: { label: 0, id: 3 } }]);
  assert.equal(queue.of(7).label, 1);
  queue.learn([{ r: 7, d: null }]);
  assert.equal(queue.of(7), null);
});

test("a new tab sends what a closed one had not brought, and leaves another workspace's alone", async () => {
  const left = { kind: "settle", key: "old-1", row: 3, image: "3.png", label: 1, seen: 0, undoes: "", reviewer: "", reason: "" };
  localStorage.setItem("ltnet-decisions:run-1:token:gone", JSON.stringify([left]));
  localStorage.setItem("ltnet-decisions:run-1:token:torn", "[{");
  localStorage.setItem("ltnet-decisions:run-1:other:gone", JSON.stringify([left]));
  newQueue();
  await turns();
  assert.deepEqual(server.requests, [[left]]);
  assert.equal(localStorage.getItem("ltnet-decisions:run-1:token:gone"), null);
  assert.notEqual(localStorage.getItem("ltnet-decisions:run-1:other:gone"), null);
});

test("a closed gallery still sends what was decided", async (t) => {
  const pass = stopClock(t);
  const queue = newQueue();
  let down = true;
  server.reply = () => {
    if (down) throw new TypeError("failed to fetch");
    return {};
  };
  settle(queue);
  await turns();
  queue.close();
  down = false;
  pass(400);
  await turns();
  assert.equal(queue.pending.length, 0);
});
