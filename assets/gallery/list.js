// The list that a view asks for, in blocks that are fetched when they are needed, with small images.

const BLOCK = 120; // rows of 2, 3, 4, 5, 6, 8, 10 or 12 come out even
const MOST_BLOCKS = 80;
const MOST_IMAGES = 3000;

class List {
  constructor(server, view, changed, came) {
    this.server = server;
    this.view = view;
    this.changed = changed; // called when a connection is lost or found again
    this.came = came; // called with rows that have come
    this.total = null;
    this.version = null; // of what was settled when the list was made: it does not move while one works through it
    this.blocks = new Map(); // number → rows, or the promise of them
    this.closed = false;
  }

  // The rows of a block. Goes on asking while the server is away.
  block(number) {
    const known = this.blocks.get(number);
    if (known) {
      this.blocks.delete(number);
      this.blocks.set(number, known); // the longest unused goes first
      return Promise.resolve(known);
    }
    const coming = this.load(number).then(
      (rows) => {
        this.blocks.set(number, rows);
        return rows;
      },
      (error) => {
        this.blocks.delete(number);
        throw error;
      },
    );
    this.blocks.set(number, coming);
    while (this.blocks.size > MOST_BLOCKS) this.blocks.delete(this.blocks.keys().next().value);
    return coming;
  }

  async load(number) {
    for (let tries = 0; ; tries += 1) {
      try {
        const params = { ...this.view, offset: number * BLOCK, limit: BLOCK };
        if (this.version !== null) params.as_of = this.version;
        const told = await this.server.json("items", params);
        this.changed("");
        this.total = told.total;
        this.version ??= told.version;
        this.came(told.rows);
        return told.rows;
      } catch (error) {
        if (error instanceof Answer || this.closed) throw error;
        this.changed("The server does not answer; trying again …");
        await sleep(clamp(300 * 2 ** tries, 300, 4000));
      }
    }
  }

  // The row at a place in the list, if it is here already.
  at(position) {
    const rows = this.blocks.get(Math.floor(position / BLOCK));
    return Array.isArray(rows) ? rows[position % BLOCK] : undefined;
  }

  async bring(position) {
    return (await this.block(Math.floor(position / BLOCK)))[position % BLOCK];
  }
}

// Small images by row, kept as long as there is room.
class Images {
  constructor(server) {
    this.server = server;
    this.urls = new Map(); // row → address, or "" for an image that cannot be read
    this.wanted = new Map(); // row → promise
  }

  get(row) {
    return this.urls.get(row);
  }

  // Brings the small images of these rows; got(row, address) is called for each as it comes.
  async bring(rows, got) {
    const missing = [];
    for (const row of rows) {
      if (this.urls.has(row)) got(row, this.urls.get(row));
      else if (this.wanted.has(row)) this.wanted.get(row).then((address) => got(row, address));
      else missing.push(row);
    }
    if (!missing.length) return;
    const finish = new Map();
    for (const row of missing) this.wanted.set(row, new Promise((done) => finish.set(row, done)));
    const keep = (row, address) => {
      this.urls.set(row, address);
      this.wanted.delete(row);
      finish.get(row)?.(address);
      got(row, address);
    };
    try {
      await this.server.thumbnails(missing, (row, bytes) =>
        keep(row, bytes ? URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" })) : ""),
      );
    } catch (error) {
      if (error instanceof Answer) for (const row of missing) if (!this.urls.has(row)) keep(row, "");
    } finally {
      // Those that did not come are asked for again when they are shown again.
      for (const row of missing) this.wanted.delete(row);
    }
    while (this.urls.size > MOST_IMAGES) {
      const [row, address] = this.urls.entries().next().value;
      this.urls.delete(row);
      if (address) URL.revokeObjectURL(address);
    }
  }

  close() {
    for (const address of this.urls.values()) if (address) URL.revokeObjectURL(address);
    this.urls.clear();
  }
}
