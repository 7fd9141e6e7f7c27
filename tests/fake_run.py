"""Write a run folder as a trainer would leave it, without training: what the pages' tests look at."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ltnet_core.annotations import MACHINE_PREFIX, AnnotationTable, is_machine
from ltnet_core.datasets import Study, load_dataset
from ltnet_core.labels.truth import posterior
from ltnet_core.learning.calibration import soften
from ltnet_core.learning.results import Learned, write_results
from ltnet_core.learning.shared_errors import annotation_shares, votes
from ltnet_core.runs.run import Run
from ltnet_core.settings import make_settings

STAGES = ("images", "coder", "mixture", "pseudo", "ltnet", "results")
SHARPNESS = 0.8


def write_fake_run(folder: Path, dataset: Path, *, finished: bool = True, ending: str | None = None) -> Path:
    """Make ``folder`` a finished run of ``dataset``, or one that stopped in LTNet with the event ``ending``."""
    study = load_dataset(dataset)
    folder.mkdir(parents=True)
    spec = {
        "dataset": str(dataset),
        "dataset_name": study.name,
        "format": study.format,
        "fingerprint": study.table.fingerprint(),
        "preset": "quick",
        "settings": json.loads(json.dumps(make_settings("quick", epochs=8).to_json())),
        "seed": 0,
        "device": "cpu",
        "coders": list(study.human_coders),
        "classes": list(study.table.classes),
        "codes": list(study.codes),
        "created": time.time(),
    }
    _json(folder / "spec.json", spec)
    _write_events(folder, study, finished, ending)
    (folder / "log.txt").write_text("reading images\ntraining\n", encoding="utf-8")
    if finished:
        learned = write_made_up_results(Run(folder), study)
        matrices = dict(zip(learned.table.coders, learned.transitions, strict=True))
        _json(folder / "results" / "evaluation.json", _evaluation(study, matrices, study.planted))
        _json(folder / "manifest.json", {"complete": True})
    return folder


def _write_events(folder: Path, study: Study, finished: bool, ending: str | None) -> None:
    now = time.time() - 90
    events: list[dict[str, Any]] = [{"event": "start", "time": now, "pid": 1, "device": "cpu", "resumed": False}]
    names = ["images", *(f"coder:{c}" for c in study.human_coders), "mixture", "pseudo", "ltnet", "results"]
    for position, stage in enumerate(names):
        epochs = 8 if stage.startswith("coder:") or stage in ("mixture", "ltnet") else None
        share = position / len(names)
        now += 1
        events.append(
            {"event": "stage", "time": now, "stage": stage, "epochs": epochs, "progress": share, "eta_seconds": 80.0}
        )
        last = stage == "ltnet" and not finished
        for epoch in range(1, (5 if last else epochs or 0) + 1):
            now += 1
            record = {
                "epoch": epoch,
                "epochs": epochs,
                "train_loss": 1.9 * 0.8**epoch + 0.3,
                "train_agreement": 1 - 0.7 * 0.85**epoch,
                "validation_loss": 1.9 * 0.83**epoch + 0.45,
                "validation_agreement": 0.93 - 0.65 * 0.85**epoch,
                "best_epoch": epoch,
                "seconds": 1.0,
            }
            events.append({"event": "epoch", "time": now, "stage": stage, **record})
            done = share + epoch / (epochs or 1) / len(names)
            events.append(
                {"event": "progress", "time": now, "stage": stage, "progress": done, "eta_seconds": 80 * (1 - done)}
            )
        if stage == "images":
            events.append({"event": "note", "time": now, "message": "1 image could not be read and was set aside."})
        if last:
            break
    if finished or ending:
        events.append({"event": ending or "done", "time": now + 1, "message": "finished" if finished else ending})
    text = "".join(json.dumps(e) + "\n" for e in events)
    (folder / "events.jsonl").write_text(text, encoding="utf-8")


def write_made_up_results(run: Run, study: Study, seed: int = 0, *, machines: bool = True) -> Learned:
    """What a training leaves, of a made-up network that is right in most cases; returns what it made up."""
    rng = np.random.default_rng(seed)
    human, k = study.table, len(study.table.classes)
    n = len(human.items)
    guess = np.where(study.truth >= 0, study.truth, rng.integers(0, k, n))
    p = np.full((n, k), 0.3 / k) + 0.7 * np.eye(k)[guess]
    p = p * rng.gamma(1.0, size=p.shape)
    p /= p.sum(1, keepdims=True)
    table = human.keep_items(~study.is_test)
    matrices = {c: study.planted.get(c, 0.3 / k + 0.7 * np.eye(k)) for c in human.coders}
    for coder in human.coders if machines else ():
        table = _with_machine(table, coder, matrices[coder], p.argmax(1), ~study.is_test, rng)
    machine = {MACHINE_PREFIX + c: 0.2 / k + 0.8 * m for c, m in matrices.items()}
    stacked = np.stack([_noisy({**matrices, **machine}[c], rng) for c in table.coders])
    weights = np.array([0.1 if c.startswith(MACHINE_PREFIX) else 1.0 for c in table.coders])
    features = rng.normal(size=(n, 8)).astype(np.float32)
    errs = np.array([not is_machine(c) for c in table.coders])
    shares = rng.uniform(0.3, 1.0, n)
    r, judged = posterior(p, stacked, table, weights, annotation_shares(shares, table, errs)), votes(table, errs) > 0
    r[judged] = soften(r[judged], 1 / SHARPNESS)
    learned = Learned(
        table=table,
        method="ltnet",
        transitions=stacked,
        start=stacked,
        posterior=r,
        temperature=1.0,
        networks={"ltnet": p},
        usable=np.ones(n, dtype=np.bool_),
        items=np.flatnonzero(~study.is_test),
        weights=weights,
        features=features / np.linalg.norm(features, axis=1, keepdims=True),
        shares=shares,
        sharpness=SHARPNESS,
    )
    write_results(run, study, human, learned)
    return learned


def _with_machine(
    table: AnnotationTable,
    coder: str,
    matrix: Any,
    truth: NDArray[Any],
    usable: NDArray[np.bool_],
    rng: np.random.Generator,
) -> AnnotationTable:
    """The table with a machine coder that labels what its human did not, erring by ``matrix``."""
    todo = np.flatnonzero(~table.annotated([coder]) & usable).astype(np.int32)
    edges = np.cumsum(np.asarray(matrix) / np.sum(matrix, axis=1, keepdims=True), axis=1)
    labels = (rng.random(len(todo))[:, None] > edges[truth[todo], :-1]).sum(1)
    return AnnotationTable(
        table.items,
        (*table.coders, MACHINE_PREFIX + coder),
        table.classes,
        np.concatenate([table.item, todo]),
        np.concatenate([table.coder, np.full(len(todo), len(table.coders), np.int32)]),
        np.concatenate([table.label, labels.astype(np.int32)]),
        np.concatenate([table.count, np.ones(len(todo), np.float32)]),
    )


def _noisy(matrix: Any, rng: np.random.Generator) -> NDArray[np.float64]:
    out = np.asarray(matrix) * rng.uniform(0.85, 1.15, np.shape(matrix))
    return np.asarray(out / out.sum(1, keepdims=True))


def _evaluation(study: Study, learned: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    n = int(study.is_test.sum())
    methods: dict[str, Any] = {
        f"coder:{c}": {"accuracy": 0.71 + i / 50, "macro_f1": 0.69 + i / 50, "ece": 0.11, "items": n}
        for i, c in enumerate(study.human_coders)
    }
    methods["mixture"] = {"accuracy": 0.79, "macro_f1": 0.78, "ece": 0.09, "items": n}
    methods["majority"] = methods["dawid-skene"] = {"accuracy": None, "macro_f1": None, "ece": None, "items": 0}
    methods["ltnet"] = {"accuracy": 0.86, "macro_f1": 0.85, "ece": 0.03, "items": n}
    return {
        "tests": {name: {"items": n, "methods": methods} for name in study.test_sets},
        "transitions": {c: {"mae": float(np.abs(learned[c] - np.asarray(m)).mean())} for c, m in known.items()},
        "truth": {
            "items": int((study.truth[~study.is_test] >= 0).sum()),
            "accuracy": 0.88,
            "human_labels_accuracy": 0.71,
            "methods": {"majority": {"accuracy": 0.71, "items": 10}, "dawid-skene": {"accuracy": 0.74, "items": 10}},
        },
    }


def _json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")
