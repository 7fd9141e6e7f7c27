"""Networks trained side by side on one device against one after the other: seconds, images a second, and equal bytes.

``python benchmarks/side_by_side.py [--device cuda] [--rows resnet20:32:128:3 …] [--items 40000] [--epochs 2]``

A row is NETWORK:SIZE:BATCH:HOW MANY. Each network has labels of its own on the same made-up images; a twentieth of them
is held out, and at the end each predicts all of them, as a machine coder does. A GPU trains in bfloat16. The last way,
by choice, is what a run does: it times a few steps in both ways first and prints what it chose.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ltnet_core.annotations import AnnotationTable
from ltnet_core.learning.devices import trains_in_bfloat16
from ltnet_core.learning.ltnet import Classifier
from ltnet_core.learning.networks import build_network
from ltnet_core.learning.schedule import Schedule
from ltnet_core.learning.side_by_side import SideBySide
from ltnet_core.learning.training import FitArguments, fit_in_turns
from ltnet_core.learning.training_data import ResidentPixels, TrainingData, on_device
from ltnet_core.learning.turns import Turns
from ltnet_core.learning.views import predict
from ltnet_core.learning.watch import Watch

CLASSES = 10
HELD_OUT = 20  # one of so many images
WAYS: dict[str, bool | None] = {"in order": False, "side by side": True, "by choice": None}
ROWS = ("resnet20:32:128:2", "resnet20:32:128:3", "resnet20:32:1024:3")

Weights = dict[str, torch.Tensor]


class Row:
    """Networks of one kind, and what they learn from."""

    def __init__(self, row: str, device: torch.device, items: int, epochs: int):
        name, size, batch, count = row.split(":")
        self.name, self.size, self.batch, self.count = name, int(size), int(batch), int(count)
        self.device, self.items, self.epochs = device, items, epochs
        self.rng = np.random.default_rng(0)
        pixels = self.rng.integers(0, 256, (items, 3, self.size, self.size), dtype=np.uint8)
        self.pixels = on_device(pixels, device)
        self.tables = [self.table() for _ in range(self.count)]

    def table(self) -> AnnotationTable:
        names = np.array([f"{i:07d}" for i in range(self.items)], dtype=object)
        classes = tuple(f"class {k}" for k in range(CLASSES))
        item, none = np.arange(self.items, dtype=np.int32), np.zeros(self.items, np.int32)
        label = self.rng.integers(0, CLASSES, self.items).astype(np.int32)
        return AnnotationTable(names, ("coder",), classes, item, none, label, np.ones(self.items, np.float32))

    def turns(self, number: int, driver: SideBySide[Weights]) -> Turns[Weights]:
        """One network, from its first weights to its predictions."""
        base = build_network(self.name, classes=CLASSES, channels=3, image_size=self.size, seed=number)
        model = Classifier(base).to(self.device)
        model.base.to(memory_format=torch.channels_last)
        model.low_precision = trains_in_bfloat16("auto", self.device)
        plain = np.full(3, 128.0), np.full(3, 64.0)
        data = TrainingData(self.pixels, self.tables[number], np.ones(1), *plain, self.device, cutout=0.25)
        every, held = np.arange(self.items), self.items // HELD_OUT
        watch = Watch(note=print, others=lambda: driver.others)
        schedule = Schedule(self.epochs, self.batch, lr=0.05, optimizer="sgd")
        yield from fit_in_turns(model, data, FitArguments(every[held:], every[:held], schedule, number), watch)
        predict(model, data, every)
        return {name: value.cpu() for name, value in model.state_dict().items()}

    def measured(self, together: bool | None) -> tuple[float, dict[str, Weights]]:
        """Seconds, and the weights of each network."""
        driver: SideBySide[Weights] = SideBySide(self.device, note=lambda note: print(f"  {note}"), together=together)
        began = time.perf_counter()
        weights = driver.run({str(n): self.turns(n, driver) for n in range(self.count)})
        return time.perf_counter() - began, weights


def equal(one: dict[str, Weights], other: dict[str, Weights]) -> bool:
    """Whether the networks have the same bytes."""
    return all(torch.equal(value, other[n][name]) for n, weights in one.items() for name, value in weights.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--rows", nargs="+", default=ROWS, help="NETWORK:SIZE:BATCH:HOW MANY")
    parser.add_argument("--items", type=int, default=40_000)
    parser.add_argument("--epochs", type=int, default=2)
    wanted = parser.parse_args()
    device = torch.device(wanted.device, 0) if wanted.device == "cuda" else torch.device(wanted.device)
    for row in wanted.rows:
        networks = Row(row, device, wanted.items, wanted.epochs)
        if not isinstance(networks.pixels, ResidentPixels) and device.type == "cuda":
            print("  the images are not in the GPU's memory")
        if row == wanted.rows[0]:
            Row(row, device, wanted.items // 20, 1).measured(False)  # loads what libraries load at first
        first: dict[str, Weights] | None = None
        for way, together in WAYS.items():
            seconds, weights = networks.measured(together)
            trained = networks.count * wanted.epochs * (wanted.items - wanted.items // HELD_OUT)
            first = weights if first is None else first
            print(
                f"{row}, {way}: {seconds:.2f} s, {trained / seconds:,.0f} images/s in all, "
                f"bytes {'equal' if equal(first, weights) else 'DIFFER'}",
                flush=True,
            )


if __name__ == "__main__":
    main()
