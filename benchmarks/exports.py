"""How much memory a download of a large study takes: 1,500,000 items and four coders, by HTTP from the app.

``python benchmarks/exports.py --out DIR [--items N]`` writes the study and its run as ``benchmarks/gallery.py`` does,
starts the app and downloads tables; it prints the seconds, the bytes, and how much the server and the process that
makes the file grew meanwhile. DIR is the app's workspace.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from app_server import Server, free_port  # noqa: E402
from gallery import RUN, make, memory  # noqa: E402

from ltnet_core.runs.run import Run  # noqa: E402
from ui import export_routes  # noqa: E402

FILES = (("truth", ".csv"), ("truth", ".parquet"), ("final", ".csv"), ("label-studio", ".json"), ("fiftyone", ".json"))


def peak_of_children(pid: int) -> float:
    """MiB that the processes started by a process have held at most so far."""
    most = 0.0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            facts = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        except OSError:  # it has ended
            continue
        if facts["PPid"].strip() == str(pid) and "VmHWM" in facts:
            most = max(most, int(facts["VmHWM"].split()[0]) / 1024)
    return most


def measure(server: Server, path: str) -> str:
    """Download it; gives a row of the table."""
    before = memory(server)
    peaks, ended = [before], threading.Event()
    children = [0.0]

    def look() -> None:
        while not ended.wait(0.2):
            peaks.append(memory(server))
            children.append(peak_of_children(server.process.pid))

    watching = threading.Thread(target=look)
    watching.start()
    began, size = time.monotonic(), 0
    with urllib.request.urlopen(f"{server.url}/{path}", timeout=900) as reply:  # noqa: S310 - our own server
        while piece := reply.read(1 << 20):
            size += len(piece)
    seconds = time.monotonic() - began
    ended.set()
    watching.join()
    grew = max(peaks) - before
    took, held = f"{seconds:7.1f} s  {size / 1e6:7.1f} MB", f"server {before:5.0f} + {grew:4.0f} MiB"
    return f"{took}  {held}  process {max(children):5.0f} MiB"


def main() -> None:
    """Make the study, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--items", type=int, default=1_500_000)
    arguments = parser.parse_args()
    folder = arguments.out.absolute()
    make(folder / "workspace", arguments.items)
    os.environ["LTNET_WORKSPACE"] = str(folder / "workspace")
    server = Server(folder, free_port())
    server.start()
    try:
        for name, ending in FILES:
            address = export_routes.address(Run(folder / "workspace" / "runs" / RUN), name, ending)
            print(f"{name + ending:18}", measure(server, address), flush=True)
    finally:
        server.kill()


if __name__ == "__main__":
    main()
