// @ts-check
// The filters that are set, each of which can be taken away.

import { chosenOf, restrictions, written } from "./choices.js";
import { h, named, redraw } from "./core.js";

/** @import { Gallery } from "./main.js" */

export class Chips {
  /** @param {Gallery} app */
  constructor(app) {
    this.app = app;
    this.element = h("div", { class: "ga-chosen", role: "group", "aria-label": "Filters that are set" });
  }

  draw() {
    const { app } = this;
    const lines = restrictions(app);
    this.element.hidden = !lines.length;
    redraw(
      this.element,
      lines.map(({ name, value, text }) =>
        h(
          "button",
          {
            class: "ga-remove",
            title: "Remove this filter",
            "aria-label": `Remove the filter ${text}`,
            dataset: { key: `chip:${name}=${value}`, filter: name },
            onClick: () => app.set(this.without(name, value)),
          },
          named(text),
          h("span", { "aria-hidden": "true" }, " ✕"),
        ),
      ),
      lines.length > 1 ? h("button", { class: "ga-link", name: "clear", onClick: () => app.clear() }, "clear all") : null,
    );
  }

  /**
   * @param {string} name
   * @param {string} value
   */
  without(name, value) {
    const { view } = this.app;
    const left = chosenOf(view, name).filter((v) => v !== value);
    if (name === "split") return { split: left.length ? written(name, left) : "" };
    return { [name]: left.length ? written(name, left) : "" };
  }
}
