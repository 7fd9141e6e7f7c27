"""Images decoded a second: this library's processes against plain Pillow in one thread, over the same files.

::

    python benchmarks/decoding.py FOLDER --size 32 [--items 60000] [--repeats 5] [--cores N]

Wall and processor time, taken in turns; the ratio is that of the medians. ``cifar10_ltnet.zip``, unpacked, has 60,000
JPEG files of 32 px; ``--make 6000 --side 224`` writes JPEG files of noise and slopes into FOLDER first.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ltnet_core.datasets import all_images  # noqa: E402
from ltnet_core.datasets.sources.files import FolderFiles  # noqa: E402
from ltnet_core.images import decoding_pool  # noqa: E402


def make(folder: Path, items: int, side: int) -> None:
    """Write JPEG files that compress about as photographs do."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(items):
        coarse = Image.fromarray(rng.integers(0, 255, (side // 16 + 2, side // 16 + 2, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC), dtype=np.int16)
        noisy = smooth + rng.integers(-9, 10, smooth.shape, dtype=np.int16)
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / f"{n:06}.jpg", quality=90)


def plain(folder: Path, names: list[str], size: int) -> None:
    """What a few lines of Pillow do."""
    for name in names:
        with Image.open(folder / name) as image:
            square = (
                image if image.size == (size, size) else ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
            )
            np.asarray(square.convert("RGB"))


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of all processors, those of ended children included."""
    before, began = _processors(), time.perf_counter()
    work()
    return time.perf_counter() - began, _processors() - before


def _processors() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=int, default=32, help="of the pixels that networks see")
    parser.add_argument("--items", type=int, default=60_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--cores", type=int, default=None, help="processes; by default one for each core")
    parser.add_argument("--only", nargs="+", default=None, help="pixels, check-up; by default both, beside Pillow")
    parser.add_argument("--make", type=int, default=0, metavar="N", help="write N files first")
    parser.add_argument("--side", type=int, default=224, help="of those files")
    wanted = parser.parse_args()
    if wanted.make:
        make(wanted.folder, wanted.make, wanted.side)
    if wanted.cores is not None:
        for module in (decoding_pool, all_images):
            vars(module)["cores"] = lambda: wanted.cores
    files = FolderFiles(wanted.folder)
    names = files.images[: wanted.items]
    with tempfile.TemporaryDirectory(dir=wanted.folder.parent) as folder:
        out = Path(folder) / "pixels.npy"
        ways: dict[str, Callable[[], object]] = {
            "plain Pillow, one thread": lambda: plain(wanted.folder, names, wanted.size),
            "pixels": lambda: all_images.decode_all(files, names, wanted.size, 3, out),
            "check-up": lambda: all_images.look_at_all(files, names),
        }
        if wanted.only is not None:
            ways = {way: ways[way] for way in wanted.only}
        measured: dict[str, list[tuple[float, float]]] = {}
        for _ in range(wanted.repeats):
            for way, work in ways.items():
                measured.setdefault(way, []).append(timed(work))
    seconds = {way: statistics.median(s for s, _ in times) for way, times in measured.items()}
    first = next(iter(seconds.values()))
    print(f"{len(names):,} files, {wanted.size} px, {decoding_pool.cores()} cores, {wanted.repeats} rounds")
    print(
        "| | images/s | seconds | slowest, fastest | processor µs an image | against plain |\n|---|---|---|---|---|---|"
    )
    for way, times in measured.items():
        wall = [s for s, _ in times]
        each = statistics.median(p for _, p in times) / len(names) * 1e6
        row = (way, f"{len(names) / seconds[way]:,.0f}", f"{seconds[way]:.2f}", f"{max(wall):.2f}, {min(wall):.2f}")
        print("| " + " | ".join((*row, f"{each:.0f}", f"{first / seconds[way]:.2f}")) + " |")


if __name__ == "__main__":
    main()
