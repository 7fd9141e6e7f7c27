"""Join datasets into one study."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from ..datasets import correction_flags, load_dataset, open_files, refers_to
from ..datasets.corrections import pair
from ..datasets.questions import require_answers
from ..datasets.used import require_used
from ..errors import LTNetError, OptionError
from ..files.printing import counted, say
from .command import Command


def _flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dir", type=Path, metavar="DIR", help="new or empty folder")
    parser.add_argument(
        "--source", action="append", required=True, metavar="[NAME=]PATH", help="a dataset; give it several times"
    )
    parser.add_argument(
        "--images", action="append", default=[], metavar="[NAME=]PATH", help="images without their labels"
    )
    parser.add_argument(
        "--class",
        action="append",
        dest="classes",
        metavar="FROM=TO",
        help="take a class for another; FROM= leaves it out",
    )
    correction_flags.add(parser)


def _join(arguments: argparse.Namespace) -> None:
    from ..datasets.formats.joined import FILE, IDLE, Source, write
    from ..datasets.sources.roots import expanded

    def source(text: str, use: str = "all") -> Source:
        name, equals, path = text.partition("=")
        if equals and not path:
            raise OptionError(f"the path of source {name!r} is empty; was a variable not set?")
        location = expanded(path if equals else text)
        return Source(name if equals else location.stem, str(location.resolve()), use=use)

    own = correction_flags.of(arguments, ())
    sources = [*map(source, arguments.source), *(source(t, "images") for t in arguments.images)]
    sources = [replace(s, corrections=own.to_json()) for s in sources]
    classes: dict[str, str] = {}
    for text in arguments.classes or ():
        name, new = pair("--class", "FROM=TO", text)
        if classes.setdefault(name, new) != new:
            raise OptionError(f"--class says that {name!r} is {classes[name]!r} and {new!r}; choose one.")
    write(arguments.dir, sources, classes)
    try:
        study = load_dataset(arguments.dir)
        require_answers(study.reading.questions, study.name)
        require_used(own, study, [open_files(p) for p in refers_to(arguments.dir)])
        for problem in study.problems:
            if problem.kind == IDLE:
                raise OptionError(f"--class: {problem.examples[0]}")
    except LTNetError:
        (arguments.dir / FILE).unlink()
        raise
    items = counted(len(study.table.items), "item")
    say(f"Joined {len(sources)} datasets: {items}, coders {', '.join(study.table.coders)}.")


COMMANDS = (Command("join", "Join several datasets into one study: a folder that refers to them.", _flags, _join),)
