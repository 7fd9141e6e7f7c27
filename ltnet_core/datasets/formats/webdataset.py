"""WebDataset: tar shards in which the files of one sample share a name, ``000001.jpg`` and ``000001.cls``."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ...errors import DatasetError
from ..corrections import NOTHING, Corrections
from ..reading import Match, Reading
from ..sources.files import MAX_FILE_BYTES, Files, suffix
from ..sources.json_files import text
from ..sources.text_files import loads
from .answers import Answers

FORMAT = "webdataset"
RANK = 370
CHOOSES = True
TITLE = "WebDataset, tar shards"
LAYOUT = """\
shard-000000.tar   000000.jpg, 000000.cls (a class number or name), or .txt, or .json with "label"; 000001.jpg, …
train-0000.tar …   val-0000.tar and test-0000.tar are evaluated, never trained on"""
NOTE = """\
The images stay in the shards and are read from there. Compressed shards (`.tar.gz`) have to be unpacked first. Names
of class numbers may be given in `classes.csv`."""

LABEL_ENDINGS = (".cls", ".json", ".txt")
FIELDS = ("label", "cls", "class", "class_name", "category")
COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
MOST_LABEL_BYTES = 65_536
MOST_MEMBERS = 20_000_000


@dataclass(frozen=True)
class Member:
    """Position of a file's bytes in a shard."""

    shard: str
    offset: int
    size: int


class TarFiles(Files):
    """The files inside plain tar archives, read where they lie; links and what leads outside are passed over."""

    def __init__(self, source: Files, shards: dict[str, str]):
        self.location, self.below = source.location, source.below
        self._source = source
        self._members: dict[str, Member] = {}
        odd = list(source.passed_over)
        for prefix, shard in shards.items():
            with source.open(shard) as opened:
                self._members |= {prefix + name: member for name, member in _members(opened, shard, odd)}
        self.passed_over = tuple(odd)

    def _list(self) -> list[str]:
        return list(self._members)

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        member = self._members.get(name)
        if member is None:
            raise DatasetError("no such file in the archive.", file=name)
        if member.size > limit:
            raise DatasetError(f"is larger than {limit:,} bytes.", file=name)
        return self.head(name, member.size)

    def stamp(self, name: str) -> tuple[int, ...] | None:
        member = self._members.get(name)
        shard = None if member is None else self._source.stamp(member.shard)
        return None if member is None or shard is None else (*shard, member.offset, member.size)

    def head(self, name: str, size: int) -> bytes:
        member = self._members.get(name)
        if member is None:
            raise DatasetError("no such file in the archive.", file=name)
        try:
            with self._source.open(member.shard) as f:
                f.seek(member.offset)
                data = f.read(min(size, member.size))
        except OSError as e:
            raise DatasetError(f"cannot be read ({e.strerror}).", file=name) from e
        if len(data) < min(size, member.size):
            raise DatasetError("is cut off; the archive is damaged.", file=name)
        return data


def _members(opened: BinaryIO, shard: str, odd: list[str]) -> Iterator[tuple[str, Member]]:
    try:
        with tarfile.open(fileobj=opened, mode="r:") as archive:
            for number, entry in enumerate(archive):
                name = entry.name.removeprefix("./")
                if number > MOST_MEMBERS:
                    raise DatasetError(f"holds more than {MOST_MEMBERS:,} files.", file=shard)
                if entry.isdir():
                    continue
                if not entry.isreg() or entry.issparse() or name.startswith("/") or ".." in name.split("/"):
                    odd.append(f"{name!r} of {shard} is a link, or leads outside the archive.")
                    continue
                yield name, Member(shard, entry.offset_data, entry.size)
    except (tarfile.TarError, OSError, ValueError, EOFError) as e:
        raise DatasetError(f"is not a readable tar archive ({e}).", file=shard) from e


def _shards(files: Files) -> list[str]:
    return [n for n in files.others if n.lower().endswith(".tar")]


def _inside(files: Files) -> tuple[Files, dict[str, str]]:
    """The files of the samples, and for each prefix of their names the shard's; the files themselves where unpacked."""
    shards = _shards(files)
    if not shards:
        return files, {"": ""}
    prefixes = {("" if len(shards) == 1 else n[: -len(".tar")] + "/"): n for n in shards}
    return TarFiles(files, prefixes), prefixes


def _sample(name: str) -> str:
    """The name of a sample: up to the first dot after the last slash."""
    folder, slash, base = name.rpartition("/")
    return folder + slash + base.split(".", 1)[0]


def match(files: Files) -> Match:
    """Recognised by a tar, or files, with images and a .cls or .json for each."""
    shards = _shards(files)
    packed = next((n for n in files.others if n.lower().endswith(COMPRESSED)), None)
    if not shards and packed is not None and not files.images:
        return Match(False, f"{packed} is compressed; unpack it to .tar, or its files into a folder", 0.8)
    if not shards and not any(n.endswith(".cls") for n in files.others):
        return Match(False, "no tar shards", 0.0)
    try:
        inside, _ = _inside(files)
    except DatasetError as e:
        return Match(False, str(e).rstrip("."), 0.8)
    images = {_sample(n) for n in inside.images}
    labels = sum(suffix(n) in LABEL_ENDINGS and _sample(n) in images for n in inside.names)
    if images and labels:
        where = shards[0] if shards else "files"
        return Match(True, f"{where} with {len(images):,} images and their labels by name")
    return Match(
        False,
        f"{(shards or ['the files'])[0]} holds no images with a .cls, .txt or .json of the same name; unpack it",
        0.8,
    )


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read the labels of all shards; the images stay where they are.

    Raises
    ------
    DatasetError
        a shard is damaged, or a label is too long.
    """
    inside, shards = _inside(files)
    answers = Answers("the WebDataset shards", corrections)
    images = {_sample(n): n for n in inside.images}
    chosen: dict[str, str] = {}
    for file in inside.names:
        ending = suffix(file)
        if ending in LABEL_ENDINGS and _sample(file) in images:
            best = chosen.get(_sample(file))
            if best is None or LABEL_ENDINGS.index(ending) < LABEL_ENDINGS.index(suffix(best)):
                chosen[_sample(file)] = file
    for row, (sample, file) in enumerate(chosen.items(), 1):
        shard = next((s for p, s in shards.items() if p and file.startswith(p)), shards.get("", ""))
        label = _label(inside.read(file, MOST_LABEL_BYTES), file)
        answers.add(shard or file, row, images[sample], label, part=shard or file)
    labelled = [n for n in inside.images if n in set(images.values())]
    return answers.reading(inside, name, images=labelled, beside=files)


def _label(data: bytes, file: str) -> str:
    try:
        content = data.decode("utf-8-sig").strip()
        if suffix(file) != ".json":
            return content
        value = loads(content)
    except (ValueError, RecursionError) as e:
        raise DatasetError("is not a readable label.", file=file) from e
    if isinstance(value, dict):
        value = next((value[f] for f in FIELDS if f in value), None)
    return text(value)
