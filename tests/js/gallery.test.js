// The gallery as Streamlit puts it on a page: it lives as long as it is there, and what comes late changes nothing.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { stopClock } from "./browser.js";
import { FakeElement } from "./dom.js";
import { FakeServer, item, later, openGallery, settled } from "./gallery_page.js";

let page;

afterEach(() => page?.leave());

const isOpen = () => page.dialog().open;
const shownName = () => page.one(".ga-name").textContent;
const state = () => page.one(".ga-state").textContent;

test("a run of the page that a newer one overtook does not close the gallery", async () => {
  page = await openGallery();
  const late = page.mount(page.component({ learned: 3 }));
  page.mount(page.component({ learned: 4 }));
  page.cards()[0].click();
  await settled();
  late(); // Streamlit ends the call before, when the one after has come already
  assert.equal(isOpen(), true);
  page.press("2");
  await settled();
  assert.equal(page.server.decisions[0].label, 1);
  assert.equal(state(), "all saved");
  assert.equal(shownName(), "images/1.png");
});

test("a gallery that is taken off the page hears no key and asks for nothing", async (t) => {
  page = await openGallery();
  const pass = stopClock(t);
  page.cards()[0].click();
  await settled();
  const search = page.one('[name="search"]');
  search.value = "late";
  search.oninput();
  page.leave();
  const [requests, steps] = [page.server.requests.length, window.steps.length];
  page.press("1");
  pass(10_000);
  await settled();
  assert.equal(page.server.requests.length, requests);
  assert.equal(window.steps.length, steps); // the address is another page's
  assert.equal(page.told.length, 0);
});

test("another run's data make another gallery, the same run's keep it", async () => {
  page = await openGallery();
  const [card] = page.cards();
  page.mount(page.component({ token: "newer" }));
  assert.equal(page.cards()[0], card);
  page.cards()[0].click();
  await settled();
  page.mount(page.component({ api: "api/runs/faces-2", run: "faces-2" }));
  await settled();
  assert.notEqual(page.cards()[0], card);
  assert.equal(isOpen(), false);
  page.press("1");
  assert.equal(page.server.decisions.length, 0);
});

test("where its element is a new one, the gallery is a new one", async () => {
  page = await openGallery();
  const root = new FakeElement("div");
  root.className = "ga";
  page.root.replaceWith(root);
  page.mount(page.component());
  page.root = root;
  await settled();
  assert.equal(root.querySelectorAll(".ga-card").length, 20);
});

test("an image that was asked for by name and comes late does not take another's place", async () => {
  page = await openGallery({ data: { view: { item: "images/7.png" } } });
  assert.equal(shownName(), "images/7.png");
  const alike = [{ ...item(9), cosine: 0.9 }, { ...item(11), cosine: 0.8 }];
  page.server.replies.item = ({ row: r }) => item(Number(r), { alike });
  page.press("ArrowRight");
  await new Promise((done) => setTimeout(done, 200));
  await settled();
  const slow = later();
  page.server.replies.place = () => slow.promise;
  const [nine] = page.all(".ga-alike button");
  nine.click();
  page.press("ArrowRight");
  page.press("ArrowRight");
  await settled();
  assert.equal(shownName(), "images/10.png");
  slow.free({ row: 9, position: 9 });
  await settled();
  assert.equal(shownName(), "images/10.png");
});

test("of two images that were asked for by name the one asked for last is shown", async () => {
  page = await openGallery();
  const answers = { "images/3.png": later(), "images/4.png": later() };
  page.server.replies.place = ({ image }) => answers[image].promise;
  for (const name of ["images/3.png", "images/4.png"]) {
    page.go(`?run=faces-1&item=${name}`);
  }
  await settled();
  answers["images/3.png"].free({ row: 3, position: 3 });
  await settled();
  assert.equal(isOpen(), false);
  answers["images/4.png"].free({ row: 4, position: 4 });
  await settled();
  assert.equal(shownName(), "images/4.png");
});

test("Back before the image has come opens nothing", async () => {
  page = await openGallery();
  const slow = later();
  page.server.replies.place = () => slow.promise;
  page.go("?run=faces-1&item=images/3.png");
  page.go("?run=faces-1");
  slow.free({ row: 3, position: 3 });
  await settled();
  assert.equal(isOpen(), false);
  assert.equal(window.steps.some(([, search]) => search.includes("item=")), false);
});

