"""Train: a new run, or one that goes on."""

from __future__ import annotations

import argparse
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..datasets import Corrections, correction_flags, load_dataset
from ..errors import OptionError, RunError
from ..explore.adjudications import given_coders, only_blind, read_decisions
from ..explore.set_aside import read_set_aside
from ..files.printing import say_if_heard
from ..runs.run import Run
from ..settings import Settings, flags, make_settings
from .command import Command, dataset_flags, training_flags
from .processes import processes_flag, require_in_range, require_shared

if TYPE_CHECKING:
    from ..datasets import Study
    from ..learning.trainer import Trainer

IGNORE = "ignore"  # in place of how an adjudicator is taken


def _flags(parser: argparse.ArgumentParser) -> None:
    dataset_flags(parser)
    text = "folder of the run, new or resumed; --run-dir under torchrun, which takes --run for its own --run-path"
    parser.add_argument("--run", "--run-dir", type=Path, required=True, metavar="RUN_DIR", help=text)
    processes_flag(parser)
    training_flags(parser)
    parser.add_argument("--like", type=Path, metavar="RUN_DIR", help="settings, seed and coders of another run")
    text = "what people settled, and the images they set aside: the app's .sqlite, or image,label CSV"
    parser.add_argument("--adjudications", type=Path, metavar="FILE", help=text)
    text = (
        "trust: what was settled is the truth; learn: a coder like others; ignore: only what was set aside is left out "
        "(default: trust)"
    )
    parser.add_argument("--adjudicator", choices=("trust", "learn", IGNORE), help=text)
    text = "of --adjudications take only those that were given with the image alone in sight"
    parser.add_argument("--only-blind", action="store_true", help=text)
    parser.add_argument("--resume", action="store_true", help="go on with a run that was cancelled or crashed")


def _fit(arguments: argparse.Namespace) -> None:
    """Train in this process, or in those that it starts, or with those that ``torchrun`` started beside it."""
    require_in_range(arguments.processes)
    if "RANK" in os.environ and "MASTER_ADDR" in os.environ:
        if arguments.processes is not None:
            raise OptionError("torchrun says how many processes there are; leave --processes out.")
        _fit_among_others(arguments)
        return
    run, study = _run_of(arguments)

    from ..fit import train_run
    from ..launch import default_processes, launch

    spec = run.spec()
    count = arguments.processes or spec.get("processes") or default_processes(spec["device"])
    if count == 1:
        train_run(study, run, on_trainer=_stoppable)
    else:
        del study  # the processes read it themselves
        launch(run, arguments.dataset, count)
    _say_finished(run)


def _fit_among_others(arguments: argparse.Namespace) -> None:
    """What one of the processes does that PyTorch's launcher started."""
    from ..fit import train_run
    from ..launch import as_trainer, is_trainer, starts_again_after
    from ..learning.group import launched_group

    with as_trainer(), launched_group(starts_again_after=starts_again_after) as group:
        if not group.leads:
            if not is_trainer():
                signal.signal(signal.SIGINT, signal.SIG_IGN)  # the leader ends the work of all
            group.follow()
            return
        run = Run(arguments.run)
        if is_trainer() or group.has_begun():
            if run.is_complete():
                return  # a process was lost after the work was done
            study = load_dataset(arguments.dataset, *_reading(run))
        else:
            run, study = _run_of(arguments, group.size)
            group.begun()
        train_run(study, run, on_trainer=None if is_trainer() else _stoppable, group=group)
        if not is_trainer():
            _say_finished(run)


def _say_finished(run: Run) -> None:
    say_if_heard(f"Finished. Results are in {run.folder}; `evaluate`, `export` and `predict` read them.")


def _stoppable(trainer: Trainer) -> None:
    def stop(number: int, frame: object) -> None:
        trainer.progress.stop_signal = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:  # `nohup` has it ignored
        signal.signal(signal.SIGHUP, stop)


