"""Show what a dataset holds and what is wrong with it."""

from __future__ import annotations

import argparse

from ..datasets import correction_flags, load_dataset
from ..datasets.dataset_reading import DatasetReading
from ..datasets.questions import BY_FLAG
from ..files.printing import counted, say, say_json
from ..files.writing import behind_link, require_output, write_bytes
from ..labels.agreement import agreement
from .command import Command, counter, dataset_flags, json_flag

LEAVE_OUT = ("coder like the majority", "coders with the same labels")  # problems


def _flags(parser: argparse.ArgumentParser) -> None:
    dataset_flags(parser)
    json_flag(parser)
    parser.add_argument("--skip-images", action="store_true", help="do not open the images to check them")
    text = "write everything that was found, a row each"
    parser.add_argument("--problems", type=behind_link, metavar="FILE.csv", help=text)


def _inspect(arguments: argparse.Namespace) -> None:
    from ..datasets.checkup import check_up, listing_csv

    if arguments.problems:
        require_output(arguments.problems, (arguments.dataset,))
    study = load_dataset(arguments.dataset, arguments.format, correction_flags.of(arguments))
    checked = check_up(study, not arguments.skip_images, counter("images"))
    problems, notes = ([p.to_json() for p in checked if (p.level == "note") == note] for note in (False, True))
    if arguments.problems:
        write_bytes(arguments.problems, listing_csv(checked))
    table = study.table
    counts, annotated = table.class_counts(), table.annotations_per_coder()
    report = {
        "format": study.format,
        "recognised_by": study.why,
        "items": len(table.items),
        "classes": list(table.classes),
        "coders": {
            coder: {
                "annotations": int(annotated[c]),
                "counts": {k: _plain(counts[c, i]) for i, k in enumerate(table.classes)},
            }
            for c, coder in enumerate(table.coders)
        },
        "unlabelled": int((~table.annotated() & ~study.is_test).sum()),
        "test_items": int(study.is_test.sum()),
        "agreement": agreement(table),
        "problems": problems,
        "notes": notes,
        "reading": study.reading.to_json(),
        "questions": [q.to_json() for q in study.reading.questions],
    }
    if arguments.json:
        say_json(report)
        return
    say(f"{study.name}: {counted(len(table.items), 'item')}, classes {', '.join(table.classes)}")
    say(f"  read as {study.format} ({study.why})")
    _print_reading(study.reading)
    for coder, facts in report["coders"].items():  # type: ignore[attr-defined]
        classes = ", ".join(f"{k} {n:,}" for k, n in facts["counts"].items())
        say(f"  coder {coder}: {counted(facts['annotations'], 'item')} ({classes})")
    say(f"  unlabelled {report['unlabelled']:,}, test {report['test_items']:,}")
    measured = report["agreement"]
    alpha = measured["krippendorff_alpha"]  # type: ignore[index]
    say("  Krippendorff's alpha: " + ("unknown, no item has two annotations" if alpha is None else f"{alpha:.3f}"))
    if measured["fleiss_kappa"] is not None:  # type: ignore[index]
        say(f"  Fleiss' kappa: {measured['fleiss_kappa']:.3f}")  # type: ignore[index]
    for pair in measured["pairs"][:20]:  # type: ignore[index]
        kappa = "undefined" if pair["kappa"] is None else f"{pair['kappa']:.3f}"
        say(f"  {pair['a']} and {pair['b']}: agree on {pair['agreement']:.1%} of {pair['items']:,}, kappa {kappa}")
    say("  no problems found" if not problems else "problems:")
    for problem in [*problems, *notes]:
        say(f"  {problem['level']}: {problem['kind']} ({problem['count']:,})")
        for example in problem["examples"]:
            say(f"    {example}")
        if problem["kind"] in LEAVE_OUT:
            say("    --ignore CODER leaves a coder out.")


def _print_reading(reading: DatasetReading) -> None:
    """What the files were understood to be, and the open questions with the flags that answer them."""
    for table in reading.tables:
        columns = ", ".join(f"{c}: {r}" for c, r in table.columns.items())
        say(f"  table {table.file} ({table.shape}): {columns[:400]}")
    for title, facts in (("parts", reading.splits), ("names matched", reading.names), ("no label", reading.missing)):
        if facts:
            texts = [f"{k} {v:,}" if isinstance(v, int) else f"{k} {v}" for k, v in facts.items()]
            say(f"  {title}: {', '.join(texts[:20])}")
    for question in reading.questions:
        say(f"question: {question.sentence}")
        for answer in question.answers:
            say(f"    {answer.flag}    {answer.meaning}")
        if question.kind in BY_FLAG:
            say(f"    {BY_FLAG[question.kind]}")


def _plain(value: float) -> int | float:
    return int(value) if float(value).is_integer() else round(float(value), 4)  # sums of shares in 32 bits


COMMANDS = (Command("inspect", "Show coders, counts, classes, agreement and problems of a dataset.", _flags, _inspect),)
