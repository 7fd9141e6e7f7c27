"""Images: only the documented decoders see a file, no program is started, memory waits for room."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from asgi import request
from conftest import ROOT, Command, write_csv, write_image
from fake_run import write_fake_run
from PIL import Image

from ltnet_core.datasets import load_dataset
from ltnet_core.datasets.sources.files import FolderFiles, GivenFiles
from ltnet_core.datasets.sources.image_sources import SourceImage
from ltnet_core.errors import DatasetError
from ltnet_core.files.writing import write_json
from ltnet_core.images import image_decoding
from ltnet_core.images.decoding_budget import DecodingBudget
from ltnet_core.images.image import look, open_image
from ltnet_core.images.image_formats import DECODERS, other_format
from ltnet_core.runs.run import Run
from ui import gallery_routes, opened, prediction, thumbnails
from ui.tokens import token

Image.init()
FOREIGN = sorted(set(Image.SAVE) - set(DECODERS) - {"MPO"})
EPS = (
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n"
    b"(evil-was-here) (w) file closefile\n{} loop\nshowpage\n%%EOF\n"
)
PSD = b"8BPS\0\x01" + bytes(6) + struct.pack(">HIIHH", 3, 4, 4, 8, 3) + bytes(12) + bytes(2 + 48)


def in_format(name: str) -> bytes | None:
    """A small image as one of Pillow's other formats; None where Pillow cannot write this one."""
    for mode in ("RGB", "L", "1", "P", "RGBA", "F"):
        out = io.BytesIO()
        try:
            Image.new(mode, (32, 32), 1).save(out, name)
        except (OSError, ValueError, KeyError, RuntimeError, AttributeError):
            continue
        return out.getvalue()
    return None


FOREIGN_FILES = {
    **{name: data for name in FOREIGN if (data := in_format(name))},
    "EPS that loops": EPS,
    "PostScript": EPS.replace(b" EPSF-3.0", b""),
    "EPS with a DOS header": b"\xc5\xd0\xd3\xc6" + struct.pack("<II", 30, len(EPS)) + bytes(18) + EPS,
    "PSD": PSD,
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64),
}


@pytest.fixture
def no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may start a program."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    for name in ("posix_spawn", "posix_spawnp", "fork", "system", "execv", "execve"):
        monkeypatch.setattr(os, name, refuse)


def test_there_are_many_other_formats() -> None:
    assert {"EPS", "PSD", "ICNS", "ICO", "TGA", "PCX", "PDF"} <= set(FOREIGN_FILES)


@pytest.mark.parametrize("ending", ["png", "jpg"])
@pytest.mark.parametrize("kind", FOREIGN_FILES)
@pytest.mark.usefixtures("no_child")
def test_other_formats_are_refused_whatever_they_are_called(kind: str, ending: str, tmp_path: Path) -> None:
    (tmp_path / f"a.{ending}").write_bytes(FOREIGN_FILES[kind])
    files = FolderFiles(tmp_path)
    facts = look(files, f"a.{ending}")
    assert facts.error.startswith(f"a.{ending}: is not a readable image ("), facts
    with pytest.raises(DatasetError, match="is not a readable image"):
        open_image(files, f"a.{ending}")
    assert thumbnails.large(files, f"a.{ending}") == b""
    assert thumbnails.small_uri(files, f"a.{ending}") is None


