"""The command line: ``python -m ltnet_core COMMAND``. Thin: each command calls the library and prints."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .adjudications import decisions_csv, given_coders, only_blind, read_decisions
from .aggregation import METHODS, aggregate
from .agreement import agreement
from .datasets import FORMATS, Corrections, correction_flags, load_dataset
from .datasets.dataset_reading import DatasetReading
from .datasets.questions import require_answers
from .datasets.used import require_used
from .errors import InputError, LTNetError, OptionError, RunError
from .printing import is_text, require_streams, say, say_json
from .reading import NO_HANDLES, read_json, too_many_open
from .runs import Run
from .settings import Settings, flags, make_settings
from .writing import FULL, require_folder, write_bytes

# Threads of PyTorch that wait by spinning for long slow each other down when two trainings share the cores; those that
# sleep at once are slower alone. A short spin is neither. Must be said before PyTorch is imported.
os.environ.setdefault("GOMP_SPINCOUNT", "2000")

BAD_INPUT, FAILURE = 2, 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 2 bad input, 1 failure."""
    require_streams()
    argv = sys.argv[1:] if argv is None else argv
    arguments = build_parser().parse_args(argv)
    try:
        for text in argv:
            if not is_text(text):
                raise OptionError(f"the argument {text!r} is not UTF-8 text; rename the file or folder.")
        arguments.run_command(arguments)
        sys.stdout.flush()
    except InputError as e:
        return _complain(str(e), BAD_INPUT)
    except LTNetError as e:
        return _complain(str(e))
    except KeyboardInterrupt:
        return _complain("interrupted.")
    except BrokenPipeError:
        _close_output()  # the reader went away (| head): not an error of ours
        return FAILURE
    except OSError as e:
        return _complain(_about_files(e))
    except MemoryError as e:
        return _complain(
            f"there is not enough memory ({str(e) or 'none is left'}); close other programs and try again."
        )
    return 0


def _complain(message: str, status: int = FAILURE) -> int:
    """Say what went wrong, where that can be said; returns the exit status."""
    with contextlib.suppress(OSError):  # of a full disk the errors may find no room either
        say(f"ltnet_core: {message}", sys.stderr)
    with contextlib.suppress(ValueError):
        try:
            sys.stdout.flush()
        except OSError:
            _close_output()
    return status


