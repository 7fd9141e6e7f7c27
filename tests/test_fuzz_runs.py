"""The fuzz script for runs: every damage damages, and a crash is told from a refusal."""

from __future__ import annotations

import json
import random
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest
from conftest import ROOT
from fake_run import write_fake_run


@pytest.fixture
def fuzz(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    import fuzz_runs

    return fuzz_runs


@pytest.fixture
def run(demo: Path, tmp_path: Path) -> Path:
    return write_fake_run(tmp_path / "run", demo)


def test_every_damage_changes_the_run(fuzz: ModuleType, run: Path, tmp_path: Path) -> None:
    whole = shutil.copytree(run, tmp_path / "whole")
    for damage in fuzz.DAMAGES:
        for name in ("results/names.json", "events.jsonl", "results/items.parquet"):
            shutil.rmtree(run)
            shutil.copytree(whole, run)
            changed = 0
            for seed in range(20):
                if (run / name).is_file() and not (run / name).is_symlink():
                    try:
                        damage(run / name, random.Random(seed))
                    except ValueError:  # no JSON any more
                        continue
                    changed += not (run / name).is_file() or (run / name).read_bytes() != (whole / name).read_bytes()
            assert changed, (damage.__name__, name)


def test_a_run_that_works_a_refusal_and_a_crash(
    fuzz: ModuleType, run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    report = ["export", str(run), "--report", str(tmp_path / "r.html")]
    assert fuzz.call(report) == ("works", "")
    content = json.loads((run / "results" / "names.json").read_text())
    (run / "results" / "names.json").write_text("{")
    assert fuzz.call(report) == ("refuses", "")
    (run / "results" / "names.json").write_text(json.dumps(content))
    monkeypatch.setattr("ltnet_core.export.finished_run.report_html", lambda *a: 1 / 0)
    result, kind = fuzz.call(report)
    assert result == "crashes" and kind.startswith("ZeroDivisionError in finished_run.py, export_report")


def test_the_table_has_a_row_for_each_command_and_each_kind_of_crash(fuzz: ModuleType) -> None:
    tally = fuzz.Tally()
    tally.results.update({("status", "works"): 3, ("status", "crashes"): 1, ("predict", "refuses"): 2})
    tally.crashes["status: KeyError"] = 1, "round 4, cut spec.json"
    lines = "\n".join(fuzz.table(tally)).splitlines()
    assert "| `status` | 3 | 0 | 1 |" in lines and "| `predict` | 0 | 2 | 0 |" in lines
    assert lines[-1] == "| status: KeyError | 1 | round 4, cut spec.json |"