def test_the_message_names_the_format_where_it_is_known(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(EPS)
    assert look(FolderFiles(tmp_path), "a.png").error == (
        "a.png: is not a readable image (it is an EPS file; read are JPEG, PNG, BMP, GIF, WebP, TIFF, PGM and PPM, AVIF)."
    )
    for kind in ("PSD", "ICNS", "ICO", "PDF", "HEIC", "SVG", "JPEG2000", "DDS", "PostScript"):
        assert other_format(FOREIGN_FILES[kind]) is not None, kind


@pytest.mark.parametrize("decoder", sorted(set(DECODERS)))
def test_the_documented_formats_are_read(decoder: str, tmp_path: Path) -> None:
    mode = "L" if decoder == "PPM" else "RGB"
    Image.new(mode, (12, 9), 120 if mode == "L" else (200, 10, 10)).save(tmp_path / "a.png", decoder)
    assert open_image(FolderFiles(tmp_path), "a.png").size == (12, 9)


def test_only_the_documented_decoders_are_ever_loaded(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for n, data in enumerate(FOREIGN_FILES.values()):
        (tmp_path / "images" / f"{n}.png").write_bytes(data)
    write_image(tmp_path / "images" / "good.png")
    write_csv(
        tmp_path / "annotations.csv",
        ("image", "coder", "label"),
        [("good.png", "A", "cat"), ("0.png", "A", "dog"), ("good.png", "B", "dog")],
    )
    code = (
        "import subprocess, os, sys\n"
        "def refuse(*a, **k): raise AssertionError('a program was started')\n"
        "subprocess.Popen = os.posix_spawn = os.fork = os.system = refuse\n"
        "from ltnet_core.__main__ import main\n"
        f"status = main(['inspect', {str(tmp_path)!r}, '--json'])\n"
        "assert 'PIL.EpsImagePlugin' not in sys.modules\n"
        "sys.exit(status)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert f'"count": {len(FOREIGN_FILES)}' in done.stdout


@pytest.fixture
def run_of_foreign(tmp_path: Path, plain: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run whose first two images became EPS files."""
    monkeypatch.setenv("LTNET_WORKSPACE", str(tmp_path / "ws"))
    folder = tmp_path / "ws" / "datasets" / "d"
    folder.mkdir(parents=True)
    write_json(folder / "link.json", {"path": str(plain)})
    run = write_fake_run(tmp_path / "ws" / "runs" / "r", plain)
    for name in "ab":
        (plain / "images" / f"{name}.png").write_bytes(EPS)
    opened._gallery_of_run.cache_clear()
    return run


@pytest.mark.usefixtures("no_child")
def test_the_gallery_and_the_predict_page_refuse_them(run_of_foreign: Path) -> None:
    secret = token("r")
    reply = request(gallery_routes.routes(), "GET", "/api/runs/r/image", query={"row": 0, "token": secret})
    assert reply.status == 404
    reply = request(
        gallery_routes.routes(),
        "GET",
        "/api/runs/r/thumbnails",
        headers={"x-gallery-token": secret},
        query={"rows": "0,1", "size": 64},
    )
    assert reply.content == struct.pack(">IIII", 0, 0, 1, 0)
    for kind in ("EPS that loops", "PSD", "ICO"):
        given_path = run_of_foreign / "given.png"
        given_path.write_bytes(FOREIGN_FILES[kind])
        image = SourceImage(GivenFiles(run_of_foreign, {"a.png": given_path}), "a.png", "a.png", one_of_many=True)
        predictions = prediction.look(Run(run_of_foreign), [image])
        assert "is not a readable image (it is a" in predictions[0].error


def test_predict_refuses_them_in_a_sentence(finished: Path, ltnet: Command, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(EPS)
    done = ltnet("predict", finished, tmp_path / "a.jpg")
    assert done.returncode == 2
    assert "is not a readable image (it is an EPS file" in done.stderr
    assert done.stderr.count("\n") == 1


# ---- bounds of a file's own structure


def png(*chunks: tuple[bytes, bytes], size: tuple[int, int] = (8, 8)) -> bytes:
    """A grey PNG with these chunks before its pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress((b"\0" + bytes(size[0])) * size[1])
    every = [(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0)), *chunks, (b"IDAT", rows), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*c) for c in every)


def gif(extra: bytes) -> bytes:
    out = io.BytesIO()
    Image.new("P", (8, 8)).save(out, "GIF")
    data = out.getvalue()
    at = data.index(b",", 13)
    return data[:at] + extra + data[at:]


ENDLESS = {
    "a PNG of a million private chunks": lambda: png(*[(b"abCd", b"")] * 1_000_000),
    "a PNG with texts that unpack to a gigabyte": lambda: png(
        *[(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**8)))] * 10
    ),
    "a PNG with a profile that unpacks to a hundred million bytes": lambda: png(
        (b"iCCP", b"a\0\0" + zlib.compress(bytes(10**8)))
    ),
    "a GIF with a comment of a million blocks": lambda: gif(b"\x21\xfe" + (b"\xff" + b"x" * 255) * 200_000 + b"\0"),
    "a GIF of a million extensions": lambda: gif(b"\x21\xf9\x04\0\0\0\0\0" * 1_000_000),
    "a JPEG of a million segments": lambda: b"\xff\xd8" + b"\xff\xe1\0\x02" * 1_000_000 + b"\xff\xd9",
    "a PGM with a comment of ten million characters": lambda: b"P5\n#" + b"x" * 10_000_000 + b"\n2 2 255\nabcd",
}


