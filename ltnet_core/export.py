"""What leaves a finished run: truth as CSV or Parquet, matrices, a report. No torch here: pages import this."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyarrow import ArrowException

from .errors import OptionError, RunError
from .matrix_files import matrices_bytes
from .reading import read_json
from .report import report_html
from .runs import Run
from .spreadsheet import csv_bytes, write_csv
from .writing import replacing, require_folder, write_bytes

DECIMALS = "%.6f"
REQUIRED = ("image", "learned_truth", "confidence")
ROUNDING = 1e-3


def load_truth(run: Run) -> pd.DataFrame:
    """The rows of ``truth.csv``: one per item to learn from.

    Raises
    ------
    RunError
        the run is not finished, or its truth.parquet is damaged.
    """
    path = run.result("truth.parquet")
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError, KeyError, ArrowException) as e:
        raise RunError(f"{str(path)!r} is damaged ({str(e).splitlines()[0]}); train the run again.") from e
    missing = [c for c in REQUIRED if c not in frame.columns]
    if missing:
        raise RunError(f"{str(path)!r} is damaged: it has no column {missing[0]!r}; train the run again.")
    if "_split" in frame:
        frame = frame[frame["_split"] == ""]
    return frame[[c for c in frame.columns if not c.startswith("_")]]


def load_transitions(run: Run) -> dict[str, pd.DataFrame]:
    """coder → DataFrame (K,K), truth × what the coder says.

    Raises
    ------
    RunError
        the run is not finished, or its transitions.json is damaged.
    """
    content = read_transitions(run)
    classes = content["classes"]
    return {
        coder: pd.DataFrame(matrix, index=pd.Index(classes, name="truth"), columns=pd.Index(classes, name=coder))
        for coder, matrix in content["coders"].items()
    }


def write_table(frame: pd.DataFrame, out: Path) -> None:
    """Write ``.csv`` (UTF-8, six decimals, see :mod:`~ltnet_core.spreadsheet`) or ``.parquet`` (text as it is).

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
    """Write matrices as ``.json``, ``.csv`` or ``.svg``, see :func:`~ltnet_core.matrix_files.matrices_bytes`.

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
        the run is not finished, or its transitions.json is damaged.
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


def read_transitions(run: Run) -> dict[str, Any]:
    """The content of transitions.json: K classes, and for each coder K rows of K shares and K counts.

    Raises
    ------
    RunError
        the run is not finished, or the file is damaged.
    """
    path = run.result("transitions.json")
    content = read_json(path)
    classes, coders, support = (content.get(k) for k in ("classes", "coders", "support"))
    named = isinstance(classes, list) and all(isinstance(c, str) for c in classes)
    given = isinstance(content.get("given", []), list)
    if not named or not given or not isinstance(coders, dict) or not isinstance(support, dict | None):
        raise RunError(f"{str(path)!r} is damaged: expected classes and one matrix per coder; train the run again.")
    k = len(content["classes"])
    for coder, matrix in coders.items():
        shares = _numbers(matrix, (k, k))
        counts = np.zeros(k) if support is None else _numbers(support.get(coder), (k,))
        if shares is None or not np.allclose(shares.sum(1), 1, atol=ROUNDING) or counts is None:
            raise RunError(
                f"{str(path)!r} is damaged: expected {k} rows of {k} shares that sum to 1, and {k} counts, for coder "
                f"{coder!r}; train the run again."
            )
    return content


def _numbers(values: object, shape: tuple[int, ...]) -> np.ndarray | None:
    """Numbers of this shape, finite and not negative, or None."""
    try:
        out = np.asarray(values)
    except ValueError:  # rows of several lengths
        return None
    if out.shape != shape or out.dtype.kind not in "iuf":
        return None
    return out if np.isfinite(out).all() and (out >= 0).all() else None
