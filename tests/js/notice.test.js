// The notification at the end of a run: offered while it is at work, given once, and only where nobody looks.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import notice from "../../assets/notice/main.js";
import { FakeElement, pretendPage } from "./dom.js";

let given, parentElement, place;

beforeEach(() => {
  pretendPage();
  document.documentElement ??= new FakeElement("html");
  document.hidden = true;
  given = [];
  globalThis.Notification = class {
    static permission = "granted";
    static requestPermission = async () => "granted";
    constructor(text, { tag }) {
      given.push([text, tag]);
    }
  };
  window.Notification = globalThis.Notification;
  place = new FakeElement("div");
  place.className = "nt";
  parentElement = new FakeElement("div");
  parentElement.append(place);
});

afterEach(() => {
  delete globalThis.Notification;
  delete window.Notification;
});

const show = (ended) => notice({ parentElement, data: { run: "faces-1", ended } });

test("the end of a run is told once, and again after it went on", () => {
  show("");
  assert.deepEqual(given, []);
  for (const text of ["faces-1: failed", "faces-1: failed", "", "faces-1: finished"]) show(text);
  assert.deepEqual(given, [["faces-1: failed", "faces-1"], ["faces-1: finished", "faces-1"]]);
});

test("who looks at the tab, or has not allowed it, gets none", () => {
  document.hidden = false;
  show("");
  show("faces-1: finished");
  document.hidden = true;
  window.Notification.permission = "denied";
  show("");
  assert.equal(place.textContent, "");
  show("faces-1: finished");
  assert.deepEqual(given, []);
  delete window.Notification; // a browser that has none, or an address that is not secure
  show("");
  assert.equal(place.textContent, "");
});

test("the browser is asked when a person wants it", async () => {
  window.Notification.permission = "default";
  show("");
  assert.equal(place.textContent, "Tell me when it ends");
  await place.querySelector("button").onclick();
  assert.equal(place.textContent, "The browser will tell.");
});
