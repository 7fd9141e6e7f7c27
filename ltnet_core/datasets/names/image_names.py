"""Image names of tables are matched with the images of the dataset: one rule after another, each one to one."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from ..questions import Answer, Question, flag, listed
from ..sources.files import is_image_name, suffix

UPLOAD_PREFIX = re.compile(r"^(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32}|[0-9a-f]{8})[-_]")
EXPORT_SUFFIX = re.compile(r"_(jpe?g|png|bmp|webp|gif|tiff?)\.rf\.[0-9a-zA-Z]{8,40}(\.\w+)$")
WHOLE = re.compile(r"^(\d+)\.0$")
ZEROS = re.compile(r"(?<!\d)0+(?=\d)")
# Code pages of archives that do not state theirs; their names are shown in the oldest of all.
CODE_PAGES = ("utf-8", "cp850", "cp1252", "gbk", "shift_jis", "big5", "euc_kr", "cp1251", "cp866")
NEAREST, CANDIDATES = 5_000, 6


@dataclass(frozen=True)
class Names:
    """Names of a table, matched.

    Attributes
    ----------
    images : one for each name: the dataset's own, or the name as it stands where there is none.
    rules : rule → how many names it matched.
    ambiguous : name → the images it may be.
    notes : a sentence about each thing that a person should check.
    """

    images: list[str]
    rules: dict[str, int] = field(default_factory=dict)
    ambiguous: dict[str, list[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def base(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _case(name: str) -> str:
    return _nfc(name).casefold()


def _address(name: str) -> str:
    """The file's name in a URL, without query and with percent signs decoded."""
    if "://" not in name and "?" not in name and "%" not in name:
        return base(name)
    if "://" not in name and not name.startswith("/data/"):
        return base(unquote(name.split("?", 1)[0]))
    try:
        parts = urlsplit(name)
        path = parse_qs(parts.query).get("d", [parts.path])[0]
    except ValueError:
        return base(name)
    return base(unquote(path))


def _untooled(name: str) -> str:
    """The name without what labelling tools add before or after it on upload."""
    short = _case(_address(name))
    return EXPORT_SUFFIX.sub(r".\1", UPLOAD_PREFIX.sub("", short))


def _stem(name: str) -> str:
    short = _untooled(name)
    return short[: -len(suffix(short))] if is_image_name(short) else short


def _unpadded(name: str) -> str:
    return ZEROS.sub("", _stem(name))


def _whole(name: str) -> str:
    """A number without the decimals that it got from a gap in its column: ``17`` for ``17.0``."""
    return WHOLE.sub(r"\1", _stem(name))


# In this order. Those before "case" only write the same name in another way, so that several names may be one image.
RULES: tuple[tuple[str, Callable[[str], str], bool], ...] = (
    ("Unicode form", _nfc, True),
    ("base name", lambda n: _nfc(_address(n)), True),
    ("case", _case, False),
    ("case of the base name", lambda n: _case(_address(n)), False),
    ("a tool's prefix", _untooled, False),
    ("without ending", _stem, False),
    ("leading zeros", _unpadded, False),
    ("decimals of a number", _whole, False),
)


def match_names(names: Sequence[str], images: Sequence[str]) -> Names:
    """Match names of a table with the images of the dataset.

    The rules in their order: the exact name; slashes turned forward, ``./``, ``images/`` and other folders added or
    left out where that leaves one image; Unicode form; base name of a path or an address; case; without a labelling
    tool's prefix; without the ending; without leading zeros. A rule counts for a name only if it leaves one image; from
    case on, only if no other name has that image.
    """
    known = frozenset(images)
    out = list(names)
    rules: dict[str, int] = {}
    left: list[int] = []
    for i, name in enumerate(names):
        if name in known:
            rules["exact"] = rules.get("exact", 0) + 1
        elif name:
            left.append(i)
    if not left or not images:
        return Names(out, rules)
    left, ambiguous = _by_folders(out, left, images, known, rules)
    outside = [i for i in left if ".." in out[i].split("/")]
    left = [i for i in left if ".." not in out[i].split("/")]
    taken = {out[i] for i in range(len(out)) if out[i] in known}
    for rule, key, same in RULES:
        if not left:
            break
        left = _by_key(rule, key, same, out, left, images, taken, rules, ambiguous)
    notes: list[str] = []
    if left:
        left = _by_code_page(out, left, images, taken, rules, notes)
    if rules.get("leading zeros"):
        notes.append(
            f"{rules['leading zeros']:,} names were matched without leading zeros, such as "
            f"{_example(names, out, known)}; a spreadsheet may have dropped them."
        )
    unmatched = {out[i] for i in (*left, *outside)}
    return Names(out, rules, {n: c for n, c in ambiguous.items() if n in unmatched}, tuple(notes))


def _example(names: Sequence[str], out: Sequence[str], known: frozenset[str]) -> str:
    pairs = ((a, b) for a, b in zip(names, out, strict=True) if a != b and b in known and base(a) != base(b))
    return next((f"{a!r} for {b!r}" for a, b in pairs), "")


