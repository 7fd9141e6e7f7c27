"""Files appear whole or not at all, and a failure says which file."""

from __future__ import annotations

import argparse
import errno
import os
import time
from pathlib import Path

import pytest
from conftest import Command, write_csv

from ltnet_core.command_line import MODULES
from ltnet_core.errors import OptionError, StorageError
from ltnet_core.files.writing import (
    amount,
    behind_link,
    naming,
    remove_abandoned,
    replacing,
    require_different,
    require_folder,
    require_output,
    write_bytes,
    write_json,
)


def test_a_file_appears_under_its_name_only_when_complete(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with replacing(target) as partial:
        partial.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_after_a_failure_the_old_file_stands_and_nothing_else_is_left(tmp_path: Path, error: BaseException) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")

    def fail() -> None:
        with replacing(target) as partial:
            partial.write_text("half")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_full_disk_names_the_file_and_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        StorageError, match=r"'.*T\.json' could not be written: the disk is full\. .* are free there, about 2\.5 kB"
    ):
        write_bytes(tmp_path / "T.json", b"x" * 2500)
    assert os.listdir(tmp_path) == []


def test_another_failure_says_why(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"x\.json' could not be written \(No such file or directory\)"):
        write_json(tmp_path / "gone" / "x.json", {})
    with pytest.raises(StorageError, match=r"log\.txt' could not be written \(Is a directory\)"), naming("log.txt"):
        raise IsADirectoryError(errno.EISDIR, "Is a directory")


def test_a_read_only_file_system_is_named_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    for name in ("write_bytes", "unlink"):  # the system says so of a file that is not there, too
        monkeypatch.setattr(Path, name, refuse)
    with pytest.raises(StorageError, match=r"x\.json' could not be written \(Read-only file system\)"):
        write_json(tmp_path / "x.json", {})


def test_json_holds_no_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"p": float("nan")})
    assert os.listdir(tmp_path) == []


def test_where_a_user_may_write(tmp_path: Path) -> None:
    assert require_folder(tmp_path / "a.csv") == tmp_path / "a.csv"
    with pytest.raises(OptionError, match="the folder does not exist"):
        require_folder(tmp_path / "no" / "a.csv")
    with pytest.raises(OptionError, match="it is a folder"):
        require_folder(tmp_path)


def test_no_device_no_pipe_and_no_open_file_is_replaced(tmp_path: Path) -> None:
    """``/dev/stdout`` is a link to a file that a shell may have opened; the file system lets root replace the link."""
    (tmp_path / "a.csv").write_text("")
    (tmp_path / "link.csv").symlink_to("a.csv")
    (tmp_path / "loose.csv").symlink_to("nowhere.csv")
    for name, behind in (("a.csv", "a.csv"), ("link.csv", "a.csv"), ("loose.csv", "nowhere.csv")):
        assert require_folder(behind_link(tmp_path / name)) == tmp_path / behind
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "to-pipe.csv").symlink_to("pipe.csv")
    (tmp_path / "out.csv").symlink_to("/proc/self/fd/1")
    with open(tmp_path / "a.csv") as f:
        others = (Path("/dev/null"), Path("/dev/stdout"), Path(f"/dev/fd/{f.fileno()}"))
        for path in (*(tmp_path / name for name in ("pipe.csv", "to-pipe.csv", "out.csv")), *others):
            with pytest.raises(OptionError, match="it is a device or a pipe"):
                require_folder(behind_link(path))


def test_a_link_is_written_through(ltnet: Command, tmp_path: Path) -> None:
    """As ``>``, ``cp`` and pandas do: what is behind the link has the content, and the link stays."""
    write_csv(tmp_path / "labels.csv", ("image", "coder", "label"), [("a.png", "Ann", "x"), ("a.png", "Ben", "y")])
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "truth.csv").write_text("old")
    for name in ("truth.csv", "T.json"):  # a file that is there, and one that is not yet
        (tmp_path / name).symlink_to(Path("elsewhere", name))
    outputs = ("--out", tmp_path / "truth.csv", "--matrices", tmp_path / "T.json")
    assert ltnet("aggregate", tmp_path / "labels.csv", *outputs).returncode == 0
    for name, words in (("truth.csv", "learned_truth"), ("T.json", "coders")):
        assert (tmp_path / name).is_symlink() and words in (tmp_path / "elsewhere" / name).read_text()
    for module in MODULES:
        for command in module.COMMANDS:
            command.flags(parser := argparse.ArgumentParser())
            to_write = [a for a in parser._actions if a.dest in ("out", "problems", "matrices", "model", "report")]
            assert all(a.type is behind_link for a in to_write), command.name


def test_only_what_was_abandoned_is_removed(tmp_path: Path) -> None:
    old, new, other = tmp_path / ".writing-0.partial", tmp_path / ".writing-1.partial", tmp_path / "a.partial"
    for file in (old, new, other):
        file.write_text("")
    os.utime(old, (time.time() - 7200,) * 2)
    remove_abandoned(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [".writing-1.partial", "a.partial"]


def test_amounts() -> None:
    assert [amount(n) for n in (0, 999, 1400, 2.5e6, 3.2e12)] == [
        "0 bytes",
        "999 bytes",
        "1.4 kB",
        "2.5 MB",
        "3200.0 GB",
    ]


def test_no_output_replaces_what_is_read(tmp_path: Path) -> None:
    dataset, table, new = tmp_path / "d", tmp_path / "labels.csv", tmp_path / "new.csv"
    (dataset / "deep").mkdir(parents=True)
    for path in (table, dataset / "deep" / "a.csv", tmp_path / "other.csv"):
        path.write_text("x")
    (tmp_path / "link.csv").symlink_to(table)
    for path in (new, tmp_path / "other.csv", dataset / "new.csv"):  # a new file, one of nobody's, a new one there
        assert require_output(path, (dataset, table, None, tmp_path / "gone")) == path
    for path in (table, tmp_path / "link.csv", tmp_path / "d" / ".." / "labels.csv"):
        with pytest.raises(OptionError, match="it is the file that is read"):
            require_output(path, (dataset, table))
    with pytest.raises(OptionError, match="it is a file of the dataset"):
        require_output(dataset / "deep" / "a.csv", (dataset,))
    with pytest.raises(OptionError, match="the folder does not exist"):
        require_output(tmp_path / "no" / "a.csv", ())
    require_different((new, None, table, None))
    with pytest.raises(OptionError, match="is to be written twice"):
        require_different((new, dataset / ".." / "new.csv"))
