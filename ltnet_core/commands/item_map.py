"""The map of a run's images."""

from __future__ import annotations

import argparse

from ..errors import OptionError
from ..files.printing import counted, say
from ..files.spreadsheet import write_csv
from ..files.writing import behind_link
from ..runs.run import Run
from .command import Command, run_flag


def _flags(parser: argparse.ArgumentParser) -> None:
    run_flag(parser)
    parser.add_argument("--seed", type=int, default=0, help="(default: 0)")
    parser.add_argument("--out", type=behind_link, metavar="FILE", help="also write its points, as .csv")


def _map(arguments: argparse.Namespace) -> None:
    from ..explore.map_making import make_map
    from ..runs.stored_results import load_items

    if not 0 <= arguments.seed < 2**32:
        raise OptionError(f"--seed must be a whole number from 0 to {2**32 - 1}, got {arguments.seed}.")
    if arguments.out is not None and arguments.out.suffix.lower() != ".csv":
        raise OptionError(f"--out must end in .csv, got {arguments.out.name!r}.")
    run = Run.open(arguments.run)
    if arguments.out is not None:
        run.require_output(arguments.out)
    item_map, items = make_map(run, arguments.seed), load_items(run)
    if arguments.out is not None:
        write_csv(item_map.to_frame(items.names), arguments.out)
    sample = f", a sample of {len(items):,}" if len(item_map) < len(items) else ""
    twins, outliers = int(item_map.duplicate.sum()), int(item_map.outlier.sum())
    say(
        f"Made the map of {counted(len(item_map), 'image')}{sample}: {counted(item_map.regions, 'region')}, "
        f"{counted(twins, 'near-duplicate')}, {counted(outliers, 'outlier')}."
    )


COMMANDS = (Command("map", "Make the map of a run's images: near ones look alike to the network.", _flags, _map),)
