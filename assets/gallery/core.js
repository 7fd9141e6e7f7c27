// What the other parts share: making elements, numbers in words, asking the server.

// Text is always set as text: names of classes, coders and files are shown, never interpreted.
function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element[name.toLowerCase()] = value;
    else if (name === "class") element.className = value;
    else if (name === "style") Object.assign(element.style, value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name in element && name !== "list" && name !== "role") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

// A user's name inside other text: right-to-left letters must not turn their neighbours around.
const named = (text) => h("bdi", {}, String(text));

// Two coders in an address; names may hold the bar between them.
const pairOf = (a, b) => [a, b].map((n) => n.replaceAll("%", "%25").replaceAll("|", "%7C")).join("|");
const coders2 = (pair) => (pair || "").split("|").map((n) => n.replaceAll("%7C", "|").replaceAll("%25", "%"));

// New content of an element; what had the keyboard's focus has it again.
function redraw(element, ...children) {
  const active = element.getRootNode().activeElement;
  const key = active && element.contains(active) ? active.name || active.dataset.key : "";
  element.replaceChildren(...children.flat().filter((c) => c !== null && c !== undefined && c !== false && c !== ""));
  if (!key) return;
  const again = [...element.querySelectorAll("[name], [data-key]")].find((e) => (e.name || e.dataset.key) === key);
  again?.focus({ preventScroll: true });
}

const whole = (n) => n.toLocaleString("en");
const percent = (x, digits = 0) => `${(100 * x).toFixed(digits)} %`;
const share = (x) => `${clamp(100 * x, 0, 100).toFixed(2)}%`; // as CSS has it
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const clamp = (x, low, high) => Math.min(Math.max(x, low), high);

function when(seconds) {
  const past = Date.now() / 1000 - seconds;
  if (past < 60) return "just now";
  if (past < 3600) return `${Math.round(past / 60)} min ago`;
  const date = new Date(1000 * seconds);
  const sameDay = date.toDateString() === new Date().toDateString();
  const clock = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  return sameDay ? `at ${clock}` : `on ${date.toLocaleDateString("en-GB", { day: "numeric", month: "short" })}, ${clock}`;
}

class Answer extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// The routes of one run. A connection that is lost is an Error of another kind than what the server refuses.
class Server {
  constructor(run, token) {
    this.run = run;
    this.token = token;
  }

  // Pages are one part below the server's base path, so this holds behind any prefix.
  url(path, params = {}) {
    const url = new URL(`api/runs/${encodeURIComponent(this.run)}/${path}`, window.location.href);
    url.search = new URLSearchParams(params).toString();
    return url.href;
  }

  image(row) {
    return this.url("image", { row, token: this.token });
  }

  async fetch(path, params, options = {}) {
    const answer = await fetch(this.url(path, params), {
      ...options,
      headers: { "X-Gallery-Token": this.token, ...(options.body ? { "Content-Type": "application/json" } : {}) },
      credentials: "same-origin", // the cookie of who has signed in
    });
    if (answer.ok) return answer;
    let told = null;
    try {
      told = await answer.json();
    } catch {
      // not from the app: a proxy's page, or an answer cut short
    }
    // What is not from the app means that the app is not there just now.
    if (!told?.error) throw new Error(`status ${answer.status}`);
    throw new Answer(answer.status, told.error);
  }

  async json(path, params = {}, options = {}) {
    return (await this.fetch(path, params, options)).json();
  }

  post(path, content) {
    return this.json(path, {}, { method: "POST", body: JSON.stringify(content) });
  }

  // Calls got(row, bytes or null) as the small images arrive.
  async thumbnails(rows, got) {
    const answer = await this.fetch("thumbnails", { rows: rows.join(","), size: 144 });
    const reader = answer.body.getReader();
    let held = new Uint8Array(0);
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const joined = new Uint8Array(held.length + value.length);
      joined.set(held);
      joined.set(value, held.length);
      let at = 0;
      while (joined.length - at >= 8) {
        const view = new DataView(joined.buffer, at);
        const [row, size] = [view.getUint32(0), view.getUint32(4)];
        if (joined.length - at - 8 < size) break;
        got(row, size ? joined.slice(at + 8, at + 8 + size) : null);
        at += 8 + size;
      }
      held = joined.slice(at);
    }
  }
}
