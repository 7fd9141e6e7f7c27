"""What is printed: names that a terminal obeys or no encoding has, and outputs that are not there."""

from __future__ import annotations

import errno
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, Command, write_csv

from ltnet_core.datasets import load_dataset
from ltnet_core.datasets.formats.joined import Source, write
from ltnet_core.datasets.sources.array_file import read_array
from ltnet_core.datasets.sources.files import FolderFiles
from ltnet_core.datasets.sources.plain_pickle import read_pickle
from ltnet_core.datasets.sources.text_files import loads
from ltnet_core.errors import DatasetError, OptionError, RunError
from ltnet_core.files.printing import drop_output, isolated, printable, say_if_heard
from ltnet_core.files.writing import storage_error
from ltnet_core.runs.run import Run

HALF = "\ud800x"


@pytest.mark.parametrize("where", ["class", "coder", "image"])
def test_half_a_character_in_json_is_refused(where: str, plain: Path, ltnet: Command) -> None:
    (plain / "annotations.csv").unlink()
    image, coder, label = (HALF if where == w else "x" for w in ("image", "coder", "class"))
    chosen = [{"type": "choices", "value": {"choices": [label]}}]
    task = {"data": {"image": f"/{image}.png"}, "annotations": [{"completed_by": coder, "result": chosen}]}
    (plain / "export.json").write_text(json.dumps([task]))
    for command in (("inspect",), ("aggregate", "--method", "majority", "--out", str(plain / "out.csv"))):
        done = ltnet(command[0], str(plain), *command[1:])
        assert done.returncode == 2
        assert done.stderr == "ltnet_core: export.json: is not readable JSON ('\\ud800' in it is half a character).\n"


@pytest.mark.parametrize(
    "data", [b'["\\ud800"]', '["\\udfff"]', b'["\xed\xa0\x80"]', '["\ud800"]'.encode("utf-16", "surrogatepass")]
)
def test_every_reader_of_json_refuses_half_a_character(data: bytes | str) -> None:
    with pytest.raises(ValueError, match="surrogates not allowed"):
        loads(data)
    assert loads(b'["\\ud83d\\ude00"]') == ["\U0001f600"]


def test_half_a_character_in_arrays_and_pickles_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "names.npy", np.array(["a", HALF]))
    (tmp_path / "names.pkl").write_bytes(pickle.dumps({"names": [HALF]}))
    with pytest.raises(DatasetError, match="characters that do not exist"):
        read_array(FolderFiles(tmp_path), "names.npy")
    with pytest.raises(DatasetError, match="no Unicode"):
        read_pickle(FolderFiles(tmp_path), "names.pkl")


def test_paths_that_are_not_utf_8_are_refused(plain: Path, tmp_path: Path, ltnet: Command) -> None:
    odd = Path(os.fsdecode(bytes(tmp_path) + b"/\xff"))
    shutil.copytree(plain, odd)
    (tmp_path / "link").symlink_to(odd)
    for call in (("inspect", str(odd)), ("status", str(odd)), ("inspect", str(plain), "--problems", f"{odd}.csv")):
        done = ltnet(*call)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert "is not UTF-8 text; rename" in done.stderr
    with pytest.raises(DatasetError, match="not UTF-8"):
        load_dataset(tmp_path / "link")
    with pytest.raises(RunError, match="not UTF-8"):
        Run(odd / "run").require_new()
    with pytest.raises(OptionError, match="not UTF-8"):
        write(tmp_path / "joined", [Source("a", str(odd))], {})


def test_a_terminal_is_told_nothing_by_names(plain: Path, ltnet: Command) -> None:
    write_csv(
        plain / "annotations.csv",
        ("image", "coder", "label"),
        [("images/a.png", "\x1b]0;x\x07X", "cat"), ("images/b.png", "Y", "d\u202eo\x9bg")],
    )
    (plain / "truth.csv").unlink()
    done = ltnet("inspect", plain)
    assert done.returncode == 0
    assert all(c == "\n" or c.isprintable() for c in done.stdout)
    assert "\\x1b]0;x\\x07X" in done.stdout
    assert json.loads(ltnet("inspect", plain, "--json").stdout)["classes"] == ["cat", "d\u202eo\x9bg"]


