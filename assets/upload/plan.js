// @ts-check
// Which files are sent in which requests, by what the server has already.

import { BATCH_BYTES, BATCH_FILES, CHUNK } from "./constants.js";

/** @import { Item, Job, Present } from "./types.js" */

const SAME_TIME = 2000; // ms; some file systems keep times to two seconds

/**
 * @param {Item[]} items
 * @param {{ has(path: string): boolean }} refused what the server does not take
 * @param {Present} present
 * @returns {{ queue: Job[], stale: string[], here: { bytes: number, files: number }[] }} requests to send, files that
 *   the server should drop, what it has already
 */
export function planned(items, refused, { files, parts }) {
  const mine = new Set(items.map((item) => item.path));
  const here = [];
  /** @type {Job[]} */
  const large = [];
  const small = [];
  for (const item of items) {
    if (refused.has(item.path)) continue;
    if (isHere(item, files)) here.push({ bytes: item.file.size, files: 1 });
    else if (item.file.size <= CHUNK) small.push(item);
    else {
      const from = bytesHere(item, parts);
      large.push({ kind: "large", large: item, from });
      if (from) here.push({ bytes: from, files: 0 });
    }
  }
  // Large files first: one alone at the end would leave the other lanes idle.
  return { queue: [...large, ...batches(small)], stale: Object.keys(files).filter((path) => !mine.has(path)), here };
}

/**
 * @param {Item} item
 * @param {Present["files"]} files
 */
function isHere({ path, file }, files) {
  const [size, modified] = Object.hasOwn(files, path) ? files[path] : [-1, 0];
  return size === file.size && Math.abs(modified - file.lastModified) <= SAME_TIME;
}

/**
 * How much of a file in pieces is here.
 * @param {Item} item
 * @param {Present["parts"]} parts
 */
function bytesHere({ path, file }, parts) {
  const [bytes, size, modified] = Object.hasOwn(parts, path) ? parts[path] : [0, -1, 0];
  return size === file.size && modified === Math.max(0, file.lastModified) ? bytes : 0;
}

/**
 * @param {Item[]} items
 * @returns {Job[]}
 */
function batches(items) {
  /** @type {Item[][]} */
  const all = [];
  let room = 0;
  for (const item of items) {
    const last = all.at(-1);
    if (last && item.file.size <= room && last.length < BATCH_FILES) last.push(item);
    else {
      all.push([item]);
      room = BATCH_BYTES;
    }
    room -= item.file.size;
  }
  return all.map((batch) => ({ kind: "batch", batch }));
}
