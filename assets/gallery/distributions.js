// @ts-check
// How the images of the view spread over the classes, by the truth and by each coder; a bar filters the images.

import { chosenOf, facets, toggled } from "./choices.js";
import { ANYTHING, NOTHING } from "./constants.js";
import { counted, h, named, percent, redraw, share, whole } from "./core.js";

/** @import { Facet } from "./choices.js" */
/** @import { Gallery } from "./main.js" */

const SHOWN = ["truth", "known", "confidence"]; // beside the coders
const MOST_CODERS = 4; // where none is asked for

export class Distributions {
  /** @param {Gallery} app */
  constructor(app) {
    this.app = app;
    this.blocks = h("div", { class: "ga-spreads" });
    this.element = h(
      "section",
      { class: "ga-matrix", "aria-label": "Distributions" },
      h("h2", {}, "Distributions"),
      h("p", { class: "ga-quiet" }, "Images of each class, under the other filters. A bar shows its images."),
      this.blocks,
    );
  }

  load() {
    if (this.app.dock.shown === "distributions") this.draw();
  }

  draw() {
    const { app } = this;
    const labelling = app.data.coders.filter((c) => !c.given).map((c) => c.id);
    const asked = app.facets.coders();
    const coders = asked.length ? asked : labelling.slice(0, MOST_CODERS);
    redraw(this.blocks, facets(app, coders).filter(({ name }) => SHOWN.includes(name) || name.startsWith("says.")).map((facet) => this.block(facet)));
  }

  /** @param {Facet} facet */
  block(facet) {
    const { app } = this;
    const counts = app.facets.counts[facet.name] ?? {};
    const values = facet.values.filter(([value]) => value !== ANYTHING && value !== NOTHING);
    const all = values.reduce((sum, [value]) => sum + (counts[value] ?? 0), 0);
    const most = Math.max(...values.map(([value]) => counts[value] ?? 0));
    if (!all) return null;
    const chosen = chosenOf(app.view, facet.name);
    return h(
      "div",
      { class: "ga-spread", role: "group", "aria-label": facet.title },
      h("h3", {}, named(facet.title)),
      values.map(([value, text]) => {
        const n = counts[value] ?? 0;
        const on = chosen.includes(value);
        return h(
          "button",
          {
            class: "ga-spread-bar" + (on ? " on" : ""),
            "aria-pressed": String(on),
            "aria-label": `${facet.title}: ${text}, ${counted(n, "image")}, ${percent(n / all)}`,
            dataset: { key: `spread:${facet.name}=${value}` },
            onClick: () => app.set(toggled(app.view, facet, value)),
          },
          h("span", {}, named(text)),
          h("i", {}, h("i", { style: { width: share(n / most) } })),
          h("span", { class: "ga-n" }, whole(n)),
        );
      }),
    );
  }
}
