// @ts-check
// The gallery: it owns the view and its address, and brings what it shows from the server by itself.

import { placeOf, search, viewOf, wishOf } from "./address.js";
import { Cases } from "./cases.js";
import { Chips } from "./chips.js";
import { Coders } from "./coders.js";
import { BLOCK } from "./constants.js";
import { clamp, h, remember, remembered, sleep } from "./core.js";
import { Decisions } from "./decisions.js";
import { Distributions } from "./distributions.js";
import { Dock } from "./dock.js";
import { Facets } from "./facets.js";
import { Grid } from "./grid.js";
import { Head } from "./head.js";
import { History } from "./history.js";
import { legendOf } from "./legend.js";
import { Images, List } from "./list.js";
import { Many } from "./many.js";
import { ImageMap } from "./map.js";
import { Matrix } from "./matrix.js";
import { Review } from "./review.js";
import { Answer, Server } from "./server.js";
import { Settling } from "./settling.js";
import { Transitions } from "./transitions.js";
import { PageAddress } from "./page_address.js";

/** @import { CaseCounts, Component, Decision, Row, View } from "./types.js" */

const SETTLE_URL = 700;
const PATIENCE = 100; // ms that filters and tables of a new view are drawn after the list
const MOST_HIDDEN = 10_000; // ms that the parts of a new page wait for each other
const MOVES = ["wheel", "touchmove", "keydown", "pointerdown"]; // what a person scrolls with
export class Gallery {
  /**
   * @param {Element} root
   * @param {Component} component
   */
  constructor(root, component) {
    this.root = root;
    this.data = component.data;
    this.tellParent = component.setTriggerValue;
    this.n = 0;
    this.opening = 0; // counts the images that were asked for by name
    /** @type {View} */
    this.view = { ...this.data.view };
    this.closed = false;
    /**
     * Rows whose labels have been in sight in this tab.
     * @type {Set<number>}
     */
    this.seen = new Set();
    this.still = false; // nobody has scrolled since the list was put where it is
    /** @type {number | undefined} */
    this.soon = undefined;
    /** @type {number | undefined} */
    this.scrolling = undefined;
    this.pageAddress = new PageAddress(this);
    this.size = remembered("ltnet-size");
    /** @type {{settled: number, items: number} | null} */
    this.counts = null;
    this.server = new Server(this.data.api, this.data.token);
    this.images = new Images(this.server);
    this.decisions = new Decisions(this.server, (rows) => this.decided(rows));
    this.cases = new Cases(this);
    this.matrix = new Matrix(this);
    this.transitions = new Transitions(this);
    this.distributions = new Distributions(this);
    this.map = new ImageMap(this);
    this.coders = new Coders(this);
    this.facets = new Facets(this);
    this.chips = new Chips(this);
    this.many = new Many(this);
    this.history = new History(this);
    this.grid = new Grid(this);
    this.review = new Review(this);
    this.head = new Head(this);
    this.notice = h("p", { class: "ga-note warning", role: "status", hidden: true });
    // What the address asks for and cannot be shown; it stands until something else is asked for.
    this.unknown = h("p", { class: "ga-note warning", role: "status", hidden: !this.data.unknown.length }, this.data.unknown.join(" "));
    this.settling = new Settling(this);
    this.dock = new Dock(this.charts());
    const beside = [this.facets.search, this.dock.beside, this.facets.element, legendOf(this)];
    this.side = h("aside", { class: "ga-side", "aria-label": "Filters and charts" }, beside);
    this.body = h(
      "div",
      { class: "ga-body coming" + (this.head.folded ? " folded" : "") },
      this.side,
      h("div", { class: "ga-main" }, this.unknown, h("div", { class: "ga-above" }, this.head.element, this.many.element), this.chips.element, this.notice, this.dock.above, this.grid.element),
    );
    root.replaceChildren(this.skip(), this.body, this.review.element, this.history.element);
    this.list = this.newList();
    this.onScroll = () => this.scrolled();
    this.onPop = () => this.went();
    this.onMove = () => (this.still = false);
    this.listen();
    if (search(this.view, window.location.search) !== window.location.search) this.address(false);
    const from = placeOf(this.view);
    this.reload(from).then(() => (this.view.item ? this.openNamed(this.view.item) : undefined));
    Promise.race([this.parts, sleep(MOST_HIDDEN)]).then(() => this.reveal());
  }

  listen() {
    window.addEventListener("scroll", this.onScroll, { passive: true, capture: true });
    for (const kind of MOVES) window.addEventListener(kind, this.onMove, { passive: true, capture: true });
    window.addEventListener("popstate", this.onPop);
  }

  // Those that have something to show.
  charts() {
    const { truth, columns } = this.data;
    return [
      ...(truth ? [{ name: "cases", text: this.data.pairs.length ? "Cases" : "Labels", element: this.cases.element }] : []),
      ...(columns.length > 1 ? [{ name: "matrix", text: "Matrix", element: this.matrix.element }] : []),
      ...(truth ? [{ name: "transitions", text: "Transitions", element: this.transitions.element, load: () => this.transitions.load() }] : []),
      ...(this.data.coders.filter((c) => !c.given).length > 1 ? [{ name: "coders", text: "Coders", element: this.coders.element, load: () => this.coders.load() }] : []),
      ...(truth ? [{ name: "map", text: "Map", element: this.map.element, load: () => this.map.load() }] : []),
      this.settling.chart,
      { name: "distributions", text: "Distributions", element: this.distributions.element, load: () => this.distributions.load() },
    ];
  }

