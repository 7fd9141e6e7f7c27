"""Questions about tables with several rows for an image: who labelled, and which question a row answers."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..questions import Answer, Question, flag, listed
from ..tables.table import Table
from .role_questions import Titles, called_otherwise, label_or_annotators
from .vote_columns import PEOPLE

MOST_QUESTIONS, MOST_WAYS = 12, 4
PARTS = "_- .:/"
NUMBERED = re.compile(r"(.*[^\W\d_])(\d+)")
COUNTED = re.compile(r"(?:n|votes?|counts?|shares?|percent|freq(?:uency)?)[\s_.\-]*(\d+)")
# Beside such a rank: a second opinion is another person's.
OF_OTHERS = frozenset({"opinion", "dr", "prof", "student", "nurse", "author", "person", "team", "site", "lab", "crowd"})
RANKS = frozenset(
    {
        *("primary", "secondary", "tertiary", "first", "second", "third", "1st", "2nd", "3rd", "main", "alternative"),
        *("alternate", "top1", "top2", "top3", "other", "next"),
    }
)


def _codes(table: Table, column: str) -> NDArray[np.int64]:
    return np.asarray(table.frame[column].cat.codes, dtype=np.int64)


def _pairs(table: Table, columns: Sequence[str]) -> int:
    """Number of different rows of some columns."""
    key = np.zeros(len(table.row), dtype=np.int64)
    for column in columns:
        codes = _codes(table, column)
        key = np.unique(key * (int(codes.max(initial=0)) + 1) + codes, return_inverse=True)[1]
    return int(key.max(initial=-1)) + 1


def _values(table: Table, column: str) -> list[str]:
    cells = table.frame[column].cat
    used = np.flatnonzero(np.bincount(cells.codes, minlength=len(cells.categories)))
    return [str(cells.categories[int(i)]) for i in used if cells.categories[int(i)] != ""]


def who_labelled(
    table: Table, titles: Titles, image: str, columns: Sequence[str], labels: Sequence[str]
) -> Question | None:
    """The question which of the columns names the person, where images have several rows and no column is named so.

    It is a column that differs between the rows of an image, and not in every row. The label is one of ``labels``.
    """
    if not len(table.row) or np.bincount(_codes(table, image)).max() < 2:
        return None
    coders = [c for c in columns if _pairs(table, (image, c)) == len(table.row) > _pairs(table, (c,))]
    ways = [(c, x) for c in coders for x in labels if x != c and x not in coders]
    ways += [(c, x) for c in coders for x in labels if x != c and x in coders]
    if not ways:
        return None
    names = list(dict.fromkeys(titles.of(c) for way in ways for c in way))
    who = ", ".join(repr(titles.of(c)) for c in coders[:6])
    sentence = f"{titles.file}: images have several rows, and {who} may say who labelled."
    answers = [
        Answer(
            flag("--columns", listed([f"coder={titles.of(c)}", f"label={titles.of(x)}"])),
            f"{titles.of(c)} says who labelled, {titles.of(x)} is the label",
        )
        for c, x in ways[: 2 * MOST_WAYS]
    ]
    return Question("who labelled", sentence, tuple(names), tuple(answers))


def which_question(
    table: Table, titles: Titles, image: str, coder: str, label: str, columns: Sequence[str]
) -> Question | None:
    """The question which rows are the labels, where an annotator has several for an image and a column differs."""
    for column in columns:
        questions = _values(table, column)
        if not 1 < len(questions) <= MOST_QUESTIONS:
            continue
        if _pairs(table, (image, coder)) == len(table.row):
            return None
        if _pairs(table, (image, coder, column)) < len(table.row):
            continue
        title = titles.of(column)
        same = _same_classes(table, label, column)
        difference = "answered again" if same else "answer different questions"
        sentence = (
            f"{titles.file}: an annotator has several rows for an image, and by {title!r} ({', '.join(questions[:6])}) "
            f"they {difference}: the labels are those of one of them."
        )
        answers = tuple(
            Answer(
                f"{flag('--columns', listed([f'split={title}']))} {flag('--split', 'train=' + listed([q]))} "
                + flag("--split", "ignore=" + listed([x for x in questions if x != q])),
                f"the labels are the rows with {q}",
            )
            for q in questions
        )
        return Question("several questions", sentence, (title,), answers)
    return None


def row_for_each_class(
    table: Table, titles: Titles, image: str, coder: str, label: str, columns: Sequence[str]
) -> Question | None:
    """The question what was said, where an annotator has a row for each class of an image: a column of numbers says it.

    ``columns`` are those without a role.
    """
    classes, rows = _values(table, label), len(table.row)
    if not 1 < len(classes) <= MOST_QUESTIONS or rows % len(classes):
        return None
    if rows != _pairs(table, (image, coder)) * len(classes) or _pairs(table, (image, coder, label)) != rows:
        return None
    numbers = [c for c in columns if (table.votes([c]) >= 0).all() and len(_values(table, c)) > 1]
    if not numbers:
        return None
    a, names = titles.of(label), [titles.of(c) for c in numbers]
    sentence = (
        f"{titles.file}: an annotator has a row for each class of an image, so {a!r} alone says nothing; "
        f"{', '.join(map(repr, names[:6]))} may say how much of it was seen, or whether."
    )
    answers = [
        Answer(flag("--columns", listed([f"label={a}", f"count={n}"])), f"the numbers of {n} are votes for the classes")
        for n in names[:MOST_WAYS]
    ]
    for one in classes[:MOST_WAYS]:
        others = flag("--split", "ignore=" + listed([c for c in classes if c != one]))
        own = flag("--columns", listed([f"label={names[0]}", f"split={a}"]))
        answers.append(
            Answer(f"{own} {flag('--split', 'train=' + listed([one]))} {others}", f"the labels are {names[0]} of {one}")
        )
    return Question("a row for each class", sentence, (a, *names), tuple(answers))


def _same_classes(table: Table, label: str, column: str) -> bool:
    """Whether the rows of each value of a column use some of the same classes."""
    answers, questions = _codes(table, label), _codes(table, column)
    sets = [set(answers[questions == q].tolist()) for q in np.unique(questions)]
    return all(a & b for i, a in enumerate(sets) for b in sets[i + 1 :])


def _two_parts(name: str, mark: str) -> tuple[str, str]:
    """A name before and after its last mark (the first colon); without a mark, a word and the number behind it."""
    if mark:
        before, _, after = name.partition(mark) if mark == ":" else name.rpartition(mark)
        return before, after
    found = NUMBERED.fullmatch(name)
    return ("", "") if found is None or PEOPLE.search(found[1]) else (found[1], found[2])


def ranked_choices(titles: Titles, columns: Sequence[str]) -> Question | None:
    """The question which of a person's choices is the label, in columns such as first_choice and second_choice.

    So are label1 and label2 where the table has votes1 and votes2 as well: the most frequent labels.
    """
    names = [titles.of(c) for c in columns]
    ends = {found[1] for c in titles.names if c not in columns and (found := COUNTED.fullmatch(c))}
    if len(names) > 1 and {found[2] if (found := NUMBERED.fullmatch(n)) else "" for n in names} <= ends:
        return label_or_annotators(titles, columns, "are followed by counts: they may be the most frequent labels.")
    kept = [[w for w in _words(n) if w not in RANKS] for n in names]
    if len(names) < 2 or any(len(k) == len(_words(n)) for k, n in zip(kept, names, strict=True)):
        return None
    if any(k != kept[0] or PEOPLE.search(" ".join(k)) or OF_OTHERS & set(k) for k in kept):
        return None
    return label_or_annotators(titles, columns, "are called like the first choice and the others of one person.")


def outside_series(titles: Titles, columns: Sequence[str]) -> Question | None:
    """The question whether all columns are annotators', where some are called by number or as people, others not."""
    series = _series(titles, columns)
    out = [c for c in columns if c not in series]
    return called_otherwise(titles, series, out) if len(series) > 1 and out else None


