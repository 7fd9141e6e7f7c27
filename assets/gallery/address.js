// @ts-check
// The address of a view: every filter is a part of it.

/** @import { View } from "./types.js" */

export const OF_THE_PAGE = ["embed", "embed_options", "dataset", "run"]; // the first two are Streamlit's
const NOT_A_WISH = new Set(["item", "at"]); // the item that is open, the place in the list

/**
 * The address as the app would write it, or the browser's history would get two entries for one view.
 * @param {View} view
 * @param {string} now what stands after the path
 */
export function search(view, now) {
  const current = new URLSearchParams(now);
  const params = new URLSearchParams();
  for (const name of OF_THE_PAGE) {
    const value = current.get(name);
    if (value !== null) params.set(name, value);
  }
  for (const [name, value] of Object.entries(view)) params.set(name, value);
  const text = params.toString().replaceAll("%7E", "~").replaceAll("*", "%2A");
  return text ? `?${text}` : "";
}

/**
 * The place in the list that a view names; the first where that is no place.
 * @param {View} view
 */
export const placeOf = ({ at = "" }) => (/^[0-9]{1,8}$/.test(at) ? Number(at) : 0);

/**
 * The view in an address.
 * @param {string} text what stands after the path
 * @returns {View}
 */
export const viewOf = (text) =>
  Object.fromEntries([...new URLSearchParams(text)].filter(([name]) => !OF_THE_PAGE.includes(name)));

/**
 * What of a view chooses and orders the images.
 * @param {View} view
 * @returns {View}
 */
export const wishOf = (view) => Object.fromEntries(Object.entries(view).filter(([name]) => !NOT_A_WISH.has(name)));
