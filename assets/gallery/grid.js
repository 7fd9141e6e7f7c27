// @ts-check
// The images: blocks of a hundred that come as one scrolls, and go again when they are far away.

import { BLOCK, SKIPPED } from "./constants.js";
import { clamp, h, messageOf, named, percent, share, when, whole } from "./core.js";

/** @import { Gallery } from "./main.js" */
/** @import { Decision, Row } from "./types.js" */

const NEAR = "1400px";
const MOST_LABELS = 8; // on a card; people come before machine coders

export class Grid {
  /** @param {Gallery} app */
  constructor(app) {
    this.app = app;
    this.above = h("div", { class: "ga-edge" });
    this.below = h("div", { class: "ga-edge" });
    this.body = h("div", { class: "ga-blocks" });
    this.element = h("div", { class: "ga-grid" }, this.above, this.body, this.below);
    this.element.addEventListener("keydown", (e) => this.key(e));
    /**
     * The blocks on the page, by number.
     * @type {Map<number, HTMLElement>}
     */
    this.shown = new Map();
    this.turn = 0;
    this.busy = false;
    /** @type {IntersectionObserver | null} */
    this.watch = null;
    /** @type {IntersectionObserver | null} */
    this.sight = null;
    /** @type {Element} */
    this.scroller = document.documentElement;
  }

