"""Whether tables are several versions of one, by their names: labels_v1.csv and labels_v2.csv, labels_old.csv."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .corrections import Corrections
from .questions import Answer, Question, flag, listed
from .reading import Rows
from .splits import AGREED, words
from .table_rows import stem

SHOWN, MOST_WAYS = 6, 4
VERSION = frozenset(
    {
        *("v", "ver", "version", "rev", "revision", "revised", "old", "new", "newer", "older", "backup", "bak", "copy"),
        *("kopie", "copie", "copia", "original", "orig", "corrected", "corrections", "fixed", "updated", "update"),
        *("cleaned", "clean", "raw", "draft", "tmp", "temp", "previous", "prev", "latest", "edited", "alt", "neu"),
        *("pass", "round", "wave", "session", "first", "second", "pre", "post", "before", "after"),
    }
)
# labels (1), labels_2024-03-01, labels_20240301: what browsers and people put behind the name of another version.
BEHIND = re.compile(r"\s*\(\d+\)$|[\s_\-]*(?:19|20)\d\d[\-_.]?[01]\d[\-_.]?[0-3]\d$")


def base_name(file: str) -> str:
    """The words of a table's name without those of a version.

    >>> base_name("labels_v2.csv"), base_name("labels (1).csv"), base_name("rater1.csv")
    ('labels', 'labels', 'rater 1')
    """
    name = BEHIND.sub("", stem(file))
    parts = words(name)
    marks = [w in VERSION | AGREED for w in parts]
    kept = [w for i, w in enumerate(parts) if not marks[i] and not (w.isdigit() and i and marks[i - 1])]
    return " ".join(kept)


def versions_question(files: Sequence[str], labels: Sequence[Rows], corrections: Corrections) -> list[Question]:
    """The question whether tables with one label for each image are versions of one, or a coder each."""
    if len(files) < 2 or corrections.annotators:
        return []
    groups: dict[tuple[str, str], list[str]] = {}
    for file in files:
        groups.setdefault((file.rpartition("/")[0], base_name(file)), []).append(file)
    alike = [g for g in groups.values() if len(g) > 1]
    if not alike:
        return []
    names = [f for g in alike for f in g]
    coders = sorted({str(c) for r in labels for c in r.frame["coder"].unique()})
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
    ways.append(Answer(flag("--annotators", listed(coders)), "each table is a coder"))
    return [Question("versions of a table", sentence, tuple(names[:SHOWN]), tuple(ways))]
