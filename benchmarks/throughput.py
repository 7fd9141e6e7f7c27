"""Images a second that training takes, against a bare loop over tensors that lie ready on the device.

``python benchmarks/throughput.py [--device cpu|cuda] [--rows resnet20:32:128 …] [--precision float32 …] [--rounds 5]``

The bare loop is forward, backward and optimiser step on normalised images, and nothing else; on a GPU it is also timed
as a captured CUDA graph. Plain: the library's step for a network that takes labels as they are; LTNet: with three
coders' matrices, their prior and optimiser; augmented: LTNet whose images are mirrored, shifted and cut out. Every
round times each of them in turn, so that the ratios compare neighbours in time; medians of the rounds are printed.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ltnet_core.annotations import AnnotationTable
from ltnet_core.ltnet import Classifier, LTNet
from ltnet_core.networks import build_network
from ltnet_core.schedule import Schedule, optimizers_of, rates_at
from ltnet_core.steps import Steps, same_bytes
from ltnet_core.training import train
from ltnet_core.training_data import TrainingData, on_device
from ltnet_core.transition import SoftmaxTransitions, near_identity
from ltnet_core.watch import Watch

CODERS, CLASSES = 3, 10
ROWS = {
    "cpu": ("resnet20:32:128", "cnn:48:32:1"),
    "cuda": ("resnet20:32:128", "resnet20:32:1024", "resnet18:64:128", "resnet18:64:512", "cnn:48:32:1"),
}
WAYS = ("bare", "bare graph", "plain", "LTNet", "augmented")
CHOICES = ("deterministic", "benchmark", "both", "LTNet eager")
BATCHES = 16  # that lie ready; the loops go round them

Run = Callable[[], None]


class Setting:
    """One row: network, image size, batch size, channels, precision."""

    def __init__(self, row: str, precision: str, device: torch.device, steps: int):
        name, size, batch, *channels = row.split(":")
        self.name, self.size, self.batch, self.precision = name, int(size), int(batch), precision
        self.channels = int(channels[0]) if channels else 3
        self.device, self.steps = device, steps
        rng = np.random.default_rng(0)
        self.items = BATCHES * self.batch
        shape = (self.items, self.channels, self.size, self.size)
        self.pixels = rng.integers(0, 256, shape, dtype=np.uint8)
        item, coder = np.divmod(np.arange(self.items * CODERS), CODERS)
        self.table = AnnotationTable(
            np.array([f"{i:07d}" for i in range(self.items)], dtype=object),
            tuple(f"coder {c}" for c in range(CODERS)),
            tuple(f"class {k}" for k in range(CLASSES)),
            item.astype(np.int32),
            coder.astype(np.int32),
            rng.integers(0, CLASSES, len(item)).astype(np.int32),
            np.ones(len(item), np.float32),
        )
        kind: Any = "adamw" if name == "cnn" else "sgd"
        self.schedule = Schedule(1, self.batch, lr=1e-3, optimizer=kind, transition_lr=1e-3)

    def base(self) -> torch.nn.Module:
        network = build_network(self.name, classes=CLASSES, channels=self.channels, image_size=self.size, seed=0).to(
            self.device
        )
        return network.to(memory_format=torch.channels_last)

    # ---- what is timed

    def bare(self, captured: bool = False, deterministic: bool = False, benchmark: bool = False) -> Run:
        """Forward, backward, optimiser step; the last two are how cuDNN chooses what a graph captures."""
        network = self.base().train()
        on_gpu = self.device.type == "cuda"
        if self.schedule.optimizer == "adamw":
            optimizer: Any = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=on_gpu or None, capturable=captured)
        else:
            optimizer = torch.optim.SGD(
                network.parameters(), lr=1e-3, momentum=0.9, nesterov=True, fused=on_gpu or None
            )
        images = (torch.from_numpy(self.pixels).to(self.device).float() - 128) / 64
        ready = [x.contiguous(memory_format=torch.channels_last) for x in images.split(self.batch)]
        labels = torch.from_numpy(self.table.label[::CODERS].astype(np.int64)).to(self.device).split(self.batch)

        def step(x: torch.Tensor, y: torch.Tensor) -> None:
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
                logits = network(x)
            torch.autograd.backward(torch.nn.functional.cross_entropy(logits.float(), y))
            optimizer.step()

        def plainly() -> None:
            for i in range(self.steps):
                step(ready[i % BATCHES], labels[i % BATCHES])

        if not captured:
            return plainly
        x, y = ready[0].clone(), labels[0].clone()
        stream, graph, choice = torch.cuda.Stream(), torch.cuda.CUDAGraph(), torch.backends.cudnn
        choice.deterministic, choice.benchmark = deterministic, benchmark
        with torch.cuda.stream(stream):
            for _ in range(3):
                step(x, y)
        torch.cuda.synchronize()
        optimizer.zero_grad(set_to_none=True)
        with torch.cuda.graph(graph, stream=stream):
            step(x, y)
        choice.deterministic = choice.benchmark = False

        def replayed() -> None:
            for i in range(self.steps):
                x.copy_(ready[i % BATCHES])
                y.copy_(labels[i % BATCHES])
                graph.replay()

        return replayed

    def ours(self, ltnet: bool, augment: bool, graphs: bool = True) -> Run:
        """The library's own step, as an epoch takes it."""
        base, start = self.base(), near_identity(CODERS, CLASSES, 0.8)
        model = (
            LTNet(base, SoftmaxTransitions(start), prior=1e-4 * start).to(self.device) if ltnet else Classifier(base)
        )
        model.low_precision = self.precision == "bfloat16"
        statistics_of = np.full(self.channels, 128.0), np.full(self.channels, 64.0)
        weights = np.ones(CODERS)
        pixels = on_device(self.pixels, self.device)
        data = TrainingData(pixels, self.table, weights, *statistics_of, self.device, augment, 0.25 if augment else 0.0)
        optimizers = optimizers_of(model, self.schedule, data.static)
        generator = torch.Generator(self.device).manual_seed(0)

        def note(message: str) -> None:
            print(f"note: {message}", flush=True)

        steps = Steps(model, data, optimizers, self.batch, generator, steps=10**6, graphs=graphs, note=note)
        order = np.resize(np.random.default_rng(0).permutation(self.items), self.steps * self.batch)
        rates = [rates_at(optimizers, self.schedule, i / self.steps) for i in range(self.steps)]

        def epoch() -> None:
            with same_bytes(self.device):
                train(steps, order, rates, 0, Watch())

        return epoch

    def ways(self, choices: bool) -> dict[str, Run]:
        """What is timed, by name; the first is what the others are compared with."""
        on_gpu = self.device.type == "cuda"
        captured = (
            {
                "bare graph": self.bare(captured=True),
                **(
                    {
                        "deterministic": self.bare(captured=True, deterministic=True),
                        "benchmark": self.bare(captured=True, benchmark=True),
                        "both": self.bare(captured=True, deterministic=True, benchmark=True),
                        "LTNet eager": self.ours(True, False, graphs=False),
                    }
                    if choices
                    else {}
                ),
            }
            if on_gpu
            else {}
        )
        return {
            "bare": self.bare(),
            **captured,
            "plain": self.ours(False, False),
            "LTNet": self.ours(True, False),
            "augmented": self.ours(True, True),
        }


