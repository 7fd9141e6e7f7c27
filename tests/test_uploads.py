"""Uploads of folders: names at the door, the store, the frames, the routes."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from asgi import Reply
from streamlit.testing.v1 import AppTest
from uploading import MODIFIED, Client, frame, frames, http

from ltnet_core.errors import DatasetError
from ui import roots, upload_expiry, uploads, workspace
from ui.access.settings import Access, Mode
from ui.upload_errors import UploadError
from ui.uploads import Ticket, open_upload

ROOT = Path(__file__).resolve().parent.parent


# ---- a whole upload


def test_from_frames_to_a_dataset(datasets_folder: Path, source: Path, client: Client) -> None:
    body = frames(source)
    assert workspace.list_datasets() == []
    # Whatever the pieces in which the body comes.
    assert client.send(*(body[i : i + 7] for i in range(0, len(body), 7))).json == {"written": 3, "refused": {}}
    assert workspace.list_datasets() == []
    done = client.finish(source)
    assert done == Reply.of(200, {"dataset": "my-faces"})
    assert client.finish(source) == done, "asked again because the answer was lost"
    [dataset] = workspace.list_datasets()
    assert (dataset.id, dataset.name, dataset.location) == (
        "my-faces",
        "my faces",
        datasets_folder / "my-faces" / "data",
    )
    assert frames(dataset.location) == body
    assert [p.name for p in datasets_folder.iterdir()] == ["my-faces"]
    assert uploads.unfinished() == []
    assert client.send(frame("x", b"1")).status == 404
    other = Client(Ticket(client.ticket.id, "wrong"))
    assert other.finish(source).status == 403


def test_what_is_no_dataset_stays_until_it_is_one(source: Path, client: Client) -> None:
    table = (source / "annotations.csv").read_bytes()
    (source / "annotations.csv").unlink()
    (source / "notes.txt").write_bytes(b"not part of it in the end")
    client.send(frames(source))
    response = client.finish(source)
    assert response.status == 422
    assert response.json["error"].startswith("my faces: ")
    assert len(client("GET").json["files"]) == 3
    client.send(frame("annotations.csv", table))
    assert client("POST", "/remove", [b'["notes.txt"]']).status == 200
    (source / "annotations.csv").write_bytes(table)
    (source / "notes.txt").unlink()
    assert client.finish(source).status == 200


def test_an_incomplete_upload_is_not_finished(source: Path, client: Client) -> None:
    client.send(frame("annotations.csv", (source / "annotations.csv").read_bytes()))
    response = client.finish(source)
    assert response.status == 409
    assert response.json["error"].startswith("1 files with")
    assert workspace.list_datasets() == []


def test_cancelling_leaves_nothing(datasets_folder: Path, source: Path, client: Client) -> None:
    before = sorted(p.name for p in datasets_folder.iterdir() if p != client.folder)
    client.send(frames(source))
    assert client("DELETE").status == 200
    assert sorted(p.name for p in datasets_folder.iterdir()) == before
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
    response = client.send((frame("a.jpg", b"a") + frame("b.jpg", b"b" * 100))[:-1])
    assert response == Reply.of(400, {"error": "The request ended in the middle of 'b.jpg'."})
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
    response = client.send(frame("before", b"1"), body)
    assert response.status == 400
    assert "not made of frames" in response.json["error"]
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
    response = client.send(frame("big.bin", b"new", offset=3, total=6, modified=MODIFIED + 1))
    assert response.status == 409
    assert client.send(frame("big.bin", b"brand new"[:6], offset=0, total=6, modified=MODIFIED + 1)).status == 200
    assert (client.folder / "data" / "big.bin").read_bytes() == b"brand "


def test_a_piece_is_written_by_one_request_at_a_time(client: Client) -> None:
    upload = open_upload(client.ticket.id, client.ticket.token)
    part = upload.receive_part("big.bin", 0, 3, 6, MODIFIED)
    response = client.send(frame("big.bin", b"abc", offset=0, total=6))
    assert response == Reply.of(409, {"error": "'big.bin' is being written by another request."})
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
        response = http(method, f"/api/uploads/{id}{rest}", client.ticket.token, [b'{"files": 0, "bytes": 0}'])
        assert response.status == 404
        assert response.json["error"]


def test_other_refusals_are_sentences_too(client: Client) -> None:
    assert http("PUT", "/api/uploads/x", "").json == {"error": "Method Not Allowed"}
    assert http("GET", "/api/uploads/x/y/z", "").json == {"error": "There is nothing at this address."}
    assert http("GET", f"/studio/api/uploads/{client.ticket.id}", client.ticket.token).status == 200
    for body in (b"{", b"[]", b'{"files": "1", "bytes": 1}', b"[" * 100_000):
        assert client("POST", "/finish", [body]).status == 400
    assert client("POST", "/remove", [b"[1]"]).status == 400


# ---- unfinished uploads


def test_unfinished_uploads_are_listed_and_gone_on_with(client: Client, source: Path) -> None:
    assert uploads.unfinished() == [], "nothing has come yet"
    client.send(frame("annotations.csv", (source / "annotations.csv").read_bytes()))
    [unfinished] = uploads.unfinished()
    assert (unfinished.id, unfinished.name, unfinished.files, unfinished.size, unfinished.here) == (
        client.ticket.id,
        "my faces",
        3,
        100,
        1,
    )
    assert unfinished.idle_seconds < 60
    again = Client(uploads.go_on(unfinished.id))
    assert list(again("GET").json["files"]) == ["annotations.csv"]
    again.send(frames(source))
    assert again.finish(source).status == 200


def test_discarding(datasets_folder: Path, client: Client) -> None:
    client.send(frame("x", b"1"))
    for id in ("../..", "", client.ticket.id, client.ticket.id):
        uploads.discard(id)
    assert list(datasets_folder.iterdir()) == []
    with pytest.raises(UploadError, match="no such upload"):
        uploads.go_on(client.ticket.id)


def test_what_nobody_touched_for_a_week_goes(datasets_folder: Path, client: Client) -> None:
    fresh = Client(uploads.begin("fresh"))
    (datasets_folder / ".discarded-abc").mkdir()
    old = time.time() - 7 * 24 * 3600 - 60
    for path in [*client.folder.rglob("*"), client.folder]:
        os.utime(path, (old, old))
    upload_expiry.sweep()
    assert list(datasets_folder.iterdir()) == [fresh.folder]


# ---- the page


def test_the_page_lists_unfinished_uploads(client: Client) -> None:
    client.send(frame("x", b"1"))
    at = AppTest.from_file(str(ROOT / "ui" / "router.py"), default_timeout=120).run()
    at.switch_page("../pages/1_dataset.py").run()
    assert not at.exception
    [component] = [json.loads(e.proto.json) for e in at.get("bidi_component")]
    assert [u["name"] for u in component["unfinished"]] == ["my faces"]


# ---- paths on this machine


def test_paths_may_be_restricted_to_roots(tmp_path: Path, source: Path, datasets_folder: Path) -> None:
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
    allowed = roots.allowed_roots(Access(mode), Path("/w"))
    assert allowed == (None if expected is None else [Path(p) for p in expected])
