// @ts-check
// What is known of one item: how probable each class is, why, what looks like it, what was decided.

import { h, named, percent, share, when, whole } from "./core.js";

/** @import { Gallery } from "./main.js" */
/** @import { About, Item, Reasons, Row } from "./types.js" */

const MOST_COLUMNS = 6;
const MOST_REASONS = 8;
const MOST_LINES = 12;
const MOST_NAMED = 3; // coders

/**
 * The image: the small one until the large one is there.
 * @param {Gallery} app
 * @param {Row} row
 * @param {string} text in its place
 */
export function large(app, row, text) {
  const small = app.images.get(row.r);
  const image = h("img", { src: small || app.server.image(row.r), alt: text });
  if (small) {
    const source = new Image();
    source.onload = () => {
      if (image.isConnected) image.src = source.src;
    };
    source.src = app.server.image(row.r);
  }
  image.onerror = () => image.replaceWith(h("span", { class: "ga-gone" }, "image cannot be read"));
  return image;
}

/**
 * Every distribution side by side: a row per class, a column per source.
 * @param {Gallery} app
 * @param {Item} item
 */
export function bars(app, item) {
  const { data } = app;
  /** @type {{ source: string, p: number[], short?: string, votes?: number[] }[]} */
  const columns = [{ source: "learned truth", p: item.posterior }];
  if (item.image) columns.push({ source: "image alone", p: item.image });
  const speaking = data.coders.filter((c) => item.says[c.id]);
  const heard = speaking.filter((c) => c.id in item.annotations);
  for (const c of (speaking.length > MOST_COLUMNS ? heard : speaking).slice(0, MOST_COLUMNS)) {
    columns.push({ source: `${c.name} would say`, short: c.short, p: item.says[c.id], votes: item.annotations[c.id] });
  }
  const corner = h("th", { scope: "col", rowSpan: 2 }, h("span", { class: "ga-unseen" }, "class"));
  const [truths, coders] = [columns.filter((c) => !c.short), columns.filter((c) => c.short)];
  const head = h("tr", {}, corner, truths.map(({ source }) => h("th", { scope: "col", rowSpan: 2 }, named(source))), coders.length ? h("th", { scope: "colgroup", colSpan: coders.length }, "would say") : null);
  const names = h("tr", {}, coders.map(({ source, short }) => h("th", { scope: "col", class: "ga-coder-column" }, h("abbr", { title: source }, named(short ?? "")))));
  /** @type {(name: string, k: number) => HTMLElement[]} */
  const cells = (name, k) =>
    columns.map(({ source, p, votes }) => {
      const part = votes ? votes[k] / votes.reduce((a, b) => a + b, 0) : 0;
      const text = `${source}: ${name} ${percent(p[k], 1)}` + (part ? `; said so (${percent(part)})` : "");
      return h(
        "td",
        { title: text, class: part >= 0.5 ? "said" : "" },
        h("i", { style: { width: share(p[k]) } }),
        h("span", {}, p[k] >= 0.005 ? String(Math.round(100 * p[k])) : "·"),
      );
    });
  const rows = data.classes.map((name, k) =>
    h("tr", {}, h("th", { scope: "row", title: name }, named(data.codes[k])), cells(name, k)),
  );
  return h("div", { class: "ga-part-of" }, h("h2", {}, "How probable each class is, in %"), h("table", { class: "ga-table" }, h("thead", {}, head, names), h("tbody", {}, rows)));
}

/**
 * What the image and each annotation add, in log-odds against each class that an annotation says instead.
 * @param {Gallery} app
 * @param {Item} item
 */
export function why(app, item) {
  if (!item.reasons.length) return null;
  const [first, ...others] = item.reasons.map((reasons) => against(app, item, reasons));
  const folded = others.map(({ heading, body }) => h("details", {}, h("summary", {}, heading), body));
  return h("div", { class: "ga-part-of" }, h("h2", {}, first.heading), first.body, folded);
}

