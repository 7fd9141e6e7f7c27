"""Short codes of classes, for charts, matrices and chips."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

PARTS = re.compile(r"[^\W\d_]+|\d+")
NUMBER = re.compile(r"\d{1,4}(?!\d)")
SHORT, MOST_LETTERS = 3, 5


def short_codes(classes: tuple[str, ...]) -> tuple[str, ...]:
    """A unique short code for every class: ``Ne`` for neutral, more letters where two clash.

    Names that begin with the same words are told apart by what follows: stage 2 is ``S2``, benign nevus ``BNe``.
    """
    words = [PARTS.findall(name) for name in classes]
    families: dict[str, list[int]] = {}
    for k, parts in enumerate(words):
        families.setdefault(parts[0].casefold() if parts else "", []).append(k)
    out: dict[int, str] = {}
    for members in families.values():
        if len(members) > 1 and words[members[0]]:
            out |= _of_family([words[k] for k in members], members, set(out.values()))
    for k, name in enumerate(classes):
        if k not in out:
            taken = set(out.values())
            out[k] = next(code for code in _of_one(name, len(classes)) if code not in taken)
    return tuple(out[k] for k in range(len(classes)))


def _of_family(words: Sequence[Sequence[str]], members: Sequence[int], taken: set[str]) -> dict[int, str]:
    """Codes of names with the same first word, by what follows the words they share; empty where that tells too little.

    The name that has nothing more gets none.
    """
    shared = 1
    while all(len(w) > shared for w in words) and len({w[shared].casefold() for w in words}) == 1:
        shared += 1
    rest = {k: w[shared:] for k, w in zip(members, words, strict=True) if len(w) > shared}
    head = words[0][0][:1].upper()
    for form in (_first_part, _all_parts, _longer_part):
        codes = {k: head + form(parts) for k, parts in rest.items()}
        if len({*codes.values()} - taken) == len(codes):
            return codes
    return {}


def _first_part(parts: Sequence[str]) -> str:
    """``nevus`` → ``Ne``; what is short stays whole, so that I, II and III do."""
    part = parts[0]
    return part if len(part) < SHORT or part.isdigit() or part.isupper() else part[:2].capitalize()


def _all_parts(parts: Sequence[str]) -> str:
    return "".join(p if p.isdigit() or len(p) == 1 else p[0].upper() for p in parts)


def _longer_part(parts: Sequence[str]) -> str:
    return parts[0][:SHORT].capitalize()


def _of_one(name: str, classes: int) -> Iterator[str]:
    """Codes to try for a name, the best first."""
    word = name.strip() or name
    if len(word) < 2:
        yield word
    if number := NUMBER.match(word):
        yield number[0]
    for letters in range(2, min(len(word), MOST_LETTERS) + 1):
        yield word[:letters].rstrip(" -_.:/").capitalize() or word[:letters]
    yield from (f"{word[:1].upper()}{n}" for n in range(1, classes + 1))
    yield from (word[:letters] for letters in range(MOST_LETTERS + 1, len(word) + 1))
    yield from (f"{name}{n}" for n in range(1, classes + 1))
