"""What the routes share, and frames of uploads, at their bounds: bodies, numbers, errors, thumbnails."""

from __future__ import annotations

import json
import struct
import threading
from pathlib import Path
from typing import Any

import anyio
import pytest
from asgi import Reply, request
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ltnet_core.errors import DamageError, DatasetError, InputError, RunError, StorageError
from ui import http, thumbnails, upload_frames, uploads
from ui.first_paint import FirstPaint
from ui.http import Refused
from ui.native_uploads import NoNativeUploads
from ui.upload_errors import UploadError
from ui.upload_frames import Batch


async def echo(request: Request) -> Response:
    return JSONResponse({"got": await http.read_json(request, 64)})


def ask(*body: bytes, torn: bool = False) -> Reply:
    app = Starlette(routes=[Route("/", echo, methods=["POST"])], exception_handlers=http.HANDLERS)
    return (
        request(app.routes, "POST", "/", body=body, torn=torn)
        if torn
        else request(http.mounted("/x", app), "POST", "/x/", body=body)
    )


@pytest.mark.parametrize(
    "content", ["[]", '{"a": "é"}', "1", '"\\ud83d\\ude00"', " null ", "1.5", "12345678901234567890"]
)
def test_json_is_read_in_pieces_of_any_size(content: str) -> None:
    data = content.encode()
    for size in (1, 3, 100):
        reply = ask(*(data[n : n + size] for n in range(0, len(data), size)))
        assert reply.json == {"got": json.loads(content)}


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff", b'"\\ud83d"', b"NaN", b"[-Infinity]", b"[" * 60, b"1" * 5, b"\xef\xbb\xbf[]", b"{'a': 1}"], ids=repr
)  # fmt: skip
def test_what_is_no_json_is_refused(data: bytes) -> None:
    reply = ask(data)
    if data == b"11111":
        assert reply.json == {"got": 11111}
    else:
        assert (reply.status, reply.json) == (400, {"error": "The request is not JSON."})


def test_a_body_is_taken_up_to_its_limit_and_not_a_byte_more() -> None:
    assert ask(b'"' + b"x" * 62 + b'"').status == 200
    for pieces in ([b'"' + b"x" * 63 + b'"'], [b'"', b"x" * 40, b"x" * 40]):
        reply = ask(*pieces)
        assert (reply.status, reply.json["error"]) == (413, "A request may have 64 bytes; this one has more.")


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (Refused(418, "No tea."), 418, "No tea."), (InputError("wrong"), 422, "wrong"), (DatasetError("no data"), 422, "no data"),
        (RunError("no run"), 404, "no run"), (DamageError("f", "missing"), 404, "f"), (StorageError("full"), 503, "full"),
        (HTTPException(404), 404, "There is nothing at this address."), (HTTPException(405), 405, "Method Not Allowed"),
        (Refused(400, "quotes \udcff"), 400, "quotes \udcff"),
    ],
    ids=lambda e: type(e).__name__ if isinstance(e, Exception) else "",
)  # fmt: skip
def test_every_error_is_a_sentence_with_its_status(error: Exception, status: int, text: str) -> None:
    async def fails(request: Request) -> Response:
        raise error

    app = Starlette(routes=[Route("/", fails)], exception_handlers=http.HANDLERS)
    reply = request(http.mounted("/x", app), "GET", "/x/")
    assert reply.status == status
    assert text in reply.json["error"]
    assert reply.content.isascii()


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (0, True),
        (2**63 - 1, True),
        (2**63, False),
        (-1, False),
        (True, False),
        (1.0, False),
        ("1", False),
        (None, False),
    ],
)
def test_a_count_is_a_whole_number_that_a_database_holds(value: object, count: bool) -> None:
    assert http.is_count(value) is count


