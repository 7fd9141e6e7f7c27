"""Uploads of folders: names at the door, the store, the frames, the routes."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tracemalloc
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
from asgi import Reply
from conftest import write_csv, write_image
from streamlit.testing.v1 import AppTest
from uploading import MODIFIED, Client, frame, frames, http

from ltnet_core.errors import DatasetError
from ui import quotas, roots, upload_expiry, upload_frames, uploads, workspace
from ui.access.settings import Access, Mode
from ui.upload_errors import UploadError
from ui.upload_names import refusal
from ui.uploads import Ticket, open_upload

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The datasets of an empty workspace."""
    monkeypatch.setenv("LTNET_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.delenv("LTNET_MAX_UPLOAD_GB", raising=False)
    return tmp_path / "workspace" / "datasets"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A dataset: two images, two coders."""
    folder = tmp_path / "source"
    for number, name in enumerate("ab"):
        write_image(folder / "images" / f"{name}.png", 40 * number)
    rows = [("images/a.png", "X", "cat"), ("images/b.png", "X", "dog"), ("images/a.png", "Y", "cat")]
    write_csv(folder / "annotations.csv", ("image", "coder", "label"), rows)
    return folder


@pytest.fixture
def client(place: Path) -> Client:
    return Client(uploads.begin("my faces", 3, 100))


# ---- names


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "empty part"),
        ("/etc/passwd", "absolute"),
        ("//host/share", "absolute"),
        ("C:/x.jpg", "drive letter"),
        ("c:x.jpg", "drive letter"),
        ("..", "'..'"),
        ("../x.jpg", "'..'"),
        ("a/../../x.jpg", "'..'"),
        ("./x.jpg", "'.'"),
        ("a/./x.jpg", "'.'"),
        ("a//x.jpg", "empty part"),
        ("a/", "empty part"),
        ("a\\..\\x.jpg", "backslash"),
        ("x\0.jpg", "control character"),
        ("x\n.jpg", "line break"),
        ("x\r.jpg", "control character"),
        ("x\x1b[2J.jpg", "control character"),
        ("x\x7f.jpg", "control character"),
        ("x\x85.jpg", "control character"),
        ("x\ud800.jpg", "not valid Unicode"),
        (".ssh/id", "hidden"),
        ("a/.DS_Store", "hidden"),
        ("__MACOSX/a/x.jpg", "hidden"),
        ("é" * 128, "more than 255 bytes"),
        ("x" * 256, "more than 255 bytes"),
        ("/".join(["xxxxxxxxxxxxxxxx"] * 62), "more than 1,024 bytes"),
        ("/".join("x" * 65), "64 folders deep"),
    ],
)
def test_names_that_are_refused(client: Client, path: str, why: str) -> None:
    assert why in (refusal(path) or "")
    told = client.send(frame(path, b"evil"), frame("good.txt", b"good"))
    assert told.status == 200
    assert why in told.json["refused"][path]
    assert told.json["written"] == 1
    assert client.written() == ["data/good.txt"]


@pytest.mark.parametrize(
    "path",
    [
        'it\'s "fine", 100 %.jpg',
        "<script>alert(1)<&.jpg",
        "=1+1.csv",
        "😀/ü/é.jpg",
        "e\u0301.jpg",
        "\u202egpj.exe",
        "عربي/شيء.jpg",
        "a b/ c .jpg",
        "...".join("ab"),
        "x" * 255,
        "/".join("x" * 64),
        "CON/aux.jpg",
        "~/$HOME/*.jpg",
        "%2e%2e/x.jpg",
    ],
)
def test_names_that_are_only_names(client: Client, path: str) -> None:
    assert client.send(frame(path, b"good")).json == {"written": 1, "refused": {}}
    assert (client.folder / "data" / path).read_bytes() == b"good"
    assert client("GET").json["files"] == {path: [4, MODIFIED]}


def test_a_file_where_a_folder_is_and_the_other_way_round(client: Client) -> None:
    told = client.send(frame("a/b", b"1"), frame("a", b"2"), frame("a/b/c", b"3"), frame("a/d", b"4"))
    assert set(told.json["refused"]) == {"a", "a/b/c"}
    assert "folder" in told.json["refused"]["a"]
    assert "which is a file" in told.json["refused"]["a/b/c"]
    assert client.written() == ["data/a/b", "data/a/d"]


def test_links_are_not_followed(client: Client, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "secret").write_text("secret")
    (client.folder / "data" / "door").symlink_to(tmp_path / "outside")
    (client.folder / "data" / "file").symlink_to(tmp_path / "secret")
    told = client.send(frame("door/x", b"1"), frame("file", b"mine"))
    assert list(told.json["refused"]) == ["door/x"]
    assert list((tmp_path / "outside").iterdir()) == []
    assert (tmp_path / "secret").read_text() == "secret"
    assert (client.folder / "data" / "file").read_bytes() == b"mine"
    assert client("GET").json["files"] == {"file": [4, MODIFIED]}
    body = json.dumps(["door/secret", "../../x", "file"]).encode()
    assert client("POST", "/remove", [body]).status == 200
    assert client.written() == []


# ---- a whole upload


def test_from_frames_to_a_dataset(place: Path, source: Path, client: Client) -> None:
    body = frames(source)
    assert workspace.list_datasets() == []
    # Whatever the pieces in which the body comes.
    assert client.send(*(body[i : i + 7] for i in range(0, len(body), 7))).json == {"written": 3, "refused": {}}
    assert workspace.list_datasets() == []
    done = client.finish(source)
    assert done == Reply.of(200, {"dataset": "my-faces"})
    assert client.finish(source) == done, "asked again because the answer was lost"
    [dataset] = workspace.list_datasets()
    assert (dataset.id, dataset.name, dataset.location) == ("my-faces", "my faces", place / "my-faces" / "data")
    assert frames(dataset.location) == body
    assert [p.name for p in place.iterdir()] == ["my-faces"]
    assert uploads.unfinished() == []
    assert client.send(frame("x", b"1")).status == 404
    other = Client(Ticket(client.ticket.id, "wrong"))
    assert other.finish(source).status == 403


def test_what_is_no_dataset_stays_until_it_is_one(source: Path, client: Client) -> None:
    table = (source / "annotations.csv").read_bytes()
    (source / "annotations.csv").unlink()
    (source / "notes.txt").write_bytes(b"not part of it in the end")
    client.send(frames(source))
    told = client.finish(source)
    assert told.status == 422
    assert told.json["error"].startswith("my faces: ")
    assert len(client("GET").json["files"]) == 3
    client.send(frame("annotations.csv", table))
    assert client("POST", "/remove", [b'["notes.txt"]']).status == 200
    (source / "annotations.csv").write_bytes(table)
    (source / "notes.txt").unlink()
    assert client.finish(source).status == 200


def test_an_incomplete_upload_is_not_finished(source: Path, client: Client) -> None:
    client.send(frame("annotations.csv", (source / "annotations.csv").read_bytes()))
    told = client.finish(source)
    assert told.status == 409
    assert told.json["error"].startswith("1 files with")
    assert workspace.list_datasets() == []


def test_cancelling_leaves_nothing(place: Path, source: Path, client: Client) -> None:
    before = sorted(p.name for p in place.iterdir() if p != client.folder)
    client.send(frames(source))
    assert client("DELETE").status == 200
    assert sorted(p.name for p in place.iterdir()) == before
    assert client("GET").status == 404
    assert client.send(frame("x", b"1")).status == 404


# ---- broken connections


def test_a_torn_body_leaves_no_half_file(client: Client) -> None:
    body = frame("whole.jpg", b"w" * 100) + frame("torn.jpg", b"t" * 100)
    assert client.send(body[:-50], torn=True).status == 400
    assert client.written() == ["data/whole.jpg"]
    assert list((client.folder / "tmp").iterdir()) == []
    assert client.send(frame("torn.jpg", b"t" * 100)).json["written"] == 1


def test_a_body_that_is_too_short_says_where(client: Client) -> None:
    told = client.send((frame("a.jpg", b"a") + frame("b.jpg", b"b" * 100))[:-1])
    assert told == Reply.of(400, {"error": "The request ended in the middle of 'b.jpg'."})
    assert client.written() == ["data/a.jpg"]
    assert client.send(frame("c.jpg", b"c")[:9]).status == 400


@pytest.mark.parametrize(
    "body",
    [
        b"\0\0\0\0",
        b"\xff\xff\xff\xff{}",
        b"\0\0\0\2no",
        b"\0\0\0\2[]",
        b"--boundary\r\nContent-Disposition: form-data",
        frame(7),
        frame("x", size=-1),
        frame("x", size=1.5),
        frame("x", size=True),
        frame("x", size="1"),
        frame("x", b"1", total="1"),
        frame("x", b"1", total=1, offset=-1),
        frame("x", modified=None),
    ],
)
def test_a_body_not_made_of_frames(client: Client, body: bytes) -> None:
    told = client.send(frame("before", b"1"), body)
    assert told.status == 400
    assert "not made of frames" in told.json["error"]
    assert client.written() == ["data/before"]


def test_a_sent_file_replaces_the_earlier_one_whole(client: Client) -> None:
    client.send(frame("x", b"long content"))
    client.send(frame("x", b"short"))
    assert client("GET").json["files"] == {"x": [5, MODIFIED]}


# ---- large files


def test_a_large_file_in_pieces(client: Client) -> None:
    content = os.urandom(1000)

    def piece(start: int, stop: int, **more: Any) -> bytes:
        return frame("big.bin", content[start:stop], offset=start, total=1000, **more)

    assert client.send(piece(0, 400)).status == 200
    # A piece that broke off counts as far as it came.
    assert client.send(piece(400, 800)[:-100], torn=True).status == 400
    have, total, modified = client("GET").json["parts"]["big.bin"]
    assert (have, total, modified) == (700, 1000, MODIFIED)
    assert client("GET").json["files"] == {}
    assert client.send(piece(800, 1000)) == Reply.of(
        409, {"error": "700 bytes of 'big.bin' are here; go on from there."}
    )
    # Twice the same, because the first answer was lost.
    assert client.send(piece(400, 800)).status == client.send(piece(400, 800)).status == 200
    assert client.send(piece(800, 1000)).json == {"written": 1, "refused": {}}
    assert (client.folder / "data" / "big.bin").read_bytes() == content
    assert client("GET").json == {"files": {"big.bin": [1000, MODIFIED]}, "parts": {}}


def test_a_file_that_changed_meanwhile_starts_anew(client: Client) -> None:
    client.send(frame("big.bin", b"old", offset=0, total=6))
    told = client.send(frame("big.bin", b"new", offset=3, total=6, modified=MODIFIED + 1))
    assert told.status == 409
    assert client.send(frame("big.bin", b"brand new"[:6], offset=0, total=6, modified=MODIFIED + 1)).status == 200
    assert (client.folder / "data" / "big.bin").read_bytes() == b"brand "


def test_a_piece_is_written_by_one_request_at_a_time(client: Client) -> None:
    upload = open_upload(client.ticket.id, client.ticket.token)
    part = upload.receive_part("big.bin", 0, 3, 6, MODIFIED)
    told = client.send(frame("big.bin", b"abc", offset=0, total=6))
    assert told == Reply.of(409, {"error": "'big.bin' is being written by another request."})
    part.give_up()
    assert client.send(frame("big.bin", b"abc", offset=0, total=6)).status == 200


# ---- who may


def test_only_the_newest_token_opens_an_upload(client: Client) -> None:
    id, token = client.ticket.id, client.ticket.token
    assert token not in (client.folder / "upload.json").read_text()
    for wrong in ("", token[:-1], token + "x", "é"):
        assert http("GET", f"/api/uploads/{id}", wrong).status == 403
        assert http("POST", f"/api/uploads/{id}/files", wrong, [frame("x", b"1")]).status == 403
        assert http("DELETE", f"/api/uploads/{id}", wrong).status == 403
    again = Client(uploads.go_on(id))
    assert client.send(frame("x", b"1")).json == {"error": "This upload was taken over by another window."}
    assert again.send(frame("x", b"1")).status == 200
    assert client.written() == ["data/x"]


@pytest.mark.parametrize("id", ["000000000000", "..", "x", "%2e%2e", "ABCDEFABCDEF", "abcdefabcdef0"])
def test_an_unknown_id(client: Client, id: str) -> None:
    for method, rest in (("GET", ""), ("DELETE", ""), ("POST", "/files"), ("POST", "/finish"), ("POST", "/remove")):
        told = http(method, f"/api/uploads/{id}{rest}", client.ticket.token, [b'{"files": 0, "bytes": 0}'])
        assert told.status == 404
        assert told.json["error"]


def test_other_refusals_are_sentences_too(client: Client) -> None:
    assert http("PUT", "/api/uploads/x", "").json == {"error": "Method Not Allowed"}
    assert http("GET", "/api/uploads/x/y/z", "").json == {"error": "There is nothing at this address."}
    assert http("GET", f"/studio/api/uploads/{client.ticket.id}", client.ticket.token).status == 200
    for body in (b"{", b"[]", b'{"files": "1", "bytes": 1}', b"[" * 100_000):
        assert client("POST", "/finish", [body]).status == 400
    assert client("POST", "/remove", [b"[1]"]).status == 400


# ---- room


def test_a_request_that_is_too_large(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.upload_routes.MAX_BODY", 50)
    told = client.send(frame("x", b"1" * 100))
    assert told.status == 413
    assert client.written() == []


def test_a_file_that_is_too_large(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    told = client.send(frame("big.bin", b"1", offset=0, total=3 * 1024**3), frame("y", b"1"))
    assert told.json == {"written": 1, "refused": {"big.bin": "is larger than 2.0 GB"}}


def test_a_limit_for_the_whole(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LTNET_MAX_UPLOAD_GB", str(1000 / 1024**3))
    with pytest.raises(UploadError, match="has 1,001 bytes; this server takes 1,000 bytes at most") as caught:
        uploads.begin("faces", 1, 1001)
    assert caught.value.status == 507
    client = Client(uploads.begin("faces", 1, 1000))
    assert client.send(frame("a", b"a" * 600)).status == 200
    assert client.send(frame("a", b"b" * 600)).status == 200, "a file sent twice counts once"
    told = client.send(frame("b", b"b" * 401))
    assert told.status == 507
    assert client.send(frame("b", b"b" * 400)[:-1], torn=True).status == 400
    assert client.send(frame("b", b"b" * 200, offset=0, total=400)).status == 200
    assert client.send(frame("b", b"b" * 200, offset=200, total=400)).status == 200
    assert client.send(frame("c", b"c")).status == 507
    assert client("POST", "/remove", [b'["b"]']).status == 200
    assert client.send(frame("c", b"c")).status == 200
    monkeypatch.setenv("LTNET_MAX_UPLOAD_GB", "much")
    assert client.send(frame("d", b"d")).json == {
        "error": "LTNET_MAX_UPLOAD_GB is 'much', which is not a positive number; mend it where the server starts."
    }


def test_the_disk_keeps_a_reserve(place: Path, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    full = usage(10**15, 0, quotas.RESERVE + 100)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    with pytest.raises(UploadError, match="150 bytes are to come and 100 bytes may be used, so 50 bytes are missing"):
        uploads.begin("faces", 1, 150)
    assert client.send(frame("x", b"1" * 101)).status == 507
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(2000, 0, 99))  # of a small disk a twentieth
    assert client.send(frame("x", b"1")).status == 507
    assert client.written() == []


def test_a_disk_that_fills_up_in_the_middle(
    place: Path, source: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.send(frame("before", b"1"))
    real, left = os.write, [150]

    def write(fd: int, data: bytes) -> int:
        if left[0] <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = real(fd, bytes(data)[: left[0]])
        left[0] -= taken
        return taken

    with monkeypatch.context() as full:
        full.setattr(os, "write", write)
        told = client.send(frame("fits", b"f" * 100), frame("does not", b"n" * 100), frame("after", b"a"))
    assert told.status == 507
    assert re.search(
        r"could not write 'does not': its disk is full: 50 bytes of this file are still to come", told.json["error"]
    )
    assert client.written() == ["data/before", "data/fits"]
    assert workspace.list_datasets() == []
    # With room again it goes on where it was.
    assert client.send(frames(source)).status == 200
    assert client("POST", "/remove", [b'["before", "fits"]']).status == 200
    assert client.finish(source).status == 200


# ---- unfinished uploads


def test_unfinished_uploads_are_listed_and_gone_on_with(client: Client, source: Path) -> None:
    assert uploads.unfinished() == [], "nothing has come yet"
    client.send(frame("annotations.csv", (source / "annotations.csv").read_bytes()))
    [found] = uploads.unfinished()
    assert (found.id, found.name, found.files, found.size, found.here) == (client.ticket.id, "my faces", 3, 100, 1)
    assert found.idle_seconds < 60
    again = Client(uploads.go_on(found.id))
    assert list(again("GET").json["files"]) == ["annotations.csv"]
    again.send(frames(source))
    assert again.finish(source).status == 200


def test_discarding(place: Path, client: Client) -> None:
    client.send(frame("x", b"1"))
    for id in ("../..", "", client.ticket.id, client.ticket.id):
        uploads.discard(id)
    assert list(place.iterdir()) == []
    with pytest.raises(UploadError, match="no such upload"):
        uploads.go_on(client.ticket.id)


def test_what_nobody_touched_for_a_week_goes(place: Path, client: Client) -> None:
    fresh = Client(uploads.begin("fresh"))
    (place / ".discarded-abc").mkdir()
    old = time.time() - 7 * 24 * 3600 - 60
    for path in [*client.folder.rglob("*"), client.folder]:
        os.utime(path, (old, old))
    upload_expiry.sweep()
    assert list(place.iterdir()) == [fresh.folder]


def test_the_name_is_only_a_name(place: Path, source: Path) -> None:
    client = Client(uploads.begin("../\x00<b>\n" + "x" * 300))
    client.send(frames(source))
    assert client.finish(source).json["dataset"].startswith("b-xxx")
    [dataset] = workspace.list_datasets()
    assert dataset.name.startswith("../ <b> xxx")
    assert len(dataset.name) == 120


def test_frames_hold_no_more_than_a_piece(client: Client) -> None:
    upload = open_upload(client.ticket.id, client.ticket.token)
    batch = upload_frames.Batch(upload)
    body = frame("a", b"a" * 10_000)
    batch.feed(body[:5000])
    assert sum(p.stat().st_size for p in (client.folder / "tmp").iterdir()) > 4800
    batch.feed(body[5000:])
    batch.close()
    assert (batch.written, client.written()) == (1, ["data/a"])


# ---- memory


def test_counting_a_large_folder_keeps_no_list_of_it(client: Client) -> None:
    files = 3000
    for number in range(files):
        (client.folder / "data" / f"{number}.jpg").touch()
    tracemalloc.start()
    try:
        with pytest.raises(UploadError, match=f"^{files:,} files with 0 bytes are here"):
            open_upload(client.ticket.id, client.ticket.token).finish(1, 1)
        assert tracemalloc.get_traced_memory()[1] < 100 * files
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_the_check_of_a_finished_upload_leaves_no_memory_behind(tmp_path: Path) -> None:
    code = """
import re, threading
from pathlib import Path
from ui.uploads import begin, open_upload

def bring(images):
    ticket = begin("labels")
    upload = open_upload(ticket.id, ticket.token)
    rows = [f"images/{i:06d}.jpg,{coder},{i % 2}" for i in range(images) for coder in "AB"]
    text = "\\n".join(["image,coder,label", *rows])
    (upload.folder / "data" / "labels.csv").write_text(text)
    thread = threading.Thread(target=upload.finish, args=(1, len(text)))  # the routes use threads too
    thread.start()
    thread.join()
    return int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

few = bring(50)
print(bring(20_000) - few)
"""
    environment = {**os.environ, "LTNET_WORKSPACE": str(tmp_path / "w"), "LTNET_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "w" / "datasets").glob("labels*/data/labels.csv"))) == 2
    assert float(done.stdout) < 10  # MiB; 16 and more where Arrow keeps what the reading took


# ---- the page


def test_the_page_lists_unfinished_uploads(client: Client) -> None:
    client.send(frame("x", b"1"))
    at = AppTest.from_file(str(ROOT / "ui" / "router.py"), default_timeout=30).run()
    at.switch_page("../pages/1_dataset.py").run()
    assert not at.exception
    [told] = [json.loads(e.proto.json) for e in at.get("bidi_component")]
    assert [u["name"] for u in told["unfinished"]] == ["my faces"]


# ---- paths on this machine


def test_paths_may_be_restricted_to_roots(tmp_path: Path, source: Path, place: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (tmp_path / "link").symlink_to(source)
    (other / "link").symlink_to(source)
    assert workspace.add_path(str(source), None).location == source
    for path in (source, tmp_path / "link", other / "link", other / ".." / "source", other / "nothing" / ".."):
        allowed = path.resolve() == other
        with pytest.raises(DatasetError, match="does not lie below" if not allowed else "."):
            workspace.add_path(str(path), [other])
    assert workspace.add_path(str(other / "link"), [tmp_path]).location == source
    with pytest.raises(DatasetError, match="does not lie below"):
        workspace.add_path(str(tmp_path / "other-nothing"), [other])


@pytest.mark.parametrize(
    ("mode", "named", "expected"),
    [
        ("alone", "", None),
        ("alone", " ", None),
        ("token", "", ["/w"]),
        ("oidc", "", ["/w"]),
        ("proxy", "", ["/w"]),
        ("alone", os.pathsep.join(["/data", "/more"]), ["/data", "/more"]),
        ("proxy", "/data", ["/data"]),
    ],
)
def test_what_may_be_opened_depends_on_who_can_reach_the_server(
    monkeypatch: pytest.MonkeyPatch, mode: Mode, named: str, expected: list[str] | None
) -> None:
    monkeypatch.setenv("LTNET_ROOTS", named)
    found = roots.allowed_roots(Access(mode), Path("/w"))
    assert found == (None if expected is None else [Path(p) for p in expected])
