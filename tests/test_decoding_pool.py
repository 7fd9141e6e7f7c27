"""Processes that decode: the same results as in one process, and what becomes of one that ends."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, write_csv, write_image
from PIL import Image

from ltnet_core.datasets import all_images
from ltnet_core.datasets.all_images import PixelsOnDemand, decode_all, look_at_all
from ltnet_core.datasets.sources.files import FolderFiles
from ltnet_core.errors import Cancelled, LTNetError
from ltnet_core.files.reading import loads
from ltnet_core.images import decoding_pool, image_decoding
from ltnet_core.images.decoding_budget import DecodingBudget
from ltnet_core.images.decoding_pool import DecodingPool

START = decoding_pool._START
# What a worker does with the file of a name, put before its work.
ODD = (
    "import os, signal, time; from ltnet_core.images import decoding_worker as w; real = w._result\n"
    "def odd(data, name, *rest):\n"
    "    if name == 'odd.png': {}\n"
    "    return real(data, name, *rest)\n"
    "w._result = odd\n"
    "w.work()"
)


def make_odd(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Let every worker do something else with ``odd.png``."""
    begin = START.removesuffix("from ltnet_core.images.decoding_worker import work; work()")
    assert begin != START
    monkeypatch.setattr(decoding_pool, "_START", begin + "\n" + ODD.format(what))


