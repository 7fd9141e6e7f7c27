"""Decoded pixels that outlive their run: found again, never stale, bounded, and not needed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import faults
import numpy as np
import pytest
from conftest import write_image

from ltnet_core.datasets import load_dataset
from ltnet_core.datasets.demo import write_demo
from ltnet_core.datasets.sources.archives import open_files
from ltnet_core.datasets.sources.files import FolderFiles, GivenFiles
from ltnet_core.errors import Cancelled, DatasetError, StorageError
from ltnet_core.learning import pixel_cache, study_pixels
from ltnet_core.learning.pixel_cache import make_room, making, pixels_folder, pixels_key, pixels_limit
from ltnet_core.learning.progress import Progress
from ltnet_core.learning.study_pixels import PixelSource, StudyPixels
from ltnet_core.runs.run import Run
from ltnet_core.settings.groups import DataOptions

Decoded = list[Path]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LTNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LTNET_CACHE_GB")
    return tmp_path / "cache" / "pixels"


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cached") / "faces"
    write_demo(folder, items=30, seed=1)
    return folder


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Decoded:
    """Where images were decoded to, in turn."""
    done: Decoded = []
    real = study_pixels.decode_all

    def watched(files: FolderFiles, names: list[str], size: int, channels: int, out: Path, progress: object) -> object:
        done.append(out)
        return real(files, names, size, channels, out)

    monkeypatch.setattr(study_pixels, "decode_all", watched)
    return done


def a_run(folder: Path) -> Run:
    return Run.create(folder, {})


def pixels_of(data: Path, run: Run, **options: object) -> StudyPixels:
    return PixelSource(load_dataset(data), run, DataOptions(**options), Progress(run), lambda side: side).get()


def notes(run: Run) -> list[str]:
    return [e["message"] for e in run.events() if e["event"] == "note"]


def test_the_second_run_decodes_nothing(faces: Path, cache: Path, tmp_path: Path, decoded: Decoded) -> None:
    first, second = (pixels_of(faces, a_run(tmp_path / name)) for name in "ab")
    assert len(decoded) == 1 and decoded[0].parent == cache
    np.testing.assert_array_equal(first.pixels[np.arange(30)], second.pixels[np.arange(30)])
    assert not (tmp_path / "a" / "checkpoint" / "pixels.npy").exists()
    third = pixels_of(faces, a_run(tmp_path / "c"), image_size=20)
    assert third.size == 20 and len(decoded) == 2
    assert oct(cache.stat().st_mode)[-3:] == "700"


def test_a_resumed_run_does_not_need_the_cache(faces: Path, cache: Path, tmp_path: Path, decoded: Decoded) -> None:
    run = a_run(tmp_path / "run")
    first = pixels_of(faces, run)
    assert len(decoded) == 1
    assert pixels_of(faces, run).size == first.size and len(decoded) == 1
    shutil.rmtree(cache)
    again = pixels_of(faces, run)
    assert len(decoded) == 2
    np.testing.assert_array_equal(first.pixels[np.arange(30)], again.pixels[np.arange(30)])
    assert notes(run) == []


def test_a_resumed_run_says_that_its_images_changed(tmp_path: Path, cache: Path, faces: Path) -> None:
    data, run = tmp_path / "data", a_run(tmp_path / "run")
    shutil.copytree(faces, data)
    pixels_of(data, run)
    write_image(sorted(data.rglob("*.jpg"))[3], 7)
    pixels_of(data, run)
    (note,) = notes(run)
    assert "other sizes or times than when this run began" in note


def test_a_resumed_run_goes_on_where_the_cache_was_switched_off(
    faces: Path, cache: Path, tmp_path: Path, decoded: Decoded, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = a_run(tmp_path / "run")
    pixels_of(faces, run)
    monkeypatch.setenv("LTNET_CACHE_GB", "0")
    shutil.rmtree(cache)
    pixels_of(faces, run)
    assert decoded[1] == run.checkpoint / "pixels.npy"


CHANGES: dict[str, Callable[[Path], object]] = {
    "another content of the same length": lambda p: p.write_bytes(p.read_bytes()[:-1] + b"\0"),
    "a time": lambda p: os.utime(p, (1, 1)),
    "longer": lambda p: p.write_bytes(p.read_bytes() + b"\0"),
    "gone": lambda p: p.unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_image_has_another_key(change: str, tmp_path: Path) -> None:
    for name in "ab":
        write_image(tmp_path / f"{name}.png")
    files = FolderFiles(tmp_path)
    before = pixels_key(files, ["a.png", "b.png"], 8, 1)
    assert before == pixels_key(FolderFiles(tmp_path), ["a.png", "b.png"], 8, 1)
    time.sleep(0.02)
    CHANGES[change](tmp_path / "b.png")
    assert before != pixels_key(files, ["a.png", "b.png"], 8, 1)


def test_what_is_decoded_otherwise_has_another_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "ab":
        write_image(tmp_path / f"{name}.png")
    files = FolderFiles(tmp_path)

    def key(names: str = "ab", size: int = 8, channels: int = 1) -> str | None:
        return pixels_key(files, [f"{n}.png" for n in names], size, channels)

    keys = [key(), key("ba"), key("a"), key(size=9), key(channels=3)]
    monkeypatch.setenv("LTNET_ROOTS", str(tmp_path))
    keys.append(key())
    monkeypatch.setattr(pixel_cache, "DECODER", pixel_cache.DECODER + 1)
    keys.append(key())
    assert len(set(keys)) == len(keys) and None not in keys


def test_files_in_archives_change_with_the_archive(faces: Path, tmp_path: Path) -> None:
    keys = set()
    for level in (1, 9):
        with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
            for path in sorted(faces.rglob("*.jpg"))[:3]:
                archive.write(path, path.name)
        files = open_files(tmp_path / "a.zip")
        keys.add(pixels_key(files, files.names, 8, 1))
        assert len(files.names) == 3
        time.sleep(0.02)
    assert len(keys) == 2


def test_files_of_an_unknown_kind_are_not_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_image(tmp_path / "a.png")
    files = GivenFiles(tmp_path, {"a.png": tmp_path / "a.png"})
    assert pixels_key(files, ["a.png"], 8, 1)
    monkeypatch.setattr(GivenFiles, "stamp", lambda self, name: None)
    assert pixels_key(files, ["a.png"], 8, 1) is None


@pytest.mark.parametrize("damage", ["pixels", "facts", "lost", "shorter"])
def test_damage_is_decoded_again(
    damage: str, faces: Path, cache: Path, tmp_path: Path, decoded: Decoded, capsys: pytest.CaptureFixture[str]
) -> None:
    good = pixels_of(faces, a_run(tmp_path / "a"))
    want = np.array(good.pixels[np.arange(30)])
    stored, facts = next(cache.glob("*.npy")), next(cache.glob("*.json"))
    if damage == "pixels":
        with open(stored, "r+b") as f:
            f.seek(-5, 2)
            f.write(b"\x77\x01")
        os.utime(stored, (1, 1))
    elif damage == "facts":
        facts.write_text(facts.read_text().replace('"broken": {}', '"broken": {"images/x.png": "lost"}'))
    elif damage == "lost":
        stored.unlink()
    else:
        os.truncate(stored, 100)
    again = pixels_of(faces, a_run(tmp_path / "b"))
    np.testing.assert_array_equal(again.pixels[np.arange(30)], want)
    assert len(decoded) == 2
    assert "so the images are decoded again" in capsys.readouterr().out


def test_an_image_that_can_be_read_again_is(tmp_path: Path, cache: Path, decoded: Decoded, faces: Path) -> None:
    """Such as on a disk that did not answer; nothing of the file says so."""
    data = tmp_path / "data"
    shutil.copytree(faces, data)
    one = sorted(data.rglob("*.jpg"))[3]
    real = FolderFiles.read

    def silent(self: FolderFiles, name: str, *limit: int) -> bytes:
        if name in str(one):
            raise DatasetError("cannot be read (Input/output error).", file=name)
        return real(self, name, *limit)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FolderFiles, "read", silent)
        broken = pixels_of(data, a_run(tmp_path / "a")).broken
        assert len(broken) == 1
        pixels_of(data, a_run(tmp_path / "b"))
        assert len(decoded) == 1, "it is still broken"
    assert not pixels_of(data, a_run(tmp_path / "c")).broken
    assert len(decoded) == 2


def test_a_file_that_broke_its_decoder_is_not_tried_again(
    tmp_path: Path, cache: Path, decoded: Decoded, faces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here it would be this process that ends."""
    data = tmp_path / "data"
    shutil.copytree(faces, data)
    sorted(data.rglob("*.jpg"))[3].write_bytes(b"junk")
    monkeypatch.setattr(study_pixels, "look", lambda *a: pytest.fail("it was tried"))
    for name in "ab":
        assert len(pixels_of(data, a_run(tmp_path / name)).broken) == 1
    assert len(decoded) == 1


