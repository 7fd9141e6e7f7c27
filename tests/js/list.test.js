// The list and its small images: asked for in blocks, kept as long as there is room, asked for again when the server was away.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { BLOCK } from "../../assets/gallery/constants.js";
import { Images, List } from "../../assets/gallery/list.js";
import { Answer, Server } from "../../assets/gallery/server.js";
import { stopClock, turns } from "./browser.js";
import { later, settled } from "./gallery_page.js";

let asked, reply, troubles, came;
const server = {
  json: async (path, params) => {
    asked.push({ path, ...params });
    return reply(params);
  },
};

beforeEach(() => {
  asked = [];
  troubles = [];
  came = [];
  reply = ({ offset }) => ({ total: 10_000, offset: Number(offset), version: 7, rows: Array.from({ length: BLOCK }, (_, i) => ({ r: Number(offset) + i })) });
});

const newList = (view = { truth: "fear" }) => new List(server, view, (trouble) => troubles.push(trouble), (rows) => came.push(rows.length));

test("a block is asked for once, with the view, and as of the first answer's version", async () => {
  const list = newList();
  assert.equal(list.at(3), undefined);
  const [one, two] = await Promise.all([list.bring(3), list.bring(5)]);
  assert.deepEqual([one.r, two.r, list.at(3).r, list.total], [3, 5, 3, 10_000]);
  await list.bring(BLOCK);
  assert.deepEqual(asked, [
    { path: "items", truth: "fear", offset: "0", limit: String(BLOCK) },
    { path: "items", truth: "fear", offset: String(BLOCK), limit: String(BLOCK), as_of: "7" },
  ]);
  assert.deepEqual(came, [BLOCK, BLOCK]);
});

test("of many blocks those used last are kept", async () => {
  const list = newList();
  for (let number = 0; number < 80; number += 1) await list.block(number);
  await list.block(0); // used again
  await list.block(80);
  assert.equal(list.at(0).r, 0);
  assert.equal(list.at(BLOCK), undefined);
  assert.equal(list.at(2 * BLOCK).r, 2 * BLOCK);
});

test("while the server is away it is said and asked again; then it is said no more", async (t) => {
  const pass = stopClock(t);
  const list = newList();
  const answers = reply;
  reply = () => {
    throw new TypeError("failed to fetch");
  };
  const block = list.block(0);
  await turns();
  pass(300);
  await turns();
  reply = answers;
  pass(600);
  assert.equal((await block).length, BLOCK);
  assert.equal(asked.length, 3);
  assert.match(troubles[0], /does not answer/);
  assert.equal(troubles.at(-1), "");
});

test("what the server refuses is refused, and asked again when it is wanted again", async () => {
  const list = newList();
  const answers = reply;
  reply = () => {
    throw new Answer(422, "There is no class fear.");
  };
  await assert.rejects(list.bring(0), /no class fear/);
  reply = answers;
  assert.equal((await list.bring(0)).r, 0);
});

test("a closed list gives up", async (t) => {
  const pass = stopClock(t);
  const list = newList();
  reply = () => {
    throw new TypeError("failed to fetch");
  };
  const block = list.block(0);
  block.catch(() => {});
  await turns();
  list.closed = true;
  pass(400);
  await assert.rejects(block, /failed to fetch/);
  assert.equal(asked.length, 2);
});

// ---- small images

const IMAGE = new Uint8Array([1, 2]);
let images, wanted, thumbnails;

beforeEach(() => {
  wanted = [];
  thumbnails = (rows, got) => rows.forEach((row) => got(row, row === 13 ? null : IMAGE));
  images = new Images({
    thumbnails: async (rows, got) => {
      wanted.push(rows);
      await thumbnails(rows, got);
    },
  });
});

afterEach(() => images.close());

const bring = (...rows) => {
  const got = {};
  return images.bring(rows, (row, address) => (got[row] = address)).then(() => got);
};

test("small images come once, also for two who ask at once; one that cannot be read has no address", async () => {
  const [one, two] = await Promise.all([bring(1, 13), bring(1, 2)]);
  await turns();
  assert.deepEqual(wanted, [[1, 13], [2]]);
  assert.match(one[1], /^blob:/);
  assert.deepEqual([one[13], two[1]], ["", one[1]]);
  assert.equal((await bring(1))[1], one[1]);
  assert.equal(wanted.length, 2);
});