  // What scrolls is known once the gallery is on the page; near it means near what scrolls, not the window.
  start() {
    this.scroller = scrollerOf(this.element);
    const root = this.scroller === document.scrollingElement ? null : this.scroller;
    this.watch = new IntersectionObserver((entries) => this.moved(entries), { root, rootMargin: NEAR });
    this.sight = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) if (isIntersecting) this.app.seen.add(rowOf(target));
    });
  }

  // What is in sight is the place before; the next is on its way.
  get isStale() {
    return this.element.classList.contains("stale");
  }

  // Show the list from a position on.
  async reset(position = 0) {
    const turn = (this.turn += 1);
    const number = Math.floor(position / BLOCK);
    this.busy = false;
    this.element.classList.add("stale");
    let rows;
    try {
      rows = await this.app.list.block(number);
    } catch (error) {
      if (turn === this.turn) this.fail(error);
      return;
    }
    if (turn !== this.turn) return;
    if (!this.watch) this.start();
    for (const block of this.shown.values()) this.watch?.unobserve(block);
    this.shown.clear();
    this.body.replaceChildren();
    this.element.classList.remove("stale");
    this.body.dataset.size = this.app.size;
    if (!rows.length) {
      const text = this.app.list.total ? "The list ends before this place." : "No image fits these filters. Loosen one of them.";
      this.body.append(h("p", { class: "ga-empty" }, text));
    } else {
      this.put(number, rows);
      if (position) {
        this.app.still = true;
        const target = this.body.querySelector(`[data-position="${position}"]`) || this.body.firstElementChild;
        target?.scrollIntoView({ block: "start" });
      }
    }
    this.app.listed();
    this.again();
  }

  /** @param {unknown} error */
  fail(error) {
    this.element.classList.remove("stale");
    for (const block of this.shown.values()) this.watch?.unobserve(block);
    this.shown.clear();
    this.body.replaceChildren(h("p", { class: "ga-note error", role: "alert" }, messageOf(error)));
    this.app.listed();
  }

  // An edge that stays in sight while blocks come fires no event: ask again.
  again() {
    for (const edge of [this.above, this.below]) {
      this.watch?.unobserve(edge);
      this.watch?.observe(edge);
    }
  }

  /** @param {IntersectionObserverEntry[]} entries */
  async moved(entries) {
    for (const { target, isIntersecting, boundingClientRect } of entries) {
      if (!(target instanceof HTMLElement)) continue;
      if (target === this.below && isIntersecting) this.extend(1);
      else if (target === this.above && isIntersecting) this.extend(-1);
      else if (target.dataset.block) {
        if (isIntersecting) this.fill(target);
        else if (boundingClientRect.height) this.empty(target, boundingClientRect.height);
      }
    }
  }

  /** @param {1 | -1} direction */
  async extend(direction) {
    if (!this.shown.size || this.busy) return;
    const numbers = [...this.shown.keys()];
    const number = direction > 0 ? Math.max(...numbers) + 1 : Math.min(...numbers) - 1;
    if (number < 0 || number * BLOCK >= (this.app.list.total || 0)) return;
    const { turn } = this;
    this.busy = true;
    try {
      const rows = await this.app.list.block(number);
      if (turn === this.turn && rows.length) this.put(number, rows, direction < 0);
    } catch (error) {
      if (turn === this.turn) this.app.say(messageOf(error));
    } finally {
      if (turn === this.turn) this.busy = false;
    }
    if (turn === this.turn) this.again();
  }

  /**
   * @param {number} number of the block
   * @param {Row[]} rows
   * @param {boolean} [before] the blocks that are shown
   */
  put(number, rows, before = false) {
    const block = h("div", { class: "ga-block", dataset: { block: String(number) } });
    this.shown.set(number, block);
    const { scroller } = this;
    const height = scroller.scrollHeight;
    if (before) this.body.prepend(block);
    else this.body.append(block);
    this.write(block, number, rows);
    // What comes above must not push away what one looks at.
    if (before) scroller.scrollTop += scroller.scrollHeight - height;
    this.watch?.observe(block);
  }

  /**
   * @param {HTMLElement} block
   * @param {number} number
   * @param {Row[]} rows
   */
  write(block, number, rows) {
    block.style.height = "";
    block.replaceChildren(...rows.map((row, i) => this.card(row, number * BLOCK + i)));
    block.dataset.full = "1";
    this.app.images.bring(
      rows.map((r) => r.r),
      (row, address) => this.picture(block, row, address),
    ).catch(() => {
      // the connection was lost: they come when the block is shown again
    });
  }

  /** @param {HTMLElement} block */
  async fill(block) {
    if (block.dataset.full) return;
    const number = Number(block.dataset.block);
    const { turn } = this;
    const rows = await this.app.list.block(number).catch(() => null);
    if (rows && turn === this.turn && !block.dataset.full) this.write(block, number, rows);
  }

  /**
   * @param {HTMLElement} block
   * @param {number} height
   */
  empty(block, height) {
    if (!block.dataset.full) return;
    block.style.height = `${height}px`;
    block.replaceChildren();
    delete block.dataset.full;
  }

  /**
   * @param {HTMLElement} block
   * @param {number} row
   * @param {string} address
   */
  picture(block, row, address) {
    const card = block.querySelector(`.ga-card[data-row="${row}"]`);
    card?.classList.remove("waits");
    const picture = address ? h("img", { src: address, alt: "" }) : h("span", { class: "ga-gone" }, "image cannot be read");
    card?.querySelector(".ga-picture")?.replaceChildren(picture);
  }

  /**
   * @param {Row} row
   * @param {number} position
   */
  card(row, position) {
    const { app } = this;
    const card = h(
      "button",
      {
        class: "ga-card waits",
        dataset: { row: String(row.r), position: String(position), name: row.n },
        onClick: () => app.review.open(position),
      },
      h("span", { class: "ga-unseen" }, `${row.n}: `),
      h("div", { class: "ga-picture" }),
      h("div", { class: "ga-caption" }, this.chips(row, MOST_LABELS)),
    );
    this.sight?.observe(card);
    const box = h("input", {
      type: "checkbox",
      tabIndex: -1, // X on the image does the same
      checked: app.many.has(row.r),
      "aria-label": `Choose ${row.n}`,
      dataset: { row: String(row.r) },
      onClick: (/** @type {MouseEvent} */ e) => app.many.toggle(row, position, e.shiftKey),
    });
    return h("div", { class: "ga-tile" }, card, h("label", { class: "ga-pick", title: "Choose it; with shift, all from the last one" }, box));
  }

  /**
   * @param {Row} row
   * @param {number} [most] labels; how many more there are is said
   */
  chips(row, most = Infinity) {
    const { app } = this;
    const { coders, codes, classes } = app.data;
    const chips = [];
    const labelled = row.l.flatMap((label, c) => (label < 0 ? [] : [[label, c]]));
    labelled.slice(0, most).forEach(([label, c]) => {
      const kind = coders[c].given ? "done" : row.t < 0 ? "" : label === row.t ? "yes" : "no";
      chips.push(chip(coders[c].short, codes[label], kind, `${coders[c].name} says ${classes[label]}`));
    });
    const more = labelled.length - most;
    if (more > 0) chips.push(h("span", { class: "ga-chip", title: "more labels; a click on the image shows them" }, `+${whole(more)}`));
    if (app.data.truth) chips.push(chip("LT", codes[row.t] ?? "?", "lt", `learned truth: ${classes[row.t] ?? "unknown"}`));
    const right = row.t < 0 ? "" : row.k === row.t ? "yes" : "no";
    if (row.k >= 0) chips.push(chip("true", codes[row.k], right, `known truth: ${classes[row.k]}`));
    for (const tag of row.g) chips.push(h("span", { class: "ga-chip", title: "tag" }, "# ", named(tag)));
    const decision = app.decisions.of(row.r);
    if (decision) chips.push(decisionChip(app, decision));
    if (!app.data.truth) return chips;
    const bar = h("span", { class: "ga-bar-of" }, h("i", { style: { width: share(row.c) } }));
    chips.push(h("span", { class: "ga-confidence", title: `confidence ${percent(row.c, 1)}` }, bar, percent(row.c)));
    return chips;
  }

  /** @param {number} position of the image that gets the keyboard's focus; the first one where it is not in sight */
  focus(position) {
    /** @type {HTMLElement | null} */
    const card = this.body.querySelector(`.ga-card[data-position="${position}"]`) ?? this.body.querySelector(".ga-card");
    card?.focus({ preventScroll: true });
  }

  // Which images are chosen.
  mark() {
    for (const box of this.body.querySelectorAll(".ga-pick input")) {
      if (box instanceof HTMLInputElement) box.checked = this.app.many.has(rowOf(box));
    }
  }

  /**
   * Rows whose state has changed.
   * @param {number[]} rows
   */
  refresh(rows) {
    for (const row of rows) {
      const card = this.body.querySelector(`.ga-card[data-row="${row}"]`);
      const known = card && this.app.list.at(positionOf(card));
      if (known && known.r === row) card.querySelector(".ga-caption")?.replaceChildren(...this.chips(known, MOST_LABELS));
    }
  }

  // The first position in sight.
  position() {
    for (const card of this.body.querySelectorAll(".ga-card")) {
      if (card.getBoundingClientRect().bottom > 90) return positionOf(card);
    }
    return 0;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const card = event.target instanceof Element && event.target.closest(".ga-card");
    if (!card || event.ctrlKey || event.metaKey || event.altKey) return;
    const cards = [.../** @type {NodeListOf<HTMLElement>} */ (this.body.querySelectorAll(".ga-card"))];
    const at = cards.findIndex((c) => c === card);
    const top = card.getBoundingClientRect().top;
    const across = cards.filter((c) => Math.abs(c.getBoundingClientRect().top - top) < 2).length || 1;
    if (event.key.toLowerCase() === "x") {
      const row = this.app.list.at(positionOf(card));
      if (row) this.app.many.toggle(row, positionOf(card), event.shiftKey);
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across }[event.key];
    if (!step) return;
    event.preventDefault();
    cards[clamp(at + step, 0, cards.length - 1)]?.focus();
  }

  close() {
    this.turn += 1;
    this.watch?.disconnect();
    this.sight?.disconnect();
  }
}

