"""How fast the pages are in headless Chromium: warm, of large crowds, and many tabs open at once.

``python benchmarks/pages.py --out DIR [--study NAME=ZIP …] [--repeats R] [--tabs 20] [--only NAME …]`` makes studies
and finished runs in DIR once, starts the app, opens every page once to warm it, and then measures: milliseconds until
the heading stands and until nothing changes any more, and of those how many the server computes. ``--tabs`` opens that
many pages beside a training and measures for a minute which share of a core the server takes.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import signal
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from app_server import CHROMIUM, FLAGS, Server, free_port  # noqa: E402
from gallery import link_faces, made_up_run  # noqa: E402
from load import fit  # noqa: E402

from ltnet_core.datasets import load_dataset  # noqa: E402
from ltnet_core.datasets.crowd import draw_crowd  # noqa: E402
from ltnet_core.datasets.demo import write_demo  # noqa: E402
from ltnet_core.files.writing import write_json  # noqa: E402

PAGES = ("dataset", "train", "transitions", "disagreements", "compare", "export", "predict", "help")
MANY = 1000  # coders
FEW = 10  # coders that have machine coders
ITEMS, LABELS_PER_ITEM, CLASSES = 20_000, 5, 7
QUIET = 700  # ms without a change: the page is settled
PATIENCE = 120_000
SECONDS = 60

# Notes when the heading stands and when something last came or went, in the page and in the gallery's own root.
WATCH = """
window.measured = {heading: null, last: 0};
const known = new WeakSet();
const watch = (root) => {
  if (known.has(root)) return;
  known.add(root);
  new MutationObserver(changed).observe(root, {childList: true, subtree: true, characterData: true});
};
const changed = (records) => {
  const main = document.querySelector('[data-testid="stMain"]');
  const here = (n) => n.getRootNode() !== document || !main || main.contains(n);
  if (!records.some((r) => here(r.target))) return;
  window.measured.last = performance.now();
  if (!window.measured.heading && document.querySelector('.lt-head h1')) window.measured.heading = performance.now();
  for (const e of document.querySelectorAll('*')) if (e.shadowRoot) watch(e.shadowRoot);
};
watch(document);
"""
SETTLED = """
(quiet) => window.measured.heading !== null && performance.now() - window.measured.last > quiet &&
  document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === 'notRunning'
"""


@dataclass(frozen=True)
class Loaded:
    """Milliseconds from the request to the heading and to the last change, and of the server's processor."""

    heading: float
    settled: float
    server: float


def make(workspace_path: Path, studies: dict[str, Path]) -> None:
    """The demo, a crowd of a thousand coders, and the given studies, each with a finished run, in a workspace."""
    demo = workspace_path / "datasets" / "demo" / "data"
    if not demo.exists():
        write_demo(demo, items=2400)
    crowd = workspace_path / "datasets" / "crowd" / "data"
    if not crowd.exists():
        draw(crowd, workspace_path / "drawn")
    for name, source in studies.items():
        folder = workspace_path / "datasets" / name
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "data.zip").exists():
            shutil.copyfile(source, folder / "data.zip")
            write_json(folder / "about.json", {"name": name})
    for name, number in itertools.product(("demo", "crowd", *studies), (1, 2)):
        run = workspace_path / "runs" / f"{name}-{number}"
        if not (run / "manifest.json").exists():
            data = workspace_path / "datasets" / name / ("data.zip" if name in studies else "data")
            study = load_dataset(data)
            made_up_run(run, study, seed=number, machines=len(study.human_coders) < FEW)


