// One item: large, with everything known of it, and settled by a key.

const AHEAD = 200; // rows and small images kept ready, so that no key waits for the server
const LARGE_AHEAD = 4;
const REST = 140; // ms without a step before the details are asked for
const MOST_COLUMNS = 6;

// A key for every class: its place, and a letter of its name. Commands have no letters.
function classKeys(classes) {
  const taken = new Set();
  return classes.map((name, i) => {
    const letter = [...name.toLowerCase()].find((c) => /^[a-z]$/.test(c) && !taken.has(c)) || "";
    taken.add(letter);
    return { digit: i < 9 ? String(i + 1) : i === 9 ? "0" : "", letter };
  });
}

class Review {
  constructor(app) {
    this.app = app;
    this.keys = this.rememberedKeys();
    this.position = 0;
    this.row = null;
    this.alone = false; // an item that is not in the list
    this.blind = false; // the image comes first: labels and learned truth wait for the answer
    this.revealed = false; // they are in sight for this item all the same
    this.last = null; // row and label of the last answer, shown when the next image is in sight
    this.details = new Map();
    this.onKey = (e) => this.key(e);
    this.element = h("dialog", {
      class: "ga-review",
      "aria-label": "One image",
      tabIndex: -1,
      // After a click the keys belong to the item again.
      onPointerup: (e) => !(e.target instanceof HTMLInputElement) && this.element.focus(),
      onCancel: (e) => {
        e.preventDefault();
        this.close();
      },
    });
    this.build();
  }

  get isOpen() {
    return this.element.open;
  }

  build() {
    const { app } = this;
    this.parts = {
      place: h("b", {}),
      progress: h("div", { class: "ga-progress" }, h("i", {})),
      progressText: h("span", { class: "ga-quiet" }),
      state: h("span", { class: "ga-state", role: "status" }),
      conflicts: h("div", { class: "ga-conflicts" }),
      picture: h("div", { class: "ga-large" }),
      name: h("p", { class: "ga-name" }),
      about: h("div", { class: "ga-about" }),
      details: h("div", { class: "ga-details" }),
      strip: h("div", { class: "ga-strip", "aria-hidden": "true" }),
    };
    // Where people sign in, the server keeps the signed-in user, whatever stands here.
    const user = app.data.reviewer;
    this.reviewer = h("input", {
      name: "reviewer",
      maxLength: 200,
      placeholder: "your name",
      "aria-label": "Your name, kept with what you settle",
      title: user ? "You are signed in by this name; it is kept with what you settle" : "Kept with what you settle",
      value: user || app.remembered("ltnet-reviewer"),
      readOnly: Boolean(user),
      onChange: (e) => user || app.keepRemembered("ltnet-reviewer", e.target.value.trim()),
    });
    this.reason = h("input", {
      name: "reason",
      maxLength: 500,
      placeholder: "reason (optional)",
      "aria-label": "Reason, kept with the next decision",
      title: "Kept with the next decision; / brings you here",
    });
    this.blindly = h("input", {
      type: "checkbox",
      name: "blind",
      onChange: (e) => {
        this.blind = e.target.checked;
        app.keepRemembered("ltnet-look", this.blind ? "" : "1");
        e.target.blur();
        this.draw();
      },
    });
    this.buttons = app.data.classes.map((name, k) => {
      const { digit, letter } = this.keys[k];
      return h(
        "button",
        { class: "ga-class", onClick: () => this.settle(k) },
        h("kbd", {}, digit),
        h("kbd", {}, letter.toUpperCase()),
        h("span", {}, named(name)),
      );
    });
    const { parts } = this;
    const step = (text, title, by) => h("button", { class: "ga-button", title, "aria-label": title, onClick: () => this.step(by) }, text);
    this.element.append(
      h(
        "header",
        {},
        step("←", "The one before (arrow left)", -1),
        parts.place,
        step("→", "The next one (arrow right)", 1),
        parts.progress,
        parts.progressText,
        h("span", { class: "ga-grow" }),
        parts.state,
        h("label", { class: "ga-check", title: "Labels, learned truth and reasons are shown after your answer" }, this.blindly, "image first"),
        this.reviewer,
        h("button", { class: "ga-button", name: "keys", title: "Keys (?)", "aria-label": "Keys", onClick: () => this.showKeys() }, "?"),
        h("button", { class: "ga-button", title: "Close (Escape)", "aria-label": "Close", onClick: () => this.close() }, "✕"),
      ),
      parts.conflicts,
      h(
        "div",
        { class: "ga-columns" },
        h("figure", {}, parts.picture, parts.name, parts.about),
        h(
          "section",
          { class: "ga-settle", "aria-label": "Settle it" },
          h("h2", {}, "What is it?"),
          h("div", { class: "ga-classes" }, this.buttons),
          h(
            "div",
            { class: "ga-row" },
            (this.agree = h("button", { class: "ga-button", name: "agree", onClick: () => this.enter() })),
            h("button", { class: "ga-button", onClick: () => this.settle(SKIPPED) }, h("kbd", {}, "Space"), "skip"),
            h("button", { class: "ga-button", onClick: () => this.undo() }, h("kbd", {}, "⌫"), "undo"),
          ),
          this.reason,
        ),
        parts.details,
      ),
      parts.strip,
    );
  }

