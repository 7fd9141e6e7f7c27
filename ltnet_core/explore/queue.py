"""A queue of items for several reviewers: nobody gets an item that another holds.

What a reviewer holds is a lease of a few minutes in the store of the adjudications. It ends when it is let go, when the
item is answered, or by itself when nobody renews it. Among the open items come settled ones: those that want a second
opinion, and some of one's own that come again. Whoever answers these must not see that they are settled.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import OptionError
from .adjudications import Adjudications, OddRowError, prepared
from .opinions import AGAIN, OPINIONS_SCHEMA, SECOND

OPEN = "open"
LEASE = 300.0  # seconds
# One that ends later than so was written before the clock was set back. Waiting for other writers takes less.
LONGEST = 2 * LEASE
GAP = 10  # answers between an item and the same one again
MOST_WANTED = 100

_SCHEMA = """
CREATE TABLE IF NOT EXISTS leases (
    image    TEXT PRIMARY KEY,
    purpose  TEXT NOT NULL CHECK (purpose IN ('open', 'second', 'again')),
    holder   TEXT NOT NULL,  -- a browser tab, or whatever else asks
    reviewer TEXT NOT NULL,
    until    REAL NOT NULL   -- seconds since 1970
);
CREATE TABLE IF NOT EXISTS shares (
    purpose TEXT PRIMARY KEY CHECK (purpose IN ('second', 'again')),
    percent REAL NOT NULL
);
"""
_STANDING = "SELECT id, key, kind, reviewer FROM answers WHERE image = ? ORDER BY id DESC LIMIT 1"
# A second answer was given, or this reviewer looked and skipped: then another may be asked.
_ANSWERED = "SELECT 1 FROM second_answers WHERE about = ? AND kind = ? AND (label != '' OR reviewer = ?)"


@dataclass(frozen=True)
class Claim:
    """What a holder holds.

    Attributes
    ----------
    new : image → purpose, in the order in which to answer them. kept : images that it goes on holding.
    lost : images that it wanted to keep and that another holds now, or has settled.
    held : reviewer → how many images are held by them, the holder's own included.
    """

    new: dict[str, str]
    kept: tuple[str, ...]
    lost: tuple[str, ...]
    held: dict[str, int]


@dataclass(frozen=True)
class Wanted:
    """What a reviewer can get.

    Attributes
    ----------
    open : names of open images in the order of the queue. settled : names of those that were settled. Both are read
        as far as they are needed.
    asked : settled images that want a second opinion.
    """

    open: Iterable[str]
    settled: Iterable[str] = ()
    asked: Collection[str] = field(default=frozenset())


class Queue:
    """Who holds which of one dataset's items."""

    def __init__(self, store: Adjudications):
        self.store = store

    def claim(
        self,
        holder: str,
        reviewer: str,
        wanted: Wanted,
        count: int,
        keep: Collection[str] = (),
        *,
        now: float | None = None,
    ) -> Claim:
        """Hold ``count`` more items, and go on holding those of ``keep``; others that the holder held are let go.

        What a holder has let go, or has not renewed in time, it can keep as long as nobody else holds it or has settled
        it. A holder's own decisions have a key that begins with its name up to the first dot, and a hyphen.

        Raises
        ------
        OptionError
            no holder, or too many items.
        StorageError
        """
        if not holder:
            raise OptionError("a queue needs to know who holds its items.")
        if not 0 <= count <= MOST_WANTED:
            raise OptionError(f"from 0 to {MOST_WANTED} items can be claimed at once, got {count}.")
        now = time.time() if now is None else now
        with prepared(self.store, _SCHEMA, OPINIONS_SCHEMA) as db:
            db.execute("DELETE FROM leases WHERE until <= ? OR until > ?", (now, now + LONGEST))
            held = _rows(db)
            others = {i for i, row in held.items() if row["holder"] != holder}
            kept = tuple(i for i in keep if i not in others and (i in held or _free(db, i, holder)))
            mine = {i: held[i]["purpose"] if i in held else OPEN for i in kept}
            db.execute("DELETE FROM leases WHERE holder = ?", (holder,))
            taken = others | set(kept)
            due = _due(db, reviewer, wanted, taken, self._shares(db), count)
            new = _mixed(_open(db, wanted.open, taken, count), due, count)
            db.executemany(
                "INSERT INTO leases (image, purpose, holder, reviewer, until) VALUES (?, ?, ?, ?, ?)",
                [(image, purpose, holder, reviewer, now + LEASE) for image, purpose in {**mine, **new}.items()],
            )
            after = _held(db, now)
        return Claim(new, kept, tuple(i for i in keep if i not in kept), after)

    def release(self, holder: str) -> None:
        """Let everything go that a holder holds."""
        with prepared(self.store, _SCHEMA) as db:
            db.execute("DELETE FROM leases WHERE holder = ?", (holder,))

    def held(self, *, now: float | None = None) -> dict[str, int]:
        """Reviewer → how many items are held by them."""
        with self.store.reading() as db:
            if db is None or not _has_leases(db):
                return {}
            return _held(db, time.time() if now is None else now)

    def shares(self) -> dict[str, float]:
        """Purpose → percent of the settled items that come a second time; 0 where nobody chose."""
        with self.store.reading() as db:
            return dict.fromkeys((SECOND, AGAIN), 0.0) if db is None or not _has_leases(db) else self._shares(db)

    def _shares(self, db: sqlite3.Connection) -> dict[str, float]:
        chosen = {row["purpose"]: row["percent"] for row in db.execute("SELECT purpose, percent FROM shares")}
        if not all(isinstance(v, int | float) and 0 <= v <= 100 for v in chosen.values()):
            raise OddRowError("a share must be a percentage")
        return {purpose: float(chosen.get(purpose, 0.0)) for purpose in (SECOND, AGAIN)}

    def set_shares(self, shares: Mapping[str, float]) -> None:
        """Choose how many of the settled items come a second time, in percent; which ones follows from their names.

        Raises
        ------
        OptionError
        StorageError
        """
        for purpose, percent in shares.items():
            if purpose not in (SECOND, AGAIN) or not 0 <= percent <= 100:
                raise OptionError(f"a share is {SECOND} or {AGAIN}, from 0 to 100 percent, got {purpose} {percent}.")
        with prepared(self.store, _SCHEMA) as db:
            db.executemany("INSERT OR REPLACE INTO shares (purpose, percent) VALUES (?, ?)", list(shares.items()))


