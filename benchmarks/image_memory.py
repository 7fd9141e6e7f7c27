"""Peak memory of the server while many requests ask for a very large image at the same time.

::

    python benchmarks/image_memory.py [--requests 40] [--side 9999] [--kind image|thumbnails]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from app_server import Server, free_port  # noqa: E402
from fake_run import write_fake_run  # noqa: E402

from ltnet_core.datasets.demo import write_demo  # noqa: E402

RUN = "faces-1"
ROWS = 40


def _peak(pid: int) -> int:
    """Bytes that the process held at most."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def _prepare(folder: Path, side: int) -> list[str]:
    """A workspace with a finished run, whose first images are the large one; returns their rows' names."""
    data = folder / "workspace" / "datasets" / "faces" / "data"
    write_demo(data, items=160, seed=1)
    large = folder / "large.png"
    deep = (np.arange(side, dtype=np.uint32)[:, None] % 65536 * np.ones(side, np.uint32)).astype(np.uint16)
    Image.fromarray(deep).save(large, compress_level=9)
    print(f"{side}×{side}, 16 bits: {large.stat().st_size:,} bytes", flush=True)
    write_fake_run(folder / "workspace" / "runs" / RUN, data)
    names = sorted(str(p) for p in (data / "images").rglob("*.*"))
    for name in names:
        Path(name).unlink()
        os.link(large, name)
    return names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=40)
    parser.add_argument("--side", type=int, default=9999)
    parser.add_argument("--kind", choices=("image", "thumbnails"), default="image")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _prepare(root, arguments.side)
        os.environ["LTNET_WORKSPACE"] = str(root / "workspace")
        from ui.tokens import token

        secret = token(RUN)
        server = Server(root, free_port())
        server.start()
        assert server.process  # noqa: S101 - for mypy; it was started
        pid = server.process.pid

        def ask(row: int) -> tuple[int, int]:
            query = {"row": row, "token": secret} if arguments.kind == "image" else {"rows": row, "size": 144}
            address = f"{server.url}/api/runs/{RUN}/{arguments.kind}?{urllib.parse.urlencode(query)}"
            request = urllib.request.Request(address, headers={"x-gallery-token": secret})  # noqa: S310 - our own server
            try:
                with urllib.request.urlopen(request, timeout=600) as reply:  # noqa: S310
                    return reply.status, len(reply.read())
            except urllib.error.HTTPError as e:
                return e.code, 0

        try:
            began = time.monotonic()
            first = ask(0)
            alone = time.monotonic() - began
            before = _peak(pid)
            began = time.monotonic()
            with ThreadPoolExecutor(arguments.requests) as pool:
                replies = list(pool.map(ask, [n % ROWS for n in range(arguments.requests)]))
            seconds = time.monotonic() - began
            good = sum(status == 200 and size > 0 for status, size in replies)
            print(f"one request: {first}, {alone:.1f} s, peak {before / 1e6:,.0f} MB")
            print(f"{arguments.requests} at once: {good} answered, {seconds:.1f} s, peak {_peak(pid) / 1e6:,.0f} MB")
        finally:
            server.kill()


if __name__ == "__main__":
    main()
