// What the upload exchanges with the page and the routes (ui/folder_upload.py, ui/upload_routes.py).

export type Purpose = "dataset" | "images";

export type State =
  | "idle"
  | "looking"
  | "asking"
  | "comparing"
  | "sending"
  | "lost"
  | "checking"
  | "done"
  | "full"
  | "failed"
  | "stopped";

/** A file and its path within what was chosen. */
export interface Item {
  path: string;
  file: File;
}

export interface Ticket {
  id: string;
  token: string;
}

/** What Python answers to a request with the same number. */
export type Granted = Partial<Ticket> & { n: string; error?: string };

/** What Python is asked for. */
export type Request =
  | { kind: "begin"; name: string; files: number; bytes: number }
  | { kind: "go on"; id: string }
  | { kind: "discard"; id: string }
  | { kind: "done"; dataset: string | null }
  | { kind: "look" };

export interface Unfinished {
  id: string;
  name: string;
  files: number;
  bytes: number;
  here: number;
  bytesHere: number;
  isFile: boolean;
  idle: number;
  active: boolean;
}

export interface PageData {
  purpose: Purpose;
  ticket: Granted | null;
  unfinished?: Unfinished[];
  accept?: string[];
  most?: number;
}

export interface Component {
  parentElement: ParentNode;
  data: PageData;
  setTriggerValue(name: string, value: unknown): void;
}

/** What the server has: size and time of whole files; bytes, size and time of files in pieces. */
export interface Present {
  files: Record<string, [number, number]>;
  parts: Record<string, [number, number, number]>;
}

export type Job = { kind: "batch"; batch: Item[] } | { kind: "large"; large: Item; from: number };

/** When so much had been sent. */
export interface Mark {
  at: number;
  bytes: number;
  work: number;
}
