// What the upload is made of: the files that were chosen, and requests that carry them.

const KEY = "ltnet-folder-upload-2";
const CHUNK = 8 * 2 ** 20; // larger files go in pieces, so that a torn connection costs one piece
const BATCH_BYTES = 4 * 2 ** 20;
const BATCH_FILES = 400;
const NAMES = 2000; // in one request to remove files
const LANES = 3; // requests in flight
const STALL = 90_000; // without a sign of life a request is given up …
const THINKING = 1_800_000; // … but a large dataset takes its time to be read
const LONGEST_WAIT = 10;
const FILE_COST = 8192; // a small file takes as long as this many bytes; makes progress and time left even

const encoder = new TextEncoder();
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// ---- finding files

const hidden = (path) => path.split("/").some((part) => part.startsWith(".") || part.startsWith("__MACOSX"));

async function filesOfEntry(entry, found, tell) {
  if (entry.isFile) {
    const path = entry.fullPath.replace(/^\//, "");
    found.push({ path, file: await new Promise((ok, no) => entry.file(ok, no)) });
    if (found.length % 200 === 0) tell(found.length);
    return;
  }
  if (entry.name.startsWith(".")) return;
  const reader = entry.createReader();
  for (;;) {
    const part = await new Promise((ok, no) => reader.readEntries(ok, no)); // gives a hundred at a time
    if (!part.length) return;
    await Promise.all(part.map((e) => filesOfEntry(e, found, tell)));
  }
}

const isZip = (item) => !item.path.includes("/") && /\.zip$/i.test(item.path);

// The chosen folder is the dataset: its own name is not part of the paths. A folder that only wraps it is not either.
function arrange(found) {
  let items = found.filter((f) => !hidden(f.path));
  const skipped = found.length - items.length;
  let name = "";
  for (;;) {
    const top = items.length ? items[0].path.split("/", 1)[0] + "/" : "";
    if (!top || !items.every((f) => f.path.startsWith(top))) break;
    if (name && !items.some((f) => f.path === top + "annotations.csv")) break;
    name ||= top.slice(0, -1);
    items = items.map((f) => ({ ...f, path: f.path.slice(top.length) }));
  }
  const tops = [...new Set(items.map((f) => f.path.split("/", 1)[0]))];
  name ||= tops.length > 2 ? `${tops[0]} and ${tops.length - 1} more` : tops.join(" and ");
  return { name, items, skipped, bytes: items.reduce((sum, f) => sum + f.file.size, 0) };
}

// ---- HTTP

class Answer extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

class Lost extends Error {}

// Pages are one part below the server's base path, so this holds behind any prefix.
const address = (id, rest = "") => new URL(`api/uploads/${id}${rest}`, window.location.href).href;

function ask(method, url, token, { body = null, progress = null, requests = null, patience = STALL } = {}) {
  return new Promise((ok, no) => {
    const xhr = new XMLHttpRequest();
    let timer = 0;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => xhr.abort(), patience);
    };
    const over = () => {
      clearTimeout(timer);
      requests?.delete(xhr);
    };
    xhr.open(method, url);
    xhr.setRequestHeader("X-Upload-Token", token);
    xhr.upload.onprogress = (e) => {
      alive();
      progress?.(e.loaded);
    };
    xhr.onprogress = alive;
    xhr.onerror = xhr.onabort = () => {
      over();
      no(new Lost());
    };
    xhr.onload = () => {
      over();
      let told = null;
      try {
        told = JSON.parse(xhr.responseText);
      } catch {
        // not from the app: a proxy's page, or an answer cut short
      }
      if (xhr.status >= 200 && xhr.status < 300 && told) ok(told);
      else if (told && told.error) no(new Answer(xhr.status, told.error));
      else no(new Lost());
    };
    requests?.add(xhr);
    alive();
    xhr.send(body);
  });
}

function frame(item, from = null, to = null) {
  const header = { path: item.path, size: item.file.size, modified: Math.max(0, item.file.lastModified) };
  let content = item.file;
  if (from !== null) {
    content = item.file.slice(from, to);
    Object.assign(header, { size: to - from, offset: from, total: item.file.size });
  }
  const text = encoder.encode(JSON.stringify(header));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, text.length);
  return [length, text, content];
}
