"""One file is enough for a new aggregation, network, method, format or export: it is known by its being there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from conftest import ROOT, write_csv
from test_export_kinds import TOY as EXPORT
from test_formats import TOY as FORMAT
from test_formats import labels_in_names
from test_method import TOY as METHOD

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


FILES = {
    "labels/aggregation/rarest.py": AGGREGATION,
    "learning/base_networks/quarters.py": NETWORK,
    "learning/methods/first.py": METHOD,
    "datasets/formats/label_in_name.py": FORMAT,
    "export/kinds/count.py": EXPORT,
}
# All commands in one process: starting one takes seconds.
PROGRAM = """
import json, sys
from faults import call
from ltnet_core import aggregate, load_dataset
commands = json.loads(sys.argv[1])
done = [call(*command) for command in commands]
labels = aggregate(load_dataset(commands[0][1]).table, "rarest").labels.tolist()
print(json.dumps([labels, *([d.status, d.out, d.err] for d in done)]))
"""


def test_one_file_is_enough(demo: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "ltnet_core", tmp_path / "ltnet_core", ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in FILES.items():
        (tmp_path / "ltnet_core" / name).write_text(text)
    table, out, run, count = (tmp_path / name for name in ("labels.csv", "truth.csv", "run", "n.txt"))
    rows = [("a.png", "Ann", "x"), ("a.png", "Ben", "y"), ("a.png", "Cal", "y"), ("b.png", "Ben", "y")]
    write_csv(table, ("image", "coder", "label"), rows)
    quick = ("--preset", "quick", "--epochs", "1", "--device", "cpu", "--network", "quarters", "--method", "first")
    image = next((demo / "images").iterdir())
    commands = [
        ("aggregate", table, "--method", "rarest", "--out", out),
        ("inspect", labels_in_names(tmp_path / "data"), "--json"),
        ("fit", "--help"),
        ("fit", demo, "--run", run, *quick, "--no-machine-coders"),
        ("fit", demo, "--run", run, *quick),
        ("evaluate", run),
        ("predict", run, image),
        ("export", "--help"),
        ("export", run, "--format", "count", "--out", count),
    ]
    asked = json.dumps([[str(part) for part in command] for command in commands])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT / "tests")])}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, asked], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    labels, *answers = json.loads(done.stdout)
    status, text, errors = zip(*answers, strict=True)
    assert status == (0, 0, 0, 2, 0, 0, 0, 0, 0), errors
    assert labels == [0, 1]
    truths = [line.split(",")[:2] for line in out.read_text(encoding="utf-8-sig").splitlines()]
    assert truths == [["image", "learned_truth"], ["a.png", "x"], ["b.png", "y"]]
    content = json.loads(text[1])
    assert (content["format"], content["coders"]["names"]["counts"]) == ("label-in-name", {"happy": 2, "sad": 1})
    assert "first: One network on the first coder." in " ".join(text[2].split())
    assert "--no-machine-coders has no meaning for --method first" in errors[3]
    assert "first" in text[5]
    assert image.name in text[6]
    assert "count (.txt): How many images there are." in " ".join(text[7].split())
    assert text[8] == f"Wrote {count}.\n" and count.read_text().endswith(" images")
