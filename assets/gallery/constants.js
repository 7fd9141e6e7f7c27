// @ts-check
// What the gallery shares with Python. tests/test_browser_modules.py compares each with the Python side.

export const TOKEN_HEADER = "X-Gallery-Token";
export const OPEN = -1; // in place of a class
export const SKIPPED = -2;
export const ANYTHING = "*any*"; // in place of what a coder says
export const NOTHING = "*none*";
export const TRUTH = "*truth*"; // in place of a coder
export const NETWORK = "*network*";
export const KNOWN = "*known*";
export const BOOKMARK = "bookmark"; // tags with a meaning of their own
export const SET_ASIDE = "set aside";
export const SECOND_OPINION = "second opinion";
export const THUMBNAIL = 144; // pixels
export const BLOCK = 120; // rows of one answer; lines of 2, 3, 4, 5, 6, 8, 10 or 12 come out even
export const VIEW_NAME = 80; // characters
export const MAP_SIDE = 9999; // coordinates on the map are whole numbers from 0 to here
export const MOST_CORNERS = 60; // of an area of the map
export const BY_LABELS = "*labels*"; // what the points of the map are coloured by, in place of a column
export const ISOLATE = "\u2068"; // begins a name that may run from right to left
export const BY_CONFIDENCE = "*confidence*";
