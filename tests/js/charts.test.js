// The charts beside the images: the five cases, matrices, coders, the points of the map and what settling brought.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { classColour, FAINT, meaningOf, meanings } from "../../assets/gallery/map_colours.js";
import { Points } from "../../assets/gallery/map_points.js";
import { areaOf, cornersOf, MapView } from "../../assets/gallery/map_view.js";
import { moved } from "../../assets/cells/moves.js";
import { FakeServer, later, openGallery, pageData, settled } from "./gallery_page.js";

let page;

afterEach(() => {
  page?.leave();
  page = undefined;
});

const address = () => window.location.search;
const tab = (name) => page.one(`[data-key="chart:${name}"]`).click();

test("a part of a bar chooses its images, a second click lets them go, and a bar of nothing has no part", async () => {
  const server = new FakeServer(20);
  server.replies.cases = { ...server.replies.cases, cases: [{ first: "Ann", second: "Ben", origin: "a|b", items: 200, cases: [150, 0, 0, 49, 1] }] };
  page = await openGallery({ server });
  const parts = () => page.all(".ga-part");
  assert.deepEqual(parts().map((p) => p.title), ["75 % – all agree: 150 images", "25 % – truth is what Ann says: 49 images", "1 % – truth is what Ben says: 1 images"]);
  parts()[1].click();
  assert.equal(address(), "?run=faces-1&pair=Ann%7CBen&origin=a%257Cb&case=4");
  await settled();
  assert.equal(parts()[1].getAttribute("aria-pressed"), "true");
  parts()[1].click();
  assert.equal(address(), "?run=faces-1");
  page.one(".ga-who").click();
  assert.equal(address(), "?run=faces-1&pair=Ann%7CBen&origin=a%257Cb");
});

test("where no two coders labelled one image, a bar for each has its labels against the truth", async () => {
  const server = new FakeServer(20);
  server.replies.cases = { ...server.replies.cases, pairs: 0, against: [{ coder: "Ann", items: 200, same: 150 }, { coder: "Ben", items: 0, same: 0 }] };
  page = await openGallery({ server, data: { pairs: [] } });
  assert.equal(page.one('[data-key="chart:cases"]').textContent, "Labels");
  assert.deepEqual(page.all(".ga-part").map((p) => p.title), ["75 % – the learned truth, Ann: 150 images", "25 % – another class, Ann: 50 images"]);
  page.one('[data-key="against:Ann:2"]').click();
  assert.equal(address(), "?run=faces-1&says.Ann=%2Aany%2A&against=other");
  page.one('[data-key="against:Ben"]').click();
  assert.equal(address(), "?run=faces-1&says.Ben=%2Aany%2A");
  page.one('[data-key="against:Ben"]').click();
  assert.equal(address(), "?run=faces-1");
});

test("of many bars the first are shown until all are asked for", async () => {
  const server = new FakeServer(20);
  const cases = Array.from({ length: 11 }, (_, n) => ({ first: "Ann", second: "Ben", origin: `o${n}`, items: 1, cases: [1, 0, 0, 0, 0] }));
  server.replies.cases = { ...server.replies.cases, pairs: 40, cases };
  page = await openGallery({ server });
  assert.equal(page.all(".ga-bar").length, 8);
  assert.equal(page.one('[name="all"]').textContent, "show 3 more");
  page.one('[name="all"]').click();
  assert.equal(page.all(".ga-bar").length, 11);
  assert.match(page.one(".ga-cases").textContent, /15 of 40 pairs: people first/);
});

test("a cell of the matrix filters both columns, and again takes both away", async () => {
  page = await openGallery();
  tab("matrix");
  const cell = (k, l) => page.one(`[data-key="cell:${k}:${l}"]`);
  assert.match(cell(1, 2).title, /learned truth fear, Ann joy: 2 images, 22 % of the row/);
  cell(1, 2).click();
  assert.equal(address(), "?run=faces-1&truth=fear&says.Ann=joy");
  await settled();
  assert.equal(cell(1, 2).getAttribute("aria-pressed"), "true");
  cell(1, 2).click();
  assert.equal(address(), "?run=faces-1");
  page.server.replies.table = { rows: "Ann", columns: "Ben", counts: [[0, 0, 0], [0, 0, 0], [0, 0, 0]] };
  page.one('[name="matrix-columns"]').enter("Ben");
  await settled();
  assert.match(page.one(".ga-matrix").textContent, /No image of this view has both\./);
  assert.equal(page.one(".ga-matrix table"), null);
});

test("while another matrix is on its way a cell filters by the one in sight", async () => {
  page = await openGallery();
  tab("matrix");
  page.server.replies.table = later().promise;
  page.one('[name="matrix-columns"]').enter("Ben");
  page.one('input[data-key="truth=joy"]').click(); // draws the matrix in sight anew
  page.one('[data-key="cell:0:1"]').click();
  assert.equal(address(), "?run=faces-1&truth=anger&says.Ann=fear");
});