  // ---- what the app says

  /** @param {Component} component */
  update(component) {
    this.tellParent = component.setTriggerValue;
    const { data } = component;
    const savedBefore = JSON.stringify(this.data.saved);
    this.data = data;
    this.server.token = data.token;
    if (JSON.stringify(data.saved) !== savedBefore) this.facets.draw();
    this.head.isStarting = false;
    this.head.draw();
  }

  // Back and Forward: the address is another view's.
  went() {
    if (this.closed || (new URLSearchParams(window.location.search).get("run") ?? "") !== this.data.run) return;
    clearTimeout(this.soon);
    const before = JSON.stringify(this.wish());
    this.view = viewOf(window.location.search);
    if (JSON.stringify(this.wish()) !== before) this.reload(placeOf(this.view));
    if (this.view.item) this.openNamed(this.view.item, false);
    else this.review.close();
  }

  /** @param {Record<string, unknown>} asked */
  tell(asked) {
    if (this.closed) return;
    this.n = Math.max(Date.now(), this.n + 1);
    this.tellParent("asked", { ...asked, n: this.n });
  }

  // ---- the view

  wish() {
    return wishOf(this.view);
  }

  /**
   * Change some of the view, all of it (whole), or clear it (null).
   * @param {View | null} changes
   * @param {boolean} [all]
   */
  set(changes, all = false) {
    if (this.closed) return;
    const next = changes === null || all ? {} : this.wish();
    for (const [name, value] of Object.entries(changes || {})) {
      if (value === "") delete next[name];
      else next[name] = value;
    }
    if (JSON.stringify(next) === JSON.stringify(this.view)) return;
    this.view = next;
    this.unknown.hidden = true;
    this.address(true);
    this.reload(0);
  }

  // Without filters, in the same order.
  clear() {
    const { sort, seed } = this.view;
    /** @type {View} */
    const left = {};
    if (sort) left.sort = sort;
    if (seed) left.seed = seed;
    this.set(left, true);
  }

  /** @param {boolean} push whether it is one more step of the browser's history */
  address(push) {
    clearTimeout(this.soon);
    if (!this.closed) this.pageAddress.write(push); // the address is another page's by then
  }

  /**
   * @param {string | undefined} name
   * @param {boolean} push
   */
  setItem(name, push) {
    if ((this.view.item || "") === (name || "")) return;
    const { item: _, ...rest } = this.view;
    this.view = name ? { ...rest, item: name } : rest;
    this.address(push);
  }

