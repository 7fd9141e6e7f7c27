"""Estimate the time of a training on this machine."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from ..datasets import correction_flags, load_dataset
from ..files.printing import counted, say, say_json
from ..settings import flags, make_settings
from .command import Command, dataset_flags, json_flag, training_flags
from .processes import processes_flag, require_in_range, require_shared


def _flags(parser: argparse.ArgumentParser) -> None:
    dataset_flags(parser)
    training_flags(parser)
    processes_flag(parser)
    json_flag(parser)


def _estimate(arguments: argparse.Namespace) -> None:
    device = arguments.device or "auto"
    require_in_range(arguments.processes)
    require_shared(arguments.processes, device)
    settings = make_settings(arguments.preset or "default", **flags.changes(arguments))
    study = load_dataset(arguments.dataset, arguments.format, correction_flags.of(arguments))
    study.require_sound(settings.data.set_aside)

    from ..arguments import seed_number
    from ..launch import default_processes
    from ..learning.estimate import estimate_run
    from ..learning.progress import duration

    processes = arguments.processes or default_processes(device)
    estimate = estimate_run(study, settings, seed=seed_number(arguments.seed or 0), device=device)
    if arguments.json:
        say_json({**asdict(estimate), "measured_processes": 1, "processes": processes})
        return
    time = duration(estimate.seconds)
    alone = "" if processes == 1 else " in one process"
    say(f"about {time} on {estimate.device}{alone}, an estimate; other work on this machine makes it longer")
    if processes > 1:
        best = f"{duration(estimate.seconds / processes)} at best"
        if estimate.device == "cpu":
            best += ", and hardly less than in one, which uses all cores already"
        say(f"  with {processes} processes, which was not measured: {best}")
    for kind, images in estimate.images.items():
        say(f"  {kind}: {counted(images, 'image')}, {estimate.speeds[kind]:,.0f} a second")


COMMANDS = (
    Command("estimate", "Estimate how long `fit` will take here, from the speed of a few steps.", _flags, _estimate),
)
