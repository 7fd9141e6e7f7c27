"""A run from before manifests had digests answers as it did then: ``golden/run-without-digests.zip`` holds both."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import faults
import pytest

from ltnet_core.runs.run import Run
from ltnet_core.runs.stored_results import load_items


def expected(golden: Path, name: str) -> object:
    return json.loads((golden.parent / "expected" / name).read_text())


def test_it_answers_as_it_did(golden: Path, tmp_path: Path) -> None:
    status = json.loads(faults.call("status", golden, "--json").out)
    assert status.pop("damaged") is None
    assert status == expected(golden, "status.json")
    assert json.loads(faults.call("evaluate", golden, "--json").out) == expected(golden, "evaluate.json")
    assert faults.call("export", golden, "--out", tmp_path / "t.csv", "--matrices", tmp_path / "T.json").status == 0
    assert (tmp_path / "t.csv").read_bytes() == (golden.parent / "expected" / "truth.csv").read_bytes()
    assert json.loads((tmp_path / "T.json").read_text()) == expected(golden, "T.json")
    content = json.loads(faults.call("predict", golden, golden.parent / "expected" / "face.jpg", "--json").out)[0]
    then = expected(golden, "predict.json")[0]  # type: ignore[index]
    assert content["truth"] == then["truth"]
    near = 5e-4  # a JPEG file many times larger than the network's images is decoded at a part of its size since
    assert content["p"] == pytest.approx(then["p"], abs=near)
    assert content["coders"]["Alpha"] == pytest.approx(then["coders"]["Alpha"], abs=near)
    assert len(load_items(Run(golden))) == 40


def test_damage_that_no_digest_tells_is_still_an_error(golden: Path, tmp_path: Path) -> None:
    """A table is read to its end once: a page of it that cannot be decoded is damage, not a traceback."""
    run = tmp_path / "run"
    shutil.copytree(golden, run)
    path = run / "results" / "truth.parquet"
    content = bytearray(path.read_bytes())
    content[200:900] = bytes(700)
    path.write_bytes(content)
    done = faults.call("export", run, "--out", tmp_path / "t.csv")
    assert done.status == 2
    assert "truth.parquet' is damaged" in done.err