@pytest.mark.parametrize("what", ENDLESS)
def test_files_of_endless_parts_end_soon(what: str, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(ENDLESS[what]())
    began = time.process_time()
    facts = look(FolderFiles(tmp_path), "a.png")
    assert time.process_time() - began < 10
    assert "is not a readable image" in facts.error or (facts.width, facts.height) == (8, 8)


def test_formats_that_are_read_pixel_by_pixel_may_take_as_many_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_decoding, "MAX_READS", 100)
    runs = (b"".join(bytes((1, n)) for n in range(30)) + b"\0\0") * 30
    sizes = struct.pack("<IHHI", 54 + 1024 + len(runs), 0, 0, 54 + 1024)
    header = struct.pack("<IiiHHIIiiII", 40, 30, 30, 1, 8, 1, len(runs), 0, 0, 256, 0)
    (tmp_path / "a.bmp").write_bytes(b"BM" + sizes + header + bytes(range(256)) * 4 + runs)
    (tmp_path / "a.ppm").write_bytes(b"P6 30 30 65535\n" + bytes(30 * 30 * 6))
    files = FolderFiles(tmp_path)
    assert not look(files, "a.bmp").error and not look(files, "a.ppm").error


def test_a_jpeg_that_goes_over_the_image_a_thousand_times_is_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    Image.new("L", (4000, 4000), 100).save(out, "JPEG", progressive=True)
    data = out.getvalue()
    scan = data[data.rindex(b"\xff\xda") : -2]
    (tmp_path / "a.jpg").write_bytes(data[:-2] + scan * 1000 + data[-2:])
    (tmp_path / "b.jpg").write_bytes(data)
    files = FolderFiles(tmp_path)
    assert look(files, "a.jpg").error == "a.jpg: is not a readable image: it has more than 100 scans."
    assert not look(files, "b.jpg").error


def test_frames_are_not_counted(tmp_path: Path) -> None:
    frames = [Image.new("L", (4, 4), n % 250) for n in range(400)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:])
    for name in ("a.gif", "a.tif"):
        facts = look(FolderFiles(tmp_path), name)
        assert facts.animated and not facts.error
    write_image(tmp_path / "b.png")
    assert not look(FolderFiles(tmp_path), "b.png").animated


def test_a_tile_larger_than_the_image_counts(tmp_path: Path) -> None:
    def entry(tag: int, kind: int, value: int) -> bytes:
        return struct.pack("<HHII", tag, kind, 1, value)

    tags = [(256, 4, 16), (257, 4, 16), (258, 3, 8), (259, 3, 8), (262, 3, 1), (277, 3, 1)]
    tags += [(322, 4, 60_000), (323, 4, 60_000), (324, 4, 8), (325, 4, 100)]
    data = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + b"".join(entry(*t) for t in tags) + bytes(4)
    (tmp_path / "a.tif").write_bytes(data + bytes(100))
    assert "takes" in look(FolderFiles(tmp_path), "a.tif").error


def test_an_image_beyond_the_limit_of_memory_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (400, 400)).save(tmp_path / "a.png")
    monkeypatch.setattr(image_decoding, "MAX_DECODING_BYTES", 100_000)
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    assert "400×400 pixels takes 1.3 MB, more than 100.0 kB" in look(FolderFiles(tmp_path), "a.png").error


