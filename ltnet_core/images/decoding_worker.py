"""A process that decodes images for another: it gets files' bytes and answers with pixels or facts.

It opens no file and starts no program. A message is the length of a JSON text, that text, and bytes::

    request   {"names": […], "lengths": […], "limit": bytes, "shape": [C, S, S]}   the files, joined
    reply     {"results": [one per file]}                                          their pixels, joined

Without a shape there are no pixels. A result is ``null``, facts (see :class:`~ltnet_core.images.image.Look`),
``{"error": text}``, or ``{"large": bytes}`` where decoding would take more than ``limit``. Pixels are (N, C, S, S),
black where a file has an error or is too large.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import sys
import traceback
from typing import Any, BinaryIO

import numpy as np

from ..errors import DatasetError
from .decoding_budget import return_free_memory
from .image import ByteArray, look_at, smallest_side, square
from .image_decoding import LARGE, Decoded, decode_bytes

Message = dict[str, Any]
LENGTH = struct.Struct(">I")


def send(stream: BinaryIO, message: Message, *data: bytes | memoryview) -> None:
    """Write a message and the bytes that belong to it."""
    text = json.dumps(message).encode()
    stream.write(LENGTH.pack(len(text)) + text)
    for part in data:
        stream.write(part)
    stream.flush()


def receive(stream: BinaryIO) -> Message:
    """Read a message; its bytes are still to be read.

    Raises
    ------
    EOFError
        the other side has gone.
    """
    text = exactly(stream, LENGTH.unpack(exactly(stream, LENGTH.size))[0])
    content: Message = json.loads(text)
    return content


def exactly(stream: BinaryIO, size: int) -> bytes:
    """Read so many bytes.

    Raises
    ------
    EOFError
    """
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def work() -> None:
    """Answer requests from the standard input until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal; the process that asks decides when to stop
    requests = sys.stdin.buffer
    with os.fdopen(os.dup(1), "wb") as replies:
        os.dup2(2, 1)  # what a library prints is no reply
        while True:
            try:
                request = receive(requests)
                data = exactly(requests, sum(request["lengths"]))
            except EOFError:
                return
            try:
                results, pixels = _decode(request, data)
            except Exception:
                send(replies, {"fault": traceback.format_exc()})
                return
            try:
                send(replies, {"results": results}, *(() if pixels is None else (pixels.data.cast("B"),)))
            except BrokenPipeError:  # the process that asked has gone
                os._exit(1)


def _decode(request: Message, data: bytes) -> tuple[list[Message | None], ByteArray | None]:
    limit, names, lengths = request["limit"], request["names"], request["lengths"]
    pixels = np.zeros((len(names), *request["shape"]), dtype=np.uint8) if "shape" in request else None
    results: list[Message | None] = []
    start = 0
    for i, (name, length) in enumerate(zip(names, lengths, strict=True)):
        results.append(_result(data[start : start + length], name, limit, None if pixels is None else pixels[i]))
        start += length
    return results, pixels


def _result(data: bytes, name: str, limit: int, out: ByteArray | None) -> Message | None:
    """The answer about one file; ``out`` (C, S, S) gets its pixels."""

    def use(decoded: Decoded) -> Message | None:
        if out is None:
            look = look_at(decoded)
            return {**vars(look), "digest": look.digest.hex()}
        out[:] = square(decoded, out.shape[1], out.shape[0])
        return None

    side = None if out is None else smallest_side(out.shape[1])
    try:
        done, needed, result = decode_bytes(data, name, lambda size: size <= limit, use, side)
    except DatasetError as e:
        return {"error": str(e)}
    if needed > LARGE:
        return_free_memory()
    return result if done else {"large": needed}
