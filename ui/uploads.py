"""Uploads: folders, archives and tables that become datasets, and images to predict.

They are on disk from the first byte, so a torn connection or a restart loses nothing.

::

    WORKSPACE/datasets/.incoming-<id>/     hidden, so not a dataset yet
      about.json                           {"name"}
      upload.json                          {"id", "token": its SHA-256, "created", "files", "bytes", "purpose"}; its
                                           time of modification says when the browser was last heard of
      data/<path>                          complete files, with the time of modification they had at the sender
      parts/<total>-<modified>/<path>      what has come of a large file; a changed file gets another folder
      tmp/                                 files being written

A finished upload is this folder under a dataset's id, without ``parts`` and ``tmp``; an archive is ``data.zip`` there.
Images to predict stay as they are until their session ends, see :mod:`ui.upload_expiry`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import shutil
import time
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ltnet_core.datasets.sources.files import suffix
from ltnet_core.datasets.tables.table import is_table
from ltnet_core.errors import DatasetError, StorageError
from ltnet_core.files.writing import write_json
from ui import quotas, upload_files
from ui.quotas import PREFIX, Limits
from ui.upload_errors import Busy, UploadError, gone
from ui.upload_files import FilePart, Piece, Rules, WholeFile, is_archive, walk
from ui.workspace import Dataset, datasets_folder, read_dataset, require_dataset, settle

DISCARDED = ".discarded-"
MOST_NUMBER = 2**53  # what a browser can count to
MOST_IMAGES, MOST_IMAGES_SIZE = 10_000, 2 * 1024**3
JSON_PIECE = 64 * 1024

Purpose = Literal["dataset", "images"]
MOST_UNFINISHED: dict[Purpose, int] = {"dataset": 100, "images": 500}

# Ids that sessions have forgotten. The garbage collector says so, at a moment when nothing may be locked or removed.
abandoned: deque[str] = deque()


@dataclass(frozen=True)
class Ticket:
    """What a browser needs to send files."""

    id: str
    token: str


@dataclass(frozen=True)
class Unfinished:
    """An upload that waits to be gone on with.

    ``files`` and ``size`` are what the sender has, ``here`` and ``size_here`` what came of it.
    """

    id: str
    name: str
    files: int
    size: int
    here: int
    size_here: int
    idle_seconds: float

    @property
    def is_file(self) -> bool:
        """Whether the sender has one file, and no folder."""
        return self.files == 1 and (suffix(self.name) == ".zip" or is_table(self.name))


# ---- what the page does


def begin(name: str, files: int = 0, size: int = 0, purpose: Purpose = "dataset") -> Ticket:
    """Make room for an upload of so many files and bytes.

    Raises
    ------
    UploadError
        400: these are no numbers; 507: it would not fit.
    StorageError
        the disk is full already.
    """
    for number in (files, size):
        if type(number) is not int or not 0 <= number < MOST_NUMBER:
            raise UploadError(400, "An upload has a number of files and a number of bytes.")
    parent = datasets_folder()
    parent.mkdir(parents=True, exist_ok=True)
    most = _limits(purpose)
    if most.workspace_size is not None or most.workspace_entries is not None:
        quotas.measure_workspace(parent)
    quotas.require_quota(parent, most, size, files)
    quotas.require_disk(parent, size, files)
    id = uuid.uuid4().hex[:12]
    folder = parent / (PREFIX + id)
    with quotas.lock:
        if sum(purpose_of(f) == purpose for f in incoming()) >= MOST_UNFINISHED[purpose]:
            text = f"{MOST_UNFINISHED[purpose]} uploads are not finished on this server. Finish or discard one first."
            raise UploadError(507, text)
        folder.mkdir()
        quotas.opened(folder)
    plain = "".join(c if c.isprintable() else " " for c in name[:500]).strip()[:120]
    try:
        for part in ("data", "parts", "tmp"):
            (folder / part).mkdir()
        write_json(folder / "about.json", {"name": plain or "Uploaded folder"})
        about = {"id": id, "created": time.time(), "files": files, "bytes": size, "purpose": purpose}
        return _ticket(folder, about)
    except BaseException:
        remove_upload(folder)
        raise


def go_on(id: str) -> Ticket:
    """A new token for an unfinished upload; the old one is void.

    Raises
    ------
    UploadError
        404: there is no such upload.
    StorageError
        the disk is full.
    """
    folder = _folder(id)
    return _ticket(folder, _about(folder))


def discard(id: str) -> None:
    """Remove an unfinished upload; nothing happens if there is none."""
    try:
        remove_upload(_folder(id))
    except UploadError:
        return


def unfinished() -> list[Unfinished]:
    """Uploads to a dataset of which something has come, last heard of first."""
    listed = []
    for folder in incoming():
        try:
            about, heard = _about(folder), (folder / "upload.json").stat().st_mtime
            here = quotas.usage(folder)
            name = json.loads((folder / "about.json").read_text(encoding="utf-8"))["name"]
        except (OSError, ValueError, KeyError, UploadError):  # it has just been finished or discarded
            continue
        if about["purpose"] == "dataset" and here.entries:
            idle = max(0.0, time.time() - heard)
            listed.append(Unfinished(about["id"], name, about["files"], about["bytes"], here.files, here.size, idle))
    return sorted(listed, key=lambda u: u.idle_seconds)


def images(id: str) -> list[Path]:
    """The images of an upload to predict, sorted; none if it has expired. They are kept for another while."""
    try:
        folder = _folder(id)
        os.utime(folder / "upload.json")
        return sorted(folder / "data" / name for name, _ in walk(folder / "data"))
    except (UploadError, FileNotFoundError):
        return []


def images_folder(id: str) -> Path:
    """Where the images of an upload to predict lie.

    Raises
    ------
    UploadError
        it is no more.
    """
    return _folder(id) / "data"


# ---- what the browser does


@dataclass(frozen=True)
class Upload:
    """An upload whose token was right; ``size`` is what the sender said it has."""

    id: str
    folder: Path
    rules: Rules
    size: int

    def present(self) -> Iterator[str]:
        """What is here, as JSON: ``{"files": {path: [size, modified]}, "parts": {path: [have, total, modified]}}``.

        ``modified`` is in milliseconds since 1970, as browsers give it. In pieces, because two million names are large.

        Raises
        ------
        UploadError
            404: it is no more.
        """
        files = ((name, [f.st_size, f.st_mtime_ns // 1_000_000]) for name, f in walk(self.folder / "data"))
        yield from _object('{"files":', files)
        yield from _object(',"parts":', self._parts())
        yield "}"

    def _parts(self) -> Iterator[tuple[str, list[int]]]:
        for name, status in walk(self.folder / "parts"):
            version, path = name.split("/", 1)
            total, modified = map(int, version.split("-"))
            yield path, [status.st_size, total, modified]

    def heard(self) -> None:
        """Note that the browser is there."""
        try:
            os.utime(self.folder / "upload.json")
        except FileNotFoundError:
            raise gone() from None

    def receive(self, path: str, size: int, modified: int = 0) -> WholeFile:
        """Start to write a file of so many bytes; see :class:`WholeFile`.

        Raises
        ------
        Refused
            the file cannot be taken.
        UploadError
            404, 507: none can.
        """
        return WholeFile(self.folder, path, size, modified, self.rules)

    def receive_part(self, path: str, offset: int, size: int, total: int, modified: int = 0) -> FilePart:
        """Start to write some bytes of a large file; see :class:`FilePart`.

        Raises
        ------
        Refused
            the file cannot be taken.
        UploadError
            409: what lies before ``offset`` has not come, or another request is writing it; 404, 507.
        """
        return FilePart(self.folder, path, Piece(offset, size, total), modified, self.rules)

    def remove(self, paths: Sequence[str]) -> None:
        """Remove files that the sender does not have (any more)."""
        for path in paths:
            upload_files.remove(self.folder, path)

    def finish(self, files: int, size: int) -> Dataset | None:
        """Turn the upload into a dataset of the workspace; images to predict stay what they are, and give None.

        Raises
        ------
        UploadError
            404: it was discarded meanwhile; 409: not everything that the sender has is here, or another request is
            finishing it.
        DatasetError
            it is no dataset; the files stay, so that what is missing can be added.
        """
        with quotas.lock:
            if self.folder in upload_files.finishing:
                raise Busy
            upload_files.finishing.add(self.folder)
        try:
            self._require_all(files, size)
            return None if self.rules.images else self._settle()
        finally:
            with quotas.lock:
                upload_files.finishing.discard(self.folder)

    def _require_all(self, files: int, size: int) -> None:
        here, total = 0, 0
        for _, status in walk(self.folder / "data"):
            here, total = here + 1, total + status.st_size
        if (here, total) != (files, size):
            raise UploadError(409, f"{here:,} files with {total:,} bytes are here instead of {files:,} with {size:,}.")

    def _settle(self) -> Dataset:
        data = self.folder / "data"
        try:
            name = json.loads((self.folder / "about.json").read_text(encoding="utf-8"))["name"]
            archive = _only_archive(data)
            require_dataset(archive or data, [self.folder if archive else data])
        except (DatasetError, OSError) as e:
            if not self.folder.exists():
                raise gone() from e
            if isinstance(e, OSError):
                raise
            # People know the folder by their own name.
            raise DatasetError(re.sub(r"^data: ", lambda _: f"{name}: ", e.fact), advice=e.advice) from e
        os.sync()  # a dataset that is called finished must be there after a power failure
        try:
            if archive or (is_table(name) and len(os.listdir(data)) == 1):
                name = name[: -len(suffix(name))] or name
                write_json(self.folder / "about.json", {"name": name})
            if archive:
                archive.rename(self.folder / "data.zip")
                data.rmdir()
            for part in ("parts", "tmp"):
                shutil.rmtree(self.folder / part, ignore_errors=True)
            folder = settle(self.folder, name)
        except (FileNotFoundError, StorageError) as e:
            if self.folder.exists():
                raise
            raise gone() from e
        quotas.closed(self.folder, folder)
        dataset = read_dataset(folder)
        if dataset is None:  # somebody has removed it at once
            raise gone()
        return dataset

    def cancel(self) -> None:
        """Remove everything that came."""
        remove_upload(self.folder)


def open_upload(id: str, token: str) -> Upload:
    """The unfinished upload with this token.

    Raises
    ------
    UploadError
        404: there is no such upload; 403: it is not this token’s.
    """
    folder = _folder(id)
    about = _about(folder)
    _check(about, token)
    most = _limits(about["purpose"])
    quotas.usage(folder)
    if most.workspace_size is not None or most.workspace_entries is not None:
        quotas.measure_workspace(folder.parent)
    return Upload(id, folder, Rules(about["purpose"] == "images", most), about["bytes"])


def finished(id: str, token: str) -> Dataset | None:
    """The dataset that an upload with this token has become: for a browser that missed the answer."""
    for known in datasets_folder().glob("[!.]*/upload.json"):
        try:
            about = _about(known.parent)
        except UploadError:
            continue
        if about["id"] == id:
            _check(about, token)
            return read_dataset(known.parent)
    return None


# ---- on disk


def incoming() -> list[Path]:
    """The folders of all unfinished uploads."""
    return [f for f in datasets_folder().glob(PREFIX + "*") if f.is_dir()]


def remove_upload(folder: Path) -> None:
    """Remove an unfinished upload, also while files of it come in."""
    # Renamed first, so that a batch in flight finds nothing to write to and cannot get in the way.
    dying = folder.with_name(DISCARDED + uuid.uuid4().hex[:12])
    try:
        folder.rename(dying)
    except FileNotFoundError:
        return
    shutil.rmtree(dying, ignore_errors=True)
    quotas.closed(folder)


def _limits(purpose: Purpose) -> Limits:
    most = quotas.limits()
    if purpose == "dataset":
        return most
    size = MOST_IMAGES_SIZE if most.upload_size is None else min(most.upload_size, MOST_IMAGES_SIZE)
    return replace(most, upload_size=size, upload_entries=min(most.upload_entries, 2 * MOST_IMAGES))


def purpose_of(folder: Path) -> str | None:
    try:
        return str(_about(folder)["purpose"])
    except UploadError:
        return None


def _object(before: str, content: Iterator[tuple[str, list[int]]]) -> Iterator[str]:
    """A JSON object in pieces of a size that is worth a thread's turn."""
    piece, held = [before + "{"], 0
    comma = ""
    for name, numbers in content:
        piece.append(f"{comma}{json.dumps(name)}:{json.dumps(numbers)}")
        held += len(piece[-1])
        comma = ","
        if held > JSON_PIECE:
            yield "".join(piece)
            piece, held = [], 0
    yield "".join([*piece, "}"])


def _only_archive(data: Path) -> Path | None:
    names = os.listdir(data)
    return data / names[0] if len(names) == 1 and is_archive(names[0]) and (data / names[0]).is_file() else None


def _ticket(folder: Path, about: dict[str, Any]) -> Ticket:
    token = secrets.token_urlsafe(32)
    write_json(folder / "upload.json", {**about, "token": _digest(token)})
    return Ticket(about["id"], token)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _check(about: dict[str, Any], token: str) -> None:
    if not hmac.compare_digest(_digest(token), about["token"]):
        raise UploadError(403, "This upload was taken over by another window.")


def _folder(id: str) -> Path:
    folder = datasets_folder() / (PREFIX + id)
    if not re.fullmatch(r"[0-9a-f]{12}", id) or not folder.is_dir():
        raise gone()
    return folder


def _about(folder: Path) -> dict[str, Any]:
    try:
        about = json.loads((folder / "upload.json").read_text(encoding="utf-8"))
        numbers = {k: int(about[k]) for k in ("files", "bytes")}
        purpose = "images" if about.get("purpose") == "images" else "dataset"
        return {**about, **numbers, "id": str(about["id"]), "token": str(about["token"]), "purpose": purpose}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        raise gone() from None
