"""The settle report as a file."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from ..datasets import Corrections, correction_flags, load_dataset
from ..errors import DatasetError, OptionError
from ..explore.adjudications import Adjudications, is_store, read_decisions
from ..explore.opinions import Opinions
from ..explore.set_aside import read_set_aside
from ..files.printing import say
from ..files.writing import behind_link, require_output, write_bytes
from ..runs.run import Run
from .command import Command, dataset_flags

SUFFIXES = (".html", ".csv")


def _flags(parser: argparse.ArgumentParser) -> None:
    dataset_flags(parser, "PLACE", "RUN_DIR, or a dataset: folder, .zip or table of labels")
    parser.add_argument(
        "--settled", type=Path, required=True, metavar="FILE", help="what people settled: the app's .sqlite, or a CSV"
    )
    parser.add_argument("--title", metavar="TEXT", help="title of the page (default: the dataset's name)")
    parser.add_argument("--out", type=behind_link, required=True, metavar="FILE", help="report to write: .html or .csv")


def _report(arguments: argparse.Namespace) -> None:
    from ..explore.gains import gains
    from ..explore.labelled_items import labelled_items
    from ..export.settle_report import settle_report
    from ..runs.stored_results import load_items

    suffix = arguments.out.suffix.lower()
    if suffix not in SUFFIXES:
        raise OptionError(f"--out must end in {' or '.join(SUFFIXES)}, got {arguments.out.name!r}.")
    if arguments.title and suffix == ".csv":
        raise OptionError("--title is the title of the .html page; a .csv has none.")
    run, corrections = Run(Path(arguments.dataset)), correction_flags.of(arguments)
    if run.exists() and (arguments.format or corrections):
        raise OptionError("a run reads its dataset as it did when it began; leave the flags about the reading out.")
    require_output(arguments.out, (arguments.settled, arguments.dataset))
    decisions, aside = read_decisions(arguments.settled), read_set_aside(arguments.settled)
    decisions = decisions[~decisions["image"].isin(aside)]
    if run.exists():
        run.require_output(arguments.out)
        items, spec = load_items(run), run.spec()
        study = load_dataset(spec["dataset"], spec["format"], Corrections.from_json(spec.get("corrections") or {}))
    else:
        study = load_dataset(arguments.dataset, arguments.format, corrections)
        items = labelled_items(study)
    settled = dict(zip(decisions["image"], decisions["label"], strict=True))
    report = settle_report(items, settled)
    if not report.settled:
        source = str(arguments.settled)
        raise DatasetError("none of the adjudications is about an image and a class of this dataset.", file=source)
    if run.exists():
        report = replace(report, gains=gains(run, items, settled, aside))
    if is_store(arguments.settled):
        report = replace(report, agreements=tuple(Opinions(Adjudications(arguments.settled)).agreements()))
    content = (
        report.csv_bytes() if suffix == ".csv" else report.to_html(arguments.title or study.name, study.files).encode()
    )
    write_bytes(arguments.out, content)
    say(f"Wrote {arguments.out}: {report.settled:,} settled images, {len(report.pairs):,} pairs of differing labels.")
    gained = [] if report.gains is None else report.gains.sentences()
    for sentence in [*gained, *(a.sentence for a in report.agreements)]:
        say(sentence)


COMMANDS = (Command("report", "Write what settling showed: whose label was confirmed.", _flags, _report),)