def draw(data: Path, drawn: Path) -> None:
    """A crowd's labels of linked faces as a dataset folder; a tenth are test images."""
    crowd = draw_crowd(ITEMS, MANY, LABELS_PER_ITEM, CLASSES)
    names = link_faces(data, drawn, ITEMS)
    table = crowd.table
    with open(data / "annotations.csv", "w", encoding="utf-8") as f:
        f.write("image,coder,label\n")
        for item, coder, label in zip(table.item, table.coder, table.label, strict=True):
            f.write(f"{names[item]},{table.coders[coder]},{table.classes[label]}\n")
    with open(data / "truth.csv", "w", encoding="utf-8") as f:
        f.write("image,label,split\n")
        for n in range(0, ITEMS, 10):
            f.write(f"{names[n]},{table.classes[crowd.truth[n]]},test\n")


def processor_seconds(server: Server) -> float:
    """What the server has used of its processor, in seconds."""
    if server.process is None:
        raise SystemExit("the server does not run.")
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(page: Page, server: Server, address: str) -> Loaded:
    """Open an address and wait until it is settled."""
    before = processor_seconds(server)
    page.goto(server.url + address, wait_until="commit")
    page.wait_for_function(SETTLED, arg=QUIET, timeout=PATIENCE)
    measured = page.evaluate("window.measured")
    return Loaded(measured["heading"], measured["last"], 1000 * (processor_seconds(server) - before))


def measure(server: Server, names: list[str], repeats: int) -> None:
    """A line per study and page."""
    print("| study | page | heading, ms | settled, ms | of the server's processor, ms |\n|---|---|---|---|---|")
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.add_init_script(WATCH)
        for name, path in itertools.product(names, PAGES):
            address = f"/{path}?dataset={name}&run={name}-1"
            load(page, server, address)
            loaded = [load(page, server, address) for _ in range(repeats)]
            parts = [[getattr(one, part) for one in loaded] for part in ("heading", "settled", "server")]
            cells = " | ".join(f"{statistics.median(v):.0f} ({min(v):.0f}–{max(v):.0f})" for v in parts)
            print(f"| {name} | {path} | {cells} |", flush=True)
        browser.close()


def open_tabs(server: Server, workspace_path: Path, tabs: int) -> None:
    """Which share of a core the server takes with so many tabs open beside a training."""
    data = workspace_path / "datasets" / "demo" / "data"
    run = workspace_path / "runs" / f"demo-beside-{time.time():.0f}"
    training = fit(data, run, 1000)
    try:
        with sync_playwright() as p:
            browser = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            for n in range(tabs):
                page = browser.new_page(viewport={"width": 1280, "height": 800})
                of = run.name if PAGES[n % len(PAGES)] == "train" else "demo-1"
                page.goto(f"{server.url}/{PAGES[n % len(PAGES)]}?dataset=demo&run={of}")
                page.wait_for_selector(".lt-head h1", timeout=PATIENCE)
            time.sleep(10)
            before, began = processor_seconds(server), time.monotonic()
            time.sleep(SECONDS)
            share = (processor_seconds(server) - before) / (time.monotonic() - began)
            browser.close()
        print(f"{tabs} tabs beside a training: {share:.1%} of a core, over {SECONDS} s", flush=True)
        if training.poll() is not None:
            raise SystemExit(f"the training ended early with status {training.returncode}.")
    finally:
        training.send_signal(signal.SIGTERM)
        training.wait(60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the workspace")
    parser.add_argument("--study", action="append", default=[], help="NAME=ZIP, measured too")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--tabs", type=int, default=0, help="also measure that many open tabs beside a training")
    parser.add_argument("--only", nargs="*", help="studies to measure; all when left out")
    wanted = parser.parse_args()
    studies = {name: Path(path) for name, _, path in (s.partition("=") for s in wanted.study)}
    workspace_path = wanted.out / "workspace"
    make(workspace_path, studies)
    server = Server(wanted.out, free_port())
    server.start()
    try:
        print(f"load of the machine: {os.getloadavg()[0]:.1f}")
        names = [n for n in ("demo", "crowd", *studies) if wanted.only is None or n in wanted.only]
        measure(server, names, wanted.repeats)
        if wanted.tabs:
            open_tabs(server, workspace_path, wanted.tabs)
    finally:
        server.kill()


if __name__ == "__main__":
    main()
