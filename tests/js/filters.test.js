// The filters: what can be chosen, what is set and taken away, saved views, and the line above the images.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { chosenOf, facets, restrictions, written } from "../../assets/gallery/choices.js";
import { stopClock } from "./browser.js";
import { pretendPage } from "./dom.js";
import { later, openGallery, pageData, settled } from "./gallery_page.js";

let page;

beforeEach(() => void pretendPage());

afterEach(() => {
  page?.leave();
  page = undefined;
});

const app = (view = {}, more = {}, counts = {}) => {
  const data = pageData(more);
  return { data, view, facets: { counts }, coderName: (id) => data.coders.find((c) => c.id === id)?.name ?? id };
};
const address = () => window.location.search;

test("what is chosen shows in the filters with the list, or before it where the server is slow", async (t) => {
  page = await openGallery();
  const isSet = () => page.one('[data-filter="truth"]').className.includes("set");
  page.one('[data-key="truth=fear"]').onchange();
  await settled();
  assert.equal(isSet(), true);
  const pass = stopClock(t);
  page.server.replies.items = page.server.replies.cases = later().promise;
  page.one('[data-key="truth=fear"]').onchange();
  await settled();
  assert.equal(isSet(), true, "drawing waits for the list");
  pass(100);
  await settled();
  assert.equal(isSet(), false);
});

test("every filter has its values, and those of a learned truth are there with one alone", () => {
  const names = (...of) => facets(app(...of), ["Ann"]).map(({ name }) => name);
  assert.deepEqual(names(), ["labels", "says.Ann", "truth", "against", "case", "confidence", "known", "origin", "split", "reviewed", "reviewer", "tag", "network"]);
  assert.deepEqual(names({}, { truth: false, splits: [""] }), ["labels", "says.Ann", "known", "origin", "reviewed", "reviewer", "tag"]);
  const alone = { pairs: [] }; // no two coders labelled one image
  assert.equal(names({}, alone).includes("case"), false);
  assert.equal(names({ case: "4" }, alone).includes("case"), true, "it can be taken away");
  assert.equal(names({ neighbours: "differ" }).includes("neighbours"), true);
  assert.equal(names({}, {}, { neighbours: {} }).includes("neighbours"), true);
});

test("what restricts a view is said in words, a line for each value", () => {
  const view = { pair: "Ann|Ben", "says.Ann": "fear|*none*", case: "4,1", margin: "0-0.1", search: "<b>", region: "2,10", top: "1000", than: "faces-0", split: "*any*", sort: "name", item: "x", at: "5" };
  const lines = restrictions(app(view)).map(({ name, value, text }) => [name, value, text]);
  assert.deepEqual(lines, [
    ["pair", "Ann|Ben", "Ann × Ben"],
    ["says.Ann", "fear", "Ann says: fear (Fe)"],
    ["says.Ann", "*none*", "Ann says: nothing"],
    ["case", "4", "Case: truth is what Ann says"],
    ["case", "1", "Case: all agree"],
    ["split", "*any*", "Images: all"],
    ["region", "2", "Region 2 of the map"],
    ["region", "10", "Region 10 of the map"],
    ["margin", "0-0.1", "Lead over the next class: 0-0.1"],
    ["search", "<b>", "Name has “<b>”"],
    ["than", "faces-0", "another truth than in faces-0"],
    ["top", "1000", "the first 1,000"],
  ]);
  assert.deepEqual(restrictions(app({ sort: "name" })), []);
});

test("a class of a name with a bar, and numbers, are written as they are read", () => {
  for (const [name, values, text] of [
    ["truth", ["a|b", "c"], "a%7Cb|c"],
    ["case", ["4", "2"], "2,4"],
    ["case", ["differ"], "differ"],
    ["region", ["10", "9"], "9,10"],
    ["labels", ["agree", "differ"], "agree|differ"],
    ["split", [], "*any*"],
    ["split", [""], ""],
    ["confidence", ["0-0.5"], "0-0.5"],
  ]) {
    assert.equal(written(name, values), text, name);
    if (name !== "split") assert.deepEqual(chosenOf({ [name]: text }, name), name === "region" || name === "case" ? text.split(",") : values);
  }
});

test("a box that is checked filters, is a part of the address and a chip, and is taken away by that", async () => {
  page = await openGallery();
  const box = (key) => page.one(`input[data-key="${key}"]`);
  box("truth=fear").click();
  box("truth=joy").click();
  await settled();
  assert.equal(address(), "?run=faces-1&truth=fear%7Cjoy");
  assert.equal(page.server.asked("items").at(-1).query.truth, "fear|joy");
  assert.equal(page.all(".ga-remove").length, 2);
  page.one('[data-key="chip:truth=fear"]').click();
  assert.equal(address(), "?run=faces-1&truth=joy");
  box("case=2").click();
  page.one('[name="clear"]').click();
  await settled();
  assert.equal(address(), "?run=faces-1");
  assert.equal(page.one(".ga-chosen").hidden, true);
});