  // ---- where

  async open(position, push = !this.isOpen, blind = false) {
    this.alone = false;
    if (!this.isOpen) this.blind = blind;
    this.start();
    await this.show(position);
    clearTimeout(this.app.soon);
    this.app.setItem(this.row?.n, push);
  }

  // An item by its row, wherever it is in the list.
  async openRow(row, push = !this.isOpen) {
    const told = await this.app.server.json("item", { row });
    this.turn = (this.turn || 0) + 1;
    this.alone = true;
    if (!this.isOpen) this.blind = false;
    this.start();
    this.details.set(row, told);
    this.app.decisions.learn([told]);
    this.row = told;
    this.draw();
    clearTimeout(this.app.soon);
    this.app.setItem(told.n, push);
  }

  start() {
    if (this.isOpen) return;
    this.last = null;
    this.blindly.checked = this.blind;
    this.element.showModal();
    this.element.focus(); // not the first button: Enter belongs to the item
    // Before anybody else: single letters are shortcuts of the app around.
    window.addEventListener("keydown", this.onKey, true);
  }

  close() {
    if (!this.isOpen) return;
    this.element.close();
    window.removeEventListener("keydown", this.onKey, true);
    clearTimeout(this.rest);
    this.app.setItem("", false);
    if (!this.alone) this.app.grid.element.querySelector(`[data-position="${this.position}"]`)?.focus();
  }

  async show(position) {
    const { app } = this;
    const turn = (this.turn = (this.turn || 0) + 1);
    this.position = position;
    this.alone = false;
    this.revealed = false;
    this.row = app.list.at(position) || null;
    if (!this.row) {
      this.draw();
      let trouble = "";
      this.row = (await app.list.bring(position).catch((error) => void (trouble = error.message))) || null;
      if (turn !== this.turn) return;
      if (!this.row) {
        this.parts.name.textContent = trouble || "There is nothing at this place of the list.";
        return;
      }
    }
    this.draw();
    this.ahead();
    app.setItemSoon(this.row?.n);
  }

  step(by) {
    if (this.alone) return this.show(clamp(this.position, 0, Math.max((this.app.list.total || 1) - 1, 0)));
    const next = clamp(this.position + by, 0, Math.max((this.app.list.total || 1) - 1, 0));
    return next === this.position ? undefined : this.show(next);
  }

  // Keep ready what comes next.
  ahead() {
    const { app, position } = this;
    const total = app.list.total || 0;
    for (let number = Math.floor(position / BLOCK); number * BLOCK < Math.min(position + AHEAD, total); number += 1) {
      app.list
        .block(number)
        .then((rows) => app.images.bring(rows.map((r) => r.r), () => {}))
        .then(() => this.strip())
        .catch(() => {
          // the connection was lost: asked for again at the next step
        });
    }
    for (let i = 1; i <= LARGE_AHEAD; i += 1) {
      const row = app.list.at(position + i);
      if (row) new Image().src = app.server.image(row.r);
    }
  }

  // ---- keys

