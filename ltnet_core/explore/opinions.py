"""Second answers to settled items: by another reviewer, or by the same one, and how far they agree with the first.

An opinion changes no decision: what was settled stands until somebody settles it anew. It lies beside the decisions, in
the same store, and is taken back as they are.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..files.printing import counted, in_percent, isolated
from ..labels.agreement import cohen_kappa
from ..labels.intervals import wilson
from .adjudications import Adjudications, OddRowError, prepared

SECOND, AGAIN = "second", "again"  # by another reviewer, by the same one
KINDS = (SECOND, AGAIN)

OPINIONS_SCHEMA = """
CREATE TABLE IF NOT EXISTS opinions (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    key      TEXT NOT NULL UNIQUE,  -- made by the sender: sent twice, it counts once
    kind     TEXT NOT NULL CHECK (kind IN ('second', 'again')),
    about    TEXT NOT NULL,         -- key of the decision that it is the second answer to
    image    TEXT NOT NULL,
    label    TEXT NOT NULL,         -- class name; empty where it was skipped
    reviewer TEXT NOT NULL,
    reason   TEXT NOT NULL,
    time     REAL NOT NULL,         -- seconds since 1970
    shown    TEXT NOT NULL          -- what was in sight before: image or labels
);
CREATE INDEX IF NOT EXISTS opinion_about ON opinions (about);
CREATE VIEW IF NOT EXISTS answers AS     -- decisions that no undo takes back
SELECT * FROM decisions d WHERE d.kind != 'undo'
AND NOT EXISTS (SELECT 1 FROM decisions u WHERE u.undoes = d.key AND u.kind = 'undo');
CREATE VIEW IF NOT EXISTS second_answers AS  -- opinions with the answer that they are about
SELECT o.*, d.reviewer AS first_reviewer, d.label AS first_label,
       d.id = (SELECT max(s.id) FROM answers s WHERE s.image = d.image) AS stands
FROM opinions o JOIN answers d ON d.key = o.about
WHERE NOT EXISTS (SELECT 1 FROM decisions u WHERE u.undoes = o.key AND u.kind = 'undo');
"""
# The last time that the reviewer settled an image, or that another did.
_FIRST = """
SELECT key FROM answers WHERE image = ? AND kind = 'settle' AND (reviewer != ?) = ? ORDER BY id DESC LIMIT 1
"""
_BLIND = "SELECT * FROM second_answers WHERE label != '' AND shown = 'image' ORDER BY id"
_STANDING = "SELECT * FROM second_answers WHERE label != '' AND stands ORDER BY id"


@dataclass(frozen=True)
class Opinion:
    """An answer to an item that is settled already; see :class:`~.adjudications.Decision` for the fields they share."""

    kind: str
    image: str
    label: str
    reviewer: str
    reason: str
    key: str
    shown: str
    time: float = 0.0


@dataclass(frozen=True)
class Agreement:
    """How far two answers to the same images agree, given with the image alone in sight.

    Attributes
    ----------
    first, second : reviewers; equal where one answered twice. Both empty for all of the kind.
    images : how many have both answers. same : how many of them have the same one. low, high : 95 % interval of that
        share.
    kappa : Cohen's; None where it is undefined.
    """

    kind: str
    first: str
    second: str
    images: int
    same: int
    low: float
    high: float
    kappa: float | None

    @property
    def share(self) -> float:
        """Of the images, those with the same answer."""
        return self.same / self.images

    @property
    def who(self) -> str:
        """Whose answers these are, in words."""
        if not self.first and not self.second:
            return "reviewers with one another" if self.kind == SECOND else "reviewers with themselves"
        first, second = isolated(self.first), isolated(self.second)
        return f"{first} with {second}" if self.kind == SECOND else f"{first} again"

    @property
    def sentence(self) -> str:
        """The figures in words."""
        kappa = "" if self.kappa is None else f", kappa {self.kappa:.2f}"
        ends = f"95 % interval {in_percent(self.low)} to {in_percent(self.high)}"
        much = f"{in_percent(self.share)} of {counted(self.images, 'image')} ({ends}){kappa}"
        return f"Same answer by {self.who}: {much}."


class Opinions:
    """The second answers about one dataset's items."""

    def __init__(self, store: Adjudications):
        self.store = store

    def add_all(self, opinions: Sequence[Opinion]) -> None:
        """Write them; all are on disk when this returns. Where nothing is settled any more, an opinion settles it."""
        with prepared(self.store, OPINIONS_SCHEMA) as db:
            for opinion in opinions:
                _add(db, opinion)

    def agreements(self) -> list[Agreement]:
        """All of each kind, then each pair of reviewers, those with the most images first.

        The latest opinion of a reviewer about an image counts, if it was given with the image alone in sight.
        """
        answers: dict[tuple[str, str, str], dict[tuple[str, str, str], tuple[str, str]]] = {}
        for row in self._rows(_BLIND):
            image, both = (row["image"], row["first_reviewer"], row["reviewer"]), (row["first_label"], row["label"])
            a, b = row["first_reviewer"], row["reviewer"]
            pair = (a, b) if a <= b else (b, a)
            answers.setdefault((row["kind"], "", ""), {})[image] = both
            answers.setdefault((row["kind"], *pair), {})[image] = both if (a, b) == pair else both[::-1]
        agreements = [_agreement(*key, list(both.values())) for key, both in answers.items()]
        return sorted(agreements, key=lambda a: (a.kind == AGAIN, a.first != "" or a.second != "", -a.images, a.who))

    def differing(self) -> list[str]:
        """Images whose latest opinion is another than the decision that it is about, which still stands."""
        out: dict[str, bool] = {}
        for row in self._rows(_STANDING):
            out[row["image"]] = row["label"] != row["first_label"]
        return [image for image, differs in out.items() if differs]

    def version(self) -> tuple[int, int]:
        """Changes with the opinions, and with the decisions about their images."""
        with self.store.reading() as db:
            if db is None or not _has_opinions(db):
                return 0, 0
            text = "SELECT max(d.id) AS d FROM decisions d WHERE d.image IN (SELECT image FROM opinions)"
            newest = db.execute("SELECT max(id) AS o FROM opinions").fetchone()["o"]
            return newest or 0, db.execute(text).fetchone()["d"] or 0

    def _rows(self, query: str) -> list[dict[str, Any]]:
        with self.store.reading() as db:
            if db is None or not _has_opinions(db):
                return []
            rows: list[dict[str, Any]] = db.execute(query).fetchall()
        texts = ("kind", "image", "label", "reviewer", "first_label", "first_reviewer")
        if not all(isinstance(row[name], str) for row in rows for name in texts):
            raise OddRowError("a row of the opinions is none")
        return rows