test("clearing keeps the order, and a view that is asked for twice is one step of the history", async () => {
  page = await openGallery({ data: { view: { sort: "random", seed: "7", truth: "fear" } }, href: "http://localhost:8501/disagreements?run=faces-1&sort=random&seed=7&truth=fear" });
  page.one('[data-key="chip:truth=fear"]').click();
  assert.equal(address(), "?run=faces-1&sort=random&seed=7");
  const steps = window.steps.length;
  page.one('[name="top"]').enter("");
  assert.equal(window.steps.length, steps);
  page.one('[name="shuffle"]').click();
  assert.notEqual(address(), "?run=faces-1&sort=random&seed=7");
});

test("counts stand beside their choice; a choice that nothing fits is faint unless it is made", async () => {
  page = await openGallery({ data: { view: { truth: "joy" } } });
  page.server.replies.facets = { facets: { truth: { anger: 1234, fear: 0, joy: 0 }, reviewer: { Ada: 2 }, tag: { "<i>": 1 } } };
  page.go("?run=faces-1&truth=joy&sort=name");
  await settled();
  const label = (key) => page.one(`input[data-key="${key}"]`).closest("label");
  assert.equal(label("truth=anger").textContent, "anger (An)1,234");
  assert.deepEqual(["fear", "joy"].map((k) => label(`truth=${k}`).classList.contains("none")), [true, false]);
  assert.equal(label("reviewer=Ada").textContent, "Ada2");
  assert.equal(label("tag=<i>").textContent, "<i>1");
});

test("a choice that the counts do not know stays, so that it can be taken away", async () => {
  page = await openGallery({ data: { view: { reviewer: "Somebody|else%7C" } } });
  const boxes = page.all('input[data-filter="reviewer"]');
  assert.deepEqual(boxes.map((b) => [b.value, b.checked]), [["Somebody", true], ["else|", true]]);
});

test("of all images one part is taken away, and the last brings all back", async () => {
  page = await openGallery({ data: { view: { split: "*any*" } } });
  const box = (value) => page.one(`input[data-key="split=${value}"]`);
  assert.deepEqual([box("").checked, box("test").checked], [true, true]);
  box("").click();
  assert.equal(address(), "?run=faces-1&split=test");
  box("test").click();
  assert.equal(address(), "?run=faces-1&split=%2Aany%2A");
});

test("a search is asked for when the typing rests, or at once by Enter, once", async (t) => {
  page = await openGallery();
  const pass = stopClock(t);
  const field = page.one('[name="search"]');
  for (const text of ["a", "ab"]) {
    field.value = text;
    field.oninput();
    pass(200);
  }
  assert.equal(address(), "?run=faces-1");
  pass(200);
  assert.equal(address(), "?run=faces-1&search=ab");
  field.value = "abc";
  field.oninput();
  field.onchange();
  const steps = window.steps.length;
  pass(400);
  assert.equal(window.steps.length, steps);
  assert.equal(address(), "?run=faces-1&search=abc");
});

test("of many coders those that are asked for have a filter, and one can be added", async () => {
  const coders = Array.from({ length: 6 }, (_, n) => ({ id: `c${n}`, name: `C ${n}`, short: `${n}`, machine: n > 3, given: false }));
  page = await openGallery({ data: { coders, view: { "says.c2": "fear" }, columns: ["*truth*", "c0"], pairs: [] } });
  const shown = () => page.all("details").map((d) => d.dataset.filter).filter((name) => name?.startsWith("says."));
  assert.deepEqual(shown(), ["says.c2"]);
  page.one('[name="coder"]').enter("c4");
  assert.deepEqual(shown(), ["says.c4", "says.c2"]);
  assert.equal(address(), "?run=faces-1&says.c2=fear&says.c4=%2Aany%2A");
  page.one('[data-key="chip:says.c4=*any*"]').click();
  assert.deepEqual(shown(), ["says.c4", "says.c2"]); // somebody wanted it
});

test("a filter that was folded stays folded when counts come", async () => {
  page = await openGallery();
  const fold = () => page.one('details[data-filter="truth"]');
  assert.equal(fold().open, true);
  page.one('[data-key="fold:truth"]').click();
  page.go("?run=faces-1&sort=name");
  await settled();
  assert.equal(fold().open, false);
});

// ---- saved views

test("a view is saved under a name, is offered, and forgotten", async () => {
  page = await openGallery({ data: { view: { truth: "fear" } } });
  page.one('[name="save-view"]').click();
  const form = () => page.one("form");
  page.one('[name="name"]').value = "   ";
  form().onsubmit({ preventDefault() {} });
  assert.deepEqual(page.told, []);
  page.one('[name="save-view"]').click();
  page.one('[name="name"]').value = " frightened ";
  form().onsubmit({ preventDefault() {} });
  assert.deepEqual(page.told.map(({ n: _, ...asked }) => asked), [{ kind: "save", name: "frightened", view: { truth: "fear" } }]);
  assert.equal(form(), null);
  const saved = [{ name: "frightened", view: { truth: "fear" } }, { name: "glad", view: { truth: "joy", sort: "name" } }];
  page.mount(page.component({ saved }));
  page.one('[name="forget"]').click();
  assert.deepEqual([page.told[1].kind, page.told[1].name], ["forget", "frightened"]);
  assert.equal(page.told[1].n > page.told[0].n, true); // each is another, or Streamlit would not tell it
  page.one('[name="saved"]').enter("2");
  assert.equal(address(), "?run=faces-1&truth=joy&sort=name");
});

