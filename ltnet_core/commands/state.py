"""The state of a run, and stopping it."""

from __future__ import annotations

import argparse

from ..files.printing import say, say_json
from ..runs.run import Run
from .command import Command, run_and_json_flags


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
    from ..runs.jobs import cancel

    status = cancel(arguments.run)
    if arguments.json:
        say_json(status.to_json())
    else:
        say(status.state)


COMMANDS = (
    Command("status", "Show where a run stands.", run_and_json_flags, _status),
    Command("cancel", "Stop a run; it can be resumed.", run_and_json_flags, _cancel),
)
