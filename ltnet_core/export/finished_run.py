"""What leaves a finished run: truth as CSV or Parquet, matrices, a report. No torch here: pages import this."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import OptionError, RunError
from ..files.reading import read_json
from ..files.spreadsheet import csv_bytes, write_csv
from ..files.writing import replacing, require_folder, write_bytes
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
    return truth_table(
        items.names[:rows],
        items.coders,
        items.classes,
        items.labels.until(rows),
        open_results(run).posterior(rows),
        items.truth[:rows],
        items.network[:rows],
    )


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
    """Write ``.csv`` (UTF-8, six decimals, see :mod:`~ltnet_core.files.spreadsheet`) or ``.parquet`` (text as it is).

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
        write_csv(frame, out, DECIMALS)
        return
    with replacing(out) as partial:
        frame.to_parquet(partial, index=False)


def table_bytes(frame: pd.DataFrame, suffix: str) -> bytes:
    """A truth table as the content of a ``.csv`` or ``.parquet`` file."""
    if suffix == ".csv":
        return csv_bytes(frame, DECIMALS)
    out = io.BytesIO()
    frame.to_parquet(out, index=False)
    return out.getvalue()


def write_matrices(content: dict[str, Any], out: Path) -> None:
    """Write matrices as ``.json``, ``.csv`` or ``.svg``, see :func:`~ltnet_core.export.matrix_files.matrices_bytes`.

    Raises
    ------
    OptionError
        another suffix, or the folder does not exist.
    StorageError
        the file could not be written.
    """
    require_folder(out)
    write_bytes(out, matrices_bytes(content, out.suffix.lower()))


def load_matrices(run: Run) -> dict[str, Any]:
    """What ``T.json`` holds: ``{"classes", "coders": {NAME: K × K}, "support": {NAME: K}}``; rows are truth.

    ``support`` is the number of annotations that each row rests on. Coders taken at their word
    have none: nothing of theirs was learned.

    Raises
    ------
    RunError
        the run is not finished, or its matrices are damaged.
    """
    content = read_transitions(run)
    given = content.get("given", ())
    out: dict[str, Any] = {"classes": content["classes"]}
    for key in ("coders", "support"):
        if key in content:
            out[key] = {c: v for c, v in content[key].items() if c not in given}
    return out


def export_matrices(run: Run, out: Path) -> None:
    """Write the learned matrices of a run, see :func:`write_matrices`."""
    write_matrices(load_matrices(run), out)


def export_report(run: Run, out: Path) -> None:
    """Write one self-contained HTML page: what was trained, how right it is, the matrices.

    Raises
    ------
    OptionError
        the folder does not exist.
    RunError
        the run is not finished, or one of its files is damaged.
    StorageError
        the file could not be written.
    """
    require_folder(out)
    notes = [str(e.get("message", "")) for e in run.events() if e["event"] == "note"]
    path = run.result("evaluation.json")
    evaluation, matrices = read_json(path), load_matrices(run)
    try:
        page = report_html(run.spec(), evaluation, matrices, notes)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as e:
        raise RunError(f"{str(path)!r} or spec.json is damaged ({type(e).__name__}: {e}); train the run again.") from e
    write_bytes(out, page.encode("utf-8", "replace"))