def seconds(run: Run, device: torch.device) -> float:
    """How long a run takes."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    began = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began


def measure(setting: Setting, rounds: int, choices: bool) -> dict[str, list[float]]:
    """Images a second of every way, one number a round; a first round warms up and is left out."""
    ways, images = setting.ways(choices), setting.steps * setting.batch
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, run in ways.items():
            rate = images / seconds(run, setting.device)
            if number:
                found[name].append(rate)
    return found


def row_of(setting: Setting, found: dict[str, list[float]], columns: tuple[str, ...]) -> str:
    """A line of the table: images a second, and the ratio to the bare loop of the same round."""
    cells = []
    for name in columns:
        if name not in found:
            cells.append("–")
            continue
        ratio = statistics.median(a / b for a, b in zip(found[name], found["bare"], strict=True))
        rate = f"{statistics.median(found[name]):,.0f}"
        cells.append(rate if name == "bare" else f"{rate} ({ratio:.2f})")
    name = f"{setting.name}, {setting.size} px, {setting.channels} channels"
    return f"| {name} | {setting.batch} | {setting.precision} | {' | '.join(cells)} |"


def steps_for(row: str, precision: str, device: torch.device, wanted: float) -> int:
    """How many steps of the bare loop take about so many seconds."""
    setting = Setting(row, precision, device, 4)
    run = setting.bare()
    seconds(run, device)
    return max(round(wanted * 4 / seconds(run, device)), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--rows", nargs="+", default=None, help="NETWORK:SIZE:BATCH[:CHANNELS]")
    parser.add_argument("--precision", nargs="+", default=None, choices=("float32", "bfloat16"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--seconds", type=float, default=None, help="of each bare loop; default: 1 on a CPU, .3 on a GPU"
    )
    parser.add_argument(
        "--choices",
        action="store_true",
        help="on a GPU also: the bare graph by how cuDNN chooses, and LTNet without graph",
    )
    wanted = parser.parse_args()
    device = torch.device(wanted.device)
    rows = wanted.rows or ROWS[device.type]
    precisions = wanted.precision or (("float32", "bfloat16") if device.type == "cuda" else ("float32",))
    length = wanted.seconds or (0.3 if device.type == "cuda" else 1.0)
    chip = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    print(f"PyTorch {torch.__version__}, {chip}, medians of {wanted.rounds}", flush=True)
    columns = WAYS + (CHOICES if wanted.choices else ())
    print(f"| network | batch | precision | {' | '.join(columns)} |")
    print("|---" * (3 + len(columns)) + "|", flush=True)
    for row in rows:
        for precision in precisions:
            steps = steps_for(row, precision, device, length)
            setting = Setting(row, precision, device, steps)
            print(row_of(setting, measure(setting, wanted.rounds, wanted.choices), columns), flush=True)
            del setting
            gc.collect()
            if device.type == "cuda":
                torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
