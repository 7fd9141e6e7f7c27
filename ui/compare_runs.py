"""Runs of one dataset side by side: how right each network is, where they differ, and what people call them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from ltnet_core.errors import LTNetError
from ltnet_core.explore import figures
from ltnet_core.explore.figures import CalibrationCurve, ClassFigures
from ltnet_core.files.reading import damaged, read_json
from ltnet_core.labels.intervals import wilson
from ltnet_core.method import METHODS
from ltnet_core.runs.run import Run
from ltnet_core.runs.stored_results import open_results
from ltnet_core.settings import Settings
from ui import opened, reads, run_notes
from ui.compare import ROOM, interval
from ui.markup import esc
from ui.wording import percent

MOST = 8  # runs that are compared at a time
MOST_CLASSES = 60
DIGITS = re.compile("([0-9]+)")


@dataclass(frozen=True)
class OnTest:
    """A method of a run on one test set; ``curve`` is None where its probabilities were not kept."""

    figures: ClassFigures
    macro_f1_interval: tuple[float, float] | None
    curve: CalibrationCurve | None


def own_method(run: Run) -> str:
    """The name in an evaluation of the network that a run is for."""
    return METHODS.named(Settings.of_spec(reads.spec(run)).method).stage


def methods_on_test(run: Run, test: str) -> dict[str, OnTest]:
    """Every method of a run on a test set; of a run that kept no more, its own network alone.

    Raises
    ------
    LTNetError
        its results are damaged.
    """
    path = run.result("evaluation.json")
    kept = _methods_on_test(str(path), opened.version_of(path), test, tuple(reads.spec(run)["classes"]))
    own = own_method(run)
    return kept if own in kept else {**kept, own: on_test(run, test)}


@st.cache_data(max_entries=64, show_spinner=False)
def _methods_on_test(path: str, version: str, test: str, classes: tuple[str, ...]) -> dict[str, OnTest]:
    methods = (read_json(Path(path))["tests"].get(test) or {}).get("methods") or {}
    out = {}
    for method, scores in methods.items():
        if scores.get("confusion") and scores.get("calibration"):
            try:
                counted = ClassFigures.of_cells(classes, scores["confusion"])
            except IndexError as e:
                raise damaged(Path(path), "a cell of a confusion matrix is of no class") from e
            out[method] = OnTest(counted, counted.macro_f1_interval(), CalibrationCurve.of_rows(scores["calibration"]))
    return out


def on_test(run: Run, test: str) -> OnTest:
    """How right the run's own network is on a test set, given the image alone, counted from its items.

    Raises
    ------
    LTNetError
        its results are damaged.
    """
    return _on_test(str(run.folder), opened.version_of_items(run), test)


@st.cache_data(max_entries=32, show_spinner="Reading the results …")
def _on_test(folder: str, version: str, test: str) -> OnTest:
    run = Run(folder)
    items = opened.selections(run).items
    rows = figures.rows_of_test(items, test)
    figures_of_test = ClassFigures.of(items, rows)
    parts = open_results(run).image_p(items)
    curve = None
    if parts is not None and len(rows):
        confidence = np.concatenate([part.max(1) for part in parts])[rows]
        curve = CalibrationCurve.of(confidence, items.network[rows] == items.known[rows])
    return OnTest(figures_of_test, figures_of_test.macro_f1_interval(), curve)


def comparable(runs: Sequence[Run]) -> list[Run]:
    """Those of the runs that are finished and can be read."""
    out = []
    for run in runs:
        try:
            if run.is_complete():
                opened.version_of_items(run)
                out.append(run)
        except LTNetError:  # the Train page says what is damaged
            continue
    return out


def with_same_test(run: Run, others: Sequence[Run]) -> list[Run]:
    """Those of the finished runs that were measured on a test set of this run: the same name, images and truth."""
    own = _test_sets(str(run.folder), opened.version_of_items(run))
    return [r for r in others if own & _test_sets(str(r.folder), opened.version_of_items(r))]


@st.cache_data(max_entries=256, show_spinner="Reading the results …")
def _test_sets(folder: str, version: str) -> set[str]:
    """A digest for each test set of a run."""
    items, out = opened.selections(Run(folder)).items, set()
    for test in filter(None, items.splits):
        rows = figures.rows_of_test(items, test)
        known = [items.classes[k] for k in items.known[rows]]
        content = json.dumps([test, sorted(zip(items.names.take(rows).to_pylist(), known, strict=True))])
        out.add(hashlib.sha256(content.encode(errors="surrogatepass")).hexdigest())
    return out


ORDERS = {"": "newest runs first", "name": "runs by name", "accuracy": "most accurate runs first"}


def in_order(runs: Sequence[Run], order: str) -> list[Run]:
    """Runs, newest first, in another of ``ORDERS``; accuracy is of the first test set."""
    if order == "name":
        return sorted(runs, key=lambda r: [*map(_number_or_text, DIGITS.split(run_notes.title(r).casefold()))])
    if order == "accuracy":
        return sorted(runs, key=lambda r: -next((s.get("accuracy") or 0.0 for s in _own_scores(r).values()), 0.0))
    return list(runs)


def _number_or_text(part: str) -> tuple[int, int, str]:
    return (0, int(part), "") if part.isdecimal() else (1, 0, part)


def _own_scores(run: Run) -> dict[str, dict[str, Any]]:
    """Test set → what the evaluation says of the run's own network there; nothing of a damaged run."""
    try:
        tests, own = reads.result(run, "evaluation.json").get("tests") or {}, own_method(run)
        return {name: test["methods"].get(own) or {} for name, test in tests.items()}
    except LTNetError:
        return {}


