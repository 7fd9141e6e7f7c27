"""What may be uploaded in all: limits that hold for many requests at once, books that agree with the disk, expiry."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from uploading import Client, frame, uploaded

from ltnet_core.datasets.demo import write_demo
from ui import folder_upload, quotas, upload_expiry, uploads, workspace
from ui.upload_errors import UploadError
from ui.uploads import Ticket

VOTES = b"image,happy,fear\nimages/0.png,9,1\nimages/1.png,2,8\n"
DAY = 24 * 3600


@pytest.fixture
def client(datasets_folder: Path) -> Client:
    return Client(uploads.begin("faces"))


def forget_everything() -> None:
    """What a restart of the server does to the books."""
    quotas._uploads.clear()
    quotas._datasets.clear()


def on_disk(folder: Path) -> quotas.Usage:
    data, parts = quotas.measure(folder / "data"), quotas.measure(folder / "parts")
    return quotas.Usage(data.size + parts.size, data.entries + parts.entries, data.files)


def age(folder: Path, seconds: float) -> None:
    then = time.time() - seconds
    for path in [*folder.rglob("*"), folder]:
        os.utime(path, (then, then))


# ---- the books


def test_the_books_agree_with_the_disk_whatever_happens(client: Client) -> None:
    rng = random.Random(0)
    paths = ["a", "b/c", "b/d/e", "a/x", "b", "big"]
    most = quotas.Usage()
    for _ in range(400):
        path, content, torn = rng.choice(paths), b"x" * rng.randrange(30), rng.random() < 0.3
        kind = rng.randrange(4)
        if kind == 0:
            body = frame(path, content)
        elif kind == 1:
            total = rng.choice([20, 40])
            start = rng.randrange(total)
            piece = b"y" * min(20, total - start)
            body = frame(path, piece, offset=start, total=total, modified=rng.randrange(2))
        elif kind == 2:
            client("POST", "/remove", [f'["{path}"]'.encode()])
            continue
        else:
            body = frame("../evil", content) + frame(path + "/", content)
        client.send(body[: rng.randrange(len(body))] if torn else body, torn=torn)
        here = quotas.usage(client.folder)
        assert here == on_disk(client.folder)
        most = quotas.Usage(max(most.size, here.size), max(most.entries, here.entries), max(most.files, here.files))
    assert most.size > 50 and most.entries > 10 and most.files > 3


def test_a_restart_makes_the_books_again_and_clears_what_was_being_written(client: Client) -> None:
    client.send(frame("a/b", b"12345"), frame("c", b"1"))
    client.send(frame("big", b"123", offset=0, total=9))
    (client.folder / "tmp" / "left").write_bytes(b"half")
    before = quotas.usage(client.folder)
    forget_everything()
    assert client("GET").status == 200
    assert quotas.usage(client.folder) == before == quotas.Usage(9, 5, 2)
    assert not (client.folder / "tmp" / "left").exists()


def test_the_limits_hold_for_many_requests_at_once(datasets_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four uploads, three requests each at a time, as four tabs would send."""
    monkeypatch.setenv("LTNET_MAX_WORKSPACE_GB", str(50_000 / 1024**3))
    monkeypatch.setenv("LTNET_MAX_UPLOAD_GB", str(20_000 / 1024**3))
    clients = [Client(uploads.begin(f"faces {i}")) for i in range(4)]

    def send(number: int) -> int:
        client = clients[number % 4]
        return client.send(*(frame(f"{number}/{i}", b"x" * 500) for i in range(10))).status

    real = quotas._total

    def slow(parent: Path) -> quotas.Usage:
        total = real(parent)
        time.sleep(0.0005)  # another thread's turn, between looking and booking
        return total

    monkeypatch.setattr(quotas, "_total", slow)
    with ThreadPoolExecutor(12) as pool:
        responses = list(pool.map(send, range(60)))
    assert set(responses) == {200, 507}
    sizes = [on_disk(c.folder).size for c in clients]
    assert max(sizes) <= 20_000
    assert sum(sizes) == 50_000, "no more than may be, and all that may be"
    assert all(quotas.usage(c.folder) == on_disk(c.folder) for c in clients)


