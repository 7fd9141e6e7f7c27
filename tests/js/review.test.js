// The dialog of one image: keys that settle it, what is shown before the answer, many images at once, history and queue.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { changed, classKeys, Keys, withLetters } from "../../assets/gallery/keys.js";
import { Many } from "../../assets/gallery/many.js";
import { odds, ratio, why } from "../../assets/gallery/details.js";
import { stateOf } from "../../assets/gallery/notes.js";
import { Answer } from "../../assets/gallery/server.js";
import { stopClock } from "./browser.js";
import { pretendPage } from "./dom.js";
import { CLASSES, item, later, openGallery, pageData, settled } from "./gallery_page.js";

let page;

afterEach(() => {
  page?.leave();
  page = undefined;
});

const name = () => page.one(".ga-name").textContent;
const labels = () => page.server.decisions.map(({ kind, row, label }) => [kind, row, label]);
const open = async (at = 0) => {
  page.cards()[at].click();
  await settled();
};

test("classes have digits and letters of their own, and letters are changed without taking another's", () => {
  const keys = classKeys(["anger", "angst", "na", "ängste", "123", ...Array.from({ length: 6 }, (_, n) => `x${n}`)]);
  assert.deepEqual(keys.map((k) => k.digit), ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0", ""]);
  assert.deepEqual(keys.slice(0, 6).map((k) => k.letter), ["a", "n", "", "g", "", "x"]);
  const swapped = changed(keys, 0, " N ");
  assert.deepEqual(swapped.slice(0, 2).map((k) => k.letter), ["n", "a"]);
  assert.equal(changed(keys, 0, "1"), null);
  assert.equal(changed(keys, 0, "ä"), null);
  assert.equal(changed(keys, 0, "")[0].letter, "");
});

for (const kept of ["", "{", "5", "[]", '["q"]', '["q","w","e","r"]', '["q",5,null]', '["QQ","1","é"]']) {
  test(`letters that a browser kept are taken where they are letters: ${kept}`, () => {
    const keys = withLetters(classKeys(CLASSES), kept);
    const expected = kept === '["q",5,null]' ? ["q", "f", "j"] : ["a", "f", "j"];
    assert.deepEqual(keys.map((k) => k.letter), expected);
  });
}

test("a key settles the image in sight and the next one comes; keys with others held down do not", async () => {
  page = await openGallery();
  await open();
  page.press("f");
  page.press("3");
  page.press(" ");
  for (const more of [{ ctrlKey: true }, { metaKey: true }, { altKey: true }, { repeat: true }]) page.press("1", more);
  page.press("q");
  page.press("7");
  page.press("F5");
  await settled();
  assert.deepEqual(labels(), [["settle", 0, 1], ["settle", 1, 2], ["skip", 2, -2]]);
  assert.equal(name(), "images/3.png");
  assert.equal(page.one("header b").textContent, "4 of 20");
});

test("the arrows stop at the ends of the list, and the last image stays after its answer", async () => {
  page = await openGallery({ rows: 2 });
  await open();
  page.press("ArrowLeft");
  assert.equal(name(), "images/0.png");
  page.press("ArrowRight");
  page.press("ArrowDown");
  assert.equal(name(), "images/1.png");
  page.press("1");
  await settled();
  assert.equal(name(), "images/1.png");
  assert.equal(page.one(".ga-class.chosen").textContent.endsWith("anger"), true);
});

test("Backspace takes answers back one by one and shows where they were", async () => {
  page = await openGallery();
  await open();
  for (const key of ["1", "2", "Backspace", "Backspace", "Backspace"]) page.press(key);
  await settled();
  assert.deepEqual(labels(), [["settle", 0, 0], ["settle", 1, 1], ["undo", 1, -1], ["undo", 0, -1]]);
  assert.equal(name(), "images/0.png");
  assert.equal(page.one(".ga-class.chosen"), null);
});

test("image first: labels are hidden until Enter or the answer, and what was seen is told truly", async () => {
  page = await openGallery();
  page.one('[name="settle"]').click();
  await settled();
  assert.equal(page.one(".ga-about").textContent, "");
  assert.equal(page.one(".ga-class.learned"), null);
  assert.deepEqual([name(), page.one(".ga-large img").alt], ["", "the image"]); // a folder may be named after a class
  page.press("Enter"); // shows them
  assert.deepEqual([name(), page.one(".ga-large img").alt], ["images/0.png", "images/0.png"]);
  assert.match(page.one(".ga-about").textContent, /LT: An/);
  page.press("Enter"); // agrees
  page.press("2"); // without having looked
  await settled();
  assert.deepEqual(page.server.decisions.map(({ label, shown }) => [label, shown]), [[0, "labels"], [1, "image"]]);
  assert.match(page.one(".ga-last").textContent, /^Your last answer: fear, as the learned truth.*images\/1\.png$/);
  page.press("1");
  assert.match(page.one(".ga-last").textContent, /^Your last answer: anger; the learned truth is another/);
  await settled();
  assert.equal(name(), "");
  page.press("Backspace");
  await settled();
  assert.equal(name(), "Its labels were in sight before.");
});

test("a truth is explained against what each coder said instead, by whom", () => {
  pretendPage();
  const annotations = { Ann: [0, 1, 0], Ben: [0, 0, 1] };
  const reasons = [{ rival: 1, by: { "": 2, Ann: -1 } }, { rival: 2, by: { "": 3, Ben: -0.5 } }];
  const shown = why({ data: pageData(), coderName: (id) => id }, item(0, { annotations, reasons }));
  assert.match(shown.textContent, /^Why anger and not fear.*fear is what Ann said.*together \+1\.0/);
  assert.match(shown.querySelector("details").textContent, /^Why anger and not joy.*joy is what Ben said.*together \+2\.5/);
});

test("names, reasons and answers go together; a signed-in name is fixed", async () => {
  page = await openGallery({ data: { reviewer: "Ada" } });
  await open();
  const [reviewer, reason] = [page.one('[name="reviewer"]'), page.one('[name="reason"]')];
  assert.deepEqual([reviewer.value, reviewer.readOnly], ["Ada", true]);
  page.press("/");
  assert.equal(document.activeElement, reason);
  reason.value = "  too dark ";
  reason.blur();
  page.press("1");
  page.press("2");
  await settled();
  assert.deepEqual(page.server.decisions.map((d) => [d.reviewer, d.reason]), [["Ada", "too dark"], ["Ada", ""]]);
});

test("somebody else was first: both answers stand there until one is chosen", async () => {
  page = await openGallery();
  await open();
  const theirs = { kind: "settle", label: "joy", by: "<b>", at: Date.now() / 1000, id: 9 };
  const accepted = page.server.replies.decisions;
  page.server.replies.decisions = (_query, { decisions, last }) => ({ saved: [], conflicts: decisions.map((d) => ({ ...theirs, key: d.key })), changed: {}, last: last + 1, settled_in_all: 1 });
  page.press("1");
  await settled();
  page.server.replies.decisions = accepted;
  const note = page.one(".ga-conflicts");
  assert.match(note.textContent, /^images\/0\.png: <b> settled it as joy just now; you settled it as anger\. Yours is not saved\./);
  assert.equal(page.one(".ga-state").textContent, "1 not saved");
  note.querySelectorAll("button")[2].click();
  await settled();
  assert.equal(note.textContent, "");
  assert.deepEqual([page.server.decisions.at(-1).label, page.server.decisions.at(-1).seen], [0, 9]);
});

test("what is known of an image is asked for when one rests on it, and is that of the image in sight", async (t) => {
  page = await openGallery();
  const pass = stopClock(t);
  const slow = later();
  page.server.replies.item = ({ row }) => (row === "0" ? slow.promise : item(Number(row)));
  page.cards()[0].click();
  await settled();
  assert.equal(page.server.asked("item").length, 0);
  pass(140);
  await settled();
  page.press("ArrowRight");
  slow.free(item(0, { reasons: [{ rival: 1, by: { "": 99 } }] }));
  await settled();
  assert.equal(page.one(".ga-details").textContent.includes("99"), false);
  pass(140);
  await settled();
  assert.match(page.one(".ga-details").textContent, /Why fear and not fear|Why fear/);
  assert.deepEqual(page.server.asked("item").map(({ query }) => query.row), ["0", "1"]);
});

test("numbers of an explanation have their sign and their bounds", () => {
  assert.deepEqual([odds(0.04), odds(0.06), odds(-2.34)], ["±0", "+0.1", "−2.3"]);
  assert.deepEqual([ratio(0), ratio(Math.log(4)), ratio(-Math.log(20)), ratio(50), ratio(-50)], ["1.0 to 1", "4.0 to 1", "1 to 20", "more than a million to 1", "1 to more than a million"]);
});

test("the state of saving is said in the order in which it matters", () => {
  const of = (more) => stateOf({ lost: false, why: "", pending: [], conflicts: [], stack: [], ...more });
  assert.equal(of({}), "");
  assert.equal(of({ stack: [1] }), "all saved");
  assert.equal(of({ stack: [1], conflicts: [1, 2] }), "2 not saved");
  assert.equal(of({ conflicts: [1], pending: [1] }), "saving 1 …");
  assert.equal(of({ lost: true, why: "the server does not answer", pending: [1, 2] }), "the server does not answer; 2 kept here");
});

test("letters are changed in the list of keys, which keeps the keys to itself while it is there", async () => {
  page = await openGallery();
  await open();
  page.press("?");
  const dialog = () => page.one(".ga-review .ga-keys");
  assert.notEqual(dialog(), null);
  page.press("1");
  const [first] = page.all(".ga-letters input");
  first.enter("f");
  assert.deepEqual(page.all(".ga-letters input").map((f) => f.value), ["F", "A", "J"]);
  page.all(".ga-keys button").find((b) => b.textContent === "Done").click();
  page.press("f");
  await settled();
  assert.deepEqual(labels(), [["settle", 0, 0]]);
  assert.equal(new Keys(CLASSES).classOf("a"), 1); // the browser keeps them
  assert.equal(new Keys(CLASSES).classOf(""), -1);
});

// ---- many at once

test("images are chosen one by one, as a range, or all; what is meant goes to the server", async () => {
  page = await openGallery();
  const boxes = page.all(".ga-pick input");
  boxes[2].onclick({ shiftKey: false });
  boxes[5].onclick({ shiftKey: true });
  await settled();
  boxes[3].onclick({ shiftKey: false });
  assert.equal(page.one(".ga-many b").textContent, "3 chosen");
  page.one('[name="bookmark"]').click();
  await settled();
  const [{ content }] = page.server.asked("actions");
  assert.deepEqual([content.rows, content.kind, content.value, content.as_of], [[2, 4, 5], "tag", "bookmark", 5]);
});

test("a range that the server refuses is said, one that is too long too, and what was chosen stays", async () => {
  pretendPage();
  const said = [];
  const list = {
    total: 90_000,
    bring: async () => {
      throw new Answer(403, "This page is out of date; reload it.");
    },
  };
  const many = new Many({ list, data: { classes: CLASSES }, say: (text) => said.push(text), grid: { mark: () => said.push("marked") } });
  await many.toggle({ r: 3 }, 3, false);
  await many.toggle({ r: 5 }, 5, true);
  await many.toggle({ r: 9 }, 30_003, true);
  assert.deepEqual([...many.rows], [3]);
  assert.deepEqual(said, ["marked", "This page is out of date; reload it.", "marked", "At most 20,000 images can be chosen as a range; choose all of the view instead.", "marked"]);
  many.chooseAll();
  assert.deepEqual([many.count, many.has(77)], [90_000, true]);
  await many.toggle({ r: 3 }, 3, false); // one taken from all is none
  assert.deepEqual([many.count, many.has(77), many.element.hidden], [0, false, true]);
});

test("an action is told in words, can be undone at once, and an empty tag is none", async () => {
  page = await openGallery();
  const [box] = page.all(".ga-pick input");
  box.onclick({ shiftKey: false });
  page.one('[name="add-tag"]').click();
  await settled();
  const notice = () => page.all(".ga-note").map((n) => n.textContent).join(" ");
  assert.match(notice(), /Write a tag first\./);
  page.one('[name="settle-many"]').click();
  assert.match(notice(), /Choose a class first\./);
  page.one('[name="settle-as"]').enter("joy"); // as the first arrow key does
  assert.deepEqual(page.server.asked("actions"), []);
  page.server.replies.actions = { images: 1, changed: 0 };
  page.server.replies.undo = { undone: true };
  page.one('[name="skip-many"]').click();
  await settled();
  assert.match(notice(), /0 images skipped\. 1 were decided before and stay as they are\./);
  assert.equal(page.one(".ga-many").hidden, true);
  const { key } = page.server.asked("actions")[0].content;
  page.one('[name="undo-action"]').click();
  await settled();
  assert.equal(page.server.asked("undo")[0].content.key, key);
  assert.match(notice(), /It was taken back\./);
});

test("the history names who did what, and what was undone cannot be undone again", async () => {
  page = await openGallery();
  const at = Date.now() / 1000 - 600;
  const action = (more) => ({ key: "k", kind: "tag", value: "<i>", by: "", at, images: 2, first: "a.png", undone: false, ...more });
  page.server.replies.history = { actions: [action({}), action({ key: "s", kind: "settle", value: "joy", by: "Ada", images: 1, undone: true })] };
  page.one('[name="history"]').click();
  await settled();
  const lines = page.all(".ga-history-list li");
  assert.deepEqual(lines.map((l) => l.textContent), ["Somebody tagged 2 images “<i>” 10 min agoUndo", "Ada settled a.png as joy 10 min agoundone"]);
  page.server.replies.history = { status: 503, error: "The store is busy." };
  page.server.replies.undo = { status: 503, error: "The store is busy." };
  lines[0].querySelector("button").click();
  await settled();
  assert.match(page.one(".ga-history").textContent, /The store is busy\./);
});
