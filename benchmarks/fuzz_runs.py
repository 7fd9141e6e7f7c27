"""Damage the files of a small finished run at random, and call every command that reads them.

``python benchmarks/fuzz_runs.py [--seconds 1200] [--seed 0] [--keep DIR]``: prints how often each command did its work,
refused with a sentence of its own, or crashed, and each kind of crash once. Exit status 1 where anything crashed.
``--keep`` keeps the damaged run of each kind of crash.

A command crashes when an exception leaves it, when its message is no sentence of the library's, when it takes longer
than a minute, when it refuses and leaves a file, or when it does its work and prints a number that is none.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ltnet_core.__main__ import main as ltnet_core
from ltnet_core.datasets.demo import write_demo

MOST_MEMORY = 12 * 1024**3
PATIENCE = 60
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1e308, float("nan"), float("inf"), 10**400, "", "x", "\0", "<script>", "=1+1", "../../x",
    "\ud800", "x" * 100_000, [], [[]], {}, {"event": 5}, [None] * 1000,
)  # fmt: skip
UNNAMED = re.compile(r"^ltnet_core: \w+(Error|Exception|Warning): ", re.M)


class TooLong(BaseException):
    """A command took longer than ``PATIENCE``; no handler of the library's may catch it."""


@dataclass
class Tally:
    """What happened so far."""

    results: Counter[tuple[str, str]] = field(default_factory=Counter)
    crashes: dict[str, tuple[int, str]] = field(default_factory=dict)  # kind → (times, the first damage)


# ---- damage: each changes one file


def cut(path: Path, rng: random.Random) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: rng.randrange(len(data) + 1)])


def zero(path: Path, rng: random.Random) -> None:
    _block(path, rng, lambda n: bytes(n))


def scramble(path: Path, rng: random.Random) -> None:
    _block(path, rng, rng.randbytes)


def flip(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(rng.randint(1, 8)):
        if data:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def replace(path: Path, rng: random.Random) -> None:
    path.write_bytes(
        rng.choice((b"", b"{}", b"[]", b"null", b"5", b'""', b"\xff\xfe", b"{" * 100_000, rng.randbytes(300)))
    )


def odd_value(path: Path, rng: random.Random) -> None:
    """One value of a JSON file, or of a line of one, becomes odd or goes; other files are scrambled."""
    if path.suffix not in (".json", ".jsonl"):
        scramble(path, rng)
        return
    lines = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
    at = rng.randrange(len(lines))
    lines[at] = json.dumps(_with_odd_value(json.loads(lines[at]), rng))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="replace")


def exchange(path: Path, rng: random.Random) -> None:
    """Another file of the run in its place."""
    run = next(p for p in path.parents if p.name == "run")
    path.write_bytes(rng.choice(_files(run)).read_bytes())


def remove(path: Path, rng: random.Random) -> None:
    path.unlink()


def folder(path: Path, rng: random.Random) -> None:
    path.unlink()
    path.mkdir()


def loop(path: Path, rng: random.Random) -> None:
    path.unlink()
    path.symlink_to(path.name)


DAMAGES = (cut, zero, scramble, flip, replace, odd_value, exchange, remove, folder, loop)


def _block(path: Path, rng: random.Random, content: Callable[[int], bytes]) -> None:
    data = bytearray(path.read_bytes())
    start = rng.randrange(len(data) + 1)
    length = min(len(data) - start, rng.randint(1, 400))
    data[start : start + length] = content(length)
    path.write_bytes(data)


def _with_odd_value(content: Any, rng: random.Random) -> Any:
    if not isinstance(content, dict | list) or not content:
        return rng.choice(ODD)
    keys = list(content) if isinstance(content, dict) else list(range(len(content)))
    inner = [k for k in keys if isinstance(content[k], dict | list) and content[k]]
    if inner and rng.random() < 0.7:
        key = rng.choice(inner)
        content[key] = _with_odd_value(content[key], rng)
        return content
    if rng.random() < 0.1:
        return rng.choice(ODD)
    key = rng.choice(keys)
    if rng.random() < 0.2:
        del content[key]
    else:
        content[key] = rng.choice(ODD)
    return content


def _files(run: Path) -> list[Path]:
    return sorted(p for p in run.rglob("*") if p.is_file())


# ---- what reads a run


def commands(run: Path, out: Path, image: Path) -> list[tuple[str, list[str]]]:
    """Name and arguments of each."""
    export = ["export", str(run)]
    return [
        ("status", ["status", str(run), "--json"]),
        ("evaluate", ["evaluate", str(run)]),
        ("evaluate --json", ["evaluate", str(run), "--json"]),
        *((f"export {f} {n}", [*export, f, str(out / n)]) for f, n in (
            ("--out", "t.csv"), ("--out", "t.parquet"), ("--matrices", "T.json"), ("--matrices", "T.csv"),
            ("--matrices", "T.svg"), ("--model", "m.pt"), ("--report", "r.html"))),
        ("predict", ["predict", str(run), str(image), "--device", "cpu", "--json"]),
    ]  # fmt: skip