def table(runs: Sequence[Run], shown: Collection[str], elsewhere: Mapping[str, str] | None = None) -> str:
    """One row per run: name, tags, note, date, and accuracy and macro F1 on every test set; those ``shown`` in bold.

    ``shown`` holds names of folders; ``elsewhere`` maps those of runs of other datasets to the datasets' names.
    """
    scores = [_own_scores(run) for run in runs]
    tests = list(dict.fromkeys(name for of_run in scores for name in of_run))
    heads = "".join(
        f'<th class="n">accuracy{_on(t, tests)}{ROOM}</th><th class="n">macro F1{_on(t, tests)}{ROOM}</th>'
        for t in tests
    )
    rows = []
    for run, of_run in zip(runs, scores, strict=True):
        note = run_notes.load(run)
        cells = "".join(_cells(of_run.get(test) or {}, run, test, run.folder.name in shown) for test in tests)
        name = f"{esc(note.name)} {esc(run.folder.name)}" if note.name else esc(run.folder.name)
        if dataset := (elsewhere or {}).get(run.folder.name):
            name += f' <span class="range">of {esc(dataset)}</span>'
        tags = "".join(f'<span class="lt-tag">{esc(t)}</span>' for t in note.tags)
        remark = f'<div class="range">{esc(note.note)}</div>' if note.note else ""
        date = datetime.fromtimestamp(run.created()).strftime("%d %b %Y, %H:%M")
        best = ' class="best"' if run.folder.name in shown and len(shown) < len(runs) else ""
        rows.append(f"<tr{best}><td>{name} {tags}{remark}</td><td>{date}</td>{cells}</tr>")
    head = f"<tr><th>run</th><th>started</th>{heads}</tr>"
    return f'<div class="lt-scroll"><table class="lt-table">{head}{"".join(rows)}</table></div>'


def _on(test: str, tests: Collection[str]) -> str:
    return "" if len(tests) == 1 else f" on {esc(test)}"


