"""Damage inputs at random and read them: whatever is not this library's own error is a crash.

::

    python benchmarks/fuzz_inputs.py image|table|pickle|zip|features|all [--seconds 60] [--seed 0] [--keep DIR]

Each case follows from the seed and its number. A process of its own reads the cases and may not take more than
``--memory`` GiB of addresses; one that dies or takes longer than ``--hang`` seconds counts as a crash, and the next
process goes on with the case after it. Files that crash are kept in DIR, with what was raised.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import pickle
import random
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from miniatures import MINIATURES  # noqa: E402
from test_damaged_files import mutated  # noqa: E402

from ltnet_core.datasets import load_dataset  # noqa: E402
from ltnet_core.datasets.checkup import check_up, listing_csv  # noqa: E402
from ltnet_core.datasets.feature_file import match_items, open_features  # noqa: E402
from ltnet_core.datasets.sources.array_file import read_array  # noqa: E402
from ltnet_core.datasets.sources.files import GivenFiles  # noqa: E402
from ltnet_core.datasets.sources.plain_pickle import read_pickle  # noqa: E402
from ltnet_core.errors import LTNetError  # noqa: E402
from ltnet_core.images.image import load_pixels, look  # noqa: E402

GIB = 1024**3
Case = tuple[dict[str, bytes], Callable[[Path], None]]


# ---- images


def _saved(image: Image.Image, format: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def _images() -> list[bytes]:
    """Small images of every format, mode and way of packing."""
    rng = np.random.default_rng(0)
    grey = Image.fromarray(rng.integers(0, 255, (24, 31), dtype=np.uint8))
    rgb = Image.merge("RGB", (grey, grey.rotate(90, expand=False), grey))
    deep = Image.fromarray(rng.integers(0, 65535, (24, 31), dtype=np.uint16))
    see_through = rgb.convert("RGBA")
    see_through.putalpha(grey)
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a face"
    palette = rgb.convert("P")
    more: dict[str, object] = {"save_all": True, "append_images": [rgb.rotate(n) for n in (10, 20)]}
    return [
        *(_saved(rgb, f, exif=exif) for f in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF")),
        *(_saved(rgb, f, **more) for f in ("GIF", "PNG", "WEBP", "TIFF", "AVIF", "MPO")),
        *(_saved(rgb, "TIFF", compression=c) for c in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")),
        *(_saved(grey.convert("1"), "TIFF", compression=c) for c in ("group3", "group4", "tiff_ccitt")),
        *(_saved(i, "PNG") for i in (grey, grey.convert("1"), palette, see_through, grey.convert("LA"), deep)),
        *(_saved(i, "TIFF") for i in (grey.convert("I"), grey.convert("F"), deep, see_through, rgb.convert("LAB"))),
        *(_saved(i, "BMP") for i in (rgb, grey, palette, grey.convert("1"), see_through)),
        *(_saved(i, "PPM") for i in (rgb, grey, deep, grey.convert("1"), grey.convert("F"))),
        _saved(rgb, "JPEG", progressive=True),
        _saved(rgb.convert("CMYK"), "JPEG"),
        _saved(palette, "GIF", transparency=3, comment=b"x" * 600),
        _saved(palette, "PNG", transparency=b"\0\x80\xff"),
        _saved(see_through, "WEBP", lossless=True),
        b"P3 2 2 9\n1 2 3 4 5 6 7 8 9 1 2 3\n",
        b"P2 2 2 65535\n1 2 3 60000\n",
        b"P5 2 2 300\n" + bytes(8),
    ]


def _with_sums(data: bytes) -> bytes:
    """A PNG whose checksums fit again, so that damage gets past them."""
    out, at = [data[:8]], 8
    while at + 12 <= len(data):
        length = min(int.from_bytes(data[at : at + 4], "big"), len(data) - at - 12)
        body = data[at + 4 : at + 8 + length]
        out.append(struct.pack(">I", length) + body + struct.pack(">I", zlib.crc32(body)))
        at += 12 + length
    return b"".join(out)


def _extreme(data: bytes, rng: random.Random) -> bytes:
    """Some numbers replaced by those that programs forget."""
    content = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        width = rng.choice((1, 2, 4, 8))
        value = rng.choice((0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63))
        order = rng.choice(("little", "big"))
        at = rng.randrange(max(min(len(content), rng.choice((64, 512, 10**9))), 1))
        content[at : at + width] = (value & (256**width - 1)).to_bytes(width, order)
    return bytes(content)


def _image_case(rng: random.Random, originals: Sequence[bytes]) -> Case:
    data = rng.choice(originals)
    data = (mutated if rng.random() < 0.5 else _extreme)(data, rng)
    if data[:4] == b"\x89PNG" and rng.random() < 0.8:
        data = _with_sums(data)

    def read(at: Path) -> None:
        files = GivenFiles(at, {"a.png": at / "a.png"})
        facts = look(files, "a.png")
        if not facts.error:
            load_pixels(files, "a.png", 8, 3)

    return {"a.png": data}, read


# ---- datasets


def _originals(folder: Path) -> dict[str, dict[str, bytes]]:
    contents = {}
    for name, (make, *_) in MINIATURES.items():
        at = folder / name
        at.mkdir(parents=True)
        make(at)
        contents[name] = {p.relative_to(at).as_posix(): p.read_bytes() for p in at.rglob("*") if p.is_file()}
    return contents


def _read_dataset(at: Path) -> None:
    listing_csv(check_up(load_dataset(at)))


def _table_case(rng: random.Random, originals: dict[str, dict[str, bytes]]) -> Case:
    content = dict(originals[rng.choice(sorted(originals))])
    tables = [n for n in content if not n.endswith((".png", ".jpg"))] or list(content)
    for name in rng.sample(tables, min(len(tables), rng.choice((1, 1, 2)))):
        content[name] = (mutated if rng.random() < 0.8 else _extreme)(content[name], rng)
    return content, _read_dataset


def _zip_case(rng: random.Random, originals: dict[str, dict[str, bytes]]) -> Case:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA))) as archive:
        for name, data in originals[rng.choice(sorted(originals))].items():
            archive.writestr(name, data)
    data = (mutated if rng.random() < 0.5 else _extreme)(out.getvalue(), rng)
    return {"a.zip": data}, lambda at: _read_dataset(at / "a.zip")


# ---- pickles and arrays


def _pickles() -> list[bytes]:
    content = {
        b"data": np.arange(24, dtype=np.uint8).reshape(2, 12),
        b"labels": [3, 4],
        "names": ["a", "ü", b"c"],
        "more": (1, 2.5, None, True, {"a": np.float32(2), "b": np.array(["x", "yy"])}, 2**70),
    }
    out = [pickle.dumps(content, protocol=p) for p in range(6)]
    for array in (np.arange(6).reshape(2, 3), np.asfortranarray(np.ones((2, 3))), np.array("text"), np.zeros((0, 3))):
        stream = io.BytesIO()
        np.save(stream, array)
        out.append(stream.getvalue())
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", out[2])
    return [*out, stream.getvalue()]


_OPCODES = [
    o.encode("latin-1") for o in "()]}tl01N.aebsudRcio2|QPq\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x93\x94\x95\x96\x81"
]


def _pickle_case(rng: random.Random, originals: Sequence[bytes]) -> Case:
    data = rng.choice(originals)
    kind = rng.randrange(3)
    if kind == 0:
        data = mutated(data, rng)
    elif kind == 1:
        data = _extreme(data, rng)
    else:
        content = bytearray(data)
        for _ in range(rng.choice((1, 2, 5, 20))):
            at = rng.randrange(len(content) + 1)
            content[at : at + rng.randrange(2)] = rng.choice(_OPCODES) * rng.choice((1, 1, 1, 3, 1000))
        data = bytes(content)

    def read(at: Path) -> None:
        files = GivenFiles(at, {"a": at / "a"})
        (read_array if data[:6] == b"\x93NUMPY" else read_pickle)(files, "a")

    return {"a": data}, read


# ---- features


def _feature_files() -> list[dict[str, bytes]]:
    """Small files of features, of every layout that is read."""
    names = ["a.png", "ü/b.png", "c.png"]
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    lists = pa.array(values.tolist(), type=pa.list_(pa.float64()))
    fixed = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), 4)
    tables = [
        pa.table({"image": names, "f": lists}),
        pa.table({"image": pa.array(names).dictionary_encode(), "f": fixed}),
        pa.table({"name": names, **{f"f{k}": values[:, k].astype(np.float16) for k in range(4)}}),
    ]
    out = []
    for table in tables:
        for compression in ("none", "zstd"):
            stream = io.BytesIO()
            pq.write_table(table, stream, compression=compression)
            out.append({"f.parquet": stream.getvalue()})
    for save in (np.savez, np.savez_compressed):
        stream = io.BytesIO()
        save(stream, names=np.array(names), features=values)
        out.append({"f.npz": stream.getvalue()})
    for kind in (np.float16, np.float64, np.dtype(">f4")):
        stream = io.BytesIO()
        np.save(stream, values.astype(kind))
        out.append({"f.npy": stream.getvalue(), "f.txt": "\n".join(names).encode()})
    return out


def _feature_case(rng: random.Random, originals: Sequence[dict[str, bytes]]) -> Case:
    content = dict(rng.choice(originals))
    damaged = rng.choice(sorted(content))
    content[damaged] = (mutated if rng.random() < 0.5 else _extreme)(content[damaged], rng)
    name = next(n for n in content if n != "f.txt")

    def read(at: Path) -> None:
        file = open_features(at / name)
        match_items(file, ["a.png", "ü/b.png", "c.png"])
        for _ in file.parts():
            pass

    return content, read


def _cases(kind: str, folder: Path) -> Callable[[random.Random], Case]:
    if kind == "image":
        images = _images()
        return lambda rng: _image_case(rng, images)
    if kind == "pickle":
        pickles = _pickles()
        return lambda rng: _pickle_case(rng, pickles)
    if kind == "features":
        files = _feature_files()
        return lambda rng: _feature_case(rng, files)
    originals = _originals(folder)
    return lambda rng: (_table_case if kind == "table" else _zip_case)(rng, originals)


# ---- running


def _child(kind: str, seconds: float, seed: int, first: int, keep: Path, memory: float) -> None:
    """Read cases from ``first`` on, and write what happened to ``progress.json`` after each."""
    resource.setrlimit(resource.RLIMIT_AS, (int(memory * GIB), int(memory * GIB)))
    work = keep / f"{kind}-now"
    case_of = _cases(kind, keep / f"{kind}-originals")
    end, number, crashes, slowest = time.monotonic() + seconds, first, 0, (0.0, first)
    progress = keep / f"{kind}-progress.json"
    while time.monotonic() < end:
        content, read = case_of(random.Random(f"{kind} {seed} {number}"))
        shutil.rmtree(work, ignore_errors=True)
        for name, data in content.items():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_bytes(data)
        state = {"number": number, "crashes": crashes, "slowest": slowest, "peak": _peak()}
        progress.write_text(json.dumps(state))
        began = time.monotonic()
        try:
            read(work)
        except LTNetError:
            pass
        except BaseException:
            crashes += 1
            kept = keep / f"{kind}-{seed}-{number}"
            shutil.copytree(work, kept, dirs_exist_ok=True)
            (keep / f"{kept.name}.txt").write_text(traceback.format_exc())
        slowest = max(slowest, (time.monotonic() - began, number))
        number += 1
    progress.write_text(json.dumps({"number": number, "crashes": crashes, "slowest": slowest, "peak": _peak()}))


def _peak() -> int:
    """Bytes that this process held at most; what the parent held would count in getrusage."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def _fuzz(kind: str, arguments: argparse.Namespace) -> tuple[int, int, float, int, int]:
    """Cases, crashes, the slowest case in seconds, its number, and the peak memory in bytes."""
    keep: Path = arguments.keep
    end, first, crashes, slowest, peak = time.monotonic() + arguments.seconds, 0, 0, (0.0, 0), 0
    progress = keep / f"{kind}-progress.json"
    while (left := end - time.monotonic()) > 0:
        progress.unlink(missing_ok=True)
        shutil.rmtree(keep / f"{kind}-originals", ignore_errors=True)
        flags = ["--seconds", str(left), "--seed", str(arguments.seed), "--memory", str(arguments.memory)]
        command = [sys.executable, __file__, kind, *flags, "--keep", str(keep), "--first", str(first)]
        with open(keep / f"{kind}-log.txt", "wb") as log:
            child = subprocess.Popen(command, stdout=log, stderr=log)
            died = _watch(child, progress, arguments.hang)
        state = json.loads(progress.read_text()) if progress.exists() else {"number": first, "crashes": 0}
        if died:
            name = f"{kind}-{arguments.seed}-{state['number']}"
            if (keep / f"{kind}-now").exists():
                shutil.copytree(keep / f"{kind}-now", keep / name, dirs_exist_ok=True)
            shutil.copy(keep / f"{kind}-log.txt", keep / f"{name}.txt")
            (keep / f"{name}.txt").open("a").write(f"\n{died}\n")
        crashes += state["crashes"] + bool(died)
        slowest = max(slowest, tuple(state.get("slowest", (0.0, 0))))  # type: ignore[arg-type]
        peak = max(peak, state.get("peak", 0))
        first = state["number"] + bool(died)
    for left_over in ("now", "originals"):
        shutil.rmtree(keep / f"{kind}-{left_over}", ignore_errors=True)
    for file in (progress, keep / f"{kind}-log.txt"):
        file.unlink(missing_ok=True)
    return first, crashes, slowest[0], slowest[1], peak


