"""The option --processes: how many processes of this machine train one run."""

from __future__ import annotations

import argparse

from ..errors import OptionError

MOST_PROCESSES = 256  # of a machine


def processes_flag(parser: argparse.ArgumentParser) -> None:
    """How many processes there shall be."""
    text = "processes of this machine that train together (default: one for every GPU; 1 on a CPU)"
    parser.add_argument("--processes", type=int, metavar="N", help=text)


def require_in_range(number: int | None) -> None:
    """Raise OptionError unless there can be so many processes."""
    if number is not None and not 1 <= number <= MOST_PROCESSES:
        raise OptionError(f"--processes must lie between 1 and {MOST_PROCESSES}, got {number}.")


def require_shared(number: int | None, device: str) -> None:
    """Raise OptionError unless so many processes can share a device."""
    if number is None or number == 1:
        return
    from ..learning.group import require_shareable

    require_shareable(device, number)
