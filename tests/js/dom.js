// A page without a browser: elements, their tree, focus and clicks, as far as the components and their tests need them.

import { pretendBrowser } from "./browser.js";

const TEXTS = ["id", "name", "title", "type", "scope", "src", "alt", "href", "placeholder", "min", "max", "step", "rel"];
const FLAGS = ["hidden", "disabled", "open", "readOnly"];
const PART = /([.#]?[\w-]+|\[[\w-]+(?:="[^"]*")?\]|:[\w-]+(?:\([^)]*\))?)/g;

export class FakeNode {
  parent = null;
  children = [];

  get isConnected() {
    return this.getRootNode() === globalThis.document;
  }

  get parentElement() {
    return this.parent instanceof FakeElement ? this.parent : null;
  }

  getRootNode() {
    return this.parent ? this.parent.getRootNode() : this;
  }

  contains(other) {
    for (let node = other; node; node = node.parent) if (node === this) return true;
    return false;
  }

  remove() {
    if (this.parent) this.parent.children = this.parent.children.filter((child) => child !== this);
    this.parent = null;
  }

  replaceWith(other) {
    const { parent } = this;
    parent.children[parent.children.indexOf(this)] = other;
    [this.parent, other.parent] = [null, parent];
  }

  get textContent() {
    return this.children.map((child) => child.textContent).join("");
  }

  set textContent(text) {
    this.replaceChildren(...(text === "" ? [] : [text]));
  }

  append(...nodes) {
    for (const node of nodes.map(asNode)) {
      node.remove();
      node.parent = this;
      this.children.push(node);
    }
  }

  prepend(...nodes) {
    const after = this.children;
    this.children = [];
    this.append(...nodes, ...after);
  }

  replaceChildren(...nodes) {
    for (const child of this.children) child.parent = null;
    this.children = [];
    this.append(...nodes);
  }

  get firstElementChild() {
    return this.elements()[0] ?? null;
  }

  get childNodes() {
    return [...this.children];
  }

  elements() {
    return this.children.filter((child) => child instanceof FakeElement);
  }

  querySelectorAll(selector) {
    const all = [];
    const walk = (node) => {
      for (const child of node.elements()) {
        if (child.matches(selector)) all.push(child);
        walk(child);
      }
    };
    walk(this);
    return all;
  }

  querySelector(selector) {
    for (const child of this.elements()) {
      const first = child.matches(selector) ? child : child.querySelector(selector);
      if (first) return first;
    }
    return null;
  }

  listeners = new Map();

  addEventListener(kind, act) {
    this.listeners.set(kind, [...(this.listeners.get(kind) ?? []), act]);
  }

  removeEventListener(kind, act) {
    this.listeners.set(kind, (this.listeners.get(kind) ?? []).filter((other) => other !== act));
  }

  // Listeners of the node and of those around it.
  dispatchEvent(happens) {
    happens.target ??= this;
    for (let node = this; node && !happens.isStopped; node = node.parent) {
      node[`on${happens.type}`]?.(happens);
      for (const act of node.listeners.get(happens.type) ?? []) act(happens);
    }
    return !happens.defaultPrevented;
  }
}

/** Selectors that were read before; each is a list of ways, each way a list of parts, each part a list of tests. */
const known = new Map();

function compiled(selector) {
  if (!known.has(selector)) {
    const ways = selector.split(",").map((way) => way.trim().replaceAll(" > ", " ").split(/ +(?![^[]*\])/));
    known.set(selector, ways.map((parts) => parts.map((part) => part.match(PART).map(testOf))));
  }
  return known.get(selector);
}

function testOf(part) {
  if (part[0] === ".") return (element) => element.names.has(part.slice(1));
  if (part[0] === ":") return (element) => globalThis.document.activeElement === element; // :focus and :focus-visible
  if (part[0] !== "[") return (element) => element.tag === part;
  const [, name, , value] = part.match(/^\[([\w-]+)(="([^"]*)")?\]$/);
  return (element) => (value === undefined ? element.getAttribute(name) !== null : element.getAttribute(name) === value);
}

class FakeText extends FakeNode {
  constructor(text) {
    super();
    this.text = text;
  }

  get textContent() {
    return this.text;
  }
}

const asNode = (node) => (node instanceof FakeNode ? node : new FakeText(String(node)));

export class FakeElement extends FakeNode {
  constructor(tag) {
    super();
    this.tag = tag;
    this.attributes = new Map();
    this.style = {};
    this.dataset = {};
    this.names = new Set(); // of its classes
    this.tabIndex = -1;
    this.maxLength = -1;
    this.value = "";
    this.checked = false;
    this.selected = false;
    const { names } = this;
    this.classList = {
      add: (name) => void names.add(name),
      remove: (name) => void names.delete(name),
      contains: (name) => names.has(name),
      toggle: (name, on = !names.has(name)) => void (on ? names.add(name) : names.delete(name)),
    };
  }

  get className() {
    return [...this.names].join(" ");
  }

  set className(text) {
    this.names.clear();
    for (const name of text.split(/\s+/).filter(Boolean)) this.names.add(name);
  }

  getAttribute(name) {
    if (name === "class") return this.className || null;
    const data = name.startsWith("data-") && name.slice(5).replace(/-(\w)/g, (_, c) => c.toUpperCase());
    return (data ? this.dataset[data] : this.attributes.get(name)) ?? null;
  }

  setAttribute(name, value) {
    this.attributes.set(name, String(value));
  }

  removeAttribute(name) {
    this.attributes.delete(name);
  }

  matches(selector) {
    return compiled(selector).some((parts) => this.fits(parts, parts.length - 1));
  }

  // Whether it is what the part at that place asks for, below the others.
  fits(parts, last) {
    if (!parts[last].every((test) => test(this))) return false;
    if (!last) return true;
    for (let node = this.parentElement; node; node = node.parentElement) if (node.fits(parts, last - 1)) return true;
    return false;
  }

  closest(selector) {
    for (let node = this; node; node = node.parentElement) if (node.matches(selector)) return node;
    return null;
  }

  focus() {
    if (this.isConnected && !this.disabled) globalThis.document.activeElement = this;
  }

  blur() {
    if (globalThis.document.activeElement === this) globalThis.document.activeElement = null;
  }

  click() {
    if (this.disabled) return;
    if (this.type === "checkbox") this.checked = !this.checked;
    this.dispatchEvent(event("click"));
    if (this.type === "checkbox") this.dispatchEvent(event("change"));
  }

  /** Choose or type a value, as a person does. */
  enter(value) {
    this.value = value;
    this.dispatchEvent(event("input"));
    this.dispatchEvent(event("change"));
  }

  showModal() {
    if (!this.isConnected) throw new Error("InvalidStateError: the dialog is not on the page");
    this.open = true;
  }

  close() {
    this.open = false;
  }

  scrollIntoView() {}

  setPointerCapture() {}

  getBoundingClientRect() {
    return { left: 0, top: 0, right: 100, bottom: 100, width: 100, height: 100 };
  }

  getClientRects() {
    for (let node = this; node; node = node.parentElement) if (node.hidden) return [];
    return this.isConnected ? [this.getBoundingClientRect()] : [];
  }
}

for (const name of TEXTS) {
  Object.defineProperty(FakeElement.prototype, name, {
    get() {
      return this.attributes.get(name) ?? "";
    },
    set(value) {
      this.attributes.set(name, String(value));
    },
  });
}
for (const name of FLAGS) {
  Object.defineProperty(FakeElement.prototype, name, {
    get() {
      return this.attributes.has(name);
    },
    set(on) {
      if (on) this.attributes.set(name, "");
      else this.attributes.delete(name);
    },
  });
}

export class FakeInput extends FakeElement {}

// The value of a select is that of the chosen option, the first where none was chosen.
class FakeSelect extends FakeElement {
  chosen = null;

  get value() {
    const options = this.querySelectorAll("option");
    return this.chosen ?? (options.find((o) => o.selected) ?? options[0])?.value ?? "";
  }

  set value(value) {
    if (this.parent || value) this.chosen = value;
  }
}

const CLASSES = { input: FakeInput, select: FakeSelect };

/** An event, with what the components ask of it. */
export function event(type, more = {}) {
  return {
    type,
    target: undefined,
    defaultPrevented: false,
    isStopped: false,
    preventDefault() {
      this.defaultPrevented = true;
    },
    stopPropagation() {
      this.isStopped = true;
    },
    stopImmediatePropagation() {
      this.isStopped = true;
    },
    composedPath() {
      return [this.target];
    },
    ...more,
  };
}

/** A fresh page; gives its body. Where the browser would go with an address is `window.location`. */
export function pretendPage(href = "http://localhost:8501/disagreements?run=faces-1") {
  pretendBrowser();
  const body = new FakeElement("body");
  const document = new FakeNode();
  Object.assign(document, { hidden: false, activeElement: null, documentElement: body, scrollingElement: body, body });
  document.createElement = (tag) => new (CLASSES[tag] ?? FakeElement)(tag);
  document.append(body);
  const window = new FakeNode();
  const went = (_state, _title, to) => {
    const url = new URL(to, href);
    window.location = { href: url.href, pathname: url.pathname, search: url.search };
  };
  window.steps = []; // of the browser's history, each pushed or replaced
  const noted = (kind) => (...step) => {
    went(...step);
    window.steps.push([kind, window.location.search]);
  };
  window.history = { pushState: noted("push"), replaceState: noted("replace") };
  went(null, "", href);
  const parts = {
    document,
    window,
    Node: FakeNode,
    Element: FakeElement,
    HTMLElement: FakeElement,
    HTMLInputElement: FakeInput,
    HTMLSelectElement: FakeSelect,
    ShadowRoot: class {},
    Event: class {
      constructor(type) {
        Object.assign(this, event(type));
      }
    },
    IntersectionObserver: Observer,
    ResizeObserver: Observer,
    Image: class {},
    getComputedStyle: () => ({ overflowY: "visible", color: "black" }),
    requestAnimationFrame: () => 1,
    cancelAnimationFrame: () => {},
  };
  for (const [name, value] of Object.entries(parts)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  return body;
}

class Observer {
  observe() {}
  unobserve() {}
  disconnect() {}
}
