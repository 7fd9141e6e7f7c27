"""A study of very many image files, from the plan to one epoch and its results: seconds and memory of every stage.

``python benchmarks/many_files.py --out DIR [--files 1500000] [--size 64]``: JPEG files, most of them links to a few
drawn ones, one coder. The network costs next to nothing (averages of patches and one layer), so that what is measured
is how files are found, checked, decoded, read batch by batch and predicted. It is added to a copy of the library.

Memory is that of all processes of the run. ``own`` is what no file stands behind; pages of the pixels' file, which the
system takes back when it needs them, are in ``with files``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

from harness import ROOT

NETWORK = '''"""Averages of patches and one layer: a network that costs next to nothing."""

from torch import nn

LARGEST_SIZE = 1024


class Patches(nn.Module):
    def __init__(self, classes, channels):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(8)
        self.head = nn.Linear(64 * channels, classes)

    def forward(self, x):
        return self.head(self.pool(x).flatten(1))


def build(classes, channels, image_size, last_relu):
    return Patches(classes, channels)
'''
EVERY = 0.5  # s between two looks at the memory


def memory(parent: int) -> tuple[int, int]:
    """Bytes of a process and its descendants: their own, and with the files they have mapped."""
    children = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                children[int((entry / "stat").read_text().rpartition(")")[2].split()[1])].append(int(entry.name))
            except OSError:  # it has ended
                continue
    own = mapped = 0
    pending = [parent]
    while pending:
        process = pending.pop()
        pending += children[process]
        try:
            lines = Path(f"/proc/{process}/status").read_text().splitlines()
        except OSError:
            continue
        kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("Rss", "VmRSS"))}
        own += 1024 * kilobytes.get("RssAnon", 0)
        mapped += 1024 * kilobytes.get("VmRSS", 0)
    return own, mapped


def stage_of(events: Path) -> str:
    """The stage a run is in, by its last event that names one."""
    if not events.exists():
        return "plan"
    for line in reversed(events.read_text(encoding="utf-8").splitlines()):
        event = json.loads(line) if line.endswith("}") else {}
        if event.get("event") in ("stage", "done"):
            return str(event.get("stage", event["event"]))
    return "plan"


def measure(study: Path, out: Path, flags: list[str]) -> None:
    """Train, and print a line per stage."""
    library = out / "library"
    shutil.rmtree(library, ignore_errors=True)
    shutil.copytree(ROOT / "ltnet_core", library / "ltnet_core")
    (library / "ltnet_core" / "learning" / "base_networks" / "patches.py").write_text(NETWORK, encoding="utf-8")
    run = out / f"run-{time.time():.0f}"
    command = [sys.executable, "-m", "ltnet_core", "fit", str(study), "--run", str(run), "--network", "patches"]
    command += ["--method", "mixture", "--epochs", "1", *flags]
    environment = {**os.environ, "PYTHONPATH": str(library), "LTNET_CACHE": str(out / "cache")}
    seconds: defaultdict[str, float] = defaultdict(float)
    most: dict[str, tuple[int, int]] = {}
    with (out / "fit.log").open("w") as log:
        process = subprocess.Popen(command, cwd=out, env=environment, stdout=log, stderr=subprocess.STDOUT)
        last = time.monotonic()
        while process.poll() is None:
            time.sleep(EVERY)
            stage, now = stage_of(run / "events.jsonl"), time.monotonic()
            seconds[stage] += now - last
            last = now
            own, mapped = memory(process.pid)
            before = most.get(stage, (0, 0))
            most[stage] = max(before[0], own), max(before[1], mapped)
    if process.returncode:
        raise SystemExit(f"fit ended with status {process.returncode}:\n{(out / 'fit.log').read_text()[-2000:]}")
    print("| stage | seconds | own memory, GiB | with files, GiB |\n|---|---|---|---|")
    for stage, took in seconds.items():
        own, mapped = most[stage]
        print(f"| {stage} | {took:.0f} | {own / 1024**3:.2f} | {mapped / 1024**3:.2f} |")
    print(f"| in all | {sum(seconds.values()):.0f} | {max(o for o, _ in most.values()) / 1024**3:.2f} | |")
    shutil.rmtree(run)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--files", type=int, default=1_500_000)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--flags", nargs="*", default=[], help="more flags of fit, without dashes: batch-size=256 …")
    wanted = parser.parse_args()
    out = wanted.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    study = out / f"study-{wanted.files}-{wanted.size}"
    if not (study / "annotations.csv").exists():
        shutil.rmtree(study, ignore_errors=True)
        drawing = [str(ROOT / "benchmarks" / "synthetic_jpegs.py"), str(study), "--size", str(wanted.size)]
        subprocess.run([sys.executable, *drawing, "--files", str(wanted.files), "--drawn", "3000"], check=True)
    more = [part for flag in wanted.flags for part in ("--" + flag).split("=", 1)]
    measure(study, out, ["--image-size", str(wanted.size), *more])


if __name__ == "__main__":
    main()
