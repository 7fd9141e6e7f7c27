"""Open questions about the reading of a dataset: one sentence each, and the flags that answer it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import DatasetError

BY_FLAG = {  # kind of a question → what settles it too, with words that only the reader knows
    "coder of other words": "--class FROM=TO (one class in two words)",
    "table beside folders": "--columns image=…,label=… (the table is read)",
}


@dataclass(frozen=True)
class Answer:
    """One answer to a question.

    Attributes
    ----------
    flag : what to add to the command, quoted for a shell.
    meaning : how the dataset is read then.
    """

    flag: str
    meaning: str

    def to_json(self) -> dict[str, str]:
        return {"flag": self.flag, "meaning": self.meaning}


@dataclass(frozen=True)
class Question:
    """A question, because more than one reading is plausible.

    Attributes
    ----------
    kind : short name of the kind of question.
    sentence : states what is unclear, and why.
    about : the columns, files or folders it concerns.
    answers : one at least; each settles the question.
    """

    kind: str
    sentence: str
    about: tuple[str, ...]
    answers: tuple[Answer, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "sentence": self.sentence,
            "about": list(self.about),
            "answers": [a.to_json() for a in self.answers],
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Question:
        answers = tuple(Answer(a["flag"], a["meaning"]) for a in content["answers"])
        return cls(content["kind"], content["sentence"], tuple(content["about"]), answers)


def flag(name: str, value: str) -> str:
    """A flag with its value as it is typed into a shell.

    >>> flag("--ignore", "age group")
    "--ignore 'age group'"
    """
    return f"{name} {shlex.quote(value)}" if not value.startswith("-") else f"{name}={shlex.quote(value)}"


def listed(names: Iterable[str]) -> str:
    """Names separated by commas, in double quotes where they hold one, as a flag takes them."""
    return ",".join('"' + n.replace('"', '""') + '"' if set(n) & set(',"\n\r') else n for n in names)


def renaming(name: str, to: str) -> str:
    """The flag that takes the class ``name`` for the class ``to``; "" leaves it out.

    >>> print(renaming("old", "new"), renaming("1=angry", "angry"))
    --class old=new --class '"1=angry"=angry'
    """
    return flag("--class", f"{before_equals(name)}={to}")


def before_equals(name: str) -> str:
    """A name as a flag takes it before ``=``: in double quotes where it holds one itself."""
    return '"' + name.replace('"', '""') + '"' if "=" in name or name.startswith('"') else name


def unique(questions: Iterable[Question]) -> tuple[Question, ...]:
    """The questions without repetitions of kind and subject."""
    return tuple({(q.kind, q.about): q for q in questions}.values())


def require_answers(questions: Sequence[Question], name: str) -> None:
    """Raise for the first open question, with the flags that answer it.

    Raises
    ------
    DatasetError
    """
    if not questions:
        return
    first = questions[0]
    also = [BY_FLAG[first.kind]] if first.kind in BY_FLAG else []
    ways = "; ".join([*(f"{a.flag} ({a.meaning})" for a in first.answers), *also])
    more = f" {len(questions) - 1} more such questions: `inspect` lists them." if len(questions) > 1 else ""
    raise DatasetError(f"{first.sentence} Answer with {ways}.{more}", file=name)
