"""What a refit changed: learned truths, matrices, accuracy; against the run it was started from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ltnet_core.explore.changed_truth import changed_truth
from ltnet_core.runs.learned_items import LearnedItems
from ltnet_core.runs.run import Run
from ui import reads
from ui.markup import esc
from ui.wording import coder_name, percent


@dataclass(frozen=True)
class CellChange:
    """How a coder's matrix moved: mean absolute change, and the cell that moved most, before and after."""

    coder: str
    mean: float
    truth: str
    label: str
    before: float
    after: float


def run_before(run: Run) -> Run | None:
    """The finished run that this one was started from, if it is still there."""
    like = reads.spec(run).get("like")
    before = Run(Path(str(like))) if like and "\0" not in like else None
    return before if before is not None and before.exists() and before.is_complete() else None


def changed_truths(before: LearnedItems, after: LearnedItems) -> tuple[int, int]:
    """How many images learned from have another learned truth, and how many there are in both."""
    changed, there = changed_truth(before, after)
    return int(changed.sum()), int(there.sum())


def changed_cells(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[CellChange]:
    """For every coder of both runs how its matrix moved, the most moved first; from what ``read_transitions`` gives."""
    classes = list(after["classes"])
    if list(before["classes"]) != classes:
        return []
    out = []
    for coder, cells in after["coders"].items():
        if coder not in before["coders"] or coder in after.get("given", ()):
            continue
        old, new = np.asarray(before["coders"][coder]), np.asarray(cells)
        k, label = np.unravel_index(int(np.abs(new - old).argmax()), new.shape)
        mean = float(np.abs(new - old).mean())
        out.append(CellChange(coder, mean, classes[k], classes[label], float(old[k, label]), float(new[k, label])))
    return sorted(out, key=lambda c: -c.mean)


def facts(before: Run, after: Run) -> list[tuple[str, str]]:
    """Headline numbers: value and label, as they are shown."""
    changed, both = changed_truths(reads.selections(before).items, reads.selections(after).items)
    out = [("images whose learned truth changed", f"{changed:,} of {both:,}")]
    settled = int(reads.spec(after).get("adjudications") or 0)
    if settled:
        out.insert(0, ("settled by people", f"{settled:,}"))
    tests = [reads.result(r, "evaluation.json").get("tests") or {} for r in (before, after)]
    for name in tests[1]:
        pair = [(t.get(name) or {}).get("methods", {}).get("ltnet", {}).get("accuracy") for t in tests]
        if None not in pair:
            label = "LTNet on the test images" if len(tests[1]) == 1 else f"LTNet on test set {name}"
            out.append((label, f"{percent(pair[0])} → {percent(pair[1])}"))
    return out


def table(changes: list[CellChange]) -> str:
    """A row per coder."""
    rows = "".join(
        f'<tr><td>{esc(coder_name(c.coder))}</td><td class="n">{c.mean:.3f}</td>'
        f"<td>{esc(c.label)} for {esc(c.truth)}</td>"
        f'<td class="n">{percent(c.before)} → {percent(c.after)}</td></tr>'
        for c in changes
    )
    moved = '<th class="n">cells moved by</th><th>most of all</th><th class="n">before → after</th>'
    head = f"<tr><th>matrix of</th>{moved}</tr>"
    return f'<div class="lt-scroll"><table class="lt-table">{head}{rows}</table></div>'
