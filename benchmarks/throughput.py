"""Images a second that training takes, against a bare loop over tensors that lie ready on the device.

``python benchmarks/throughput.py [--device cpu|cuda] [--rows resnet20:32:128 …] [--precision float32 …] [--rounds 5]
[--processes 1]``

The bare loop is forward, backward and optimiser step on normalised images, and nothing else; on a GPU it is also timed
as a captured CUDA graph. Plain: the library's step for a network that takes labels as they are; LTNet: with three
coders' matrices, their prior and optimiser; augmented: LTNet whose images are mirrored, shifted and cut out. Every
round times each of them in turn, so that the ratios compare neighbours in time; medians of the rounds are printed.
One process differs from the next: of several ``--processes``, each measuring the whole line anew, the medians of their
medians are printed, and the lowest and highest ratio.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

os.environ.setdefault("GOMP_SPINCOUNT", "2000")  # as the library's commands set it, before PyTorch is imported

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ltnet_core.annotations import AnnotationTable
from ltnet_core.learning.devices import keep_freed_memory
from ltnet_core.learning.ltnet import Classifier, LTNet
from ltnet_core.learning.networks import build_network
from ltnet_core.learning.schedule import Schedule, optimizers_of, rates_at
from ltnet_core.learning.steps import Steps, same_bytes
from ltnet_core.learning.training_data import TrainingData, on_device
from ltnet_core.learning.training_pass import train
from ltnet_core.learning.transition import SoftmaxTransitions, near_identity

CODERS, CLASSES = 3, 10
ROWS = {
    "cpu": ("resnet20:32:128", "cnn:48:32:1"),
    "cuda": ("resnet20:32:128", "resnet20:32:1024", "resnet18:64:128", "resnet18:64:512", "cnn:48:32:1"),
}
WAYS = ("bare", "bare graph", "plain", "LTNet", "augmented")
CHOICES = ("deterministic", "benchmark", "both", "LTNet eager")
BATCHES = 16  # that lie ready; the loops go round them
WARM_UP = 3  # steps before a capture

Run = Callable[[], None]
Medians = dict[str, tuple[float, float]]  # of one process: images a second, and the ratio to the bare loop


def parts_of(row: str) -> tuple[str, int, int, int]:
    """Network, image size, batch size and channels of NETWORK:SIZE:BATCH[:CHANNELS]."""
    name, size, batch, *channels = row.split(":")
    return name, int(size), int(batch), int(channels[0]) if channels else 3


class Setting:
    """One row: network, image size, batch size, channels, precision."""

    def __init__(self, row: str, precision: str, device: torch.device, steps: int):
        self.name, self.size, self.batch, self.channels = parts_of(row)
        self.precision = precision
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
        kind: Any = "adamw" if self.name == "cnn" else "sgd"
        self.schedule = Schedule(1, self.batch, lr=1e-3, optimizer=kind, transition_lr=1e-3)

    def base(self) -> torch.nn.Module:
        network = build_network(self.name, classes=CLASSES, channels=self.channels, image_size=self.size, seed=0).to(
            self.device
        )
        return network.to(memory_format=torch.channels_last)

    # ---- what is timed

    def bare(self, captured: bool = False, deterministic: bool = False, benchmark: bool = False) -> Run:
        """Forward, backward, optimiser step; the last two are how cuDNN chooses what a graph captures."""
        loop = BareLoop(self, captured)
        if captured:
            with cudnn_chooses(deterministic, benchmark):
                loop.capture()
        return loop.run

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
                for _ in train(steps, order, rates, 0):
                    pass

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


class BareLoop:
    """Forward, backward and optimiser step over images that lie ready.

    A graph replays on the addresses it was captured with: the network, its gradients and the optimiser's tensors live
    here as long as it does.
    """

    def __init__(self, setting: Setting, captured: bool):
        self.setting, device, on_gpu = setting, setting.device, setting.device.type == "cuda"
        self.network = setting.base().train()
        parameters = self.network.parameters()
        self.optimizer: torch.optim.Optimizer = (
            torch.optim.AdamW(parameters, lr=1e-3, fused=on_gpu or None, capturable=captured)
            if setting.schedule.optimizer == "adamw"
            else torch.optim.SGD(parameters, lr=1e-3, momentum=0.9, nesterov=True, fused=on_gpu or None)
        )
        images = (torch.from_numpy(setting.pixels).to(device).float() - 128) / 64
        self.images = [x.contiguous(memory_format=torch.channels_last) for x in images.split(setting.batch)]
        labels = setting.table.label[::CODERS].astype(np.int64)
        self.labels = torch.from_numpy(labels).to(device).split(setting.batch)
        self.graph: torch.cuda.CUDAGraph | None = None

    def capture(self) -> None:
        """From now on a step is replayed."""
        device = self.setting.device
        self.x, self.y = self.images[0].clone(), self.labels[0].clone()
        stream, graph = torch.cuda.Stream(device), torch.cuda.CUDAGraph()
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                self.step(self.x, self.y)
        torch.cuda.current_stream(device).wait_stream(stream)
        self.optimizer.zero_grad(set_to_none=True)
        torch.cuda.synchronize(device)
        with torch.cuda.graph(graph, stream=stream):
            self.step(self.x, self.y)
        torch.cuda.synchronize(device)
        self.graph = graph

    def step(self, x: torch.Tensor, y: torch.Tensor) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        low = self.setting.precision == "bfloat16"
        with torch.autocast(self.setting.device.type, torch.bfloat16, enabled=low):
            logits = self.network(x)
        torch.autograd.backward(torch.nn.functional.cross_entropy(logits.float(), y))
        self.optimizer.step()

    def run(self) -> None:
        for i in range(self.setting.steps):
            x, y = self.images[i % BATCHES], self.labels[i % BATCHES]
            if self.graph is None:
                self.step(x, y)
            else:
                self.x.copy_(x)
                self.y.copy_(y)
                self.graph.replay()


@contextlib.contextmanager
def cudnn_chooses(deterministic: bool, benchmark: bool) -> Iterator[None]:
    """Within, how cuDNN chooses its algorithms."""
    choice = torch.backends.cudnn
    before = choice.deterministic, choice.benchmark
    choice.deterministic, choice.benchmark = deterministic, benchmark
    try:
        yield
    finally:
        choice.deterministic, choice.benchmark = before


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
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, run in ways.items():
            rate = images / seconds(run, setting.device)
            if number:
                times[name].append(rate)
    return times


def medians(times: dict[str, list[float]]) -> Medians:
    """Images a second of every way, and the ratio to the bare loop of the same round."""
    return {
        name: (statistics.median(rates), statistics.median(a / b for a, b in zip(rates, times["bare"], strict=True)))
        for name, rates in times.items()
    }


def row_of(row: str, precision: str, processes: list[Medians], columns: tuple[str, ...]) -> str:
    """A line of the table, from what every process measured."""
    cells = []
    for name in columns:
        if name not in processes[0]:
            cells.append("–")
            continue
        rates, ratios = zip(*(process[name] for process in processes), strict=True)
        rate, ratio = f"{statistics.median(rates):,.0f}", f"{statistics.median(ratios):.2f}"
        spread = f"; {min(ratios):.2f} to {max(ratios):.2f}" if len(ratios) > 1 else ""
        cells.append(rate if name == "bare" else f"{rate} ({ratio}{spread})")
    network, size, batch, channels = parts_of(row)
    return f"| {network}, {size} px, {channels} channels | {batch} | {precision} | {' | '.join(cells)} |"


def steps_for(row: str, precision: str, device: torch.device, wanted: float) -> int:
    """How many steps of the bare loop take about so many seconds."""
    setting = Setting(row, precision, device, 4)
    run = setting.bare()
    seconds(run, device)
    return max(round(wanted * 4 / seconds(run, device)), 2)


def line(row: str, precision: str, device_name: str, wanted: argparse.Namespace) -> Medians:
    """A line of the table, measured in this process."""
    device = torch.device(device_name)
    if device.type == "cpu":
        keep_freed_memory()  # as a fit does; the bare loop gains by it too
    setting = Setting(row, precision, device, steps_for(row, precision, device, wanted.seconds))
    measured = medians(measure(setting, wanted.rounds, wanted.choices))
    del setting
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    return measured


def print_lines(wanted: argparse.Namespace, columns: tuple[str, ...]) -> bool:
    """Measure and print every line; whether all could be.

    They are measured in one process, and after a failure in a new one: what fails on a GPU leaves nothing there that
    still works. Where several processes are asked for, each measures one line.
    """
    whole, pool = True, None
    for row in wanted.rows:
        for precision in wanted.precision:
            processes: list[Medians] = []
            try:
                for _ in range(wanted.processes):
                    pool = pool or ProcessPoolExecutor(1, mp_context=get_context("spawn"))
                    processes.append(pool.submit(line, row, precision, wanted.device, wanted).result())
                    if wanted.processes > 1:
                        pool.shutdown()
                        pool = None
                print(row_of(row, precision, processes, columns), flush=True)
            except Exception as e:  # of a GPU, of its driver, of a process that ended
                reason = (str(e).splitlines() or [""])[0]
                print(f"| {row} | | {precision} | failed: {type(e).__name__}: {reason} |", flush=True)
                if pool is not None:
                    pool.shutdown()
                whole, pool = False, None
    if pool is not None:
        pool.shutdown()
    return whole


def count(text: str) -> int:
    """A whole number from 1."""
    if (value := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{value} is less than 1")
    return value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--rows", nargs="+", default=None, help="NETWORK:SIZE:BATCH[:CHANNELS]")
    parser.add_argument("--precision", nargs="+", default=None, choices=("float32", "bfloat16"))
    parser.add_argument("--rounds", type=count, default=5)
    parser.add_argument("--processes", type=count, default=1, help="fresh ones, one after the other, of each line")
    parser.add_argument(
        "--seconds", type=float, default=None, help="of each bare loop; default: 1 on a CPU, .3 on a GPU"
    )
    parser.add_argument(
        "--choices",
        action="store_true",
        help="on a GPU also: the bare graph by how cuDNN chooses, and LTNet without graph",
    )
    wanted = parser.parse_args()
    on_gpu = torch.device(wanted.device).type == "cuda"
    wanted.rows = wanted.rows or ROWS["cuda" if on_gpu else "cpu"]
    wanted.precision = wanted.precision or (("float32", "bfloat16") if on_gpu else ("float32",))
    wanted.seconds = wanted.seconds or (0.3 if on_gpu else 1.0)
    chip = torch.cuda.get_device_name(wanted.device) if on_gpu else f"{torch.get_num_threads()} threads"
    of_processes = f" in each of {wanted.processes} processes" if wanted.processes > 1 else ""
    print(f"PyTorch {torch.__version__}, {chip}, medians of {wanted.rounds}{of_processes}", flush=True)
    columns = WAYS + (CHOICES if wanted.choices else ())
    print(f"| network | batch | precision | {' | '.join(columns)} |")
    print("|---" * (3 + len(columns)) + "|", flush=True)
    sys.exit(0 if print_lines(wanted, columns) else 1)


if __name__ == "__main__":
    main()
