"""Processes that the pages start: what they said when they failed, what is not there, and what an option becomes."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ltnet_core.errors import DatasetError, LTNetError, RunError, StorageError
from ltnet_core.runs import jobs
from ltnet_core.runs.run import Run
from ltnet_core.settings import make_settings
from ui import commands, option_form

Says = Callable[..., None]


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Says:
    """Put a few lines of Python in the place of the command line."""

    def replace(script: str) -> None:
        monkeypatch.setattr(commands, "COMMAND", (sys.executable, "-c", f"import sys, time\n{script}"))

    return replace


@pytest.mark.parametrize(
    ("errors", "text"),
    [("", "map failed and said nothing."), ("\n \n", "map failed and said nothing."), ("ltnet_core: no such run.\n", "no such run."),
     ("Traceback …\nltnet_core: the last line.", "the last line."), ("plain", "plain")],
)  # fmt: skip
def test_the_last_line_is_why_a_command_failed(errors: str, text: str) -> None:
    assert commands.complaint(errors, "map") == text


def test_bad_input_and_failures_are_errors_of_their_kind_and_output_is_given(says: Says) -> None:
    says("print('done', *sys.argv[1:])")
    assert commands.require_done(["export", "x"]) == "done export x\n"
    says("sys.exit('ltnet_core: the folder is no dataset.')")
    with pytest.raises(LTNetError, match=r"^the folder is no dataset\.$") as failed:
        commands.require_done(["export"])
    assert not isinstance(failed.value, DatasetError)
    says("print('ltnet_core: bad input.', file=sys.stderr); sys.exit(2)")
    with pytest.raises(DatasetError, match=r"bad input"):
        commands.require_done(["export"])
    says("sys.exit(1)")
    with pytest.raises(LTNetError, match=r"^export failed and said nothing\.$"):
        commands.require_done(["export"])


def test_a_command_that_takes_too_long_is_ended_and_said(says: Says) -> None:
    says("time.sleep(60)")
    with pytest.raises(LTNetError, match="longer than 0 seconds; use the command line"):
        commands.require_done(["export"], timeout=0.2)


@pytest.mark.parametrize("output", ["", "{", "[]", "{}", '{"seconds": null}', '{"seconds": "soon"}', "null"])
def test_an_estimate_that_was_cut_off_is_said(says: Says, output: str) -> None:
    says(f"print({output!r})")
    with pytest.raises(LTNetError, match="cut off"):
        commands.estimate(Path("/x"), [])


def test_an_estimate_is_seconds_and_asks_with_the_flags(says: Says) -> None:
    says("import json; print(json.dumps({'seconds': len(sys.argv)}))")
    assert commands.estimate(Path("/x"), ["--epochs=3", "--seed=1"]) == 6.0


def test_predictions_are_what_the_command_says_and_names_are_no_flags(says: Says, tmp_path: Path) -> None:
    says("import json; print(json.dumps([{'argv': sys.argv[1:]}]))")
    run = Run(tmp_path)
    ((by_images,), (by_features,)) = (
        commands.predict(run, ["--help"]),
        commands.predict(run, ["a.png"], tmp_path / "f.npz"),
    )
    assert by_images["argv"] == ["predict", str(tmp_path), "--json", "--", "--help"]
    assert by_features["argv"][2:4] == ["--features", str(tmp_path / "f.npz")]
    says("print('[{')")
    with pytest.raises(LTNetError, match="cut off"):
        commands.predict(run, ["a.png"])


@pytest.mark.parametrize(
    "script", ["sys.exit(1)", "print('{')", "print('{}')", "print('{\"devices\": 5}')", "print('[]')"]
)
def test_devices_that_cannot_be_found_out_are_none(says: Says, script: str) -> None:
    says(script)
    commands.devices.clear()
    assert commands.devices() == []
    commands.devices.clear()


@pytest.mark.parametrize(
    ("devices", "text"),
    [([], "The device will be found when training starts."), ([{"kind": "cpu", "name": "Xeon", "cores": 2}], "CPU: Xeon, 2 cores"),
     ([{"kind": "cpu"}], "CPU: unnamed"), ([{"kind": "cpu"}, {"kind": "cuda"}], "GPU: unnamed"),
     ([{"kind": "cpu"}, {"kind": "cuda", "name": "H100", "memory_gib": 79.6}], "GPU: H100, 80 GiB"),
     ([{"kind": "cuda", "name": "A"}, {"kind": "cuda"}, {"kind": "cpu"}], "GPU: A and 1 more; a run trains on all of them")],
)  # fmt: skip
def test_what_training_runs_on_is_said(devices: list[dict[str, Any]], text: str) -> None:
    assert commands.device_sentence(devices) == text


class Started:
    """A trainer that was started."""

    def __init__(self, status: int | None):
        self.returncode = status

    def poll(self) -> int | None:
        return self.returncode


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[[Started, Callable[[Path], None]], None]:
    def with_trainer(process: Started, writes: Callable[[Path], None]) -> None:
        def begin(run_dir: Path, *_: object, **__: object) -> Started:
            run_dir.mkdir(parents=True, exist_ok=True)
            writes(run_dir)
            return process

        monkeypatch.setattr(jobs, "start", begin)
        monkeypatch.setattr(commands, "START_SECONDS", 0.3)
        commands._started.clear()

    return with_trainer


def test_a_trainer_that_ends_at_once_says_why_and_leaves_no_run(start: Any, tmp_path: Path) -> None:
    run_dir = tmp_path / "runs" / "x"
    start(Started(2), lambda folder: (folder / "log.txt").write_text("ltnet_core: --epochs must be at least 1.\n"))
    with pytest.raises(RunError, match=r"--epochs must be at least 1\."):
        commands.start_run(run_dir, tmp_path)
    assert not run_dir.exists()


def test_a_trainer_that_ends_and_says_nothing_is_told_by_its_status(start: Any, tmp_path: Path) -> None:
    start(Started(-9), lambda folder: None)
    with pytest.raises(RunError, match="status -9 and said nothing"):
        commands.start_run(tmp_path / "runs" / "x", tmp_path)


def test_a_trainer_that_cannot_write_its_log_is_told_by_the_disk(
    start: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "LITTLE_ROOM", 1 << 62)
    start(Started(1), lambda folder: None)
    with pytest.raises(StorageError, match="runs' could not be written: the disk is full"):
        commands.start_run(tmp_path / "runs" / "x", tmp_path)


def test_a_trainer_that_is_slow_to_begin_or_done_already_is_no_failure(start: Any, tmp_path: Path) -> None:
    start(Started(None), lambda folder: None)
    commands.start_run(tmp_path / "runs" / "slow", tmp_path)
    assert len(commands._started()) == 1  # its exit will be collected
    start(Started(0), lambda folder: None)
    commands.start_run(tmp_path / "runs" / "quick", tmp_path)
    assert (tmp_path / "runs" / "quick").exists()


def test_a_process_for_the_map_is_asked_for_its_end(says: Says) -> None:
    says("sys.exit('ltnet_core: it needs a run.')")
    process = commands.start_command(["map", "x"])
    assert isinstance(process, subprocess.Popen)
    assert commands.complaint(process.communicate(timeout=60)[1], "map") == "it needs a run."
    assert process.returncode == 1


# ---- the form of the options


@pytest.mark.parametrize(
    ("names", "row"),
    [((), ""), (("a",), "a"), (("a", "b"), "a,b"), (("a,b", 'c"d'), '"a,b","c""d"'), ((" a", "é"), " a,é")],
)
def test_names_are_written_as_the_command_line_reads_them(names: tuple[str, ...], row: str) -> None:
    assert option_form.csv_row(names) == row
    if names:
        assert tuple(next(csv.reader([row]))) == names


def test_every_option_has_a_widget_a_key_of_its_own_and_a_flag() -> None:
    base = make_settings("quick")
    options = [o for group in base.groups().values() for o in group.values() if o.flag is not None]
    assert len(options) > 30
    for option in options:
        assert option_form._kind(option) in option_form._WIDGETS, option.name
        for off in (None, "without LTNet"):
            about = option_form._about(option, "quick", off)
            assert about["disabled"] == (off is not None)
            assert option.help in about["help"]
        if option.kind is bool:
            assert option_form._flag(option, not option.default)[0].startswith("--")
        else:
            assert option_form._flag(option, ("a,b", "c") if option.names == "coders" else 5)[0].startswith(
                f"{option.flag}="
            )
    keys = [option_form._about(o, start, None)["key"] for o in options for start in ("quick", "default")]
    assert len(set(keys)) == len(keys)  # a preset's widgets are others, or they would keep the other's values
