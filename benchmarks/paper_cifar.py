"""The paper's experiment: CIFAR-10 with coders who are right 60, 70 and 80 % of the time, every method in one table.

``python benchmarks/paper_cifar.py cifar10_ltnet.zip --out DIR [--images N] [--epochs E] [--seeds …] [--jobs N] …``
"""

from __future__ import annotations

from pathlib import Path

import harness
import numpy as np


def study(source: Path, folder: Path, images: int | None) -> Path:
    """The study as a folder, with ``images`` of the training images drawn at random (seed 0)."""
    if images is None and source.is_dir():
        return source
    if (folder / "truth.csv").exists():
        return folder
    root = harness.opened(source)
    truth = harness.read_csv(root / "truth.csv")
    train = sorted(r["image"] for r in truth if r["split"] != "test")
    kept = set(train)
    if images is not None:
        kept = {train[i] for i in np.random.default_rng(0).permutation(len(train))[:images]}
    test = {r["image"] for r in truth if r["split"] == "test"}
    harness.copy_images(root, sorted(kept | test), folder)
    annotations = [r for r in harness.read_csv(root / "annotations.csv") if r["image"] in kept]
    harness.write_csv(folder / "annotations.csv", ("image", "coder", "label"), (list(r.values()) for r in annotations))
    known = [r for r in truth if r["image"] in kept | test]
    harness.write_csv(folder / "truth.csv", ("image", "label", "split"), (list(r.values()) for r in known))
    return folder


def main() -> None:
    parser = harness.arguments(__doc__ or "", epochs=20)
    parser.add_argument("--images", type=int, default=None, help="training images (default: all)")
    wanted = parser.parse_args()
    folder = study(wanted.study, wanted.out / f"study-{wanted.images or 'all'}", wanted.images)
    ours = harness.Row("ours", ("--no-comparisons",), "ltnet")
    harness.run(folder, wanted, harness.rows(["coder60", "coder70", "coder80"], [ours]))


if __name__ == "__main__":
    main()
