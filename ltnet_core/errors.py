"""The errors this library raises on purpose.

::

    LTNetError
    ├── InputError          what was given is wrong; nothing was done (exit status 2)
    │   ├── DatasetError    a dataset folder, zip or one of its files (names file and row)
    │   ├── AnnotationError an annotation table that breaks its own rules
    │   ├── OptionError     an argument, setting or command-line flag
    │   └── RunError        a run folder in the wrong state for what was asked
    │       └── DamageError a file of a run is missing, or is not what a run writes
    ├── TrainingError       training could not go on (exit status 1)
    │   └── ProcessLost     one of the processes that train together is gone; starting all of them again helps
    ├── StorageError        something could not be written just now; asking again may help (exit status 1)
    └── Cancelled           somebody asked for the work to stop

Every message is one sentence or two: what was wrong, where, and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LTNetError(Exception):
    """Root of every error this library raises on purpose.

    ``fact`` is the message without its ``advice``, which is empty or a sentence that begins with a flag of the command
    line: who shows the error elsewhere says instead what to do there.
    """

    def __init__(self, message: str = "", *, advice: str = ""):
        self.fact, self.advice = message, advice
        super().__init__(f"{message} {advice}" if advice else message)


class InputError(LTNetError):
    """What was given is wrong; nothing was done."""


class DatasetError(InputError):
    """A dataset folder, zip or one of its files is wrong.

    ``file`` and ``row`` say where; row 1 is the header of a CSV file.
    """

    def __init__(self, message: str, *, file: str | None = None, row: int | None = None, advice: str = ""):
        self.file = file
        self.row = row
        where = file or ""
        if file and row is not None:
            where = f"{file}, row {row}"
        super().__init__(f"{where}: {message}" if where else message, advice=advice)


class AnnotationError(InputError):
    """An annotation table breaks its own rules."""


class OptionError(InputError):
    """An argument, setting or command-line flag is wrong."""


class RunError(InputError):
    """A run folder is in the wrong state for what was asked."""


class DamageError(RunError):
    """A file of a run is missing, or is not what a run writes.

    ``file`` is its path, ``reason`` what is wrong with it.
    """

    def __init__(self, file: str, reason: str):
        self.file, self.reason = file, reason
        super().__init__(f"{file!r} is {reason}; restore it from a copy, or train the run again.")


class TrainingError(LTNetError):
    """Training could not go on."""


class ProcessLost(TrainingError):
    """One of the processes that train together is gone; what starts them again goes on from the last checkpoint."""


class StorageError(LTNetError):
    """Something could not be read or written just now: the disk is full, or somebody else is writing."""


class Cancelled(LTNetError):
    """Somebody asked for the work to stop."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the nearest known name, or an empty string."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1) or [k for k in names if name and k.startswith(name)]
    return f" Did you mean {near[0]!r}?" if near else ""