  key(event) {
    const target = event.composedPath()[0];
    const typing = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
    if (this.element.querySelector(".ga-keys")) {
      event.stopImmediatePropagation(); // the list of keys is in front
      return;
    }
    if (typing) {
      if (event.key === "Enter" || event.key === "Escape") {
        target.dispatchEvent(new Event("change"));
        target.blur();
        event.preventDefault();
      }
      event.stopImmediatePropagation();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // A button that was reached by the keyboard is pressed by it.
    if ((event.key === "Enter" || event.key === " ") && target.closest?.("button")?.matches(":focus-visible")) {
      event.stopImmediatePropagation();
      return;
    }
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const k = this.keys.findIndex(({ digit, letter }) => name === digit || name === letter);
    const actions = {
      ArrowRight: () => this.step(1),
      ArrowDown: () => this.step(1),
      ArrowLeft: () => this.step(-1),
      ArrowUp: () => this.step(-1),
      Escape: () => this.close(),
      Enter: () => this.enter(),
      Backspace: () => this.undo(),
      " ": () => this.settle(SKIPPED),
      "/": () => this.reason.focus(),
      "?": () => this.showKeys(),
    };
    const act = k >= 0 && name ? () => this.settle(k) : actions[name];
    if (name === "Tab" || (!act && name.length > 1)) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    if (event.repeat && !name.startsWith("Arrow")) return;
    act?.();
  }

  // The labels are not in sight, and wait for the answer.
  get hidden() {
    return this.blind && !this.revealed && !(this.row && this.app.decisions.of(this.row.r));
  }

  // Enter shows what is hidden; then it agrees with the learned truth.
  enter() {
    if (!this.row) return;
    if (this.hidden) {
      this.revealed = true;
      this.draw();
    } else if (this.row.t >= 0) this.settle(this.row.t);
  }

  settle(label) {
    const { app, row } = this;
    if (!row) return; // nothing is in sight that could be meant
    const shown = this.hidden && !app.seen.has(row.r) ? "image" : "labels";
    const before = app.decisions.decide(row, label, this.reviewer.value.trim(), this.reason.value.trim(), this.position, shown);
    this.reason.value = "";
    this.last = { row, label };
    app.moveProgress(before, label);
    const last = (app.list.total || 0) - 1;
    if (!this.alone && this.position < last) this.show(this.position + 1);
    else this.draw();
  }

  undo() {
    const { app } = this;
    const back = app.decisions.undo(this.reviewer.value.trim());
    if (!back) return;
    app.moveProgress(back.was, back.before ? back.before.label : OPEN);
    this.last = null;
    app.seen.add(back.row); // what it is called was shown after the answer
    if (!this.alone && app.list.at(back.position)?.r === back.row) this.show(back.position);
    else this.draw();
  }

  // ---- drawing

  draw() {
    const { app, row, parts } = this;
    const total = app.list.total || 0;
    parts.place.textContent = this.alone ? "not in this list" : `${whole(this.position + 1)} of ${whole(total)}`;
    this.refresh();
    parts.picture.replaceChildren();
    parts.details.replaceChildren();
    parts.about.replaceChildren();
    parts.name.textContent = row ? row.n : "Bringing it …";
    this.agree.disabled = !row || (!this.hidden && row.t < 0);
    this.agree.replaceChildren(h("kbd", {}, "Enter"), this.hidden ? "show the labels" : "agree with LT");
    if (!row) return;
    const small = app.images.get(row.r);
    const image = h("img", { src: small || app.server.image(row.r), alt: row.n });
    parts.picture.append(image);
    if (small) {
      const large = new Image();
      large.onload = () => {
        if (this.row === row) image.src = large.src;
      };
      large.src = app.server.image(row.r);
    }
    image.onerror = () => image.replaceWith(h("span", { class: "ga-gone" }, "image cannot be read"));
    clearTimeout(this.rest);
    if (this.blind) this.answered();
    if (this.hidden) return;
    app.seen.add(row.r);
    parts.about.replaceChildren(...app.grid.chips(row));
    const known = this.details.get(row.r);
    if (known) this.explain(known);
    else this.rest = setTimeout(() => this.ask(row), REST);
  }

  // What the last image was called, beside the next one.
  async answered() {
    const { app, parts, last } = this;
    if (!last) {
      parts.details.replaceChildren(
        h("p", { class: "ga-quiet" }, "The image first. What the coders said, the learned truth and why stand here after your answer."),
      );
      return;
    }
    const { row, label } = last;
    const address = app.images.get(row.r);
    const mine = label === SKIPPED ? "skipped" : app.data.classes[label];
    const right = label === row.t ? ", as the learned truth" : label === SKIPPED ? "" : "; the learned truth is another";
    const box = h(
      "div",
      { class: "ga-last" },
      h("h2", {}, "Your last answer: ", named(mine), right),
      h("div", { class: "ga-row" }, address ? h("img", { src: address, alt: row.n }) : null, h("div", { class: "ga-about" }, app.grid.chips(row))),
    );
    parts.details.replaceChildren(box);
    this.rest = setTimeout(async () => {
      try {
        const told = this.details.get(row.r) || (await app.server.json("item", { row: row.r }));
        this.details.set(row.r, told);
        if (this.last === last && this.hidden) box.append(...[this.why(told), this.bars(told)].filter(Boolean));
      } catch {
        // the chips say the most of it; the next answer asks again
      }
    }, REST);
  }

  async ask(row) {
    try {
      const told = await this.app.server.json("item", { row: row.r });
      this.details.set(row.r, told);
      while (this.details.size > 200) this.details.delete(this.details.keys().next().value);
      if (this.row?.r === row.r) this.explain(told);
    } catch (error) {
      if (this.row?.r === row.r) this.parts.details.replaceChildren(h("p", { class: "ga-quiet" }, error instanceof Answer ? error.message : "The server does not answer."));
    }
  }

  // Rows whose state has changed: what was told of them is old.
  outdate(rows) {
    for (const row of rows) this.details.delete(row);
    if (!this.isOpen || !this.row || !rows.includes(this.row.r)) return;
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.row && this.ask(this.row), REST);
  }

