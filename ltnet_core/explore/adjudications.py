"""Adjudications: an append-only log of decisions about items, in SQLite, one file per dataset.

A decision is an annotation by one more coder, the adjudicator; it never replaces a label. The log
keeps every decision with its reviewer, time and reason. The latest decision of an item that was not
undone is its standing decision.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from ..annotations import ADJUDICATOR
from ..datasets import Study
from ..errors import DatasetError, OptionError, RunError, StorageError, did_you_mean
from ..files.reading import LARGEST_TEXT
from ..files.spreadsheet import csv_bytes, unguarded
from ..files.writing import naming, storage_error

PATIENCE = 30.0  # seconds to wait for another writer
COLUMNS = ("image", "label", "reviewer", "reason", "time", "shown")
SHOWN = ("", "image", "labels")
ASIDE, YES = "set_aside", "yes"  # column of a CSV, and its value for images that are set aside

_SCHEMA = """
CREATE TABLE IF NOT EXISTS decisions (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    key      TEXT NOT NULL UNIQUE,  -- made by the sender: sent twice, it counts once
    kind     TEXT NOT NULL CHECK (kind IN ('settle', 'skip', 'undo')),
    image    TEXT NOT NULL,
    label    TEXT NOT NULL,         -- class name; empty unless it settles
    reviewer TEXT NOT NULL,
    reason   TEXT NOT NULL,
    time     REAL NOT NULL,         -- seconds since 1970
    undoes   TEXT NOT NULL,         -- key of the decision that an undo takes back
    shown    TEXT NOT NULL DEFAULT ''  -- what was in sight before: image, labels, or empty where that is not known
);
CREATE INDEX IF NOT EXISTS by_image ON decisions (image);
CREATE INDEX IF NOT EXISTS by_undone ON decisions (undoes);
"""
# The latest decision about each image that no undo takes back.
_STANDING = """
SELECT d.* FROM decisions d
WHERE d.kind != 'undo'
  AND NOT EXISTS (SELECT 1 FROM decisions u WHERE u.undoes = d.key AND u.kind = 'undo' AND u.id <= ?)
