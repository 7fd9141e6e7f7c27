// What the parts of the gallery share, its address, and questions of which the newest counts.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { OF_THE_PAGE, placeOf, search, viewOf, wishOf } from "../../assets/gallery/address.js";
import { clamp, coders2, counted, h, joinNames, messageOf, named, pairOf, percent, redraw, remember, remembered, share, splitNames, when } from "../../assets/gallery/core.js";
import { Latest } from "../../assets/gallery/latest.js";
import { PageAddress } from "../../assets/gallery/page_address.js";
import { Answer } from "../../assets/gallery/server.js";
import { stopClock, turns } from "./browser.js";
import { event, pretendPage } from "./dom.js";
import { later } from "./gallery_page.js";

let body;

beforeEach(() => {
  body = pretendPage();
});

test("an element has its properties, and of its children those that are shown", () => {
  let clicks = 0;
  const button = h("button", { class: "a b", title: "<b>", disabled: false, "aria-label": "x", dataset: { key: "k" }, style: { width: "3px" }, onClick: () => (clicks += 1) }, "one", null, ["two", [h("i", {}), false]], "", undefined);
  assert.equal(button.textContent, "onetwo");
  assert.equal(button.children.length, 3);
  assert.deepEqual([button.className, button.title, button.disabled], ["a b", "<b>", false]);
  assert.deepEqual([button.getAttribute("aria-label"), button.dataset.key, button.style.width], ["x", "k", "3px"]);
  button.click();
  assert.equal(clicks, 1);
});

for (const names of [["a", "b"], ["a|b", "c"], ["100%", "%7C"], ["%25", "|%|"], ["", ""], ["عربي", "<b>"]]) {
  test(`names come out of an address as they went in: ${JSON.stringify(names)}`, () => {
    assert.deepEqual(splitNames(joinNames(names)), names);
    assert.deepEqual(coders2(pairOf(...names)), names);
  });
}

test("English around a right-to-left name runs from left to right, and a name as it is written", () => {
  assert.equal(named("\u2068עדה\u2069’s machine coder").getAttribute("dir"), "ltr");
  assert.notEqual(named("עדה").getAttribute("dir"), "ltr");
});

for (const [n, text] of [[0, "0 images"], [1, "1 image"], [2000, "2,000 images"]]) {
  test(`so many in words: ${text}`, () => assert.equal(counted(n, "image"), text));
}

test("what a handler returns keeps no field from what is typed", () => {
  const field = h("input", { onKeydown: (e) => e.key === "Enter" });
  assert.equal(field.onkeydown({ key: "a" }), undefined);
});

test("what had the focus has it again after it was drawn anew", () => {
  const box = h("div", {});
  body.append(box);
  const draw = () => redraw(box, h("input", { name: "a" }), h("button", { dataset: { key: "b" } }), h("button", {}));
  draw();
  for (const n of [0, 1]) {
    const before = box.children[n];
    before.focus();
    draw();
    assert.notEqual(document.activeElement, before);
    assert.equal(document.activeElement, box.children[n]);
  }
  const elsewhere = h("input", { name: "a" });
  body.append(elsewhere);
  elsewhere.focus();
  draw();
  assert.equal(document.activeElement, elsewhere); // what is outside keeps it
});

test("numbers in words stay within their bounds", () => {
  assert.deepEqual([clamp(-1, 0, 5), clamp(9, 0, 5), clamp(3, 0, 5)], [0, 5, 3]);
  assert.deepEqual([share(-0.2), share(0.5), share(7)], ["0.00%", "50.00%", "100.00%"]);
  assert.deepEqual([percent(0.125), percent(0.1255, 1)], ["13 %", "12.6 %"]);
  assert.deepEqual([messageOf(new Error("no")), messageOf("plain"), messageOf(undefined)], ["no", "plain", "undefined"]);
});

test("a time in words: just now, minutes, a clock, a day", () => {
  const now = Date.now() / 1000;
  assert.equal(when(now - 30), "just now");
  assert.equal(when(now + 90), "just now"); // the server's clock may go ahead
  assert.equal(when(now - 600), "10 min ago");
  assert.match(when(now - 4 * 86400), /^on \d+ \w+, \d\d:\d\d$/);
});

test("a browser that remembers nothing is asked again, and breaks nothing", () => {
  remember("a", "1");
  assert.equal(remembered("a"), "1");
  assert.equal(remembered("b"), "");
  const refuse = () => {
    throw new Error("SecurityError");
  };
  globalThis.localStorage = { getItem: refuse, setItem: refuse };
  remember("a", "2");
  assert.equal(remembered("a"), "");
});

// ---- the address

test("the address keeps what is the page's, before what is the view's, as the app writes it", () => {
  assert.equal(search({ truth: "fear", "says.A": "*any*" }, "?run=r&dataset=d&old=1"), "?dataset=d&run=r&truth=fear&says.A=%2Aany%2A");
  assert.equal(search({ truth: "joy" }, "?run=r&truth=fear&embed=true"), "?embed=true&run=r&truth=joy"); // Streamlit's
  assert.equal(search({}, ""), "");
  assert.equal(search({ search: "a~b c&d" }, ""), "?search=a~b+c%26d");
});

test("a view comes out of its address, without what is the page's", () => {
  const view = { truth: "a|b%7Cc", search: "50 % & more", item: "images/ö.png", at: "240" };
  const text = search(view, "?run=r");
  assert.deepEqual(viewOf(text), view);
  assert.deepEqual(wishOf(view), { truth: view.truth, search: view.search });
  assert.equal(OF_THE_PAGE.some((name) => name in viewOf(text)), false);
});

