"""Ways to damage a file of a run, and commands that must survive it: the fault table of the tests and the benchmark."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import signal
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from ltnet_core.__main__ import main
from ltnet_core.errors import Cancelled
from ltnet_core.files.reading import loads
from ltnet_core.runs.run import Run

FLAGS = ("--preset", "quick", "--epochs", "2", "--image-size", "8", "--device", "cpu", "--seed", "3")
OLD_MANIFEST = {"complete": True, "time": 1.7e9}
STATES = ("queued", "running", "stalled", "done", "cancelled", "crashed", "failed")

Damage = Callable[[Path], None]


def _half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def _random(path: Path) -> None:
    path.write_bytes(random.Random(path.name).randbytes(path.stat().st_size))


def _one_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) * 2 // 3] ^= 0x15
    path.write_bytes(content)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def _text(text: str) -> Damage:
    return lambda path: path.write_text(text, encoding="utf-8", errors="surrogatepass") and None


EVERYWHERE: dict[str, Damage] = {
    "half": _half,
    "empty": lambda path: path.write_bytes(b"") and None,
    "zeroed": _zeroed,
    "random bytes": _random,
    "{}": _text("{}"),
    "[]": _text("[]"),
    "nested": _text('{"classes": ' + "[" * 100_000),
    "removed": Path.unlink,
    "folder": _folder,
    "pipe": _pipe,
    "link to itself": _link_to_itself,
}
# One byte of the events or the log is as good as another: they are no result.
CHANGED = {"one byte": _one_byte}


def _json(change: Callable[[dict[str, Any]], None]) -> Damage:
    def damage(path: Path) -> None:
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return damage


def _set(*keys: Any, to: Any) -> Damage:
    def change(content: Any) -> None:
        for key in keys[:-1]:
            content = content[next(iter(content))] if key is any else content[key]
        content[next(iter(content)) if keys[-1] is any else keys[-1]] = to

    return _json(change)


def _frame(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Damage:
    return lambda path: change(pd.read_parquet(path)).to_parquet(path, index=False)


def _array(change: Callable[[Any], Any]) -> Damage:
    def damage(path: Path) -> None:
        with open(path, "rb+") as f:
            array = change(np.load(f))
            f.seek(0)
            f.truncate()
            np.save(f, array, allow_pickle=True)

    return damage


def _weights(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Damage:
    return lambda path: save_file(change(load_file(path)), path)


def _with(state: dict[str, Any], value: float) -> dict[str, Any]:
    name = next(k for k in state if k.startswith("base.") and state[k].is_floating_point())
    return {**state, name: torch.full_like(state[name], value)}


def _events(*lines: str) -> Damage:
    def damage(path: Path) -> None:
        with open(path, "a", encoding="utf-8") as f:
            f.writelines(line + "\n" for line in lines)

    return damage


ODD: dict[str, dict[str, Damage]] = {
    "spec.json": {
        "seed is text": _set("seed", to="3"),
        "settings are a list": _set("settings", to=[]),
        "epochs are text": _set("settings", "epochs", to="many"),
        "unknown setting": _set("settings", "colour", to=1),
        "odd network": _set("settings", "network", to={"a": 1}),
        "epoch range is text": _set("settings", "schedule", "epoch_range", to=["a", "b"]),
        "zero byte": _set("dataset", to="faces/\0"),
        "surrogate": _set("dataset_name", to="\udc80"),
        "classes are numbers": _set("classes", to=[1, 2]),
        "no codes": _set("codes", to=[]),
        "created is huge": _set("created", to=1e300),
    },
    "events.jsonl": {
        "odd lines": _events(
            '{"event": 5, "time": 1}',
            '{"event": "progress", "time": "x", "progress": 0.5}',
            '{"event": "progress", "time": 1, "progress": null}',
            '{"event": "progress", "time": 1, "progress": NaN}',
            '{"event": "progress", "time": 1, "progress": 1e999}',
            '{"event": "epoch", "time": 1, "stage": "ltnet", "epoch": []}',
            '{"event": "epoch", "time": 1}',
            '{"event": "stage", "time": 1, "stage": {"a": [1]}}',
            '{"event": "plan", "time": 1, "stages": 7}',
            '{"event": "note", "time": 1, "message": "\\ud800"}',
            '{"event": ["done"], "time": 1}',
            '{"event": "start", "time": 1' + "0" * 5000 + "}",
            "[" * 100_000,
            '"done"',
            "7",
        ),
        "binary line": lambda path: path.write_bytes(path.read_bytes() + b"\xff\xfe\0\n") and None,
    },
    "log.txt": {"binary": lambda path: path.write_bytes(bytes(range(256)) * 2000) and None},
    "manifest.json": {
        "files are a list": _set("files", to=[]),
        "size is text": _set("files", any, "size", to="3"),
        "not complete": _set("complete", to=False),
    },
    "results/names.json": {
        "classes are numbers": _set("classes", to=[1, 2]),
        "one class": _json(lambda c: c["classes"].pop()),
        "a class twice": _json(lambda c: c["classes"].append(c["classes"][0])),
        "no coders": _set("coders", to=[]),
        "another coder": _json(lambda c: c["coders"].append("x")),
        "no origins": _set("origins", to=[]),
        "weights are text": _set("weights", 0, to="x"),
        "weight is below 0": _set("weights", 0, to=-1),
        "given is a number": _set("given", to=3),
        "given is nobody": _set("given", to=["x"]),
        "matrix of nobody": _set("dawid_skene", to=["x"]),
    },
    "results/transitions.parquet": {
        "NaN": _frame(lambda f: f.assign(learned=np.nan)),
        "huge": _frame(lambda f: f.assign(learned=1e300)),
        "below 0": _frame(lambda f: f.assign(learned=-f["learned"])),
        "text for numbers": _frame(lambda f: f.assign(counts="x")),
        "fewer rows": _frame(lambda f: f.iloc[:-1]),
        "other order": _frame(lambda f: f.iloc[::-1]),
        "no support": _frame(lambda f: f.drop(columns="support")),
        "no truth": _frame(lambda f: f.drop(columns="truth")),
        "infinite support": _frame(lambda f: f.assign(support=np.inf)),
    },
    "results/evaluation.json": {
        "tests are a list": _set("tests", to=[1]),
        "accuracy is text": _set("truth", "accuracy", to="x"),
        "no truth": _json(lambda c: c.pop("truth")),
        "accuracy is 7": _set("truth", "accuracy", to=7),
        "methods are null": _set("tests", any, "methods", to=None),
    },
    "results/networks/index.json": {
        "files leave the folder": _set("files", "ltnet", to="../../spec.json"),
        "image size is text": _set("image_size", to="48"),
        "unknown network": _set("network", to="vgg"),
        "two channels": _set("channels", to=2),
        "std is 0": _set("std", 0, to=0.0),
        "other classes": _set("trained_classes", to=["a", "b"]),
        "temperature is null": _set("temperature", to=None),
    },
    "results/items.parquet": {
        "no rows": _frame(lambda f: f.iloc[:0]),
        "other columns": _frame(lambda f: f.rename(columns={"truth": "x"})),
        "text for numbers": _frame(lambda f: f.assign(confidence="x")),
        "text for codes": _frame(lambda f: f.assign(known="x")),
        "NaN": _frame(lambda f: f.assign(p_0=np.nan)),
        "fewer rows": _frame(lambda f: f.iloc[:5]),
        "unknown class": _frame(lambda f: f.assign(truth=99)),
        "no class": _frame(lambda f: f.assign(truth=-1)),
        "no name": _frame(lambda f: f.assign(image=None)),
        "no probabilities": _frame(lambda f: f.drop(columns="p_0")),
    },
    "results/annotations.parquet": {
        "unknown coder": _frame(lambda f: f.assign(coder=99)),
        "unknown row": _frame(lambda f: f.assign(row=9999)),
        "other order": _frame(lambda f: f.iloc[::-1]),
        "text for codes": _frame(lambda f: f.assign(label="x")),
        "no count": _frame(lambda f: f.drop(columns="count")),
    },
    "results/features.npy": {
        "other shape": _array(lambda a: a[0]),
        "fewer rows": _array(lambda a: a[:3]),
        "objects": _array(lambda a: np.array([{"a": 1}], dtype=object)),
    },
    "results/networks/ltnet.safetensors": {
        "NaN": _weights(lambda s: _with(s, float("nan"))),
        "infinite": _weights(lambda s: _with(s, float("inf"))),
        "other shapes": _weights(lambda s: {k: v.flatten() for k, v in s.items()}),
        "no weights": _weights(lambda s: {}),
    },
    "checkpoint/pixels.npy": {
        "other shape": _array(lambda a: a[:3]),
        "objects": _array(lambda a: np.array([{"a": 1}], dtype=object)),
    },
    "checkpoint/images.json": {"size is text": _set("size", to="48"), "kept is a list": _set("kept", to=[])},
    "checkpoint/mixture.json": {
        "a size is text": _set("batch_size", to="x"),
        "files are a list": _set("files", to=[1]),
    },
    "checkpoint/mixture.npy": {"NaN": _array(lambda a: a * np.nan), "fewer rows": _array(lambda a: a[:3])},
    "checkpoint/mixture.safetensors": {
        "NaN": _weights(lambda s: _with(s, float("nan"))),
        "other shapes": _weights(lambda s: {k: v.flatten() for k, v in s.items()}),
    },
    "checkpoint/ltnet.epochs.pt": {
        "another state": lambda path: torch.save({"model": {}}, path),
        "a pickle": lambda path: path.write_bytes(b"cos\nsystem\n(S'true'\ntR.") and None,
    },
}


def damages(file: str) -> dict[str, Damage]:
    """Every way to damage a file of a run."""
    changed = {} if file in ("events.jsonl", "log.txt", "alive.lock", "manifest.json") else CHANGED
    return {**EVERYWHERE, **changed, **ODD.get(file, {})}


def files_of(run: Path) -> list[str]:
    """Every file of a run, by its path below the folder."""
    return sorted(p.relative_to(run).as_posix() for p in run.rglob("*") if p.is_file())


@dataclass
class Outcome:
    """What a command did."""

    status: int
    out: str
    err: str
    files: dict[str, bytes] = field(default_factory=dict)


def call(*arguments: object) -> Outcome:
    """Run one command in this process, as from outside."""
    out, err = io.StringIO(), io.StringIO()
    kept = {s: signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            status = main([str(a) for a in arguments])
        except SystemExit as end:  # of the parser: help, or arguments that cannot be read
            status = int(end.code or 0)
    for number, handler in kept.items():
        if signal.getsignal(number) is not handler:  # only the first thread may set one
            signal.signal(number, handler)
    return Outcome(status, out.getvalue(), err.getvalue())


@dataclass(frozen=True)
class Material:
    """What the commands need: a dataset, an image, a finished run, and one that was stopped in its last network."""

    dataset: Path
    image: Path
    finished: Path
    stopped: Path


def make_material(folder: Path) -> Material:
    """A demo of 40 faces, and the two runs on it."""
    dataset, finished, stopped = folder / "faces", folder / "finished", folder / "stopped"
    assert call("demo", dataset, "--items", 40, "--seed", 1).status == 0
    assert call("fit", dataset, "--run", finished, *FLAGS).status == 0
    emit = Run.emit

    def stop_in_ltnet(run: Run, event: str, **facts: Any) -> None:
        emit(run, event, **facts)
        if event == "epoch" and facts["stage"] == "ltnet":
            raise Cancelled("stopped")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "emit", stop_in_ltnet)
        assert call("fit", dataset, "--run", stopped, *FLAGS).status == 1
    for run in (finished, stopped):
        (run / "log.txt").write_text("training\n")
    return Material(dataset, sorted((dataset / "images").iterdir())[0], finished, stopped)


def commands(material: Material) -> dict[str, Callable[[Path, Path], Outcome]]:
    """Name → command on a finished run; its second argument is an empty folder to write to."""

    def export(flag: str, name: str) -> Callable[[Path, Path], Outcome]:
        def command(run: Path, out: Path) -> Outcome:
            done = call("export", run, flag, out / name)
            done.files = {p.name: p.read_bytes() for p in out.iterdir()}
            return done

        return command

    def like(run: Path, out: Path) -> Outcome:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("ltnet_core.fit.train_run", lambda *_, **__: None)
            return call("fit", material.dataset, "--run", out / "like", "--like", run)

    return {
        "status": lambda run, out: call("status", run),
        "status --json": lambda run, out: call("status", run, "--json"),
        "evaluate": lambda run, out: call("evaluate", run),
        "evaluate --json": lambda run, out: call("evaluate", run, "--json"),
        "export --out csv": export("--out", "truth.csv"),
        "export --out parquet": export("--out", "truth.parquet"),
        "export --matrices json": export("--matrices", "T.json"),
        "export --matrices csv": export("--matrices", "T.csv"),
        "export --matrices svg": export("--matrices", "T.svg"),
        "export --model": export("--model", "m.pt"),
        "export --report": export("--report", "r.html"),
        "predict": lambda run, out: call("predict", run, material.image, "--device", "cpu"),
        "predict --json": lambda run, out: call("predict", run, material.image, "--json", "--device", "cpu"),
        "fit --resume": lambda run, out: call("fit", material.dataset, "--run", run, "--resume"),
        "fit --like": like,
    }


def resume(material: Material, run: Path) -> Outcome:
    """Go on with an unfinished run."""
    return call("fit", material.dataset, "--run", run, "--resume")


@contextlib.contextmanager
def copy_of(run: Path, parent: Path) -> Iterator[tuple[Path, Path]]:
    """A copy of a run to damage, and an empty folder; both are removed afterwards."""
    target, out = parent / "run", parent / "out"
    shutil.copytree(run, target)
    out.mkdir()
    try:
        yield target, out
    finally:
        shutil.rmtree(target)
        shutil.rmtree(out)


def complaint(done: Outcome) -> str | None:
    """What is wrong with how a command ended, None where nothing is: its status, and what it said on stderr."""
    lines = [line for line in done.err.splitlines() if line]
    if done.status not in (0, 1, 2):
        return f"exit status {done.status}"
    if "Traceback" in done.err or "nan" in done.out.lower().split():
        return f"said {done.err or done.out}"
    if done.status and (len(lines) != 1 or not lines[0].startswith("ltnet_core: ") or len(lines[0]) < 40):
        return f"said {lines}"
    if done.status and any(name.startswith(".") or name.endswith(".partial") for name in done.files):
        return f"left {sorted(done.files)}"
    return None


def wrong_answer(command: str, done: Outcome, sound: Outcome) -> str | None:
    """What is wrong with the answer of a command that succeeded on a damaged run, against that on a sound one."""
    if command.startswith("status"):
        if command.endswith("--json") and loads(done.out)["state"] not in STATES:
            return f"state {loads(done.out)['state']}"
        return None
    if done.out.replace("\n", "") and command.startswith(("evaluate", "predict")) and done.out != sound.out:
        return f"answered {done.out[:200]}"
    if command == "export --model":
        return None if done.files.keys() == sound.files.keys() else "no model"
    if command == "export --report":  # the notes come from the events, which are no result
        return None if b"Alpha" in done.files["r.html"] else "no report"
    return None if done.files == sound.files else f"wrote another {sorted(done.files)}"
