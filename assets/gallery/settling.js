// @ts-check
// What settling has brought, the queue for several reviewers, and how far reviewers agree.

import { SECOND_OPINION } from "./constants.js";
import { h, messageOf, named, percent, redraw, remember, remembered, whole } from "./core.js";
import { Queue } from "./queue.js";
import { Answer } from "./server.js";

/** @import { Gallery } from "./main.js" */
/** @import { Gains, QueueState, Row } from "./types.js" */

const SETTLING_NEWS = 2500; // ms between two questions what changed
const NO_GAINS = -1;

export class Settling {
  /** @param {Gallery} app */
  constructor(app) {
    this.app = app;
    /** @type {QueueState | null} */
    this.state = null;
    /** @type {Gains | null} */
    this.gains = null;
    this.counted = NO_GAINS; // the last line of the log that the gains are counted of
    this.isAsking = false;
    this.trouble = "";
    /**
     * Rows for which a second opinion was asked for here, or no longer.
     * @type {Map<number, boolean>}
     */
    this.marks = new Map();
    this.brought = h("div", {});
    this.report = h("div", { class: "ga-row" });
    this.held = h("p", { class: "ga-quiet", role: "status" });
    this.agreed = h("div", {});
    this.name = this.nameField();
    this.opener = h("button", { class: "ga-button primary", name: "queue", onClick: () => this.open() }, "Open the queue");
    this.second = this.shareField("second", "% of them to another reviewer");
    this.again = this.shareField("again", "% of them to the same reviewer again");
    this.element = h("div", { class: "ga-settling" }, this.brought, this.report, this.queue(), this.agreed);
    this.chart = { name: "settling", text: "Settling", element: this.element };
    // What is not in sight asks for nothing.
    this.sight = new IntersectionObserver(() => this.look());
    this.sight.observe(this.element);
    this.news = setInterval(() => this.look(), SETTLING_NEWS);
  }

  nameField() {
    const user = this.app.data.reviewer;
    const field = h("input", {
      name: "queue-reviewer",
      maxLength: 200,
      placeholder: "needed for second answers",
      value: user || remembered("ltnet-reviewer"),
      readOnly: Boolean(user),
      onChange: () => {
        remember("ltnet-reviewer", field.value.trim());
        this.app.review.frame.reviewer.value = field.value.trim();
      },
    });
    return field;
  }

  /**
   * @param {"second" | "again"} purpose
   * @param {string} text
   */
  shareField(purpose, text) {
    const field = h("input", {
      type: "number",
      name: `share-${purpose}`,
      min: "0",
      max: "100",
      step: "1",
      onChange: () => this.choose(purpose, field),
    });
    return { field, label: h("label", { class: "ga-share" }, field, h("span", {}, text)) };
  }

  queue() {
    return h(
      "section",
      { "aria-label": "Queue" },
      h("h2", {}, "Queue for several reviewers"),
      h("p", { class: "ga-quiet" }, "Images of this view, in its order; nobody gets what another holds. The image comes first."),
      h("label", { class: "ga-share" }, "Your name ", this.name),
      h("div", { class: "ga-row" }, this.opener),
      this.held,
      h("p", { class: "ga-quiet" }, "Some settled images can come a second time, without their first answer in sight:"),
      this.second.label,
      this.again.label,
      h("p", { class: "ga-quiet" }, "So do images with the tag “second opinion”. A second answer settles nothing; where it differs from the first, the image gets the tag “opinions differ”."),
    );
  }

  open() {
    const { app } = this;
    if (app.review.isOpen) return;
    const queue = new Queue(app);
    app.review.queue = queue;
    app.review.blind = true;
    app.review.start();
    app.review.show(0);
  }

  /**
   * @param {"second" | "again"} purpose
   * @param {HTMLInputElement} field
   */
  async choose(purpose, field) {
    const percentage = Number(field.value);
    if (field.value === "" || !(percentage >= 0 && percentage <= 100)) {
      this.app.say("A share is a number from 0 to 100.");
      if (this.state) field.value = String(this.state.shares[purpose]);
      return;
    }
    try {
      await this.app.server.post("shares", { [purpose]: percentage });
    } catch (error) {
      this.app.say(messageOf(error));
    }
    await this.look();
  }

