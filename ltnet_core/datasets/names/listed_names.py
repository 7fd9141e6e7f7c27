"""The image names of a tool's export, by upload path or address, are matched with those of the dataset."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import parse_qs, unquote, urlparse

# Label Studio puts eight hexadecimal digits before the name of an uploaded file.
UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-(?=.)")
DRIVE = re.compile(r"^[A-Za-z]:/")


def path_of(name: str) -> str:
    """The path in a name: without scheme, host, query and drive, with forward slashes and plain letters."""
    plain = name.strip().replace("\\", "/")
    if "://" in plain or plain.startswith(("/data/", "//")):
        try:
            address = urlparse(plain)
            plain = unquote(parse_qs(address.query).get("d", [address.path])[0])
        except ValueError:
            pass
    plain = DRIVE.sub("", plain).lstrip("/")
    while plain.startswith("./"):
        plain = plain[2:]
    return unicodedata.normalize("NFC", plain)


def base_name(name: str) -> str:
    """The last part of its path."""
    return path_of(name).rsplit("/", 1)[-1]


def _without_prefix(name: str) -> str:
    return UPLOAD_PREFIX.sub("", base_name(name))


def _stem(name: str) -> str:
    return _without_prefix(name).rsplit(".", 1)[0].casefold()


RULES: tuple[Callable[[str], str], ...] = (
    path_of,
    base_name,
    _without_prefix,
    lambda n: _without_prefix(n).casefold(),
    _stem,
)


def as_listed(names: Iterable[str], images: Sequence[str]) -> dict[str, str]:
    """Each name → the image it means, by the first rule that leaves one image; else as it stands.

    The rules: as it stands, its path, its path below or above some folders, its last part, that without an
    upload prefix, in another case, without its ending. Two names never become one image unless
    they have the same path.
    """
    known = frozenset(images)
    out = {n: n for n in names}
    left = [n for n in out if n not in known]
    taken = {n for n in out if n in known}
    for number, rule in enumerate(RULES):
        if not left:
            break
        by_key: dict[str, list[str]] = {}
        for image in images:
            by_key.setdefault(rule(image), []).append(image)
        keys = {n: rule(n) for n in left}
        chosen = {n: by_key[k][0] for n, k in keys.items() if len(by_key.get(k, ())) == 1}
        if number == 1:
            chosen |= _by_folders(keys, by_key)
        if number > 0:  # two names that merely end alike are two images
            uses = Counter(chosen.values())
            chosen = {n: i for n, i in chosen.items() if uses[i] == 1 and i not in taken}
        out |= chosen
        taken |= set(chosen.values())
        left = [n for n in left if n not in chosen]
    return out


def _by_folders(keys: dict[str, str], by_key: dict[str, list[str]]) -> dict[str, str]:
    """The image among those with the same last part whose folders fit the name's."""
    out = {}
    for name, key in keys.items():
        path = path_of(name)
        fits = [i for i in by_key.get(key, ()) if i.endswith("/" + path) or path.endswith("/" + i)]
        if len(by_key.get(key, ())) > 1 and len(fits) == 1:
            out[name] = fits[0]
    return out
