"""How fast the gallery is on a large study: 1,500,000 items and four coders, in headless Chromium.

``python benchmarks/gallery.py --out DIR [--items N] [--repeats R]`` writes the study (drawn faces, each linked many
times) and a finished run on it once, starts the app and measures; DIR is the app's workspace and can be looked at.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from app_server import CHROMIUM, FLAGS, Server, free_port  # noqa: E402
from fake_run import write_made_up_results  # noqa: E402

from ltnet_core.datasets import Study, load_dataset  # noqa: E402
from ltnet_core.datasets.demo import CLASSES, write_demo  # noqa: E402
from ltnet_core.explore.item_map import map_file  # noqa: E402
from ltnet_core.explore.map_making import make_map  # noqa: E402
from ltnet_core.files.writing import write_json  # noqa: E402
from ltnet_core.runs.manifest import write_manifest  # noqa: E402
from ltnet_core.runs.run import Run  # noqa: E402
from ltnet_core.settings import make_settings  # noqa: E402

DRAWN = 1000
DATASET, RUN, SMALL = "large", "large-1", "small-1"
TARGETS = {
    "case counts after a filter": 300,
    "facet counts after a filter": 300,
    "cell click to faces, in place": 500,
    "next 100 thumbnails": 500,
    "map of 50,000 points drawn": 1500,
    "lasso to faces": 1000,
    "cell click to faces": 800,
    "server memory for the study": 1024,
    "a second tab": 50,
}


def make(workspace_path: Path, items: int) -> None:
    """The study and its run with a map, in a workspace."""
    make_run(workspace_path, items)
    run = Run(workspace_path / "runs" / RUN)
    if not map_file(run).exists():
        began = time.perf_counter()
        make_map(run)
        print(f"map made in {time.perf_counter() - began:.0f} s")


def make_run(workspace_path: Path, items: int) -> None:
    """The study and its run."""
    data = workspace_path / "datasets" / DATASET / "data"
    if (workspace_path / "runs" / RUN / "manifest.json").exists():
        return
    names = link_faces(data, workspace_path / "drawn", items)
    truth = (np.arange(items) % DRAWN) % len(CLASSES)
    rng = np.random.default_rng(0)
    half = items // 2
    labels = np.where(rng.random(items) < 0.7, truth, rng.integers(0, len(CLASSES), items))
    with open(data / "annotations.csv", "w", encoding="utf-8") as f:
        f.write("image,coder,label\n")
        for n in range(items - items // 10):  # the last tenth is labelled by nobody
            f.write(f"{names[n]},{'Alpha' if n < half else 'Beta'},{CLASSES[labels[n]]}\n")
    with open(data / "classes.csv", "w", encoding="utf-8") as f:
        f.write("class\n" + "".join(f"{c}\n" for c in CLASSES))
    write_json(data.parent / "about.json", {"name": "Large study"})
    made_up_run(workspace_path / "runs" / RUN, load_dataset(data))


def link_faces(data: Path, drawn: Path, items: int) -> list[str]:
    """Put so many images into a dataset folder, each drawn face many times; returns their names."""
    if not drawn.exists():
        write_demo(drawn, items=DRAWN)
    faces = sorted((drawn / "images").iterdir())
    names = [f"images/{n // DRAWN:04d}/{n % DRAWN:03d}.jpg" for n in range(items)]
    for n, name in enumerate(names):
        target = data / name
        if n % DRAWN == 0:
            target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            os.link(faces[n % len(faces)], target)
    return names


def made_up_run(folder: Path, study: Study, *, seed: int = 0, machines: bool = True) -> None:
    """A finished run whose results are made up; ``machines`` says whether machine coders took part."""
    spec = {
        "dataset": str(study.files.location),
        "dataset_name": study.name,
        "format": study.format,
        "fingerprint": "",
        "preset": "quick",
        "settings": make_settings("quick").to_json(),
        "seed": seed,
        "device": "cpu",
        "coders": None,
        "classes": list(study.table.classes),
        "codes": list(study.codes),
        "created": time.time(),
    }
    run = Run.create(folder, spec)
    write_made_up_results(run, study, seed, machines=machines)
    write_manifest(run.folder)
    run.emit("done", message="finished")


def make_small(workspace_path: Path) -> None:
    """A small study with a run, to measure against a server that has shown a gallery before."""
    if not (workspace_path / "runs" / SMALL / "manifest.json").exists():
        data = workspace_path / "datasets" / "small" / "data"
        write_demo(data, items=300)
        made_up_run(workspace_path / "runs" / SMALL, load_dataset(data))


def memory(server: Server) -> float:
    """MiB that the server holds."""
    assert server.process  # noqa: S101 - for mypy; it was started
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


# Does something in the page and waits, frame by frame, until something is so; gives milliseconds.
TIMED = """
async ([act, done, patience]) => {
  const root = () => [...document.querySelectorAll('*')].find((e) => e.shadowRoot?.querySelector('.ga'))?.shadowRoot;
  const run = (text) => new Function('root', text)(root());
  const began = performance.now();
  run(act);
  for (;;) {
    await new Promise(requestAnimationFrame);
    if (root() && run('return ' + done)) return performance.now() - began;
    if (performance.now() - began > patience) return NaN;
  }
}
"""
PICTURES = "[...root.querySelectorAll('.ga-card img')].filter((i) => i.complete && i.naturalWidth).length"
CHOOSE = """
const part = root.querySelector('{part}');
root.host.before = part.dataset.version;
root.querySelector('input[data-key="{name}={value}"]').click();
"""
COUNTED = "root.querySelector('{part}').dataset.version !== root.host.before"
CELL = """
const cells = [...root.querySelectorAll('.ga-cell[aria-pressed="false"]')].filter((c) => c.textContent);
root.host.first = root.querySelector('.ga-card')?.dataset.name;
cells[{n}].click();
"""
SHOWN = "root.querySelector('.ga-card')?.dataset.name !== root.host.first && " + PICTURES + " >= 20"
MAP = "root.querySelector('[data-key=\"chart:map\"]').click()"
DRAWN_MAP = "root.querySelector('.ga-map').dataset.version && root.querySelector('.ga-map').dataset.drawn"
FIRST = "root.host.first = root.querySelector('.ga-card')?.dataset.name"
GO_TO = """
const field = root.querySelector('input[name="number"]');
field.value = '{number}';
field.dispatchEvent(new Event('change'));
"""


def timed(page: Page, act: str, done: str, patience: float = 60) -> float:
    """Milliseconds from an action until it shows."""
    milliseconds = float(page.evaluate(TIMED, [act, done, 1000 * patience]))
    if milliseconds != milliseconds:
        raise SystemExit(f"not within {patience} s: {done}")
    return milliseconds


def measure(server: Server, repeats: int) -> dict[str, list[float]]:
    """Milliseconds and MiB of everything that has a target."""
    times: dict[str, list[float]] = {name: [] for name in TARGETS}
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900}, bypass_csp=True)
        page.goto(f"{server.url}/disagreements?dataset=small&run={SMALL}")  # what any use of the gallery loads
        page.wait_for_selector(".ga-card img", timeout=120_000)
        page.wait_for_timeout(1000)
        before = memory(server)
        page.goto(f"{server.url}/disagreements?run={RUN}")
        page.wait_for_selector(".ga-card img", timeout=300_000)
        page.wait_for_timeout(2000)
        for n in range(repeats):
            name, value = [("truth", CLASSES[n % len(CLASSES)]), ("case", str(1 + n % 5))][n % 2]
            for what, part in (
                ("case counts after a filter", ".ga-cases"),
                ("facet counts after a filter", ".ga-filters"),
            ):
                for _ in range(2):  # set, and taken away again
                    act = CHOOSE.format(name=name, value=value, part=part)
                    times[what].append(timed(page, act, COUNTED.format(part=part)))
                    page.wait_for_timeout(1000)
        for n in range(repeats):
            times["cell click to faces, in place"].append(timed(page, CELL.format(n=n), SHOWN))
            page.wait_for_timeout(1000)
            page.go_back()
            page.wait_for_timeout(1500)
        for n in range(repeats):
            number = 10_000 * (n + 1) + 1
            block = f"root.querySelector('.ga-block[data-block=\"{(number - 1) // 120}\"]') && "
            first = f"root.querySelectorAll('.ga-block[data-block=\"{(number - 1) // 120}\"] img').length >= 100 && "
            shown = timed(page, GO_TO.format(number=number), block + first + PICTURES + " >= 100")
            times["next 100 thumbnails"].append(shown)
            page.wait_for_timeout(1500)
        for _ in range(repeats):
            page.goto(f"{server.url}/disagreements?run={RUN}")
            page.wait_for_selector(".ga-card img")
            page.wait_for_timeout(2000)
            times["map of 50,000 points drawn"].append(timed(page, MAP, DRAWN_MAP))
            page.wait_for_timeout(500)
            times["lasso to faces"].append(lasso(page))
            timed(page, "root.querySelector('[data-key=\"chart:cases\"]').click()", "true")  # the next begins there
        for n in range(repeats):
            times["cell click to faces"].append(cell_click(page, server, n))
        times["server memory for the study"].append(memory(server) - before)
        held = memory(server)
        second = browser.new_page(viewport={"width": 1280, "height": 900}, bypass_csp=True)
        second.goto(f"{server.url}/disagreements?run={RUN}&truth={CLASSES[0]}")
        second.wait_for_selector(".ga-card img", timeout=60_000)
        second.wait_for_timeout(3000)
        times["a second tab"].append(memory(server) - held)
        browser.close()
    return times


def lasso(page: Page) -> float:
    """Milliseconds from the end of a line around points of the map to their faces."""
    box = page.locator(".ga-sheet canvas").bounding_box()
    if box is None:
        raise SystemExit("there is no map")
    timed(page, FIRST, "true")
    for n in range(60):
        x, y = (0.5 + 0.25 * f(2 * math.pi * n / 60) for f in (math.cos, math.sin))
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        if n == 0:
            page.mouse.down()
    began = time.perf_counter()
    page.mouse.up()
    timed(page, "", SHOWN)
    return 1000 * (time.perf_counter() - began)


def cell_click(page: Page, server: Server, n: int) -> float:
    """Milliseconds from a click on a cell of a matrix to the first faces."""
    page.goto(f"{server.url}/transitions?run={RUN}")
    page.wait_for_selector(".js-plotly-plot .textpoint text")
    page.wait_for_timeout(2500)
    cell = page.locator(".js-plotly-plot").first.locator(".scatterlayer .textpoint text").nth(n).bounding_box()
    if cell is None:
        raise SystemExit("the matrix shows no cell")
    page.mouse.move(cell["x"] + cell["width"] / 2, cell["y"] + cell["height"] / 2)
    page.wait_for_timeout(400)
    began = time.perf_counter()
    page.mouse.down()
    page.mouse.up()
    timed(page, "", PICTURES + " >= 20")
    return 1000 * (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="workspace of the study")
    parser.add_argument("--items", type=int, default=1_500_000)
    parser.add_argument("--repeats", type=int, default=7)
    wanted = parser.parse_args()
    make(wanted.out / "workspace", wanted.items)
    make_small(wanted.out / "workspace")
    server = Server(wanted.out, free_port())
    server.start()
    try:
        times = measure(server, wanted.repeats)
    finally:
        server.kill()
    print("| what | median | smallest | largest | target |\n|---|---|---|---|---|")
    for name, target in TARGETS.items():
        unit = "MiB" if "memory" in name or "tab" in name else "ms"
        v = times[name]
        print(f"| {name} | {statistics.median(v):.0f} {unit} | {min(v):.0f} | {max(v):.0f} | ≤ {target} |")


if __name__ == "__main__":
    main()
