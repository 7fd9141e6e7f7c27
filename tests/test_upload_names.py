"""Names of uploaded files: which are refused, and what a name may do on the disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from uploading import MODIFIED, Client, frame, frames

from ui import uploads, workspace
from ui.upload_names import refusal


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
    response = client.send(frame(path, b"evil"), frame("good.txt", b"good"))
    assert response.status == 200
    assert why in response.json["refused"][path]
    assert response.json["written"] == 1
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
    response = client.send(frame("a/b", b"1"), frame("a", b"2"), frame("a/b/c", b"3"), frame("a/d", b"4"))
    assert set(response.json["refused"]) == {"a", "a/b/c"}
    assert "folder" in response.json["refused"]["a"]
    assert "which is a file" in response.json["refused"]["a/b/c"]
    assert client.written() == ["data/a/b", "data/a/d"]


def test_links_are_not_followed(client: Client, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "secret").write_text("secret")
    (client.folder / "data" / "door").symlink_to(tmp_path / "outside")
    (client.folder / "data" / "file").symlink_to(tmp_path / "secret")
    response = client.send(frame("door/x", b"1"), frame("file", b"mine"))
    assert list(response.json["refused"]) == ["door/x"]
    assert list((tmp_path / "outside").iterdir()) == []
    assert (tmp_path / "secret").read_text() == "secret"
    assert (client.folder / "data" / "file").read_bytes() == b"mine"
    assert client("GET").json["files"] == {"file": [4, MODIFIED]}
    body = json.dumps(["door/secret", "../../x", "file"]).encode()
    assert client("POST", "/remove", [body]).status == 200
    assert client.written() == []


def test_the_name_is_only_a_name(datasets_folder: Path, source: Path) -> None:
    client = Client(uploads.begin("../\x00<b>\n" + "x" * 300))
    client.send(frames(source))
    assert client.finish(source).json["dataset"].startswith("b-xxx")
    [dataset] = workspace.list_datasets()
    assert dataset.name.startswith("../ <b> xxx")
    assert len(dataset.name) == 120
