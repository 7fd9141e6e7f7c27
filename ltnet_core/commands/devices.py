"""Which devices can train."""

from __future__ import annotations

import argparse

from ..files.printing import say, say_json
from .command import Command, json_flag


def _flags(parser: argparse.ArgumentParser) -> None:
    json_flag(parser)


def _devices(arguments: argparse.Namespace) -> None:
    from ..learning.devices import list_devices

    devices = list_devices()
    if arguments.json:
        say_json({"devices": devices})
        return
    for device in devices:
        size = f"{device['memory_gib']} GiB" if "memory_gib" in device else f"{device['cores']} cores"
        say(f"{device['id']}: {device['name']}, {size}")


COMMANDS = (Command("devices", "Show which devices can train.", _flags, _devices),)
