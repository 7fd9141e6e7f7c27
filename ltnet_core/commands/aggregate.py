"""The truth from labels alone."""

from __future__ import annotations

import argparse
import sys

from ..datasets import correction_flags, load_dataset
from ..files.printing import say
from ..files.writing import behind_link, require_different, require_output
from ..labels.aggregation import AGGREGATIONS, aggregate
from .command import Command, dataset_flags


def _flags(parser: argparse.ArgumentParser) -> None:
    dataset_flags(parser)
    text = "(default: auto, which weighs models by annotations it leaves out)"
    parser.add_argument("--method", default="auto", choices=AGGREGATIONS, help=text)
    parser.add_argument("--out", type=behind_link, required=True, help="truth table to write, .csv or .parquet")
    parser.add_argument("--matrices", type=behind_link, help="also write the coders' matrices: .json, .csv or .svg")
    text = "go on without rows of labels that cannot be right, such as an unknown class; `inspect` lists them"
    parser.add_argument("--set-aside", action="store_true", help=text)


def _aggregate(arguments: argparse.Namespace) -> None:
    import numpy as np
    import pyarrow as pa

    from ..export.finished_run import write_matrices, write_table
    from ..export.kind import require_writable
    from ..files.parquet_files import TEXT
    from ..labels.coder_labels import RowAnnotations
    from ..labels.truth import truth_table

    require_different((arguments.out, arguments.matrices))
    for name, path in (("truth", arguments.out), ("matrices", arguments.matrices)):
        if path:
            require_writable(name, path)
            require_output(path, (arguments.dataset,))
    study = load_dataset(arguments.dataset, arguments.format, correction_flags.of(arguments))
    study.require_sound(arguments.set_aside)
    for problem in (p for p in study.problems if p.level != "note"):
        begin = "set aside" if problem.level == "error" else "warning"
        say(f"{begin}: {problem.kind} ({problem.count:,}): {problem.examples[0]}", sys.stderr)
    result = aggregate(study.table, arguments.method)
    if result.note:
        say(f"{arguments.method}: {result.note}", sys.stderr)
    items = np.flatnonzero(study.table.annotated())
    table = study.table
    labels = RowAnnotations.of(table, items).labels(len(items), len(table.coders))
    names = pa.array(table.items[items], TEXT)
    frame = truth_table(names, table.coders, table.classes, labels, result.p[items], result.labels[items], None)
    write_table(frame, arguments.out)
    if arguments.matrices:
        matrices = {c: m.tolist() for c, m in zip(study.table.coders, result.transitions, strict=True)}
        write_matrices({"classes": list(study.table.classes), "coders": matrices}, arguments.matrices)
    say(f"Wrote the truth of {len(items):,} annotated items to {arguments.out}.")


COMMANDS = (Command("aggregate", "Estimate the truth from labels alone, without training.", _flags, _aggregate),)
