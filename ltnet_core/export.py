"""What leaves a finished run: truth as CSV or Parquet, matrices, a report. No torch here: pages import this."""

from __future__ import annotations

import html
import io
import os
from pathlib import Path
from typing import Any

import pandas as pd

from .errors import OptionError
from .matrix_files import matrices_bytes
from .runs import Run, read_json


def load_truth(run: Run) -> pd.DataFrame:
    """The rows of ``truth.csv``: one per item to learn from."""
    frame = pd.read_parquet(run.result("truth.parquet"))
    if "_split" in frame:
        frame = frame[frame["_split"] == ""]
    return frame[[c for c in frame.columns if not c.startswith("_")]]


def load_transitions(run: Run) -> dict[str, pd.DataFrame]:
    """coder → DataFrame (K,K), truth × what the coder says."""
    content = read_json(run.result("transitions.json"))
    classes = content["classes"]
    return {
        coder: pd.DataFrame(matrix, index=pd.Index(classes, name="truth"), columns=pd.Index(classes, name=coder))
        for coder, matrix in content["coders"].items()
    }


def write_table(frame: pd.DataFrame, out: Path) -> None:
    """Write ``.csv`` (UTF-8, six decimals) or ``.parquet``, under a temporary name first.

    Raises
    ------
    OptionError
        another suffix, or the folder does not exist.
    """
    suffix = out.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise OptionError(f"cannot write {out.name!r}: the name must end in .csv or .parquet.")
    partial = partial_path(out)
    partial.write_bytes(table_bytes(frame, suffix))
    os.replace(partial, out)


def table_bytes(frame: pd.DataFrame, suffix: str) -> bytes:
    """A truth table as the content of a ``.csv`` or ``.parquet`` file."""
    if suffix == ".csv":
        return frame.to_csv(index=False, float_format="%.6f", lineterminator="\n").encode()
    out = io.BytesIO()
    frame.to_parquet(out, index=False)
    return out.getvalue()


def write_matrices(content: dict[str, Any], out: Path) -> None:
    """Write matrices as ``.json``, ``.csv`` or ``.svg``, see :func:`~ltnet_core.matrix_files.matrices_bytes`.

    Raises
    ------
    OptionError
        another suffix, or the folder does not exist.
    """
    data = matrices_bytes(content, out.suffix.lower())
    partial = partial_path(out)
    partial.write_bytes(data)
    os.replace(partial, out)


def load_matrices(run: Run) -> dict[str, Any]:
    """What ``T.json`` holds: ``{"classes", "coders": {NAME: K × K}, "support": {NAME: K}}``; rows are truth.

    ``support`` is the number of annotations that each row rests on. Coders taken at their word
    have none: nothing of theirs was learned.
    """
    content = read_json(run.result("transitions.json"))
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
    """Write one self-contained HTML page: what was trained, how right it is, the matrices."""
    spec, evaluation = run.spec(), read_json(run.result("evaluation.json"))
    content = read_json(run.result("transitions.json"))
    notes = [str(e["message"]) for e in run.events() if e["event"] == "note"]
    parts = [
        f"<h1>{_text(spec['dataset_name'])}</h1>",
        f"<p>preset {_text(spec['preset'])}, seed {spec['seed']}, network {_text(spec['settings']['network'])}</p>",
        *(f"<p class=note>{_text(n)}</p>" for n in notes),
    ]
    for name, test in evaluation["tests"].items():
        rows = "".join(
            f"<tr><th>{_text(m)}</th>" + "".join(f"<td>{_number(s[k])}</td>" for k in ("accuracy", "macro_f1", "ece"))
            for m, s in test["methods"].items()
        )
        parts.append(
            f"<h2>Test set {_text(name)}, {test['items']:,} items</h2>"
            f"<table><tr><th>method<th>accuracy<th>macro F1<th>calibration error</tr>{rows}</table>"
        )
    truth = evaluation["truth"]
    if truth["items"]:
        parts.append(
            f"<p>On {truth['items']:,} labelled items with known truth the learned truth is right for "
            f"{_number(truth['accuracy'])}, the human labels for {_number(truth['human_labels_accuracy'])}.</p>"
        )
    for coder, matrix in load_matrices(run)["coders"].items():
        head = "".join(f"<th>{_text(c)}" for c in content["classes"])
        rows = "".join(
            f"<tr><th>{_text(c)}</th>"
            + "".join(f'<td style="background:rgba(60,90,200,{v:.2f})">{v:.2f}</td>' for v in row)
            + f"<td>{n:,.0f}</td></tr>"
            for c, row, n in zip(content["classes"], matrix, content["support"][coder], strict=True)
        )
        parts.append(f"<h2>{_text(coder)}</h2><table><tr><th>truth \\ says{head}<th>rests on</tr>{rows}</table>")
    page = (
        "<!doctype html><html lang=en><meta charset=utf-8><title>LTNet Studio report</title><style>"
        "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
        "td,th{padding:.2rem .6rem;text-align:right}th:first-child{text-align:left}.note{color:#a50}</style>"
        f"{''.join(parts)}</html>\n"
    )
    partial = partial_path(out)
    partial.write_text(page, encoding="utf-8")
    os.replace(partial, out)


def partial_path(out: Path) -> Path:
    """Temporary name beside ``out``, which must lie in an existing folder.

    Raises
    ------
    OptionError
    """
    if not out.parent.is_dir():
        raise OptionError(f"cannot write {str(out)!r}: the folder does not exist.")
    if out.is_dir():
        raise OptionError(f"cannot write {str(out)!r}: it is a folder.")
    return out.with_name(out.name + ".partial")


def _text(value: object) -> str:
    return html.escape(str(value))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"
