"""Questions about the names of classes: several in one cell, one class in several spellings or words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from ..corrections import Corrections
from ..questions import Answer, Question, renaming
from .class_names import WORDS
from .class_numbers import number

SEPARATORS = (";", "|", "/", "+", "&", ",")
WORDS_BETWEEN = (" and ", " und ", " et ", " y ", " e ", " ")
SHOWN, MOSTLY = 8, 0.5
# What people write around a class that they doubt, and programs behind the name of a copy. *Probably benign* is a class
# of its own beside *benign*, and A* beside A.
DOUBT = r"\?|unsure|uncertain|not sure|maybe|probably|perhaps|possibly|doubtful|tentative"
MARKED = re.compile(
    rf"(?:\?\s*|(?:maybe|perhaps)\s+)(?P<after>\w.*)|(?P<before>.*?\w)\s*"
    rf"(?:[(\[]\s*(?:{DOUBT})\s*[)\]]|[?!.:;,]+|\s-?\s*(?:copy|kopie|copie)(?:\s*\(\d+\))?|\s\(\d+\))"
)


DASHES = re.compile(r"[-_\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")


def several_labels(counts: Mapping[str, float], corrections: Corrections) -> list[Question]:
    """The question about cells that hold several labels."""
    for separator in (*SEPARATORS, *WORDS_BETWEEN):
        joined = [v for v in counts if separator in v and v not in corrections.classes.values()]
        parts = {v: [p.strip(" []'\"") for p in v.split(separator)] for v in joined}
        alone = {v.casefold() for v in counts if v not in joined}
        several = [v for v in joined if all(parts[v]) and sum(p.casefold() in alone for p in parts[v]) >= 1]
        several = [v for v in several if corrections.missing is None or v not in corrections.missing]
        if separator in WORDS_BETWEEN:
            several = [v for v in several if all(p.casefold() in alone for p in parts[v])]
        elif not several and MOSTLY * sum(counts.values()) < sum(counts[v] for v in joined):
            several = joined if _are_sets([parts[v] for v in joined]) else []
        elif 2 * len(several) < len(joined) and len(alone) < 2:
            several = []
        if several:
            n = sum(counts[v] for v in several)
            sentence = (
                f"{n:,.0f} cells hold more than one label with {separator!r} between them, such as {several[0]!r}: "
                "a label is one class."
            )
            first = " ".join(renaming(v, parts[v][0]) for v in several)
            own = " ".join(renaming(v, v) for v in several)
            ways = [
                Answer(first, "the first of the labels counts"),
                Answer(own, "such a combination is a class of its own"),
            ]
            if len(alone) > 1:
                out = " ".join(renaming(v, "") for v in several)
                ways.insert(1, Answer(out, "such cells are left out"))
            return [Question("several labels in one cell", sentence, tuple(several[:SHOWN]), tuple(ways))]
    return []


def _are_sets(cells: Sequence[Sequence[str]]) -> bool:
    """Whether cells hold sets of a few labels, in any order, and not a name and what it is part of."""
    first = {c[0].casefold() for c in cells}
    later = {p.casefold() for c in cells for p in c[1:]}
    return len(cells) > 2 and all(map(all, cells)) and len(first | later) < len(cells) and len(first & later) > 1


def _key(name: str) -> str:
    """A class without case, hyphens of any kind, underscores and repeated blanks; a number as it is."""
    plain = " ".join(DASHES.sub(" ", name.casefold().replace("\u2019", "'")).split())
    return name if number(name) is not None else plain or name


def _unmarked(name: str) -> str:
    """A class without a mark of doubt or of a copy around it: ``fear (?)``, ``fear?``, ``fear.``, ``fear - Copy``."""
    found = MARKED.fullmatch(name.casefold().strip())
    return name if found is None or number(name) is not None else found["after"] or found["before"]


def spelled_alike(counts: Mapping[str, float], corrections: Corrections) -> list[Question]:
    """The question whether classes that differ only in case, blanks, hyphens, or a mark of doubt are the same."""
    groups: dict[str, list[str]] = {}
    for name in counts:
        groups.setdefault(_key(name), []).append(name)
    marked = []
    for key, names in list(groups.items()):
        plain = _key(_unmarked(names[0]))
        if plain != key and plain in groups:
            marked += names
            groups[plain] += groups.pop(key)
    alike = [g for g in groups.values() if len(g) > 1 and not all(v in corrections.classes.values() for v in g)]
    if not alike:
        return []
    names = [v for g in alike for v in g]
    usual = [max(g, key=lambda v: (v not in marked, counts[v], v)) for g in alike]
    own = " ".join(renaming(v, v) for v in names)
    one = " ".join(renaming(v, u) for g, u in zip(alike, usual, strict=True) for v in g)
    ways = [Answer(one, "they are the same class"), Answer(own, "each is a class of its own")]
    how = "capital letters, blanks or hyphens"
    if set(marked) & set(names):
        how += ", or a mark such as (?)"
        chosen = {v: "" if v in marked else u for g, u in zip(alike, usual, strict=True) for v in g}
        out = " ".join(renaming(a, b) for a, b in chosen.items())
        ways.append(Answer(out, "those with a mark are left out"))
    shown = ", ".join(map(repr, names[:SHOWN]))
    sentence = f"the classes {shown} look like the same class in another spelling: {how}."
    return [Question("classes that differ by spelling", sentence, tuple(names[:SHOWN]), tuple(ways))]


def one_meaning(by_coder: Mapping[str, Iterable[str]], corrections: Corrections) -> list[Question]:
    """The question whether words of one meaning are one class, such as *happy* and *happiness*.

    ``by_coder`` are the classes that each coder uses. Whoever uses two of them tells them apart.
    """
    if corrections.classes:
        return []
    groups: dict[str, list[str]] = {}
    for name in dict.fromkeys(v for used in by_coder.values() for v in used):
        if _key(name) in WORDS:
            groups.setdefault(WORDS[_key(name)], []).append(name)
    used = [set(u) for u in by_coder.values()]
    alike = {w: g for w, g in groups.items() if len(g) > 1 and all(len(u & set(g)) < 2 for u in used)}
    if not alike:
        return []
    names = [v for g in alike.values() for v in g]
    one = " ".join(renaming(v, w if w in g else g[0]) for w, g in alike.items() for v in g)
    own = " ".join(renaming(v, v) for v in names)
    sentence = f"the classes {', '.join(map(repr, names[:SHOWN]))} are of different coders and mean the same."
    ways = (Answer(one, "words of one meaning are one class"), Answer(own, "each is a class of its own"))
    return [Question("classes of one meaning", sentence, tuple(names[:SHOWN]), ways)]
