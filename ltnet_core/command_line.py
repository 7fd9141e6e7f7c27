"""The command line. Thin: each command calls the library and prints."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from .commands import (
    adjudications,
    aggregate,
    demo,
    devices,
    estimate,
    evaluate,
    export,
    fit,
    inspect,
    item_map,
    join,
    predict,
    report,
    state,
)
from .errors import InputError, LTNetError, OptionError
from .files.printing import drop_output, is_text, require_streams, say
from .files.reading import NO_HANDLES, too_many_open
from .files.writing import FULL

# Threads of PyTorch that wait by spinning for long slow each other down when two trainings share the cores; those that
# sleep at once are slower alone. A short spin is neither. Must be said before PyTorch is imported.
os.environ.setdefault("GOMP_SPINCOUNT", "2000")

BAD_INPUT, FAILURE = 2, 1
NO_NAMES = {errno.ENAMETOOLONG: "is too long", errno.ELOOP: "leads through links that lead to each other"}
LOOP = "Symlink loop from "  # pathlib begins its error so, which is no OSError before Python 3.13
LONGEST_NAME = 200  # of a name that is told
MAY_BE_EMPTY = ("--missing", "--title")

# In the order of their help.
MODULES = (
    demo,
    inspect,
    join,
    aggregate,
    fit,
    estimate,
    state,
    evaluate,
    export,
    adjudications,
    item_map,
    report,
    predict,
    devices,
)


def run(argv: Sequence[str]) -> int:
    """Run one command; returns the exit status: 0 done, 2 bad input, 1 failure."""
    require_streams()
    try:
        arguments = build_parser().parse_args(argv)
        _require_arguments(argv)
        arguments.run_command(arguments)
        sys.stdout.flush()
    except InputError as e:
        return _complain(str(e), BAD_INPUT)
    except LTNetError as e:
        return _complain(str(e))
    except BrokenPipeError:
        drop_output(sys.stdout)  # the reader went away (| head): not an error of ours
        return FAILURE
    except OSError as e:
        return _complain(_about_files(e), BAD_INPUT if e.errno in NO_NAMES else FAILURE)
    except RuntimeError as e:
        if not str(e).startswith(LOOP):
            raise
        return _complain(f"{str(e).removeprefix(LOOP)} {NO_NAMES[errno.ELOOP]}; give another path.", BAD_INPUT)
    except ImportError as e:  # such as PyTorch's libraries where the memory of a process is limited
        return _complain(f"a library cannot be loaded ({e}); install requirements.txt, or raise `ulimit -v`.")
    except MemoryError as e:
        return _complain(
            f"there is not enough memory ({str(e) or 'none is left'}); close other programs and try again."
        )
    return 0


def _require_arguments(argv: Sequence[str]) -> None:
    """Raise OptionError for an argument that is no text, or an empty one: as a path it would be the folder at hand."""
    for before, text in zip(["", *argv], argv, strict=False):
        if not is_text(text):
            raise OptionError(f"the argument {text!r} is not UTF-8 text; rename the file or folder.")
        flag, equals, value = text.partition("=") if text.startswith("--") else (before, "=", text)
        if equals and not value and flag not in MAY_BE_EMPTY:
            where = f"of {flag} " if flag.startswith("--") else ""
            raise OptionError(f"the argument {where}is empty; was a variable not set?")


def _complain(message: str, status: int = FAILURE) -> int:
    """Say what went wrong, where that can be said; returns the exit status."""
    with contextlib.suppress(OSError):  # of a full disk the errors may find no room either
        say(f"ltnet_core: {message}", sys.stderr)
    with contextlib.suppress(ValueError):
        try:
            sys.stdout.flush()
        except OSError:
            drop_output(sys.stdout)
    return status


def _about_files(e: OSError) -> str:
    """A sentence on an error of the operating system."""
    if e.errno in NO_HANDLES:
        return too_many_open(e)
    if e.errno in FULL and not e.filename:
        return "the output could not be written: the disk is full; make room and try again."
    if e.errno in NO_NAMES and e.filename:
        name = str(e.filename)
        shown = name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…"
        return f"{shown!r} {NO_NAMES[e.errno]}; give another path."
    name = f"{e.filename!r}: " if e.filename else ""
    return f"{name}{e.strerror or e}."


class _Parser(argparse.ArgumentParser):
    """A parser that refuses two spellings of one option that contradict each other, such as --freeze --no-freeze."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> Any:
        seen: dict[str, tuple[str, str]] = {}
        texts = list(args or ())
        for text, after in zip(texts, [*texts[1:], ""], strict=False):
            if text == "--":
                break
            name, equals, value = text.partition("=")
            option = self._option_string_actions.get(name)
            if option is not None:
                given = (name, name if option.nargs == 0 else value if equals else after)
                first = seen.setdefault(option.dest, given)
                if first[0] != name and first[1] != given[1]:
                    self.error(f"{first[0]} and {name} contradict each other; leave out one of them.")
        return super().parse_known_args(args, namespace)

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print the help; argparse passes over a full disk."""
        file = file or sys.stderr
        file.write(message)
        file.flush()

    def error(self, message: str) -> NoReturn:
        """End with one sentence; the usage of `fit` in front of it would fill a screen."""
        hint = "" if message.endswith(".") else f"; `{self.prog} --help` lists the flags."
        self.exit(_complain(message + hint, BAD_INPUT))


def build_parser() -> argparse.ArgumentParser:
    """All commands and their flags."""
    parser = _Parser(
        prog="python -m ltnet_core", description="Learn the latent truth behind inconsistent image labels."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (c for module in MODULES for c in module.COMMANDS):
        sub = commands.add_parser(command.name, help=command.text, description=command.text, allow_abbrev=False)
        command.flags(sub)
        sub.set_defaults(run_command=command.run)
    return parser