  /**
   * Ask for a second opinion about an item, or no longer.
   * @param {Row} row
   */
  async mark(row) {
    const { app } = this;
    const wanted = !this.isMarked(row);
    this.marks.set(row.r, wanted);
    if (this.isDue(row) && row.g.includes(SECOND_OPINION)) {
      app.review.refresh(); // somebody has asked for it, which is what brought it here
      return;
    }
    const key = `${app.decisions.client}.${row.r}.${Date.now().toString(36)}`;
    const kind = wanted ? "tag" : "untag";
    try {
      await app.server.post("actions", { view: {}, rows: [row.r], kind, value: SECOND_OPINION, key, reviewer: app.many.reviewer() });
      row.g = wanted ? [...row.g, SECOND_OPINION] : row.g.filter((tag) => tag !== SECOND_OPINION);
    } catch (error) {
      app.say(messageOf(error));
    }
    app.review.refresh();
  }

  /** @param {Row} row */
  isDue(row) {
    return Boolean(this.app.review.queue?.secondOf(row.r));
  }

  // Who gives a second answer must not know that somebody has asked for it.
  /** @param {Row} row */
  isMarked(row) {
    return this.marks.get(row.r) ?? (!this.isDue(row) && row.g.includes(SECOND_OPINION));
  }

  /**
   * @param {HTMLButtonElement} button that asks for a second opinion
   * @param {Row | null} row
   */
  drawMark(button, row) {
    button.disabled = !row;
    button.setAttribute("aria-pressed", String(row !== null && this.isMarked(row)));
  }

  get inSight() {
    return !document.hidden && this.element.getClientRects().length > 0 && !this.app.closed;
  }

  async look() {
    if (this.isAsking || !this.inSight) return;
    this.isAsking = true;
    try {
      this.state = await this.app.server.json("queue", this.app.wish());
      this.trouble = "";
      this.draw();
      if (this.app.data.truth && this.state?.last !== this.counted) {
        const { last } = /** @type {QueueState} */ (this.state);
        this.gains = await this.app.server.json("gains");
        this.counted = last;
      }
    } catch (error) {
      // A connection that is lost is told above the images, and is tried again.
      this.trouble = error instanceof Answer ? error.message : "";
    }
    this.isAsking = false;
    if (!this.app.closed) this.draw();
  }

  draw() {
    const { app, gains, state } = this;
    const first = gains ? gains.sentences : ["Counting …"];
    if (app.data.truth) {
      redraw(
        this.brought,
        h("h2", {}, "What settling has brought"),
        this.trouble ? h("p", { class: "ga-note warning" }, this.trouble) : null,
        first.map((text) => h("p", {}, named(text))),
        gains?.matrices.length ? this.matrices(gains) : null,
        gains ? this.meaning(gains.meaning) : null,
      );
    }
    redraw(this.report, app.decisions.count ? app.history.reports() : null);
    if (!state) return;
    const held = Object.entries(state.held).map(([who, n]) => `${who || "somebody without a name"} ${whole(n)}`);
    const text = `${whole(state.open)} open in this view${held.length ? `; held now: ${held.join(", ")}` : ""}.`;
    if (this.held.textContent !== text) this.held.textContent = text;
    for (const [purpose, { field }] of /** @type {const} */ ([["second", this.second], ["again", this.again]])) {
      if (document.activeElement !== field && !field.matches(":focus")) field.value = String(state.shares[purpose]);
    }
    redraw(this.agreed, state.agreements.length ? this.agreements(state) : null);
  }

  /** @param {Gains} gains */
  matrices(gains) {
    const rows = gains.matrices.slice(0, 8).map((m) =>
      h("tr", {}, h("th", { scope: "row" }, named(this.app.coderName(m.coder))), h("td", {}, `± ${m.before.toFixed(3)}`), h("td", {}, `± ${m.after.toFixed(3)}`)),
    );
    const head = ["matrix of", "before", "now"].map((text) => h("th", { scope: "col" }, text));
    return h("table", { class: "ga-figures" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows));
  }

  /** @param {string} text */
  meaning(text) {
    const isOpen = this.brought.querySelector("details")?.open ?? false;
    return h("details", { open: isOpen }, h("summary", { dataset: { key: "meaning" } }, "How this is counted"), h("p", { class: "ga-quiet" }, text));
  }

  /** @param {QueueState} state */
  agreements(state) {
    const rows = state.agreements.map((a) =>
      h(
        "tr",
        {},
        h("th", { scope: "row" }, named(a.who)),
        h("td", {}, `${percent(a.share)} (${percent(a.low)} to ${percent(a.high)})`),
        h("td", {}, a.kappa === null ? "–" : a.kappa.toFixed(2)),
        h("td", {}, whole(a.images)),
      ),
    );
    const head = ["answers of", "same (95 % interval)", "kappa", "n"].map((text) => h("th", { scope: "col" }, text));
    return [h("h2", {}, "Agreement of reviewers"), h("table", { class: "ga-figures" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows))];
  }

  close() {
    clearInterval(this.news);
    this.sight.disconnect();
    this.app.review.queue?.leave();
  }
}