/**
 * @param {Gallery} app
 * @param {Item} item
 * @param {Reasons} reasons
 */
function against(app, item, { rival, by }) {
  const { data } = app;
  const entries = Object.entries(by);
  /** @param {string} source */
  const label = (source) => {
    const votes = item.annotations[source];
    return votes.indexOf(Math.max(...votes));
  };
  const most = Math.max(...entries.map(([, v]) => Math.abs(v)), 1);
  /** @param {string} source */
  const name = (source) => {
    if (!source) return "the image";
    return `${app.coderName(source)}: ${data.classes[label(source)]}`;
  };
  const sum = entries.reduce((s, [, v]) => s + v, 0);
  /** @type {(entry: [string, number]) => HTMLElement} */
  const line = ([source, v]) =>
    h(
      "div",
      { class: "ga-reason" + (v < 0 ? " against" : "") },
      h("span", {}, named(name(source))),
      h("div", {}, h("i", { style: { width: `${(50 * Math.abs(v)) / most}%` } })),
      h("b", {}, odds(v)),
    );
  const strongest = entries.sort((a, b) => Math.abs(b[1]) - Math.abs(a[1])).slice(0, MOST_REASONS);
  const who = Object.keys(item.annotations).filter((c) => label(c) === rival).map((c) => app.coderName(c));
  const more = who.length > MOST_NAMED ? ` and ${who.length - MOST_NAMED} more` : "";
  const heading = ["Why ", named(data.classes[item.t]), " and not ", named(data.classes[rival])].flat();
  const body = [
    who.length ? h("p", { class: "ga-quiet" }, named(data.classes[rival]), " is what ", named(who.slice(0, MOST_NAMED).join(", ")), `${more} said`) : null,
    h("div", { class: "ga-reasons" }, strongest.map(line)),
    h("p", { class: "ga-quiet" }, `log-odds; together ${odds(sum)}, odds of ${ratio(sum)}`),
  ];
  return { heading, body };
}

/**
 * @param {Gallery} app
 * @param {Item} item
 */
export function alike(app, item) {
  if (!item.alike.length) return null;
  const box = h("div", { class: "ga-alike" });
  for (const row of item.alike) {
    const picture = h("span", {});
    const text = `${row.n}: ${app.caption(row)}; cosine ${row.cosine.toFixed(2)}`;
    const code = h("b", { class: row.t === item.t ? "" : "other" }, named(app.data.codes[row.t]));
    box.append(h("button", { title: text, "aria-label": text, onClick: () => app.openNamed(row.n, true) }, picture, code));
    app.images
      .bring([row.r], (_, address) => address && picture.replaceChildren(h("img", { src: address, alt: "" })))
      .catch(() => {
        // the connection was lost: they come when the item is opened again
      });
  }
  return h("div", { class: "ga-part-of" }, h("h2", {}, "What looks most like it to the network"), box);
}

/** @param {About} item */
export function log(item) {
  if (!item.log.length) return null;
  /** @param {About["log"][number]} d */
  const line = (d) => {
    const did = { settle: `settled it as ${d.label}`, skip: "skipped it", undo: "took that back" }[d.kind];
    return h("li", {}, named(d.by || "Somebody"), ` ${did} ${when(d.at)}`, d.why ? [": ", named(d.why)] : null);
  };
  return h("div", { class: "ga-part-of" }, h("h2", {}, "What was decided"), h("ul", {}, item.log.slice(-MOST_LINES).map(line)));
}

/** @param {number} v */
export const odds = (v) => (Math.abs(v) < 0.05 ? "±0" : `${v > 0 ? "+" : "−"}${Math.abs(v).toFixed(1)}`);

/** @param {number} logOdds */
export function ratio(logOdds) {
  const times = Math.exp(Math.abs(logOdds));
  const text = times > 1e6 ? "more than a million" : times >= 10 ? whole(Math.round(times)) : times.toFixed(1);
  return logOdds >= 0 ? `${text} to 1` : `1 to ${text}`;
}
