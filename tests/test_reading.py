"""Files of a run: read as what they are, or refused with the file's name and what to do."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any, Literal, TypedDict

import faults
import numpy as np
import pytest
import torch
from conftest import Command
from safetensors.torch import load_file, save_file

from ltnet_core.datasets.demo import write_demo
from ltnet_core.errors import DamageError, DatasetError, RunError, StorageError
from ltnet_core.explore.adjudications import Adjudications, Decision, read_decisions
from ltnet_core.files.reading import loads, read_array, read_json, reading, require_file
from ltnet_core.files.shapes import mismatch
from ltnet_core.learning.fit_state import load_epochs, save_epochs
from ltnet_core.learning.weights import fill, load_weights, save_weights
from ltnet_core.runs.checkpoint import keep, kept
from ltnet_core.runs.manifest import entry, read_manifest, require_unchanged
from ltnet_core.runs.run import Run
from ltnet_core.runs.run_events import LONGEST_LINE, MOST_BYTES, read_events, tail


class Inner(TypedDict):
    n: int


class Outer(Inner, total=False):
    names: list[str]
    table: dict[str, list[float]]
    kind: Literal["a", "b"]
    size: tuple[int, float] | None


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ({"n": 1}, None),
        ({"n": 1, "names": ["x"], "table": {"a": [1, 0.5]}, "kind": "b", "size": (1, 2.0)}, None),
        ({"n": 1, "size": None}, None),
        ({}, "it has no 'n'"),
        ([], "it must be an object"),
        ({"n": True}, "n must be a whole number"),
        ({"n": 1.5}, "n must be a whole number"),
        ({"n": 1, "names": "x"}, "names must be a list"),
        ({"n": 1, "table": {"a": [1, None]}}, "table.a[1] must be a number"),
        ({"n": 1, "table": {"a": [True]}}, "table.a[0] must be a number"),
        ({"n": 1, "kind": "c"}, "kind must be one of a, b"),
        ({"n": 1, "size": (1,)}, "size must be 2 values"),
    ],
)
def test_a_form_is_held_against_a_type(value: Any, wrong: str | None) -> None:
    assert mismatch(value, Outer) == wrong


@pytest.mark.parametrize("text", ["NaN", "[-Infinity]", "1e999", '"\\ud800"', "[" * 100_000, "1" * 5000, ""])
def test_json_that_could_not_be_written_again_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises((ValueError, RecursionError)):
        loads(text)
    (tmp_path / "x.json").write_text('{"x": ' + text + "}")
    with pytest.raises(
        DamageError, match=r"x\.json' is damaged \(.*\); restore it from a copy, or train the run again\.$"
    ):
        read_json(tmp_path / "x.json")


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for name, reason in (
        ("pipe", "it is no regular file"),
        ("", "it is a folder"),
        ("gone", "is missing"),
        ("loop", "Too many levels"),
    ):
        with pytest.raises(DamageError, match=reason):
            require_file(tmp_path / name)


def test_gigabytes_in_the_place_of_a_text_are_not_read(tmp_path: Path) -> None:
    with open(tmp_path / "x.json", "wb") as f:
        f.truncate(100 * 2**30)
    with pytest.raises(
        DamageError, match=r"x\.json' is damaged \(it has 107,374,182,400 bytes, more than any run writes\)"
    ):
        read_json(tmp_path / "x.json")
    with pytest.raises(DatasetError, match=r"x\.json: has 107,374,182,400 bytes, more than any file of adjudications"):
        read_decisions(tmp_path / "x.json")


def test_whoever_may_not_read_is_told_so_and_handles_have_a_limit() -> None:
    for number, kind, words in (
        (errno.EACCES, RunError, "cannot be read (Permission denied); give yourself the right"),
        (errno.EMFILE, StorageError, "too many files are open (the limit is"),
        (errno.EIO, DamageError, "is damaged (Input/output error)"),
    ):
        with pytest.raises(kind, match=f".*{words.split('(')[0].strip()}.*") as error, reading(Path("x.json")):
            raise OSError(number, os.strerror(number), "x.json")
        assert words in str(error.value)


def test_commands_say_what_to_do_without_handles_or_memory(monkeypatch: pytest.MonkeyPatch, golden: Path) -> None:
    def refuse(error: BaseException) -> None:
        def status(self: Run) -> None:
            raise error

        monkeypatch.setattr(Run, "status", status)

    refuse(OSError(errno.EMFILE, os.strerror(errno.EMFILE), "/x/y.json"))
    done = faults.call("status", golden)
    assert (done.status, done.err.count("\n")) == (1, 1)
    assert "'/x/y.json' could not be opened: too many files are open" in done.err
    assert "ulimit -n" in done.err
    refuse(MemoryError())
    assert faults.call("status", golden).err == (
        "ltnet_core: there is not enough memory (none is left); close other programs and try again.\n"
    )
    refuse(ImportError("libtorch_cpu.so: failed to map segment"))
    assert faults.call("status", golden).err == (
        "ltnet_core: a library cannot be loaded (libtorch_cpu.so: failed to map segment); install requirements.txt, "
        "or raise `ulimit -v`.\n"
    )


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
        MemoryError(),
    ],
)
def test_training_without_memory_names_the_stage_and_what_to_lower(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    write_demo(tmp_path / "faces", items=20)
    monkeypatch.setattr("ltnet_core.learning.network_stage.fit_in_turns", refuse)
    done = faults.call("fit", tmp_path / "faces", "--run", tmp_path / "run", *faults.FLAGS, "--batch-size", 8)
    assert (done.status, done.err) == (
        1,
        "ltnet_core: there is not enough memory for the stage 'warm-up': lower the image size (now 8), or take a "
        "smaller network (now cnn).\n",
    )
    assert loads(faults.call("status", tmp_path / "run", "--json").out)["state"] == "failed"
    monkeypatch.undo()
    monkeypatch.setattr("ltnet_core.learning.study_pixels.decode_all", refuse)
    done = faults.call("fit", tmp_path / "faces", "--run", tmp_path / "other", *faults.FLAGS)
    assert "for the stage 'images': lower the image size, or set the pixel budget to 0." in done.err


def test_predicting_without_memory_is_one_sentence(golden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 7 bytes.")

    monkeypatch.setattr("ltnet_core.learning.predict.mean_p", refuse)
    done = faults.call("predict", golden, golden.parent / "expected" / "face.jpg", "--device", "cpu")
    assert (done.status, done.err) == (
        1,
        "ltnet_core: there is not enough memory to predict on cpu; try --device cpu.\n",
    )


# ---- events and log


def test_of_gigabytes_the_beginning_and_the_end_are_read(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with open(path, "wb") as f:
        f.write(b'{"event": "start", "time": 1}\n')
        f.truncate(40 * MOST_BYTES)  # sparse: zeros in between
        f.seek(0, os.SEEK_END)
        f.write(b'\n{"event": "note", "time": 2, "message": "x"}\n')
    events, odd = read_events(path)
    assert ([e["event"] for e in events], odd) == (["start", "note"], None)
    assert tail(path, 1) == '{"event": "note", "time": 2, "message": "x"}'


def test_events_are_what_a_trainer_writes(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", {"settings": {}})
    run.emit("stage", stage="ltnet", epochs=2, progress=0.5, eta_seconds=None)
    with open(run.folder / "events.jsonl", "a") as f:
        f.write('{"event": "note", "time": 1, "message": "' + "x" * LONGEST_LINE + '"}\n')
        f.write(
            '{"event": "progress", "time": 1e300, "progress": 0.7}\n{"event": "progress", "time": 1, "progress": 2}\n'
        )
    assert [e["event"] for e in run.events()] == ["stage"]
    (run.folder / "events.jsonl").write_bytes(bytes(500))
    assert "no line of" in str(run.status().damaged) or "spec.json" in str(run.status().damaged)
    assert read_events(run.folder / "events.jsonl")[1]
    assert run.log_tail() == ""
    (run.folder / "log.txt").mkdir()
    assert "log.txt' is damaged (it is a folder)" in run.log_tail()


# ---- arrays, weights, checkpoints


def test_arrays_have_the_form_that_is_asked_for(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.ones((2, 3)))
    assert read_array(tmp_path / "a.npy", (2, 3), np.float64).sum() == 6
    np.save(tmp_path / "nan.npy", np.full((2, 3), np.nan))
    np.save(tmp_path / "o.npy", np.array([{}], dtype=object), allow_pickle=True)
    for name, kind, reason in (
        ("a.npy", np.float32, "expected 2 × 3 of float32"),
        ("nan.npy", np.float64, "not finite"),
        ("o.npy", np.float64, "allow_pickle"),
    ):
        with pytest.raises(DamageError, match=reason):
            read_array(tmp_path / name, (2, 3), kind)


def test_weights_are_finite_and_of_the_network(tmp_path: Path) -> None:
    model, path = torch.nn.Linear(2, 3), tmp_path / "w.safetensors"
    save_weights(model.state_dict(), path)
    fill(model, load_weights(path), path)
    with pytest.raises(DamageError, match=r"w\.safetensors' is damaged \(its weights do not fit the network"):
        fill(torch.nn.Linear(2, 4), load_weights(path), path)
    for value in (float("nan"), float("-inf")):
        save_file({"weight": torch.tensor([1.0, value])}, path)
        with pytest.raises(DamageError, match="weight holds weights that are not finite"):
            load_weights(path)
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(DamageError, match=r"w\.safetensors' is damaged"):
        load_weights(path)


def test_a_changed_byte_is_noticed_wherever_it_is(tmp_path: Path) -> None:
    path = tmp_path / "x.epochs.pt"
    state = {"model": {}, "optimizers": [], "history": [], "best_loss": 1.0, "best_epoch": 0, "best": None}
    save_epochs(state, path)
    assert load_epochs(path, torch.device("cpu")) == state
    content = path.read_bytes()
    for at in range(0, len(content), 37):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(DamageError):
            load_epochs(path, torch.device("cpu"))
    torch.save(state, path)  # as it was written before there were digests
    assert load_epochs(path, torch.device("cpu")) == state
    (tmp_path / "a.bin").write_bytes(b"abc")
    keep(tmp_path, "a", ["a.bin"], {"n": 1})
    assert kept(tmp_path, "b", Inner) is None
    assert (kept(tmp_path, "a", Inner) or {})["n"] == 1
    facts = (tmp_path / "a.json").read_text()
    (tmp_path / "a.json").write_text(facts.replace('"n": 1', '"n": 2'))
    with pytest.raises(DamageError, match=r"a\.json"):
        kept(tmp_path, "a", Inner)


def test_a_file_is_hashed_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc")
    expected = entry(path)
    require_unchanged(tmp_path, "a.bin", expected)
    path.write_bytes(b"abd")
    with pytest.raises(DamageError, match="its content is not what the run wrote"):
        require_unchanged(tmp_path, "a.bin", expected)
    path.write_bytes(b"abcd")
    with pytest.raises(DamageError, match="it has 4 bytes, the run wrote 3"):
        require_unchanged(tmp_path, "a.bin", expected)


def test_weights_that_are_not_finite_predict_nothing(golden: Path, ltnet: Command, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(golden, run)
    path = run / "results" / "networks" / "ltnet.safetensors"
    state = load_file(path)
    save_file({k: torch.full_like(v, float("nan")) if v.is_floating_point() else v for k, v in state.items()}, path)
    done = ltnet("predict", run, golden.parent / "expected" / "face.jpg")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "holds weights that are not finite" in done.stderr


# ---- the store of decisions


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE decisions SET time = 'noon'",
        "UPDATE decisions SET time = 1e300",
        "UPDATE decisions SET image = x'00ff'",
        "UPDATE decisions SET reviewer = cast(x'ff' as text)",
        "ALTER TABLE decisions RENAME COLUMN reason TO why",
        "DROP TABLE decisions; CREATE TABLE other (id)",
    ],
)
def test_a_store_with_odd_rows_is_named(tmp_path: Path, change: str) -> None:
    store = Adjudications(tmp_path / "s.sqlite")
    store.add(Decision("settle", "a.png", "cat", key="me-1"), 0)
    db = sqlite3.connect(store.path)
    db.executescript(change)
    db.close()
    done = faults.call("adjudications", store.path, "--out", tmp_path / "settled.csv")
    assert (done.status, done.err.count("\n")) == (2, 1), done
    assert f"{store.path}: adjudications cannot be read or written" in done.err
    assert not (tmp_path / "settled.csv").exists()


@pytest.mark.parametrize("damage", ["half", "zeroed", "random bytes", "folder", "pipe", "link to itself", "[]"])
def test_a_damaged_store_is_named(tmp_path: Path, damage: str) -> None:
    store = Adjudications(tmp_path / "s.sqlite")
    store.add_all([(Decision("settle", f"{i}.png", "cat", reason="r" * 500, key=f"me-{i}"), 0) for i in range(50)])
    faults.EVERYWHERE[damage](store.path)
    with pytest.raises((DatasetError, StorageError), match=r"s\.sqlite"):
        store.standing()
    with pytest.raises((DatasetError, StorageError), match=r"s\.sqlite"):
        store.add(Decision("settle", "a.png", "cat", key="me-x"), 0)


def test_a_run_without_its_adjudications_says_so(tmp_path: Path) -> None:
    write_demo(tmp_path / "faces", items=20)
    (tmp_path / "settled.csv").write_text(
        "image,label\nimages/00000.jpg,fear\nimages/00001.jpg,fear\nimages/00002.jpg,fear\n"
    )
    run = tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ltnet_core.fit.train_run", lambda *_, **__: None)
        made = faults.call(
            "fit", tmp_path / "faces", "--run", run, *faults.FLAGS, "--adjudications", tmp_path / "settled.csv"
        )
        assert made.status == 0, made
    assert json.loads((run / "spec.json").read_text())["adjudications"] > 0
    (run / "adjudications.csv").unlink()
    done = faults.call("fit", tmp_path / "faces", "--run", run, "--resume")
    assert done.status == 2
    assert "adjudications.csv' is missing; restore it from a copy" in done.err


@pytest.mark.parametrize("size", [-1, 10**400])
def test_a_size_that_no_file_has_is_damage_of_the_manifest(tmp_path: Path, size: int) -> None:
    files = {"spec.json": {"size": size, "blake2b": "00"}}
    (tmp_path / "manifest.json").write_text(json.dumps({"complete": True, "files": files}))
    with pytest.raises(DamageError, match=r"the size of 'spec\.json' is none that a file has"):
        read_manifest(tmp_path)
