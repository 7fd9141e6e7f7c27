"""Write the demo."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..files.printing import say
from .command import Command, counter


def _flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dir", type=Path, metavar="DIR", help="new or empty folder")
    parser.add_argument("--items", type=int, default=2400, help="number of faces (default: 2400)")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same folder (default: 0)")


def _demo(arguments: argparse.Namespace) -> None:
    from ..datasets.demo import write_demo

    write_demo(arguments.dir, items=arguments.items, seed=arguments.seed, progress=counter("faces"))
    say(f"Wrote {arguments.items:,} faces to {arguments.dir}.")


COMMANDS = (Command("demo", "Write the demo dataset folder: drawn faces with known truth.", _flags, _demo),)
