"""Every method on one study, trained alike, as one table; finished rows are kept, a long table can be made in parts."""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Row:
    """A method of the table.

    ``method`` is its name in an evaluation, ``shares`` how it spends its epochs: all on one network, or some on a
    first that the second goes on from. ``alone`` learns from one coder: its truth is of other items than the others'.
    """

    name: str
    flags: tuple[str, ...]
    method: str
    shares: tuple[float, ...] = (1.0,)
    alone: bool = False


def rows(coders: Sequence[str], ours: Sequence[Row]) -> list[Row]:
    """Every row for a study with these coders, ``ours`` among them."""
    alone = [Row(f"{c} alone", ("--method", "mixture", "--coders", c), "mixture", alone=True) for c in coders]
    return [
        *alone,
        Row("mixture", ("--method", "mixture"), "mixture"),
        Row("majority vote → train", ("--method", "majority"), "train:majority"),
        Row("Dawid–Skene → train", ("--method", "dawid-skene"), "train:dawid-skene"),
        Row("noise adaptation layer", ("--method", "noise-adaptation"), "noise-adaptation", (0.5, 0.5)),
        Row("crowd layer", ("--method", "crowd-layer"), "crowd-layer"),
        Row("trace regularised", ("--method", "trace"), "trace"),
        Row("annot-mix", ("--method", "annot-mix"), "annot-mix"),
        Row("paper preset", ("--preset", "paper", "--no-comparisons"), "ltnet", (0.5, 0.5)),
        *ours,
        Row("upper bound (truth)", ("--method", "truth"), "train:truth"),
    ]


