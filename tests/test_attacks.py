"""Attacks that once succeeded, each as it was made: a file on the command line, a request to the server."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from app_server import ROOT, Server, free_port
from conftest import Command, write_csv, write_image
from fake_run import write_fake_run
from PIL import Image
from raw_http import ask, send
from run_results import rows_of
from safetensors.numpy import load_file, save_file

from ltnet_core.datasets.demo import write_demo
from ui import tokens

RUN = "faces-1"
LARGE = 6  # images of the run that are large
SCRIPT = "<script>alert(1)</script>"
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n{} loop\nshowpage\n%%EOF\n"


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file that appears when the program ``gs``, which draws EPS files, is started."""
    folder = tmp_path_factory.mktemp("programs")
    started = folder / "started"
    (folder / "gs").write_text(f'#!/bin/sh\n: > "{started}"\n')
    (folder / "gs").chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(folder), prepend=os.pathsep)
        yield started


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, interpreter: Path) -> Iterator[Server]:
    """The app with a finished run, of which one image became EPS and some became very large."""
    workspace_path = tmp_path_factory.mktemp("attacked")
    data = workspace_path / "workspace" / "datasets" / "faces" / "data"
    write_demo(data, items=40, seed=1)
    run = write_fake_run(workspace_path / "workspace" / "runs" / RUN, data)
    images = [data / name for name in rows_of(run)["image"]]
    Image.fromarray(np.full((6000, 6000), 40_000, np.uint16)).save(workspace_path / "large.png", compress_level=1)
    for image in images[:LARGE]:
        image.unlink()
        os.link(workspace_path / "large.png", image)
    images[LARGE].write_bytes(EPS)
    server = Server(workspace_path, free_port())
    server.start()
    yield server
    server.kill()


