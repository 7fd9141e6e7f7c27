"""From the last file of an upload to a dataset: once, whatever happens at the same time, and in little memory."""

from __future__ import annotations

import io
import threading
import tracemalloc
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from uploading import Client, frame, upload

from ltnet_core.datasets.sources import memory
from ui import upload_routes, uploads, workspace

VOTES = b"image,happy,fear\nimages/0.png,9,1\nimages/1.png,2,8\n"


@pytest.fixture
def workspace_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The datasets of an empty workspace."""
    monkeypatch.setenv("LTNET_WORKSPACE", str(tmp_path / "workspace"))
    return tmp_path / "workspace" / "datasets"


@pytest.fixture
def client(workspace_path: Path) -> Client:
    return Client(uploads.begin("faces"))


def slow_reading(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """A dataset whose reading has begun, and goes on when told; it may be read only once."""
    begun, go_on = threading.Event(), threading.Event()
    real = uploads.require_dataset

    def read(*arguments: object) -> None:
        assert not begun.is_set()
        begun.set()
        assert go_on.wait(30)
        real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(uploads, "require_dataset", read)
    monkeypatch.setattr(upload_routes, "BUSY_SECONDS", 0.02)
    return begun, go_on


def test_finishing_twice_is_finishing_once(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.send(frame("votes.csv", VOTES))
    begun, go_on = slow_reading(monkeypatch)
    with ThreadPoolExecutor(3) as pool:
        response = [pool.submit(client.finish_with, 1, len(VOTES)) for _ in range(3)]
        assert begun.wait(30)
        late = client.send(frame("late.csv", VOTES))
        assert (late.status, late.json["error"]) == (409, "This upload is being finished by another request.")
        assert client("POST", "/remove", [b'["votes.csv"]']).status == 409
        go_on.set()
        replies = [t.result() for t in response]
    assert [(r.status, r.json) for r in replies] == [(200, {"dataset": "faces"})] * 3
    assert [d.id for d in workspace.list_datasets()] == ["faces"]


def test_cancelling_while_it_is_finished(workspace_path: Path, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.send(frame("votes.csv", VOTES))
    begun, go_on = slow_reading(monkeypatch)
    with ThreadPoolExecutor(1) as pool:
        response = pool.submit(client.finish_with, 1, len(VOTES))
        assert begun.wait(30)
        assert client("DELETE").status == 200
        go_on.set()
        assert response.result().status == 404
    assert list(workspace_path.iterdir()) == []


# ---- archives


def test_a_large_zip_is_read_in_place(workspace_path: Path, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    large = bytes(range(256)) * 4096 * 40
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("votes.csv", VOTES)
        archive.writestr("raw.bin", large)
    content, step = packed.getvalue(), 16 * 1024**2
    for start in range(0, len(content), step):
        piece = content[start : start + step]
        assert client.send(frame("faces.zip", piece, offset=start, total=len(content))).status == 200
    tracemalloc.start()
    try:
        assert client.finish_with(1, len(content)).status == 200
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024**2 < len(large)
    finally:
        tracemalloc.stop()


def test_a_member_larger_than_memory_is_refused(workspace_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = VOTES + b"x.png,1,1\n" * 100_000
    monkeypatch.setattr(memory, "SMALL", 500_000)
    monkeypatch.setattr(memory, "free_memory", lambda: 900_000)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("votes.csv", table)
    expected = "votes.csv: has 1.0 MB that must be read at once, and 900.0 kB of memory are free"
    for name, content in {"faces.zip": packed.getvalue(), "votes.csv": table}.items():
        response = upload({name: content}, name)
        assert (response.status, expected in response.json["error"]) == (422, True), response.json


def test_free_memory_is_the_container_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:    2000 kB\n")
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    assert memory.free_memory() == 2000 * 1024
    for most, expected in (("max", 2000 * 1024), ("1000000", 999_000), ("500", 0)):
        (tmp_path / "memory.max").write_text(f"{most}\n")
        (tmp_path / "memory.current").write_text("1000\n")
        assert memory.free_memory() == expected
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "none")
    (tmp_path / "memory.max").unlink()
    assert memory.free_memory() > 2**20