def _by_folders(
    out: list[str], left: list[int], images: Sequence[str], known: frozenset[str], rules: dict[str, int]
) -> tuple[list[int], dict[str, list[str]]]:
    """Match by slashes, ``./`` and folders; returns names that stay unmatched, and names that fit several images."""
    ends: dict[str, list[str]] = {}
    unmatched, ambiguous = [], {}
    for i in left:
        plain = out[i].replace("\\", "/")
        while plain.startswith("./"):
            plain = plain[2:]
        out[i] = plain
        if plain in known or "images/" + plain in known:
            out[i] = plain if plain in known else "images/" + plain
            rules["separators and folders"] = rules.get("separators and folders", 0) + 1
            continue
        if not ends:
            for image in images:
                ends.setdefault(base(image), []).append(image)
        fitting = [m for m in ends.get(base(plain), ()) if m.endswith("/" + plain) or plain.endswith("/" + m)]
        if len(fitting) == 1 and ".." not in plain.split("/"):
            out[i] = fitting[0]
            rules["separators and folders"] = rules.get("separators and folders", 0) + 1
            continue
        if len(fitting) > 1:
            ambiguous[plain] = fitting
        if plain:
            unmatched.append(i)
    return unmatched, ambiguous


def _by_key(
    rule: str,
    key: Callable[[str], str],
    same: bool,
    out: list[str],
    left: list[int],
    images: Sequence[str],
    taken: set[str],
    rules: dict[str, int],
    ambiguous: dict[str, list[str]],
) -> list[int]:
    """Match the remaining names by equal keys; returns those that still remain."""
    wanted: dict[str, set[str]] = {}
    for i in left:
        wanted.setdefault(key(out[i]), set()).add(out[i])
    by_key: dict[str, list[str]] = {}
    for image in images:
        for k in {key(image), key(base(image))}:
            if k in wanted:
                by_key.setdefault(k, []).append(image)
    unmatched, matched = [], set()
    for i in left:
        k = key(out[i])
        fitting = by_key.get(k, [])
        if len(fitting) > 1:
            fitting = _nearest_folders(out[i], fitting)
        free = fitting if same else [m for m in fitting if m not in taken]
        if len(free) == 1 and (same or len(wanted[k]) == 1):
            out[i] = free[0]
            matched.add(free[0])
            rules[rule] = rules.get(rule, 0) + 1
            continue
        if len(free) > 1:
            ambiguous.setdefault(out[i], free)
        unmatched.append(i)
    taken |= matched
    return unmatched


def _nearest_folders(name: str, fitting: list[str]) -> list[str]:
    """Of the images of one base name, those that share the most folders with the name, counted from the end."""

    def shared(image: str) -> int:
        a, b = name.casefold().split("/")[-2::-1], image.casefold().split("/")[-2::-1]
        n = 0
        for x, y in zip(a, b, strict=False):
            if x != y:
                break
            n += 1
        return n

    most = max(map(shared, fitting))
    return [m for m in fitting if shared(m) == most]


def _by_code_page(
    out: list[str], left: list[int], images: Sequence[str], taken: set[str], rules: dict[str, int], notes: list[str]
) -> list[int]:
    """Match the names of an archive that does not state their code page: the code page in which they match."""
    odd = [m for m in images if not m.isascii() and m not in taken]
    if not odd:
        return left
    wanted = {_nfc(base(out[i])) for i in left}
    best: tuple[int, str, dict[str, str]] = (0, "", {})
    for page in CODE_PAGES:
        read: dict[str, list[str]] = {}
        for image in odd:
            try:
                read.setdefault(_nfc(base(image).encode("cp437").decode(page)), []).append(image)
            except UnicodeError:
                continue
        fits = {n: m[0] for n, m in read.items() if len(m) == 1 and n in wanted}
        if len(fits) > best[0]:
            best = (len(fits), page, fits)
    count, page, fits = best
    if not count:
        return left
    unmatched: list[int] = []
    for i in left:
        match = fits.get(_nfc(base(out[i])))
        if match is None:
            unmatched.append(i)
        else:
            out[i] = match
            rules["code page of the archive"] = rules.get("code page of the archive", 0) + 1
    notes.append(f"the archive does not say how its names are encoded; they match as {page}.")
    return unmatched


def question(ambiguous: dict[str, list[str]], total: int) -> Question:
    """The question which image a name means that fits several."""
    name, candidates = next(iter(ambiguous.items()))
    shown = ", ".join(candidates[:CANDIDATES]) + (" …" if len(candidates) > CANDIDATES else "")
    sentence = (
        f"{total:,} image names are ambiguous: {name!r} may be more than one image ({shown}). "
        "Write names with their folders, or leave a folder out."
    )
    folders = sorted({m.rsplit("/", 1)[0] for c in list(ambiguous.values())[:100] for m in c if "/" in m})
    ways = []
    for keep in folders[:CANDIDATES]:
        others = [f for f in folders if f != keep and not keep.startswith(f + "/")]
        if others:
            text = flag("--ignore", listed(others))
            ways.append(Answer(text, f"the images are those in {keep}"))
    if not ways:
        ways.append(Answer(flag("--ignore", listed(candidates[1:])), f"the image is {candidates[0]}"))
    return Question("ambiguous image name", sentence, tuple(list(ambiguous)[:CANDIDATES]), tuple(ways))


def nearest(name: str, images: Sequence[str]) -> str:
    """``" The nearest is 'x'."`` for a name that no image has, or an empty string."""
    ends = {base(m).casefold(): m for m in images[:NEAREST]}
    stem = base(name.replace("\\", "/")).casefold()
    close = difflib.get_close_matches(stem, list(ends), n=1, cutoff=0.75)
    return f" The nearest is {ends[close[0]]!r}." if close else ""