def test_a_text_of_a_request_is_one_and_not_too_long() -> None:
    assert http.text_of({}, "name") == ""
    assert http.text_of({"name": "x" * http.MOST_TEXT}, "name") == "x" * http.MOST_TEXT
    for wrong in (5, None, [], "x" * (http.MOST_TEXT + 1)):
        with pytest.raises(Refused, match="name must be a text"):
            http.text_of({"name": wrong}, "name")


def test_images_take_few_threads_and_leave_the_others_free() -> None:
    at_once, most, lock = 0, 0, threading.Lock()
    ends = threading.Event()

    def work() -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        ends.wait(30)
        with lock:
            at_once -= 1

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(3 * http.IMAGE_THREADS):
                group.start_soon(http.in_image_thread, work)
            while most < http.IMAGE_THREADS:
                await anyio.sleep(0.01)
            assert await http.in_thread(lambda: "at once") == "at once"
            ends.set()

    anyio.run(main)
    assert most == http.IMAGE_THREADS


# ---- around the pages


async def page(scope: Any, receive: Any, send: Any) -> None:
    """What Streamlit answers: a page in two pieces, or a file."""
    html = scope["path"] == "/"
    kind = b"text/html; charset=utf-8" if html else b"application/javascript"
    headers = [(b"content-type", kind), (b"content-length", b"26"), (b"etag", b"x")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"<body>page", "more_body": True})
    await send({"type": "http.response.body", "body": b"</body></html>"})


def through(
    middleware: Any, path: str = "/", method: str = "GET", accept: bytes = b"text/html"
) -> tuple[int, dict[bytes, bytes], bytes]:
    sent: list[dict[str, Any]] = []
    headers = [(b"accept", accept), (b"Accept-Encoding", b"gzip"), (b"if-none-match", b"x")]
    scope = {"type": "http", "path": path, "method": method, "headers": headers}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def main() -> None:
        await middleware(scope, None, send)

    anyio.run(main)
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(m.get("body", b"") for m in sent)


def test_the_page_gets_its_style_and_the_length_that_it_then_has() -> None:
    first = FirstPaint(page)
    _, headers, body = through(first)
    assert body.startswith(b"<body>page<style>")
    assert body.endswith(b"</body></html>")
    assert body.count(b"</body>") == 1
    assert headers[b"content-length"] == str(len(body)).encode()
    assert b"etag" not in headers
    for more in ({"path": "/x.js"}, {"method": "HEAD"}, {"accept": b"*/*"}):
        _, headers, body = through(first, **more)
        assert (body, headers[b"etag"]) == (b"<body>page</body></html>", b"x")


@pytest.mark.parametrize("path", ["/_stcore/upload_file/s/f", "/base/_stcore/upload_file/s/f"])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS"])
def test_streamlits_own_uploads_are_closed_under_every_prefix(path: str, method: str) -> None:
    status, headers, body = through(NoNativeUploads(page), path, method)
    assert (status, headers[b"connection"]) == (403, b"close")
    assert "upload on the page" in json.loads(body)["error"]
    assert through(NoNativeUploads(page), "/_stcore/health")[0] == 200


# ---- frames


def frame(path: str, content: bytes, **more: Any) -> bytes:
    header = json.dumps({"path": path, "size": len(content), "modified": 0, **more}).encode()
    return struct.pack(">I", len(header)) + header + content


@pytest.fixture
def upload(datasets_folder: Path) -> uploads.Upload:
    ticket = uploads.begin("faces", 10, 10_000)
    return uploads.open_upload(ticket.id, ticket.token)


@pytest.mark.parametrize("size", [1, 2, 7, 4096])
def test_a_body_of_frames_is_read_wherever_its_pieces_end(upload: uploads.Upload, size: int) -> None:
    whole = (
        frame("a/b.png", b"12345") + frame("empty.txt", b"") + frame("../out.png", b"zzz") + frame("ü.png", b"x" * 50)
    )
    batch = Batch(upload)
    for n in range(0, len(whole), size):
        batch.feed(whole[n : n + size])
    batch.close()
    assert (batch.written, list(batch.refused)) == (3, ["../out.png"])
    present = json.loads("".join(upload.present()))
    assert {path: entry[0] for path, entry in present["files"].items()} == {"a/b.png": 5, "empty.txt": 0, "ü.png": 50}


