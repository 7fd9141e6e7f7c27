// @ts-check
// What stands beside an item: the last answer, decisions of others, whether everything is saved.

import { SKIPPED } from "./constants.js";
import { h, named, when, whole } from "./core.js";

/** @import { Decisions } from "./decisions.js" */
/** @import { Gallery } from "./main.js" */
/** @import { Conflict, Row } from "./types.js" */

/**
 * What the last image was called, after the answer.
 * @param {Gallery} app
 * @param {Row} row
 * @param {number} label the answer
 */
export function lastAnswer(app, row, label) {
  const address = app.images.get(row.r);
  const mine = label === SKIPPED ? "skipped" : app.data.classes[label];
  const right = row.t < 0 ? "" : label === row.t ? ", as the learned truth" : label === SKIPPED ? "" : "; the learned truth is another";
  const image = address ? h("img", { src: address, alt: "" }) : null;
  return h(
    "div",
    { class: "ga-last" },
    h("h2", {}, "Your last answer: ", named(mine), right),
    h("div", { class: "ga-row" }, image, h("div", { class: "ga-about" }, app.grid.chips(row))),
    h("p", { class: "ga-name" }, row.n),
  );
}

/**
 * Somebody else settled it first.
 * @param {Gallery} app
 * @param {Conflict} conflict
 */
export function conflictNote(app, conflict) {
  const { mine, theirs } = conflict;
  const they = theirs.by || "Somebody else";
  /** @type {(kind: string, label: string) => string} */
  const word = (kind, label) => (kind === "skip" ? "skipped it" : `settled it as ${label}`);
  return h(
    "p",
    { class: "ga-note warning", role: "alert" },
    h("button", { class: "ga-link", title: "Look at it", onClick: () => app.openNamed(mine.image) }, named(mine.image)),
    ": ",
    named(they),
    ` ${word(theirs.kind, theirs.label)} ${when(theirs.at)}; you ${word(mine.kind, app.data.classes[mine.label])}. Yours is not saved. `,
    h("button", { class: "ga-button", onClick: () => app.decisions.resolve(conflict, false) }, "Keep theirs"),
    h("button", { class: "ga-button", onClick: () => app.decisions.resolve(conflict, true) }, "Save mine"),
  );
}

/**
 * Whether everything is saved, in words.
 * @param {Pick<Decisions, "lost" | "why" | "pending" | "conflicts" | "stack">} decisions
 */
export function stateOf(decisions) {
  const waiting = decisions.pending.length;
  if (decisions.lost) return `${decisions.why}; ${whole(waiting)} kept here`;
  if (waiting) return `saving ${whole(waiting)} …`;
  if (decisions.conflicts.length) return `${whole(decisions.conflicts.length)} not saved`;
  return decisions.stack.length ? "all saved" : "";
}