  // What changes while one looks: the state of saving, progress, what was settled.
  refresh() {
    const { app, parts, row } = this;
    if (!this.isOpen) return;
    const { decisions } = app;
    const n = decisions.pending.length;
    parts.state.className = "ga-state" + (decisions.lost || decisions.conflicts.length ? " lost" : "");
    const unsaved = decisions.conflicts.length;
    parts.state.textContent = decisions.lost
      ? `${decisions.why}; ${whole(n)} kept here`
      : n
        ? `saving ${whole(n)} …`
        : unsaved
          ? `${whole(unsaved)} not saved`
          : decisions.stack.length
            ? "all saved"
            : "";
    this.strip();
    const { settled, items } = app.progress();
    parts.progress.firstChild.style.width = share(items ? settled / items : 0);
    parts.progressText.textContent = `${whole(settled)} of ${whole(items)} settled`;
    const decision = row && decisions.of(row.r);
    this.buttons.forEach((button, k) => {
      button.classList.toggle("chosen", decision?.label === k);
      button.classList.toggle("learned", !this.hidden && row?.t === k);
      button.disabled = !row;
    });
    if (row) parts.about.replaceChildren(...(this.hidden ? [] : app.grid.chips(row)));
    parts.conflicts.replaceChildren(...decisions.conflicts.map((c) => this.conflict(c)));
    if (decisions.error) {
      parts.conflicts.append(h("p", { class: "ga-note error", role: "alert" }, `Not saved: ${decisions.error}`));
    }
  }

  conflict(conflict) {
    const { app } = this;
    const { mine, theirs } = conflict;
    const they = theirs.by || "Somebody else";
    const word = (kind, label) => (kind === "skip" ? "skipped it" : `settled it as ${label}`);
    return h(
      "p",
      { class: "ga-note warning", role: "alert" },
      h("button", { class: "ga-link", title: "Look at it", onClick: () => app.openNamed(mine.image) }, named(mine.image)),
      ": ",
      named(they),
      ` ${word(theirs.kind, theirs.label)} ${when(theirs.at)}; you ${word(mine.kind, app.data.classes[mine.label])}. Yours is not saved. `,
      h("button", { class: "ga-button", onClick: () => app.decisions.resolve(conflict, false) }, "Keep theirs"),
      h("button", { class: "ga-button", onClick: () => app.decisions.resolve(conflict, true) }, "Save mine"),
    );
  }

  strip() {
    const { app, parts } = this;
    if (!this.isOpen || this.alone) return parts.strip.replaceChildren();
    const cells = [];
    for (let i = this.position - 2; i <= this.position + 12; i += 1) {
      const row = i >= 0 ? app.list.at(i) : null;
      if (!row) continue;
      const address = app.images.get(row.r);
      const decision = app.decisions.of(row.r);
      cells.push(
        h(
          "button",
          { class: i === this.position ? "on" : "", tabIndex: -1, onClick: () => this.show(i) },
          address ? h("img", { src: address, alt: "" }) : null,
          decision ? h("b", {}, decision.label === SKIPPED ? "skip" : app.data.codes[decision.label]) : null,
        ),
      );
    }
    return parts.strip.replaceChildren(...cells);
  }