def children() -> set[int]:
    """Processes of this one that are at work."""
    return {int(p) for p in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderFiles:
    """Good, damaged, empty and large images, and few enough of them to be worth processes here."""
    monkeypatch.setattr(all_images, "MANY", 4)
    monkeypatch.setattr(decoding_pool, "CHUNK", 3)
    monkeypatch.setattr(decoding_pool, "CHUNK_FILE_BYTES", 20_000)
    for n in range(12):
        write_image(tmp_path / f"{n}.png", 20 * n)
    noise = np.random.default_rng(0).integers(0, 255, (90, 90, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "large.png")
    assert (tmp_path / "large.png").stat().st_size > 20_000
    Image.fromarray(noise).save(tmp_path / "noise.jpg")
    Image.new("RGB", (300, 300), "red").save(tmp_path / "flat.png")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "junk.png").write_bytes(b"junk")
    (tmp_path / "torn.jpg").write_bytes((tmp_path / "noise.jpg").read_bytes()[:3000])
    write_image(tmp_path / "odd.png", 7)
    return FolderFiles(tmp_path)


def alone(files: FolderFiles, monkeypatch: pytest.MonkeyPatch, out: Path) -> tuple[dict[str, str], np.ndarray]:
    """What one process makes of the images."""
    with monkeypatch.context() as patch:
        patch.setattr(all_images, "MANY", 10_000)
        broken = decode_all(files, files.names, 16, 3, out)
    return broken, np.load(out)


def test_the_results_are_those_of_one_process(
    files: FolderFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path.parent / f"{tmp_path.name}.npy"
    broken, pixels = alone(files, monkeypatch, out)
    assert sorted(broken) == ["empty.png", "junk.png", "torn.jpg"]
    done: list[int] = []
    assert decode_all(files, files.names, 16, 3, out, lambda n, total: done.append(n)) == broken
    np.testing.assert_array_equal(np.load(out), pixels)
    assert done == sorted(done) and done[-1] == len(files.names)
    looks = look_at_all(files, files.names)
    assert decode_all(files, files.names, 16, 3, None) == broken
    monkeypatch.setattr(all_images, "MANY", 10_000)
    assert looks == look_at_all(files, files.names)
    assert looks[files.names.index("empty.png")].empty
    assert image_decoding.budget.taken == 0
    assert not children()


@pytest.mark.parametrize(("turn", "side_by_side"), [(10.0, False), (0.001, True)])
def test_files_are_read_one_thread_at_a_time_unless_they_come_slowly(
    turn: float, side_by_side: bool, files: FolderFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding_pool, "TURN", turn)
    reading: list[str] = []
    most, real = 0, files.head

    def head(name: str, size: int) -> bytes:
        nonlocal most
        reading.append(name)
        give_up = time.monotonic() + (30 if side_by_side else 0.004)
        while max(most, len(reading)) < 2 and time.monotonic() < give_up:
            time.sleep(0.001)
        most = max(most, len(reading))
        reading.remove(name)
        return real(name, size)

    monkeypatch.setattr(files, "head", head)
    looks = look_at_all(files, files.names)
    assert len(looks) == len(files.names)
    assert (most > 1) is side_by_side


def test_an_image_too_large_for_a_processes_share_is_decoded_here(
    files: FolderFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, pixels = alone(files, monkeypatch, tmp_path.parent / "a.npy")
    here: list[str] = []
    real = all_images.load_pixels
    monkeypatch.setattr(all_images, "load_pixels", lambda f, name, *rest: (here.append(name), real(f, name, *rest))[1])
    small = DecodingBudget(300_000 * (decoding_pool.cores() + 2))
    for module in (decoding_pool, image_decoding):
        monkeypatch.setattr(module, "budget", small)
    assert decode_all(files, files.names, 16, 3, tmp_path.parent / "b.npy") == broken
    np.testing.assert_array_equal(np.load(tmp_path.parent / "b.npy"), pixels)
    assert sorted(here) == ["flat.png", "large.png"]
    assert small.taken == 0


def test_pixels_on_demand_come_from_the_processes_too(files: FolderFiles, tmp_path: Path) -> None:
    out = tmp_path.parent / f"{tmp_path.name}.npy"
    broken = decode_all(files, files.names, 16, 3, out)
    pixels = PixelsOnDemand(files, files.names, 16, 3, broken)
    at = np.asarray([5, 0, 5, files.names.index("junk.png"), files.names.index("large.png")])
    np.testing.assert_array_equal(pixels[at], np.load(out)[at])
    assert children()
    del pixels
    assert not children()


def test_a_process_that_is_killed_is_replaced(
    files: FolderFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = tmp_path.parent / f"{tmp_path.name}.once"
    broken, pixels = alone(files, monkeypatch, tmp_path.parent / "a.npy")
    # Of a chunk, then of that file alone, then no more.
    count = f"n = os.open({str(once)!r}, os.O_CREAT | os.O_APPEND | os.O_WRONLY); os.write(n, b'x')"
    make_odd(monkeypatch, f"{count}; os.fstat(n).st_size < 3 and os.kill(os.getpid(), 9)")
    assert decode_all(files, files.names, 16, 3, tmp_path.parent / "b.npy") == broken
    np.testing.assert_array_equal(np.load(tmp_path.parent / "b.npy"), pixels)
    assert once.read_bytes() == b"xxx"


def test_a_file_that_ends_its_decoder_is_named(
    files: FolderFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_odd(monkeypatch, "os.kill(os.getpid(), signal.SIGSEGV)")
    broken = decode_all(files, files.names, 16, 3, tmp_path.parent / "b.npy")
    assert broken["odd.png"] == "odd.png: is not a readable image (its decoder ended with signal 11)."
    assert sorted(broken) == ["empty.png", "junk.png", "odd.png", "torn.jpg"]


def test_one_that_is_killed_again_and_again_ends_the_work(
    files: FolderFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_odd(monkeypatch, "os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(LTNetError, match=r"the process that decodes 'odd.png' was ended 3 times \(signal 9\)"):
        decode_all(files, files.names, 16, 3, tmp_path.parent / "b.npy")
    assert not children()
    assert not list(tmp_path.parent.glob("*.partial"))
    assert image_decoding.budget.taken == 0


def test_a_fault_of_the_program_is_no_fault_of_the_image(files: FolderFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    make_odd(monkeypatch, "raise KeyError('of the program')")
    with pytest.raises(RuntimeError, match="KeyError: 'of the program'"):
        look_at_all(files, files.names)


def test_the_work_stops_at_once_when_asked(files: FolderFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_odd(monkeypatch, "time.sleep(60)")
    began = time.monotonic()

    def stop(done: int, total: int) -> None:
        if time.monotonic() - began > 1:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        decode_all(files, files.names, 16, 3, tmp_path.parent / "b.npy", stop)
    assert time.monotonic() - began < 30
    assert not children()
    assert image_decoding.budget.taken == 0


def test_no_process_can_be_started(files: FolderFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(LTNetError, match=r"a process that decodes images could not be started \(No such file"):
        look_at_all(files, files.names)


def test_processes_end_with_the_one_that_asks(tmp_path: Path) -> None:
    """However that one ends."""
    write_image(tmp_path / "a.png")
    code = (
        "import os, sys; from pathlib import Path; from ltnet_core.images.decoding_pool import DecodingPool\n"
        "from ltnet_core.datasets.sources.files import FolderFiles\n"
        f"pool = DecodingPool(FolderFiles(Path({str(tmp_path)!r})), 2)\n"
        "print(*[w._process.pid for w in pool._all], flush=True); os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == -signal.SIGKILL
    workers = [Path("/proc") / pid for pid in done.stdout.split()]
    assert len(workers) == 2
    deadline = time.monotonic() + 60
    while any(w.exists() and "Z" not in (w / "stat").read_text().split()[2] for w in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_worker_opens_no_table_and_no_file_of_the_dataset(tmp_path: Path) -> None:
    """It is small, and a decoder that a file takes over has nothing at hand."""
    write_image(tmp_path / "a.png")
    with DecodingPool(FolderFiles(tmp_path), 1) as pool:
        pool.run(["a.png"], None, lambda i: None)
        process = Path("/proc") / str(pool._all[0]._process.pid)
        opened = [os.readlink(fd) for fd in (process / "fd").iterdir()]
        mapped = (process / "maps").read_text()
    assert not [path for path in opened if path.startswith(str(tmp_path))]
    assert not [name for name in ("pandas", "pyarrow", "torch") if f"/{name}/" in mapped]


def test_inspect_decodes_many_in_processes(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    data = io.BytesIO()
    Image.new("L", (20, 20), 9).save(data, "PNG")
    for n in range(all_images.MANY):
        (tmp_path / "images" / f"{n}.png").write_bytes(data.getvalue() if n else b"junk")
    rows = [(f"{n}.png", coder, "ab"[n % 2]) for n in range(all_images.MANY) for coder in "AB"]
    write_csv(tmp_path / "annotations.csv", ("image", "coder", "label"), rows)
    done = subprocess.run(
        [sys.executable, "-m", "ltnet_core", "inspect", str(tmp_path), "--json"],
        capture_output=True, text=True, cwd=ROOT, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    problems = {p["kind"]: p for p in loads(done.stdout)["problems"]}
    assert problems["unreadable image"]["examples"][0].startswith("images/0.png: is not a readable image")
    assert problems["duplicate image"]["count"] == all_images.MANY - 2
