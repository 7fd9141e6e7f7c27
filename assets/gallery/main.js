// The gallery: it owns the view and its address, and brings what it shows from the server by itself.

const SETTLE_URL = 700;
const TELL = 350;
const NOT_A_WISH = new Set(["item", "at"]);
const OF_THE_PAGE = ["dataset", "run"];

// The address as the app would write it, or the browser's history would get two entries for one view.
function search(view) {
  const now = new URLSearchParams(window.location.search);
  const params = new URLSearchParams();
  for (const name of OF_THE_PAGE) if (now.has(name)) params.set(name, now.get(name));
  for (const [name, value] of Object.entries(view)) params.set(name, value);
  const text = params.toString().replaceAll("%7E", "~").replaceAll("*", "%2A");
  return text ? `?${text}` : "";
}

class Gallery {
  constructor(root, component) {
    this.root = root;
    this.data = component.data;
    this.tellParent = component.setTriggerValue;
    this.n = 0;
    this.view = { ...this.data.view };
    this.closed = false;
    this.seen = new Set(); // rows whose labels have been in sight in this tab
    this.quietUntil = 0;
    this.small = this.remembered("ltnet-small") === "1";
    this.counts = null;
    this.server = new Server(this.data.run, this.data.token);
    this.images = new Images(this.server);
    this.decisions = new Decisions(this.server, (rows) => this.decided(rows));
    this.cases = new Cases(this);
    this.filters = new Filters(this);
    this.grid = new Grid(this);
    this.review = new Review(this);
    this.head = h("section", { class: "ga-head" });
    this.notice = h("p", { class: "ga-note warning", role: "status", hidden: true });
    // What the address asks for and cannot be shown; it stands until something else is asked for.
    this.unknown = h("p", { class: "ga-note warning", role: "status", hidden: !this.data.unknown.length }, this.data.unknown.join(" "));
    this.legend = h("div", { class: "ga-legend" });
    this.folded = this.remembered("ltnet-folded") === "1";
    this.side = h(
      "aside",
      { class: "ga-side", "aria-label": "Cases and filters" },
      this.cases.element,
      this.filters.element,
      this.legend,
    );
    this.body = h(
      "div",
      { class: "ga-body" + (this.folded ? " folded" : "") },
      this.side,
      h("div", { class: "ga-main" }, this.unknown, this.head, this.notice, this.grid.element),
    );
    root.replaceChildren(this.body, this.review.element);
    this.drawLegend();
    this.newList();
    this.onScroll = () => this.scrolled();
    this.onPop = () => this.went();
    window.addEventListener("scroll", this.onScroll, { passive: true, capture: true });
    window.addEventListener("popstate", this.onPop);
    if (search(this.view) !== window.location.search) this.address(false);
    const from = Number(this.view.at) || 0;
    this.reload(from).then(() => this.view.item && this.openNamed(this.view.item));
  }

  // ---- what the app says

  update(component) {
    this.tellParent = component.setTriggerValue;
    const { data } = component;
    const savedBefore = JSON.stringify(this.data.saved);
    this.data = data;
    this.server.token = data.token;
    if (JSON.stringify(data.saved) !== savedBefore) this.filters.draw();
    this.drawHead();
  }

  // Back and Forward: the address is another view's.
  went() {
    const params = new URLSearchParams(window.location.search);
    if (this.closed || params.get("run") !== this.data.run) return;
    clearTimeout(this.soon);
    const before = JSON.stringify(this.wish());
    this.view = Object.fromEntries([...params].filter(([name]) => !OF_THE_PAGE.includes(name)));
    if (JSON.stringify(this.wish()) !== before) this.reload(Number(this.view.at) || 0);
    if (this.view.item) this.openNamed(this.view.item, false);
    else if (this.review.isOpen) this.review.close();
  }

  tell(asked) {
    this.n = Math.max(Date.now(), this.n + 1);
    this.tellParent("asked", { ...asked, n: this.n });
  }

  // ---- the view

  wish() {
    return Object.fromEntries(Object.entries(this.view).filter(([name]) => !NOT_A_WISH.has(name)));
  }

  bare() {
    return this.wish();
  }

  // Change some of the view, all of it (whole), or clear it (null).
  set(changes, all = false) {
    const next = changes === null || all ? {} : this.wish();
    for (const [name, value] of Object.entries(changes || {})) {
      if (value === "") delete next[name];
      else next[name] = value;
    }
    if (JSON.stringify(next) === JSON.stringify(this.view)) return;
    this.view = next;
    this.unknown.hidden = true;
    this.address(true);
    this.reload(0);
  }

  address(push) {
    clearTimeout(this.soon);
    const text = window.location.pathname + search(this.view);
    if (push) window.history.pushState({}, "", text);
    else window.history.replaceState({}, "", text);
    // The app is told when what is to be shown has been asked for: it is not needed for that.
    clearTimeout(this.telling);
    this.telling = setTimeout(() => {
      if (!this.closed) this.tell({ kind: "view", view: this.view });
    }, TELL);
  }