def test_the_cache_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LTNET_CACHE_GB", "3e-6")
    for age, name in enumerate(("newest", "older", "oldest", "unfinished")):
        (tmp_path / f"{name}.npy").write_bytes(bytes(1000))
        path = tmp_path / f"{name}.{'npy' if name == 'unfinished' else 'json'}"
        if name != "unfinished":
            path.write_text("{}")
        os.utime(path, (1000 - age, 1000 - age))
    make_room(tmp_path, 1000)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["newest.json", "newest.npy", "older.json", "older.npy"]
    make_room(tmp_path, 5000)
    assert not list(tmp_path.iterdir())


def test_what_is_larger_than_the_limit_goes_to_the_checkpoint(
    faces: Path, cache: Path, tmp_path: Path, decoded: Decoded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LTNET_CACHE_GB", "0")
    run = a_run(tmp_path / "run")
    pixels_of(faces, run)
    pixels_of(faces, run)
    assert decoded == [run.checkpoint / "pixels.npy"]
    assert not cache.exists()


def test_a_full_disk_of_the_cache_does_not_stop_a_run(
    faces: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = study_pixels.decode_all

    def full(files: object, names: object, size: int, channels: int, out: Path, *rest: object) -> object:
        if out.parent == cache:
            raise StorageError(f"{str(out)!r} could not be written: the disk is full.")
        return real(files, names, size, channels, out, *rest)

    monkeypatch.setattr(study_pixels, "decode_all", full)
    run = a_run(tmp_path / "run")
    pixels_of(faces, run)
    assert (run.checkpoint / "pixels.npy").exists()
    assert re.search(r"decoded images cannot be kept for the next run: .* the disk is full", notes(run)[0])
    (tmp_path / "file").touch()
    monkeypatch.setenv("LTNET_CACHE", str(tmp_path / "file"))
    other = a_run(tmp_path / "other")
    pixels_of(faces, other)
    assert "could not be written" in notes(other)[0]


@pytest.fixture
def other(cache: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Another process that makes the pixels of a key until its standard input ends."""
    code = (
        "import fcntl, sys; lock = open(sys.argv[1], 'w'); fcntl.lockf(lock, fcntl.LOCK_EX)\n"
        "print(flush=True); sys.stdin.read()\n"
    )
    started = []

    def start(key: str) -> subprocess.Popen[str]:
        cache.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-c", code, str(cache / f"{key[0]}.lock")]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None and process.stdout.readline() == "\n"
        return process

    yield start
    for process in started:
        process.communicate()


def test_a_run_waits_for_another_that_decodes_the_same(
    faces: Path, cache: Path, tmp_path: Path, decoded: Decoded, other: Callable[[str], subprocess.Popen[str]]
) -> None:
    pixels_of(faces, a_run(tmp_path / "a"))
    key, asked = next(cache.glob("*.json")).stem, []
    process = other(key)

    def waiting() -> None:
        asked.append(1)
        if len(asked) == 2:
            process.kill()  # its lock goes with it
            process.wait()

    run = a_run(tmp_path / "b")
    progress = Progress(run)
    progress.advance = lambda *work: waiting()  # type: ignore[method-assign]
    PixelSource(load_dataset(faces), run, DataOptions(), progress, lambda side: side).get()
    assert len(asked) == 2 and len(decoded) == 1


def test_waiting_can_be_cancelled(cache: Path, other: Callable[[str], subprocess.Popen[str]]) -> None:
    def stop() -> None:
        raise Cancelled("enough")

    other("ab")
    with pytest.raises(Cancelled), making(cache, "ab", stop):
        pass
    with making(cache, "bb", stop):
        pass


def test_a_wrong_setting_stops_the_start(faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("much", "-1", "nan", "", "1e400"):
        monkeypatch.setenv("LTNET_CACHE_GB", value)
        done = faults.call("fit", faces, "--run", tmp_path / "run", *faults.FLAGS)
        message = f"ltnet_core: LTNET_CACHE_GB must be a number of gigabytes, got {value!r}.\n"
        assert (done.status, done.err) == (2, message)
        assert not (tmp_path / "run").exists()


def test_where_it_is_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LTNET_CACHE", raising=False)
    monkeypatch.delenv("LTNET_CACHE_GB")
    monkeypatch.setenv("XDG_CACHE_HOME", "/scratch")
    assert pixels_folder() == Path("/scratch/ltnet-studio/pixels")
    assert pixels_limit() == 20e9


def test_fit_says_where_its_pixels_come_from(faces: Path, cache: Path, tmp_path: Path, decoded: Decoded) -> None:
    pixels_of(faces, a_run(tmp_path / "a"), image_size=8)
    done = faults.call("fit", faces, "--run", tmp_path / "b", *faults.FLAGS)
    assert done.status == 0
    assert "the images' pixels are those of an earlier run" in done.out
    assert len(decoded) == 1
