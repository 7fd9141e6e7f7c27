"""The complete fault table: every file of a run × every damage × every command and page.

``python benchmarks/fault_table.py [--pages] [--older] [--file NAME]``: damages copies of a finished and of a stopped
run and calls every command on them in this process (``--pages``: every page instead). ``--older`` takes the digests out
of the manifest first, as runs had none once. Prints a table and every combination that went wrong; the exit status is 1
if there was one.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import faults  # noqa: E402
from faults import Material, Outcome  # noqa: E402

Row = tuple[str, str, str, str | None, int]  # file, damage, command or page, what went wrong, exit status


def on_finished(material: Material, folder: Path, wanted: str, older: bool) -> Iterator[Row]:
    commands = faults.commands(material)
    sound: dict[str, Outcome] = {}
    for name, command in commands.items():
        with faults.copy_of(material.finished, folder) as (run, out):
            sound[name] = command(run, out)
    for file in filter(lambda f: wanted in f, faults.files_of(material.finished)):
        for damage, do in faults.damages(file).items():
            with faults.copy_of(material.finished, folder) as (run, out):
                if older:
                    (run / "manifest.json").write_text(json.dumps(faults.OLD_MANIFEST))
                try:
                    do(run / file)
                except KeyError:  # a damage of the digests, where there are none
                    continue
                for name, command in commands.items():
                    shutil.rmtree(out)
                    out.mkdir()
                    yield file, damage, name, *judged(name, lambda c=command: c(run, out), sound[name], not older)


def judged(name: str, do: object, sound: Outcome, right: bool) -> tuple[str | None, int]:
    try:
        done: Outcome = do()  # type: ignore[operator]
    except Exception:
        return traceback.format_exc(limit=-3), -1
    problem = faults.complaint(done)
    if problem is None and done.status == 0 and right:
        problem = faults.wrong_answer(name, done, sound)
    return problem, done.status


def on_stopped(material: Material, folder: Path, wanted: str) -> Iterator[Row]:
    results = ("items.parquet", "transitions.parquet", "evaluation.json")
    for file in filter(lambda f: wanted in f, faults.files_of(material.stopped)):
        for damage, do in faults.damages(file).items():
            for name in ("status", "fit --resume"):
                with faults.copy_of(material.stopped, folder) as (run, _):
                    do(run / file)
                    command = (
                        (lambda: faults.resume(material, run))
                        if name != "status"
                        else (lambda: faults.call("status", run))
                    )
                    problem, status = judged("status", command, Outcome(0, "", ""), False)
                    if problem is None and status == 0 and name != "status":
                        other = [
                            r
                            for r in results
                            if (run / "results" / r).read_bytes() != (material.finished / "results" / r).read_bytes()
                        ]
                        problem = f"ended elsewhere: {other}" if other else None
                    yield file, damage, name, problem, status


def on_pages(material: Material, folder: Path, wanted: str, older: bool) -> Iterator[Row]:
    from test_pages import link, open_page

    os.environ["LTNET_WORKSPACE"] = str(folder)
    link(folder, material.dataset)
    number = 0
    for source in (material.finished, material.stopped):
        for file in filter(lambda f: wanted in f, faults.files_of(source)):
            for damage, do in faults.damages(file).items():
                number += 1
                run = folder / "runs" / f"odd-{number}"
                shutil.copytree(source, run)
                if older and source == material.finished:
                    (run / "manifest.json").write_text(json.dumps(faults.OLD_MANIFEST))
                try:
                    do(run / file)
                except KeyError:
                    continue
                for page in ("dataset", "train", "transitions", "disagreements", "compare", "export", "predict"):
                    try:
                        open_page(page, run=run.name)
                    except Exception:
                        yield file, damage, page, traceback.format_exc(limit=-2), -1
                    else:
                        yield file, damage, page, None, 0
                shutil.rmtree(run)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", action="store_true", help="open pages instead of calling commands")
    parser.add_argument("--older", action="store_true", help="a manifest without digests")
    parser.add_argument("--file", default="", help="only files whose path holds this text")
    arguments = parser.parse_args()
    began, bad = time.monotonic(), []
    counts: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory(prefix="ltnet-faults-") as name:
        folder = Path(name)
        material = faults.make_material(folder)
        work = folder / "work"
        work.mkdir()
        if arguments.pages:
            rows = on_pages(material, work, arguments.file, arguments.older)
        else:
            rows = (
                row
                for part in (
                    on_finished(material, work, arguments.file, arguments.older),
                    () if arguments.older else on_stopped(material, work, arguments.file),
                )
                for row in part
            )
        for file, damage, command, problem, status in rows:
            kind = "wrong" if problem else f"exit {status}"
            counts.setdefault(file, Counter())[kind] += 1
            if problem:
                bad.append(f"{file}, {damage}, {command}: {problem}")
                print(bad[-1], flush=True)
    columns = sorted({kind for c in counts.values() for kind in c})
    print("| file | " + " | ".join(columns) + " |\n|---|" + "---|" * len(columns))
    for file, counted in counts.items():
        print(f"| {file} | " + " | ".join(str(counted[k]) for k in columns) + " |")
    total = sum(sum(c.values()) for c in counts.values())
    print(f"{total:,} combinations, {len(bad)} wrong, {time.monotonic() - began:.0f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
