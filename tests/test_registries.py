"""One file is enough for a new aggregation or network: the command line and Python know it by its being there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import write_csv

ROOT = Path(__file__).resolve().parent.parent

AGGREGATION = '''"""Of the labels of an item the rarest class is right."""

import numpy as np

from .estimate import Estimate

NAME = "rarest"


def estimate(table):
    rarity = (table.votes() > 0) / table.class_counts().sum(0)
    labels = np.where(table.annotated(), rarity.argmax(1), -1)
    p = np.eye(len(table.classes))[labels] * (labels >= 0)[:, None]
    return Estimate(p, labels, lambda: np.stack([np.eye(len(table.classes))] * len(table.coders)))
'''


NETWORK = '''"""One linear layer on the mean of an image's quarters."""

from torch import nn

LARGEST_SIZE = 16


class Quarters(nn.Module):
    def __init__(self, classes, channels):
        super().__init__()
        self.means = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.head = nn.Linear(4 * channels, classes)

    def forward(self, x):
        return self.head(self.means(x))


def build(classes, channels, image_size, last_relu):
    return Quarters(classes, channels)
'''


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the library with the new file in it."""
    workspace_path = tmp_path_factory.mktemp("library")
    shutil.copytree(ROOT / "ltnet_core", workspace_path / "ltnet_core", ignore=shutil.ignore_patterns("__pycache__"))
    (workspace_path / "ltnet_core" / "labels" / "aggregation" / "rarest.py").write_text(AGGREGATION)
    (workspace_path / "ltnet_core" / "learning" / "base_networks" / "quarters.py").write_text(NETWORK)
    return workspace_path


def python(library: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(library)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=library, env=environment, capture_output=True, text=True, timeout=300
    )


def test_an_aggregation(library: Path, tmp_path: Path) -> None:
    rows = [("a.png", "Ann", "x"), ("a.png", "Ben", "y"), ("a.png", "Cal", "y"), ("b.png", "Ben", "y")]
    write_csv(tmp_path / "labels.csv", ("image", "coder", "label"), rows)
    out = tmp_path / "truth.csv"
    done = python(
        library,
        "-m",
        "ltnet_core",
        "aggregate",
        str(tmp_path / "labels.csv"),
        "--method",
        "rarest",
        "--out",
        str(out),
    )
    assert done.returncode == 0, done.stderr
    truths = [line.split(",")[:2] for line in out.read_text(encoding="utf-8-sig").splitlines()]
    assert truths == [["image", "learned_truth"], ["a.png", "x"], ["b.png", "y"]]
    code = f"from ltnet_core import *; t = load_dataset({str(tmp_path / 'labels.csv')!r}).table; "
    shown = python(library, "-c", code + "print(aggregate(t, 'rarest').labels.tolist())")
    assert shown.stdout.strip() == "[0, 1]", shown.stderr


def test_a_network(library: Path, demo: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    flags = ("--network", "quarters", "--preset", "quick", "--epochs", "1", "--no-machine-coders", "--device", "cpu")
    done = python(library, "-m", "ltnet_core", "fit", str(demo), "--run", str(run), *flags)
    assert done.returncode == 0, done.stderr
    # From Python, and the trained one predicts.
    code = (
        "import sys; from ltnet_core import make_settings; from ltnet_core.__main__ import main; "
        "print(make_settings('quick', network='quarters').network.network); sys.exit(main(sys.argv[1:]))"
    )
    answer = python(library, "-c", code, "predict", str(run), str(next((demo / "images").iterdir())))
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("quarters\n")