test("the arrow keys lead from cell to cell and stop at the edges; one cell is reached by Tab", async () => {
  page = await openGallery();
  tab("matrix");
  const at = () => document.activeElement.dataset.key;
  page.one('[data-key="cell:0:0"]').focus();
  for (const [key, where] of [["ArrowUp", "cell:0:0"], ["ArrowRight", "cell:0:1"], ["ArrowDown", "cell:1:1"], ["ArrowLeft", "cell:1:0"], ["ArrowLeft", "cell:1:0"]]) {
    page.press(key);
    assert.equal(at(), where, key);
  }
  assert.deepEqual(page.all(".ga-matrix .ga-cell").filter((c) => c.tabIndex === 0).map((c) => c.dataset.key), ["cell:1:0"]);
  assert.deepEqual([moved("Home", 1, 2, 3), moved("End", 1, 0, 3), moved("PageDown", 0, 1, 3), moved("ArrowUp", 0, 0, 3), moved("toString", 1, 1, 3)], [[1, 0], [1, 2], [2, 1], null, null]);
});

test("coders are compared when somebody looks, and a cell shows where two differ", async () => {
  const server = new FakeServer(20);
  server.replies.coders = { coders: ["Ann", "Ben"], left_out: 1200, shared: [[9, 5], [5, 9]], agreement: [[1, null], [0.25, 1]], group: [0, 1] };
  const counted = { items: 4, share: 0.5, low: 0.2, high: 0.8 };
  server.replies["coders/of"] = { annotations: 1234, alone: 0, right: counted, halves: [counted, { ...counted, share: null }], parts: [counted], drifts: true };
  page = await openGallery({ server });
  assert.equal(server.asked("coders").length, 0);
  tab("coders");
  await settled();
  const cell = (a, b) => page.one(`[data-key="agree:${a}:${b}"]`);
  assert.match(cell(0, 1).title, /5 images in common, too few to tell/);
  assert.match(cell(1, 0).title, /agree on 25 % of 5 images/);
  assert.match(page.one(".ga-agree p").textContent, /in 2 groups\..* Left out: 1,200 coders with fewer labels\./);
  cell(1, 0).click();
  assert.equal(address(), "?run=faces-1&pair=Ben%7CAnn&labels=differ");
  page.one('[data-key="coder:Ann"]').click();
  await settled();
  assert.match(page.one(".ga-coder").textContent, /1,234 labels; 50 % \(20 % to 80 %\) of 4 are the learned truth\..*– in the second, a change beyond chance\./);
  assert.equal(page.one('[name="alone"]').disabled, true);
  page.one('[data-key="coder:Ann"]').click();
  assert.equal(page.one(".ga-coder").textContent, "");
});

test("the table of many coders names its rows and columns, and stays where it was scrolled to", async () => {
  const server = new FakeServer(20);
  const names = Array.from({ length: 30 }, (_, n) => `w${n}`);
  const all = (value) => names.map(() => names.map(() => value));
  server.replies.coders = { coders: names, left_out: 0, shared: all(5), agreement: all(0.5), group: names.map(() => 0) };
  page = await openGallery({ server, data: { coders: names.map((id) => ({ id, name: id, short: id.toUpperCase(), machine: false, given: false })) } });
  tab("coders");
  await settled();
  assert.deepEqual(page.all('.ga-far th[scope="col"]').map((e) => e.textContent), names.map((n) => n.toUpperCase()));
  assert.deepEqual(page.all(".ga-legend .ga-key")[0].children.slice(0, 30).map((e) => e.textContent), names.map((n) => n.toUpperCase() + n), "all of them");
  Object.assign(page.one(".ga-far"), { scrollLeft: 30, scrollTop: 70 });
  page.one('[data-key="agree:1:2"]').click();
  await settled();
  assert.deepEqual([page.one(".ga-far").scrollLeft, page.one(".ga-far").scrollTop], [30, 70]);
});

test("one chart is shown at a time, which is remembered, also above the images", async () => {
  page = await openGallery();
  tab("settling");
  assert.deepEqual([page.one(".ga-cases").hidden, page.one(".ga-settling").hidden], [true, false]);
  assert.equal(localStorage.getItem("ltnet-chart"), "settling");
  page.one('[name="wide"]').click();
  assert.notEqual(page.one(".ga-wide .ga-dock"), null);
  page.one('[name="wide"]').click();
  assert.equal(page.one(".ga-wide .ga-dock"), null);
});

