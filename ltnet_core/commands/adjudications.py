"""What people settled, as a table."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..explore.adjudications import decisions_csv, read_decisions
from ..files.printing import say
from ..files.writing import require_folder, write_bytes
from .command import Command


def _flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the app's .sqlite")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE.csv", help="image, label, reviewer, reason, time, shown"
    )


def _adjudications(arguments: argparse.Namespace) -> None:
    require_folder(arguments.out)
    frame = read_decisions(arguments.file)
    write_bytes(arguments.out, decisions_csv(frame))
    say(f"Wrote {len(frame):,} adjudications to {arguments.out}.")


COMMANDS = (Command("adjudications", "Write what people settled as CSV.", _flags, _adjudications),)
