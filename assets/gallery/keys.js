// @ts-check
// The keys that settle an item: a digit and a letter for every class, and the list that shows and changes them.

import { h, named, remember, remembered } from "./core.js";

/** @typedef {{ digit: string, letter: string }} ClassKey */

/**
 * A key for every class: its place, and a letter of its name. Commands have no letters.
 * @param {string[]} classes
 * @returns {ClassKey[]}
 */
export function classKeys(classes) {
  const taken = new Set();
  return classes.map((name, i) => {
    const letter = [...name.toLowerCase()].find((c) => /^[a-z]$/.test(c) && !taken.has(c)) || "";
    taken.add(letter);
    return { digit: i < 9 ? String(i + 1) : i === 9 ? "0" : "", letter };
  });
}

/**
 * The keys with the letters that somebody chose, as far as they are letters.
 * @param {ClassKey[]} keys
 * @param {string} kept a list as JSON
 * @returns {ClassKey[]}
 */
export function withLetters(keys, kept) {
  let letters = [];
  try {
    letters = JSON.parse(kept || "[]");
  } catch {
    // not ours
  }
  if (!Array.isArray(letters) || letters.length !== keys.length) return keys;
  return keys.map((key, i) => ({ ...key, letter: /^[a-z]?$/.test(letters[i]) ? letters[i] : key.letter }));
}

/**
 * The keys after one class got a letter; the class that had it gets the other's. Null where it is no letter.
 * @param {ClassKey[]} keys
 * @param {number} k
 * @param {string} text
 * @returns {ClassKey[] | null}
 */
export function changed(keys, k, text) {
  const letter = text.trim().toLowerCase();
  if (!/^[a-z]?$/.test(letter)) return null;
  return keys.map((key, i) => {
    if (i === k) return { ...key, letter };
    return letter && key.letter === letter ? { ...key, letter: keys[k].letter } : key;
  });
}

const COMMANDS = [
  ["1 … 0", "the class at that place"],
  ["letter", "the class that has it, below"],
  ["Enter", "shows the labels where they are hidden, else agrees with the learned truth (LT)"],
  ["Space", "skips: seen, and left open"],
  ["Backspace", "takes the last answer back"],
  ["← →", "the one before, the next one"],
  ["/", "a reason for the next answer"],
  ["Escape", "closes"],
];

export class Keys {
  /** @param {string[]} classes */
  constructor(classes) {
    this.classes = classes;
    this.name = `ltnet-keys:${JSON.stringify(classes)}`;
    this.all = withLetters(classKeys(classes), remembered(this.name));
  }

  /**
   * The class of a key, −1 for none.
   * @param {string} key
   */
  classOf(key) {
    return key ? this.all.findIndex(({ digit, letter }) => key === digit || key === letter) : -1;
  }

  /**
   * Show every key, and the letters of the classes to change.
   * @param {HTMLElement} around
   * @param {() => void} redrawn called when a letter has changed
   */
  show(around, redrawn) {
    const close = () => {
      dialog.close();
      dialog.remove();
      around.focus();
    };
    const fields = this.classes.map((name, k) =>
      h("input", {
        value: this.all[k].letter.toUpperCase(),
        maxLength: 1,
        "aria-label": `Letter of ${name}`,
        onChange: () => {
          this.all = changed(this.all, k, fields[k].value) || this.all;
          remember(this.name, JSON.stringify(this.all.map((key) => key.letter)));
          fields.forEach((field, i) => (field.value = this.all[i].letter.toUpperCase()));
          redrawn();
        },
      }),
    );
    const dialog = h(
      "dialog",
      { class: "ga-keys", "aria-label": "Keys", onCancel: (/** @type {Event} */ e) => (e.preventDefault(), close()) },
      h("h2", {}, "Keys"),
      h("ul", {}, COMMANDS.map(([key, text]) => h("li", {}, h("kbd", {}, key), h("span", {}, text)))),
      h("h2", {}, "Letters of the classes"),
      h("div", { class: "ga-letters" }, this.classes.map((name, k) => h("label", {}, fields[k], named(name)))),
      h("button", { class: "ga-button primary", onClick: close }, "Done"),
    );
    around.append(dialog);
    dialog.showModal();
  }
}