def _rows(db: sqlite3.Connection) -> dict[str, dict[str, Any]]:
    rows = db.execute("SELECT * FROM leases").fetchall()
    if not all(isinstance(row[name], str) for row in rows for name in ("image", "purpose", "holder", "reviewer")):
        raise OddRowError("a row of the leases is none")
    return {row["image"]: row for row in rows}


def _held(db: sqlite3.Connection, now: float) -> dict[str, int]:
    text = "SELECT reviewer, count(*) AS n FROM leases WHERE until > ? AND until <= ? GROUP BY reviewer ORDER BY 1"
    return {str(row["reviewer"]): int(row["n"]) for row in db.execute(text, (now, now + LONGEST))}


def _has_leases(db: sqlite3.Connection) -> bool:
    return db.execute("SELECT 1 FROM sqlite_master WHERE name = 'shares'").fetchone() is not None


def _free(db: sqlite3.Connection, image: str, holder: str) -> bool:
    """Whether no decision stands about an image but the holder's own, which it may be about to take back."""
    decision = db.execute(_STANDING, (image,)).fetchone()
    return decision is None or str(decision["key"]).startswith(holder.partition(".")[0] + "-")


def _open(db: sqlite3.Connection, images: Iterable[str], taken: Collection[str], count: int) -> list[str]:
    """The first that nobody holds and about which no decision stands."""
    out: list[str] = []
    for image in images if count else ():
        if image not in taken and db.execute(_STANDING, (image,)).fetchone() is None:
            out.append(image)
            if len(out) == count:
                break
    return out


def _due(
    db: sqlite3.Connection,
    reviewer: str,
    wanted: Wanted,
    taken: Collection[str],
    shares: Mapping[str, float],
    count: int,
) -> dict[str, str]:
    """Image → purpose of the first settled items that this reviewer is to answer; none for those who give no name."""
    if not reviewer or not (wanted.asked or any(shares.values())):
        return {}
    out: dict[str, str] = {}
    for image in wanted.settled:
        if len(out) == count:
            break
        if image in taken:
            continue
        asked = image in wanted.asked or _chosen(SECOND, image, shares[SECOND])
        again = _chosen(AGAIN, image, shares[AGAIN])
        if not asked and not again:
            continue
        decision = db.execute(_STANDING, (image,)).fetchone()
        if decision is None or decision["kind"] != "settle":
            continue
        purpose = AGAIN if decision["reviewer"] == reviewer else SECOND
        if not (again if purpose == AGAIN else asked):
            continue
        if db.execute(_ANSWERED, (decision["key"], purpose, reviewer)).fetchone():
            continue
        if purpose == SECOND or _later(db, reviewer, decision["id"]) >= GAP:
            out[image] = purpose
    return out


def _later(db: sqlite3.Connection, reviewer: str, decision: int) -> int:
    """How many answers a reviewer gave after a decision."""
    text = "SELECT count(*) AS n FROM answers WHERE id > ? AND reviewer = ?"
    return int(db.execute(text, (decision, reviewer)).fetchone()["n"])


def _chosen(purpose: str, image: str, percent: float) -> bool:
    """Whether an image is among the share; always the same ones, and more of them where the share is larger."""
    if percent <= 0:
        return False
    number = int.from_bytes(hashlib.blake2b(f"{purpose}:{image}".encode(), digest_size=4).digest(), "big")
    return number < percent / 100 * 2**32


def _mixed(open_images: list[str], due: Mapping[str, str], count: int) -> dict[str, str]:
    """``count`` images, every second one a settled one as long as there are both."""
    waiting = list(due)
    out: dict[str, str] = {}
    for image in open_images:
        if len(out) == count:
            break
        out[image] = OPEN
        if waiting and len(out) < count:
            first = waiting.pop(0)
            out[first] = due[first]
    for image in waiting[: count - len(out)]:
        out[image] = due[image]
    return out
