"""The names of a table's columns: they must be there, differ, and stand in one row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ...errors import DatasetError
from ..names.class_numbers import number
from ..sources.files import is_image_name

UNNAMED = "unnamed: "
"""What a column without a name is called, with its place: as pandas calls it."""
MOST_REPEATS = 3
AGAIN = "this row holds the names of the columns again; remove it."


def require_header(titles: Sequence[str], name: str, row: int) -> None:
    """Raise where the first row holds names of images: it is data, and the columns have no names."""
    images = {t for t in titles if is_image_name(t) and "=" not in t}
    if len(images) > 2 and 2 * len(images) > len(titles):
        raise DatasetError(turn(sorted(images)[0]), file=name, row=row)
    if images:
        shown = ", ".join(map(repr, titles[:6]))
        text = (
            f"there is no header: the first row holds data ({shown}). Write the names of the columns above it, such as "
            "image,coder,label."
        )
        raise DatasetError(text, file=name, row=row)


def turn(image: str) -> str:
    """What to do with a table that has a column for each image."""
    return (
        f"there is a column for each image, such as {image!r}, and a row for each annotator; turn the table (in a "
        "spreadsheet: copy, paste transposed), so that each image has a row."
    )


def repeated_row(frame: pd.DataFrame, titles: Mapping[str, str]) -> int | None:
    """The position of a row that holds the names of these columns again, each of which is there hardly ever."""
    rows = [frame.index[(frame[c] == t).to_numpy()] for c, t in titles.items()]
    if len(rows) < 2 or any(len(r) > MOST_REPEATS for r in rows):
        return None
    common = sorted(set.intersection(*(set(map(int, r)) for r in rows)))
    return common[0] if common else None


def require_different(names: Sequence[str], name: str) -> None:
    """Raise where two columns have the same name."""
    for title in names:
        if names.count(title) > 1:
            raise DatasetError(f"column {title!r} occurs {names.count(title)} times; rename one.", file=name, row=1)


def with_names(titles: Sequence[str], columns: Sequence[pd.Categorical[Any]]) -> tuple[list[str], list[Any]]:
    """The columns without those that have neither a name nor cells; where several have none, each is called by place.

    Spreadsheets write such columns at the end of every row.
    """
    kept = [(i, t, c) for i, (t, c) in enumerate(zip(titles, columns, strict=True)) if t or c.categories.any()]
    bare = sum(not t for _, t, _ in kept) > 1
    return [f"{UNNAMED}{i}" if bare and not t else t for i, t, _ in kept], [c for *_, c in kept]


def require_one_row(frame: pd.DataFrame, name: str, row: int) -> None:
    """Raise where the names stand in two rows, as below merged cells: ``image,Ann,,Ben,`` over ``,label,sure,…``.

    The first row then has no image, and words below columns without a name. ``row`` is the header's.
    """
    if not len(frame) or frame.shape[1] < 3 or frame.columns[0] in ("", f"{UNNAMED}0") or frame.iloc[0, 0] != "":
        return
    bare = [i for i, c in enumerate(frame.columns) if c == "" or c.startswith(UNNAMED)]
    words = [str(frame.iloc[0, i]) for i in bare if frame.iloc[0, i] and number(str(frame.iloc[0, i])) is None]
    if words:
        text = (
            f"the names of the columns stand in two rows, as below merged cells ({words[0]!r} is below no name). Write "
            "one row of names, such as image,Ann_label,Ann_sure."
        )
        raise DatasetError(text, file=name, row=row)