# ---- conversion in bands


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16", "I", "F", "CMYK"])
def test_bands_give_what_the_whole_image_gives(mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    grey = Image.fromarray(rng.integers(0, 255, (37, 23), dtype=np.uint8))
    if mode == "I;16":
        image = Image.fromarray(rng.integers(0, 65535, (37, 23), dtype=np.uint16))
    elif mode in ("I", "F"):
        image = Image.fromarray(np.asarray(grey).astype(np.int32 if mode == "I" else np.float32) * 3)
    else:
        image = (
            Image.merge("RGB", (grey, grey.rotate(180), grey))
            .convert("L" if mode in ("1", "LA") else "RGB")
            .convert(mode)
        )
        if mode in ("RGBA", "LA"):
            image.putalpha(grey)
    image.save(tmp_path / "a.tif")
    files = FolderFiles(tmp_path)
    whole = np.asarray(open_image(files, "a.tif"))
    monkeypatch.setattr(image_decoding, "BAND_PIXELS", 50)
    np.testing.assert_array_equal(np.asarray(open_image(files, "a.tif")), whole)
    assert len(np.unique(whole)) > 1


# ---- the budget


def held(budget: DecodingBudget, size: int, log: list[int], release: threading.Event) -> threading.Thread:
    """A thread that asks for so many bytes, once it has them or waits for them."""

    def work() -> None:
        with budget.room(size):
            log.append(size)
            release.wait(60)

    asked = len(log) + len(budget._waiting)
    thread = threading.Thread(target=work)
    thread.start()
    while len(log) + len(budget._waiting) == asked:
        time.sleep(0.001)
    return thread


def test_who_finds_no_room_waits_in_turn() -> None:
    budget, log, release = DecodingBudget(100), [], threading.Event()
    threads = [held(budget, size, log, release) for size in (60, 70, 10)]
    assert log == [60], "10 would fit, but came after 70"
    assert budget.taken == 60
    release.set()
    for thread in threads:
        thread.join(60)
    assert sorted(log) == [10, 60, 70]
    assert budget.taken == 0


def test_one_larger_than_the_budget_goes_alone() -> None:
    budget, log, release = DecodingBudget(100), [], threading.Event()
    threads = [held(budget, size, log, release) for size in (500, 1)]
    assert log == [500]
    release.set()
    for thread in threads:
        thread.join(60)
    assert log == [500, 1]


def test_growing_never_waits() -> None:
    budget = DecodingBudget(100)
    with budget.room(10) as first:
        with budget.room(10) as second:
            assert first.grow(90)
            assert not second.grow(50)
            assert budget.taken == 100
        assert first.grow(900), "alone it may have more than there is"
    assert budget.taken == 0


def test_room_is_given_back_after_an_error() -> None:
    budget = DecodingBudget(100)
    with pytest.raises(ValueError, match="x"), budget.room(80):
        raise ValueError("x")
    assert budget.taken == 0


def test_many_large_images_are_decoded_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve threads, room for two images."""
    Image.fromarray(np.zeros((300, 300), np.uint16)).save(tmp_path / "a.png")
    budget = DecodingBudget(2 * 300 * 300 * 3 + 50_000)
    monkeypatch.setattr(image_decoding, "budget", budget)
    now, most, lock, two = 0, 0, threading.Lock(), threading.Barrier(2, timeout=60)

    def use(_: object) -> bool:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        two.wait()
        with lock:
            now -= 1
        return True

    files, done = FolderFiles(tmp_path), []
    threads = [
        threading.Thread(target=lambda: done.append(image_decoding.decode(files, "a.png", use))) for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert done == [True] * 12
    assert most == 2
    assert budget.taken == 0


def test_who_asks_for_the_same_thumbnail_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_image(tmp_path / "a.png")
    made: list[str] = []
    real: Callable[..., bytes] = thumbnails._small

    def slow(files: FolderFiles, name: str, size: int) -> bytes:
        made.append(name)
        time.sleep(0.1)
        return real(files, name, size)

    monkeypatch.setattr(thumbnails, "_small", slow)
    files = FolderFiles(tmp_path)
    threads = [threading.Thread(target=thumbnails.thumbnail, args=(files, str(tmp_path), "a.png")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert made == ["a.png"]


def test_a_dataset_of_avif_and_jfif_files_is_read(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    Image.new("RGB", (20, 20), "red").save(tmp_path / "images" / "a.avif")
    Image.new("RGB", (20, 20), "red").save(tmp_path / "images" / "b.jfif", "JPEG")
    write_csv(tmp_path / "annotations.csv", ("image", "coder", "label"), [("a.avif", "A", "x"), ("b.jfif", "A", "y")])
    assert list(load_dataset(tmp_path).table.items) == ["images/a.avif", "images/b.jfif"]
