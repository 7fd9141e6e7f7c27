"""The tables of methods can be made, in parts, on a study in miniature."""

from __future__ import annotations

import re
import runpy
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT

Benchmark = Callable[..., list[str]]


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Benchmark:
    """Runs a script of ``benchmarks/`` in this process; returns the lines that it prints."""

    def run(name: str, *arguments: object) -> list[str]:
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
        runpy.run_path(str(ROOT / "benchmarks" / name), run_name="__main__")
        return capsys.readouterr().out.splitlines()

    return run


def test_a_table_is_made_in_parts_and_what_is_there_is_not_trained_again(
    demo: Path, tmp_path: Path, benchmark: Benchmark
) -> None:
    archive = tmp_path / "study.zip"
    with zipfile.ZipFile(archive, "w") as z:
        for name in ("annotations.csv", "truth.csv"):
            z.write(demo / name, name)
        for image in sorted((demo / "images").iterdir()):
            z.write(image, f"images/{image.name}")

    def table(*flags: str) -> list[str]:
        few = ("--images", 80, "--epochs", 1, "--preset", "quick", "--device", "cpu")
        return benchmark("paper_cifar.py", archive, "--out", tmp_path / "o", *few, *flags)

    first = table("--only", "majority")
    assert [line.split("|")[1].strip() for line in first[2:]] == ["majority vote → train"]
    images = list((tmp_path / "o" / "study-80" / "images").iterdir())
    assert len(images) == 80 + 24  # the training images drawn, all test images
    made = (tmp_path / "o").glob("*/manifest.json")
    before = {path: path.stat().st_mtime_ns for path in made}
    both = table("--only", "majority", "upper")
    assert [line.split("|")[1].strip() for line in both[2:]] == ["majority vote → train", "upper bound (truth)"]
    assert both[2] == first[2]
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())
    assert table("--table") == both
    with pytest.raises(SystemExit, match="was trained with other flags"):
        table("--only", "majority", "--epochs", "2")


def test_throughput_compares_with_the_bare_loop_and_a_line_that_fails_stops_no_other(
    benchmark: Benchmark, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ("--rounds", 1, "--seconds", 0.02, "--processes", 2)
    with pytest.raises(SystemExit) as end:
        benchmark("throughput.py", "--device", "cpu", "--rows", "none:12:8:1", "cnn:12:8:1", *few)
    assert end.value.code == 1
    head, _, failed, row = (line.split("|") for line in capsys.readouterr().out.splitlines()[1:])
    assert failed[1].strip() == "none:12:8:1"
    assert "failed: OptionError: unknown network 'none'" in failed[4]
    cells = dict(zip(map(str.strip, head), map(str.strip, row), strict=True))
    assert cells["network"] == "cnn, 12 px, 1 channels"
    rates = [float(cells[way].split(" ")[0].replace(",", "")) for way in ("bare", "plain", "LTNet", "augmented")]
    ratio, low, high = map(float, re.findall(r"\d+\.\d\d", cells["LTNet"].split("(")[1]))
    assert low <= ratio <= high
    assert (
        low - 0.02 <= rates[2] / rates[0] <= high + 0.02
    )  # of two processes: between their ratios; numbers are rounded


def test_networks_side_by_side_have_the_bytes_of_those_in_order(benchmark: Benchmark) -> None:
    flags = ("--device", "cpu", "--rows", "cnn:12:8:2", "--items", 40, "--epochs", 1)
    lines = benchmark("side_by_side.py", *flags)
    assert [line.split(", ")[1].partition(":")[0] for line in lines] == ["in order", "side by side", "by choice"]
    assert all(line.endswith("bytes equal") for line in lines)


def test_a_packed_study_comes_out_as_it_went_in(demo: Path, tmp_path: Path, benchmark: Benchmark) -> None:
    archive, packed, out = tmp_path / "study.zip", tmp_path / "study.tar.gz", tmp_path / "out"
    with zipfile.ZipFile(archive, "w") as z:
        for path in sorted(p for p in demo.rglob("*") if p.is_file()):
            z.write(path, path.relative_to(demo))
    benchmark("pack.py", archive, packed)
    out.mkdir()
    shutil.unpack_archive(packed, out, filter="data")
    content = {p.relative_to(demo): p.read_bytes() for p in demo.rglob("*") if p.is_file()}
    assert {p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()} == content