test("a place in the list is a whole number of at most eight digits", () => {
  assert.deepEqual(["0", "7", "12345678"].map((at) => placeOf({ at })), [0, 7, 12345678]);
  assert.deepEqual(["-1", "1.5", "", "x", "123456789", "1\n"].map((at) => placeOf({ at })), [0, 0, 0, 0, 0, 0]);
  assert.equal(placeOf({}), 0);
});

function pageAddress(view = { truth: "fear" }) {
  const listeners = new Map();
  window.navigation = { addEventListener: (kind, act) => listeners.set(kind, act), removeEventListener: (kind) => listeners.delete(kind) };
  const told = [];
  const app = { view, tell: (asked) => told.push(asked) };
  const address = new PageAddress(app);
  const navigate = (to, more = {}) => {
    const happens = event("navigate", { navigationType: "push", userInitiated: false, destination: { url: `http://localhost:8501/disagreements${to}`, sameDocument: true }, ...more });
    listeners.get("navigate")(happens);
    return happens.defaultPrevented;
  };
  return { app, address, told, navigate, listeners };
}

test("the app is told of a view when it rests, once", (t) => {
  const pass = stopClock(t);
  const { app, address, told } = pageAddress();
  address.write(true);
  app.view = { truth: "joy" };
  address.write(false);
  assert.deepEqual(window.steps.map(([kind]) => kind), ["push", "replace"]);
  pass(349);
  assert.equal(told.length, 0);
  pass(1);
  assert.deepEqual(told, [{ kind: "view", view: { truth: "joy" } }]);
  address.close();
});

test("the app's late answer about a view that was left is turned away, once, and the app told anew", (t) => {
  const pass = stopClock(t);
  const { app, address, told, navigate } = pageAddress();
  address.write(true);
  pass(400);
  app.view = { truth: "joy" };
  address.write(true);
  pass(100);
  assert.equal(navigate("?run=faces-1&truth=fear"), true);
  pass(400);
  assert.deepEqual(told.at(-1), { kind: "view", view: { truth: "joy" } });
  assert.equal(navigate("?run=faces-1&truth=fear"), false); // nobody awaits it any more
});

test("what a person does, another page and the view itself are let through", (t) => {
  const pass = stopClock(t);
  const { address, app, navigate } = pageAddress();
  address.write(true);
  pass(400);
  app.view = {};
  address.write(true);
  const left = "?run=faces-1&truth=fear";
  assert.equal(navigate(left, { userInitiated: true }), false);
  assert.equal(navigate(left, { navigationType: "traverse" }), false);
  assert.equal(navigate(left, { destination: { url: `http://localhost:8501/train${left}`, sameDocument: true } }), false);
  assert.equal(navigate(left, { destination: { url: `http://localhost:8501/disagreements${left}`, sameDocument: false } }), false);
  assert.equal(navigate("?run=faces-1"), false);
  assert.equal(navigate(left), true);
});

test("a closed address tells the app nothing and listens to nothing", (t) => {
  const pass = stopClock(t);
  const { address, told, listeners } = pageAddress();
  address.write(true);
  address.close();
  pass(1000);
  assert.deepEqual([told.length, listeners.size], [0, 0]);
});

// ---- the newest question counts

test("an answer that comes after a newer question is passed over", async () => {
  const [first, second] = [later(), later()];
  const answers = [first, second];
  const latest = new Latest({ closed: false }, "cases", () => answers.shift().promise);
  const got = [];
  const asked = [latest.ask({}, (a) => got.push(a)), latest.ask({}, (a) => got.push(a))];
  second.free("new");
  await turns();
  first.free("old");
  await Promise.all(asked);
  assert.deepEqual(got, ["new"]);
});

test("a lost connection is tried again, ever more slowly; a refusal is told and is the end", async (t) => {
  const pass = stopClock(t);
  let tries = 0;
  const reply = ["lost", "lost", new Answer(422, "There is no class x.")];
  const latest = new Latest({ closed: false }, "cases", async () => {
    tries += 1;
    const next = reply.shift();
    throw next instanceof Answer ? next : new TypeError(next);
  });
  const refused = [];
  const asked = latest.ask({}, () => assert.fail("nothing came"), (message) => refused.push(message));
  await turns();
  pass(299);
  await turns();
  assert.equal(tries, 1);
  pass(1);
  await turns();
  assert.equal(tries, 2);
  pass(599);
  await turns();
  assert.equal(tries, 2);
  pass(1);
  await asked;
  assert.deepEqual([tries, refused], [3, ["There is no class x."]]);
});

test("a refusal of an older question is not told, and a closed gallery asks no more", async (t) => {
  const pass = stopClock(t);
  const app = { closed: false };
  const first = later();
  const told = [];
  const latest = new Latest(app, "cases", async (_path, { n }) => {
    if (n === "1") await first.promise;
    throw n === "1" ? new Answer(400, "old") : new TypeError("lost");
  });
  const old = latest.ask({ n: "1" }, () => {}, (message) => told.push(message));
  const fresh = latest.ask({ n: "2" }, () => {}, (message) => told.push(message));
  first.free();
  await old;
  app.closed = true;
  pass(5000);
  await fresh;
  assert.deepEqual(told, []);
});