/** @param {Element} card */
const rowOf = (card) => Number(card.getAttribute("data-row"));

/** @param {Element} card */
const positionOf = (card) => Number(card.getAttribute("data-position"));

/**
 * @param {string} who
 * @param {string} what
 * @param {string} kind
 * @param {string} title
 */
function chip(who, what, kind, title) {
  return h("span", { class: `ga-chip ${kind}`, title }, h("em", {}, named(who), ": "), h("b", {}, named(what)), " ");
}

/**
 * @param {Gallery} app
 * @param {Decision} decision
 */
function decisionChip(app, decision) {
  const what = decision.label === SKIPPED ? "skipped" : app.data.codes[decision.label];
  const by = decision.by ? ` by ${decision.by}` : "";
  const title = decision.pending ? "not on the server yet" : `settled${by} ${when(decision.at)}`;
  const kind = decision.pending ? "waits" : decision.label === SKIPPED ? "skipped" : "done";
  return h("span", { class: `ga-chip ${kind}`, title }, decision.pending ? "… " : decision.label === SKIPPED ? "" : "✓ ", h("b", {}, named(what)));
}

/**
 * What scrolls around an element, through shadow roots.
 * @param {Node} element
 * @returns {Element}
 */
export function scrollerOf(element) {
  /** @type {Node | null} */
  let node = element;
  while (node) {
    if (node instanceof Element) {
      const flow = getComputedStyle(node).overflowY;
      if (flow === "auto" || flow === "scroll") return node;
    }
    /** @type {Node} */
    const root = node.getRootNode();
    node = node.parentElement || (root instanceof ShadowRoot ? root.host : null);
  }
  return document.scrollingElement || document.documentElement;
}
