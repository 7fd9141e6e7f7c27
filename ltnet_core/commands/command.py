"""What a command is, and the flags that several of them share."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..datasets import FORMATS, correction_flags
from ..files.printing import say
from ..settings import flags


@dataclass(frozen=True)
class Command:
    """One word after ``python -m ltnet_core``.

    Attributes
    ----------
    text : what it does, one sentence of its help.
    flags : adds its flags to its parser.
    run : does it, given its flags; errors leave as exceptions.
    """

    name: str
    text: str
    flags: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], None]


def dataset_flags(
    parser: argparse.ArgumentParser, metavar: str = "DATASET", text: str = "folder, .zip or table of labels"
) -> None:
    """A dataset and how to read it."""
    parser.add_argument("dataset", metavar=metavar, help=text)
    parser.add_argument("--format", help=f"what to read it as (default: recognised): {', '.join(FORMATS)}")
    correction_flags.add(parser)


def training_flags(parser: argparse.ArgumentParser) -> None:
    """The device, the seed and every option of a run."""
    parser.add_argument("--device", help="auto, cpu, cuda or cuda:N (default: auto)")
    parser.add_argument("--seed", type=int, help="(default: 0)")
    flags.add_flags(parser)


def run_flag(parser: argparse.ArgumentParser) -> None:
    """The folder of a run."""
    parser.add_argument("run", type=Path, metavar="RUN_DIR")


def json_flag(parser: argparse.ArgumentParser) -> None:
    """JSON in place of text."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def run_and_json_flags(parser: argparse.ArgumentParser) -> None:
    """The folder of a run, and JSON in place of text."""
    run_flag(parser)
    json_flag(parser)


def counter(name: str) -> Callable[[int, int], None]:
    """A progress line on stderr, about once a second on a terminal and every ten seconds elsewhere."""
    pace = 1.0 if sys.stderr.isatty() else 10.0
    last = began = time.monotonic()

    def show(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < pace and not (done >= total and now - began > pace):
            return
        last = now
        left = (now - began) * (total - done) / max(done, 1)
        say(f"{name}: {done:,} of {total:,}, {left:.0f} s left", sys.stderr)

    return show
