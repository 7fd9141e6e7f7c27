"""Cells that mean "no label", by their format's documents or by a correction: they are left out and counted."""

from __future__ import annotations

from collections.abc import Mapping

from ..corrections import Corrections
from ..questions import Answer, Question, flag, listed
from .class_numbers import number
from .languages import elsewhere, phrases

# An absent cell as pandas, R and databases write it. No class has such a name.
ABSENT = frozenset({"", "nan", "<na>", "nat"})
# What may be an absent label, and may be a class: "None" is a finding of a radiologist.
DOUBTFUL = frozenset(
    phrases("none, null, na, n/a, n.a., -, --, ?, -1, -1.0, -99, 999, missing, empty, blank, junk, nf, nr")
)
# What people call an image that they could not use; a class where others say how good an image is, too.
REFUSED = frozenset(
    phrases(
        "rejected, reject, discard, discarded, delete, deleted, removed, excluded, invalid, error, duplicate, "
        "duplicates, bad, unusable, not usable, corrupt, corrupted"
    )
)
GOOD = frozenset(
    phrases(
        "good, ok, okay, fine, fair, poor, average, excellent, valid, correct, accept, accepted, acceptable, "
        "approved, pass, passed, usable, clean, clear, intact, original, unique, kept, keep, included, include, "
        "present, confirmed"
    )
)
# A class where another is called a face.
NO_FACE = frozenset({"no face", "noface", "not a face", "non face", "no-face", "non-face"})
# An absent cell as R, spreadsheets and databases write it, however often: it is hardly ever a class.
WRITTEN = frozenset({"na", "n/a", "n.a.", "null"})
# No class of an image has such a name: they mean that a person did not answer, however often they occur.
NO_ANSWER = frozenset(
    phrases(
        "skip, skipped, unsure, not sure, unclear, unknown, uncertain, can't tell, cannot tell, cant tell, "
        "don't know, dont know, do not know, idk, i don't know, i dont know, i do not know, no idea, undecided, "
        "can't say, cannot say, cant say, hard to say, hard to tell, not clear, unable to determine, unable to tell, "
        "can't determine, cannot determine, not determinable, not applicable, no label, nolabel, unlabeled, "
        "unlabelled, not labeled, not labelled, no answer, not answered, unanswered, no response, noresponse, n.r., "
        "prefer not to answer, prefer not to say, timeout, time out, timed out, todo, to do, tbd, unsorted, "
        "not sorted, no image, broken image, image not loading, image not found, image missing, unclear image, "
        "image unclear, not visible, cannot see, can't see, #n/a, #na, #ref!, #value!, #name?, #null!, #div/0!"
    )
)
CODES = frozenset({9, 77, 88, 98, 99, 999, 9999, -9, -88, -98, -999})
BRACKETS = ("()", "[]", "<>", "{}")
# A value that is as frequent as the classes is a class, whatever its name.
FREQUENT = 0.5


def plain(value: str) -> str:
    """A value in lower case, with blanks for underscores; a value of underscores alone stays as it is."""
    text = " ".join(value.casefold().replace("\u2019", "'").split())
    return " ".join(text.replace("_", " ").split()) or text


# Those of other languages, too; a value of PERHAPS_NONE may mean that there is no label.
DOUBTFUL |= frozenset(map(plain, elsewhere("none")))
NO_ANSWER |= frozenset(map(plain, elsewhere("no answer")))
PERHAPS_NONE = DOUBTFUL | REFUSED | NO_FACE | NO_ANSWER


def absent(value: str, corrections: Corrections) -> bool:
    """Whether a cell means that there is no label."""
    if corrections.missing == ():
        return plain(value) == ""
    return plain(value) in ABSENT or plain(value) in {plain(m) for m in corrections.missing or ()}


def doubtful(counts: Mapping[str, float], corrections: Corrections) -> list[str]:
    """The labels that may mean "no label", of all labels with their counts; none where a person named them."""
    if corrections.missing is not None:
        return []
    doubtful = [v for v in counts if _bare(v) in PERHAPS_NONE]
    said = {w for v in counts if v not in doubtful for w in plain(v).split()}
    kin = (REFUSED if said & GOOD else frozenset()) | (NO_FACE if said & {"face", "faces"} else frozenset())
    doubtful = [v for v in doubtful if _bare(v) not in kin]
    doubtful += [v for v in _apart(counts) if v not in doubtful]
    if any(v.startswith("-") and v[1:].replace(".", "").isdigit() and v not in doubtful for v in counts):
        doubtful = [v for v in doubtful if not v.startswith("-")]
    others = [n for v, n in counts.items() if v not in doubtful and n > 0]
    if not doubtful or len(others) < 2:
        return doubtful if len(others) >= 2 else []
    usual = FREQUENT * sum(others) / len(others)
    always = {*NO_ANSWER, *WRITTEN, "-1", "-1.0", "-99", "999", *_apart(counts)}
    return [v for v in doubtful if counts[v] < usual or _bare(v) in always]


def _bare(value: str) -> str:
    """A value in the form of :func:`plain`, without brackets around it: ``(none)``, ``[skipped]``."""
    text = plain(value)
    return (text[1:-1].strip() or text) if text[:1] + text[-1:] in BRACKETS else text


def _apart(counts: Mapping[str, float]) -> list[str]:
    """Codes such as 9, 99 or -9, far from all other numbers: surveys write an absent answer so."""
    numbers = {v: n for v in counts if (n := number(v)) is not None}
    if len(numbers) < len(counts):
        return []
    codes = [v for v, n in numbers.items() if n in CODES]
    others = [n for v, n in numbers.items() if v not in codes]
    if len(others) < 2:
        return []
    return [v for v in codes if numbers[v] > 2 * max(others) or (numbers[v] < 0 <= min(others))]


def minus_one_is_absent(counts: Mapping[str, float]) -> bool:
    """Whether -1 means an absent label: the others are class numbers from 0, and -1 is no grade beside 0 and 1.

    -1, 0 and 1 may be three grades, and with -2 among the labels all are grades; -1 and 1 are no and yes. Where most
    cells are -1, it means that most images have no label.
    """
    numbers: dict[float, float] = {}
    for value, n in counts.items():
        try:
            numbers[float(value)] = numbers.get(float(value), 0) + n
        except ValueError:
            return False
    others = [v for v in numbers if v != -1]
    if -1 not in numbers or not others or min(others) < 0 or others == [1]:
        return False
    return max(others) >= 2 or numbers[-1] >= sum(numbers.values()) / 2


def question(counts: Mapping[str, float], values: list[str]) -> Question:
    """The question whether these labels mean "no label"."""
    counted = ", ".join(f"{v!r} ({counts[v]:,.0f})" for v in values)
    sentence = f"the labels hold {counted}: these may be classes, or may say that nobody gave a label."
    return Question(
        "missing values",
        sentence,
        tuple(values),
        (
            Answer(flag("--missing", listed(values)), "they mean that there is no label"),
            Answer("--missing ''", "they are classes like the others"),
        ),
    )