def _has_opinions(db: sqlite3.Connection) -> bool:
    # The view is made last: a writer may be killed, or still be at work.
    return db.execute("SELECT 1 FROM sqlite_master WHERE name = 'second_answers'").fetchone() is not None


def _add(db: sqlite3.Connection, opinion: Opinion) -> None:
    known = "SELECT key FROM opinions WHERE key = ? UNION SELECT key FROM decisions WHERE key = ?"
    if db.execute(known, (opinion.key, opinion.key)).fetchone():
        return  # it came before, and the answer was lost
    # Where the names changed meanwhile, another's answer is told from one's own by them.
    kinds = (opinion.kind, AGAIN if opinion.kind == SECOND else SECOND)
    firsts = (db.execute(_FIRST, (opinion.image, opinion.reviewer, kind == SECOND)).fetchone() for kind in kinds)
    kind, first = next(((k, f) for k, f in zip(kinds, firsts, strict=True) if f is not None), (opinion.kind, None))
    now = opinion.time or time.time()
    answer = (opinion.key, opinion.image, opinion.label, opinion.reviewer, opinion.reason, now, opinion.shown)
    if first is not None:
        db.execute(
            "INSERT INTO opinions (key, image, label, reviewer, reason, time, shown, kind, about) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*answer, kind, first["key"]),
        )
    else:
        db.execute(
            "INSERT INTO decisions (key, image, label, reviewer, reason, time, shown, kind, undoes) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, '')",
            (*answer, "settle" if opinion.label else "skip"),
        )


def _agreement(kind: str, first: str, second: str, both: list[tuple[str, str]]) -> Agreement:
    classes = sorted({label for answers in both for label in answers})
    number = {label: k for k, label in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)))
    for a, b in both:
        counts[number[a], number[b]] += 1
    same = int(np.trace(counts))
    return Agreement(kind, first, second, len(both), same, *wilson(same / len(both), len(both)), cohen_kappa(counts))
