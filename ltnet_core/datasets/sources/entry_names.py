"""Names of an archive's entries that are UTF-8, though the archive does not say so."""

from __future__ import annotations

import re

# The second byte of a letter in Shift-JIS and Big5 may be that of a backslash; its first one is no ASCII.
SECOND_BYTE = re.compile(r"(?<![^\x00-\x7f])\\")


def entry_name(name: str, says_utf8: bool) -> str:
    """The name of a zip's entry; without the flag Python reads it in the oldest code page, whatever it was written in.

    >>> entry_name("M\xfcller".encode().decode("cp437"), says_utf8=False)
    'M\xfcller'
    """
    if says_utf8 or name.isascii():
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name


def forward(name: str, slashes: bool) -> str:
    """The name with forward slashes; ``slashes``: the archive has some, so a backslash may be half of a letter."""
    return SECOND_BYTE.sub("/", name) if slashes else name.replace("\\", "/")
