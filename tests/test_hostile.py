"""A hundred hostile inputs: each is refused in a sentence or read for what it is, and nothing is written."""

from __future__ import annotations

import io
import json
import os
import pickle
import stat
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Command, write_csv, write_image
from miniatures import MINIATURES
from PIL import Image

from ltnet_core.datasets import load_dataset
from ltnet_core.datasets.checkup import check_up, listing_csv
from ltnet_core.errors import InputError

HEAD = "image,coder,label\n"
GOOD = "a.png,X,cat\nb.png,Y,dog\n"


def base(at: Path) -> None:
    """Two images and a table that is in order."""
    for n, name in enumerate("ab"):
        write_image(at / "images" / f"{name}.png", n)
    (at / "annotations.csv").write_text(HEAD + GOOD)


def text(content: str | bytes, name: str = "annotations.csv") -> Callable[[Path], None]:
    """The base with another file."""

    def make(at: Path) -> None:
        base(at)
        data = content if isinstance(content, bytes) else content.encode()
        (at / name).parent.mkdir(parents=True, exist_ok=True)
        (at / name).write_bytes(data)

    return make


def rows(*more: str) -> Callable[[Path], None]:
    return text(HEAD + GOOD + "".join(r + "\n" for r in more))


def mini(name: str, file: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """A miniature with one file changed."""

    def make(at: Path) -> None:
        MINIATURES[name][0](at)
        (at / file).write_bytes(change((at / file).read_bytes()))

    return make


def image_bytes(format: str, mode: str = "RGB", size: tuple[int, int] = (20, 20), **options: object) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, 1).save(out, format, **options)  # type: ignore[arg-type]
    return out.getvalue()


def animated() -> bytes:
    out = io.BytesIO()
    frames = [Image.new("L", (20, 20), 80 * i) for i in range(3)]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    return out.getvalue()


def rotated() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return image_bytes("JPEG", size=(20, 30), exif=exif)


def png_bomb() -> bytes:
    """A PNG of 60,000 × 60,000 pixels in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


def picture(content: bytes, name: str = "images/c.png") -> Callable[[Path], None]:
    def make(at: Path) -> None:
        base(at)
        (at / name).write_bytes(content)

    return make


def named(name: str) -> Callable[[Path], None]:
    """An image with an odd name, labelled under it."""

    def make(at: Path) -> None:
        base(at)
        write_image(at / "images" / f"{name}.png", 3)
        write_csv(
            at / "annotations.csv",
            ("image", "coder", "label"),
            [("a.png", "X", "cat"), (f"images/{name}.png", name, "dog")],
        )

    return make


class Evil:
    """Writes a file when an ordinary unpickler loads it."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {EVIDENCE}",)


