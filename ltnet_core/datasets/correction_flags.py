"""The flags that correct how a dataset is read: the same for every command, and in answers to questions."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence

from .corrections import COLUMN_ROLES, Corrections, parse


def add(sub: argparse.ArgumentParser) -> None:
    """Add the flags that say what a dataset's columns, folders and values are."""
    group = sub.add_argument_group(
        "how the dataset is read", "names are separated by commas; `inspect` shows the reading"
    )
    text = f"column that plays a role: {', '.join(COLUMN_ROLES)}"
    group.add_argument("--columns", metavar="ROLE=COLUMN,…", help=text)
    group.add_argument(
        "--annotators", metavar="NAMES", help="columns (or coders of a long table) that are annotators, no others"
    )
    group.add_argument(
        "--classes-are", metavar="NAMES", help="columns that hold votes or one-hot labels for one class each"
    )
    text = "columns, tables, folders or coders that are no labels"
    group.add_argument("--ignore", metavar="NAMES", action="append", default=[], help=text)
    text = "what folders, files or values of a split column are: train, test or ignore; may be given several times"
    group.add_argument("--split", metavar="PART=NAMES", action="append", default=[], help=text)
    group.add_argument("--missing", metavar="VALUES", help="values that mean 'no label'; '' for none")
    if not any("--class" in a.option_strings for a in sub._actions):
        text = "take a class for another; FROM= leaves it out; may be given several times"
        group.add_argument("--class", action="append", dest="classes", default=[], metavar="FROM=TO", help=text)


def of(arguments: argparse.Namespace, classes: Sequence[str] | None = None) -> Corrections:
    """The corrections of parsed flags. ``classes`` are those of a command whose ``--class`` means something else."""
    return parse(
        arguments.columns,
        arguments.annotators,
        arguments.classes_are,
        arguments.ignore,
        arguments.split,
        arguments.missing,
        arguments.classes if classes is None else classes,
    )


def of_answer(flag: str) -> tuple[str | None, Corrections]:
    """The format and the corrections that the flag of an answer stands for.

    Raises
    ------
    OptionError
    """
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--format")
    add(parser)
    parsed = parser.parse_args(shlex.split(flag))
    return parsed.format, of(parsed)