  explain(told) {
    if (this.hidden) return;
    for (const row of told.alike) this.app.seen.add(row.r);
    this.parts.details.replaceChildren(...[this.bars(told), this.why(told), this.alike(told), this.log(told)].filter(Boolean));
  }

  // Every distribution side by side: a row per class, a column per source.
  bars(told) {
    const { data } = this.app;
    const columns = [["learned truth", told.posterior]];
    if (told.image) columns.push(["image alone", told.image]);
    const speaking = data.coders.filter((c) => told.says[c.id]);
    const heard = speaking.filter((c) => c.id in told.annotations);
    for (const c of (speaking.length > MOST_COLUMNS ? heard : speaking).slice(0, MOST_COLUMNS)) {
      columns.push([`${c.name} would say`, told.says[c.id], told.annotations[c.id]]);
    }
    const head = h("tr", {}, h("th", { scope: "col" }, h("span", { class: "ga-unseen" }, "class")), columns.map(([name]) => h("th", { scope: "col" }, named(name))));
    const rows = data.classes.map((name, k) =>
      h(
        "tr",
        {},
        h("th", { scope: "row", title: name }, named(data.codes[k])),
        columns.map(([source, p, said]) => {
          const votes = said?.[k] || 0;
          const sum = said ? said.reduce((a, b) => a + b, 0) : 0;
          const text = `${source}: ${name} ${percent(p[k], 1)}` + (votes ? `; said so (${percent(votes / sum)})` : "");
          return h(
            "td",
            { title: text, class: votes / sum >= 0.5 ? "said" : "" },
            h("i", { style: { width: share(p[k]) } }),
            h("span", {}, p[k] >= 0.005 ? String(Math.round(100 * p[k])) : "·"),
          );
        }),
      ),
    );
    return h("div", { class: "ga-part-of" }, h("h2", {}, "How probable each class is, in %"), h("table", { class: "ga-table" }, head, rows));
  }

  // What the image and each annotation add, in log-odds against the next most probable class.
  why(told) {
    const { app } = this;
    const { data } = app;
    const entries = Object.entries(told.reasons);
    if (!entries.length) return null;
    const most = Math.max(...entries.map(([, v]) => Math.abs(v)), 1);
    const name = (source) => {
      if (!source) return "the image";
      const coder = data.coders.find((c) => c.id === source);
      const votes = told.annotations[source];
      const top = votes.indexOf(Math.max(...votes));
      return `${coder ? coder.name : source}: ${data.classes[top]}`;
    };
    const sum = entries.reduce((s, [, v]) => s + v, 0);
    const odds = (v) => (Math.abs(v) < 0.05 ? "±0" : `${v > 0 ? "+" : "−"}${Math.abs(v).toFixed(1)}`);
    const line = ([source, v]) =>
      h(
        "div",
        { class: "ga-reason" + (v < 0 ? " against" : "") },
        h("span", {}, named(name(source))),
        h("div", {}, h("i", { style: { width: `${(50 * Math.abs(v)) / most}%` } })),
        h("b", {}, odds(v)),
      );
    const shown = entries.sort((a, b) => Math.abs(b[1]) - Math.abs(a[1])).slice(0, 8);
    return h(
      "div",
      { class: "ga-part-of" },
      h("h2", {}, "Why ", named(data.classes[told.t]), " and not ", named(data.classes[told.rival])),
      h("div", { class: "ga-reasons" }, shown.map(line)),
      h("p", { class: "ga-quiet" }, `log-odds; together ${odds(sum)}, odds of ${ratio(sum)}`),
    );
  }

  alike(told) {
    const { app } = this;
    if (!told.alike.length) return null;
    const box = h("div", { class: "ga-alike" });
    for (const row of told.alike) {
      const picture = h("span", {});
      const text = `${row.n}: ${app.caption(row)}; cosine ${row.cosine.toFixed(2)}`;
      box.append(
        h(
          "button",
          { title: text, "aria-label": text, onClick: () => app.openNamed(row.n, true) },
          picture,
          h("b", { class: row.t === told.t ? "" : "other" }, named(app.data.codes[row.t])),
        ),
      );
      app.images.bring([row.r], (_, address) => address && picture.replaceChildren(h("img", { src: address, alt: "" }))).catch(() => {});
    }
    return h("div", { class: "ga-part-of" }, h("h2", {}, "What looks most like it to the network"), box);
  }

