// @ts-check
// What the upload shares with Python. tests/test_browser_modules.py compares each with the Python side.

export const ROUTE = "api/uploads";
export const TOKEN_HEADER = "X-Upload-Token";
export const CHUNK = 8 * 2 ** 20; // larger files go in pieces, so that a torn connection costs one piece
export const BATCH_BYTES = 4 * 2 ** 20;
export const BATCH_FILES = 400; // in one request
export const NAMES = 2000; // in one request to remove files
