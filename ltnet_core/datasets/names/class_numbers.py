"""Classes that are numbers: one name for 1, 1.0 and 01; positions in a list of classes, from 0 or from 1."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

from ..questions import Answer, Question, flag, listed, renaming

NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d{1,2})?")
LIST_OF_ONE = re.compile(r"""\[\s*(?P<quote>['"])(?P<entry>[^'"\[\],]+)(?P=quote)\s*\]""")
LONGEST = 18
# Blanks and marks that nobody sees before or behind a name: zero width, byte order, direction.
UNSEEN = " \t\r\n\u00a0\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"


def number(text: str) -> int | float | None:
    """The number that a class is written as; None where it is no number."""
    if not text.isascii() or len(text) > LONGEST or NUMBER.fullmatch(text) is None:
        return None
    value = Decimal(text)  # a float tells numbers of more than 15 digits no longer apart
    return int(value) if value == value.to_integral_value() else float(value)


def _alone(text: str) -> str:
    """The only entry of a list written as text, ``["happy"]``; the text where it is no such list."""
    listed = LIST_OF_ONE.fullmatch(text)
    return text if listed is None else listed["entry"]


def one_spelling(names: Sequence[str]) -> dict[str, str]:
    """Each class as it is written → the name of its class.

    Composed and decomposed letters are the same, blanks between words are one, a list of one class is that class.
    Names that are the same number are one class, called by the number in its shortest form; a number alone keeps its
    leading zeros.

    >>> one_spelling(["1", "01", "2.0", "happy"])
    {'1': '1', '01': '1', '2.0': '2', 'happy': 'happy'}
    """
    out = {n: " ".join(unicodedata.normalize("NFC", _alone(n)).strip(UNSEEN).split()) for n in names}
    groups: dict[int | float, list[str]] = {}
    for name, text in out.items():
        value = number(text)
        if value is not None:
            groups.setdefault(value, []).append(name)
    padded = all(len(spelled) == 1 and spelled[0].isdigit() for spelled in groups.values())
    if not padded:
        for value, spelled in groups.items():
            out.update(dict.fromkeys(spelled, str(value)))
    return out


def all_numbers(names: Sequence[str]) -> bool:
    """Whether every name is a whole number."""
    return bool(names) and all(isinstance(number(n), int) for n in names)


def places(names: Sequence[str], classes: Sequence[str]) -> tuple[dict[str, str], Question | None]:
    """Class number → class of a list, and a question where that is unclear; empty for labels that are no numbers.

    Numbers count from 0, unless the last one is one too high: then they count from 1. Where 0 and the last are both
        unused, the base is unclear.
    """
    values = {n: number(n) for n in names if n}
    if not values or set(values) & set(classes) or not all(isinstance(v, int) for v in values.values()):
        return {}, None
    used = {int(v) for v in values.values() if v is not None}
    if min(used) < 0 or max(used) > len(classes):
        return {}, None
    first = 1 if max(used) == len(classes) and 0 not in used else 0
    if max(used) == len(classes) and 0 in used:
        return {}, None
    named = {n: classes[int(v) - first] for n, v in values.items() if v is not None}
    unclear = 0 not in used and max(used) < len(classes)
    return named, _counted(sorted(used), classes) if unclear else None


def _counted(used: Sequence[int], classes: Sequence[str]) -> Question:
    sentence = (
        f"the labels are the numbers {', '.join(map(str, used[:9]))} and {len(classes)} classes are listed: whether "
        "they are counted from 0 or from 1 cannot be told."
    )
    ways = []
    for first in (0, 1):
        flags = " ".join(renaming(str(k), classes[k - first]) for k in used)
        ways.append(Answer(flags, f"counted from {first}: {used[0]} is {classes[used[0] - first]!r}"))
    return Question("base of class numbers", sentence, tuple(map(str, used[:9])), tuple(ways))


def mixed(by_coder: Mapping[str, Sequence[str]], coders: Collection[str]) -> Question | None:
    """Whether some coders wrote numbers and others names, so that no number can be matched with a name.

    ``coders`` are those of ``by_coder`` that can be left out; the known truth is none.
    """
    numbers = [c for c, names in by_coder.items() if names and all_numbers(names)]
    words = [c for c, names in by_coder.items() if names and not any(number(n) is not None for n in names)]
    if not numbers or not words:
        return None
    shown = sorted({n for c in numbers for n in by_coder[c]})
    names = sorted({n for c in words for n in by_coder[c]})
    sentence = (
        f"{', '.join(map(repr, numbers[:3]))} wrote numbers ({', '.join(shown[:6])}) and "
        f"{', '.join(map(repr, words[:3]))} names ({', '.join(names[:6])}): no list says which number is which name."
    )
    ways = [Answer(_naming(shown, names), "the numbers are the names in alphabetical order; say so as it is")]
    ways.append(Answer(_naming(shown, shown), "the numbers are classes of their own"))
    if set(numbers) <= set(coders):
        ways.append(Answer(flag("--ignore", listed(numbers)), f"{', '.join(numbers[:3])} is left out"))
    return Question("numbers and names", sentence, (*numbers, *words), tuple(ways))


def _naming(shown: Sequence[str], names: Sequence[str]) -> str:
    return " ".join(renaming(a, b) for a, b in zip(shown, names, strict=False))
