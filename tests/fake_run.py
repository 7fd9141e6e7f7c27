"""Write a run folder as a trainer would leave it, without training: what the pages' tests look at."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ltnet_core.annotations import MACHINE_PREFIX, AnnotationTable
from ltnet_core.datasets import Study, load_dataset
from ltnet_core.identifiability import evidence
from ltnet_core.truth import expected_counts, posterior, truth_table

STAGES = ("images", "coder", "mixture", "pseudo", "ltnet", "results")


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
        "settings": {"network": "cnn", "epochs": 8, "machine_coders": True},
        "seed": 0,
        "device": "cpu",
        "coders": list(study.human_coders),
        "classes": list(study.table.classes),
        "codes": list(study.codes),
        "created": time.time(),
    }
    _json(folder / "spec.json", spec)
    history = _write_events(folder, study, finished, ending)
    (folder / "log.txt").write_text("reading images\ntraining\n", encoding="utf-8")
    if finished:
        (folder / "results").mkdir()
        _json(folder / "results" / "history.json", history)
        _write_results(folder / "results", study)
        _json(folder / "manifest.json", {"complete": True})
    return folder


def _write_events(folder: Path, study: Study, finished: bool, ending: str | None) -> dict[str, list[dict[str, Any]]]:
    now = time.time() - 90
    events: list[dict[str, Any]] = [{"event": "start", "time": now, "pid": 1, "device": "cpu", "resumed": False}]
    history: dict[str, list[dict[str, Any]]] = {}
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
            history.setdefault(stage, []).append(record)
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
    return history


def _write_results(results: Path, study: Study) -> None:
    rng = np.random.default_rng(0)
    table, k = study.table, len(study.table.classes)
    guess = np.where(study.truth >= 0, study.truth, rng.integers(0, k, len(table.items)))
    p = np.full((len(guess), k), 0.3 / k) + 0.7 * np.eye(k)[guess]
    p = p * rng.gamma(1.0, size=p.shape)
    p /= p.sum(1, keepdims=True)
    matrices = {c: study.planted.get(c, 0.3 / k + 0.7 * np.eye(k)) for c in table.coders}
    for coder in table.coders:
        table = _with_machine(table, MACHINE_PREFIX + coder, table.labels_of(coder), matrices[coder], p.argmax(1), rng)
    machine = {MACHINE_PREFIX + c: 0.2 / k + 0.8 * m for c, m in matrices.items()}
    truth_known = {c: m for c, m in study.planted.items() if c in matrices}
    learned = {c: _noisy(m, rng) for c, m in {**matrices, **machine}.items()}
    weights = np.array([0.1 if c.startswith(MACHINE_PREFIX) else 1.0 for c in table.coders])
    stacked = np.stack([learned[c] for c in table.coders])
    r = posterior(p, stacked, table, weights)
    items = np.flatnonzero(~study.is_test)
    network = p.argmax(1).astype(np.int32)
    frame = truth_table(table, r, r.argmax(1).astype(np.int32), network, items)
    names = np.asarray(table.classes, dtype=object)
    human = study.table
    said = np.stack([human.labels_of(c) >= 0 for c in human.coders], axis=1)[items]
    origin = ["+".join(c for c, yes in zip(human.coders, row, strict=True) if yes) or "unlabelled" for row in said]
    frame["_origin"] = origin
    frame["_known_truth"] = np.where(study.truth[items] >= 0, names[study.truth[items]], "")
    frame["_network_confidence"] = p[items].max(1)
    frame.to_parquet(results / "truth.parquet", index=False)
    counts, found = expected_counts(r, table), evidence(r, table, stacked)
    _json(
        results / "transitions.json",
        {
            "classes": list(table.classes),
            "coders": {c: learned[c].tolist() for c in table.coders},
            "start": {c: learned[c].tolist() for c in table.coders},
            "support": {c: found.support[i].tolist() for i, c in enumerate(table.coders)},
            "low": {c: found.low[i].tolist() for i, c in enumerate(table.coders)},
            "high": {c: found.high[i].tolist() for i, c in enumerate(table.coders)},
            "counts": {c: counts[i].tolist() for i, c in enumerate(table.coders)},
            "reference": {c: np.asarray(m).tolist() for c, m in truth_known.items()},
            "reference_source": dict.fromkeys(truth_known, "planted"),
        },
    )
    _json(results / "evaluation.json", _evaluation(study, learned, truth_known))


def _with_machine(
    table: AnnotationTable, name: str, human: NDArray[Any], matrix: Any, truth: NDArray[Any], rng: np.random.Generator
) -> AnnotationTable:
    """The table with a machine coder that labels what its human did not."""
    todo = np.flatnonzero(human < 0)
    said = [rng.choice(len(table.classes), p=matrix[truth[i]] / np.sum(matrix[truth[i]])) for i in todo]
    return AnnotationTable(
        table.items,
        (*table.coders, name),
        table.classes,
        np.concatenate([table.item, todo.astype(np.int32)]),
        np.concatenate([table.coder, np.full(len(todo), len(table.coders), np.int32)]),
        np.concatenate([table.label, np.asarray(said, dtype=np.int32)]),
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
