"""The report of a run: one HTML page that loads nothing, runs nothing and shows every name as text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from ..annotations import in_words
from .html_pages import html_page

MOST_CELLS = 50_000  # of matrices; a page of more is slow to open
MOST_ROWS = 2_000  # of methods, over all test sets
MOST_NOTES = 200
SCORES = ("accuracy", "macro_f1", "ece")


def report_html(
    spec: Mapping[str, Any],
    evaluation: Mapping[str, Any],
    matrices: Mapping[str, Any],
    notes: Sequence[str],
    title: str = "",
) -> str:
    """The page.

    A large study is shown in part, and the page says what it leaves out: the matrices of the coders with the most
    annotations are shown up to ``MOST_CELLS`` cells, the scores up to ``MOST_ROWS`` rows.

    Parameters
    ----------
    spec, evaluation : content of a run's spec.json and evaluation.json.
    matrices : ``{"classes", "coders": {NAME: K × K}, "support": {NAME: K}}``, finite numbers.
    notes : what the run remarked about the data.
    title : of the page; by default the dataset's name when the run began.

    Raises
    ------
    AttributeError, KeyError, TypeError, ValueError, OverflowError
        ``spec`` or ``evaluation`` has another shape than a run's.
    """
    classes, coders = matrices["classes"], matrices["coders"]
    shown = _most_annotated(coders, matrices.get("support"), MOST_CELLS // max(len(classes), 1) ** 2)
    tests, rows_left_out = _tests(evaluation["tests"])
    left_out = []
    if rows_left_out:
        left_out.append(f"{rows_left_out:,} more rows of scores are left out; evaluate prints them.")
    if len(shown) < len(coders):
        left_out.append(
            f"The matrices of {len(shown):,} of {len(coders):,} coders are shown, those with the most annotations; "
            "export --matrices writes all."
        )
    if len(notes) > MOST_NOTES:
        left_out.append(f"{len(notes) - MOST_NOTES:,} more notes are left out.")
    network = spec["settings"]["network"]  # a name in the first version of spec.json, a group of options now
    return html_page(
        "report.html",
        title=title or spec["dataset_name"],
        preset=spec["preset"],
        seed=spec["seed"],
        network=network if isinstance(network, str) else network["network"],
        notes=notes[:MOST_NOTES],
        tests=tests,
        truth=_truth(evaluation["truth"]),
        classes=classes,
        matrices=[(in_words(coder), _rows(classes, coders[coder], matrices.get("support"), coder)) for coder in shown],
        left_out=left_out,
    )


def _tests(tests: Mapping[str, Any]) -> tuple[list[dict[str, Any]], int]:
    """The test sets with their scores as text, and how many rows are left out."""
    out: list[dict[str, Any]] = []
    room, left_out = MOST_ROWS, 0
    for name, test in tests.items():
        size = f"{test['items']:,}"
        rows = [(m, [_percent(s[k]) for k in SCORES]) for m, s in islice(test["methods"].items(), room)]
        left_out += len(test["methods"]) - len(rows)
        room -= len(rows)
        if rows:
            out.append({"name": name, "size": size, "methods": rows})
    return out, left_out


def _truth(truth: Mapping[str, Any]) -> dict[str, str] | None:
    if not truth["items"]:
        return None
    return {
        "size": f"{truth['items']:,}",
        "accuracy": _percent(truth["accuracy"]),
        "human_labels": _percent(truth["human_labels_accuracy"]),
    }


def _most_annotated(coders: Mapping[str, Any], support: Mapping[str, Any] | None, most: int) -> list[str]:
    """The coders in their order; where there are more than ``most``, those with the most annotations."""
    if len(coders) <= most or support is None:
        return list(coders)[:most]
    busiest = set(sorted(coders, key=lambda c: -sum(support[c]))[:most])
    return [c for c in coders if c in busiest]


def _rows(
    classes: Sequence[str], matrix: Sequence[Sequence[float]], support: Mapping[str, Any] | None, coder: str
) -> list[tuple[str, list[str], str]]:
    counts = [""] * len(classes) if support is None else [f"{n:,.0f}" for n in support[coder]]
    return [(c, [f"{v:.2f}" for v in row], n) for c, row, n in zip(classes, matrix, counts, strict=True)]


def _percent(value: float | None) -> str:
    if value is None:
        return ""
    if not math.isfinite(value):
        raise ValueError(f"{value} is no score")
    return f"{value:.1%}"
