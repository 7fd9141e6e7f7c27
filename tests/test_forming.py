"""What a run tells while it trains: its device, its learning rate, and the matrices as they form."""

from __future__ import annotations

from pathlib import Path

import faults
import numpy as np
import pytest
import torch
from stripes import random_t, study

from ltnet_core.annotations import AnnotationTable
from ltnet_core.datasets.demo import write_demo
from ltnet_core.learning.device_use import DeviceUse
from ltnet_core.runs.forming import MOST_CLASSES, MOST_CODERS, NAME, read_forming, write_forming
from ltnet_core.runs.run import Run
from ui.progress import figures
from ui.small_matrices import small_matrices
from ui.wording import percent


def test_matrices_are_kept_of_the_coders_with_the_most_annotations_human_ones_first(tmp_path: Path) -> None:
    coders = [f"c{i}" for i in range(9)] + ["machine:c0"]
    counts = [5, 1, 5, 5, 5, 5, 5, 5, 5, 30]
    item = np.concatenate([np.arange(n) for n in counts]).astype(np.int32)
    coder = np.repeat(np.arange(10), counts).astype(np.int32)
    table = AnnotationTable(
        np.array([f"{i:02d}" for i in range(30)], dtype=object), tuple(coders), ("a", "b", "c"),
        item, coder, np.zeros(len(item), np.int32), np.ones(len(item), np.float32),
    )  # fmt: skip
    matrices = random_t(10, 3)
    write_forming(tmp_path, "ltnet", 3, 9, table, matrices)
    forming = read_forming(tmp_path)
    assert forming is not None
    assert list(forming["coders"]) == ["c0", *(f"c{i}" for i in range(2, 9))] and len(forming["coders"]) == MOST_CODERS
    assert (forming["stage"], forming["epoch"], forming["epochs"]) == ("ltnet", 3, 9)
    np.testing.assert_allclose(forming["coders"]["c4"], matrices[4], atol=1e-4)


def test_more_classes_than_a_small_picture_shows_are_not_kept(tmp_path: Path) -> None:
    _, _, table = study(4, random_t(1, 3))
    k = MOST_CLASSES + 1
    many = AnnotationTable(
        table.items, table.coders, tuple(f"k{i}" for i in range(k)), table.item, table.coder, table.label, table.count
    )
    write_forming(tmp_path, "ltnet", 1, 2, many, np.eye(k)[None])
    assert read_forming(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"stage": 1}', '{"classes": ["a"]}'])
def test_a_damaged_picture_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    assert read_forming(tmp_path) is None


def test_pictures_are_in_the_order_of_the_classes_and_names_are_text() -> None:
    body = small_matrices({"<b>x</b>": [[0.9, 0.1], [0.3, 0.7]]}, ["b", "a"], ["A", "B"], ["a", "b"])
    cells = [part.partition('"')[0] for part in body.split('<i style="')[1:]]
    assert cells == ["--v:70%", "--v:30%", "--v:10%", "--v:90%"]
    assert f"truth A, says B: {percent(0.3, 0)}" in body
    assert f"{percent(0.8, 0)} on the diagonal" in body
    assert "<b>x" not in body and "&lt;b&gt;x" in body


def test_a_cpu_s_use_is_measured() -> None:
    use = DeviceUse(torch.device("cpu"))
    assert use.memory is not None
    total = 0
    for number in range(400_000):
        total += number
    use_now = use.now()
    assert 10_000_000 < use_now["device_memory"] < use.memory
    assert 0 < use_now["device_utilisation"] <= 1


def test_pixels_that_lie_in_a_file_are_no_memory_that_a_run_takes(tmp_path: Path) -> None:
    size = 2**26
    with (tmp_path / "pixels").open("wb") as file:
        file.truncate(size)
    use = DeviceUse(torch.device("cpu"))
    before = use.now()["device_memory"]
    pixels = np.memmap(tmp_path / "pixels", dtype=np.uint8, mode="r")
    assert pixels.sum() == 0
    assert use.now()["device_memory"] - before < size / 2


def test_a_run_tells_its_rate_its_device_and_its_matrices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_demo(tmp_path / "faces", items=40, seed=1)
    monkeypatch.setattr("ltnet_core.learning.progress.HEARTBEAT", 0.0)
    calls: list[tuple[str, int]] = []

    emit = Run.emit

    def look(self: Run, event: str, **facts: object) -> None:
        emit(self, event, **facts)
        forming = read_forming(self.checkpoint)
        if forming is not None:
            calls.append((forming["stage"], forming["epoch"]))

    monkeypatch.setattr(Run, "emit", look)
    assert faults.call("fit", tmp_path / "faces", "--run", tmp_path / "run", *faults.FLAGS).status == 0
    assert list(dict.fromkeys(calls)) == [("ltnet", epoch) for epoch in range(1, calls[-1][1] + 1)]
    events = Run(tmp_path / "run").events()
    training = [e for e in events if e["event"] == "progress" and e["lr"] is not None]
    assert {e["stage"] for e in training} == {"warm-up", "mixture", "ltnet"}
    assert all(0 < e["lr"] <= 0.003 and e["device_memory"] > 0 for e in training)
    at = events.index(training[-1])
    line = figures(events[: at + 1])
    assert f"learning rate {training[-1]['lr']:.2g}" in line
    assert "busy" in line and "memory" in line and " of " in line