  /**
   * While one goes quickly from one to the next the address waits.
   * @param {string | undefined} name
   */
  setItemSoon(name) {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.review.isOpen && name && this.setItem(name, false), SETTLE_URL);
  }

  scrolled() {
    clearTimeout(this.scrolling);
    this.scrolling = setTimeout(() => {
      if (this.closed || this.review.isOpen || this.still || this.grid.isStale) return;
      const at = Math.floor(this.grid.position() / BLOCK) * BLOCK;
      if (String(at || "") === (this.view.at || "")) return;
      const { at: _, ...rest } = this.view;
      this.view = at ? { ...rest, at: String(at) } : rest;
      this.address(false);
      this.head.draw();
    }, SETTLE_URL);
  }

  newList() {
    this.counts = null;
    return new List(
      this.server,
      this.wish(),
      (text) => this.say(text),
      (rows) => this.decisions.learn(rows),
    );
  }

  /** @param {number} position */
  async reload(position) {
    this.list.closed = true;
    if (this.many.count) this.many.clear();
    const list = (this.list = this.newList());
    /** @type {(...parts: { load: () => unknown }[]) => () => unknown} */
    const loaded = (...parts) => () => this.list === list && Promise.all(parts.map((part) => part.load()));
    // The list and the counts above it come first: answers that are worked out at once hold each other up.
    const counted = this.cases.load();
    const listed = this.grid.reset(position);
    const tables = loaded(this.matrix, this.transitions, this.map, this.coders);
    const first = Promise.all([counted, listed]);
    this.parts = first.then(loaded(this.facets)).then(tables);
    for (const part of [this.chips, this.cases]) part.draw();
    // These wait for what comes first, but not for a slow server: what is chosen shows.
    Promise.race([first, sleep(PATIENCE)]).then(() => {
      if (this.list === list && !this.closed) for (const part of [this.facets, this.matrix]) part.draw();
    });
    await listed;
  }

  // What has come has its final size: nothing on the page moves any more.
  reveal() {
    this.body.classList.remove("coming");
  }

  /**
   * To another place of the same list.
   * @param {number} position
   */
  jump(position) {
    const at = clamp(Math.trunc(position) || 0, 0, Math.max((this.list.total || 1) - 1, 0));
    const { at: _, ...rest } = this.view;
    this.view = at ? { ...rest, at: String(at) } : rest;
    this.address(false);
    return this.grid.reset(at);
  }

  /**
   * @param {string} image
   * @param {boolean} [push]
   */
  async openNamed(image, push = undefined) {
    const opening = (this.opening += 1);
    if (this.review.isOpen && this.review.row?.n === image) return;
    const { turn } = this.review;
    try {
      /** @type {View} */
      const params = { ...this.wish(), image };
      if (this.list.version !== null) params.as_of = String(this.list.version);
      /** @type {{row: number | null, position: number | null}} */
      const answer = await this.server.json("place", params);
      // Another image was asked for or looked at meanwhile, or none any more.
      if (opening !== this.opening || turn !== this.review.turn || this.closed) return;
      if (answer.position !== null) await this.review.open(answer.position, push);
      else if (answer.row !== null) await this.review.openRow(answer.row, push);
      else this.say(`There is no image ${image} here.`);
    } catch (error) {
      this.say(error instanceof Answer ? error.message : "The server does not answer.");
    }
  }

  // ---- what came

  listed() {
    this.decisions.last ??= this.list.version;
    this.head.draw();
  }

  /** @param {CaseCounts} counts */
  counted(counts) {
    this.counts = { settled: counts.settled, items: counts.items };
    this.decisions.counted(counts);
    this.head.draw();
    this.review.refresh();
  }

  progress() {
    return { settled: this.counts?.settled || 0, items: this.list.total ?? this.counts?.items ?? 0 };
  }

  /**
   * @param {Decision | null} before
   * @param {number} label
   */
  moveProgress(before, label) {
    if (!this.counts) return;
    this.counts.settled += (label >= 0 ? 1 : 0) - (before && before.label >= 0 ? 1 : 0);
  }

  /** @param {number[]} rows */
  decided(rows) {
    if (this.closed) return;
    this.review.outdate(rows);
    this.grid.refresh(rows);
    this.review.refresh();
    this.head.draw();
  }

  /**
   * @param {string} text
   * @param {HTMLElement} [button] what can be done about it
   */
  say(text, button = undefined) {
    if (text) this.reveal();
    this.notice.hidden = !text;
    if (this.notice.textContent !== text || button) this.notice.replaceChildren(text, button || "");
  }

  // Many items have changed at once: the list is made anew, at the same place.
  async changed() {
    await this.decisions.ask();
    await this.reload(this.grid.position());
  }

  // ---- drawing

  /** @param {string} id */
  coderName(id) {
    return this.data.coders.find((c) => c.id === id)?.name ?? id;
  }

  /** @param {Row} row */
  caption(row) {
    const { coders, codes } = this.data;
    const labels = row.l.map((label, c) => (label < 0 ? "" : `${coders[c].short}: ${codes[label]}`)).filter(Boolean);
    return [...labels, ...(this.data.truth ? [`LT: ${codes[row.t] ?? "?"}`] : [])].join("  ");
  }

  // Past cases and filters, for the keyboard.
  skip() {
    const first = () => /** @type {HTMLElement | null} */ (this.grid.body.querySelector(".ga-card"))?.focus();
    return h("button", { class: "ga-skip ga-button", onClick: first }, "Skip to the images");
  }

  // From the first that nobody has settled, as far as the list is here.
  settleFirst() {
    let first = this.grid.position();
    for (let i = first, row = this.list.at(i); row; i += 1, row = this.list.at(i)) {
      if (!this.decisions.of(row.r)) {
        first = i;
        break;
      }
    }
    this.review.open(first, true, remembered("ltnet-look") !== "1");
  }

  /** @param {string} size of the pictures */
  resize(size) {
    this.size = size;
    remember("ltnet-size", size);
    this.grid.body.dataset.size = size;
  }

  close() {
    this.closed = true;
    for (const timer of [this.soon, this.scrolling]) clearTimeout(timer);
    this.pageAddress.close();
    window.removeEventListener("scroll", this.onScroll, { capture: true });
    for (const kind of MOVES) window.removeEventListener(kind, this.onMove, { capture: true });
    window.removeEventListener("popstate", this.onPop);
    this.list.closed = true;
    this.decisions.close();
    this.grid.close();
    this.map.close();
    this.settling.close();
    this.review.destroy();
    this.images.close();
  }
}

/**
 * The gallery of each place on a page.
 * @type {WeakMap<ParentNode, Gallery>}
 */
const galleries = new WeakMap();

/** @param {Component} component */
export default function (component) {
  const { parentElement, data } = component;
  const root = parentElement.querySelector(".ga");
  if (!root) return undefined;
  const before = galleries.get(parentElement);
  if (before?.root === root && before.data.api === data.api) {
    before.update(component);
  } else {
    before?.close();
    galleries.set(parentElement, new Gallery(root, component));
  }
  return () => {
    // Streamlit calls this too where new data came before this call had ended: the gallery is still on the page then.
    if (root.isConnected) return;
    galleries.get(parentElement)?.close();
    galleries.delete(parentElement);
  };
}
