"""The downloads: a file comes from a process of its own, piece by piece; a failure is a sentence."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from asgi import Reply, request
from fake_run import write_fake_run
from starlette.requests import Request

from ltnet_core.__main__ import main
from ltnet_core.errors import LTNetError
from ltnet_core.explore.adjudications import Adjudications, Decision
from ltnet_core.export import finished_run
from ltnet_core.export.kind import EXPORTS
from ltnet_core.files.writing import write_json
from ltnet_core.runs.run import Run
from ui import commands, export_routes, opened
from ui.tokens import token

RUN = "faces 1 ä"


@pytest.fixture
def workspace_path(tmp_path: Path, demo: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A workspace with the small demo and a finished run on it."""
    monkeypatch.setenv("LTNET_WORKSPACE", str(tmp_path))
    folder = tmp_path / "datasets" / "faces"
    folder.mkdir(parents=True)
    write_json(folder / "link.json", {"path": str(demo)})
    write_fake_run(tmp_path / "runs" / RUN, demo)
    opened._gallery_of_run.cache_clear()
    yield tmp_path
    opened._gallery_of_run.cache_clear()


def ask(file: str, candidate: str | None = None, run: str = RUN) -> Reply:
    secret = token(run) if candidate is None else candidate
    return request(export_routes.routes(), "GET", f"/api/exports/{run}/{file}", query={"token": secret})


def test_a_report_is_called_as_the_dataset_is_now(workspace_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_json(workspace_path / "datasets" / "faces" / "about.json", {"name": "-- Our faces"})
    monkeypatch.setattr(commands, "require_done", lambda command, cwd: main(command))
    page = ask("report.html").content.decode()
    assert "<h1>-- Our faces</h1>" in page


@pytest.mark.parametrize(
    ("name", "ending"), [(name, ending) for name, kind in EXPORTS.items() for ending in kind.suffixes]
)
def test_the_command_of_every_download_is_taken_once_something_was_settled(
    workspace_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, ending: str
) -> None:
    image = finished_run.load_truth(Run(workspace_path / "runs" / RUN))["image"].iloc[0]
    store = Adjudications(workspace_path / "datasets" / "faces" / "adjudications.sqlite")
    store.add(Decision("settle", image, "fear", "Ada", key="a-1"), 0)

    asked: list[list[str]] = []

    def done(command: list[str], cwd: Path | None) -> None:
        asked.append(command)
        if name not in ("model", "onnx"):  # this run has no network
            assert main(command) == 0
        else:
            Path(command[-1]).write_bytes(b"")

    monkeypatch.setattr(commands, "require_done", done)
    assert ask(f"{name}{ending}").status == 200
    assert ("--adjudications" in asked[0]) == EXPORTS[name].adjudicated


def test_a_download_is_what_the_command_line_writes_with_what_was_settled(workspace_path: Path) -> None:
    run = Run(workspace_path / "runs" / RUN)
    image = finished_run.load_truth(run)["image"].iloc[0]
    Adjudications(workspace_path / "datasets" / "faces" / "adjudications.sqlite").add(
        Decision("settle", image, "fear", "Ada", key="a-1"), 0
    )
    got = ask("final.csv")
    assert got.status == 200
    table = pd.read_csv(io.BytesIO(got.content), keep_default_na=False)
    assert table.iloc[0][["image", "label", "label_source", "settled_by"]].tolist() == [image, "fear", "settled", "Ada"]
    assert len(table) == len(finished_run.load_truth(run))


def test_who_may_not_and_what_is_not_there(workspace_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "run_command", lambda *a, **k: pytest.fail("nothing is to be started"))
    assert [ask("final.csv", wrong).status for wrong in ("", "x", token("other"))] == [403] * 3
    for file in ("final.txt", "final", "nope.csv", "..csv", "final.csv.csv"):
        assert ask(file).status == 404, file
    response = ask("final.csv", run="gone")
    assert (response.status, b"gone" in response.content) == (422, True)


def test_a_failure_is_a_sentence(workspace_path: Path) -> None:
    response = ask("settled.csv")
    assert response.status == 422 and response.content.startswith(
        b"nothing was settled; settle images on the page Disagreements"
    )
    (workspace_path / "runs" / RUN / "results" / "items.parquet").write_bytes(b"PAR1")
    response = ask("truth.csv")
    assert response.status == 422 and b"items.parquet" in response.content and b"damaged" in response.content


def test_few_files_are_made_at_once(workspace_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_work, most, lock = 0, 0, threading.Lock()
    both = threading.Barrier(2, timeout=60)

    def make(run: str, name: str, ending: str) -> Any:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        both.wait()
        with lock:
            at_work -= 1
        raise LTNetError("made")

    monkeypatch.setattr(export_routes, "_make", make)

    async def one() -> None:
        scope = {
            "type": "http",
            "path_params": {"run": RUN, "file": "truth.csv"},
            "query_string": f"token={token(RUN)}".encode(),
            "headers": [],
        }
        await export_routes.export(Request(scope))

    async def all_at_once() -> None:
        await asyncio.gather(*(one() for _ in range(6)))

    asyncio.run(all_at_once())
    assert most == 2


def test_every_export_has_an_address_and_a_name_that_its_program_reads(workspace_path: Path) -> None:
    run = Run(workspace_path / "runs" / RUN)
    for name, export in EXPORTS.items():
        for ending in export.suffixes:
            assert export_routes.address(run, name, ending).startswith(
                f"api/exports/faces%201%20%C3%A4/{name}{ending}?token="
            )
    assert export_routes.file_name(RUN, "huggingface", ".csv") == "metadata.csv"
    assert export_routes.file_name(RUN, "fiftyone", ".json") == "labels.json"
    assert export_routes.file_name(RUN, "final", ".csv") == f"{RUN}-final.csv"
