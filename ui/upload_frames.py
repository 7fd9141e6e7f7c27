"""A batch of files in one request body, written to disk as it comes in.

::

    frame   4 bytes, big-endian: length of the header
            the header, JSON in UTF-8: {"path", "size", "modified"} or {…, "offset", "total"} for a piece of a file
            "size" bytes of content
    body    frames, one after the other

Multipart forms would say the same with more bytes and a parser that keeps whole files.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from ui.upload_errors import RefusedFile, UploadError
from ui.upload_files import FilePart, WholeFile
from ui.uploads import Upload

MAX_HEADER = 64 * 1024
MAX_FRAMES = 10_000  # in one request; the answer names every file that was refused
LATEST = 2**42  # milliseconds; what lies beyond is no time a file system keeps


@dataclass
class Batch:
    """Takes a body in pieces of any size. ``refused`` maps names to the reason."""

    upload: Upload
    written: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    _frames: int = 0
    _head: bytearray = field(default_factory=bytearray)
    _path: str = ""
    _left: int = 0  # bytes of the file's content still to come
    _sink: WholeFile | FilePart | None = None

    def feed(self, data: bytes | bytearray) -> None:
        """Take the next bytes of the body.

        Raises
        ------
        UploadError
            400: the body is not made of frames; 413: of too many; 404, 409, 507. Files written before are here to stay.
        """
        view = memoryview(data)
        while view:
            if self._left:
                piece = view[: self._left]
                if self._sink:
                    self._sink.write(piece)
                self._left -= len(piece)
                view = view[len(piece) :]
                if not self._left:
                    self._completed()
            else:
                view = self._header(view)

    def close(self) -> None:
        """The body has ended.

        Raises
        ------
        UploadError
            400: in the middle of a file.
        """
        if self._left or self._head:
            raise UploadError(400, f"The request ended in the middle of {self._path or 'a header'!r}.")

    def give_up(self) -> None:
        """No more will come; a file that is not complete leaves no trace."""
        if self._sink:
            self._sink.give_up()
            self._sink = None

    def _header(self, view: memoryview) -> memoryview:
        """Take as much of the frame's header as there is; start its file when that is all."""
        head = self._head
        for wanted in (4, None):
            if wanted is None:
                wanted = 4 + int.from_bytes(head[:4], "big")
                if not 4 < wanted <= 4 + MAX_HEADER:
                    raise UploadError(400, "The request is not made of frames: a header has an impossible length.")
            piece = view[: max(0, wanted - len(head))]
            head += piece
            view = view[len(piece) :]
            if len(head) < wanted:
                return view
        self._frames += 1
        if self._frames > MAX_FRAMES:
            raise UploadError(413, f"A request may have {MAX_FRAMES:,} files; this one has more.")
        header = _parse(bytes(head[4:]))
        head.clear()
        self._path, self._left = header["path"], header["size"]
        try:
            self._sink = self._start(header)
        except RefusedFile as e:
            self.refused[self._path] = str(e)
        if not self._left:
            self._completed()
        return view

    def _start(self, header: dict[str, Any]) -> WholeFile | FilePart:
        path, size, modified = header["path"], header["size"], header["modified"]
        if header["total"] is None:
            return self.upload.receive(path, size, modified)
        return self.upload.receive_part(path, header["offset"], size, header["total"], modified)

    def _completed(self) -> None:
        sink, self._sink = self._sink, None
        if sink is None:
            return
        try:
            sink.complete()
            self.written += 1
        except RefusedFile as e:
            self.refused[self._path] = str(e)
        finally:
            sink.give_up()


def _parse(raw: bytes) -> dict[str, Any]:
    wrong = UploadError(400, "The request is not made of frames: a header is not the JSON expected.")
    try:
        header = json.loads(raw)
    except (ValueError, RecursionError):
        raise wrong from None
    if not isinstance(header, dict) or not isinstance(header.get("path"), str):
        raise wrong
    total = header.get("total")
    numbers = {"size": header.get("size"), "modified": header.get("modified", 0), "offset": header.get("offset", 0)}
    if total is not None:
        numbers["total"] = total
    for value in numbers.values():
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
            raise wrong
    return {"total": None, **numbers, "path": header["path"], "modified": min(numbers["modified"], LATEST)}
