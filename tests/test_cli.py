"""The command line: demo, inspect, aggregate, and how errors look."""

from __future__ import annotations

import gc
import json
import os
import runpy
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import Command, write_csv

from ltnet_core.datasets import load_dataset
from ltnet_core.datasets.sources.image_sources import images_of
from ltnet_core.errors import DatasetError, OptionError

COMMANDS = (
    "demo",
    "inspect",
    "aggregate",
    "fit",
    "status",
    "cancel",
    "evaluate",
    "export",
    "predict",
    "devices",
    "join",
    "adjudications",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(ltnet: Command, command: str) -> None:
    done = ltnet(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert command in done.stdout


def test_demo_writes_the_same_folder_for_the_same_seed(ltnet: Command, ltnet_process: Command, tmp_path: Path) -> None:
    for name, run in (("a", ltnet_process), ("b", ltnet)):
        done = run("demo", tmp_path / name, "--items", 40, "--seed", 9)
        assert done.returncode == 0, done.stderr
    one, two = (
        {p.relative_to(f): p.read_bytes() for p in f.rglob("*") if p.is_file()}
        for f in (tmp_path / "a", tmp_path / "b")
    )
    assert one == two
    again = ltnet("demo", tmp_path / "a", "--items", 40)
    assert again.returncode == 2
    assert again.stderr.startswith("ltnet_core: ")


def test_inspect_json_has_the_promised_keys(ltnet: Command, ltnet_process: Command, plain: Path) -> None:
    content = json.loads(ltnet_process("inspect", plain, "--json").stdout)
    assert content["format"] == "plain"
    assert (content["items"], content["unlabelled"], content["test_items"]) == (4, 1, 1)
    assert content["classes"] == ["cat", "dog"]
    assert content["coders"] == {
        "X": {"annotations": 2, "counts": {"cat": 1, "dog": 1}},
        "Y": {"annotations": 2, "counts": {"cat": 2, "dog": 0}},
    }
    (pair,) = content["agreement"]["pairs"]
    assert (pair["a"], pair["b"], pair["items"], pair["kappa"]) == ("X", "Y", 2, 0.0)
    assert content["agreement"]["krippendorff_alpha"] == pytest.approx(0.0)
    assert content["problems"] == []
    assert "coder X: 2 items (cat 1, dog 1)" in ltnet("inspect", plain).stdout


def test_inspect_reports_what_training_would_refuse(ltnet: Command, plain: Path) -> None:
    (plain / "images" / "d.png").write_bytes(b"junk")
    write_csv(plain / "classes.csv", ("class",), [("cat",), ("dog",)])
    with open(plain / "annotations.csv", "a") as f:
        f.write("images/a.png,Z,cow\nimages/gone.png,X,cat\n")
    done = ltnet("inspect", plain, "--json")
    assert done.returncode == 0
    content = {p["kind"]: p for p in json.loads(done.stdout)["problems"]}
    assert set(content) == {"unknown class", "missing image", "unreadable image", "empty coder"}
    assert content["unknown class"]["examples"][0].startswith("annotations.csv, row 6: unknown class 'cow'")
    for command in (
        ("aggregate", plain, "--method", "majority", "--out", plain / "t.csv"),
        ("fit", plain, "--run", plain / "r"),
    ):
        refused = ltnet(*command)
        assert refused.returncode == 2
        assert "annotations.csv, row 6: unknown class 'cow'" in refused.stderr
        assert refused.stderr.count("\n") == 1
    assert not (plain / "t.csv").exists()
    assert not (plain / "r").exists()


def test_aggregate_writes_truth_and_matrices(ltnet: Command, plain: Path, tmp_path: Path) -> None:
    out, matrices = tmp_path / "truth.csv", tmp_path / "T.json"
    for method in ("majority", "dawid-skene", "shrunk-dawid-skene"):
        done = ltnet("aggregate", plain, "--method", method, "--out", out, "--matrices", matrices)
        assert done.returncode == 0, done.stderr
        truth = pd.read_csv(out, keep_default_na=False)
        assert list(truth.columns) == [
            "image", "learned_truth", "confidence", "network_truth", "case", "X", "Y", "p_cat", "p_dog",
        ]  # fmt: skip
        assert truth["image"].tolist() == ["images/a.png", "images/b.png"]
        assert truth["learned_truth"][0] == "cat"
        assert truth["case"].astype(str)[0] == "1"
        content = json.loads(matrices.read_text())
        assert content["classes"] == ["cat", "dog"]
        assert set(content["coders"]) == {"X", "Y"}
        np.testing.assert_allclose(np.sum(content["coders"]["Y"], axis=1), 1)
    assert truth["network_truth"].tolist() == ["", ""]


def test_no_command_writes_over_the_dataset(ltnet: Command, plain: Path, tmp_path: Path) -> None:
    labels = plain / "annotations.csv"
    before = labels.read_bytes()
    for command, why in (
        (("aggregate", plain, "--out", labels), "it is a file of the dataset"),
        (("aggregate", labels, "--out", labels), "it is the file that is read"),
        (("aggregate", plain, "--out", tmp_path / "t.csv", "--matrices", tmp_path / "t.csv"), "written twice"),
        (("inspect", plain, "--problems", labels), "it is a file of the dataset"),
        (("aggregate", plain, "--out", tmp_path / "t.txt"), "must end in .csv or .parquet"),
    ):
        refused = ltnet(*command)
        assert refused.returncode == 2 and refused.stderr.count("\n") == 1, command
        assert why in refused.stderr
    assert labels.read_bytes() == before
    assert not (tmp_path / "t.csv").exists()


def test_a_coder_named_like_a_column_gets_its_own(ltnet: Command, plain: Path, tmp_path: Path) -> None:
    text = (plain / "annotations.csv").read_text().replace(",X,", ",confidence,").replace(",Y,", ",p_cat,")
    (plain / "annotations.csv").write_text(text)
    assert ltnet("aggregate", plain, "--method", "majority", "--out", tmp_path / "t.csv").returncode == 0
    truth = pd.read_csv(tmp_path / "t.csv")
    assert list(truth.columns[5:]) == ["coder:confidence", "coder:p_cat", "p_cat", "p_dog"]


def test_a_zip_is_read_in_place_and_left_as_it_was(ltnet: Command, plain: Path, tmp_path: Path) -> None:
    archive = tmp_path / "faces.zip"
    with zipfile.ZipFile(archive, "w") as z:
        for path in plain.rglob("*"):
            if path.is_file():
                z.write(path, path.relative_to(plain))
        z.writestr("../../evil.txt", "x")
    before, around = archive.read_bytes(), sorted(tmp_path.rglob("*"))
    done = ltnet("inspect", archive, "--json")
    assert json.loads(done.stdout)["items"] == 4
    assert archive.read_bytes() == before
    assert sorted(tmp_path.rglob("*")) == around


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("inspect", "nowhere"), 2),
        (("status", "nowhere"), 2),
        (("evaluate", "nowhere", "--json"), 2),
        (("predict", "nowhere", "x.png"), 2),
        (("export", "nowhere", "--out", "x.csv"), 2),
        (("aggregate", "nowhere", "--method", "majority", "--out", "x.csv"), 2),
        (("aggregate", "nowhere", "--method", "guess", "--out", "x.csv"), 2),
        (("demo", "x", "--items", "-3"), 2),
        (("inspect", ""), 2),
        (("predict", "nowhere", ""), 2),
        (("fit", "nowhere", "--run", ""), 2),
        (("fit", "nowhere", "--run="), 2),
        (("join", "x", "--source", "RAF="), 2),
        (("fit", "nowhere", "--run", "r", "--epochs", "nan"), 2),
        (("fit", "nowhere", "--run", "r", "--nonsense"), 2),
        (("inspect", "a" * 300), 2),
        (("status", "a" * 300), 2),
        (("fit", "nowhere", "--run", "a" * 300), 2),
        (("aggregate", "nowhere", "--out", "a" * 300 + ".csv"), 2),
        ((), 2),
    ],
)
def test_errors_are_one_sentence_on_stderr(
    ltnet: Command, tmp_path: Path, arguments: tuple[str, ...], status: int
) -> None:
    done = ltnet(*arguments, cwd=tmp_path)
    assert done.returncode == status
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("ltnet_core: ") and done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [
        ("fit", "{plain}", "--run", "{loop}"),
        ("fit", "{plain}", "--run", "r", "--weights", "{loop}/x"),
        ("join", "j", "--source", "{loop}"),
        ("aggregate", "{plain}", "--out", "{loop}/x.csv"),
    ],
)
def test_links_that_lead_to_each_other_are_one_sentence(
    ltnet: Command, plain: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    loop = tmp_path / "a"
    loop.symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(loop)
    done = ltnet(*(part.format(plain=plain, loop=loop) for part in command), cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr


def test_flags_that_contradict_each_other_or_would_be_ignored(
    ltnet: Command, plain: Path, finished: Path, tmp_path: Path
) -> None:
    join = ("join", tmp_path / "j", "--source", plain)
    twice = ltnet(*join, "--class", "cat=dog", "--class", "cat=owl")
    assert (twice.returncode, "'cat' is 'dog' and 'owl'; choose one" in twice.stderr) == (2, True)
    assert not (tmp_path / "j").exists()
    settled = tmp_path / "s.csv"
    write_csv(settled, ("image", "label"), [("images/a.png", "cat")])
    of_run = ("report", finished, "--settled", settled, "--out", tmp_path / "r.html")
    for flags in (("--format", "plain"), ("--split", "test=x")):
        done = ltnet(*of_run, *flags)
        assert (done.returncode, "leave the flags about the reading out" in done.stderr) == (2, True), done.stderr
    nothing = ltnet("inspect", plain, "--split", "test=")
    assert (nothing.returncode, "'test=' is none" in nothing.stderr) == (2, True)
    for flag in ("--annotators", "--ignore", "--classes-are", "--columns"):
        empty = ltnet("inspect", plain, flag, " , ")
        assert (empty.returncode, f"{flag} names nothing: ' , '" in empty.stderr) == (2, True), empty.stderr
    unknown = ltnet("inspect", plain, "--columns", "lable=label")
    assert unknown.returncode == 2 and unknown.stderr.endswith("Did you mean 'label'?\n")


def test_no_output_replaces_a_device_or_a_pipe(ltnet: Command, plain: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    for command in (("aggregate", plain, "--out", pipe), ("inspect", plain, "--problems", pipe)):
        done = ltnet(*command)
        assert (done.returncode, "it is a device or a pipe; name a file" in done.stderr) == (2, True), done.stderr
    assert pipe.is_fifo()


@pytest.mark.parametrize(
    "options",
    [
        ("--run", "a", "--run-dir=b"),
        ("--run", "a", "--freeze", "--no-freeze"),
        ("--run=a", "--no-augment", "--augment"),
    ],
)
def test_two_spellings_that_contradict_each_other_are_refused(options: tuple[str, ...], ltnet: Command) -> None:
    done = ltnet("fit", "faces", *options)
    assert done.returncode == 2 and " contradict each other; leave out one of them." in done.stderr


def test_an_empty_argument_is_not_the_folder_at_hand(ltnet: Command, plain: Path) -> None:
    for command in (("inspect", ""), ("inspect", plain, "--problems="), ("aggregate", plain, "--out", "")):
        refused = ltnet(*command, cwd=plain)
        assert (refused.returncode, "is empty; was a variable not set?" in refused.stderr) == (2, True)
    assert ltnet("inspect", plain, "--skip-images", "--missing", "").returncode == 0
    assert ltnet("inspect", plain, "--skip-images", "--missing=", "--class=cat=").returncode == 2  # one class is left
    with pytest.raises(DatasetError, match="no dataset is named: the path is empty"):
        load_dataset("")
    with pytest.raises(OptionError, match="a dataset is named by its path, got NoneType"):
        load_dataset(None)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="corrections must be Corrections, got dict"):
        load_dataset(plain, corrections={"ignore": ["age"]})  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match="there is no such image file"):
        list(images_of([""]))


def test_images_are_never_altered(ltnet: Command, plain: Path, tmp_path: Path) -> None:
    shutil.copytree(plain, tmp_path / "copy")
    ltnet("inspect", plain)
    ltnet("fit", plain, "--run", tmp_path / "r", "--preset", "quick", "--epochs", 1, "--device", "cpu")
    for path in (tmp_path / "copy").rglob("*"):
        if path.is_file():
            assert (plain / path.relative_to(tmp_path / "copy")).read_bytes() == path.read_bytes()


def test_devices_names_the_processor(ltnet: Command) -> None:
    devices = json.loads(ltnet("devices", "--json").stdout)["devices"]
    assert devices[-1]["id"] == "cpu"
    assert devices[-1]["name"]
    assert devices[-1]["cores"] >= 1


@pytest.mark.filterwarnings("ignore:'ltnet_core.__main__' found in sys.modules:RuntimeWarning")
def test_a_command_ends_without_a_search_for_garbage(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """With PyTorch imported it takes the interpreter a second."""
    ends: list[str] = []
    monkeypatch.setattr(gc, "freeze", lambda: ends.append(capfd.readouterr().err))
    monkeypatch.setattr(sys, "argv", ["ltnet_core", "inspect", str(tmp_path / "nothing")])
    with pytest.raises(SystemExit) as end:
        runpy.run_module("ltnet_core", run_name="__main__")
    assert end.value.code == 2
    assert len(ends) == 1 and "nothing" in ends[0]  # when the work is done


def test_an_interrupt_while_it_is_imported_is_a_sentence() -> None:
    """From the first import on that takes long; before it there is nothing to interrupt."""
    code = (
        "import sys, ltnet_core.__main__ as program\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name in ('numpy', 'argparse'): raise KeyboardInterrupt\n"
        "assert not {'numpy', 'argparse'} & set(sys.modules)\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "sys.exit(program.main(['devices']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "ltnet_core: interrupted.\n")


def test_rows_that_cannot_be_right_are_set_aside_when_asked(demo: Path, tmp_path: Path, ltnet: Command) -> None:
    folder = tmp_path / "faces"
    shutil.copytree(demo, folder)
    with open(folder / "annotations.csv", "a", encoding="utf-8") as f:
        f.write("images/00000.jpg,Gamma,joy\nimages/00001.jpg,,fear\n")
    for command in (
        ("aggregate", "--method", "majority", "--out"),
        ("fit", "--epochs", "1", "--preset", "quick", "--run"),
    ):
        name, *flags = command
        out = tmp_path / (f"{name}.csv" if name == "aggregate" else name)
        refused = ltnet(name, folder, *flags, out)
        assert refused.returncode == 2
        assert "--set-aside goes on without" in refused.stderr
        assert not out.exists()
        done = ltnet(name, folder, *flags, out, "--set-aside", *(("--no-comparisons",) if name == "fit" else ()))
        assert done.returncode == 0, done.stderr
        assert "unknown class 'joy'" in done.stderr + done.stdout  # set aside, and said
        assert "empty coder" in done.stderr + done.stdout
    truth = pd.read_csv(tmp_path / "aggregate.csv", keep_default_na=False)
    assert "Gamma" not in truth.columns
    assert len(truth) > 100
