"""Columns that hold the votes for one class each: counts, shares, or a 1 for the class that was chosen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ..corrections import Corrections
from ..names.class_names import WORDS
from ..questions import Answer, Question, flag, listed
from ..tables.columns import words
from ..tables.table import Table

MOST, MOSTLY_ZERO, HARDLY_ZERO, NEAR, COMPETING = 0.9, 0.5, 0.1, 0.02, 0.6
MANY_ROWS, FEWEST_ROWS, MOST_WAYS, MOST_GRADES = 20, 8, 4, 12
MOST_MORE, SAMPLE = 5, 10_000
TOTALS = frozenset({"total", "sum", "votes", "count", "n", "number", "annotators", "raters", "all"})
PEOPLE = re.compile(
    r"reader|rater|annot|coder|expert|doctor|grader|observer|worker|labell?er|judge|radiolog|patholog|physician|^r\d+$|^a\d+$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Votes:
    """Columns of votes, and the questions about them."""

    columns: tuple[str, ...]
    questions: tuple[Question, ...] = ()


def votes_in(table: Table, columns: Sequence[str], corrections: Corrections) -> Votes | None:
    """The columns as votes for classes; None where they are more probably other things, such as grades.

    Votes are numbers from 0 on in every cell. They add up to as many in most rows, as counts, as shares of one or as a
    single 1; or the columns are called like the expressions of faces; or most of them are 0. Where 0 and 1 add up to
    another number in every row the columns may be annotators who said yes or no, which is asked. A column that is the
    sum of the others is none of them.
    """
    if len(columns) < 2 or not len(table.row) or corrections.annotators:
        return None
    votes = table.votes(columns)
    if not (votes >= 0).all():  # an empty cell is not a number
        return None
    if len(varied := _varied(votes, columns)) < len(columns):
        return votes_in(table, varied, corrections)
    total = _total(votes, columns)
    if total is not None:
        return _with_total(table, votes, columns, total)
    sums = votes.sum(1)
    whole = bool((votes == np.floor(votes)).all())
    if not whole:
        shares = any(add_up_to(sums, one) for one in (1.0, 100.0))
        return Votes(tuple(columns)) if shares else None
    titles = [table.titles.get(c, c) for c in columns]
    emotions = _emotions(columns)
    people = sum(bool(PEOPLE.search(t)) for t in titles) >= len(columns) / 2
    often = np.unique(sums, return_counts=True)[1].max() >= MOST * len(votes)
    if (emotions and (often or votes.max() > 1)) or (often and sums.max() > 0 and not (people and votes.max() > 1)):
        if votes.max() == 1 and sums.max() == 1 and (sums == 0).mean() > MOST:
            return None
        if not often and (votes == 0).mean() < HARDLY_ZERO:
            return Votes(tuple(columns), (_ratings(table, titles),))
        if not (often and len(columns) == 2 and votes.max() == 1 and people):
            return Votes(tuple(columns))
    if votes.max() == 1:
        return None if _are_people(titles) and not often else Votes(tuple(columns), (_yes_or_no(table, titles),))
    if not people and ((votes == 0).mean() >= MOSTLY_ZERO or _compete(votes)):
        return Votes(tuple(columns), (_grades(table, titles),))
    return None


def _are_people(titles: Sequence[str]) -> bool:
    """Whether all columns are called by one word for people: reader1, reader2. *judge* and *worker* may be classes."""
    found = [PEOPLE.search(t) for t in titles]
    return None not in found and len({m[0].casefold().rstrip("0123456789") for m in found if m is not None}) == 1


def with_gaps(table: Table, columns: Sequence[str]) -> Question | None:
    """The question whether columns with empty cells are annotators or classes.

    It is asked of 0, 1 and −1, or 1 and −1, which may be findings, and of counts that add up to as many in most rows,
    or are called like expressions of faces.
    """
    titles = [table.titles.get(c, c) for c in columns]
    if len(columns) < 2 or sum(bool(PEOPLE.search(t)) for t in titles) >= len(columns) / 2:
        return None
    numbers = table.votes(columns)
    empty = np.stack([(table.frame[c] == "").to_numpy(np.bool_) for c in columns], axis=1)
    known, sums = numbers[~empty], np.where(empty, 0, numbers).sum(1)
    if len(known) and (known >= 0).all() and known.max() > 1 and empty.any():
        often = np.unique(sums, return_counts=True)[1].max() >= MOST * len(sums)
        return _grades(table, titles) if often or _emotions(columns) else None
    held = sorted({float(n) for n in np.unique(known)}) if len(known) else []
    if held not in ([0, 1], [-1, 0, 1], [-1, 1]):
        return None
    return _yes_or_no(table, titles, {2: "0 and 1" if 0 in held else "1 and -1", 3: "1, 0 and -1"}[len(held)])


def _emotions(columns: Sequence[str]) -> bool:
    return sum(c in WORDS for c in columns) >= len(columns) / 2


def odd_vote(table: Table, columns: Sequence[str]) -> str:
    """In parentheses, the cell that keeps columns of numbers from being votes; empty where there is none."""
    if len(columns) < 2 or not len(table.row):
        return ""
    votes = table.votes(columns)
    wrong = ~(votes >= 0)
    if not wrong.any() or wrong.mean() > 1 - MOST:
        return ""
    row, column = (int(i) for i in np.argwhere(wrong)[0])
    cell, title = str(table.frame[columns[column]].iloc[row]), table.titles.get(columns[column], columns[column])
    what = f"holds {cell!r}" if cell else "is empty"
    where = f"row {int(table.row[row])} of {title!r}"
    return f" (votes are numbers from 0 on; {where} {what})"


def are_percentages(votes: NDArray[np.float64], signed: bool = False) -> bool:
    """Whether the votes (rows, classes) are shares of a hundred: rows add up to it, and not all cells are whole.

    Whole ones are where they are ``signed``: ``40%``.
    """
    return bool(signed or (votes != np.floor(votes)).any()) and add_up_to(votes.sum(1), 100.0)


def _ratings(table: Table, titles: list[str]) -> Question:
    sentence = (
        f"{table.file}: the columns {', '.join(map(repr, titles[:8]))} hold numbers that add up to something else in "
        "every row and are hardly ever 0: they may be ratings of each class, and no votes."
    )
    votes = Answer(flag("--classes-are", listed(titles)), "the numbers are taken for votes for the classes")
    own = [
        Answer(flag("--columns", listed([f"label={t}"])), f"the labels are the ratings of {t} alone")
        for t in titles[:MOST_WAYS]
        if len(table.frame[t.lower()].cat.categories) <= MOST_GRADES
    ]
    return Question("ratings or votes", sentence, tuple(titles), (votes, *own))


def of_one_coder(question: Question) -> Question:
    """The question about columns of 0 and 1, where another column says whose row it is: they are no annotators."""
    if question.kind != "annotators or classes":
        return question
    classes = [a for a in question.answers if a.flag.startswith("--classes-are")]
    own = [
        Answer(flag("--columns", listed([f"label={c}"])), f"the labels are the answers in {c} alone")
        for c in question.about[:MOST_WAYS]
    ]
    sentence = question.sentence.partition(": they may be")[0] + (
        ": they may be classes of which an image has several, or questions of their own."
    )
    return replace(question, sentence=sentence, answers=(*classes, *own))


def completing(table: Table, columns: Sequence[str], more: Sequence[str]) -> list[str]:
    """Those of the columns ``more`` with which the numbers of most rows have one sum; none where they have one without.

    Classes may be called like what a table says of an image: *complete*, *old*.
    """
    some = table.keep(np.arange(len(table.row)) < SAMPLE)
    numbers = {c: n for c in (*columns, *more) if ((n := some.votes([c])[:, 0]) >= 0).all()}
    known = [numbers[c] for c in columns if c in numbers]
    more = [c for c in more if c in numbers and np.ptp(numbers[c]) > 0][:MOST_MORE]
    if not len(some.row) or len(known) < len(columns) or (len(known) > 1 and _have_one_sum(known)):
        return []
    ways = (way for n in range(1, len(more) + 1) for way in combinations(more, n) if len(known) + n > 1)
    return list(next((way for way in ways if _have_one_sum([*known, *(numbers[c] for c in way)])), ()))


def have_one_sum(table: Table, columns: Sequence[str]) -> bool:
    """Whether the columns hold votes that add up to one sum in most rows."""
    votes = table.votes(columns) if len(columns) > 1 and len(table.row) else np.zeros((0, 0))
    return bool(votes.size and (votes >= 0).all()) and _have_one_sum(list(votes.T))


def _have_one_sum(columns: Sequence[NDArray[np.float64]]) -> bool:
    sums = np.sum(columns, axis=0).round(6)  # shares add up to nearly one
    return bool(np.unique(sums, return_counts=True)[1].max() >= MOST * len(sums) and sums.max() > 0)


def add_up_to(sums: NDArray[np.float64], one: float) -> bool:
    """Whether most of these sums are 1, or 100."""
    return bool((np.abs(sums - one) <= NEAR * one).mean() >= MOST)


def _with_total(table: Table, votes: NDArray[np.float64], columns: Sequence[str], total: int) -> Votes | None:
    """The columns beside the one of their sums: votes, of which some are 0, or grades, whose sum is of use, too."""
    rest = [c for i, c in enumerate(columns) if i != total]
    titles = [table.titles.get(c, c) for c in rest]
    if sum(bool(PEOPLE.search(t)) for t in titles) >= len(rest) / 2:
        return None
    often = np.unique(votes[:, total], return_counts=True)[1].max() >= MOST * len(votes)
    sure = often or _emotions(rest) or (np.delete(votes, total, 1) == 0).any()
    return Votes(tuple(rest), () if sure else (_grades(table, titles),))


def _varied(votes: NDArray[np.float64], columns: Sequence[str]) -> list[str]:
    """The columns without those that hold the same number in all of many rows, where the others add up to as many.

    Such a column says that a form is complete, or how many voted.
    """
    same = (votes == votes[:1]).all(0) & (votes[0] > 0)
    if len(votes) < FEWEST_ROWS or not same.any() or (~same).sum() < 2:
        return list(columns)
    sums = votes[:, ~same].sum(1)
    often = np.unique(sums, return_counts=True)[1].max() >= MOST * len(sums) and sums.max() > 0
    return [c for c, s in zip(columns, same, strict=True) if not s or not often]


def _total(votes: NDArray[np.float64], columns: Sequence[str]) -> int | None:
    """The column that is the sum of all others in every row, of many rows or by its name: how many voted."""
    if votes.shape[1] < 3:
        return None
    sums = votes.sum(1)
    totals = [i for i in range(votes.shape[1]) if np.allclose(2 * votes[:, i], sums) and votes[:, i].any()]
    totals = [i for i in totals if len(votes) >= MANY_ROWS or TOTALS & set(words(columns[i]))]
    return totals[0] if len(totals) == 1 else None


def _compete(votes: NDArray[np.float64]) -> bool:
    """Whether one column falls where another rises, as with votes for classes; annotators' grades rise together."""
    return bool((votes == 0).any(0).sum() > 1 and votes.sum(1).var() < COMPETING * votes.var(0).sum())


def _answers(titles: Sequence[str]) -> tuple[Answer, Answer]:
    return (
        Answer(flag("--annotators", listed(titles)), "each column is an annotator"),
        Answer(flag("--classes-are", listed(titles)), "each column is a class"),
    )


def _yes_or_no(table: Table, titles: list[str], held: str = "0 and 1") -> Question:
    if np.isnan(table.numbers(titles[0].lower())).all():
        held = "true and false, or yes and no"
    sentence = (
        f"{table.file}: the columns {', '.join(map(repr, titles[:8]))} hold {held}, and a row has none, one or "
        "several 1 (yes): they may be annotators who said yes or no, or classes of which an image has several."
    )
    return Question("annotators or classes", sentence, tuple(titles), _answers(titles))


def _grades(table: Table, titles: list[str]) -> Question:
    sentence = (
        f"{table.file}: the columns {', '.join(map(repr, titles[:8]))} hold whole numbers: they may be "
        "votes for classes, or annotators' grades."
    )
    return Question("annotators or classes", sentence, tuple(titles), _answers(titles))
