"""Exports that need no PyTorch: truth as CSV or Parquet, matrices, a report. Pages import this module."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ..annotations import FloatArray
from ..errors import OptionError, RunError
from ..files import parquet_files
from ..files.reading import read_json
from ..files.spreadsheet import write_csv_parts
from ..files.writing import require_folder, write_bytes
from ..labels.truth import truth_table
from ..runs.learned_items import LearnedItems
from ..runs.run import Run
from ..runs.stored_results import load_items, open_results, read_transitions
from .matrix_files import matrices_bytes
from .report import report_html

DECIMALS = "%.6f"


def load_truth(run: Run) -> pd.DataFrame:
    """The rows of ``truth.csv``: one per item to learn from.

    Raises
    ------
    RunError
        the run is not finished, or its results are damaged.
    """
    items = load_items(run)
    return truth_rows(run, items, items.learned_from())


def truth_rows(run: Run, items: LearnedItems, rows: int) -> pd.DataFrame:
    """The first rows of the items of a run, as ``truth.csv`` has them.

    Raises
    ------
    RunError
        the run's results are damaged.
    """
    return _rows(items, 0, open_results(run).posterior(rows))


def truth_parts(run: Run, items: LearnedItems, rows: int) -> Iterator[pd.DataFrame]:
    """All rows of ``truth.csv``, a part at a time; at least one part.

    Raises
    ------
    RunError
        the run's results are damaged.
    """
    start = 0
    for posterior in open_results(run).posterior_parts(rows):
        yield _rows(items, start, posterior)
        start += len(posterior)
    if not start:
        yield _rows(items, 0, np.zeros((0, len(items.classes))))


def _rows(items: LearnedItems, start: int, posterior: FloatArray) -> pd.DataFrame:
    """The rows ``start`` to ``start`` + n − 1 of the truth table; ``posterior`` (n,K) is theirs."""
    some = slice(start, start + len(posterior))
    labels = items.labels.between(some.start, some.stop)
    return truth_table(
        items.names[some], items.coders, items.classes, labels, posterior, items.truth[some], items.network[some]
    )


def write_truth(run: Run, out: Path, left_out: Collection[str] = ()) -> int:
    """Write the learned truth of a finished run, see :func:`write_tables`; returns how many rows it has.

    The table has no rows of images ``left_out``.

    Raises
    ------
    OptionError, RunError, StorageError
    """
    items = load_items(run)
    rows = items.learned_from()
    hidden = items.rows(list(left_out))
    parts = truth_parts(run, items, rows)
    write_tables((part[~part["image"].isin(left_out)] for part in parts) if len(hidden) else parts, out)
    return rows - int(((hidden >= 0) & (hidden < rows)).sum())


def load_transitions(run: Run) -> dict[str, pd.DataFrame]:
    """coder → DataFrame (K,K), truth × what the coder says.

    Raises
    ------
    RunError
        the run is not finished, or its matrices are damaged.
    """
    content = read_transitions(run)
    classes = content["classes"]
    return {
        coder: pd.DataFrame(matrix, index=pd.Index(classes, name="truth"), columns=pd.Index(classes, name=coder))
        for coder, matrix in content["coders"].items()
    }


def write_table(frame: pd.DataFrame, out: Path) -> None:
    """Write one table, see :func:`write_tables`."""
    write_tables([frame], out)


def write_tables(tables: Iterable[pd.DataFrame], out: Path) -> None:
    """Write parts of one table one below the other, as they come.

    The file is ``.csv`` (UTF-8, six decimals, see :mod:`~ltnet_core.files.spreadsheet`) or ``.parquet`` (text as it
    is).

    Raises
    ------
    OptionError
        another suffix, or the folder does not exist.
    StorageError
        the file could not be written.
    """
    suffix = out.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise OptionError(f"cannot write {out.name!r}: the name must end in .csv or .parquet.")
    require_folder(out)
    if suffix == ".csv":
        write_csv_parts(tables, out, DECIMALS)
    else:
        parquet_files.write_tables((pa.Table.from_pandas(table, preserve_index=False) for table in tables), out)


def write_matrices(content: dict[str, Any], out: Path) -> None:
    """Write matrices as ``.json``, ``.csv`` or ``.svg``, see :func:`~ltnet_core.export.matrix_files.matrices_bytes`.

    Raises
    ------
    OptionError
        another suffix.
    StorageError
        the file could not be written.
    """
    write_bytes(out, matrices_bytes(content, out.suffix.lower()))


def load_matrices(run: Run) -> dict[str, Any]:
    """What ``T.json`` holds: ``{"classes", "coders": {NAME: K × K}, "support": {NAME: K}}``; rows are truth.

    ``support`` is the number of annotations that each row rests on. A coder whose labels are
    the truth has none: its matrix was not learned.

    Raises
    ------
    RunError
        the run is not finished, or its matrices are damaged.
    """
    content = read_transitions(run)
    certain = content.get("given", ())
    out: dict[str, Any] = {"classes": content["classes"]}
    for key in ("coders", "support"):
        if key in content:
            out[key] = {c: v for c, v in content[key].items() if c not in certain}
    return out


def export_report(run: Run, out: Path, title: str = "") -> None:
    """Write one self-contained HTML page: what was trained, how right it is, the matrices.

    ``title`` is by default the dataset's name when the run began.

    Raises
    ------
    RunError
        the run is not finished, or one of its files is damaged.
    StorageError
        the file could not be written.
    """
    notes = [str(e.get("message", "")) for e in run.events() if e["event"] == "note"]
    path = run.result("evaluation.json")
    evaluation, matrices = read_json(path), load_matrices(run)
    try:
        page = report_html(run.spec(), evaluation, matrices, notes, title)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as e:
        raise RunError(f"{str(path)!r} or spec.json is damaged ({type(e).__name__}: {e}); train the run again.") from e
    write_bytes(out, page.encode("utf-8", "replace"))
