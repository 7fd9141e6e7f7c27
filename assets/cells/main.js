// @ts-check
// The cells of a matrix for the keyboard and for screen readers: one stop of Tab, the arrow keys choose a cell.

import { moved } from "./moves.js";

/** @import { Component, PageData } from "./types.js" */

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} [text]
 * @param {Record<string, string>} [attributes]
 */
function make(tag, text = "", attributes = {}) {
  const element = document.createElement(tag);
  element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/**
 * @param {PageData} data
 * @param {(truth: number, said: number) => void} pick
 */
function table({ coder, classes, codes, texts }, pick) {
  const head = make("tr");
  head.append(make("td"), ...codes.map((code, k) => make("th", code, { scope: "col", title: classes[k] })));
  const cells = texts.map((row, truth) =>
    row.map((text, label) => {
      const name = `truth ${classes[truth]}, ${coder} says ${classes[label]}: ${text}`;
      const cell = make("button", text, { type: "button", tabindex: truth || label ? "-1" : "0", "aria-label": name });
      cell.onclick = () => pick(truth, label);
      cell.onkeydown = (event) => {
        const to = moved(event.key, truth, label, classes.length);
        if (!to) return;
        event.preventDefault();
        cell.tabIndex = -1;
        cells[to[0]][to[1]].tabIndex = 0;
        cells[to[0]][to[1]].focus();
      };
      return cell;
    }),
  );
  const rows = cells.map((row, k) => {
    const line = make("tr");
    line.append(make("th", codes[k], { scope: "row", title: classes[k] }), ...row.map(inCell));
    return line;
  });
  const [thead, tbody, whole] = [make("thead"), make("tbody"), make("table")];
  thead.append(head);
  tbody.append(...rows);
  whole.append(make("caption", `What ${coder} says, by truth. The arrow keys choose a cell, Enter shows its images.`), thead, tbody);
  return whole;
}

/** @param {HTMLElement} button */
function inCell(button) {
  const cell = make("td");
  cell.append(button);
  return cell;
}

/** @type {WeakMap<Element, string>} */
const drawn = new WeakMap();

/** @param {Component} component */
export default function ({ parentElement, data, setTriggerValue }) {
  const panel = parentElement.querySelector(".mc-panel");
  const content = JSON.stringify(data);
  if (!panel || drawn.get(panel) === content) return; // the focus stays where it is
  drawn.set(panel, content);
  panel.replaceChildren(table(data, (truth, label) => setTriggerValue("cell", { truth, said: label })));
}