def test_requests_on_their_way_share_the_room_of_the_disk(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "room", lambda folder: 1000)
    with quotas.coming(client.folder, 600):
        with pytest.raises(UploadError, match="disk is full"), quotas.coming(client.folder, 600):
            pass
        with (
            pytest.raises(
                UploadError, match="1.5 KB are to come and 1,000 bytes may be used, so 500 bytes are missing"
            ),
            quotas.coming(client.folder, 600, whole=1500),
        ):
            pass
        with quotas.coming(client.folder, 400):
            pass
    with quotas.coming(client.folder, 1000):
        pass


# ---- the limits


def test_names_count_too(datasets_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LTNET_MAX_UPLOAD_FILES", "5")
    with pytest.raises(UploadError, match="has 6 files; this server takes 5 files at most"):
        uploads.begin("faces", 6, 0)
    client = Client(uploads.begin("faces", 5, 0))
    assert client.send(frame("a/b/c")).status == 200, "two folders and a file"
    response = client.send(frame("a/b/c"), frame("d"), frame("e/f"))
    assert (response.status, response.json["error"]) == (
        507,
        "This server takes 5 files and folders per upload; this one has more.",
    )
    assert quotas.usage(client.folder) == on_disk(client.folder) == quotas.Usage(0, 5, 2)
    response = client.send(*(frame(str(i)) for i in range(2)))
    assert response.status == 507
    assert client("POST", "/remove", [b'["d"]']).status == 200
    assert client.send(frame("g")).status == 200


def test_a_request_of_empty_files_without_end(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.upload_frames.MAX_FRAMES", 3)
    response = client.send(*(frame(f"../{i}") for i in range(4)))
    assert (response.status, response.json) == (413, {"error": "A request may have 3 files; this one has more."})


def test_what_is_here_is_told_in_pieces(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "JSON_PIECE", 50)
    names = {f"{i}/“é” {i}": [1, 1_700_000_000_123] for i in range(30)}
    client.send(*(frame(name, b"x") for name in names))
    client.send(frame("big", b"123", offset=0, total=9))
    assert client("GET").json == {"files": names, "parts": {"big": [3, 9, 1_700_000_000_123]}}
    assert len(list(uploads.open_upload(client.ticket.id, client.ticket.token).present())) > 10


def test_the_workspace_counts_what_is_there(
    datasets_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_demo(tmp_path / "demo", items=24)
    first = uploaded({"votes.csv": VOTES}, "votes.csv")
    (datasets_folder / "linked").mkdir()
    (datasets_folder / "linked" / "link.json").write_text("{}")
    used = sum(p.stat().st_size for p in datasets_folder.rglob("*") if p.is_file())
    monkeypatch.setenv("LTNET_MAX_WORKSPACE_GB", str((used + 100) / 1024**3))
    for forget in (True, False):
        if forget:
            forget_everything()
        with pytest.raises(UploadError, match="of the .* that this server’s datasets may have, 100 bytes are left"):
            uploads.begin("faces", 1, 101)
    client = Client(uploads.begin("faces", 1, 100))
    assert client.send(frame("a", b"x" * 80)).status == 200
    other = Client(uploads.begin("more", 1, 20))
    response = other.send(frame("a", b"x" * 21))
    assert (response.status, "in all; its datasets are full" in response.json["error"]) == (507, True)
    shutil.rmtree(first.location.parent)
    assert other.send(frame("a", b"x" * 21)).status == 200, "room was made"
    monkeypatch.setenv("LTNET_MAX_WORKSPACE_FILES", "3")
    assert other.send(frame("b"), frame("c"), frame("d")).status == 507


@pytest.mark.parametrize("name", ["LTNET_MAX_UPLOAD_GB", "LTNET_MAX_WORKSPACE_FILES", "LTNET_UPLOAD_DAYS"])
@pytest.mark.parametrize("value", ["much", "nan", "inf", "-1", "0", "1e999"])
def test_a_limit_that_is_no_number(
    datasets_folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UploadError, match=f"{name} is '{value}', which is not a positive number"):
        uploads.begin("faces", 1, 1)


def test_a_disk_that_can_hold_no_more_files(
    datasets_folder: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = {"f_blocks": 2**40, "f_bavail": 2**40, "f_bfree": 2**40, "f_frsize": 1}
    left = SimpleNamespace(f_files=10_000, f_favail=quotas.RESERVE_FILES + 5, **disk)
    monkeypatch.setattr(os, "statvfs", lambda path: left)
    with pytest.raises(UploadError, match="can hold 5 more files and 8 are to come, so 3 too many"):
        uploads.begin("faces", 8, 0)
    assert client.send(frame("a")).status == 200
    left.f_favail = quotas.RESERVE_FILES
    assert client.send(frame("b")).status == 507
    left.f_files = left.f_favail = 0  # a file system that counts none
    assert client.send(frame("b")).status == 200


@pytest.mark.parametrize(
    ("files", "size"), [(-1, 0), (0, -1), (2**60, 0), (0, 2**60), (1.5, 0), (float("nan"), 0), ("1", 0), (True, 0), (None, 1)]
)  # fmt: skip
def test_numbers_that_a_forged_page_sends(
    datasets_folder: Path, monkeypatch: pytest.MonkeyPatch, files: object, size: object
) -> None:
    asked = {"kind": "begin", "name": "faces", "files": files, "bytes": size}
    with pytest.raises(UploadError, match="a number of files and a number of bytes"):
        folder_upload._granted(asked, "dataset")
    assert not datasets_folder.exists() or not list(datasets_folder.iterdir())


def test_uploads_that_nobody_finishes_are_limited(datasets_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(uploads.MOST_UNFINISHED, "dataset", 2)
    ids = [uploads.begin("faces").id for _ in range(2)]
    with pytest.raises(UploadError, match="2 uploads are not finished on this server"):
        uploads.begin("faces")
    uploads.begin("an image", purpose="images")
    uploads.discard(ids[0])
    uploads.begin("faces")


# ---- a disk that is full


@pytest.fixture
def small_disk(datasets_folder: Path) -> Iterator[Path]:
    """The workspace on a disk of 20 MB."""
    root = datasets_folder.parent
    root.mkdir(parents=True)
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if mount is None or unmount is None:
        pytest.skip("this machine has no command to mount a small disk")
    flags = ["-t", "tmpfs", "-o", "size=20m", "tmpfs"]
    mounted = subprocess.run([mount, *flags, root], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield root
    finally:
        subprocess.run([unmount, root], check=True)


@pytest.mark.parametrize("reserve", [True, False], ids=["reserve", "last byte"])
def test_a_small_disk_fills_up_and_the_upload_goes_on_after_room_was_made(
    small_disk: Path, datasets_folder: Path, monkeypatch: pytest.MonkeyPatch, reserve: bool
) -> None:
    if not reserve:  # as if something else had used up the disk since it was looked at
        monkeypatch.setattr(quotas, "room", lambda folder: 10**12)
    other = small_disk / "other"
    other.write_bytes(bytes(14 * 1024**2))
    client = Client(uploads.begin("votes.csv", 1, 0))
    content = VOTES + b"x.png,1,1\n" * 800_000
    megabyte = 1024**2

    def piece(start: int) -> bytes:
        return frame("votes.csv", content[start : start + 4 * megabyte], offset=start, total=len(content))

    assert client.send(piece(0)).status == 200
    response = client.send(piece(4 * megabyte))
    assert response.status == 507
    expected = "disk is full: 3.6 MB are to come" if reserve else "could not write 'votes.csv': its disk is full: "
    assert expected in response.json["error"], response.json
    assert workspace.list_datasets() == []
    assert quotas.usage(client.folder) == on_disk(client.folder)
    if reserve:
        with pytest.raises(UploadError, match="are missing. Make room"):
            uploads.begin("more", 1, 4 * megabyte)
    other.unlink()
    have, _, _ = client("GET").json["parts"]["votes.csv"]
    for start in range(have, len(content), 4 * megabyte):
        assert client.send(piece(start)).status == 200
    assert client.finish_with(1, len(content)).status == 200
    assert (datasets_folder / "votes" / "data" / "votes.csv").read_bytes() == content
    assert list(datasets_folder.glob(".*")) == []


def test_an_upload_that_cannot_begin_leaves_nothing(datasets_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    asked = {"kind": "begin", "name": "faces", "files": 1, "bytes": 1}
    with pytest.raises(Exception, match="about.json' could not be written: the disk is full"):
        folder_upload._granted(asked, "dataset")
    assert list(datasets_folder.iterdir()) == []
    assert not [folder for folder in quotas._uploads if folder.parent == datasets_folder]


# ---- expiry


def test_what_nobody_goes_on_with_expires(datasets_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LTNET_UPLOAD_DAYS", "2")
    begun, nothing, images = (Client(uploads.begin("x", purpose=p)) for p in ("dataset", "dataset", "images"))
    for client in (begun, images):
        client.send(frame("a.png", b"x"))
    half_made = datasets_folder / ".incoming-000000000000"
    half_made.mkdir()
    expected = {begun.folder: 2 * DAY, nothing.folder: 3600, images.folder: 3600, half_made: DAY}
    for folder, seconds in expected.items():
        age(folder, seconds - 60)
    upload_expiry.sweep()
    assert set(datasets_folder.iterdir()) == set(expected)
    for folder, seconds in sorted(expected.items(), key=lambda e: e[1]):
        age(folder, seconds + 60)
        upload_expiry.sweep()
        assert not folder.exists()
    assert list(datasets_folder.iterdir()) == []


def test_they_expire_while_the_server_runs(
    datasets_folder: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_expiry, "EVERY_SECONDS", 0.02)

    async def serve() -> None:
        async with upload_expiry.sweeping():
            assert client.folder.exists()
            age(client.folder, 8 * DAY)
            for _ in range(3000):
                if not client.folder.exists():
                    return
                await asyncio.sleep(0.02)

    asyncio.run(serve())
    assert not client.folder.exists()
    assert client("GET").status == 404


def test_a_server_with_a_wrong_setting_says_so_and_runs(
    datasets_folder: Path, client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("LTNET_UPLOAD_DAYS", "soon")

    async def serve() -> None:
        async with upload_expiry.sweeping():
            for _ in range(3000):
                if caplog.messages:
                    return
                await asyncio.sleep(0.02)

    asyncio.run(serve())
    assert "LTNET_UPLOAD_DAYS is 'soon', which is not a positive number" in caplog.text


def test_images_go_with_their_session(datasets_folder: Path) -> None:
    ticket = uploads.begin("images", 1, 1, "images")
    client = Client(ticket)
    client.send(frame("a.png", b"x"))
    held = folder_upload.SessionImages(ticket.id)
    assert [p.name for p in uploads.images(held.id)] == ["a.png"]
    upload_expiry.sweep()
    assert client.folder.exists()
    del held
    upload_expiry.sweep()
    assert list(datasets_folder.iterdir()) == []
    assert uploads.images(ticket.id) == []


def test_images_have_their_own_limits(datasets_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST_IMAGES", 100)
    client = Client(uploads.begin("images", 1, 1, "images"))
    response = client.send(frame("a.png", b"", offset=0, total=300 * 1024**2), frame("b.csv"), frame("c/c.zip"))
    assert response.json["refused"] == {
        "a.png": "is larger than 256.0 MB",
        "b.csv": "is no image by its name",
        "c/c.zip": "is no image by its name",
    }
    assert client.send(*(frame(f"{i}.png") for i in range(2 * uploads.MOST_IMAGES + 1))).status == 507
    with pytest.raises(UploadError, match="takes 2.0 GB at most"):
        uploads.begin("images", 1, 3 * 1024**3, "images")
    assert uploads.unfinished() == []


def test_a_hostile_page_gets_no_images_of_others(datasets_folder: Path) -> None:
    ticket = uploads.begin("images", 1, 1, "images")
    assert folder_upload._granted({"kind": "go on", "id": ticket.id}, "images") == {}
    assert folder_upload._granted({"kind": "discard", "id": ticket.id}, "images") == {}
    assert Client(Ticket(ticket.id, ticket.token)).folder.exists()