"""


@dataclass(frozen=True)
class Decision:
    """One line of the log.

    Attributes
    ----------
    kind : ``settle`` (the item is of class ``label``), ``skip`` (leave it open) or ``undo`` (of the key ``undoes``).
    shown : what the reviewer saw before deciding: ``image`` alone, ``labels``, or empty where that is not known.
    key : unique, made by the client that decides.
    id : number in the log, from 1; 0 until it is written.
    """

    kind: str
    image: str
    label: str = ""
    reviewer: str = ""
    reason: str = ""
    key: str = ""
    undoes: str = ""
    shown: str = ""
    time: float = 0.0
    id: int = 0


class Adjudications:
    """The decisions about one dataset's items; the file is made with the first of them.

    Where it lies in the folder of a dataset (``in_dataset``), nothing is written when that was deleted: a folder that
    is made again would hold the decision alone, and stand in the way of the one that is brought back.
    """

    def __init__(self, path: Path, *, in_dataset: bool = False):
        self.path = path
        self.in_dataset = in_dataset

    def add(self, decision: Decision, known_id: int) -> Decision | None:
        """Write one decision; see :meth:`add_all`."""
        return self.add_all([(decision, known_id)])[0]

    def add_all(self, wanted: Sequence[tuple[Decision, int]]) -> list[Decision | None]:
        """Write decisions, each unless a newer one of somebody else stands for its image.

        Each decision comes with the id of the standing decision that its reviewer knew, 0 for none. Where a
        newer one from another client stands, the decision is not written, and the newer one is returned in
        the list; None for a decision that was written. The part of a key before its last hyphen names the
        client, because names of reviewers may be equal or missing. All are on disk when this returns.
        """
        out: list[Decision | None] = []
        with prepared(self) as db:
            for decision, known_id in wanted:
                if db.execute("SELECT 1 FROM decisions WHERE key = ?", (decision.key,)).fetchone():
                    out.append(None)  # it came before, and the answer was lost
                    continue
                _require_same_image(db, decision)
                standing = _standing(db, decision.image)
                newer = standing is not None and standing.id > known_id and _origin(standing) != _origin(decision)
                if newer and decision.kind != "undo":
                    out.append(standing)
                    continue
                db.execute(
                    "INSERT INTO decisions (key, kind, image, label, reviewer, reason, time, undoes, shown) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        decision.key,
                        decision.kind,
                        decision.image,
                        decision.label,
                        decision.reviewer,
                        decision.reason,
                        decision.time or time.time(),
                        decision.undoes,
                        decision.shown,
                    ),
                )
                out.append(None)
        return out

    def standing(self, images: Iterable[str] | None = None, until: int | None = None) -> list[Decision]:
        """The standing decision of each image, or of ``images`` only, oldest first.

        ``until`` leaves out the lines of the log after that id.
        """
        with self.reading() as db:
            if db is None:
                return []
            if images is None:
                last = 2**62 if until is None else until
                decisions = [_decision(r) for r in db.execute(_STANDING + " AND d.id <= ? ORDER BY d.id", (last, last))]
            else:
                decisions = [d for name in images if (d := _standing(db, name)) is not None]
        return sorted({d.image: d for d in decisions}.values(), key=lambda d: d.id)

    def changed_since(self, last: int) -> tuple[list[str], int]:
        """Images with decisions after the id ``last``, and the id of the newest decision (0 for none)."""
        with self.reading() as db:
            if db is None:
                return [], 0
            rows = db.execute("SELECT image FROM decisions WHERE id > ? ORDER BY id", (last,)).fetchall()
            newest = db.execute("SELECT max(id) AS id FROM decisions").fetchone()["id"]
        images = [r["image"] for r in rows]
        if not all(isinstance(name, str) for name in images) or not isinstance(newest, int | None):
            raise _damaged(self.path, "an image must be a name")
        return list(dict.fromkeys(images)), newest or 0

    def log(self) -> list[Decision]:
        """Every line, oldest first."""
        with self.reading() as db:
            if db is None:
                return []
            return [_decision(row) for row in db.execute("SELECT * FROM decisions ORDER BY id")]

    def log_of(self, image: str) -> list[Decision]:
        """Every line about one image, oldest first."""
        with self.reading() as db:
            if db is None:
                return []
            return [_decision(r) for r in db.execute("SELECT * FROM decisions WHERE image = ? ORDER BY id", (image,))]

    def to_frame(self) -> pd.DataFrame:
        """The settled items as rows of ``COLUMNS``, the time in UTC; those skipped are not in it."""
        rows = [
            (d.image, d.label, d.reviewer, d.reason, _iso(d.time), d.shown)
            for d in self.standing()
            if d.kind == "settle"
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS))

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """None where there is no store, or its first writer has not made the tables in it yet."""
        if not os.path.lexists(self.path):
            yield None
            return
        with self.opened() as db:
            yield db if db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() else None

    @contextlib.contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """The store, to write to; its errors are raised as errors of this library."""
        if os.path.lexists(self.path) and not self.path.is_file():
            raise _damaged(self.path, "it is no file")
        try:
            db = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
        except sqlite3.Error as e:
            raise StorageError(f"{str(self.path)!r} cannot be opened just now ({e}).") from e
        try:
            db.row_factory = lambda cursor, row: {c[0]: v for c, v in zip(cursor.description, row, strict=True)}
            db.execute("PRAGMA synchronous = FULL")
            yield db
        except (sqlite3.Error, OddRowError) as e:
            raise _explained(self.path, e) from e
        finally:
            db.close()


@contextlib.contextmanager
def prepared(store: Adjudications, *schemas: str) -> Iterator[sqlite3.Connection]:
    """The store with its tables and those of ``schemas``, to write to, whole or not at all.

    Raises
    ------
    StorageError, DatasetError
    RunError
        the dataset whose folder holds it is gone.
    """
    folder = store.path.parent
    if store.in_dataset and not folder.is_dir():
        raise RunError(f"there is no dataset {folder.name!r} any more.")
    with naming(store.path):
        folder.mkdir(parents=True, exist_ok=True)
    with store.opened() as db:
        db.executescript(_SCHEMA)
        db.execute("BEGIN IMMEDIATE")
        _add_new_columns(db)
        db.commit()
        for schema in schemas:
            db.executescript(schema)
        db.execute("BEGIN IMMEDIATE")
        yield db
        db.commit()


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _add_new_columns(db: sqlite3.Connection) -> None:
    """A store from before ``shown`` gets the column; what was in sight then is not known."""
    if not any(column["name"] == "shown" for column in db.execute("PRAGMA table_info(decisions)")):
        db.execute("ALTER TABLE decisions ADD COLUMN shown TEXT NOT NULL DEFAULT ''")


class OddRowError(Exception):
    """A row of the store is not of the kind that its table holds."""


def _explained(path: Path, e: Exception) -> StorageError | DatasetError:
    """The error of this library for an error of SQLite."""
    code = getattr(e, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary code
    if code == sqlite3.SQLITE_FULL:
        return storage_error(path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    if code in (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
    ):
        return StorageError(f"{str(path)!r} cannot be read or written just now ({e}); try again.")
    return _damaged(path, str(e))


def _damaged(path: Path, reason: str) -> DatasetError:
    return DatasetError(f"adjudications cannot be read or written ({reason}); restore it from a copy.", file=str(path))


def _decision(row: dict[str, object]) -> Decision:
    """A row of the store as a decision."""
    texts = ("kind", "image", "label", "reviewer", "reason", "key", "undoes")
    when, number = row.get("time"), row.get("id")
    if not all(isinstance(row.get(name), str) for name in texts) or not isinstance(number, int):
        raise OddRowError(f"row {number!r} is no decision")
    if not isinstance(when, int | float) or not math.isfinite(when) or not 0 <= when < 1e11:
        raise OddRowError(f"row {number} has no time")
    shown = row.get("shown", "")
    if shown not in SHOWN:
        raise OddRowError(f"row {number} was shown {shown!r}")
    return Decision(**{name: str(row[name]) for name in texts}, shown=str(shown), time=float(when), id=number)


def _require_same_image(db: sqlite3.Connection, undo: Decision) -> None:
    """Whoever reads what changed looks at the image of the undo alone."""
    undone = db.execute("SELECT image FROM decisions WHERE key = ?", (undo.undoes,)).fetchone() if undo.undoes else None
    if undone is not None and undone["image"] != undo.image:
        raise OptionError(f"the decision {undo.undoes!r} is about another image than {undo.image!r}.")


def _origin(decision: Decision) -> str:
    return decision.key.rpartition("-")[0]


def _standing(db: sqlite3.Connection, image: str) -> Decision | None:
    row = db.execute(_STANDING + " AND d.image = ? ORDER BY d.id DESC LIMIT 1", (2**62, image)).fetchone()
    return None if row is None else _decision(row)


def read_decisions(path: Path) -> pd.DataFrame:
    """Settled items, rows ``image, label`` and more, from a store or from a CSV that was exported from one.

    Raises
    ------
    DatasetError
        there is no such file, it is neither, an image is settled twice, or a row says nothing of its image.
    """
    if is_store(path):
        return Adjudications(path).to_frame()
    frame = read_rows(path)
    aside = frame[ASIDE] == YES if ASIDE in frame.columns else np.zeros(len(frame), dtype=bool)
    empty = np.flatnonzero((frame["label"].str.strip() == "") & ~aside)
    if len(empty):
        row = int(empty[0])
        image = frame["image"].iloc[row]
        raise DatasetError(f"the label of {image!r} is empty; remove the row.", file=path.name, row=row + 2)
    settled = frame["label"] != ""  # an image may be set aside and open
    return frame[settled].drop(columns=ASIDE, errors="ignore").reset_index(drop=True)


def is_store(path: Path) -> bool:
    """Whether a file of adjudications is the app's store; else it is a CSV.

    Raises
    ------
    DatasetError
    """
    if not path.is_file():
        raise DatasetError("there is no such file of adjudications.", file=str(path))
    try:
        with open(path, "rb") as f:
            begins = f.read(15)
    except OSError as e:
        raise _neither(path, e) from e
    # A store of which nothing could be written, as the disk was full, holds no answers yet.
    return begins == b"SQLite format 3" or (not begins and path.suffix == ".sqlite")


def read_rows(path: Path) -> pd.DataFrame:
    """The rows of a CSV of adjudications, those of images that are only set aside among them.

    Raises
    ------
    DatasetError
    """
    if path.stat().st_size > LARGEST_TEXT:
        raise DatasetError(f"has {path.stat().st_size:,} bytes, more than any file of adjudications.", file=path.name)
    try:
        frame = unguarded(pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig"))
    except (ValueError, OSError) as e:
        raise _neither(path, e) from e
    missing = [c for c in ("image", "label") if c not in frame.columns]
    if missing:
        raise DatasetError(f"column {missing[0]!r} is missing; expected image, label.", file=path.name)
    twice = np.flatnonzero(frame["image"].duplicated())
    if len(twice):
        row = int(twice[0])
        raise DatasetError(f"{frame['image'].iloc[row]!r} is settled twice; keep one.", file=path.name, row=row + 2)
    return frame


def _neither(path: Path, e: Exception) -> DatasetError:
    return DatasetError(f"is neither a store of adjudications nor a CSV of them ({e}).", file=path.name)


def only_blind(decisions: pd.DataFrame, source: str) -> pd.DataFrame:
    """The blind decisions: those made with the image alone in view.

    Raises
    ------
    DatasetError
        there are none, or what was in sight is not known.
    """
    if "shown" not in decisions.columns:
        raise DatasetError("has no column 'shown', so nobody knows which answers were given image first.", file=source)
    blind = decisions[decisions["shown"] == "image"].reset_index(drop=True)
    if not len(blind):
        raise DatasetError(
            f"none of the {len(decisions):,} adjudications was given with the image alone in sight; leave out "
            "--only-blind.",
            file=source,
        )
    return blind


def given_coders(settled: bool, adjudicator: str) -> tuple[str, ...]:
    """The coders whose labels are the truth: the adjudicator, where there is one and ``adjudicator`` is ``trust``.

    Raises
    ------
    OptionError
    """
    if adjudicator not in ("trust", "learn"):
        raise OptionError(f"the adjudicator is to be trusted ('trust') or learned ('learn'), got {adjudicator!r}.")
    return (ADJUDICATOR,) if settled and adjudicator == "trust" else ()


def decisions_csv(frame: pd.DataFrame) -> bytes:
    """Settled items as the content of a CSV file, which :func:`read_decisions` reads."""
    return csv_bytes(frame)


def adjudicated(study: Study, decisions: pd.DataFrame, source: str = "adjudications") -> tuple[Study, int]:
    """The study with the adjudicator as one more coder, and how many decisions are about images it does not have.

    Raises
    ------
    DatasetError
        a class that the study does not have, or no decision about any of its items to learn from.
    """
    table = study.table
    if ADJUDICATOR in table.coders:
        raise DatasetError(f"{study.name} has a coder called {ADJUDICATOR!r} already; rename it.")
    item = pd.Index(table.items).get_indexer(pd.Index(decisions["image"], dtype=object))
    label = pd.Index(table.classes).get_indexer(pd.Index(decisions["label"], dtype=object))
    wrong = np.flatnonzero((label < 0) & (item >= 0))
    if len(wrong):
        row = int(wrong[0])
        first = str(decisions["label"].iloc[row])
        raise DatasetError(
            f"unknown class {first!r}; known are {', '.join(table.classes)}." + did_you_mean(first, table.classes),
            file=source,
            row=row + 2,
        )
    usable = item >= 0
    usable[usable] &= ~study.is_test[item[usable]]
    usable &= ~decisions["image"].isin(study.left_out).to_numpy()
    if not usable.any():
        raise DatasetError(f"none of the {len(decisions):,} adjudications is about an item to learn from.", file=source)
    labels = np.zeros((len(table.items), len(table.classes)))
    labels[item[usable], label[usable]] = 1.0
    return study.with_table(table.with_coder(ADJUDICATOR, labels)), int((~usable).sum())