def _watch(child: subprocess.Popen[bytes], progress: Path, hang: float) -> str:
    """Wait for the child; how it died, or nothing where it ended well."""
    began = time.time()
    while child.poll() is None:
        time.sleep(0.2)
        last = progress.stat().st_mtime if progress.exists() else began
        if time.time() - last > hang + (60 if last == began else 0):
            child.kill()
            child.wait()
            return f"took longer than {hang:.0f} s"
    if child.returncode < 0:
        return f"died of {signal.Signals(-child.returncode).name}"
    return f"ended with {child.returncode}" if child.returncode else ""


KINDS = ("image", "table", "pickle", "zip", "features")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=(*KINDS, "all"))
    parser.add_argument("--seconds", type=float, default=60, help="for each kind (default: 60)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for files that crash (default: a temporary one)")
    parser.add_argument("--memory", type=float, default=8, help="GiB of addresses (default: 8)")
    parser.add_argument("--hang", type=float, default=60, help="seconds that one case may take (default: 60)")
    parser.add_argument("--first", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.keep = arguments.keep or Path(tempfile.mkdtemp(prefix="ltnet-fuzz-"))
    arguments.keep.mkdir(parents=True, exist_ok=True)
    if arguments.first is not None:
        os.environ["LTNET_CACHE"] = str(arguments.keep / "cache")
        _child(arguments.kind, arguments.seconds, arguments.seed, arguments.first, arguments.keep, arguments.memory)
        return 0
    kinds = KINDS if arguments.kind == "all" else (arguments.kind,)
    rows = [(kind, *_fuzz(kind, arguments)) for kind in kinds]
    print("| reader | cases | crashes | slowest | peak memory |\n|---|---|---|---|---|")
    for kind, cases, crashes, seconds, number, peak in rows:
        print(f"| {kind} | {cases:,} | {crashes} | {seconds:.1f} s (case {number:,}) | {peak / 1e6:,.0f} MB |")
    failed = any(crashes or not cases for _, cases, crashes, *_ in rows)
    if failed:
        print(f"the files lie in {arguments.keep}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