def call(arguments: list[str]) -> tuple[str, str]:
    """``works``, ``refuses`` or ``crashes``, and the kind of crash."""
    out, errors = io.StringIO(), io.StringIO()
    signal.alarm(PATIENCE)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors), warnings.catch_warnings():
            warnings.simplefilter("error")
            status = ltnet_core(arguments)
    except TooLong:
        return "crashes", f"took longer than {PATIENCE} s"
    except Exception as e:
        at = [
            f
            for f in traceback.extract_tb(e.__traceback__)
            if "ltnet_core" in f.filename and "site-packages" not in f.filename
        ]
        where = f"{Path(at[-1].filename).name}, {at[-1].name}" if at else "outside"
        return "crashes", f"{type(e).__name__} in {where}: {str(e).splitlines()[0][:100] if str(e) else ''}"
    finally:
        signal.alarm(0)
    text = errors.getvalue()
    if status and (UNNAMED.search(text) or not text.startswith("ltnet_core: ") or "Traceback" in text):
        return "crashes", f"status {status} says {text[:120]!r}"
    # The sentence about a damaged file may quote the number.
    printed = re.sub(r'^\s*"?damaged"?: .*$', "", out.getvalue(), flags=re.MULTILINE)
    if not status and re.search(r"\b(nan|NaN|Infinity)\b", printed):
        return "crashes", "prints a number that is none"
    return ("refuses" if status else "works"), ""


# ---- the whole


def prepare(folder: Path) -> tuple[Path, Path]:
    """A finished run on drawn faces, and an image."""
    faces, run = folder / "faces", folder / "whole" / "run"
    write_demo(faces, items=60, seed=0)
    flags = ["--preset", "quick", "--epochs", "1", "--device", "cpu", "--seed", "0"]
    with contextlib.redirect_stdout(io.StringIO()):
        if ltnet_core(["fit", str(faces), "--run", str(run), *flags]):
            raise SystemExit("the run that was to be damaged could not be trained")
    return run, next((faces / "images").iterdir())


def damaged(whole: Path, folder: Path, rng: random.Random) -> tuple[Path, str]:
    """A copy of the run with one file damaged, sometimes two, and what was done to it."""
    run = folder / "run"
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(whole, run)
    done = []
    for _ in range(1 if rng.random() < 0.8 else 2):
        path, damage = rng.choice(_files(run)), rng.choice(DAMAGES)
        with contextlib.suppress(ValueError):  # an odd value after another damage: the file is no JSON any more
            damage(path, rng)
            done.append(f"{damage.__name__} {path.relative_to(run)}")
    return run, ", ".join(done)


def fuzz(tally: Tally, whole: Path, image: Path, folder: Path, wanted: argparse.Namespace) -> None:
    """Damage a copy of the run and call every command, again and again until the time is over."""
    give_up, number, out = time.monotonic() + wanted.seconds, 0, folder / "out"
    while time.monotonic() < give_up:
        run, damage = damaged(whole, folder, random.Random(f"{wanted.seed}-{number}"))
        for name, arguments in commands(run, out, image):
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            result, kind = call(arguments)
            if result == "refuses" and list(out.iterdir()):
                result, kind = "crashes", f"refuses and leaves {sorted(p.name for p in out.iterdir())}"
            tally.results[name, result] += 1
            if not kind:
                continue
            kind = f"{name.split()[0]}: {kind}"
            if kind not in tally.crashes and wanted.keep is not None:
                shutil.copytree(run, wanted.keep / f"{wanted.seed}-{number}", symlinks=True, dirs_exist_ok=True)
            times, first = tally.crashes.get(kind, (0, f"round {number}, {damage}"))
            tally.crashes[kind] = times + 1, first
        number += 1


def table(tally: Tally) -> Iterator[str]:
    """The tally in Markdown."""
    yield "| command | works | refuses | crashes |\n|---|---|---|---|"
    for name in dict.fromkeys(name for name, _ in tally.results):
        yield f"| `{name}` | " + " | ".join(str(tally.results[name, r]) for r in ("works", "refuses", "crashes")) + " |"
    if tally.crashes:
        yield "\n| crash | times | first |\n|---|---|---|"
    for kind, (times, first) in sorted(tally.crashes.items(), key=lambda c: -c[1][0]):
        yield f"| {kind} | {times} | {first} |".replace("\n", " ")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, metavar="DIR")
    wanted = parser.parse_args()
    if wanted.keep is not None:
        wanted.keep.mkdir(parents=True, exist_ok=True)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    os.environ.setdefault("OMP_NUM_THREADS", "1")

    def stop(number: int, frame: object) -> None:
        raise TooLong

    signal.signal(signal.SIGALRM, stop)
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        whole, image = prepare(root)
        fuzz(tally, whole, image, root, wanted)
    print("\n".join(table(tally)))
    return 1 if tally.crashes else 0


if __name__ == "__main__":
    sys.exit(main())
