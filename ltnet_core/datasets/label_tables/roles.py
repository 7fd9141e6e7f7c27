"""The role of each column of a table: image, label, coder, an annotator's labels, votes for a class, or none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ...errors import DatasetError
from ..corrections import Corrections
from ..names.class_numbers import number
from ..names.image_names import match_names
from ..names.splits import TRUTH, is_called, is_form, part_of, words
from ..questions import Question
from ..tables.column_titles import AGAIN, repeated_row
from ..tables.columns import KNOWN, LIKELY_LABELS, ROLES, WEAK_CODERS, about, labels, named, short, without
from ..tables.table import Table
from .column_facts import FEW
from .column_roles import Roles
from .image_rows import YES_OR_NO, ImageRows, find_column
from .repeated_rows import (
    row_for_each_class,
    which_question,
)
from .role_questions import truth_question, which_label
from .row_questions import counting_question, holds_image_names, image_question, names_another_image
from .vote_columns import of_one_coder

MOST_NAMES = 10_000
MATCHED = 0.5
FITTING = {"long": ("long",), "plain": ("long",), "votes": ("votes",), "wide": ("wide", "single")}
SURE = frozenset(n for n in ROLES["image"] if "id" not in n.split("_") and n not in ("item", "task", "path"))


def find_roles(table: Table, images: Sequence[str], corrections: Corrections, shape: str | None = None) -> Roles:
    """The roles of a table's columns.

    A person's corrections come first, then the columns' names, then their cells. ``shape`` is the shape that a format
    chosen by hand asks for.
    """
    return _Finder(table, images, corrections, shape).roles()


class _Finder(ImageRows):
    def __init__(self, table: Table, images: Sequence[str], corrections: Corrections, shape: str | None):
        super().__init__(table, images, corrections)
        self.forced = shape
        if shape == "plain":
            self.corrected = {"image": "image", "coder": "coder", "label": "label", **self.corrected}

    # ---- roles by name

    def image(self) -> str | None:
        if "image" in self.corrected:
            return self.corrected["image"]
        free = [c for c in self.usable if c not in self.corrected.values()]
        by_name = named(free, "image")
        if len(by_name) == 1 and (not self.images or by_name[0] in SURE):
            return by_name[0]
        likely = [
            c for c in free if c not in by_name and len(self.table.row) and self.table.frame[c].dtype == "category"
        ]
        sure = by_name and (len(by_name) == 1 or not self.images)
        if sure and (self.matched(by_name[0]) > 0 or not any(self.matched(c) >= MATCHED for c in likely)):
            return by_name[0]
        best = max([*by_name, *likely], key=self.matched, default=None)
        if best is not None and self.matched(best) >= MATCHED:
            return best
        return by_name[0] if by_name else None

    def split(self, taken: Iterable[str | None]) -> str | None:
        if "split" in self.corrected:
            return self.corrected["split"]
        free = without(self.usable, taken)
        usual = [c for c in named(free, "split") if short(c) not in ("set", "phase", "part", "splits")]
        if usual:
            return usual[0]
        taken_by_name = {c for what in ("label", "coder", "truth") for c in named(free, what)}
        for column in free:
            values = self.values(column)
            if column not in taken_by_name and 1 < len(values) <= 4 and "test" in map(part_of, values):
                return column
            if values and part_of(self.title(column)) is not None and {v.casefold() for v in values} <= YES_OR_NO:
                return column
            if (
                0 < len(values) <= FEW
                and {part_of(v) for v in values} >= {"train"}
                and None not in map(part_of, values)
            ):
                return column
        return None

    def coder(self, image: str | None, taken: Iterable[str | None]) -> str | None:
        if "coder" in self.corrected:
            return self.corrected["coder"]
        for column in named(without(self.usable, taken), "coder"):
            if image is not None and self.is_own_column(column, image, taken):
                continue
            if short(column) not in WEAK_CODERS or (image is not None and not self.fixed(column, image)):
                return column
        return None

    def is_own_column(self, column: str, image: str, taken: Iterable[str | None]) -> bool:
        """Whether a column called like a person holds what the person said: Doctor beside Nurse, a row per image."""
        rest = [c for c in without(self.usable, [image, column, *taken]) if self.few(c)]
        alike = [c for c in rest if self.few(column) and self.share(column, c)]
        own = any(self.in_words(column) or self.agree(column, c) for c in alike)
        return own and not labels(rest) and not self.repeats(image)

    def truth(self, taken: Iterable[str | None]) -> str | None:
        """The column of known truth by its name; one that says yes or no of rows with other labels is none."""
        free = without(self.usable, taken)
        people = [c for c in free if TRUTH & set(words(t := self.title(c))) and not is_called(t, TRUTH)]
        truths = without(named(free, "truth"), people)
        others = [c for c in free if c not in truths and len(self.values(c)) > 1]
        others = [c for c in others if c in labels(others)] or others

        def tells(column: str) -> bool:
            values = {v.casefold() for v in self.values(column)}
            if holds_image_names(self.table, column):
                return False
            return not values <= YES_OR_NO or any(self.share(column, c) for c in others if self.few(c))

        return next((c for c in truths if tells(c)), None)

    # ---- the table as a whole

    def roles(self) -> Roles:
        image = self.image()
        empty = Roles(self.table.file, columns=self.columns)
        self.require_header(image)
        if image is None:
            return replace(empty, missing="no column of image names")
        if is_form(self.table.file) and not self.corrected:
            return replace(empty, image=image, missing="a form to be filled in")
        split = self.split([image, *self.corrected.values()])
        base = replace(empty, image=image, split=split)
        annotators = self.columns_of(self.corrections.annotators)
        classes = self.columns_of(self.corrections.classes_are)
        taken = [image, split, *self.corrected.values()]
        truth = self.corrected.get("truth") or self.truth(taken)
        if classes:
            coder = self.coder(image, [*taken, *classes])
            return replace(base, shape="votes", votes=tuple(classes), coder=coder, truth=self.corrected.get("truth"))
        if annotators:
            truth = None if truth in annotators else truth
            sure = self.sure([], None)
            return replace(base, shape="wide", coders=tuple(annotators), truth=truth, confidence=sure)
        coder = self.coder(image, [*taken, truth])
        if coder is not None:
            roles = self.long(replace(base, coder=coder, truth=truth))
        else:
            roles = self.beside(replace(base, truth=truth))
        if self.forced is not None and (roles.shape not in FITTING[self.forced] or roles.questions):
            roles = self.by_hand(base, truth)
        return self.of_rows(roles)

    def of_rows(self, roles: Roles) -> Roles:
        """The roles with the question which image a row is about, or which rows count, where no other is open."""
        if roles.shape == "none" or roles.questions or roles.image is None:
            return roles
        used = roles.reading({}).columns
        free = [c for c in without(self.usable, self.corrected.values()) if used.get(c) == "ignored"]
        others = [c for c in free if holds_image_names(self.table, c)] if "image" not in self.corrected else []
        for other in others:
            known = not self.images or self.matched(other) >= MATCHED
            if known and names_another_image(self.table, roles.image, other):
                one_to_one = self.same(roles.image, other)
                if self.images or not one_to_one:
                    return replace(roles, questions=(image_question(self.titles, roles.image, other),))
        computed = [c for c in free if roles.shape != "long" and short(c).startswith("agree")]  # of two columns
        values = {c: v for c in without(free, computed) if (v := self.values(c)) and len(v) <= FEW}
        question = counting_question(self.titles, values, roles.split is not None)
        return roles if question is None else replace(roles, questions=(question,))

    def require_header(self, image: str | None) -> None:
        """Raise where the names of the columns are themselves cells of such columns, or the name of an image."""
        titles = {c: self.title(c) for c in self.columns}
        words = [c for c, t in titles.items() if t and number(t) is None]
        words = [c for c in words if len(self.table.frame[c].cat.categories) <= MOST_NAMES]
        again = [c for c in words if titles[c] in self.table.frame[c].cat.categories]
        if (at := repeated_row(self.table.frame, {c: titles[c] for c in again})) is not None:
            raise DatasetError(AGAIN, file=self.table.file, row=int(self.table.row[at]))
        first = titles[image] if image is not None and self.images else ""
        if len(again) > 1 or (first and short(first) not in KNOWN and self.names_an_image(first)):
            shown = ", ".join(map(repr, list(titles.values())[:6]))
            raise DatasetError(
                f"there is no header: the first row holds data ({shown}). Write the names of the columns above it, "
                "such as image,coder,label.",
                file=self.table.file,
                row=1,
            )

    def names_an_image(self, text: str) -> bool:
        return match_names([text], self.images).images[0] in set(self.images)

    def columns_of(self, names: Sequence[str]) -> list[str]:
        return [c for n in names if (c := find_column(self.columns, n)) is not None]

    def by_hand(self, base: Roles, truth: str | None) -> Roles:
        """Roles for a format chosen by hand: all other columns have the role that it asks for."""
        taken = [base.image, base.split, *self.corrected.values()]
        free = without(self.usable, taken)
        if self.forced == "votes":
            return replace(base, shape="votes", votes=tuple(free))
        if self.forced == "wide":
            chosen = [c for c in free if self.few(c)] or free
            if len(free) == 1 and free == labels(free):
                return replace(base, shape="single", label=free[0])
            return replace(base, shape="wide", coders=tuple(chosen), left=tuple(c for c in free if c not in chosen))
        coder = self.coder(base.image, [*taken, truth])
        return self.long(replace(base, coder=coder, truth=truth))

    def long(self, base: Roles) -> Roles:
        """A row per annotation: the label is found by its name, or it is the only column that can be one."""
        free = without(self.usable, [base.image, base.split, base.coder, base.truth, *self.corrected.values()])
        count = self.corrected.get("count") or next(iter(named(free, "count")), None)
        free = without(free, [count])
        questions: list[Question] = []
        label = self.corrected.get("label")
        if base.coder is None:
            return replace(base, shape="none", missing="no column of coders")
        if label is None and not labels(free):
            votes = self.votes_among([c for c in free if not about(c)])
            if votes is not None:
                return replace(
                    base, shape="votes", votes=votes.columns, questions=tuple(map(of_one_coder, votes.questions))
                )
        if label is None:
            label, questions = self.answer(free, str(base.image))
        if label is None:
            return replace(base, missing="no column of labels", shape="none")
        sure = self.sure(free, label)
        base = replace(base, shape="long", label=label, count=count, confidence=sure)
        if not questions and "label" not in self.corrected:
            beside = self.beside_labels(without(free, [label]), [label])
            questions = [] if beside is None else [beside[1]]
        if base.truth is None and not questions:
            questions = self.hidden_truth(without(free, [label, *sure]), label, str(base.image))
        if not questions and "label" not in self.corrected:
            alike = self.other_labels(without(free, [label, *sure]), label)
            questions = [which_label(self.titles, [label, *alike])] if alike else []
        if count is None and base.split is None and not questions:
            rest, who = without(free, [label, *sure]), (str(base.image), str(base.coder), str(label))
            question = which_question(self.table, self.titles, *who, [c for c in rest if self.few(c)])
            question = question or row_for_each_class(self.table, self.titles, *who, [*rest, *sure])
            questions = [] if question is None else [question]
        return replace(base, questions=tuple(questions))

    def answer(self, free: list[str], image: str) -> tuple[str | None, list[Question]]:
        """The column of labels in a long table, and the questions about it."""
        by_name = self.one_of_twins([c for c in labels(free) if self.values(c)])
        if len(by_name) > 1 and "label" in by_name and short("score") in map(short, by_name):
            by_name = [c for c in by_name if short(c) != "score"]
        if len(by_name) > 1:
            vary = [c for c in by_name if not self.fixed(c, image)]
            others = [c for c in by_name if c not in vary]
            if len(vary) == 1 and others and all(self.share(vary[0], c) for c in others):
                return vary[0], [truth_question(self.titles, vary[0], others[0])]
            usual = [c for c in (vary or by_name) if self.few(c)] or by_name
            return usual[0], [which_label(self.titles, usual)] if len(usual) > 1 else []
        if by_name:
            return by_name[0], []
        likely = [c for c in free if not about(c) and self.few(c) and len(self.values(c)) > 1]
        likely = [c for c in likely if not self.fixed(c, image)] or likely
        sure = len(likely) == 1 and LIKELY_LABELS & set(words(self.title(likely[0])))
        return (likely[0] if likely else None), [which_label(self.titles, likely)] if likely and not sure else []

    def other_labels(self, free: list[str], label: str) -> list[str]:
        """Other columns in the classes of the labels, by name if these are numbers, such as ``corrected_label``."""
        likely = [c for c in free if self.few(c) and not about(c) and len(self.values(c)) > 1 and self.share(c, label)]
        words = {k for k in self.keys(label) if number(k) is None}
        return [c for c in likely if self.keys(c) & words or labels([c]) == [c]]

    def hidden_truth(self, free: list[str], label: str, image: str) -> list[Question]:
        """A column with one value for each image, in the classes of the labels, is more probably their truth."""
        for column in free:
            if (
                self.few(column)
                and not about(column)
                and len(self.values(column)) > 1
                and 2 * len(self.keys(column) & self.keys(label)) >= len(self.keys(column))
                and self.share(column, label)
                and self.fixed(column, image)
            ):
                return [truth_question(self.titles, label, column)]
        return []
