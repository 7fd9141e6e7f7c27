"""Questions about the rows of a table: which of them count, and which of two images a row is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..names.languages import elsewhere, phrases
from ..names.listed_names import base_name
from ..questions import Answer, Question, flag, listed
from ..sources.files import is_image_name
from ..tables.columns import short, words
from ..tables.table import Table
from .role_questions import Titles

YES = frozenset((*phrases("true, yes, y, t, 1, 1.0, x, ✓, ✔, checked"), *elsewhere("yes")))
NO = frozenset((*phrases("false, no, n, f, 0, 0.0"), *elsewhere("no")))
# Words of a column that is true, or false, of the rows that do not count.
BAD = frozenset(
    phrases(
        "tainted, rejected, deleted, removed, discarded, excluded, exclude, skipped, cancelled, canceled, invalid, "
        "flagged, spam, spammer, draft, withdrawn, retracted, superseded, outdated, obsolete, expired, ignored, "
        "hidden, prediction, predicted, prelabelled, prelabeled, failed, fail"
    )
).union(elsewhere("excluded"))
GOOD = frozenset(
    phrases(
        "accepted, approved, valid, usable, included, include, passed, submitted, completed, finished, kept, keep, "
        "agree, agrees, confirm, confirmed, verified, verify"
    )
)
# Values of any column.
REFUSED = frozenset(
    phrases(
        "rejected, reject, tainted, deleted, removed, discarded, excluded, skipped, cancelled, canceled, invalid, "
        "flagged, spam, draft, withdrawn, retracted, superseded, expired, warmup, catchtrial, attentioncheck, "
        "übung, abandoned, returned, failed, incomplete, unfinished, inprogress, pending"
    )
)
# Values of a column that says which kind of trial a row is, or what came of a check: elsewhere a practice is a clinic.
OF_TRIALS = frozenset({"practice", "practise", "tutorial", "catch", "fail"})
TRIALS = frozenset(
    phrases(
        "trial, trials, trialtype, block, phase, task, stage, part, type, kind, condition, session, screen, "
        "display, status, check, checks, qc, qa, quality, attention, control, review, audit, validation, approval, "
        "result, screening"
    )
)
# Values of a column that says where a label comes from.
ORIGIN = frozenset(phrases("source, origin, provenance, by, method, origins, annotation, label, labeled, labelled"))
MODELS = frozenset(
    phrases(
        "model, machine, auto, automatic, automated, prediction, predicted, predictions, bot, ai, algorithm, "
        "network, modelprediction, preannotation, prelabel, prelabeled, prelabelled, classifier"
    )
)
MOST_VALUES, SAMPLE = 12, 10_000


def rows_set_aside(title: str, values: Sequence[str]) -> list[str]:
    """The values of a column that say that a row does not count: a rejected, deleted or automatic annotation.

    >>> rows_set_aside("status", ["approved", "rejected"]), rows_set_aside("is_valid", ["0", "1"])
    (['rejected'], ['0'])
    """
    if len(values) > MOST_VALUES:
        return []
    parts, keys = set(words(title)), {v: v.casefold() for v in values}
    if set(keys.values()) <= YES | NO:
        against = YES if parts & BAD else NO if parts & GOOD else frozenset()
        return [v for v, k in keys.items() if k in against]
    refused = REFUSED | (MODELS if parts & ORIGIN else frozenset()) | (OF_TRIALS if parts & TRIALS else frozenset())
    return [v for v in values if short(v) in refused]


def counting_question(titles: Titles, columns: Mapping[str, Sequence[str]], split: bool) -> Question | None:
    """The question whether rows that a column calls rejected, deleted or automatic are labels like the others.

    ``columns`` are those without a role, with their values in use. ``split`` is whether another column says what is
    trained on.
    """
    for column, values in columns.items():
        title = titles.of(column)
        aside = rows_set_aside(title, values)
        if not aside:
            continue
        kept = [v for v in values if v not in aside]
        sentence = (
            f"{titles.file}: the column {title!r} says {', '.join(map(repr, aside[:6]))} of some rows: their labels "
            "may not be meant to count."
        )
        out = [flag("--columns", listed([f"split={title}"])), flag("--split", "ignore=" + listed(aside))]
        out += [flag("--split", "train=" + listed(kept))] if kept else []
        answers = [Answer(flag("--ignore", listed([title])), "they count like the others")]
        if not split:
            answers.insert(0, Answer(" ".join(out), "these rows are left out"))
        return Question("rows that may not count", sentence, (title,), tuple(answers))
    return None


def holds_image_names(table: Table, column: str) -> bool:
    """Whether the cells of a column end like the names of images, and are not all one."""
    names = [str(c) for c in table.frame[column].cat.categories if c]
    names = names[:: max(1, len(names) // 50)]
    return len(names) > 1 and 2 * sum(map(is_image_name, names)) > len(names)


def names_another_image(table: Table, image: str, column: str) -> bool:
    """Whether most rows name another image in ``column`` than in ``image``, and not always the same one for it."""
    at = np.arange(0, len(table.row), max(1, len(table.row) // SAMPLE))
    pairs = []
    for name in (image, column):
        cells = table.frame[name].cat
        pairs.append([base_name(str(cells.categories[c])) if c >= 0 else "" for c in cells.codes.to_numpy()[at]])
    return bool(2 * sum(a != b for a, b in zip(*pairs, strict=True)) > len(at))


def image_question(titles: Titles, image: str, other: str) -> Question:
    """The question which of two images a row is about."""
    a, b = titles.of(image), titles.of(other)
    sentence = f"{titles.file}: the columns {a!r} and {b!r} name different images: a row may be about both of them."
    answers = tuple(Answer(flag("--columns", listed([f"image={n}"])), f"the labels are of {n}") for n in (a, b))
    return Question("two images in a row", sentence, (a, b), answers)
