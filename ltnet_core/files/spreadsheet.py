"""CSV that a spreadsheet reads as text: cells that it would run as formulas get an apostrophe in front.

Excel, LibreOffice Calc and Google Sheets run a cell that begins with ``=``, ``+``, ``-`` or ``@``, and names of
classes, coders and images come from files that anybody may have written. The rule is OWASP's for CSV injection
(https://owasp.org/www-community/attacks/CSV_Injection), made reversible: ``unguard(guard(x)) == x`` for every text.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import pandas as pd

from .writing import write_text

CHUNK_ROWS = 50_000
APOSTROPHE = "'"
# Quotes, spaces, control and invisible characters before a formula: programs that read CSV strip some of them.
_LEADING = (
    r" \"'`\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xa0\xad\u061c\u115f\u1160\u1680\u180e\u2000-\u200f\u2028-\u202f"
    r"\u205f-\u206f\u3000\u3164\ufeff\ufff9-\uffff"
)
# The ASCII signs and the characters that Unicode calls their compatible forms.
_SIGNS = r"=+\-@\u2212\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20"
# A spreadsheet that separates by semicolons or tabs starts a cell inside ours, and does not heed our quotes there.
# What comes between such a start and its sign holds no other start, so that the time is linear in the text's length.
_FORMULAS = rf"\A%s(?=[{_LEADING}]*[{_SIGNS}\t\r\n])|(?<=[;\t\r\n])%s(?=[{_LEADING}]*[{_SIGNS}])"
_GUARD = re.compile(_FORMULAS % ("", ""))
_UNGUARD = re.compile(_FORMULAS % (APOSTROPHE, APOSTROPHE))
_NUMBER = re.compile(r"'*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def guard(text: str) -> str:
    """The text as a cell of a CSV file: an apostrophe before what a spreadsheet would run.

    A plain number, such as ``-0.5``, stays as it is. So does text that nothing would run, also where it begins with an
    apostrophe; where a formula follows the apostrophe, one more is put in front, so that :func:`unguard` takes off one.
    """
    return text if _NUMBER.fullmatch(text) else _GUARD.sub(APOSTROPHE, text)


def unguard(cell: str) -> str:
    """The text of which :func:`guard` made this cell.

    An apostrophe is taken off only where a formula follows it: ``'tis`` in a file from elsewhere stays ``'tis``.
    """
    if APOSTROPHE not in cell or _NUMBER.fullmatch(cell):  # the first alone decides nearly always, and soonest
        return cell
    return _UNGUARD.sub("", cell)


def guarded(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with its text cells and its columns' names as :func:`guard` makes them; numbers stay numbers."""
    return _mapped(frame, guard)


def unguarded(frame: pd.DataFrame) -> pd.DataFrame:
    """A table read from a CSV file that :func:`csv_bytes` or :func:`write_csv` made, as it was before."""
    return _mapped(frame, unguard)


def csv_bytes(frame: pd.DataFrame, float_format: str | None = None) -> bytes:
    """The content of a CSV file in UTF-8, guarded, without the frame's index."""
    return "".join(_written(_cut(frame), float_format)).encode("utf-8", "replace")


def write_csv(frame: pd.DataFrame, out: str | os.PathLike[str], float_format: str | None = None) -> None:
    """Write what :func:`csv_bytes` returns, a part of the rows at a time.

    Raises
    ------
    StorageError
        the file could not be written.
    """
    write_csv_parts(_cut(frame), out, float_format)


def write_csv_parts(tables: Iterable[pd.DataFrame], out: str | os.PathLike[str], float_format: str | None) -> None:
    """Write tables of the same columns one below the other, each when it is there: a large file needs little memory.

    Raises
    ------
    StorageError
        the file could not be written.
    """
    write_text(out, _written(tables, float_format))


def _cut(frame: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for start in range(0, max(len(frame), 1), CHUNK_ROWS):
        yield frame.iloc[start : start + CHUNK_ROWS]


def _written(tables: Iterable[pd.DataFrame], float_format: str | None) -> Iterator[str]:
    for number, table in enumerate(tables):
        rows = guarded(table)
        part = _text(rows, number == 0, float_format, csv.QUOTE_MINIMAL)
        # Python quotes a carriage return only where it ends the lines; bare in a cell it would start another row.
        yield _text(rows, number == 0, float_format, csv.QUOTE_ALL) if "\r" in part else part


def _text(rows: pd.DataFrame, header: bool, float_format: str | None, quoting: Literal[0, 1]) -> str:
    out = io.StringIO()
    rows.to_csv(out, index=False, header=header, lineterminator="\n", float_format=float_format, quoting=quoting)
    return out.getvalue()


def _mapped(frame: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    out = frame.copy(deep=False)
    for position, kind in enumerate(out.dtypes):
        if not (pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_datetime64_any_dtype(kind)):
            out.isetitem(position, _mapped_column(out.iloc[:, position], change).array)
    out.columns = pd.Index([change(c) if isinstance(c, str) else c for c in out.columns])
    return out


def _mapped_column(column: pd.Series, change: Callable[[str], str]) -> pd.Series:
    changed = {c: new for c in column.unique() if isinstance(c, str) and (new := change(c)) != c}
    return column.astype(object).map(lambda c: changed.get(c, c) if isinstance(c, str) else c) if changed else column