def _reading(run: Run) -> tuple[str | None, Corrections]:
    """How a run read its dataset when it began."""
    spec = run.spec()
    return spec.get("format"), Corrections.from_json(spec.get("corrections"))


def _run_of(arguments: argparse.Namespace, launched: int = 0) -> tuple[Run, Study]:
    """The run, made or resumed, and its study. ``launched`` is how many processes torchrun started, 0 without it."""
    options = flags.changes(arguments)
    if arguments.like and not arguments.resume:
        like = Run.open(arguments.like).spec()
        arguments.seed = like["seed"] if arguments.seed is None else arguments.seed
        arguments.format = arguments.format or like.get("format")
    decisions, left_out = _adjudications(arguments)
    settings = _settings(arguments, options, decisions is not None)  # wrong ones are refused before the data is read
    run = Run(arguments.run)
    if arguments.resume:
        run = Run.open(arguments.run)
        _same_flags(run, arguments, options)
        require_shared(launched or arguments.processes, run.spec()["device"])
        if run.holder() is None:
            run.forget_stop()
        return run, load_dataset(arguments.dataset, *_reading(run))
    run.require_new()
    corrections = correction_flags.of(arguments)
    if arguments.like and not corrections:
        corrections = _reading(Run.open(arguments.like))[1]
    study = load_dataset(arguments.dataset, arguments.format, corrections)
    require_shared(launched or arguments.processes, arguments.device or "auto")

    from ..fit import new_run

    made = new_run(
        study,
        arguments.run,
        settings,
        seed=arguments.seed or 0,
        device=arguments.device or "auto",
        adjudications=decisions,
        left_out=left_out,
        like=arguments.like and str(arguments.like.resolve()),
        processes=arguments.processes,
    )
    return made, study


def _adjudications(arguments: argparse.Namespace) -> tuple[pd.DataFrame | None, list[str]]:
    """What people settled, None where there is no such file or only images that are set aside; and those images."""
    if arguments.adjudicator and not arguments.adjudications:
        raise OptionError("--adjudicator says how to take --adjudications; there are none.")
    if arguments.only_blind and not arguments.adjudications:
        raise OptionError("--only-blind chooses among --adjudications; there are none.")
    if not arguments.adjudications:
        return None, []
    decisions, left_out = read_decisions(arguments.adjudications), read_set_aside(arguments.adjudications)
    if arguments.adjudicator == IGNORE or (left_out and not len(decisions)):
        return None, left_out
    return (only_blind(decisions, arguments.adjudications.name) if arguments.only_blind else decisions), left_out


def _settings(arguments: argparse.Namespace, options: dict[str, Any], settled: bool) -> Settings:
    """The settings of a new run: a preset's, or another run's, with the options that flags ask for."""
    certain = given_coders(settled, arguments.adjudicator or "trust") if settled else ()
    if "reference" in options and "find_reference" in options:
        raise OptionError("--reference names a coder and --no-reference none; leave out one of them.")
    if arguments.like is None:
        return make_settings(arguments.preset or "default", **options, given=certain)
    if arguments.preset or arguments.resume:
        raise OptionError("--like takes another run's settings; leave out --preset and --resume.")
    no_reference = {"reference": None} if "find_reference" in options else {}
    like = Settings.of_spec(Run.open(arguments.like).spec())
    settings = like.with_values({**options, **no_reference, "given": certain})
    settings.require_concerned(options)
    return settings


def _same_flags(run: Run, arguments: argparse.Namespace, options: dict[str, Any]) -> None:
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
    for name, value in {**options, **others}.items():
        if value is not None and value != had[name]:
            raise OptionError(
                f"--resume goes on with the run's own settings; its {name} is {had[name]!r}, not {value!r}. "
                "Leave the flag out, or start another run."
            )


COMMANDS = (Command("fit", "Train machine coders and LTNet.", _flags, _fit),)
