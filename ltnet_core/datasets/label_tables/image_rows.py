"""The roles of the columns of a table with a row for each image: votes, one column of labels, or one per annotator."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from ..corrections import Corrections, key_of
from ..names.class_numbers import number
from ..names.splits import words
from ..questions import Question
from ..tables.columns import COMPUTED, COUNTS, about, labels, named, short, without
from ..tables.table import Table
from .column_facts import ColumnFacts
from .column_roles import Roles
from .repeated_rows import of_a_series, outside_series, people_and_questions, ranked_choices, who_labelled
from .role_questions import are_classes, called_otherwise, label_or_annotators, outsiders, same_classes, source_question
from .vote_columns import PEOPLE, Votes, completing, have_one_sum, odd_vote, votes_in, with_gaps
from .votes_beside import Beside, beside_question, votes_beside

TIMES = frozenset(
    {"date", "datetime", "time", "timestamp", "created", "updated", "duration", "trial", "session", "block", "row"}
)
YES_OR_NO = frozenset({"0", "1", "true", "false", "yes", "no", "y", "n", "t", "f", "0.0", "1.0"})


def find_column(columns: Iterable[str], name: str) -> str | None:
    """The column of that name, whatever its case."""
    return next((c for c in columns if key_of(c) == key_of(name)), None)


class ImageRows(ColumnFacts):
    """What the columns of a table are where it has a row for each image.

    ``usable`` are the columns that may have a role, ``corrected`` role → column as a person said.
    """

    def __init__(self, table: Table, images: Sequence[str], corrections: Corrections):
        super().__init__(table, images, corrections)
        self.columns = tuple(str(c) for c in table.frame.columns)
        aside = self.of_legend()
        self.usable = [c for c in without(self.columns, aside) if not corrections.ignores(c)]
        self.corrected = {
            r: c for r, n in corrections.columns.items() if (c := find_column(self.columns, n)) is not None
        }

    def votes_among(self, columns: list[str]) -> Votes | None:
        """The columns as votes; those of few values alone, where these add up to one sum beside sizes or remarks."""
        few = [c for c in columns if self.few(c)]
        alone = few != columns and have_one_sum(self.table, few) and not have_one_sum(self.table, columns)
        return votes_in(self.table, few if alone else columns, self.corrections)

    def sure(self, free: list[str], label: str | None) -> tuple[str, ...]:
        """The columns of confidence."""
        chosen = [self.corrected["confidence"]] if "confidence" in self.corrected else []
        return tuple(dict.fromkeys([*chosen, *(c for c in named(free, "confidence") if c != label)]))

    def one_of_twins(self, columns: list[str]) -> list[str]:
        """The columns without those of codes, where another has the same classes by name."""
        names = [c for c in columns if not all(number(v) is not None for v in self.values(c))]
        return [c for c in columns if c in names or not any(self.same(c, n) for n in names)]

    def alike(self, chosen: Sequence[str], free: Sequence[str]) -> list[str]:
        """The columns called like what is said of an image that hold words of annotators: *condition*, a Mr *Land*.

        So are numbers that say the same as an annotator more often than by chance: age and batch do not.
        """
        others = [c for c in without(free, chosen) if about(c) and self.few(c) and not self.keys(c) <= YES_OR_NO]
        words = [c for c in others if self.in_words(c) and any(self.share(c, x) for x in chosen)]
        return [c for c in others if len(self.keys(c)) > 1 and (c in words or self.agrees(c, chosen))]

    def agrees(self, column: str, chosen: Sequence[str]) -> bool:
        """Whether a column agrees with most of the annotators' columns."""
        return 2 * sum(self.agree(column, c) for c in chosen) > len(chosen)

    def alike_among(self, free: Sequence[str]) -> list[str]:
        """The columns called like what is said of an image that hold the same words, or are numbered: site1, site2."""
        few = [c for c in free if about(c) and self.few(c) and len(self.values(c)) > 1]
        few = [c for c in few if self.in_words(c) or re.search(r"\d$", c)]
        return [c for c in few if any(self.share(c, other) for other in few if other != c)]

    def beside(self, base: Roles) -> Roles:
        """A row per image: votes, one column of labels, or one per annotator."""
        roles = self.of_images(base)
        if roles.shape not in ("single", "wide") or "label" in self.corrected:
            return roles
        free = without(self.usable, [base.image, base.split, base.truth, *self.corrected.values()])
        free = [c for c in without(free, [roles.label, roles.count, *roles.confidence]) if self.few(c)]
        likely = [c for c in free if not about(c)]
        said = [roles.label] if roles.label is not None else [c for c in likely if len(self.values(c)) > 1]
        # rater_id, author: called like what is said of an image, unless another column may be the person
        people = [c for c in free if about(c) and not TIMES & set(words(self.title(c)))]
        who = who_labelled(self.table, self.titles, str(base.image), likely, said)
        who = who or who_labelled(self.table, self.titles, str(base.image), people, said)
        return roles if who is None else replace(roles, questions=(who,))

    def of_images(self, base: Roles) -> Roles:
        free = without(self.usable, [base.image, base.split, base.truth, *self.corrected.values()])
        if "label" in self.corrected:
            return self.single(base, self.corrected["label"], free)
        sure = [c for c in self.sure(free, None) if short(c) != "score" or c in self.corrected.values()]
        base = replace(base, confidence=tuple(sure))
        measured = [c for c in free if about(c) or c in named(free, "fold")]
        truth = [] if base.truth is None or base.truth in self.corrected.values() else [base.truth]
        classes = completing(
            self.table, without(free, [*sure, *measured]), [*without(measured, sure), *truth, *without(sure, measured)]
        )
        if classes:  # called like the truth or what is measured: gold beside silver
            measured, sure = without(measured, classes), without(sure, classes)
            free += [c for c in truth if c in classes]
            base = replace(base, confidence=tuple(sure), truth=None if base.truth in classes else base.truth)
        votes = self.votes_among(without(free, [*sure, *measured]))
        if votes is not None:
            return replace(base, shape="votes", votes=votes.columns, questions=votes.questions)
        said = [c for c in free if c not in sure and c not in measured]
        few = [c for c in said if self.few(c)]
        beside = self.beside_labels([c for c in free if c not in measured], few)
        if beside is not None:
            return replace(base, shape="votes", votes=beside[0].columns, questions=(beside[1],))
        by_name = self.one_of_twins([c for c in labels(free) if self.values(c)])
        if len(by_name) > 1:
            by_name = [c for c in by_name if short(c) != "score" and self.few(c)] or by_name
        by_name = self.without_agreed(by_name, said)
        others = [c for c in free if c not in by_name and c not in sure and c not in measured and self.few(c)]
        others = [c for c in others if not any(self.same(c, b) for b in by_name)]
        if len(by_name) == 1:
            sources = named(others, "source")
            alike = [c for c in others if c not in sources and self.share(c, by_name[0])]
            return self.single(base, by_name[0], free, alike)
        if len(by_name) > 1:
            return self.several(base, by_name)
        return self.annotators(base, free, others)

    def beside_labels(self, free: list[str], few: list[str]) -> tuple[Beside, Question] | None:
        """Votes beside labels, which are among the columns ``few``, and the question which of them count."""
        found = votes_beside(self.table, free, {c: self.values(c) for c in few}, self.corrections)
        if found is None:
            return None
        alike = [c for c in few if c == found.label or (c not in found.columns and self.share(c, found.label))]
        own = without(alike, named(alike, "agreed")) or [found.label]
        return found, beside_question(self.titles, own, found)

    def without_agreed(self, by_name: list[str], free: list[str]) -> list[str]:
        """The columns called like labels without what several others agreed on, such as ``final_label``."""
        agreed = named(by_name, "agreed")
        rest = [c for c in free if c not in named(free, "agreed") and self.few(c)]
        return by_name if any(sum(self.share(c, r) for r in rest) < 2 for c in agreed) else without(by_name, agreed)

    def single(self, base: Roles, label: str, free: list[str], alike: Sequence[str] = ()) -> Roles:
        """One column of labels; the others are none, but for some that hold the same classes."""
        sure = self.sure(free, label)
        count = self.corrected.get("count") or next(iter(named(without(free, [label]), "count")), None)
        if count is not None and not self.repeats(str(base.image)):
            count = None
        base = replace(base, shape="single", label=label, confidence=sure, count=count)
        alike = without(alike, [count])
        source = next((c for c in named(without(free, [label]), "source") if self.few(c)), None)
        if alike:
            agreed = [c for c in alike if c in named(alike, "agreed")]
            question = same_classes(self.titles, (label, *alike))
            coders = tuple(c for c in (label, *alike) if c not in agreed)
            return replace(base, shape="wide", label=None, coders=coders, questions=(question,))
        if source is not None and "coder" not in self.corrected and not self.corrected.get("label"):
            return replace(base, questions=(source_question(self.titles, label, source),))
        if self.corrected.get("coder"):
            return replace(base, shape="long", coder=self.corrected["coder"])
        return base

    def several(self, base: Roles, likely: list[str]) -> Roles:
        question = label_or_annotators(self.titles, likely, "may each be the column of labels.")
        return replace(base, shape="wide", coders=tuple(likely), questions=(question,))

    def in_words(self, column: str) -> bool:
        """Whether a column's classes are no numbers: then it is no sum or mean of others."""
        return all(number(k) is None for k in self.keys(column))

    def annotators(self, base: Roles, free: list[str], others: list[str]) -> Roles:
        """One column per annotator: those that share classes with another one."""
        agreed = [c for c in named(others, "agreed") if not (COMPUTED & set(words(c)) and self.in_words(c))]
        counts = [c for c in others if short(c) in COUNTS and not np.isnan(self.table.numbers(c)).any()]
        likely = [c for c in without(others, counts) if c not in agreed and self.speaks(c, others)]
        constant = [c for c in others if c not in agreed and c not in likely]
        if not likely:
            likely = agreed or [
                c
                for c in without(free, [*counts, *named(free, "fold")])
                if self.few(c) and len(self.values(c)) > 1 and not about(c)
            ]
            agreed = []
        if not likely and (alike := self.alike_among(free)):
            sentence = "are called like what describes an image, and hold the same classes: each may be an annotator's."
            question = label_or_annotators(self.titles, alike, sentence)
            return replace(base, shape="wide", coders=tuple(alike), questions=(question,))
        if not likely:
            why = "no column of labels: " + ", ".join(repr(self.title(c)) for c in free[:8]) + " are none"
            why += odd_vote(self.table, [c for c in free if not about(c)])
            return replace(base, missing=why if free else "no column of labels")
        groups = self.groups(likely)
        chosen = max(groups, key=len)
        chosen = likely if len(groups) == 1 else chosen
        out = [c for c in likely if c not in chosen]
        aside = out if of_a_series(self.titles, chosen, out) else []
        measured = [c for c in free if c not in others and any(self.values(c)) and not self.few(c)]
        left = tuple(c for c in free if c in (*constant, *aside, *measured))
        asked = self.about_annotators(chosen, [] if aside else out, free)
        if asked is None and out and not aside:
            apart = len(chosen) == 1
            share_none = label_or_annotators(self.titles, likely, "share no class: which is the label?")
            asked = share_none if apart else outsiders(self.titles, list(chosen), out)
            chosen = likely if apart else chosen
        if agreed and len(chosen) >= 2:
            left = (*left, *agreed)
        questions = () if asked is None else (asked,)
        return replace(base, shape="wide", coders=tuple(chosen), left=left, questions=questions)

    def about_annotators(self, chosen: Sequence[str], out: Sequence[str], free: Sequence[str]) -> Question | None:
        """The question about columns of annotators that share classes; ``out`` are others that share none."""
        if (ranked := ranked_choices(self.titles, chosen)) is not None or out:
            return ranked
        if alike := self.alike(chosen, free):
            return called_otherwise(self.titles, chosen, alike, "the same classes")
        asked = with_gaps(self.table, chosen) or people_and_questions(self.titles, chosen)
        if asked is None and all(number(v) is not None for c in chosen for v in self.values(c)):
            asked = outside_series(self.titles, chosen)
        if asked is None and not any(PEOPLE.search(self.title(c)) for c in chosen) and self.apart(chosen):
            varied = [c for c in chosen if len(self.values(c)) > 1]
            asked = label_or_annotators(
                self.titles, varied, "hardly agree: they may be answers to different questions."
            )
            votes = bool((self.table.votes(varied) >= 0).all())
            return replace(asked, answers=(*asked.answers, are_classes(self.titles, varied))) if votes else asked
        return asked
