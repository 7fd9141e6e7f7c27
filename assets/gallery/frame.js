// @ts-check
// The frame of the dialog that shows one item: its parts, fields and buttons, in their order.

import { SKIPPED } from "./constants.js";
import { h, named, remember, remembered } from "./core.js";

/** @import { Keys } from "./keys.js" */
/** @import { Gallery } from "./main.js" */
/** @import { Review } from "./review.js" */

export class Frame {
  /**
   * @param {Gallery} app
   * @param {Review} review what the buttons act on
   */
  constructor(app, review) {
    this.review = review;
    this.filled = h("i", {}); // how much is settled
    this.parts = {
      place: h("b", {}),
      progress: h("div", { class: "ga-progress" }, this.filled),
      progressText: h("span", { class: "ga-quiet" }),
      state: h("span", { class: "ga-state", role: "status" }),
      conflicts: h("div", { class: "ga-conflicts" }),
      picture: h("div", { class: "ga-large" }),
      name: h("p", { class: "ga-name" }),
      about: h("div", { class: "ga-about" }),
      details: h("div", { class: "ga-details" }),
      strip: h("div", { class: "ga-strip", "aria-hidden": "true" }),
    };
    this.reviewer = this.reviewerField(app.data.reviewer);
    this.reason = h("input", {
      name: "reason",
      maxLength: 500,
      placeholder: "reason (optional)",
      "aria-label": "Reason, kept with the next decision",
      title: "Kept with the next decision; / brings you here",
    });
    this.blindly = this.blindSwitch();
    this.buttons = app.data.classes.map((name, k) =>
      h("button", { class: "ga-class", onClick: () => review.settle(k) }, h("kbd", {}), h("kbd", {}), h("span", {}, named(name))),
    );
    this.agree = h("button", { class: "ga-button", name: "agree", onClick: () => review.enter() });
    const title = "Another reviewer gets it in the queue, when it is settled";
    const mark = () => review.row && app.settling.mark(review.row);
    this.opinion = h("button", { class: "ga-button", name: "mark-second", title, onClick: mark }, "second opinion");
    this.element = this.dialog();
  }

  dialog() {
    const { parts, review } = this;
    const dialog = h("dialog", {
      class: "ga-review",
      "aria-label": "One image",
      tabIndex: -1,
      // After a click the keys belong to the item again.
      onPointerup: (/** @type {Event} */ e) => !(e.target instanceof HTMLInputElement) && dialog.focus(),
      onCancel: (/** @type {Event} */ e) => {
        e.preventDefault();
        review.close();
      },
    });
    const settle = h(
      "section",
      { class: "ga-settle", "aria-label": "Settle it" },
      h("h2", {}, "What is it?"),
      h("div", { class: "ga-classes" }, this.buttons),
      h(
        "div",
        { class: "ga-row" },
        this.agree,
        h("button", { class: "ga-button", onClick: () => review.settle(SKIPPED) }, h("kbd", {}, "Space"), "skip"),
        h("button", { class: "ga-button", onClick: () => review.undo() }, h("kbd", {}, "⌫"), "undo"),
        this.opinion,
      ),
      this.reason,
    );
    const figure = h("figure", {}, parts.picture, parts.name, parts.about);
    dialog.append(this.header(), parts.conflicts, h("div", { class: "ga-columns" }, figure, settle, parts.details), parts.strip);
    return dialog;
  }

  header() {
    const { parts, review } = this;
    /** @type {(text: string, title: string, act: () => void, name?: string) => HTMLElement} */
    const button = (text, title, act, name) =>
      h("button", { class: "ga-button", name, title, "aria-label": title, onClick: act }, text);
    return h(
      "header",
      {},
      button("←", "The one before (arrow left)", () => review.step(-1)),
      parts.place,
      button("→", "The next one (arrow right)", () => review.step(1)),
      parts.progress,
      parts.progressText,
      h("span", { class: "ga-grow" }),
      parts.state,
      h("label", { class: "ga-check", title: "Labels, learned truth and reasons are shown after your answer" }, this.blindly, "image first"),
      this.reviewer,
      button("?", "Keys (?)", () => review.showKeys(), "keys"),
      button("✕", "Close (Escape)", () => review.close()),
    );
  }

  /**
   * Where people sign in, the server keeps the signed-in user, whatever stands here.
   * @param {string} user
   */
  reviewerField(user) {
    const field = h("input", {
      name: "reviewer",
      maxLength: 200,
      placeholder: "your name",
      "aria-label": "Your name, kept with what you settle",
      title: user ? "You are signed in by this name; it is kept with what you settle" : "Kept with what you settle",
      value: user || remembered("ltnet-reviewer"),
      readOnly: Boolean(user),
      onChange: () => user || remember("ltnet-reviewer", field.value.trim()),
    });
    return field;
  }

  blindSwitch() {
    const field = h("input", {
      type: "checkbox",
      name: "blind",
      onChange: () => {
        this.review.blind = field.checked;
        remember("ltnet-look", field.checked ? "" : "1");
        field.blur();
        this.review.draw();
      },
    });
    return field;
  }

  /**
   * The keys of the classes stand on their buttons.
   * @param {Keys} keys
   */
  writeKeys(keys) {
    this.buttons.forEach((button, k) => {
      const [digit, letter] = button.querySelectorAll("kbd");
      digit.textContent = keys.all[k].digit;
      letter.textContent = keys.all[k].letter.toUpperCase();
    });
  }
}
