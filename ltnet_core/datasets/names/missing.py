"""Cells that mean "no label", by their format's documents or by a correction: they are left out and counted."""

from __future__ import annotations

from collections.abc import Mapping

from ..corrections import Corrections
from ..questions import Answer, Question, flag, listed
from .class_numbers import number

# An absent cell as pandas, R and databases write it. No class has such a name.
ABSENT = frozenset({"", "nan", "<na>", "nat"})
# What may be an absent label, and may be a class: "None" is a finding of a radiologist.
DOUBTFUL = frozenset(
    {
        *("none", "null", "na", "n/a", "n.a.", "-", "--", "?", "-1", "-1.0", "-99", "999", "missing", "empty", "blank"),
        *("junk", "nf", "nr"),
    }
)
# What people call an image that they could not use; a class where others say how good an image is, too.
REFUSED = frozenset(
    {
        *("rejected", "reject", "discard", "discarded", "delete", "deleted", "removed", "excluded", "invalid", "error"),
        *("duplicate", "duplicates", "bad", "unusable", "not usable", "corrupt", "corrupted"),
    }
)
GOOD = frozenset(
    {
        *(
            "good",
            "ok",
            "okay",
            "fine",
            "fair",
            "poor",
            "average",
            "excellent",
            "valid",
            "correct",
            "accept",
            "accepted",
        ),
        *("acceptable", "approved", "pass", "passed", "usable", "clean", "clear", "intact", "original", "unique"),
        *("kept", "keep", "included", "include", "present", "confirmed"),
    }
)
# A class where another is called a face.
NO_FACE = frozenset({"no face", "noface", "not a face", "non face", "no-face", "non-face"})
# An absent cell as R, spreadsheets and databases write it; a class of that name is not the most frequent one.
WRITTEN = frozenset({"na", "n/a", "n.a.", "null"})
# No class of an image has such a name: they mean that a person did not answer, however often they occur.
NO_ANSWER = frozenset(
    {
        *("skip", "skipped", "unsure", "not sure", "unclear", "unknown", "uncertain", "can't tell", "cannot tell"),
        *("cant tell", "don't know", "dont know", "do not know", "no label", "nolabel", "unlabeled", "unlabelled"),
        *("#n/a", "#na", "#ref!", "#value!", "#name?", "#null!", "#div/0!"),
        *("no answer", "not labeled", "not labelled", "undecided", "idk", "i don't know", "i dont know"),
        *("i do not know", "can't say", "cannot say", "cant say", "hard to say", "hard to tell", "not clear"),
        *("timeout", "time out", "timed out", "no response", "noresponse", "not answered", "unanswered", "n.r."),
        *("weiß nicht", "weiss nicht", "keine angabe", "keine antwort", "unklar", "unbekannt", "unsicher", "k.a."),
        *("k. a.", "nicht erkennbar", "ne sais pas", "je ne sais pas", "ne sait pas", "pas de réponse", "indéterminé"),
        *("no sé", "no se", "no sabe", "no lo sé", "desconocido", "sin respuesta", "non so", "sconosciuto", "não sei"),
        *(
            "nao sei",
            "weet niet",
            "weet ik niet",
            "onbekend",
            "vet ej",
            "ved ikke",
            "不知道",
            "不确定",
            "无法判断",
            "不明",
        ),
        *("わからない", "分からない", "모름", "не знаю", "неизвестно", "nie wiem", "bilmiyorum"),
        *("todo", "to do", "tbd", "unsorted", "not sorted"),
        *("no image", "broken image", "image not loading", "image not found", "image missing", "unclear image"),
        *("image unclear", "not visible", "cannot see", "can't see", "prefer not to answer", "prefer not to say"),
    }
)
# All of them; a value of these may mean that there is no label.
PERHAPS_NONE = DOUBTFUL | REFUSED | NO_FACE | NO_ANSWER
CODES = frozenset({9, 77, 88, 98, 99, 999, 9999, -9, -88, -98, -999})
# A value that is as frequent as the classes is a class, whatever its name.
FREQUENT = 0.5


def plain(value: str) -> str:
    """A value in lower case, with blanks for underscores; a value of underscores alone stays as it is."""
    text = " ".join(value.casefold().replace("\u2019", "'").split())
    return " ".join(text.replace("_", " ").split()) or text


def absent(value: str, corrections: Corrections) -> bool:
    """Whether a cell means that there is no label."""
    if corrections.missing is not None:
        return plain(value) == "" or plain(value) in {plain(m) for m in corrections.missing}
    return plain(value) in ABSENT


def doubtful(counts: Mapping[str, float], corrections: Corrections) -> list[str]:
    """The labels that may mean "no label", of all labels with their counts; none where a person named them."""
    if corrections.missing is not None:
        return []
    doubtful = [v for v in counts if plain(v) in PERHAPS_NONE]
    said = {w for v in counts if v not in doubtful for w in plain(v).split()}
    kin = (REFUSED if said & GOOD else frozenset()) | (NO_FACE if said & {"face", "faces"} else frozenset())
    doubtful = [v for v in doubtful if plain(v) not in kin]
    doubtful += [v for v in _apart(counts) if v not in doubtful]
    if any(v.startswith("-") and v[1:].replace(".", "").isdigit() and v not in doubtful for v in counts):
        doubtful = [v for v in doubtful if not v.startswith("-")]
    others = [n for v, n in counts.items() if v not in doubtful and n > 0]
    if not doubtful or len(others) < 2:
        return doubtful if len(others) >= 2 else []
    usual = FREQUENT * sum(others) / len(others)
    always = {*NO_ANSWER, "-1", "-1.0", "-99", "999", *_apart(counts)}
    most = max(others)
    return [
        v for v in doubtful if counts[v] < usual or plain(v) in always or (plain(v) in WRITTEN and counts[v] > most)
    ]


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