  setItem(name, push) {
    if ((this.view.item || "") === (name || "")) return;
    const { item: _, ...rest } = this.view;
    this.view = name ? { ...rest, item: name } : rest;
    this.address(push);
  }

  // While one goes quickly from one to the next the address waits.
  setItemSoon(name) {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.review.isOpen && name && this.setItem(name, false), SETTLE_URL);
  }

  scrolled() {
    clearTimeout(this.scrolling);
    this.scrolling = setTimeout(() => {
      if (this.closed || this.review.isOpen || performance.now() < this.quietUntil) return;
      const at = Math.floor(this.grid.position() / BLOCK) * BLOCK;
      if (String(at || "") === (this.view.at || "")) return;
      const { at: _, ...rest } = this.view;
      this.view = at ? { ...rest, at: String(at) } : rest;
      this.address(false);
      this.drawHead();
    }, SETTLE_URL);
  }

  newList() {
    if (this.list) this.list.closed = true;
    this.list = new List(
      this.server,
      this.wish(),
      (text) => this.say(text),
      (rows) => this.decisions.learn(rows),
    );
    this.counts = null;
  }

  async reload(position) {
    this.newList();
    this.filters.draw();
    this.cases.load();
    this.cases.draw();
    await this.grid.reset(position);
  }

  // To another place of the same list.
  jump(position) {
    const at = clamp(position, 0, Math.max((this.list.total || 1) - 1, 0));
    const { at: _, ...rest } = this.view;
    this.view = at ? { ...rest, at: String(at) } : rest;
    this.address(false);
    return this.grid.reset(at);
  }

  async openNamed(image, push = undefined) {
    if (this.review.isOpen && this.review.row?.n === image) return;
    try {
      const params = { ...this.wish(), image };
      if (this.list.version !== null) params.as_of = this.list.version;
      const told = await this.server.json("place", params);
      if (told.position !== null) await this.review.open(told.position, push);
      else if (told.row !== null) await this.review.openRow(told.row, push);
      else this.say(`There is no image ${image} in this run.`);
    } catch (error) {
      this.say(error instanceof Answer ? error.message : "The server does not answer.");
    }
  }

  // ---- what came

  listed() {
    this.decisions.last ??= this.list.version;
    this.drawHead();
  }

  counted(told) {
    this.counts = { settled: told.settled, items: told.items };
    this.decisions.count ??= told.settled_in_all;
    this.drawHead();
    this.review.refresh();
  }

  progress() {
    return { settled: this.counts?.settled || 0, items: this.list.total ?? this.counts?.items ?? 0 };
  }

  moveProgress(before, label) {
    if (!this.counts) return;
    this.counts.settled += (label >= 0) - (before && before.label >= 0 ? 1 : 0);
  }

  decided(rows) {
    if (this.closed) return;
    this.review.outdate(rows);
    this.grid.refresh(rows);
    this.review.refresh();
    this.drawHead();
  }

  say(text) {
    this.notice.hidden = !text;
    if (this.notice.textContent !== text) this.notice.textContent = text;
  }

  // ---- drawing

  coderName(id) {
    return this.data.coders.find((c) => c.id === id)?.name ?? id;
  }

  caption(row) {
    const { coders, codes } = this.data;
    const said = row.l.map((label, c) => (label < 0 ? "" : `${coders[c].short}: ${codes[label]}`)).filter(Boolean);
    return [...said, `LT: ${codes[row.t] ?? "?"}`].join("  ");
  }

  // Show or hide cases and filters, beside the pictures.
  fold() {
    this.folded = !this.folded;
    this.keepRemembered("ltnet-folded", this.folded ? "1" : "");
    this.body.classList.toggle("folded", this.folded);
    this.drawHead();
  }

  drawLegend() {
    const { coders, codes, classes } = this.data;
    const keyed = (short, name) => h("span", { class: "ga-keyed" }, h("b", {}, named(short)), named(name));
    this.legend.replaceChildren(
      h(
        "div",
        { class: "ga-key" },
        coders.filter((c) => !c.given).slice(0, 24).map((c) => keyed(c.short, c.name)),
        keyed("LT", "learned truth"),
        h("span", { class: "ga-keyed" }, h("span", { class: "ga-chip yes" }, "="), "the same as the learned truth"),
        h("span", { class: "ga-keyed" }, h("span", { class: "ga-chip no" }, "≠"), "another class"),
      ),
      h("div", { class: "ga-key" }, classes.slice(0, 40).map((c, k) => keyed(codes[k], c))),
    );
  }

  drawHead() {
    const { total } = this.list;
    const count = total === null ? "" : `${whole(total)} of ${whole(this.data.totals[this.view.split || ""] ?? total)} images`;
    const at = Number(this.view.at) || 0;
    const jump =
      total > BLOCK
        ? [
            h("input", {
              type: "range",
              name: "place",
              min: "0",
              max: String(Math.max(total - 1, 0)),
              step: String(BLOCK),
              value: String(at),
              "aria-label": "Place in the list",
              title: "Go to another place in the list",
              onInput: (e) => (e.target.nextSibling.value = String(Number(e.target.value) + 1)),
              onChange: (e) => this.jump(Number(e.target.value)),
            }),
            h("input", {
              type: "number",
              name: "number",
              min: "1",
              max: String(total),
              value: String(at + 1),
              "aria-label": "Number in the list",
              onChange: (e) => this.jump(Math.max(Number(e.target.value) - 1, 0)),
            }),
          ]
        : null;
    const { settled } = this.progress();
    const inAll = this.decisions.count || 0;
    redraw(
      this.head,
      h(
        "button",
        { class: "ga-button", name: "fold", "aria-expanded": String(!this.folded), onClick: () => this.fold() },
        this.folded ? this.chosen() : "hide filters",
      ),
      h("b", {}, count),
      jump ? h("span", { class: "ga-jump" }, jump) : "",
      h("span", { class: "ga-grow" }),
      settled ? h("span", { class: "ga-quiet" }, `${whole(settled)} of these settled`) : "",
      h(
        "button",
        {
          class: "ga-button",
          name: "size",
          title: "Larger or smaller pictures",
          onClick: () => {
            this.small = !this.small;
            this.keepRemembered("ltnet-small", this.small ? "1" : "");
            this.grid.body.classList.toggle("small", this.small);
            this.drawHead();
          },
        },
        this.small ? "larger" : "smaller",
      ),
      h("button", { class: "ga-button primary", name: "settle", disabled: !total, onClick: () => this.settleFirst() }, "Settle these"),
      this.refit(inAll),
    );
  }

  // What the button that shows the filters says: how many restrict the list.
  chosen() {
    const set = Object.keys(this.wish()).filter((name) => name !== "sort" && name !== "seed").length;
    return set ? `show filters (${set} set)` : "show filters";
  }

  // From the first that nobody has settled, as far as the list is here.
  settleFirst() {
    let first = this.grid.position();
    for (let i = first; this.list.at(i); i += 1) {
      if (!this.decisions.of(this.list.at(i).r)) {
        first = i;
        break;
      }
    }
    this.review.open(first, true, this.remembered("ltnet-look") !== "1");
  }

  refit(inAll) {
    if (!inAll) return "";
    if (!this.data.refit) return h("span", { class: "ga-quiet" }, `${whole(inAll)} settled in all`);
    if (this.data.learned === inAll && !this.decisions.number) {
      return h("span", { class: "ga-quiet" }, `learned from ${whole(inAll)} settled`);
    }
    const start = (how) => async () => {
      while (this.decisions.pending.length) await sleep(100);
      this.asking = false;
      this.tell({ kind: "refit", how, blind: blindOnly.checked });
    };
    const blindOnly = h("input", { type: "checkbox", name: "only-blind" });
    if (!this.asking) {
      const open = () => {
        this.asking = true;
        this.drawHead();
      };
      return h("button", { class: "ga-button", name: "refit", onClick: open }, `Refit with ${whole(inAll)} settled …`);
    }
    return h(
      "span",
      { class: "ga-refit" },
      h("button", { class: "ga-button primary", title: "What was settled is the truth", onClick: start("trust") }, "take the answers as truth"),
      h("button", { class: "ga-button", title: "People err too: a matrix is learned for their answers", onClick: start("learn") }, "learn how the answers err"),
      h("label", { class: "ga-check", title: "Leave out answers given with the labels in sight" }, blindOnly, "only answers given image first"),
      h(
        "button",
        {
          class: "ga-link",
          onClick: () => {
            this.asking = false;
            this.drawHead();
          },
        },
        "not now",
      ),
    );
  }

  remembered(name) {
    try {
      return localStorage.getItem(name) || "";
    } catch {
      return "";
    }
  }

  keepRemembered(name, value) {
    try {
      localStorage.setItem(name, value);
    } catch {
      // then it is asked for again
    }
  }

  close() {
    this.closed = true;
    for (const timer of [this.soon, this.scrolling, this.telling]) clearTimeout(timer);
    window.removeEventListener("scroll", this.onScroll, { capture: true });
    window.removeEventListener("popstate", this.onPop);
    this.list.closed = true;
    this.decisions.close();
    this.grid.close();
    this.review.destroy();
    this.images.close();
  }
}

const galleries = new WeakMap();

export default function (component) {
  const root = component.parentElement.querySelector(".ga");
  if (!root) return undefined;
  let gallery = galleries.get(root);
  if (gallery && gallery.data.run !== component.data.run) {
    gallery.close();
    gallery = null;
  }
  if (gallery) {
    gallery.update(component);
  } else {
    gallery = new Gallery(root, component);
    galleries.set(root, gallery);
  }
  return () => {
    galleries.get(root)?.close();
    galleries.delete(root);
  };
}
