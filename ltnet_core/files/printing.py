"""Text for people: numbers with their nouns; for a terminal, control characters in names are escaped."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import re
import sys
import unicodedata
from typing import Any, TextIO

# Control characters, ends of lines, marks that turn the direction of writing, and halves of surrogate pairs.
OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

UNHEARD = (errno.EPIPE, errno.EIO)  # a pipe without a reader, a terminal that was closed

TURNING = frozenset({"R", "AL", "RLO", "RLE", "RLI", "LRO", "LRE", "LRI", "FSI"})  # classes of Unicode
ISOLATES, END_OF_ISOLATE = "\u2066\u2067\u2068", "\u2069"


def is_text(value: str | os.PathLike[str]) -> bool:
    """Whether it can be written in UTF-8; Python stands in for other bytes of a path with halves of surrogate pairs."""
    try:
        os.fspath(value).encode()
    except UnicodeEncodeError:
        return False
    return True


def printable(text: str) -> str:
    """The text on one line; what a terminal would obey is written as an escape such as ``\\x1b``."""
    return OBEYED.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def isolated(name: str) -> str:
    """A name for use inside a sentence: right-to-left text, or a mark in it, must not turn its neighbours around."""
    if not any(unicodedata.bidirectional(c) in TURNING for c in name):
        return name
    inside, out = 0, []
    for c in name:
        inside += (c in ISOLATES) - (c == END_OF_ISOLATE)
        if inside < 0:  # it would end the isolate around the name
            inside = 0
        else:
            out.append(c)
    return ISOLATES[-1] + "".join(out) + END_OF_ISOLATE * (inside + 1)


def plural(number: float, one: str) -> str:
    """The noun for so many: image, images; class, classes."""
    return one if number == 1 else f"{one}es" if one.endswith("s") else f"{one}s"


def counted(number: int, one: str) -> str:
    """So many in words: 1 image, 2,000 images."""
    return f"{number:,} {plural(number, one)}"


def in_percent(part: float) -> str:
    """A part of a whole in percent: 86 %."""
    return f"{100 * part:.0f} %"


def require_streams() -> None:
    """Give a process that was started with closed streams the null device instead; its output lacks no letter.

    Otherwise the next file that is opened would be taken for the output, and `--help` would fail in ASCII.
    """
    for handle in range(3):
        try:
            os.fstat(handle)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def say(text: str, file: TextIO | None = None) -> None:
    """Print one line at once."""
    file = file or sys.stdout
    encoding = file.encoding or "utf-8"
    print(printable(text).encode(encoding, "backslashreplace").decode(encoding), file=file, flush=True)


def say_if_heard(text: str) -> None:
    """Print one line of long work; where its reader is gone, such as a closed terminal, go on in silence."""
    try:
        say(text)
    except OSError as e:
        if e.errno not in UNHEARD:
            raise
        drop_output(sys.stdout)


def drop_output(stream: TextIO) -> None:
    """Let an output lead nowhere: what could not be printed is dropped, and flushing it again at exit is no error."""
    with contextlib.suppress(ValueError):  # one that is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def say_json(content: Any) -> None:
    """Print JSON; in ASCII where the output's encoding lacks a character."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(content, indent=2, allow_nan=False)
    print(text)