test("an image outside the list that comes after the dialog was closed does not open it again", async () => {
  page = await openGallery({ rows: 5 });
  page.cards()[0].click();
  await settled();
  const slow = later();
  page.server.replies.item = () => slow.promise;
  page.server.replies.place = { row: 77, position: null };
  page.go("?run=faces-1&item=images/77.png");
  await settled();
  page.press("Escape");
  slow.free(item(77));
  await settled();
  assert.equal(isOpen(), false);
});

test("a dialog that is closed while its image is on its way leaves no image in the address", async () => {
  const server = new FakeServer(20);
  page = await openGallery({ server });
  const slow = later();
  const { items } = server.replies;
  server.replies.items = async (query) => (await slow.promise, items(query));
  page.go("?run=faces-1&truth=fear"); // the cards of the list before are in sight until the new ones come
  page.cards()[2].click();
  assert.equal(isOpen(), true);
  page.press("1"); // nothing is in sight that could be meant
  page.press("Escape");
  slow.free();
  await settled();
  assert.equal(server.decisions.length, 0);
  assert.equal(window.location.search.includes("item="), false);
  assert.equal(isOpen(), false);
});

for (const at of ["-5", "1.5", "abc", "Infinity", "1e3", "99999999999", " 7", "0x10"]) {
  test(`a place in the list that is none, ${JSON.stringify(at)}, is the first`, async () => {
    page = await openGallery({ data: { view: { at } } });
    assert.equal(page.server.asked("items")[0].query.offset, "0");
    assert.equal(page.cards().length, 20);
  });
}

test("a number that is typed leads to that place, whatever is typed", async () => {
  page = await openGallery({ rows: 125 });
  for (const [typed, block] of [["125", "1"], ["2.5", "0"], ["", "0"], ["-3", "0"], ["9999", "1"]]) {
    page.one('[name="number"]').enter(typed);
    await settled();
    assert.equal(page.one(".ga-block").dataset.block, block, typed);
  }
  assert.equal(window.location.search.includes("at=124"), true);
});

test("scrolling before a place has come leaves that place in the address", async (t) => {
  page = await openGallery({ rows: 125 });
  const pass = stopClock(t);
  const [slow, { items }] = [later(), page.server.replies];
  page.server.replies.items = async (query) => (await slow.promise, items(query));
  window.dispatchEvent({ type: "scroll" });
  page.one('[name="number"]').enter("124");
  window.dispatchEvent({ type: "wheel" });
  pass(700); // the address is written when the scrolling rests
  assert.equal(window.location.search, "?run=faces-1&at=123");
  slow.free();
  await settled();
  assert.equal(page.one(".ga-block").dataset.block, "1");
  window.dispatchEvent({ type: "wheel" });
  window.dispatchEvent({ type: "scroll" });
  pass(700);
  assert.equal(window.location.search, "?run=faces-1&at=120"); // the block in sight
});

test("keys of an input method stay in the field", async () => {
  page = await openGallery();
  page.cards()[0].click();
  await settled();
  const reason = page.one('[name="reason"]');
  reason.focus();
  page.press("Enter", { isComposing: true });
  assert.equal(document.activeElement, reason);
  page.press("1");
  assert.equal(page.server.decisions.length, 0); // a digit of the reason
  page.press("Enter");
  assert.equal(document.activeElement, null);
});

test("what a refused answer was about is said until the dialog is closed", async () => {
  page = await openGallery();
  page.cards()[0].click();
  await settled();
  page.server.replies.decisions = { status: 409, error: "The decision is of another run." };
  page.press("1");
  await settled();
  const accepted = new FakeServer().replies.decisions;
  page.server.replies.decisions = accepted;
  page.press("2");
  await settled();
  assert.match(page.one(".ga-conflicts").textContent, /^Not saved: images\/0\.png: The decision is of another run\.$/);
  page.press("Escape");
  page.cards()[3].click();
  await settled();
  assert.equal(page.one(".ga-conflicts").textContent, "");
});