def _close_output() -> None:
    """Drop what could not be printed; flushing it again at exit would complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _about_files(e: OSError) -> str:
    """A sentence on an error of the operating system."""
    if e.errno in NO_HANDLES:
        return too_many_open(e)
    if e.errno in FULL and not e.filename:
        return "the output could not be written: the disk is full; make room and try again."
    name = f"{e.filename!r}: " if e.filename else ""
    return f"{name}{e.strerror or e}."


def build_parser() -> argparse.ArgumentParser:
    """All commands and their flags."""
    parser = argparse.ArgumentParser(
        prog="python -m ltnet_core", description="Learn the latent truth behind inconsistent image labels."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        sub.set_defaults(run_command=run)
        return sub

    sub = command("demo", _demo, "Write the demo dataset folder: drawn faces with known truth.")
    sub.add_argument("dir", type=Path, metavar="DIR", help="new or empty folder")
    sub.add_argument("--items", type=int, default=2400, help="number of faces (default: 2400)")
    sub.add_argument("--seed", type=int, default=0, help="same seed, same folder (default: 0)")

    sub = command("inspect", _inspect, "Show coders, counts, classes, agreement and problems of a dataset.")
    _dataset(sub)
    sub.add_argument("--json", action="store_true", help="print JSON")
    sub.add_argument("--skip-images", action="store_true", help="do not open the images to check them")
    sub.add_argument("--problems", type=Path, metavar="FILE.csv", help="write everything that was found, a row each")

    sub = command("join", _join, "Join several datasets into one study: a folder that refers to them.")
    sub.add_argument("dir", type=Path, metavar="DIR", help="new or empty folder")
    sub.add_argument(
        "--source", action="append", required=True, metavar="[NAME=]PATH", help="a dataset; give it several times"
    )
    sub.add_argument("--images", action="append", default=[], metavar="[NAME=]PATH", help="images without their labels")
    sub.add_argument(
        "--class",
        action="append",
        dest="classes",
        metavar="FROM=TO",
        help="take a class for another; FROM= leaves it out",
    )
    correction_flags.add(sub)

    sub = command("aggregate", _aggregate, "Estimate the truth from labels alone, without training.")
    _dataset(sub)
    text = "(default: auto, which weighs models by annotations it leaves out)"
    sub.add_argument("--method", default="auto", choices=METHODS, help=text)
    sub.add_argument("--out", type=Path, required=True, help="truth table to write, .csv or .parquet")
    sub.add_argument("--matrices", type=Path, help="also write the coders' matrices: .json, .csv or .svg")
    _set_aside(sub)

    sub = command("fit", _fit, "Train machine coders and LTNet.")
    _dataset(sub)
    sub.add_argument("--run", type=Path, required=True, metavar="RUN_DIR", help="folder of the run, new or resumed")
    sub.add_argument("--device", help="auto, cpu, cuda or cuda:N (default: auto)")
    sub.add_argument("--seed", type=int, help="(default: 0)")
    flags.add_flags(sub)
    sub.add_argument("--like", type=Path, metavar="RUN_DIR", help="settings, seed and coders of another run")
    sub.add_argument(
        "--adjudications", type=Path, metavar="FILE", help="what people settled: the app's .sqlite, or image,label CSV"
    )
    text = "trust: what was settled is the truth; learn: a coder like others (default: trust)"
    sub.add_argument("--adjudicator", choices=("trust", "learn"), help=text)
    text = "of --adjudications take only those that were given with the image alone in sight"
    sub.add_argument("--only-blind", action="store_true", help=text)
    sub.add_argument("--resume", action="store_true", help="go on with a run that was cancelled or crashed")

    for name, run, text in (
        ("status", _status, "Show where a run stands."),
        ("cancel", _cancel, "Stop a run; it can be resumed."),
        ("evaluate", _evaluate, "Show how right each method is on the test sets."),
    ):
        sub = command(name, run, text)
        sub.add_argument("run", type=Path, metavar="RUN_DIR")
        sub.add_argument("--json", action="store_true", help="print JSON")

    sub = command("export", _export, "Write the learned truth, the matrices, the model, a report.")
    sub.add_argument("run", type=Path, metavar="RUN_DIR")
    sub.add_argument("--out", type=Path, help="truth table, .csv or .parquet")
    sub.add_argument("--matrices", type=Path, help="matrices: .json, .csv or .svg")
    sub.add_argument("--model", type=Path, help="LTNet as .pt, readable with weights_only=True")
    sub.add_argument("--report", type=Path, help="report as one HTML page")

    sub = command("adjudications", _adjudications, "Write what people settled as CSV.")
    sub.add_argument("file", type=Path, metavar="FILE", help="the app's .sqlite")
    sub.add_argument(
        "--out", type=Path, required=True, metavar="FILE.csv", help="image, label, reviewer, reason, time, shown"
    )

    sub = command("predict", _predict, "Latent truth of new images, and what each coder would say.")
    sub.add_argument("run", type=Path, metavar="RUN_DIR")
    sub.add_argument("images", nargs="+", metavar="IMAGE")
    sub.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")
    sub.add_argument("--json", action="store_true", help="print JSON")

    sub = command("devices", _devices, "Show which devices can train.")
    sub.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _dataset(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("dataset", metavar="DATASET", help="folder, .zip or table of labels")
    sub.add_argument("--format", help=f"what to read it as (default: recognised): {', '.join(FORMATS)}")
    correction_flags.add(sub)


def _set_aside(sub: argparse.ArgumentParser) -> None:
    text = "go on without rows of labels that cannot be right, such as an unknown class; `inspect` lists them"
    sub.add_argument("--set-aside", action="store_true", help=text)


def _counter(what: str) -> Callable[[int, int], None]:
    """A progress line on stderr, about once a second on a terminal and every ten seconds elsewhere."""
    pace = 1.0 if sys.stderr.isatty() else 10.0
    last = began = time.monotonic()

    def show(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < pace and not (done >= total and now - began > pace):
            return
        last = now
        left = (now - began) * (total - done) / max(done, 1)
        say(f"{what}: {done:,} of {total:,}, {left:.0f} s left", sys.stderr)

    return show


def _demo(arguments: argparse.Namespace) -> None:
    from .datasets.demo import write_demo

    write_demo(arguments.dir, items=arguments.items, seed=arguments.seed, progress=_counter("faces"))
    say(f"Wrote {arguments.items:,} faces to {arguments.dir}.")


def _inspect(arguments: argparse.Namespace) -> None:
    from .checkup import check_up, listing_csv

    if arguments.problems:
        require_folder(arguments.problems)
    study = load_dataset(arguments.dataset, arguments.format, correction_flags.of(arguments))
    found = check_up(study, not arguments.skip_images, _counter("images"))
    problems, notes = ([p.to_json() for p in found if (p.level == "note") == note] for note in (False, True))
    if arguments.problems:
        write_bytes(arguments.problems, listing_csv(found))
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
    say(f"{study.name}: {report['items']:,} items, classes {', '.join(table.classes)}")
    say(f"  read as {study.format} ({study.why})")
    _print_reading(study.reading)
    for coder, facts in report["coders"].items():  # type: ignore[attr-defined]
        counted = ", ".join(f"{k} {n:,}" for k, n in facts["counts"].items())
        say(f"  coder {coder}: {facts['annotations']:,} items ({counted})")
    say(f"  unlabelled {report['unlabelled']:,}, test {report['test_items']:,}")
    told = report["agreement"]
    alpha = told["krippendorff_alpha"]  # type: ignore[index]
    say("  Krippendorff's alpha: " + ("unknown, no item has two annotations" if alpha is None else f"{alpha:.3f}"))
    if told["fleiss_kappa"] is not None:  # type: ignore[index]
        say(f"  Fleiss' kappa: {told['fleiss_kappa']:.3f}")  # type: ignore[index]
    for pair in told["pairs"][:20]:  # type: ignore[index]
        kappa = "undefined" if pair["kappa"] is None else f"{pair['kappa']:.3f}"
        say(f"  {pair['a']} and {pair['b']}: agree on {pair['agreement']:.1%} of {pair['items']:,}, kappa {kappa}")
    say("  no problems found" if not problems else "problems:")
    for problem in [*problems, *notes]:
        say(f"  {problem['level']}: {problem['kind']} ({problem['count']:,})")
        for example in problem["examples"]:
            say(f"    {example}")


def _print_reading(reading: DatasetReading) -> None:
    """What the files were understood to be, and the open questions with the flags that answer them."""
    for table in reading.tables:
        columns = ", ".join(f"{c}: {r}" for c, r in table.columns.items())
        say(f"  table {table.file} ({table.shape}): {columns[:400]}")
    for what, facts in (("parts", reading.splits), ("names matched", reading.names), ("no label", reading.missing)):
        if facts:
            told = [f"{k} {v:,}" if isinstance(v, int) else f"{k} {v}" for k, v in facts.items()]
            say(f"  {what}: {', '.join(told[:20])}")
    for question in reading.questions:
        say(f"question: {question.sentence}")
        for answer in question.answers:
            say(f"    {answer.flag}    {answer.meaning}")


def _join(arguments: argparse.Namespace) -> None:
    from .datasets.joined import FILE, Source, write
    from .datasets.roots import expanded

    def source(text: str, use: str = "all") -> Source:
        name, equals, path = text.partition("=")
        place = expanded(path if equals else text)
        return Source(name if equals else place.stem, str(place.resolve()), use=use)

    said = correction_flags.of(arguments, ()).to_json()
    sources = [*map(source, arguments.source), *(source(t, "images") for t in arguments.images)]
    sources = [replace(s, corrections=said) for s in sources]
    classes = {}
    for text in arguments.classes or ():
        name, equals, new = text.partition("=")
        if not equals or not name:
            raise OptionError(f"--class takes FROM=TO; {text!r} is none.")
        classes[name] = new
    write(arguments.dir, sources, classes)
    try:
        study = load_dataset(arguments.dir)
        require_answers(study.reading.questions, study.name)
        require_used(correction_flags.of(arguments, ()), study)
    except LTNetError:
        (arguments.dir / FILE).unlink()
        raise
    say(f"Joined {len(sources)} datasets: {len(study.table.items):,} items, coders {', '.join(study.table.coders)}.")


def _plain(value: float) -> int | float:
    return int(value) if float(value).is_integer() else float(value)


def _aggregate(arguments: argparse.Namespace) -> None:
    import numpy as np
    import pyarrow as pa

    from .coder_labels import Entries
    from .export import write_matrices, write_table
    from .parquet_files import TEXT
    from .truth import truth_table

    study = load_dataset(arguments.dataset, arguments.format, correction_flags.of(arguments))
    study.require_sound(arguments.set_aside)
    for problem in study.errors():
        say(f"set aside: {problem.kind} ({problem.count:,}): {problem.examples[0]}", sys.stderr)
    result = aggregate(study.table, arguments.method)
    if result.note:
        say(f"{arguments.method}: {result.note}", sys.stderr)
    items = np.flatnonzero(study.table.annotated())
    table = study.table
    labels = Entries.of(table, items).labels(len(items), len(table.coders))
    names = pa.array(table.items[items], TEXT)
    frame = truth_table(names, table.coders, table.classes, labels, result.p[items], result.labels[items], None)
    write_table(frame, arguments.out)
    if arguments.matrices:
        matrices = {c: m.tolist() for c, m in zip(study.table.coders, result.transitions, strict=True)}
        write_matrices({"classes": list(study.table.classes), "coders": matrices}, arguments.matrices)
    say(f"Wrote the truth of {len(items):,} annotated items to {arguments.out}.")


def _fit(arguments: argparse.Namespace) -> None:
    asked = flags.changes(arguments)
    if arguments.like and not arguments.resume:
        like = Run.open(arguments.like).spec()
        arguments.seed = like["seed"] if arguments.seed is None else arguments.seed
        arguments.format = arguments.format or like.get("format")
    settings = _settings(arguments, asked)  # wrong settings are told before the data is read
    decisions = None
    if arguments.adjudications:
        decisions = read_decisions(arguments.adjudications)
        if arguments.only_blind:
            decisions = only_blind(decisions, arguments.adjudications.name)
    if arguments.resume:
        run = Run.open(arguments.run)
        _same_flags(run, arguments, asked)
        if run.holder() is None:
            run.forget_stop()
    else:
        Run(arguments.run).require_new()
    corrections = correction_flags.of(arguments)
    if arguments.resume or (arguments.like and not corrections):
        before = run.spec() if arguments.resume else Run.open(arguments.like).spec()
        corrections = Corrections.from_json(before.get("corrections"))
    format = run.spec().get("format") if arguments.resume else arguments.format
    study = load_dataset(arguments.dataset, format, corrections)

    from .fit import new_run, train_run
    from .trainer import Trainer

    if not arguments.resume:
        run = new_run(
            study,
            arguments.run,
            settings,
            seed=arguments.seed or 0,
            device=arguments.device or "auto",
            adjudications=decisions,
            like=arguments.like and str(arguments.like.resolve()),
        )

    def stoppable(trainer: Trainer) -> None:
        def stop(number: int, frame: object) -> None:
            trainer.progress.stop_signal = True

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)

    train_run(study, run, on_trainer=stoppable)
    say(f"Finished. Results are in {run.folder}; `evaluate`, `export` and `predict` read them.")


def _settings(arguments: argparse.Namespace, asked: dict[str, Any]) -> Settings:
    """The settings of a new run: a preset's, or another run's, with the options that flags ask for."""
    if arguments.adjudicator and not arguments.adjudications:
        raise OptionError("--adjudicator says how to take --adjudications; there are none.")
    if arguments.only_blind and not arguments.adjudications:
        raise OptionError("--only-blind chooses among --adjudications; there are none.")
    given = given_coders(bool(arguments.adjudications), arguments.adjudicator or "trust")
    if "reference" in asked and "find_reference" in asked:
        raise OptionError("--reference names a coder and --no-reference none; leave out one of them.")
    if arguments.like is None:
        return make_settings(arguments.preset or "default", **asked, given=given)
    if arguments.preset or arguments.resume:
        raise OptionError("--like takes another run's settings; leave out --preset and --resume.")
    no_reference = {"reference": None} if "find_reference" in asked else {}
    settings = Settings.of_spec(Run.open(arguments.like).spec()).with_values({**asked, **no_reference, "given": given})
    settings.require_concerned(asked)
    return settings


def _same_flags(run: Run, arguments: argparse.Namespace, asked: dict[str, Any]) -> None:
    """A resumed run keeps its settings; a flag that says otherwise is an error, not ignored."""
    if run.is_complete():
        raise RunError(f"run {str(run.folder)!r} is finished; choose another folder.")
    if arguments.adjudications:
        raise OptionError("a resumed run goes on with the adjudications it began with; leave --adjudications out.")
    spec = run.spec()
    corrections = correction_flags.of(arguments)
    if corrections and corrections != Corrections.from_json(spec.get("corrections")):
        raise OptionError(
            "a resumed run reads its dataset as it did when it began; leave the flags about the reading out."
        )
    settings = Settings.of_spec(spec)
    had = {name: settings.value(name) for name in Settings.options()}
    had |= {"preset": settings.preset, "method": settings.method, "seed": spec["seed"], "format": spec.get("format")}
    others = {"preset": arguments.preset, "seed": arguments.seed, "format": arguments.format}
    if arguments.device is not None and arguments.device != spec["device"]:
        raise OptionError(f"--device {arguments.device} differs from the run's ({spec['device']}); leave it out.")
    for name, value in {**asked, **others}.items():
        if value is not None and value != had[name]:
            raise OptionError(
                f"--resume goes on with the run's own settings; its {name} is {had[name]!r}, not {value!r}. "
                "Leave the flag out, or start another run."
            )


def _status(arguments: argparse.Namespace) -> None:
    status = Run.open(arguments.run).status()
    if arguments.json:
        say_json(status.to_json())
        return
    text = status.state
    if status.stage and status.state != "done":
        text += f", stage {status.stage}"
        if status.epochs:
            text += f", epoch {status.epoch} of {status.epochs}"
    text += f", {status.progress:.0%}"
    if status.eta_seconds:
        text += f", about {status.eta_seconds:.0f} s left"
    say(text + (f" ({status.message})" if status.message else ""))
    if status.damaged:
        say(f"damaged: {status.damaged}")


def _cancel(arguments: argparse.Namespace) -> None:
    from .jobs import cancel

    status = cancel(arguments.run)
    if arguments.json:
        say_json(status.to_json())
    else:
        say(status.state)


def _evaluate(arguments: argparse.Namespace) -> None:
    result = read_json(Run.open(arguments.run).result("evaluation.json"))
    if arguments.json:
        say_json(result)
        return
    for name, test in result["tests"].items():
        say(f"test set {name}, {test['items']:,} items")
        _print_scores(test["methods"])
    if not result["tests"]:
        say("no test set with known truth")
    truth = result["truth"]
    if truth["items"]:
        say(f"labelled training items with known truth: {truth['items']:,}")
        labels = truth["human_labels_accuracy"]
        said = "no human label of them" if labels is None else f"human labels right {labels:.1%}"
        right = "unknown" if truth["accuracy"] is None else f"right {truth['accuracy']:.1%}"
        say(f"  learned truth {right}, {said}")
        _print_scores(truth.get("methods", {}))
    for coder, recovery in result["transitions"].items():
        if recovery["mae"] is not None:
            say(f"T of {coder}: mean absolute error {recovery['mae']:.3f}")


def _print_scores(methods: dict[str, Any]) -> None:
    width = max(map(len, methods), default=0)
    say(f"  {'method':<{width}}  accuracy  macro F1  calibration error")
    for method, s in methods.items():
        if s.get("accuracy") is None:
            say(f"  {method:<{width}}  (labels none of these items)")
        else:
            f1, ece = ("–" if s.get(key) is None else f"{s[key]:.3f}" for key in ("macro_f1", "ece"))
            say(f"  {method:<{width}}  {s['accuracy']:8.1%}  {f1:>8}  {ece:>17}")


def _export(arguments: argparse.Namespace) -> None:
    from .export import export_matrices, export_report, load_truth, write_table

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
        from .model_file import export_model  # imports torch, which takes seconds

        export_model(run, arguments.model)
        say(f"Wrote {arguments.model}.")


def _adjudications(arguments: argparse.Namespace) -> None:
    require_folder(arguments.out)
    frame = read_decisions(arguments.file)
    write_bytes(arguments.out, decisions_csv(frame))
    say(f"Wrote {len(frame):,} adjudications to {arguments.out}.")


def _predict(arguments: argparse.Namespace) -> None:
    from .predict import predict_images

    answers = predict_images(Run.open(arguments.run), arguments.images, arguments.device)
    if arguments.json:
        say_json(answers)
        return
    for answer in answers:
        said = ", ".join(f"{c} would say {max(q, key=q.get)}" for c, q in answer["coders"].items())
        say(f"{answer['image']}: {answer['truth']} ({answer['confidence']:.0%}); {said}")


def _devices(arguments: argparse.Namespace) -> None:
    from .devices import list_devices

    devices = list_devices()
    if arguments.json:
        say_json({"devices": devices})
        return
    for device in devices:
        size = f"{device['memory_gib']} GiB" if "memory_gib" in device else f"{device['cores']} cores"
        say(f"{device['id']}: {device['name']}, {size}")


if __name__ == "__main__":
    sys.exit(main())