@pytest.mark.parametrize(
    "name",
    ["\u202eabc", "\u2069\u202eabc", "\u2067abc", "\u2069\u2067\u2069\u2069\u202b", "عربي", "\u2066a\u2069\u202d"],
)
def test_a_name_turns_nothing_beside_it(name: str) -> None:
    depth = 0
    for c in isolated(name):
        depth += (c in "\u2066\u2067\u2068") - (c == "\u2069")
        assert depth > 0 or c == "\u2069", "outside the isolate"
    assert depth == 0
    assert isolated("RAF-DB (2017)\u2069") == "RAF-DB (2017)\u2069", "what turns nothing is left as it is"


def test_a_name_stays_as_it_is_where_it_can() -> None:
    assert printable("Müller 笑い 👩‍🔬") == "Müller 笑い 👩‍🔬"
    assert printable("a\nb\ud800") == "a\\nb\\ud800"


def test_an_output_that_lacks_the_letters_gets_escapes(plain: Path) -> None:
    write_csv(
        plain / "annotations.csv",
        ("image", "coder", "label"),
        [("images/a.png", "Zoë", "cat"), ("images/b.png", "Zoë", "dog")],
    )
    for more in ((), ("--json",)):
        done = _started("inspect", str(plain), *more, PYTHONIOENCODING="ascii:strict")
        assert done.returncode == 0
        assert "Zo\\xeb" in done.stdout or "Zoë" in json.loads(done.stdout)["coders"]
    assert "ROLE=COLUMN,\\u2026" in _started("inspect", "--help", PYTHONIOENCODING="ascii:strict").stdout


@pytest.mark.parametrize("closed", ["1", "2", "0 1 2"])
def test_closed_outputs_stop_no_work(closed: str, plain: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ltnet_core", "aggregate", str(plain), "--method", "majority", "--out"]
    close = " ".join(f"{n}>&-" for n in closed.split())
    out = tmp_path / "truth.csv"
    done = subprocess.run(["/bin/sh", "-c", f'exec "$@" {close}', "sh", *command, str(out)], cwd=ROOT, timeout=60)
    assert done.returncode == 0
    assert out.read_text().startswith("image,")


def _fit_until(stage: str, run: Path, demo: Path, output: int) -> subprocess.Popen[bytes]:
    """A training that prints to a handle, in a session of its own, and has come to a stage."""
    quick = ("--preset", "quick", "--epochs", "2", "--device", "cpu", "--image-size", "12")
    command = [sys.executable, "-m", "ltnet_core", "fit", str(demo), "--run", str(run), *quick]
    child = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
    )
    os.close(output)
    deadline = time.monotonic() + 120
    while not any(e.get("stage") == stage for e in Run(run).events()):
        assert child.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    return child


@pytest.mark.parametrize("output", [os.pipe, os.openpty])
def test_a_training_goes_on_when_its_terminal_or_its_reader_is_gone(
    output: Callable[[], tuple[int, int]], demo: Path, tmp_path: Path
) -> None:
    reads, writes = output()
    child = _fit_until("images", tmp_path / "run", demo, writes)
    os.close(reads)
    assert child.wait(timeout=120) == 0
    assert Run(tmp_path / "run").status().state == "done"


def test_a_terminal_that_hangs_up_cancels_a_training(demo: Path, tmp_path: Path) -> None:
    reads, writes = os.pipe()
    child = _fit_until("images", tmp_path / "run", demo, writes)
    child.send_signal(signal.SIGHUP)
    os.close(reads)
    assert child.wait(timeout=120) == 1
    assert Run(tmp_path / "run").status().state == "cancelled"


def test_only_an_output_that_is_gone_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(OSError, match="No space left"):
            say_if_heard("hello")
        drop_output(full)


def test_a_limit_of_files_is_no_full_disk(tmp_path: Path) -> None:
    message = str(storage_error(tmp_path / "x", OSError(errno.EFBIG, "File too large"), 9))
    assert "ulimit -f" in message
    assert "the disk is full" not in message


def _started(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ltnet_core", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60
    )