@pytest.mark.parametrize(
    "header",
    [b"[]", b"5", b"{", b"\xff\xff", b'{"path": 5, "size": 1}', b'{"path": "a"}', b'{"path": "a", "size": -1}', b'{"path": "a", "size": true}',
     b'{"path": "a", "size": 1.5}', b'{"path": "a", "size": 9007199254740992}', b'{"path": "a", "size": 1, "modified": "x"}',
     b'{"path": "a", "size": 1, "total": -1}', b'{"path": "a", "size": 1, "offset": -1, "total": 5}', b'{"path": "a", "size": null}', b"[" * 50_000],
    ids=lambda h: repr(h[:36]),
)  # fmt: skip
def test_a_header_that_is_none_ends_the_request(upload: uploads.Upload, header: bytes) -> None:
    batch = Batch(upload)
    with pytest.raises(UploadError, match="not made of frames") as refused:
        batch.feed(struct.pack(">I", len(header)) + header + b"x" * 10)
    assert refused.value.status == 400
    batch.give_up()
    assert json.loads("".join(upload.present())) == {"files": {}, "parts": {}}


@pytest.mark.parametrize("length", [0, upload_frames.MAX_HEADER + 1, 2**32 - 1])
def test_a_header_of_an_impossible_length_ends_the_request(upload: uploads.Upload, length: int) -> None:
    with pytest.raises(UploadError, match="impossible length"):
        Batch(upload).feed(struct.pack(">I", length) + b"{}")


@pytest.mark.parametrize("part", [1, 3, 20, -1])
def test_a_body_that_ends_early_is_said_and_leaves_no_file(upload: uploads.Upload, part: int) -> None:
    batch = Batch(upload)
    batch.feed(frame("a.png", b"12345")[:part])
    with pytest.raises(UploadError, match="ended in the middle of"):
        batch.close()
    batch.give_up()
    assert list((upload.folder / "tmp").iterdir()) == []


def test_more_frames_than_one_request_may_have(upload: uploads.Upload, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_frames, "MAX_FRAMES", 2)
    batch = Batch(upload)
    batch.feed(frame("a.png", b"1") + frame("b.png", b"2"))
    with pytest.raises(UploadError, match="may have 2 files") as refused:
        batch.feed(frame("c.png", b"3"))
    assert refused.value.status == 413
    assert batch.written == 2


def test_a_time_beyond_all_time_is_the_latest(upload: uploads.Upload) -> None:
    batch = Batch(upload)
    batch.feed(frame("a.png", b"1", modified=2**52))
    ((_, modified),) = json.loads("".join(upload.present()))["files"].values()
    assert 0 < modified <= upload_frames.LATEST


# ---- thumbnails


def test_the_newest_thumbnails_that_fit_are_kept() -> None:
    cache = thumbnails._Cache(3 * (100 + thumbnails.OVERHEAD))
    for key in "abc":
        cache.put(key, b"x" * 100)
    assert cache.get("a") == b"x" * 100  # used: b is the oldest now
    cache.put("d", b"x" * 100)
    assert [key for key in "abcd" if cache.get(key) is not None] == ["a", "c", "d"]
    cache.put("huge", b"x" * 10_000)
    assert [key for key in ("a", "c", "d", "huge") if cache.get(key) is not None] == ["huge"]  # one is always kept
    cache.put("a", b"1")
    assert (cache.get("huge"), cache.get("a"), cache.held) == (None, b"1", 1 + thumbnails.OVERHEAD)
    cache.put("a", b"22")
    assert cache.held == 2 + thumbnails.OVERHEAD
