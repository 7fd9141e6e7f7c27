"""Counts or shares beside a label and called like its classes: ``label, happy_votes, …``, ``label, p_happy, …``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..corrections import Corrections
from ..questions import Answer, Question, flag, listed
from ..tables.columns import words
from ..tables.table import Table
from .role_questions import Titles
from .vote_columns import TOTALS, add_up_to

ALWAYS = 0.95


@dataclass(frozen=True)
class Beside:
    """Columns of votes beside the column ``label``; ``shares`` of one whole, or counts.

    ``largest`` is whether the label names the largest share in nearly every row.
    """

    label: str
    columns: tuple[str, ...]
    shares: bool
    largest: bool


def votes_beside(
    table: Table, columns: Sequence[str], values: Mapping[str, Sequence[str]], corrections: Corrections
) -> Beside | None:
    """The columns of counts or shares that are called like the classes of a column of labels.

    ``values`` are those in use of the columns that have few. Neighbours of such columns that hold counts are votes too.
    """
    if corrections.annotators or not len(table.row):
        return None
    free = [c for c in columns if not TOTALS & set(words(c)) - {"votes"}]
    numbers = {c: n for c in free if ((n := table.numbers(c)) >= 0).all()}
    counts = [c for c, n in numbers.items() if (n == np.floor(n)).all()]
    for label, classes in values.items():
        names = {v: w for v in classes if (w := set(words(v)))}
        called = {c: v for c in numbers for v, w in names.items() if w <= set(words(c))}
        if label in numbers or len(called) < 2 or 2 * len(called) < len(names):
            continue
        shares = np.stack([numbers[c] for c in called], axis=1)
        if set(called) <= set(counts):
            order = list(columns)
            first, last = order.index(next(iter(called))), order.index(list(called)[-1])
            while last + 1 < len(order) and order[last + 1] in counts:
                last += 1
            block = [c for c in order[first : last + 1] if c in counts]
            if max(numbers[c].max() for c in block) > 1:
                return Beside(label, tuple(block), False, False)
        elif any(add_up_to(shares.sum(1), one) for one in (1.0, 100.0)):
            top = np.asarray(list(called.values()), dtype=object)[shares.argmax(1)]
            said = table.frame[label].astype(object).to_numpy()
            return Beside(label, tuple(called), True, bool((top == said).mean() >= ALWAYS))
    return None


def beside_question(titles: Titles, labels: Sequence[str], found: Beside) -> Question:
    """The question whether the labels are these votes, or the columns ``labels`` beside them."""
    own, names = [titles.of(c) for c in labels], [titles.of(c) for c in found.columns]
    what = "shares of one whole" if found.shares else "counts"
    sentence = (
        f"{titles.file}: the columns {', '.join(map(repr, names[:8]))} hold {what} and are called like the classes of "
        f"{titles.of(found.label)!r}: the labels may be the votes, or {', '.join(map(repr, own[:4]))} alone."
    )
    if found.shares:
        sentence += " They are votes only if people gave them; a model's probabilities are none"
        sentence += ", and neither is the label that it finds most probable." if found.largest else "."
    if len(own) > 1:
        alone = Answer(flag("--annotators", listed(own)), f"{', '.join(own[:4])} are annotators, the rest is left out")
    else:
        text = f"{own[0]} is the label, the {'shares' if found.shares else 'votes'} are left out"
        alone = Answer(flag("--columns", listed([f"label={own[0]}"])), text)
    answers = (Answer(flag("--classes-are", listed(names)), "each column holds the votes for a class"), alone)
    return Question("votes beside a label", sentence, (*own, *names), answers)