test("what settling brought is told with who holds what; a share that is none is put back", async () => {
  const server = new FakeServer(20);
  server.replies.queue = { held: { "": 1, "<b>": 12 }, open: 1234, shares: { second: 5, again: 0 }, agreements: [{ kind: "x", who: "Ann with Ben", images: 3, share: 0.5, low: 0.1, high: 0.9, kappa: null }], last: 3 };
  server.replies.gains = { sentences: ["Two truths changed."], meaning: "how", matrices: [{ coder: "Ann", annotations: 5, before: 0.1234, after: 0.05 }] };
  page = await openGallery({ server });
  tab("settling");
  const [second] = page.all(".ga-settling input").filter((f) => f.getAttribute("name") === "share-second");
  second.enter("150");
  await settled();
  assert.equal(server.asked("shares").length, 0);
  assert.match(page.all(".ga-note").map((n) => n.textContent).join(" "), /A share is a number from 0 to 100\./);
  server.replies.shares = {};
  second.enter("7");
  await settled();
  assert.deepEqual(server.asked("shares")[0].content, { second: 7 });
  const text = page.one(".ga-settling").textContent;
  assert.match(text, /1,234 open in this view; held now: somebody without a name 1, <b> 12\./);
  assert.match(text, /Two truths changed\./);
  assert.match(text, /± 0\.123± 0\.050/);
  assert.match(text, /Ann with Ben50 % \(10 % to 90 %\)–3/);
  assert.equal(second.value, "5"); // as the server has it
});

// ---- the map

test("classes have colours that differ, and confidence five from low to high", () => {
  const colours = Array.from({ length: 40 }, (_, k) => classColour(k).join());
  assert.equal(new Set(colours).size, 40);
  assert.equal(colours.every((c) => c.split(",").every((part) => part >= 0 && part <= 255)), true);
  const app = { data: pageData() };
  assert.deepEqual(meanings(app, "*confidence*").map(({ text }) => text), ["0 to 20 %", "20 to 40 %", "40 to 60 %", "60 to 80 %", "80 to 100 %"]);
  assert.deepEqual([0, 19, 20, 99, 100].map((code) => meaningOf("*confidence*", code)), [0, 0, 1, 4, 4]);
  assert.deepEqual(meanings(app, "*labels*").map(({ text }) => text), Object.values(app.data.relations));
  assert.deepEqual(meanings(app, "Ann").map(({ text }) => text), app.data.classes);
  assert.equal(meaningOf("Ann", -1), -1);
});

function points(list) {
  const data = new ArrayBuffer(4 + 8 * list.length);
  new Uint32Array(data, 0, 1)[0] = list.length;
  list.forEach(([row, x, y], n) => {
    new Uint32Array(data, 4, list.length)[n] = row;
    new Uint16Array(data, 4 + 4 * list.length, list.length)[n] = x;
    new Uint16Array(data, 4 + 6 * list.length, list.length)[n] = y;
  });
  return new Points(data);
}

test("points are read as the server packs them, and the nearest that is shown is meant", () => {
  const map = points([[70_000, 5000, 5000], [2, 5100, 5000], [3, 0, 9999]]);
  assert.deepEqual([map.length, [...map.row], [...map.x], [...map.y]], [3, [70_000, 2, 3], [5000, 5100, 0], [5000, 5000, 9999]]);
  const view = new MapView();
  [view.width, view.height] = [1000, 1000];
  const at = (x, y) => map.at(view, ...view.toScreen(x, y));
  assert.deepEqual([at(5010, 5000), at(5090, 5000), at(0, 9990), at(8000, 8000)], [0, 1, 2, -1]);
  const colours = new ArrayBuffer(9);
  new Int16Array(colours, 0, 3).set([1, -1, 7]);
  new Uint8Array(colours, 6, 3).set([0, 1, 1]);
  map.colour(colours);
  assert.deepEqual([[...map.code], [...map.shown], at(5010, 5000)], [[1, -1, 7], [0, 1, 1], 1]);
});

test("points are drawn where they are, those out of the view faintly and below the others", () => {
  const map = points([[0, 5000, 5000], [1, 5000, 5000]]);
  map.shown.set([1, 0]);
  map.code.set([4, 4]);
  const view = new MapView();
  [view.width, view.height] = [100, 100];
  let drawn;
  const context = { canvas: { width: 100, height: 100 }, createImageData: (w, h) => ({ data: new Uint8ClampedArray(4 * w * h) }), putImageData: (image) => (drawn = new Uint32Array(image.data.buffer)) };
  const asked = [];
  map.draw(context, view, 1, (code) => (asked.push(code), [1, 2, 3]));
  assert.deepEqual(asked, [4]);
  const [x, y] = view.toScreen(5000, 5000).map(Math.round);
  assert.equal(drawn[y * 100 + x] >>> 0, ((255 << 24) | (3 << 16) | (2 << 8) | 1) >>> 0);
  assert.equal(drawn.filter(Boolean).length <= 16, true);
  map.shown.set([0, 0]);
  map.draw(context, view, 1, () => assert.fail("it is faint"));
  assert.equal(drawn[y * 100 + x] & 255, FAINT[0]);
});

for (const [what, corners, area] of [
  ["two corners", [[0, 0], [9, 9]], ""],
  ["a line", [[0, 0], [5, 5], [9, 9]], ""],
  ["one place", [[5, 5], [5.2, 5.1], [4.9, 5]], ""],
  ["outside the map", [[-50, -50], [20_000, 0], [0, 20_000]], "0_0.9999_0.0_9999"],
]) {
  test(`an area of ${what} is ${area || "none"}`, () => {
    assert.equal(areaOf(corners), area);
    if (area) assert.equal(areaOf(cornersOf(area)), area);
  });
}
