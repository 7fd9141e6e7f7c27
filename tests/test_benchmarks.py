"""The tables of methods can be made, in parts, on a study in miniature."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT


def test_a_table_is_made_in_parts_and_what_is_there_is_not_trained_again(demo: Path, tmp_path: Path) -> None:
    archive = tmp_path / "study.zip"
    with zipfile.ZipFile(archive, "w") as z:
        for name in ("annotations.csv", "truth.csv"):
            z.write(demo / name, name)
        for image in sorted((demo / "images").iterdir()):
            z.write(image, f"images/{image.name}")

    def table(*flags: str) -> list[str]:
        command = [
            sys.executable,
            str(ROOT / "benchmarks" / "paper_cifar.py"),
            str(archive),
            "--out",
            str(tmp_path / "o"),
        ]
        command += ["--images", "80", "--epochs", "1", "--preset", "quick", "--device", "cpu", *flags]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    first = table("--only", "majority")
    assert [line.split("|")[1].strip() for line in first[2:]] == ["majority vote → train"]
    assert (
        len(list((tmp_path / "o" / "study-80" / "images").iterdir())) == 80 + 24
    )  # the training images drawn, all test images
    made = (tmp_path / "o").glob("*/manifest.json")
    before = {path: path.stat().st_mtime_ns for path in made}
    both = table("--only", "majority", "upper")
    assert [line.split("|")[1].strip() for line in both[2:]] == ["majority vote → train", "upper bound (truth)"]
    assert both[2] == first[2]
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())
    assert table("--table") == both
    with pytest.raises(AssertionError, match="was trained with other flags"):
        table("--only", "majority", "--epochs", "2")