  log(told) {
    if (!told.log.length) return null;
    const line = (d) => {
      const did = { settle: `settled it as ${d.label}`, skip: "skipped it", undo: "took that back" }[d.kind];
      return h("li", {}, named(d.by || "Somebody"), ` ${did} ${when(d.at)}`, d.why ? [": ", named(d.why)] : null);
    };
    return h("div", { class: "ga-part-of" }, h("h2", {}, "What was decided"), h("ul", {}, told.log.slice(-12).map(line)));
  }

  // Every key, and the letters of the classes to change.
  showKeys() {
    const { app } = this;
    const letters = this.keys.map((k) => k.letter);
    const line = (key, text) => h("li", {}, h("kbd", {}, key), " ", text);
    const close = () => {
      dialog.close();
      dialog.remove();
      this.element.focus();
    };
    const dialog = h(
      "dialog",
      { class: "ga-keys", "aria-label": "Keys", onCancel: (e) => (e.preventDefault(), close()) },
      h("h2", {}, "Keys"),
      h(
        "ul",
        {},
        line("1 … 0", "the class at that place"),
        line("letter", "the class that has it, below"),
        line("Enter", "shows the labels where they are hidden, else agrees with the learned truth (LT)"),
        line("Space", "skips: seen, and left open"),
        line("Backspace", "takes the last answer back"),
        line("← →", "the one before, the next one"),
        line("/", "a reason for the next answer"),
        line("Escape", "closes"),
      ),
      h("h2", {}, "Letters of the classes"),
      h(
        "div",
        { class: "ga-letters" },
        app.data.classes.map((name, k) =>
          h(
            "label",
            {},
            h("input", {
              value: letters[k].toUpperCase(),
              maxLength: 1,
              "aria-label": `Letter of ${name}`,
              onChange: (e) => this.changeLetter(k, e.target),
            }),
            named(name),
          ),
        ),
      ),
      h("button", { class: "ga-button primary", onClick: close }, "Done"),
    );
    this.element.append(dialog);
    dialog.showModal();
  }

  // A letter of one's own; the class that had it gets the other's.
  changeLetter(k, field) {
    const letter = field.value.trim().toLowerCase();
    const other = this.keys.findIndex((key, i) => i !== k && letter && key.letter === letter);
    if (!/^[a-z]?$/.test(letter)) field.value = this.keys[k].letter.toUpperCase();
    else {
      if (other >= 0) this.keys[other].letter = this.keys[k].letter;
      this.keys[k].letter = letter;
      this.app.keepRemembered(this.keysName(), JSON.stringify(this.keys.map((key) => key.letter)));
    }
    this.element.querySelectorAll(".ga-letters input").forEach((input, i) => (input.value = this.keys[i].letter.toUpperCase()));
    this.buttons.forEach((button, i) => (button.querySelectorAll("kbd")[1].textContent = this.keys[i].letter.toUpperCase()));
  }

  keysName() {
    return `ltnet-keys:${JSON.stringify(this.app.data.classes)}`;
  }

  // The letters that were chosen for these classes before.
  rememberedKeys() {
    const keys = classKeys(this.app.data.classes);
    try {
      const letters = JSON.parse(this.app.remembered(this.keysName()) || "[]");
      if (letters.length === keys.length) keys.forEach((key, i) => (key.letter = /^[a-z]?$/.test(letters[i]) ? letters[i] : key.letter));
    } catch {
      // not ours
    }
    return keys;
  }

  destroy() {
    window.removeEventListener("keydown", this.onKey, true);
    clearTimeout(this.rest);
    if (this.isOpen) this.element.close();
  }
}

function ratio(logOdds) {
  const odds = Math.exp(Math.abs(logOdds));
  const text = odds > 1e6 ? "more than a million" : odds >= 10 ? whole(Math.round(odds)) : odds.toFixed(1);
  return logOdds >= 0 ? `${text} to 1` : `1 to ${text}`;
}