EVIDENCE = Path(__file__).parent / "evil-was-here"


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes], good: bool = True) -> Callable[[Path], None]:
    """A zip of the base and some entries."""

    def make(at: Path) -> None:
        with warnings.catch_warnings(), zipfile.ZipFile(at / "data.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            warnings.simplefilter("ignore")  # Python warns of names that occur twice
            if good:
                archive.writestr("images/a.png", image_bytes("PNG"))
                archive.writestr("images/b.png", image_bytes("PNG", "L"))
                archive.writestr("annotations.csv", HEAD + GOOD)
            for name, data in entries:
                archive.writestr(name, data)

    return make


def link(name: str, target: str) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info, target.encode()


def torn_zip(at: Path) -> None:
    zipped()(at)
    data = (at / "data.zip").read_bytes()
    (at / "data.zip").write_bytes(data[: len(data) // 2])


def damaged_zip(at: Path) -> None:
    zipped()(at)
    data = bytearray((at / "data.zip").read_bytes())
    data[40:60] = bytes(20)
    (at / "data.zip").write_bytes(bytes(data))


def encrypted_zip(at: Path) -> None:
    zipped()(at)
    data = bytearray((at / "data.zip").read_bytes())
    for at_byte in [i for i in range(len(data) - 4) if data[i : i + 4] == b"PK\x01\x02"]:
        data[at_byte + 8] |= 1
    (at / "data.zip").write_bytes(bytes(data))


def special(make_it: Callable[[Path], None]) -> Callable[[Path], None]:
    def make(at: Path) -> None:
        base(at)
        make_it(at)

    return make


def pipe(at: Path) -> None:
    os.mkfifo(at / "images" / "pipe.png")


def loop(at: Path) -> None:
    (at / "images" / "loop").symlink_to(at)


def dangling(at: Path) -> None:
    (at / "images" / "gone.png").symlink_to(at / "nowhere.png")


def no_text(at: Path) -> None:
    """Names that are no UTF-8, as an archive from Windows may leave them."""
    try:
        for name in (b"\xff.png", b"\xb0\xa1"):
            os.mkdir(os.path.join(os.fsencode(at / "images"), name))
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")


def folder_called_csv(at: Path) -> None:
    (at / "annotations.csv").unlink()
    (at / "annotations.csv").mkdir()


def joined_with(content: object) -> Callable[[Path], None]:
    def make(at: Path) -> None:
        (at / "joined.json").write_text(content if isinstance(content, str) else json.dumps(content))

    return make


# what → (how it is made, what is said: part of the refusal, or of a problem, or "" when it is simply read)
CASES: dict[str, tuple[Callable[[Path], None], str]] = {
    # tables that are none
    "empty": (text(b""), "annotations.csv: is empty"),
    "blanks": (text(b" \n \n"), "annotations.csv: is empty"),
    "a mark alone": (text(b"\xef\xbb\xbf"), "column 'image' is missing"),
    "junk": (text(os.urandom(3000) + b"\0\0"), "is not text"),
    "a PNG named csv": (text(image_bytes("PNG")), "is not text"),
    "header alone": (text(HEAD), "has a header but no annotations"),
    "no newline at the end": (text(HEAD + GOOD.rstrip()), ""),
    "an open quote": (text(HEAD + GOOD + '"c.png,X,cat\n' * 3), "cells, the header 3"),
    "a field of 100 MB": (text(HEAD + GOOD + "a" * 100_000_000 + ",X,cat\n"), "a row is longer than"),
    "a header of 1 MB": (text("a" * 1_000_000 + "\n1\n"), "column 'image' is missing"),
    "columns named twice": (text("image,coder,label,label\na.png,X,cat,dog\n"), "column 'label' occurs 2 times"),
    "a missing column": (text("image,coder\na.png,X\n"), "column 'label' is missing"),
    "a misspelled column": (text("image,coder,lable\na.png,X,cat\n"), "Did you mean 'lable'?"),
    "rows of another width": (rows("a.png,X", "b.png,X,cat,dog"), "row 4: has 2 cells, the header 3"),
    "NUL inside": (text(HEAD + "a.png,X,c\0at\n"), "is not text"),
    "a folder called csv": (special(folder_called_csv), "annotations.csv is missing"),
    "a JSON file named csv": (text('{"image": 1}\n'), "column 'image' is missing"),
    "a header that ends in the middle of a character": (text("image,coder,labe\xdf".encode("latin-1"), "labels.csv"), ""),
    "semicolons": (text((HEAD + GOOD).replace(",", ";")), ""),
    "tabs": (text((HEAD + GOOD).replace(",", "\t")), ""),
    "carriage returns": (text((HEAD + GOOD).replace("\n", "\r")), ""),
    "Windows line ends": (text((HEAD + GOOD).replace("\n", "\r\n")), ""),
    "UTF-8 with a mark": (text(b"\xef\xbb\xbf" + (HEAD + GOOD).encode()), ""),
    "UTF-16, as Excel writes Unicode text": (text((HEAD + GOOD).replace(",", "\t").encode("utf-16")), ""),
    "UTF-16, big-endian": (text(b"\xfe\xff" + (HEAD + GOOD).encode("utf-16-be")), ""),
    "UTF-16, torn": (text((HEAD + GOOD).encode("utf-16")[:-1]), ""),
    "Windows-1252": (text((HEAD + GOOD + "a.png,Zoë,cat\n").encode("cp1252")), "is not UTF-8 and was read as"),
    "Shift-JIS": (text((HEAD + GOOD + "a.png,山田太郎さんの評価,cat\n" * 1 + "b.png,鈴木一郎さん,dog\n").encode("shift_jis")), "is not UTF-8 and was read as"),
    "Mac Roman": (text((HEAD + GOOD + "a.png,José,cat\n").encode("mac_roman")), "is not UTF-8 and was read as"),
    "quoted separators": (rows('a.png,"Q, R","c""at"'), ""),
    "line ends in quotes": (rows('a.png,"two\nlines",cat'), ""),
    "blank lines": (text(HEAD + "\n\n" + GOOD + "\n\n"), ""),
    "blanks around cells": (text(" image , coder,label \n a.png ,X, cat\nb.png,Y ,dog\n"), ""),
    # annotations that are wrong
    "an image outside": (rows("../../etc/passwd,X,cat"), "is listed but not in the dataset"),
    "an absolute path": (rows("/etc/passwd,X,cat"), "is listed but not in the dataset"),
    "a Windows path": (rows("C:\\x\\y.png,X,cat"), "is listed but not in the dataset"),
    "a URL": (rows("http://x.invalid/a b.png,Z,cat"), "is listed but not in the dataset"),
    "no image": (rows(",X,cat"), "the image is empty"),
    "no coder": (rows("a.png,,cat"), "the coder is empty"),
    "no label": (rows("a.png,Z,"), "the label is empty"),
    "said twice": (rows("a.png,X,dog"), "duplicate annotation: coder 'X' annotated 'images/a.png' in row 2"),
    "a machine's name": (rows("b.png,machine:X,cat"), "which is kept for machine coders"),
    "one class": (text(HEAD + "a.png,X,cat\n"), "only the class 'cat' occurs"),
    "a class nobody listed": (special(lambda at: (at / "classes.csv").write_text("class\ncat\ncow\n") and None), "unknown class 'dog'"),
    "a count of nothing": (text("image,coder,label,count\na.png,X,cat,0\nb.png,Y,dog,1\n"), "is not a positive number of votes"),
    "a count below zero": (text("image,coder,label,count\na.png,X,cat,-3\nb.png,Y,dog,1\n"), "is not a positive number of votes"),
    "a count without end": (text("image,coder,label,count\na.png,X,cat,inf\nb.png,Y,dog,1\n"), "is not a positive number of votes"),
    "a count beyond all people": (text("image,coder,label,count\na.png,X,cat,1e300\nb.png,Y,dog,1\n"), "is not a positive number of votes"),
    "a count in words": (text("image,coder,label,count\na.png,X,cat,many\nb.png,Y,dog,1\n"), "count 'many' is not a positive number"),
    "near-miss class names": (text(HEAD + "a.png,X,happiness\nb.png,X,sad\n" * 1 + "a.png,Y,hapiness\nb.png,Y,Sad\n"), "looks like"),
    "ten thousand classes": (text(HEAD + "".join(f"a.png,c{i},k{i // 2}\n" for i in range(3000))), ""),
    "truth of unknown images": (text("image,label\nz.png,cat\n", "truth.csv"), "is listed but not in the dataset"),
    "truth given twice": (text("image,label\na.png,cat\na.png,dog\n", "truth.csv"), "is given twice"),
    "truth without labels": (text("image\na.png\n", "truth.csv"), "truth.csv, row 1: column 'label' is missing"),
    "planted matrices that are none": (text('{"classes": [[[[1]]]]}', "planted_T.json"), "planted_T.json: expected"),
    "JSON too deep": (text("[" * 100_000, "planted_T.json"), "planted_T.json: is not readable JSON"),
    # names
    "quotes in names": (named("it's \"quoted\""), ""),
    "commas in names": (named("a,b;c"), ""),
    "a newline in a name": (named("two\nlines"), ""),
    "emoji": (named("🙂🙃"), ""),
    "a script": (named("<script>alert(1)<"), ""),
    "a formula": (named("=cmd|'!A1"), ""),
    "right to left": (named("\u202eשלום"), ""),
    "250 bytes": (named("x" * 250), ""),
    "percent signs": (named("100%s {0} %n"), ""),
    # images
    "an empty image": (picture(b""), "images/c.png: is empty."),
    "text named png": (picture(b"hello"), "is not a readable image"),
    "a torn image": (picture(image_bytes("PNG", size=(200, 200))[:-60]), "is not a readable image"),
    "a torn JPEG": (picture(image_bytes("JPEG", size=(200, 200))[:300]), "is not a readable image"),
    "an image bomb": (picture(png_bomb()), "is not a readable image"),
    "an animation": (picture(animated(), "images/c.gif"), "has several frames; the first is used"),
    "16 bits": (picture(image_bytes("PNG", "I;16")), "more than 8 bits per pixel"),
    "CMYK": (picture(image_bytes("JPEG", "CMYK"), "images/c.jpg"), "is turned into RGB"),
    "turned by EXIF": (picture(rotated(), "images/c.jpg"), "is turned upright"),
    "tiny": (picture(image_bytes("PNG", size=(1, 1))), "1×1 pixels"),
    "a long strip": (picture(image_bytes("PNG", size=(3000, 1))), "3000×1 pixels"),
    "the same image twice": (special(lambda at: (at / "images/c.png").write_bytes((at / "images/a.png").read_bytes()) and None), "images/c.png has the content of images/a.png"),
    "a pipe": (special(pipe), "is not a regular file"),
    "a link that leads nowhere": (special(dangling), "cannot be read"),
    "names that are no text": (special(no_text), "is not named in UTF-8; rename it"),
    "a link that leads round": (special(loop), ""),
    # archives
    "not a zip": (lambda at: (at / "data.zip").write_bytes(b"PK\x03\x04 not really") and None, "is not a readable zip"),
    "an empty zip": (zipped(good=False), "no known dataset format: 0 files"),
    "half a zip": (torn_zip, "is not a readable zip"),
    "a damaged zip": (damaged_zip, ""),
    "an encrypted zip": (encrypted_zip, "is encrypted; unpack the archive with its password"),
    "zip slip": (zipped(("../../evil.png", b"x"), ("images/../../evil.png", b"x")), "leads outside the archive"),
    "an absolute entry": (zipped(("/etc/evil.png", b"x")), "leads outside the archive"),
    "a link in a zip": (zipped(link("images/l.png", "/etc/passwd")), "is a link"),
    "an entry twice": (zipped(("images/a.png", image_bytes("PNG", "L"))), "occurs twice"),
    "a zip bomb": (zipped(("truth.csv", b"image,label\n" + b"\n" * 80_000_000)), "that is no image and no table"),
    "a zip in a zip": (zipped(("inner.zip", b"PK\x05\x06" + bytes(18))), ""),
    "backslashes in a zip": (zipped(("images\\c.png", image_bytes("PNG"))), ""),
    "20,000 tiny files": (zipped(*((f"images/t/{i}.txt", b"") for i in range(20_000))), ""),
    "Mac's shadow files": (zipped(("__MACOSX/images/._a.png", b"x"), (".DS_Store", b"x")), ""),
    # formats
    "a pickle that runs code": (mini("cifar10", "cifar-10-batches-py/data_batch_1", lambda _: pickle.dumps(Evil())), "it names posix.system"),
    "labels that run code": (mini("cifar10n", "CIFAR-10_human.pt", lambda _: pickle.dumps({"clean_label": Evil()})), "it names posix.system"),
    "a torn pickle": (mini("cifar10", "cifar-10-batches-py/data_batch_1", lambda b: b[:500]), "cannot be read as plain arrays"),
    "another pickle": (mini("cifar10", "cifar-10-batches-py/data_batch_1", lambda _: pickle.dumps([1, 2])), "is no CIFAR-10 batch"),
    "an array of objects": (mini("counts array", "crowd.npy", lambda _: _npy(np.array([{}], dtype=object))), "is not a readable NumPy array"),
    "counts of another shape": (mini("counts array", "crowd.npy", lambda _: _npy(np.ones((3, 2)))), "has the shape (3, 2), expected (2, 2)"),
    "counts below zero": (mini("counts array", "crowd.npy", lambda _: _npy(-np.ones((2, 2)))), "something else than counts"),
    "a face's table with a broken header": (mini("fer2013", "fer2013.csv", lambda b: b.replace(b"Usage", b"Usage,\xec\xff")), "is not a readable CSV table"),
    "not one usable face": (mini("ferplus", "fer2013.csv", lambda b: b.replace(b" ", b"x")), "no row has a usable face; the first: fer2013.csv, row 2"),
    "votes that are no numbers": (mini("ferplus alone", "fer2013new.csv", lambda b: b.replace(b",4,0,", b",4e999,many,")), "count '4e999' is not a positive number"),
    "a list of another width": (mini("ltnet list", "train.txt", lambda b: b + b"img/a.png 1\n"), "train.txt, row 3: has 1 labels, the first line 4"),
    "a list of huge numbers": (mini("ltnet list", "train.txt", lambda b: b.replace(b" 0 ", b" 99999999 ")), "class numbers must lie between"),
    "a code RAF-DB has not": (mini("rafdb", "basic/EmoLabel/list_patition_label.txt", lambda b: b + b"x.jpg 9\n"), "row 4: expected a file name and a code from 1 to 7"),
    "a code AffectNet has not": (mini("affectnet lists", "training.csv", lambda b: b.replace(b",10,", b",77,")), "unknown expression code '77'"),
    "a label array of text": (mini("affectnet arrays", "train_set/annotations/0_exp.npy", lambda _: _npy(np.array("happy"))), "is no number"),
    "a label array of characters that do not exist": (mini("affectnet arrays", "train_set/annotations/0_exp.npy", lambda b: b[:-4] + b"\xff\xff\xff\x7f"), "characters that do not exist"),
    "Label Studio without choices": (mini("label studio", "export.json", lambda b: b.replace(b"choices", b"rectangles")), "no label of a whole image was found; the annotation holds no choice"),
    "Label Studio, torn": (mini("label studio", "export.json", lambda b: b[:-40]), "is not readable JSON"),
    "JSON Lines, torn": (mini("long jsonl", "labels.jsonl", lambda b: b[:-20]), "is not a readable JSON Lines file"),
    "Parquet, torn": (mini("long parquet", "labels.parquet", lambda b: b[:-20]), "no known dataset format"),
    "a join of nothing": (joined_with({"sources": []}), "lists no sources"),
    "a join of itself": (joined_with({"sources": [{"name": "a", "path": "."}]}), "is a joined study itself"),
    "a join with a source that is gone": (joined_with({"sources": [{"name": "a", "path": "gone"}]}), "source 'a': "),
    "a join that is none": (joined_with("[1, 2"), "joined.json: is not readable JSON"),
    "a join with numbers for names": (joined_with({"sources": [{"name": 3, "path": 4}]}), "names, paths and formats are text"),
}  # fmt: skip


def _npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=True)
    return out.getvalue()


def everything(at: Path) -> dict[str, tuple[int, int]]:
    names = {}
    for path in sorted(at.rglob("*")):
        if not path.is_symlink() and path.is_file():
            names[str(path)] = (path.stat().st_size, path.stat().st_mtime_ns)
    return names


def test_there_are_a_hundred() -> None:
    assert len(CASES) >= 100


@pytest.mark.parametrize("what", CASES)
def test_hostile_input_is_refused_in_a_sentence_or_read(what: str, tmp_path: Path) -> None:
    make, sentences = CASES[what]
    make(tmp_path)
    before = everything(tmp_path)
    location = tmp_path / "data.zip" if (tmp_path / "data.zip").exists() else tmp_path
    try:
        study = load_dataset(location)
        problems = check_up(study)
        messages = [example for problem in problems for example in problem.examples]
        listing_csv(problems).decode()
    except InputError as e:
        messages = [str(e)]
        assert "\n" not in messages[0] and "Traceback" not in messages[0]
        assert len(messages[0]) < 700
        assert sentences, messages[0]
    if sentences:
        assert any(sentences in t for t in messages), messages
    assert everything(tmp_path) == before
    assert not EVIDENCE.exists()


def test_the_command_says_one_sentence_and_ends_with_2(tmp_path: Path, ltnet_process: Command) -> None:
    CASES["junk"][0](tmp_path)
    done = ltnet_process("inspect", tmp_path)
    assert done.returncode == 2
    assert done.stderr == "ltnet_core: annotations.csv: is not text; expected a CSV file.\n"
