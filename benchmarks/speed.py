"""Images a second that a base network trains on, by precision and by how PyTorch's threads wait and share the cores.

``python benchmarks/speed.py [--network resnet20] [--size 32] [--channels 3] [--batch 128] [--steps 20]``
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

WAYS = {"short spin (ours)": {"GOMP_SPINCOUNT": "2000"}, "sleep": {"OMP_WAIT_POLICY": "PASSIVE"}, "PyTorch's own": {}}


def measure(wanted: argparse.Namespace) -> float:
    """Median images a second of one process, the first steps left out."""
    import torch

    from ltnet_core.learning.ltnet import Classifier
    from ltnet_core.learning.networks import build_network

    base = build_network(wanted.network, classes=10, channels=wanted.channels, image_size=wanted.size, seed=0)
    model = Classifier(base.to(memory_format=torch.channels_last)).train()
    model.low_precision = wanted.precision == "bfloat16"
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    images = torch.randn(wanted.batch, wanted.channels, wanted.size, wanted.size)
    labels = torch.randint(10, (wanted.batch,))
    seconds = []
    for _ in range(wanted.steps):
        began = time.perf_counter()
        optimizer.zero_grad()
        torch.autograd.backward(torch.nn.functional.nll_loss(model(images), labels))
        optimizer.step()
        seconds.append(time.perf_counter() - began)
    return float(wanted.batch / statistics.median(seconds[3:]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="resnet20")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--channels", type=int, default=3)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--precision", default=None, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.precision is not None:
        print(measure(wanted))
        return
    print("| precision | threads wait by | one process | two at once, sum | two with half the cores each, sum |")
    print("|---" * 5 + "|")
    half = {"OMP_NUM_THREADS": str(max((os.cpu_count() or 2) // 2, 1))}
    for precision in ("float32", "bfloat16"):
        for name, way in WAYS.items():
            cells = []
            for processes, threads in ((1, {}), (2, {}), (2, half)):
                command = [sys.executable, __file__, *sys.argv[1:], "--precision", precision]
                environment = {**os.environ, **way, **threads}
                at_work = [
                    subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
                    for _ in range(processes)
                ]
                cells.append(f"{sum(float(p.communicate()[0]) for p in at_work):.0f}")
            print(f"| {precision} | {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
