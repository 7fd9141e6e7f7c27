// @ts-check
// Elements that the upload shows.

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} [name] of the class
 * @param {string} [text]
 * @returns {HTMLElementTagNameMap[T]}
 */
export function make(tag, name, text = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text) element.textContent = text;
  return element;
}

/**
 * @param {string} text
 * @param {() => void} act
 * @param {string} [kind]
 */
export function button(text, act, kind = "") {
  const element = make("button", `fu-button ${kind}`.trim(), text);
  element.type = "button";
  element.onclick = act;
  return element;
}
