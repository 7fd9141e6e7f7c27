// @ts-check
// The line above the images: how many there are, where one is in the list, settling and refitting.

import { placeOf } from "./address.js";
import { chosenOf, restrictions } from "./choices.js";
import { BLOCK } from "./constants.js";
import { counted, h, redraw, remember, remembered, sleep, whole } from "./core.js";

/** @import { Gallery } from "./main.js" */

const SIZES = { small: "small", "": "medium", large: "large" };

export class Head {
  /** @param {Gallery} app */
  constructor(app) {
    this.app = app;
    this.element = h("section", { class: "ga-head" });
    this.folded = remembered("ltnet-folded") === "1";
    this.asking = false; // how a refit takes the answers
    this.onlyBlind = false;
    this.typed = ""; // into the number of the place, which is drawn anew meanwhile
    this.isStarting = false; // a refit was asked for, and its page has not come yet
  }

  draw() {
    const { app } = this;
    const { total } = app.list;
    const of = chosenOf(app.view, "split").reduce((sum, split) => sum + (app.data.totals[split] ?? 0), 0);
    const count = total === null ? "" : `${whole(total)} of ${counted(Math.max(of, total), "image")}`;
    const { settled } = app.progress();
    const size = {
      class: "ga-button",
      name: "size",
      title: "Size of the pictures",
      "aria-label": "Size of the pictures",
      onChange: () => app.resize(sizes.value),
    };
    const sizes = h("select", size, Object.entries(SIZES).map(([value, text]) => h("option", { value, selected: value === app.size }, text)));
    redraw(
      this.element,
      h(
        "button",
        { class: "ga-button", name: "fold", "aria-expanded": String(!this.folded), onClick: () => this.fold() },
        this.folded ? this.chosen() : "hide filters",
      ),
      h("b", {}, count),
      settled ? h("span", { class: "ga-quiet" }, `${whole(settled)} of these settled`) : "",
      total !== null && total > BLOCK ? this.jump(total) : "",
      h(
        "div",
        { class: "ga-acts" },
        sizes,
        h("button", { class: "ga-button primary", name: "settle", disabled: !total, onClick: () => app.settleFirst() }, "Settle these"),
        this.refit(app.decisions.count || 0),
      ),
    );
  }

  /**
   * To another place in the list.
   * @param {number} total
   */
  jump(total) {
    const { app } = this;
    const at = placeOf(app.view);
    const root = /** @type {Document | ShadowRoot} */ (this.element.getRootNode());
    if (root.activeElement?.getAttribute("name") !== "number") this.typed = ""; // nobody types any more
    const number = h("input", {
      type: "number",
      name: "number",
      min: "1",
      max: String(total),
      value: this.typed || String(at + 1),
      "aria-label": "Number in the list",
      onInput: () => (this.typed = number.value),
      onChange: () => {
        this.typed = "";
        app.jump(Math.max(Number(number.value) - 1, 0));
      },
    });
    const slider = h("input", {
      type: "range",
      name: "place",
      min: "0",
      max: String(Math.max(total - 1, 0)),
      step: String(BLOCK),
      value: String(at),
      "aria-label": "Place in the list",
      title: "Go to another place in the list",
      onInput: () => (number.value = String(Number(slider.value) + 1)),
      onChange: () => app.jump(Number(slider.value)),
    });
    return h("span", { class: "ga-jump" }, slider, h("label", {}, "no. ", number));
  }

  // Show or hide cases and filters, beside the pictures.
  fold() {
    this.folded = !this.folded;
    remember("ltnet-folded", this.folded ? "1" : "");
    this.app.body.classList.toggle("folded", this.folded);
    this.draw();
  }

  // What the button that shows the filters says: how many restrict the list.
  chosen() {
    const set = restrictions(this.app).length;
    return set ? `show filters (${set} set)` : "show filters";
  }

  /** @param {number} inAll how many are settled in the whole dataset */
  refit(inAll) {
    const { app } = this;
    if (this.isStarting) return h("span", { class: "ga-quiet", role: "status" }, "Starting the refit …");
    const aside = app.decisions.setAside;
    if (!inAll && !aside) return "";
    if (!app.data.refit) return inAll ? h("span", { class: "ga-quiet" }, `${whole(inAll)} settled in all`) : "";
    if (app.data.learned === inAll && !app.decisions.number && !aside) {
      return h("span", { class: "ga-quiet" }, `learned from ${whole(inAll)} settled`);
    }
    const text = [inAll && `with ${whole(inAll)} settled`, aside && `without ${whole(aside)} set aside`].filter(Boolean).join(", ");
    if (!this.asking) {
      return h("button", { class: "ga-button", name: "refit", onClick: () => this.ask(true) }, `Refit ${text} …`);
    }
    const start = (/** @type {string} */ how) => async () => {
      this.isStarting = true;
      this.ask(false);
      while (app.decisions.pending.length) await sleep(100);
      app.tell({ kind: "refit", how, blind: this.onlyBlind });
    };
    if (!inAll) {
      return h(
        "span",
        { class: "ga-refit" },
        h("button", { class: "ga-button primary", onClick: start("trust") }, `train again ${text}`),
        h("button", { class: "ga-link", onClick: () => this.ask(false) }, "not now"),
      );
    }
    return h(
      "span",
      { class: "ga-refit" },
      h("button", { class: "ga-button primary", title: "What was settled is the truth", onClick: start("trust") }, "take the answers as truth"),
      h("button", { class: "ga-button", title: "People err too: a matrix is learned for their answers", onClick: start("learn") }, "learn how the answers err"),
      this.blindOnly(),
      aside ? h("span", { class: "ga-quiet" }, `${whole(aside)} set aside are left out`) : "",
      h("button", { class: "ga-link", onClick: () => this.ask(false) }, "not now"),
    );
  }

  // Leaves out answers given with the labels in sight.
  blindOnly() {
    const blind = this.app.decisions.blind || 0;
    this.onlyBlind &&= blind > 0;
    const box = h("input", { type: "checkbox", name: "only-blind", disabled: !blind, checked: this.onlyBlind, onChange: () => (this.onlyBlind = box.checked) });
    const title = "Leave out answers given when the labels were in sight, or had been in the list";
    return h("label", { class: "ga-check", title }, box, `only the ${blind === 1 ? "blind answer" : `${whole(blind)} blind answers`}`);
  }

  /** @param {boolean} asking */
  ask(asking) {
    this.asking = asking;
    this.draw();
    /** @type {HTMLElement | null} */ (this.element.querySelector(".ga-refit button, [name=refit]"))?.focus();
  }
}
