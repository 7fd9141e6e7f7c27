"""Adjudications as a table."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..explore.adjudications import decisions_csv, read_decisions
from ..explore.set_aside import read_set_aside, with_set_aside
from ..files.printing import counted, say
from ..files.writing import behind_link, require_output, write_bytes
from .command import Command


def _flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the app's .sqlite")
    parser.add_argument(
        "--out", type=behind_link, required=True, metavar="FILE.csv", help="image, label, reviewer, reason, time, shown"
    )


def _adjudications(arguments: argparse.Namespace) -> None:
    require_output(arguments.out, (arguments.file,))
    frame, set_aside = read_decisions(arguments.file), read_set_aside(arguments.file)
    write_bytes(arguments.out, decisions_csv(with_set_aside(frame, set_aside)))
    aside = f" and {counted(len(set_aside), 'image')} set aside" if set_aside else ""
    say(f"Wrote {counted(len(frame), 'adjudication')}{aside} to {arguments.out}.")


COMMANDS = (Command("adjudications", "Write what people settled as CSV.", _flags, _adjudications),)
