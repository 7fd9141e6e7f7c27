"""Estimate the time of a training on this machine."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from ..datasets import correction_flags, load_dataset
from ..files.printing import say, say_json
from ..settings import flags, make_settings
from .command import Command, dataset_flags, json_flag, training_flags


def _flags(parser: argparse.ArgumentParser) -> None:
    dataset_flags(parser)
    training_flags(parser)
    json_flag(parser)


def _estimate(arguments: argparse.Namespace) -> None:
    settings = make_settings(arguments.preset or "default", **flags.changes(arguments))
    study = load_dataset(arguments.dataset, arguments.format, correction_flags.of(arguments))
    study.require_sound(settings.data.set_aside)

    from ..learning.estimate import estimate_run
    from ..learning.progress import duration

    estimate = estimate_run(study, settings, seed=arguments.seed or 0, device=arguments.device or "auto")
    if arguments.json:
        say_json(asdict(estimate))
        return
    time = duration(estimate.seconds)
    say(f"about {time} on {estimate.device}, an estimate; other work on this machine makes it longer")
    for kind, images in estimate.images.items():
        say(f"  {kind}: {images:,} images, {estimate.speeds[kind]:,.0f} a second")


COMMANDS = (
    Command("estimate", "Estimate how long `fit` will take here, from the speed of a few steps.", _flags, _estimate),
)
