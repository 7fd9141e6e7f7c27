"""Actions on many items at once, and tags. Every action is kept and can be undone at any time.

The tables lie in the store of the adjudications, so that an action is on disk whole or not at all. Settling many items
writes one decision for each; a tag is a line of its own. Undoing an action erases nothing: the log keeps both.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import OptionError
from .adjudications import Adjudications, OddRowError, prepared

KINDS = ("settle", "skip", "tag", "untag")
MANY = "many:"  # begins the keys of decisions that an action wrote
MOST_ITEMS = 100_000
LONGEST_TAG = 60
MOST_SHOWN = 200

_SCHEMA = """
CREATE TABLE IF NOT EXISTS actions (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    key      TEXT NOT NULL UNIQUE,  -- made by the sender: sent twice, it counts once
    kind     TEXT NOT NULL CHECK (kind IN ('settle', 'skip', 'tag', 'untag')),
    value    TEXT NOT NULL,         -- class name or tag; empty for skip
    reviewer TEXT NOT NULL,
    time     REAL NOT NULL,         -- seconds since 1970
    images   INTEGER NOT NULL,      -- that it changed
    first    TEXT NOT NULL          -- one of them
);
CREATE TABLE IF NOT EXISTS undone (
    action   TEXT NOT NULL UNIQUE,  -- key of an action
    reviewer TEXT NOT NULL,
    time     REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS marks (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    action   TEXT NOT NULL,
    image    TEXT NOT NULL,
    tag      TEXT NOT NULL,
    present  INTEGER NOT NULL       -- 1 where the image gets the tag, 0 where it loses it
);
CREATE INDEX IF NOT EXISTS by_action ON marks (action);
"""


@dataclass(frozen=True)
class Action:
    """One line of the history.

    Attributes
    ----------
    kind : one of ``KINDS``.
    value : the class or the tag.
    first : one of the images.
    key : unique, made by the client, without a hyphen.
    images : number of items that it changed.
    undone : whether a later action undid it.
    """

    kind: str
    value: str
    reviewer: str
    key: str
    images: int = 0
    first: str = ""
    time: float = 0.0
    undone: bool = False


class Actions:
    """The actions on one dataset's items."""

    def __init__(self, store: Adjudications):
        self.store = store

    def act(self, action: Action, images: Sequence[str]) -> int:
        """Apply the action to these items; returns the number of items that it changed.

        An item that was settled or skipped before is not changed: a decision about a single item counts more. An
        action that is repeated with its key is applied once.

        Raises
        ------
        OptionError
            an unknown action or value, or too many items.
        StorageError
        """
        _require(action, len(images))
        with prepared(self.store, _SCHEMA) as db:
            known = db.execute("SELECT images FROM actions WHERE key = ?", (action.key,)).fetchone()
            if known:
                return int(known["images"])
            now = action.time or time.time()
            if action.kind in ("tag", "untag"):
                changed = _mark(db, action, images)
            else:
                changed = _decide(db, action, images, now)
            db.execute(
                "INSERT INTO actions (key, kind, value, reviewer, time, images, first) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (action.key, action.kind, action.value, action.reviewer, now, len(changed), (changed or [""])[0]),
            )
        return len(changed)

    def undo(self, key: str, reviewer: str) -> bool:
        """Undo an action or a single decision; returns whether there was one."""
        with prepared(self.store, _SCHEMA) as db:
            now = time.time()
            if db.execute("SELECT 1 FROM actions WHERE key = ?", (key,)).fetchone():
                row = db.execute("INSERT OR IGNORE INTO undone VALUES (?, ?, ?)", (key, reviewer, now))
                start = f"{MANY}{key}-"
                db.execute(_UNDO_MANY, (reviewer, now, len(start), start))
            else:
                row = db.execute(_UNDO_ONE, (reviewer, now, key))
        return row.rowcount > 0

    def history(self) -> list[Action]:
        """The actions and the single decisions, newest first, at most ``MOST_SHOWN``."""
        with self.store.reading() as db:
            if db is None:
                return []
            rows = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'actions'").fetchone()
            many = [] if rows is None else db.execute(_HISTORY, (MOST_SHOWN,)).fetchall()
            single = db.execute(_SINGLE, (len(MANY), MANY, MOST_SHOWN)).fetchall()
            actions = [_action(row) for row in (*many, *single)]
        return sorted(actions, key=lambda a: -a.time)[:MOST_SHOWN]

    def version(self) -> tuple[int, int]:
        """A number that changes with the tags."""
        with self.store.reading() as db:
            if db is None or not _has_marks(db):
                return 0, 0
            row = db.execute("SELECT (SELECT max(id) FROM marks) AS m, (SELECT count(*) FROM undone) AS u").fetchone()
        return row["m"] or 0, row["u"]

    def tags(self) -> dict[str, list[str]]:
        """tag → its images, in the order in which they were tagged."""
        with self.store.reading() as db:
            if db is None or not _has_marks(db):
                return {}
            rows = db.execute(
                "SELECT image, tag, present FROM marks WHERE action NOT IN (SELECT u.action FROM undone u) ORDER BY id"
            ).fetchall()
            if not all(isinstance(row["image"], str) and isinstance(row["tag"], str) for row in rows):
                raise OddRowError("a tag must be a text")
        standing: dict[str, dict[str, None]] = {}
        for row in rows:
            image, tag = row["image"], row["tag"]
            images = standing.setdefault(tag, {})
            images.pop(image, None)
            if row["present"]:
                images[image] = None
        return {tag: list(images) for tag, images in standing.items() if images}


_HISTORY = """
SELECT a.*, EXISTS (SELECT 1 FROM undone u WHERE u.action = a.key) AS undone
FROM actions a ORDER BY a.id DESC LIMIT ?
"""
_SINGLE = """
SELECT d.key, d.kind, d.label AS value, d.reviewer, d.time, 1 AS images, d.image AS first,
       EXISTS (SELECT 1 FROM decisions u WHERE u.undoes = d.key AND u.kind = 'undo') AS undone
FROM decisions d WHERE d.kind != 'undo' AND substr(d.key, 1, ?) != ? ORDER BY d.id DESC LIMIT ?
"""
_UNDO = """
INSERT OR IGNORE INTO decisions (key, kind, image, label, reviewer, reason, time, undoes, shown)
SELECT 'undo:' || d.key, 'undo', d.image, '', ?, '', ?, d.key, '' FROM decisions d
WHERE d.kind != 'undo' AND NOT EXISTS (SELECT 1 FROM decisions u WHERE u.undoes = d.key AND u.kind = 'undo')
"""
_UNDO_ONE = _UNDO + " AND d.key = ?"
_UNDO_MANY = _UNDO + " AND substr(d.key, 1, ?) = ?"


def _require(action: Action, images: int) -> None:
    if action.kind not in KINDS:
        raise OptionError(f"an action is one of {', '.join(KINDS)}, got {action.kind!r}.")
    if not action.key or "-" in action.key:
        raise OptionError("an action needs a key without a hyphen.")
    tag = action.value
    if action.kind in ("tag", "untag") and (not tag.strip() or len(tag) > LONGEST_TAG or not tag.isprintable()):
        raise OptionError(f"a tag has 1 to {LONGEST_TAG} printable characters, got {tag[:100]!r}.")
    if images > MOST_ITEMS:
        raise OptionError(
            f"at most {MOST_ITEMS:,} images can be changed at once, these are {images:,}; narrow the view."
        )


def _mark(db: sqlite3.Connection, action: Action, images: Sequence[str]) -> list[str]:
    """Tag the items that do not have the tag yet, or take it from those that have it."""
    rows = db.execute(
        "SELECT image, present FROM marks WHERE tag = ? AND action NOT IN (SELECT u.action FROM undone u) ORDER BY id",
        (action.value,),
    )
    has = {row["image"]: bool(row["present"]) for row in rows}
    present = action.kind == "tag"
    changed = [image for image in images if has.get(image, False) != present]
    lines = [(action.key, image, action.value, int(present)) for image in changed]
    db.executemany("INSERT INTO marks (action, image, tag, present) VALUES (?, ?, ?, ?)", lines)
    return changed


def _decide(db: sqlite3.Connection, action: Action, images: Sequence[str], now: float) -> list[str]:
    """Settle or skip the items about which no decision stands."""
    standing = db.execute(
        "SELECT DISTINCT image FROM decisions d WHERE kind != 'undo' "
        "AND NOT EXISTS (SELECT 1 FROM decisions u WHERE u.undoes = d.key AND u.kind = 'undo')"
    )
    done = {row["image"] for row in standing}
    changed = [image for image in images if image not in done]
    label = action.value if action.kind == "settle" else ""
    db.executemany(
        "INSERT INTO decisions (key, kind, image, label, reviewer, reason, time, undoes, shown) "
        "VALUES (?, ?, ?, ?, ?, 'many at once', ?, '', 'labels')",
        [
            (f"{MANY}{action.key}-{n}", action.kind, image, label, action.reviewer, now)
            for n, image in enumerate(changed)
        ],
    )
    return changed


def _has_marks(db: sqlite3.Connection) -> bool:
    return db.execute("SELECT 1 FROM sqlite_master WHERE name = 'marks'").fetchone() is not None


def _action(row: dict[str, Any]) -> Action:
    texts = ("kind", "value", "reviewer", "key", "first")
    if not all(isinstance(row[name], str) for name in texts) or not isinstance(row["images"], int):
        raise OddRowError("a row of the history is no action")
    if not isinstance(row["time"], int | float):
        raise OddRowError("an action has no time")
    return Action(
        **{n: row[n] for n in texts}, images=row["images"], time=float(row["time"]), undone=bool(row["undone"])
    )