def arguments(description: str, epochs: int) -> argparse.ArgumentParser:
    """Flags that the tables share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("study", type=Path, help="the study: a zip, or a folder of what is in it")
    parser.add_argument("--out", type=Path, required=True, help="folder for the runs; finished ones are not repeated")
    parser.add_argument(
        "--epochs", type=int, default=epochs, help="passes per method, those of its first stage included"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--jobs", type=int, default=1, help="runs at once")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--preset", default="default", help="of every row but the paper's")
    parser.add_argument("--network", default=None, help="of every row")
    parser.add_argument("--precision", default=None, help="of every row")
    parser.add_argument("--cutout", default=None, help="of every row but the paper's")
    parser.add_argument("--only", nargs="+", default=None, help="rows whose names hold one of these words")
    parser.add_argument("--table", action="store_true", help="print what is there, train nothing")
    return parser


def run(study: Path, wanted: argparse.Namespace, table: Iterable[Row]) -> None:
    """Train what is missing, seed by seed, then print the table."""
    chosen = [r for r in table if wanted.only is None or any(w.lower() in r.name.lower() for w in wanted.only)]
    wanted.out.mkdir(parents=True, exist_ok=True)
    if not wanted.table:
        with ThreadPoolExecutor(wanted.jobs) as pool:
            work = [pool.submit(_fit, study, row, seed, wanted) for seed in wanted.seeds for row in chosen]
            try:
                for fitted in work:
                    fitted.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    print(_table(chosen, wanted), flush=True)


def _folder(row: Row, seed: int, wanted: argparse.Namespace) -> Path:
    name = "".join(c if c.isalnum() else "-" for c in row.name)
    return Path(wanted.out) / f"{name}-{seed}"


def _fit(study: Path, row: Row, seed: int, wanted: argparse.Namespace) -> None:
    folder = _folder(row, seed, wanted)
    asked = folder.with_name(folder.name + ".flags.json")
    flags = _flags(row, seed, wanted)
    if (folder / "spec.json").exists() and (not asked.exists() or json.loads(asked.read_text()) != flags):
        raise SystemExit(f"{folder} was trained with other flags ({asked}); choose another --out.")
    if (folder / "manifest.json").exists():
        return
    command = [sys.executable, "-m", "ltnet_core", "fit", str(study), "--run", str(folder)]
    if (folder / "spec.json").exists():
        command.append("--resume")
    else:
        asked.write_text(json.dumps(flags))
        command += [*flags, "--device", wanted.device]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=surroundings(folder, wanted.jobs))
    if done.returncode:
        raise SystemExit(f"{row.name}: {done.stderr[-2000:]}")
    row_result = _result(row, folder)
    print(f"{row.name}, seed {seed}: {json.dumps(row_result)}", file=sys.stderr, flush=True)


def _flags(row: Row, seed: int, wanted: argparse.Namespace) -> list[str]:
    paper = "--preset" in row.flags
    preset = () if paper else ("--preset", wanted.preset)
    cutout = None if paper else wanted.cutout
    same = (("--network", wanted.network), ("--precision", wanted.precision), ("--cutout", cutout))
    shared = itertools.chain.from_iterable((flag, value) for flag, value in same if value is not None)
    first, *rest = (max(round(s * wanted.epochs), 1) for s in row.shares)
    epochs = ("--epochs", str(first), *(("--ltnet-epochs", str(rest[0])) if rest else ()))
    return [*row.flags, *preset, *shared, *epochs, "--seed", str(seed)]


def _result(row: Row, folder: Path) -> dict[str, Any]:
    evaluation = json.loads((folder / "results" / "evaluation.json").read_text())
    test = evaluation["tests"]["test"]["methods"][row.method]
    errors = {c: v["mae"] for c, v in evaluation["transitions"].items() if not c.startswith("machine:")}
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines() if line]
    # A run that was stopped and resumed took the time between each start and the event before the next.
    seconds = 0.0
    for before, after in itertools.pairwise(events):
        if after["event"] != "start" and before["event"] != "queued":
            seconds += after["time"] - before["time"]
    return {
        "accuracy": test["accuracy"],
        "ece": test["ece"],
        "t_error": errors,
        "truth": None if row.alone else evaluation["truth"]["accuracy"],
        "labels": evaluation["truth"]["human_labels_accuracy"],
        "seconds": seconds,
    }


def _table(chosen: Sequence[Row], wanted: argparse.Namespace) -> str:
    lines = [
        "| method | seeds | test accuracy | error of T | learned truth | calibration error | seconds |",
        "|---" * 7 + "|",
    ]
    for row in chosen:
        folders = [_folder(row, seed, wanted) for seed in wanted.seeds]
        results = [_result(row, f) for f in folders if (f / "manifest.json").exists()]
        if not results:
            continue

        def spread(values: list[float | None], form: Callable[[float], str]) -> str:
            known = [v for v in values if v is not None]
            if not known:
                return "–"
            sd = f" ± {form(float(np.std(known, ddof=1)))}" if len(known) > 1 else ""
            return form(float(np.mean(known))) + sd

        coders = list(results[0]["t_error"])
        errors = " / ".join(spread([f["t_error"][c] for f in results], lambda v: f"{v:.3f}") for c in coders)
        cells = (
            row.name,
            str(len(results)),
            spread([f["accuracy"] for f in results], lambda v: f"{100 * v:.2f}"),
            errors,
            spread([f["truth"] for f in results], lambda v: f"{100 * v:.2f}"),
            spread([f["ece"] for f in results], lambda v: f"{v:.3f}"),
            spread([f["seconds"] for f in results], lambda v: f"{v:.0f}"),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def surroundings(run: Path, jobs: int) -> dict[str, str]:
    """Environment of one of so many runs at once: one thread each; with one temporary folder they would queue."""
    if jobs == 1:
        return dict(os.environ)
    temporary = run.parent / "tmp" / run.name
    temporary.mkdir(parents=True, exist_ok=True)
    return {**os.environ, "TMPDIR": str(temporary), "OMP_NUM_THREADS": "1"}


def opened(study: Path) -> Path | zipfile.Path:
    """The root of a study's files, in a zip or a folder."""
    return study if study.is_dir() else zipfile.Path(study)


def copy_images(source: Path | zipfile.Path, names: Iterable[str], folder: Path) -> None:
    """Copy images of a study to a folder, by their paths."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((source / name).read_bytes())


def read_csv(table: Path | zipfile.Path) -> list[dict[str, str]]:
    """Rows of a CSV file."""
    with table.open("r", encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


def write_csv(path: Path, columns: Sequence[str], content: Iterable[Sequence[object]]) -> None:
    """A CSV file with a header."""
    with path.open("w", newline="", encoding="utf-8") as f:
        writer = csv.writer(f, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(content)
