// What the gallery exchanges with the page and the routes (ui/gallery.py, ui/gallery_routes.py). A class is an index, −1 where there is none.

/** The filters and the order in the address. */
export type View = Record<string, string>;

export interface Coder {
  id: string;
  name: string;
  short: string;
  machine: boolean;
  given: boolean;
}

export interface PageData {
  run: string; // "" where the labels alone are shown
  api: string;
  truth: boolean; // whether there is a learned truth
  sort: string; // the order that is not asked for
  columns: string[]; // what a table of labels can compare
  bands: string[]; // of confidence
  relations: Record<string, string>; // how labels relate
  against: Record<string, string>; // labels and the learned truth
  neighbours: Record<string, string>; // filters by what is near on the map
  token: string;
  view: View;
  unknown: string[];
  classes: string[];
  codes: string[];
  coders: Coder[];
  origins: string[];
  splits: string[];
  totals: Record<string, number>;
  pairs: [string, string][];
  saved: { name: string; view: View }[];
  sorts: Record<string, string>;
  refit: boolean;
  learned: number;
  reviewer: string;
}

export interface Component {
  parentElement: ParentNode;
  data: PageData;
  setTriggerValue(name: string, value: unknown): void;
}

/** What was settled last of an item. */
export interface Decision {
  label: number;
  id: number;
  key: string;
  by: string;
  why: string;
  at: number;
  pending?: boolean;
}

export interface Row {
  r: number; // row
  n: string; // name
  l: number[]; // label of each coder
  t: number; // learned truth
  i: number; // truth by the image alone
  k: number; // known truth
  c: number; // confidence
  m: number; // margin
  s: number; // split
  d: Decision | null;
  g: string[]; // tags
}

/** What is known of an item; of a dataset's labels only the log. */
export interface About extends Row {
  log: { kind: "settle" | "skip" | "undo"; label: string; by: string; why: string; at: number }[];
}

export interface Item extends About {
  posterior: number[];
  image: number[] | null;
  says: Record<string, number[]>;
  annotations: Record<string, number[]>;
  reasons: Reasons[]; // the first rival is the one to look at
  alike: (Row & { cosine: number })[];
}

export interface Facets {
  facets: Record<string, Record<string, number>>;
}

export interface LabelTable {
  rows: string;
  columns: string;
  counts: number[][];
}

export interface CodersCompared {
  coders: string[];
  left_out: number;
  shared: number[][];
  agreement: (number | null)[][];
  group: number[];
}

/** A share of items with its 95 % interval. */
export interface Counted {
  items: number;
  share: number | null;
  low: number;
  high: number;
}

export interface CoderFacts {
  annotations: number;
  alone: number;
  right: Counted;
  halves: Counted[];
  parts: Counted[];
  drifts: boolean;
}

/** A coder's transition matrix: rows are the truth. */
export interface LearnedMatrix {
  matrix: number[][];
  low: number[][] | null; // ends of the 95 % intervals
  high: number[][] | null;
  support: number[] | null; // annotations behind each row
  weak: boolean[];
}

export interface MapState {
  state: "none" | "making" | "made" | "failed";
  message: string;
  points: number;
  of: number; // images of the run
}

export interface Region {
  number: number;
  images: number;
  of: number;
  truth: number;
  share: number;
  differ: number;
}

export interface Acted {
  images: number;
  changed: number;
}

export interface PastAction {
  key: string;
  kind: "settle" | "skip" | "tag" | "untag";
  value: string;
  by: string;
  at: number;
  images: number;
  first: string;
  undone: boolean;
}

export type Purpose = "open" | "second" | "again";

/** What a tab holds of the queue. */
export interface Claimed {
  rows: Row[];
  purposes: Record<string, Purpose>;
  lost: number[];
  held: Record<string, number>; // reviewer → images
  open: number;
}

export interface QueueState {
  held: Record<string, number>;
  open: number;
  shares: { second: number; again: number }; // percent
  agreements: { kind: string; who: string; images: number; share: number; low: number; high: number; kappa: number | null }[];
  last: number;
}

export interface Gains {
  sentences: string[];
  meaning: string;
  matrices: { coder: string; annotations: number; before: number; after: number }[];
}

export interface Rows {
  total: number;
  offset: number;
  version: number;
  rows: Row[];
}

export interface CaseBar {
  first: string;
  second: string;
  origin: string;
  items: number;
  cases: number[];
}

/** Labels of a coder, and how many of them are the learned truth. */
export interface AgainstTruth {
  coder: string;
  items: number;
  same: number;
}

/** What each source adds for the learned truth against another class, in log-odds; "" is the image. */
export interface Reasons {
  rival: number;
  by: Record<string, number>;
}

export interface CaseCounts {
  items: number;
  of: number;
  settled: number;
  settled_in_all: number;
  blind_in_all: number;
  set_aside: number; // of those to learn from
  pairs: number;
  cases: CaseBar[];
  against: AgainstTruth[]; // where no two coders labelled one image
}

/** A decision on its way to the server. */
export interface Sent {
  kind: "settle" | "skip" | "undo" | "opinion";
  about?: "second" | "again"; // of an opinion
  key: string;
  row: number;
  image: string;
  label: number;
  seen: number;
  undoes: string;
  reviewer: string;
  reason: string;
  shown?: "image" | "labels";
}

/** What somebody else settled first. */
export interface Rival {
  key: string;
  id: number;
  kind: "settle" | "skip";
  label: string;
  by: string;
  at: number;
}

export interface Undoable {
  key: string;
  row: number;
  image: string;
  position: number;
  before: Decision | null;
}

export interface Conflict {
  mine: Sent;
  theirs: Rival;
  undoable: Undoable | undefined;
}

export interface Saved {
  saved: string[];
  conflicts: Rival[];
  changed: Record<string, Decision | null>;
  last: number;
  settled_in_all: number;
  blind_in_all: number;
}

// Of the Navigation API, which TypeScript does not know yet.
declare global {
  interface NavigateEvent extends Event {
    readonly navigationType: "push" | "replace" | "reload" | "traverse";
    readonly destination: { readonly url: string; readonly sameDocument: boolean };
    readonly userInitiated: boolean;
  }
  interface Window {
    readonly navigation?: {
      addEventListener(kind: "navigate", listener: (event: NavigateEvent) => void): void;
      removeEventListener(kind: "navigate", listener: (event: NavigateEvent) => void): void;
    };
  }
}
