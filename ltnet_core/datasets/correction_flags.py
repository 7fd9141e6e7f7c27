"""The flags that correct how a dataset is read: the same for every command, and in answers to questions."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence

from .corrections import COLUMN_ROLES, Corrections, parse


def add(sub: argparse.ArgumentParser) -> None:
    """Add the flags that say what a dataset's columns, folders and values are."""
    group = sub.add_argument_group(
        "how the dataset is read",
        "names are separated by commas, each flag may be given several times; `inspect` shows the reading",
    )
    text = f"column that plays a role: {', '.join(COLUMN_ROLES)}"
    group.add_argument("--columns", metavar="ROLE=COLUMN,…", action="append", default=[], help=text)
    text = "columns (or coders of a long table) that are annotators, no others"
    group.add_argument("--annotators", metavar="NAMES", action="append", default=[], help=text)
    text = "columns that hold votes or one-hot labels for one class each"
    group.add_argument("--classes-are", metavar="NAMES", action="append", default=[], help=text)
    text = "columns, tables, folders or coders that are no labels"
    group.add_argument("--ignore", metavar="NAMES", action="append", default=[], help=text)
    text = "what folders, files or values of a split column are: train, test or ignore"
    group.add_argument("--split", metavar="PART=NAMES", action="append", default=[], help=text)
    text = "values that mean 'no label'; '' for none"
    group.add_argument("--missing", metavar="VALUES", action="append", help=text)
    if not any("--class" in a.option_strings for a in sub._actions):
        text = "take a class for another; FROM= leaves it out"
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
