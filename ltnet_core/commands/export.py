"""Files from a finished run."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import OptionError
from ..export.kind import EXPORTS, export_run, require_writable
from ..files.printing import counted, say
from ..files.writing import behind_link, require_different
from ..runs.run import Run
from .command import Command, run_flag


def _flags(parser: argparse.ArgumentParser) -> None:
    run_flag(parser)
    text = "file to write: the learned truth, or what --format says"
    parser.add_argument("--out", type=behind_link, metavar="FILE", help=text)
    kinds = "; ".join(f"{e.name} ({', '.join(e.suffixes)}): {e.text}" for e in EXPORTS.values())
    parser.add_argument("--format", metavar="FORMAT", help=_plain(f"what --out is (default: truth): {kinds}"))
    for export in EXPORTS.values():
        if export.flag:
            text = f"{export.title.lower()}: {', '.join(export.suffixes)}"
            parser.add_argument(f"--{export.name}", type=behind_link, metavar="FILE", help=_plain(text))
    text = "what people settled: the app's .sqlite, or image,label CSV (default: what the run began with)"
    parser.add_argument("--adjudications", type=Path, metavar="FILE", help=text)
    parser.add_argument("--title", default="", metavar="TEXT", help="title of a report (default: the dataset's name)")


def _plain(text: str) -> str:
    """A text as argparse takes it, which fills in what follows a percent sign."""
    return text.replace("%", "%%")


def _export(arguments: argparse.Namespace) -> None:
    if arguments.format and not arguments.out:
        raise OptionError("--format says what --out is; give --out FILE too.")
    flagged = [e.name for e in EXPORTS.values() if e.flag]
    outputs = [(arguments.format or "truth", arguments.out), *((name, getattr(arguments, name)) for name in flagged)]
    wanted = [(name, path) for name, path in outputs if path]
    if not wanted:
        others = [f"--{name}" for name in flagged]
        raise OptionError(f"nothing to export; give {', '.join(['--out', *others[:-1]])} or {others[-1]}.")
    if arguments.title and not any(EXPORTS[name].titled for name, _ in wanted if name in EXPORTS):
        raise OptionError("--title is the title of a report; ask for one with --report FILE too.")
    if arguments.adjudications and not any(EXPORTS[name].adjudicated for name, _ in wanted if name in EXPORTS):
        tables = ", ".join(e.name for e in EXPORTS.values() if e.adjudicated)
        raise OptionError(f"--adjudications changes none of these files; it is for {tables}.")
    run = Run.open(arguments.run)
    require_different(path for _, path in wanted)
    for name, path in wanted:
        require_writable(name, path)
        run.require_output(path, arguments.adjudications)
    for name, path in wanted:
        rows = export_run(run, name, path, arguments.adjudications, arguments.title)
        say(f"Wrote {path}." if rows is None else f"Wrote {counted(rows, 'row')} to {path}.")


COMMANDS = (Command("export", "Write final labels, the learned truth, matrices, the model and more.", _flags, _export),)
