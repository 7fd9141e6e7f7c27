"""Files from a finished run."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import OptionError
from ..files.printing import say
from ..runs.run import Run
from .command import Command, run_flag


def _flags(parser: argparse.ArgumentParser) -> None:
    run_flag(parser)
    parser.add_argument("--out", type=Path, help="truth table, .csv or .parquet")
    parser.add_argument("--matrices", type=Path, help="matrices: .json, .csv or .svg")
    parser.add_argument("--model", type=Path, help="LTNet as .pt, readable with weights_only=True")
    parser.add_argument("--report", type=Path, help="report as one HTML page")


def _export(arguments: argparse.Namespace) -> None:
    from ..export.finished_run import export_matrices, export_report, load_truth, write_table

    run = Run.open(arguments.run)
    wanted = [arguments.out, arguments.matrices, arguments.model, arguments.report]
    if not any(wanted):
        raise OptionError("nothing to export; give --out, --matrices, --model or --report.")
    if arguments.out:
        truth = load_truth(run)
        write_table(truth, arguments.out)
        say(f"Wrote {len(truth):,} learned truths to {arguments.out}.")
    for path, write in ((arguments.matrices, export_matrices), (arguments.report, export_report)):
        if path:
            write(run, path)
            say(f"Wrote {path}.")
    if arguments.model:
        from ..export.model_file import export_model

        export_model(run, arguments.model)
        say(f"Wrote {arguments.model}.")


COMMANDS = (Command("export", "Write the learned truth, the matrices, the model, a report.", _flags, _export),)