def _cells(scores: Mapping[str, Any], run: Run, test: str, shown: bool) -> str:
    """Accuracy with its interval, and macro F1; its interval is worked out for the runs that are looked at."""
    accuracy, items = scores.get("accuracy"), int(scores.get("items") or 0)
    ends = wilson(accuracy, items) if accuracy is not None and items else None
    macro = methods_on_test(run, test)[own_method(run)].macro_f1_interval if shown else None
    pairs = ((accuracy, ends), (scores.get("macro_f1"), macro))
    return "".join(f'<td class="n">{percent(value)}{_range(e)}</td>' for value, e in pairs)


def _range(ends: tuple[float, float] | None) -> str:
    return ROOM if ends is None else f" {interval(ends)}"


def differing_settings(specs: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """What was asked for differently: name for people → its value in each run, as text.

    Raises
    ------
    OptionError
        a spec has no settings.
    """
    settings = [Settings.of_spec(spec) for spec in specs]
    rows: dict[str, list[Any]] = {
        "preset": [s.preset for s in settings],
        "method": [s.method for s in settings],
        "seed": [spec.get("seed") for spec in specs],
        "device": [spec.get("device") for spec in specs],
        "settled images learned from": [spec.get("adjudications") or 0 for spec in specs],
        "images set aside": [spec.get("left_out") or 0 for spec in specs],
        "dataset's content": [spec.get("fingerprint") for spec in specs],
    }
    for name, option in Settings.options().items():
        rows[option.label or name.replace("_", " ")] = [s.value(name) for s in settings]
    texts = {name: [_text(v) for v in values] for name, values in rows.items()}
    return {name: values for name, values in texts.items() if len(set(values)) > 1}


def _text(value: Any) -> str:
    if value is None or value == ():
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)


def plain_table(head: Sequence[str], rows: Mapping[str, Sequence[str]]) -> str:
    """A row per name with a cell per run."""
    top = "".join(f"<th>{esc(h)}</th>" for h in head)
    body = "".join(
        f"<tr><td>{esc(name)}</td>{''.join(f'<td>{esc(cell)}</td>' for cell in cells)}</tr>"
        for name, cells in rows.items()
    )
    return f'<div class="lt-scroll"><table class="lt-table"><tr>{top}</tr>{body}</table></div>'


def classes_of(results: Sequence[OnTest]) -> list[str]:
    """The classes of any of the results."""
    return list(dict.fromkeys(c for r in results for c in r.figures.classes))


def per_class(names: Sequence[str], results: Sequence[OnTest]) -> str:
    """One row per class: how many images, and for each result recall with its interval, precision and F1."""
    classes = classes_of(results)
    span = "".join(f'<th class="over" colspan="3">{esc(name)}</th>' for name in names)
    head = "".join(f'<th class="n">recall{ROOM}</th><th class="n">precision</th><th class="n">F1</th>' for _ in names)
    rows = []
    for name in classes[:MOST_CLASSES]:
        cells, count = [], 0
        for result in results:
            class_figures = result.figures
            if name not in class_figures.classes:
                cells.append('<td class="n">–</td>' * 3)
                continue
            k = class_figures.classes.index(name)
            count = max(count, int(class_figures.counts[k].sum()))
            cells.append(_class_cells(class_figures, k))
        rows.append(f'<tr><td>{esc(name)}</td><td class="n">{count:,}</td>{"".join(cells)}</tr>')
    return (
        f'<div class="lt-scroll"><table class="lt-table"><tr><th>class</th><th class="n">images</th>{span}</tr>'
        f"<tr><td></td><td></td>{head}</tr>{''.join(rows)}</table></div>"
    )


def _class_cells(class_figures: ClassFigures, k: int) -> str:
    items = int(class_figures.counts[k].sum())
    recall = class_figures.recall[k]
    ends = wilson(float(recall), items) if items else None
    texts = [f"{_percent(recall)}{_range(ends)}", _percent(class_figures.precision[k]), _percent(class_figures.f1[k])]
    return "".join(f'<td class="n">{text}</td>' for text in texts)


def _percent(value: float) -> str:
    return percent(None if np.isnan(value) else float(value), 0)