def _series(titles: Titles, columns: Sequence[str]) -> list[str]:
    """The columns that are called as people, or like another one with another number."""
    starts: dict[str, list[str]] = {}
    for column in columns:
        found = re.fullmatch(r"(.*?)[\s_.\-]*\d+", titles.of(column))
        starts.setdefault(found[1].casefold() if found else "", []).append(column)
    numbered = {c for start, cs in starts.items() if start and len(cs) > 1 for c in cs}
    return [c for c in columns if c in numbered or PEOPLE.search(titles.of(c))]


def of_a_series(titles: Titles, columns: Sequence[str], out: Sequence[str]) -> bool:
    """Whether all columns are called as people or by number, and those left out are not: Reader1, Reader2 and breed."""
    series, rest = _series(titles, columns), _series(titles, [*columns, *out])
    return len(series) == len(columns) > 1 and not set(rest) & set(out)


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W_]+", name.casefold())


def people_and_questions(titles: Titles, columns: Sequence[str]) -> Question | None:
    """The question which columns are the labels, where they are named Ann_type, Ann_grade, Ben_type, …"""
    names = [titles.of(c) for c in columns]
    for mark in ("", *PARTS):
        pairs = [_two_parts(n, mark) for n in names]
        people, questions = list(dict.fromkeys(p for p, _ in pairs)), list(dict.fromkeys(q for _, q in pairs))
        complete = len(set(pairs)) == len(people) * len(questions) and "" not in (*people, *questions)
        if min(len(people), len(questions)) < 2 or not complete:
            continue
        sentence = (
            f"{titles.file}: columns are called by two things, {', '.join(people[:4])} and "
            f"{', '.join(questions[:4])}: one may be annotators and the other questions, rounds or measures."
        )
        answers = [
            Answer(flag("--annotators", listed(f"{p}{mark}{q}" for p in people)), f"the labels are those of {q}")
            for q in questions[:MOST_WAYS]
        ]
        answers += [
            Answer(flag("--annotators", listed(f"{p}{mark}{q}" for q in questions)), f"the labels are those of {p}")
            for p in people[:MOST_WAYS]
        ]
        answers.append(Answer(flag("--annotators", listed(names)), "each column is an annotator"))
        return Question("annotators and questions", sentence, tuple(names), tuple(answers))
    return None
