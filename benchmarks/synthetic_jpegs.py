"""A study of many JPEG files, most of them links to a few drawn ones.

``python benchmarks/synthetic_jpegs.py FOLDER --files N --drawn M --size S``
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from harness import write_csv
from PIL import Image

CLASSES = 10


def draw(job: tuple[Path, int, int]) -> None:
    """An image whose class is the direction of its stripes."""
    path, number, size = job
    rng = np.random.default_rng(number)
    y, x = np.mgrid[:size, :size] / size
    angle = np.pi * (number % CLASSES) / CLASSES
    wave = np.sin(40 * (x * np.cos(angle) + y * np.sin(angle)) + rng.uniform(0, 6))
    pixels = 128 + 60 * wave[..., None] * rng.uniform(0.3, 1, 3) + rng.normal(0, 20, (size, size, 3))
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, quality=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=30_000)
    parser.add_argument("--drawn", type=int, default=3_000)
    parser.add_argument("--size", type=int, default=112)
    wanted = parser.parse_args()
    images = wanted.folder / "images"
    images.mkdir(parents=True)
    names = [f"images/{i:06d}.jpg" for i in range(wanted.files)]
    with ProcessPoolExecutor() as pool:
        jobs = [(wanted.folder / names[i], i, wanted.size) for i in range(wanted.drawn)]
        list(pool.map(draw, jobs, chunksize=16))
    for i in range(wanted.drawn, wanted.files):
        os.link(wanted.folder / names[i % wanted.drawn], wanted.folder / names[i])
    labels = ((n, "coder", f"class {i % wanted.drawn % CLASSES}") for i, n in enumerate(names))
    write_csv(wanted.folder / "annotations.csv", ("image", "coder", "label"), labels)


if __name__ == "__main__":
    main()