test("Escape ends naming a view, unless it ends an input method's word", async () => {
  page = await openGallery();
  page.one('[name="save-view"]').click();
  await settled();
  assert.equal(document.activeElement, page.one('[name="name"]'));
  page.press("Escape", { isComposing: true });
  assert.notEqual(page.one('[name="name"]'), null);
  page.press("Escape");
  assert.equal(page.one('[name="name"]'), null);
  assert.equal(document.activeElement, page.one('[name="save-view"]'));
  page.mount(page.component({ saved: [{ name: "all", view: {} }] }));
  assert.equal(document.activeElement, page.one('[name="forget"]')); // which stands in its place
});

// ---- the line above the images

test("the head says how many there are of how many", async () => {
  page = await openGallery();
  assert.equal(page.one(".ga-head b").textContent, "20 of 300 images");
  page.go("?run=faces-1&split=%7Ctest");
  await settled();
  assert.equal(page.one(".ga-head b").textContent, "20 of 320 images");
});

test("a refit is offered with what was settled and what is set aside, and waits for what is on its way", async (t) => {
  page = await openGallery();
  assert.equal(page.one('[name="refit"]'), null);
  const counts = { ...page.server.replies.cases, settled: 1, settled_in_all: 1200, blind_in_all: 700, set_aside: 3 };
  page.server.replies.cases = counts;
  page.leave();
  page = await openGallery({ server: page.server });
  assert.equal(page.one('[name="refit"]').textContent, "Refit with 1,200 settled, without 3 set aside …");
  page.one('[name="refit"]').click();
  assert.match(page.one(".ga-refit").textContent, /only the 700 blind answers/);
  page.one('[name="only-blind"]').click();
  const pass = stopClock(t);
  page.server.down = true;
  page.cards()[0].click();
  await settled();
  page.press("1");
  page.press("Escape");
  const [trust] = page.all(".ga-refit button");
  trust.click();
  await settled();
  assert.deepEqual(page.told.filter(({ kind }) => kind === "refit"), []);
  page.server.down = false;
  for (let n = 0; n < 5; n += 1) {
    pass(300);
    await settled();
  }
  const [{ n: _, ...asked }] = page.told.filter(({ kind }) => kind === "refit");
  assert.deepEqual(asked, { kind: "refit", how: "trust", blind: true });
});

test("a run that has learned from what is settled says so, one without LTNet offers no refit", async () => {
  const server = (page = await openGallery()).server;
  server.replies.cases = { ...server.replies.cases, settled_in_all: 4 };
  for (const [data, text] of [[{ learned: 4 }, "learned from 4 settled"], [{ refit: false }, "4 settled in all"]]) {
    page.leave();
    page = await openGallery({ server, data });
    assert.equal(page.one('[name="refit"]'), null);
    assert.equal(page.one(".ga-head").textContent.includes(text), true);
  }
});

test("the filters fold away, which is remembered, and the button says how many are set", async () => {
  page = await openGallery({ data: { view: { truth: "fear|joy" } } });
  page.one('[name="fold"]').click();
  assert.equal(page.one('[name="fold"]').textContent, "show filters (2 set)");
  assert.equal(page.one(".ga-body").classList.contains("folded"), true);
  assert.equal(localStorage.getItem("ltnet-folded"), "1");
});

test("what is typed or checked stays while others' answers draw what is around it anew", async () => {
  const server = (page = await openGallery({ rows: 130 })).server;
  page.leave();
  server.replies.cases = { ...server.replies.cases, settled_in_all: 4, blind_in_all: 2 };
  page = await openGallery({ server });
  page.one('[name="refit"]').click();
  page.one('[name="only-blind"]').click();
  page.one('[name="save-view"]').click();
  page.one(".ga-pick input").click();
  const type = (name, text) => {
    page.one(`[name="${name}"]`).value = text;
    page.one(`[name="${name}"]`).oninput();
  };
  type("name", "frigh");
  type("tag", "blur");
  page.one('[name="number"]').focus();
  type("number", "12");
  page.mount(page.component({ saved: [{ name: "another's", view: { truth: "joy" } }] }));
  page.all(".ga-pick input")[1].click();
  await settled();
  assert.deepEqual(["name", "tag", "number"].map((name) => page.one(`[name="${name}"]`).value), ["frigh", "blur", "12"]);
  assert.equal(page.one('[name="only-blind"]').checked, true);
  page.one('[name="number"]').enter("12");
  await settled();
  assert.equal(page.one('[name="number"]').value, "12");
  page.one('[name="number"]').enter("9999");
  await settled();
  assert.equal(page.one('[name="number"]').value, "130"); // the last there is
  type("number", "7");
  page.one('[name="search"]').focus();
  page.go("?run=faces-1&sort=name");
  await settled();
  assert.equal(page.one('[name="number"]').value, "1"); // it was left as it was
});
