"""Whether tables are several versions of one, by their names: labels_v1.csv and labels_v2.csv, labels_old.csv."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from ..corrections import Corrections
from ..names.splits import AGREED, BESIDE, PIECE, words
from ..questions import Answer, Question, flag, listed
from ..reading import Rows
from .repeated_rows import RANKS
from .table_rows import stem
from .vote_columns import PEOPLE

SHOWN, MOST_WAYS = 6, 4
VERSION = frozenset(
    {
        *("v", "ver", "version", "rev", "revision", "revised", "old", "new", "newer", "older", "backup", "bak", "copy"),
        *("kopie", "copie", "copia", "original", "orig", "corrected", "corrections", "fixed", "updated", "update"),
        *("cleaned", "clean", "raw", "draft", "tmp", "temp", "previous", "prev", "latest", "edited", "alt", "neu"),
        *("pass", "round", "wave", "session", "first", "second", "pre", "post", "before", "after"),
    }
)
# Of other images such a barn is no version or piece but another source; labels_old is a piece of the labels.
SOURCES = frozenset({"old", "new", "older", "newer", "pre", "post", "before", "after", "alt", "neu", "first", "second"})
# labels (1), labels_2024-03-01, labels_20240301: what browsers and people put behind the name of another version.
BEHIND = re.compile(r"\s*\(\d+\)$|[\s_\-]*(?:19|20)\d\d[\-_.]?[01]\d[\-_.]?[0-3]\d$")


def base_name(file: str) -> str:
    """The words of a table's name without those of a version.

    >>> base_name("labels_v2.csv"), base_name("labels (1).csv"), base_name("rater1.csv"), base_name("first_reader.csv")
    ('labels', 'labels', 'rater 1', 'first reader')
    """
    name = BEHIND.sub("", stem(file))
    parts = words(name)
    of_people = RANKS if PEOPLE.search(name) else frozenset()
    marks = [w in VERSION | AGREED and w not in of_people for w in parts]
    kept = [w for i, w in enumerate(parts) if not marks[i] and not (w.isdigit() and i and marks[i - 1])]
    return " ".join(kept)


def versions_question(
    images: Mapping[str, Collection[str]], labels: Sequence[Rows], corrections: Corrections
) -> list[Question]:
    """The question whether tables with one label for each image are versions or pieces of one, or a coder each.

    ``images`` are those of each table, by its file.
    """
    if len(images) < 2 or corrections.annotators or any(pieces(images, corrections)):
        return []
    groups: dict[tuple[str, str], list[str]] = {}
    for file in images:
        called = "" if PIECE.fullmatch(stem(file).casefold()) else base_name(file)
        groups.setdefault((file.rpartition("/")[0], called), []).append(file)
    alike = [g for g in groups.values() if len(g) > 1]
    if not alike:
        return []
    coders = sorted({str(c) for r in labels for c in r.frame["coder"].unique()})
    each = Answer(flag("--annotators", listed(coders)), "each table is a coder")
    if all(sum(len(images[f]) for f in g) == len({i for f in g for i in images[f]}) for g in alike):
        names = [f for g in alike for f in g if not _is_source(f)]
        if len(names) < 2:
            return []
        shown = ", ".join(map(repr, names[:SHOWN]))
        sentence = f"{shown} are called like pieces of one table, and none has an image of another."
        one = Answer(flag("--split", f"train={listed(names)}"), "they are pieces of one coder's table")
        return [Question("pieces of a table", sentence, tuple(names[:SHOWN]), (one, each))]
    alike = [[f for f in g if not PIECE.fullmatch(stem(f).casefold()) or base_name(f) == ""] for g in alike]
    return _versions([g for g in alike if len(g) > 1], each)


def _is_source(file: str) -> bool:
    of = base_name(file).split()
    return not SOURCES.isdisjoint(words(stem(file))) and not (of and BESIDE.issuperset(of))


def _versions(alike: Sequence[Sequence[str]], each: Answer) -> list[Question]:
    if not alike:
        return []
    names = [f for g in alike for f in g]
    sentence = (
        f"{', '.join(map(repr, names[:SHOWN]))} are called like versions or rounds of one table: their labels may be "
        "one coder's, who is to count once."
    )
    ways = [
        Answer(flag("--ignore", listed(f for g in alike for f in g if f != kept)), f"{kept} counts, the others do not")
        for kept in alike[0][:MOST_WAYS]
    ]
    if len(alike) > 1:
        last = [g[-1] for g in alike]
        out = [f for f in names if f not in last]
        ways = [Answer(flag("--ignore", listed(out)), f"{', '.join(last[:3])} count, the others do not")]
    return [Question("versions of a table", sentence, tuple(names[:SHOWN]), (*ways, each))]


def pieces(files: Iterable[str], corrections: Corrections) -> list[str]:
    """The tables that a person called parts to train on, by name; of several the labels are one coder's."""
    return [f for f in files if "train" in (corrections.part(f), corrections.part(stem(f)))]
