// What a tab holds of the queue: asked for in time, kept until it is on disk, let go with the dialog.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { Queue } from "../../assets/gallery/queue.js";
import { Answer } from "../../assets/gallery/server.js";
import { pretendBrowser, stopClock, turns } from "./browser.js";

let app, asked, left, queue, reply;

beforeEach(() => {
  pretendBrowser();
  globalThis.window = { addEventListener: () => {}, removeEventListener: () => {} };
  asked = [];
  left = [];
  let next = 0;
  reply = ({ count }) => {
    const rows = Array.from({ length: count && next < 20 ? count : 0 }, () => ({ r: next++, n: `${next}.png`, g: [] }));
    return { rows, purposes: Object.fromEntries(rows.map(({ r }) => [r, r % 2 ? "second" : "open"])), lost: [], held: {}, open: 9 };
  };
  app = {
    data: { reviewer: "Ada" },
    wish: () => ({ truth: "fear" }),
    review: { position: 0, row: null, hidden: true },
    seen: new Set(),
    decisions: { client: "tab", pending: [], learn: () => {}, opine: (...answer) => asked.push(["opinion", ...answer]) },
    server: {
      post: async (path, content) => {
        if (path === "release") left.push(content.holder);
        else asked.push(content);
        return path === "queue" ? reply(content) : {};
      },
    },
  };
  queue = new Queue(app);
});

afterEach(() => {
  app.decisions.pending = [];
  queue.leave();
});

test("more is asked for before the last is reached, and the end is known", async () => {
  assert.equal(queue.total, 1);
  assert.equal((await queue.bring(0)).r, 0);
  assert.deepEqual(asked[0], { holder: queue.holder, reviewer: "Ada", view: { truth: "fear" }, count: 12, keep: [] });
  queue.ahead(3);
  queue.ahead(8);
  queue.ahead(8);
  await turns();
  assert.equal(asked.length, 2);
  assert.equal(asked[1].keep.length, 12);
  assert.equal(await queue.bring(24), undefined);
  assert.equal(queue.total, 24);
});

test("what is answered is held until it is on disk, and a second answer is one", async () => {
  await queue.bring(0);
  assert.equal(queue.answer({ r: 0 }, 3, "Ada", ""), false);
  assert.equal(queue.answer({ r: 1 }, 3, "Ada", ""), true);
  assert.deepEqual(asked.at(-1).slice(0, 4), ["opinion", { r: 1 }, 3, "second"]);
  assert.equal(asked.at(-1).at(-1), "image");
  app.seen.add(3);
  queue.answer({ r: 3 }, 3, "Ada", "");
  assert.equal(asked.at(-1).at(-1), "labels"); // its labels were in sight before
  app.decisions.pending = [{ row: 0 }];
  assert.deepEqual(queue.held().slice(0, 3), [2, 4, 5]);
  assert.ok(queue.held().includes(0) && !queue.held().includes(1));
  queue.reopen(1);
  await turns();
  assert.ok(asked.at(-1).keep.includes(1) && asked.at(-1).count === 0);
});

test("what others hold now leaves the list, but not what is in sight", async () => {
  await queue.bring(0);
  app.review = { position: 1, row: { r: 1 }, hidden: true };
  queue.drop([0, 1, 5]);
  assert.deepEqual(queue.rows.map((row) => row.r).slice(0, 6), [0, 1, 2, 3, 4, 6]);
});

test("a refusal is told, a lost server is asked again", async (t) => {
  const pass = stopClock(t);
  let tries = 0;
  const before = reply;
  reply = (content) => {
    if ((tries += 1) < 3) throw tries === 1 ? new TypeError("away") : new Answer(503, "busy");
    return before(content);
  };
  const coming = queue.bring(0);
  for (let i = 0; i < 4; i += 1) {
    await turns();
    pass(5000);
  }
  assert.equal((await coming).r, 0);
  reply = () => {
    throw new Answer(422, "no such class");
  };
  assert.equal(await queue.bring(30), undefined);
  assert.equal(queue.nothing, "no such class");
});

test("a question names what the one before it brought, or the server would let that go", async () => {
  await queue.bring(0);
  const answers = [];
  const before = reply;
  app.server.post = (path, content) => {
    asked.push(content);
    return new Promise((done) => answers.push(() => done(before(content))));
  };
  queue.ahead(8);
  queue.ask(0); // the renewal, or an answer taken back, meanwhile
  await turns();
  assert.equal(answers.length, 1);
  answers.shift()();
  await turns();
  assert.equal(asked.at(-1).count, 0);
  assert.equal(asked.at(-1).keep.length, 24);
  answers.shift()();
});

test("what a question on its way brings is let go after it, and nothing is asked for then", async () => {
  const log = [];
  let answer;
  app.server.post = (path, content) => {
    log.push(path);
    return path === "release" ? Promise.resolve({}) : new Promise((done) => (answer = () => done(reply(content))));
  };
  queue.more();
  await turns();
  queue.ask(0);
  queue.leave();
  await turns();
  assert.deepEqual(log, ["queue"]);
  answer();
  await turns();
  assert.deepEqual(log, ["queue", "release"]);
  assert.equal(queue.rows.length, 0);
});

test("it is let go once, when all answers are on disk", async () => {
  queue.leave();
  queue.leave();
  await turns();
  assert.deepEqual(left, [queue.holder]);
});
