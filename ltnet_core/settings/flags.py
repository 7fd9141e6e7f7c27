"""The options on the command line: flags and help made from their declarations, and values read back from them."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..errors import OptionError
from ..method import METHODS, with_part
from . import Settings
from .names import PRESET_TEXTS, PRESETS
from .option import Option

TITLES = {
    "network": "network",
    "schedule": "schedule",
    "coders": "coders",
    "transitions": "transition matrices",
    "data": "data",
}


def add_flags(parser: argparse.ArgumentParser, settings: type[Settings] = Settings) -> None:
    """Give a command ``--preset``, ``--method`` and one flag per option; a flag that is not used is None."""
    presets = "; ".join(f"{k}: {v}" for k, v in PRESET_TEXTS.items())
    parser.add_argument("--preset", choices=PRESETS, help=f"(default: default) {presets}")
    methods = "; ".join(f"{m.name}: {m.text}" for m in METHODS.values())
    parser.add_argument("--method", help=f"what to train (default: ltnet) {methods}")
    for name, group in settings.groups().items():
        section = parser.add_argument_group(TITLES.get(name, name))
        for declared in group.values():
            if declared.flag is not None:
                _add(section, declared)


def _add(section: Any, declared: Option) -> None:
    flag = str(declared.flag)
    text = _help(declared)
    if declared.kind is bool and flag.startswith("--no-"):
        section.add_argument(flag, dest=declared.name, action="store_false", default=None, help=text)
    elif declared.kind is bool:
        section.add_argument(flag, dest=declared.name, action=argparse.BooleanOptionalAction, default=None, help=text)
    else:
        kinds = "|".join([_METAVARS[declared.kind], *declared.words])
        section.add_argument(
            flag,
            dest=declared.name,
            type=_reader(declared),
            choices=declared.choices or None,
            metavar=None if declared.choices else declared.placeholder or kinds,
            help=text,
        )


def _reader(declared: Option) -> Callable[[str], Any]:
    """What reads the value of a flag: a number, or a word that may stand for one."""
    read = _READERS.get(declared.kind, str)
    if not declared.words:
        return read

    def number_or_word(text: str) -> Any:
        return text if text in declared.words else read(text)

    number_or_word.__name__ = f"{declared.kind.__name__} or {' or '.join(declared.words)}"  # argparse names it
    return number_or_word


def _help(declared: Option) -> str:
    if declared.kind is bool and str(declared.flag).startswith("--no-"):
        return f"turns off: {declared.help}".replace("%", "%%")
    parts = [declared.help]
    if declared.part is not None:
        parts.append(f"(only with --method {', '.join(with_part(declared.part))})")
    return " ".join(parts).replace("%", "%%")


def names(text: str) -> tuple[str, ...]:
    """Names separated by commas, read like a row of CSV, so that a name with a comma can be quoted.

    Raises
    ------
    OptionError
        a line ends outside quotes, or a name is longer than any.
    """
    try:
        return tuple(name.strip() for name in next(csv.reader([text]), []))
    except csv.Error as e:
        raise OptionError(
            f"the list of names {text[:80]!r} cannot be read: a name with a line break must be in double quotes, and "
            f"none may have more than {csv.field_size_limit():,} characters."
        ) from e


def weights(text: str) -> dict[str, float]:
    """``NAME=WEIGHT,…``

    Raises
    ------
    OptionError
    """
    out: dict[str, float] = {}
    for pair in names(text):
        before, equals, number = pair.rpartition("=")
        name = before.strip()
        try:
            weight = float(number)
        except ValueError:
            equals = ""
        if not equals:
            raise OptionError(f"--coder-weights takes NAME=WEIGHT, separated by commas; {pair!r} is none.")
        if out.setdefault(name, weight) != weight:
            raise OptionError(f"--coder-weights gives {name!r} two weights; keep one.")
    return out


_READERS: Mapping[type, Callable[[str], Any]] = {int: int, float: float}
_METAVARS = {int: "N", float: "X", str: "NAME", tuple: "A,B,…", dict: "NAME=X,…"}
_VALUES: Mapping[type, Callable[[str], Any]] = {tuple: names, dict: weights}


def changes(arguments: argparse.Namespace, settings: type[Settings] = Settings) -> dict[str, Any]:
    """The options that flags ask for, by name; what no flag asks for is not there.

    Raises
    ------
    OptionError
        a list of names or weights cannot be read.
    """
    options: dict[str, Any] = {"method": arguments.method} if arguments.method is not None else {}
    for name, declared in settings.options().items():
        value = getattr(arguments, name, None)
        if value is None or declared.flag is None:
            continue
        value = _VALUES[declared.kind](value) if declared.kind in _VALUES else value
        options[name] = str(Path(value).resolve()) if declared.names == "file" else value
    return options
