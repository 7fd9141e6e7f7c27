// @ts-check
// The state of one upload.

/** @import { Item, Mark, Request, State, Ticket } from "./types.js" */

/** What is known of one upload; a new one begins with this. */
export class Upload {
  /** @type {State} */
  state = "idle";
  /** @type {State} */
  before = "idle"; // what the lost connection interrupted
  message = "";
  name = "";
  /** @type {Item[]} */
  items = [];
  bytes = 0;
  skipped = 0;
  notImages = 0;
  tooMany = 0;
  counted = 0; // files found so far in a folder that is being listed
  /** @type {Ticket | null} */
  ticket = null;
  /** @type {(Request & { n: string }) | null} */
  request = null;
  /** @type {string | null} */
  dataset = null;
  /**
   * Files that the server does not take, and why.
   * @type {Map<string, string>}
   */
  refused = new Map();
  here = 0; // files that the server had already
  bytesHere = 0;
  doneFiles = 0;
  doneBytes = 0;
  doneWork = 0;
  /**
   * Bytes on their way, of each request.
   * @type {Map<object, number>}
   */
  flying = new Map();
  /** @type {Mark[]} */
  marks = [];
  /** @type {Set<XMLHttpRequest>} */
  requests = new Set();
  /** @type {Promise<void> | null} */
  waiting = null;
  failures = 0;
  retry = 0; // seconds until the next try
  started = 0;
  seconds = 0;
}
