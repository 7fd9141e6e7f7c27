"""Questions about the role of a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..questions import Answer, Question, flag, listed


@dataclass(frozen=True)
class Titles:
    """A table's file and the names of its columns as the file spells them, by their names in lower case."""

    file: str
    names: Mapping[str, str]

    def of(self, column: str) -> str:
        return self.names.get(column, column)


def truth_question(titles: Titles, label: str, truth: str) -> Question:
    """The question whether a column with one value for each image is the known truth."""
    a, b = titles.of(label), titles.of(truth)
    sentence = (
        f"{titles.file}: the column {b!r} holds the same classes as {a!r} and says the same of an image in "
        "every row: it may be the known truth."
    )
    answers = (
        Answer(flag("--columns", listed([f"label={a}", f"truth={b}"])), f"{a} is the label, {b} the known truth"),
        Answer(flag("--columns", listed([f"label={a}"])) + " " + flag("--ignore", listed([b])), f"{b} is left out"),
    )
    return Question("truth beside a response", sentence, (a, b), answers)


def which_label(titles: Titles, columns: Sequence[str]) -> Question:
    """The question which of some columns is the label, where none is named so."""
    names = [titles.of(c) for c in columns]
    kinds = "is the column of labels" if len(names) == 1 else "may be the column of labels"
    sentence = f"{titles.file}: {', '.join(map(repr, names))} {kinds}; it is not called so."
    answers = [Answer(flag("--columns", listed([f"label={n}"])), f"{n} is the label") for n in names[:8]]
    return Question("which column is the label", sentence, tuple(names), tuple(answers))


def label_or_annotators(titles: Titles, columns: Sequence[str], what: str) -> Question:
    """The question which of some columns is the label, or whether all are annotators'; ``what`` ends its sentence."""
    names = [titles.of(c) for c in columns]
    sentence = f"{titles.file}: {', '.join(map(repr, names[:8]))} {what}"
    answers = [
        Answer(flag("--columns", listed([f"label={n}"])), f"{n} is the label, the others are none") for n in names[:6]
    ]
    answers.append(Answer(flag("--annotators", listed(names)), "each is an annotator's column"))
    return Question("which column is the label", sentence, tuple(names), tuple(answers))


def are_classes(titles: Titles, columns: Sequence[str]) -> Answer:
    """The answer that columns of numbers hold the votes for one class each."""
    return Answer(flag("--classes-are", listed(titles.of(c) for c in columns)), "each holds the votes for a class")


def same_classes(titles: Titles, columns: Sequence[str]) -> Question:
    """The question whether columns of the same classes as the label, the first of them, are annotators'."""
    both = [titles.of(c) for c in columns]
    sentence = f"{titles.file}: {', '.join(map(repr, both))} hold the same classes: each may be an annotator's."
    answers = (
        Answer(flag("--annotators", listed(both)), "each column is an annotator"),
        Answer(flag("--ignore", listed(both[1:])), f"{both[0]} is the label, the others are none"),
    )
    return Question("columns of the same classes", sentence, tuple(both), answers)


def called_otherwise(titles: Titles, series: Sequence[str], out: Sequence[str], held: str = "numbers") -> Question:
    """The question whether columns that hold the same as annotators' are theirs, too, though called otherwise."""
    a, b = [titles.of(c) for c in series], [titles.of(c) for c in out]
    shown, hold = ", ".join(map(repr, b[:8])), "holds" if len(b) == 1 else "hold"
    sentence = (
        f"{titles.file}: {shown} {hold} {held} as {', '.join(map(repr, a[:8]))} do, called otherwise than these: there "
        "may be no annotator behind."
    )
    answers = (
        Answer(flag("--annotators", listed(a)), f"only {', '.join(a[:8])} are annotators"),
        Answer(flag("--annotators", listed([*a, *b])), "all are annotators"),
    )
    return Question("column called otherwise", sentence, tuple(b), answers)


def source_question(titles: Titles, label: str, source: str) -> Question:
    """The question whether the column of the images' sources names the coders."""
    a, b = titles.of(label), titles.of(source)
    sentence = f"{titles.file}: the column {b!r} says where an image comes from, and may say whose label {a!r} is."
    answers = (
        Answer(flag("--columns", listed([f"coder={b}", f"label={a}"])), f"each value of {b} is a coder"),
        Answer(flag("--ignore", listed([b])), "all labels are one coder's"),
    )
    return Question("source column", sentence, (b,), answers)


def outsiders(titles: Titles, chosen: Sequence[str], out: Sequence[str]) -> Question:
    """The question whether columns that share no class with the annotators' are annotators too."""
    a, b = [titles.of(c) for c in chosen], [titles.of(c) for c in out]
    verb, left = "share", "are left out: they may be no annotators"
    if len(b) == 1:
        verb, left = "shares", "is left out: it may be no annotator"
    sentence = (
        f"{titles.file}: {', '.join(map(repr, b[:8]))} {verb} no class with the columns "
        f"{', '.join(map(repr, a[:8]))} and {left}."
    )
    answers = (
        Answer(flag("--annotators", listed(a)), f"only {', '.join(a[:8])} are annotators"),
        Answer(flag("--annotators", listed([*a, *b])), "all are annotators"),
    )
    return Question("column that shares no class", sentence, tuple(b), answers)
