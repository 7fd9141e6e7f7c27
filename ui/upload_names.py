"""Which names an uploaded file may have: any that can only mean a place inside the upload."""

from __future__ import annotations

import re
import unicodedata

MAX_PATH_BYTES = 1024
MAX_PART_BYTES = 255
MAX_PARTS = 64


def refusal(path: str) -> str | None:
    """Why a relative path with forward slashes is refused, as the end of a sentence about it; None if it is fine.

    Quotes, commas, emoji, markup and right-to-left text are names like any other.
    """
    try:
        length = len(path.encode("utf-8"))
    except UnicodeEncodeError:
        return "is not valid Unicode"
    if any(unicodedata.category(c) == "Cc" for c in path):
        return "has a line break or another control character in its name"
    if "\\" in path:
        return "has a backslash in its name"
    if path.startswith("/"):
        return "is an absolute path"
    if re.match(r"[A-Za-z]:", path):
        return "begins with a drive letter"
    if length > MAX_PATH_BYTES:
        return f"has a path of more than {MAX_PATH_BYTES:,} bytes"
    parts = path.split("/")
    if len(parts) > MAX_PARTS:
        return f"lies more than {MAX_PARTS} folders deep"
    return next((why for part in parts if (why := _refused_part(part))), None)


def _refused_part(part: str) -> str | None:
    if not part:
        return "has an empty part in its path"
    if part in (".", ".."):
        return f"has the part {part!r} in its path"
    # The same files that a dataset folder passes over.
    if part.startswith((".", "__MACOSX")):
        return "is hidden or lies in a hidden folder"
    if len(part.encode("utf-8")) > MAX_PART_BYTES:
        return f"has a name of more than {MAX_PART_BYTES} bytes"
    return None
