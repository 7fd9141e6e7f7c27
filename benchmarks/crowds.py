"""Truth from labels alone on real and drawn crowds: ``python benchmarks/crowds.py [DATA …] [--seeds N] [--peers]``.

Each DATA is a dataset as ``aggregate`` reads it whose truth is known, or a folder or ``.zip`` of tables
NAME.csv (image,coder,label) with NAME_truth.csv (image,label). Without any, crowds are drawn in twelve regimes.
Prints accuracy and calibration error (15 bins) in percent, and seconds; "fair vote" is what the majority vote with
evenly drawn ties expects.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ltnet_core import AnnotationTable, load_dataset
from ltnet_core.datasets.crowd import draw_crowd
from ltnet_core.labels.aggregation import AGGREGATIONS, aggregate, majority_vote
from ltnet_core.runs.evaluation import scores

PEERS = ("OneCoinDawidSkene", "Wawa", "MACE", "GLAD")
Known = tuple[str, AnnotationTable, np.ndarray]


def pairs(folder: Path) -> Iterator[Known]:
    """Every NAME.csv of a folder that has a NAME_truth.csv beside it."""
    for truth_file in sorted(folder.rglob("*_truth.csv")):
        name = truth_file.stem.removesuffix("_truth")
        labels, truth = (pd.read_csv(truth_file.with_name(f), dtype=str) for f in (f"{name}.csv", truth_file.name))
        classes = sorted({*labels["label"], *truth["label"]})
        table = AnnotationTable.from_frame(labels, classes=classes)
        known = truth.set_index("image")["label"].reindex(table.items)
        yield name, table, pd.Index(classes).get_indexer(known)


def read(path: Path) -> Iterator[Known]:
    """The crowds of a folder or ``.zip`` of pairs of tables, or one dataset."""
    if path.suffix == ".zip" and any(n.endswith("_truth.csv") for n in zipfile.ZipFile(path).namelist()):
        with tempfile.TemporaryDirectory() as folder:
            zipfile.ZipFile(path).extractall(folder)
            yield from pairs(Path(folder))
    elif path.is_dir() and any(path.rglob("*_truth.csv")):
        yield from pairs(path)
    else:
        study = load_dataset(path)
        yield study.name, study.table, study.truth


def judge(judged: np.ndarray, matrices: np.ndarray, per_item: int, rng: np.random.Generator) -> AnnotationTable:
    """Annotations of ``per_item`` coders per item, of busy ones more; ``judged`` (N,C) is the class each sees there."""
    n, c = judged.shape
    who = np.argsort(-(rng.random((n, c)) ** (1 / (0.3 + rng.gamma(1, 1, c)))), axis=1)[:, :per_item]
    chance = matrices[who, np.take_along_axis(judged, who, axis=1)].cumsum(2)
    label = (rng.random((n, per_item, 1)) > chance).sum(2).clip(max=matrices.shape[1] - 1)
    item = np.repeat(np.arange(n), per_item).astype(np.int32)
    return AnnotationTable(
        np.array([f"i{i:06d}" for i in range(n)], dtype=object),
        tuple(f"c{i:04d}" for i in range(c)),
        tuple(f"k{i:04d}" for i in range(matrices.shape[1])),
        item,
        who.ravel().astype(np.int32),
        label.ravel().astype(np.int32),
        np.ones(item.size, np.float32),
    )


def guessers(c: int, k: int, low: float, high: float, rng: np.random.Generator) -> np.ndarray:
    knows = rng.uniform(low, high, c)[:, None, None]
    return knows * np.eye(k) + (1 - knows) * rng.dirichlet(np.ones(k), c)[:, None, :]


def one_coins(c: int, k: int, rng: np.random.Generator) -> np.ndarray:
    right = rng.uniform(0.4, 0.95, c)[:, None, None]
    return right * np.eye(k) + (1 - right) / (k - 1) * (1 - np.eye(k))


def own_matrices(c: int, k: int, rng: np.random.Generator) -> np.ndarray:
    return 0.45 * rng.dirichlet(np.full(k, 0.5), (c, k)) + 0.55 * np.eye(k)


def drawn(seed: int) -> Iterator[Known]:
    """One crowd of each regime."""
    rng = np.random.default_rng(seed)

    def crowd(
        name: str, n: int, matrices: np.ndarray, per_item: int, *, vague: float = 0.0, rare: float = 0.0
    ) -> Known:
        c, k, _ = matrices.shape
        share = np.full(k, 1 / k) if not rare else np.append(1 - rare, np.full(k - 1, rare / (k - 1)))
        truth = rng.choice(k, n, p=share)
        other = (truth + rng.integers(1, k, n)) % k
        second = (rng.random(n) < vague)[:, None] & (rng.random((n, c)) < 0.5)
        return name, judge(np.where(second, other[:, None], truth[:, None]), matrices, per_item, rng), truth

    yield crowd("one coin", 1000, one_coins(30, 5, rng), 5)
    yield crowd("biased", 1000, guessers(40, 4, 0.3, 0.9, rng), 6)
    yield crowd("few labels", 600, guessers(200, 4, 0.3, 0.9, rng), 2)
    yield crowd("many classes", 2000, guessers(60, 30, 0.3, 0.9, rng), 4)
    yield crowd("rare class", 1500, guessers(60, 2, 0.3, 0.9, rng), 5, rare=0.1)
    yield crowd("unclear items", 1000, guessers(50, 5, 0.5, 0.95, rng), 5, vague=0.4)
    yield crowd("unclear, two classes", 1500, guessers(60, 2, 0.4, 0.9, rng), 6, vague=0.3)
    yield crowd("three coders", 3000, own_matrices(3, 5, rng), 3)
    yield crowd("own matrices", 2000, own_matrices(60, 4, rng), 5)
    yield other_question(rng)
    yield difficulty(rng)
    shared = draw_crowd(seed=seed)
    yield "shared confusion", shared.table, shared.truth


def other_question(rng: np.random.Generator) -> Known:
    """Six of ten coders mostly answer another question."""
    n, k = 1200, 10
    truth, other = rng.integers(0, k, (2, n))
    judged = np.tile(truth[:, None], (1, 10))
    judged[:, 4:] = np.where(rng.random((n, 6)) < 0.6, other[:, None], truth[:, None])
    return "other question", judge(judged, guessers(10, k, 0.55, 0.8, rng), 10, rng), truth


def difficulty(rng: np.random.Generator) -> Known:
    """Skill over difficulty, as GLAD has it: a coder is right in 1 / (1 + exp(−skill · ease))."""
    n, c, k = 1000, 40, 3
    truth = rng.integers(0, k, n)
    right = np.maximum(1 / (1 + np.exp(-rng.normal(1, 0.7, c) * np.exp(rng.normal(0, 1, n))[:, None])), 1 / k)
    wrong = (truth[:, None] + rng.integers(1, k, (n, c))) % k
    judged = np.where(rng.random((n, c)) < right, truth[:, None], wrong)
    return "difficulty", judge(judged, np.tile(np.eye(k), (c, 1, 1)), 6, rng), truth


def fair_vote(table: AnnotationTable, truth: np.ndarray) -> float:
    """Expected accuracy of the majority vote when ties are drawn evenly."""
    on = table.annotated() & (truth >= 0)
    votes = majority_vote(table)[on]
    top = votes >= votes.max(1, keepdims=True) - 1e-9
    return float((top[np.arange(len(votes)), truth[on]] / top.sum(1)).mean())


def peer(name: str) -> Callable[[AnnotationTable], np.ndarray]:
    """(N,K) probabilities by a model of crowd-kit."""
    from crowdkit import aggregation
    from crowdkit.aggregation.classification import mace, wawa

    for module in (mace, wawa):  # its check fails with newer scikit-learn; everything is fitted here
        vars(module)["check_is_fitted"] = lambda *_, **__: None

    def run(table: AnnotationTable) -> np.ndarray:
        frame = table.to_frame().rename(columns={"image": "task", "coder": "worker"})[["task", "worker", "label"]]
        p: pd.DataFrame = getattr(aggregation, name)().fit_predict_proba(frame)
        return p.reindex(index=table.items, columns=list(table.classes)).fillna(0).to_numpy()

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="*", metavar="DATA")
    parser.add_argument("--seeds", type=int, default=3, help="of the drawn crowds")
    parser.add_argument("--peers", action="store_true", help="crowd-kit's models, too")
    a = parser.parse_args()
    warnings.simplefilter("ignore")
    methods = [*AGGREGATIONS, *(PEERS if a.peers else ())]
    results: dict[str, dict[str, list[tuple[float, float, float]]]] = {}
    votes: dict[str, list[float]] = {}
    for crowd in [known for path in a.data for known in read(path)] or (k for s in range(a.seeds) for k in drawn(s)):
        name, table, truth = crowd
        votes.setdefault(name, []).append(100 * fair_vote(table, truth))
        for method in methods:
            began = time.perf_counter()
            if method in AGGREGATIONS:
                result = aggregate(table, method)
                p, labels = result.p, result.labels
            else:
                p = peer(method)(table)
                labels = p.argmax(1)
            took = time.perf_counter() - began
            score = scores(p, truth, labels)
            row = 100 * (score["accuracy"] or 0.0), 100 * (score["ece"] or 0.0), took
            results.setdefault(name, {}).setdefault(method, []).append(row)
    print("| crowd | fair vote | " + " | ".join(methods) + " |\n|---|---|" + "---|" * len(methods))
    means = {n: {m: np.mean(rows, axis=0) for m, rows in by.items()} for n, by in results.items()}
    for name, by in means.items():
        print(
            f"| {name} | {np.mean(votes[name]):.1f} |", *(f"{x:.1f} / {e:.1f} / {s:.1f} s |" for x, e, s in by.values())
        )
    overall = {m: np.mean([by[m] for by in means.values()], axis=0) for m in methods}
    vote = np.mean([np.mean(v) for v in votes.values()])
    print(f"| mean | {vote:.1f} |", *(f"{x:.1f} / {e:.1f} / {s:.1f} s |" for x, e, s in overall.values()))


if __name__ == "__main__":
    main()