@pytest.fixture
def secret(server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The token of the run's gallery."""
    monkeypatch.setenv("LTNET_WORKSPACE", str(server.place / "workspace"))
    return tokens.token(RUN)


def peak(pid: int) -> int:
    """Bytes that a process held at most."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


# ---- files


def test_an_image_starts_no_program_on_the_command_line(
    plain: Path, finished: Path, ltnet: Command, interpreter: Path, tmp_path: Path
) -> None:
    (plain / "images" / "a.png").write_bytes(EPS)
    assert ltnet("inspect", plain).returncode == 0
    (tmp_path / "face.jpg").write_bytes(EPS)
    done = ltnet("predict", finished, tmp_path / "face.jpg", "--device", "cpu")
    assert not interpreter.exists()
    assert done.returncode == 2
    assert "is not a readable image (it is an EPS file" in done.stderr


def test_an_image_starts_no_program_in_the_gallery(server: Server, secret: str, interpreter: Path) -> None:
    assert ask(server.port, "GET", f"/api/runs/{RUN}/image?row={LARGE}&token={secret}").status == 404
    shown = ask(server.port, "GET", f"/api/runs/{RUN}/thumbnails?rows={LARGE}&size=64", [("X-Gallery-Token", secret)])
    assert shown.status == 200
    assert not interpreter.exists()


def test_no_line_of_a_links_target_is_shown(plain: Path, ltnet: Command, tmp_path: Path) -> None:
    (tmp_path / "shadow").write_text("root:$6$secret$:19000\nimage,coder,label\n")
    (plain / "annotations.csv").unlink()
    (plain / "annotations.csv").symlink_to(tmp_path / "shadow")
    done = ltnet("inspect", plain)
    assert done.returncode == 2
    assert "secret" not in done.stdout + done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is counted in other units elsewhere")
def test_nine_bytes_take_no_gigabytes(tmp_path: Path) -> None:
    """An index of a pickle's memo for which a table of two gigabytes would be made."""
    (tmp_path / "data_batch_1").write_bytes(b"\x80\x02Nr\0\0\0\x08.")
    # Started by a small process: a child's peak begins with what its parent held when it was forked.
    starter = (
        "import resource, subprocess, sys; status = subprocess.run(sys.argv[1:], stderr=subprocess.DEVNULL).returncode;"
        "print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    command = [sys.executable, "-c", starter, sys.executable, "-m", "ltnet_core", "inspect", str(tmp_path)]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    status, kibibytes = map(int, printed.split())
    assert status == 2
    assert kibibytes * 1024 < 1.5e9


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a process")
def test_many_large_images_at_once_wait_for_each_other(server: Server, secret: str) -> None:
    """One of them takes half a gigabyte."""
    assert server.process
    with ThreadPoolExecutor(LARGE) as pool:
        answers = list(
            pool.map(
                lambda row: ask(server.port, "GET", f"/api/runs/{RUN}/image?row={row}&token={secret}"), range(LARGE)
            )
        )
    assert [a.status for a in answers] == [200] * LARGE
    assert peak(server.process.pid) < 1.5e9


def test_weights_that_are_no_numbers_predict_nothing(
    finished: Path, demo: Path, ltnet: Command, tmp_path: Path
) -> None:
    run = shutil.copytree(finished, tmp_path / "run")
    weights = run / "results" / "networks" / "ltnet.safetensors"
    save_file({k: v * np.nan if v.dtype.kind == "f" else v for k, v in load_file(weights).items()}, weights)
    done = ltnet("predict", run, next((demo / "images").iterdir()), "--device", "cpu")
    assert done.returncode == 2 and "ltnet.safetensors" in done.stderr
    assert done.stdout == ""


def test_damage_is_a_sentence(server: Server, ltnet: Command, tmp_path: Path) -> None:
    run = shutil.copytree(server.place / "workspace" / "runs" / RUN, tmp_path / "run")
    table = run / "results" / "items.parquet"
    os.truncate(table, table.stat().st_size // 2)
    done = ltnet("export", run, "--out", tmp_path / "truth.csv")
    assert done.returncode == 2 and done.stderr.startswith(f"ltnet_core: '{table}' is damaged"), done.stderr
    with open(run / "events.jsonl", "a") as f:
        f.write('{"event": "progress", "time": "x", "progress": 0.5}\n')
    done = ltnet("status", run, "--json")
    assert (done.returncode, done.stderr) == (0, "")


# ---- what leaves


def test_no_name_becomes_a_formula(tmp_path: Path, ltnet: Command) -> None:
    formula = "=cmd|'/C calc'!A0"
    for name in "ab":
        write_image(tmp_path / "images" / f"{name}.png")
    write_csv(
        tmp_path / "annotations.csv", ("image", "coder", "label"), [("a.png", "X", formula), ("b.png", "X", "-2+3")]
    )
    out = tmp_path / "truth.csv"
    done = ltnet("aggregate", tmp_path, "--method", "majority", "--out", out)
    assert done.returncode == 0, done.stderr
    with open(out, newline="") as f:
        cells = [c for row in csv.reader(f) for c in row]
    assert any(formula in c for c in cells)
    assert not [c for c in cells if c.startswith(("=", "-2"))]


def test_a_seed_edited_by_hand_is_no_script(server: Server, ltnet: Command, tmp_path: Path) -> None:
    run = shutil.copytree(server.place / "workspace" / "runs" / RUN, tmp_path / "run")
    spec = json.loads((run / "spec.json").read_text())
    (run / "spec.json").write_text(json.dumps({**spec, "seed": SCRIPT}))
    done = ltnet("export", run, "--report", tmp_path / "report.html")
    assert done.returncode == 2 and "spec.json" in done.stderr
    assert not (tmp_path / "report.html").exists()


# ---- the server


def test_another_name_opens_no_websocket(server: Server) -> None:
    """As after DNS rebinding: Origin and Host agree."""
    evil = f"evil.example:{server.port}"
    assert ask(server.port, "WEBSOCKET", "/_stcore/stream", [("Origin", f"http://{evil}")], host=evil).status == 403
    assert ask(server.port, "GET", "/", host=evil).status == 403
    assert ask(server.port, "WEBSOCKET", "/_stcore/stream", [("Origin", server.url)]).status == 101


def test_an_address_for_others_needs_a_token(tmp_path: Path) -> None:
    port = str(free_port())
    flags = ["--server.address=0.0.0.0", f"--server.port={port}", "--server.headless=true"]
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), *flags, "--browser.serverAddress=127.0.0.1"],
        env={**os.environ, "LTNET_WORKSPACE": str(tmp_path)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        printed, _ = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        pytest.fail("the server started")
    assert process.returncode != 0
    assert "The server would listen on 0.0.0.0" in printed and "LTNET_TOKEN" in printed
    assert "Traceback" not in printed


def test_pages_are_shown_in_no_frame(server: Server) -> None:
    assert ask(server.port, "GET", "/").headers["x-frame-options"] == "DENY"


def test_streamlits_own_upload_takes_nothing(server: Server) -> None:
    """It keeps whole files in memory, whatever the limits of uploads are."""
    for base in ("", "/studio"):
        answer = ask(server.port, "PUT", f"{base}/_stcore/upload_file/session/file", body=b"x" * 1000)
        assert (answer.status, answer.json) == (403, {"error": "Files come in by the upload on the page alone."})


def test_an_origin_that_is_no_address_is_refused(server: Server) -> None:
    assert ask(server.port, "WEBSOCKET", "/_stcore/stream", [("Origin", "http://[")]).status in (400, 403)


def test_a_body_of_two_lengths_is_refused_and_ends_the_connection(server: Server) -> None:
    port = server.port
    hidden = b"GET /_stcore/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    head = f"POST /api/runs/any/decisions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n".encode()
    lengths = (b"Content-Length: 5", b"Transfer-Encoding: chunked")
    for first, second in (lengths, lengths[::-1]):
        answer = send(port, head + first + b"\r\n" + second + b"\r\n\r\n0\r\n\r\n" + hidden)
        assert (answer.status, answer.headers["connection"]) == (400, "close")
        assert answer.json["error"] == "The request has both a Content-Length and a Transfer-Encoding."
