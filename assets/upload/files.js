// @ts-check
// The files that were chosen: which they are, and how one is written into a request.

/** @import { Item } from "./types.js" */

const encoder = new TextEncoder();

/** @param {string} path */
const hidden = (path) => path.split("/").some((part) => part.startsWith(".") || part.startsWith("__MACOSX"));

/**
 * @param {FileSystemEntry} entry
 * @param {Item[]} items what has come so far
 * @param {(count: number) => void} tell
 * @returns {Promise<void>}
 */
export async function filesOfEntry(entry, items, tell) {
  if (entry.isFile) {
    const path = entry.fullPath.replace(/^\//, "");
    const { file } = /** @type {FileSystemFileEntry} */ (entry);
    items.push({ path, file: await new Promise((ok, no) => file.call(entry, ok, no)) });
    if (items.length % 200 === 0) tell(items.length);
    return;
  }
  if (entry.name.startsWith(".")) return;
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const part = await new Promise((ok, no) => reader.readEntries(ok, no)); // gives a hundred at a time
    if (!part.length) return;
    await Promise.all(part.map((e) => filesOfEntry(e, items, tell)));
  }
}

/** @param {Item} item */
export const isZip = (item) => !item.path.includes("/") && /\.zip$/i.test(item.path);

/**
 * The chosen folder is the dataset: its own name is not part of the paths. A folder that only wraps it is not either.
 * @param {Item[]} chosen
 * @returns {{ name: string, items: Item[], skipped: number, bytes: number }}
 */
export function arrange(chosen) {
  let items = chosen.filter((f) => !hidden(f.path));
  const skipped = chosen.length - items.length;
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

/**
 * A file, or a piece of it, as the server reads it.
 * @param {Item} item
 * @param {number | null} [from]
 * @param {number | null} [to]
 * @returns {BlobPart[]}
 */
export function frame(item, from = null, to = null) {
  const header = { path: item.path, size: item.file.size, modified: Math.max(0, item.file.lastModified) };
  /** @type {Blob} */
  let content = item.file;
  if (from !== null && to !== null) {
    content = item.file.slice(from, to);
    Object.assign(header, { size: to - from, offset: from, total: item.file.size });
  }
  const text = encoder.encode(JSON.stringify(header));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, text.length);
  return [length, text, content];
}