test("small images that a lost connection left out are asked for again, those alone", async (t) => {
  const pass = stopClock(t);
  const all = thumbnails;
  thumbnails = (rows, got) => {
    got(rows[0], IMAGE);
    throw new TypeError("network error");
  };
  const first = bring(1, 2, 3);
  const second = bring(3);
  await turns();
  thumbnails = all;
  pass(300);
  const [one, two] = await Promise.all([first, second]);
  await turns();
  assert.deepEqual(wanted, [[1, 2, 3], [2, 3]]);
  assert.deepEqual(Object.keys(one), ["1", "2", "3"]);
  assert.match(two[3], /^blob:/);
});

test("what the server refuses to show is not asked for again and again", async () => {
  thumbnails = () => {
    throw new Answer(404, "There is no row 9.");
  };
  assert.deepEqual(await bring(8, 9), { 8: "", 9: "" });
  assert.equal(wanted.length, 1);
});

test("a gallery that is gone asks no more, and keeps no image that comes late", async (t) => {
  const pass = stopClock(t);
  const slow = later();
  thumbnails = async (rows, got) => {
    await slow.promise;
    got(rows[0], IMAGE);
    throw new TypeError("network error");
  };
  const asking = bring(1, 2);
  await turns();
  images.close();
  slow.free();
  await turns();
  pass(10_000);
  assert.deepEqual(await asking, {});
  assert.deepEqual([wanted.length, images.urls.size], [1, 0]);
});

test("no more small images are kept than there is room for", async () => {
  const rows = Array.from({ length: 3010 }, (_, r) => r + 20);
  await images.bring(rows, () => {});
  assert.equal(images.urls.size, 3000);
  assert.equal(images.get(20), undefined);
  assert.match(images.get(3029), /^blob:/);
});

// ---- requests

function answering(status, content, more = {}) {
  const requests = [];
  globalThis.window = { location: { href: "http://localhost:8501/base/disagreements?run=r" } };
  globalThis.fetch = async (url, options) => {
    requests.push({ url, ...options });
    return { ok: status < 400, status, json: async () => JSON.parse(content), ...more };
  };
  return requests;
}

test("requests go below the page's own base path, with the token and a type where they have content", async () => {
  const requests = answering(200, '{"a": 1}');
  const real = new Server("api/runs/r%2F1", "secret");
  assert.deepEqual(await real.json("items", { truth: "a&b" }), { a: 1 });
  await real.post("decisions", { x: 2 });
  assert.equal(requests[0].url, "http://localhost:8501/base/api/runs/r%2F1/items?truth=a%26b");
  assert.deepEqual(requests[0].headers, { "X-Gallery-Token": "secret" });
  assert.deepEqual([requests[1].method, requests[1].body, requests[1].headers["Content-Type"]], ["POST", '{"x":2}', "application/json"]);
  assert.equal(real.image(3), "http://localhost:8501/base/api/runs/r%2F1/image?row=3&token=secret");
});

test("the app's refusal is an answer; a proxy's page means that nobody answers", async () => {
  answering(403, '{"error": "This page is out of date; reload it."}');
  const real = new Server("api", "t");
  await assert.rejects(real.json("items"), (e) => e instanceof Answer && e.status === 403 && /out of date/.test(e.message));
  for (const page of ["<html>Bad gateway</html>", "{}", "null", '{"error": ""}']) {
    answering(502, page);
    await assert.rejects(real.json("items"), (e) => !(e instanceof Answer) && /502/.test(e.message), page);
  }
});

test("images are cut out of the stream wherever its pieces end", async () => {
  const bytes = new Uint8Array([0, 0, 0, 7, 0, 0, 0, 3, 9, 8, 7, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 5]);
  for (const size of [1, 3, 8, 11, 28]) {
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => bytes.slice(n * size, (n + 1) * size));
    answering(200, "{}", { body: new ReadableStream({ pull: (to) => (pieces.length ? to.enqueue(pieces.shift()) : to.close()) }) });
    const got = [];
    await new Server("api", "t").thumbnails([7, 8, 9], (row, data) => got.push([row, data && [...data]]));
    assert.deepEqual(got, [[7, [9, 8, 7]], [8, null], [9, [5]]], `pieces of ${size}`);
  }
  await settled();
});
