"""Train one run in several processes of this machine, by PyTorch's elastic launcher.

It starts the processes, and all of them again where one is lost; they go on from the last checkpoint then.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import torch
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from . import loopback_rendezvous
from .errors import Cancelled, InputError, LTNetError, ProcessLost, TrainingError
from .files.reading import read_json
from .files.writing import write_json
from .runs.run import LAUNCHER, Run

MOST_RESTARTS = 5
OUTCOME = "LTNET_OUTCOME"  # names the file in which the leading process leaves how its work ended


def is_trainer() -> bool:
    """Whether :func:`launch` started this process."""
    return OUTCOME in os.environ


def default_processes(device: str) -> int:
    """How many processes train a run where nobody says it: one for every GPU."""
    return max(torch.cuda.device_count(), 1) if device in ("auto", "cuda") else 1


def launch(run: Run, dataset: str, processes: int) -> None:
    """Train a run that was made before, or go on with it.

    Raises
    ------
    RunError
        another process trains it.
    InputError, TrainingError, StorageError, Cancelled
    """
    if sys.platform == "linux":  # the machine's own name may lead nowhere, or to where others can reach it
        for variable in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
            os.environ.setdefault(variable, "lo")
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=uuid.uuid4().hex,
        rdzv_backend=loopback_rendezvous.NAME,
        rdzv_endpoint=loopback_rendezvous.HOST,
        local_addr=loopback_rendezvous.HOST,
        max_restarts=MOST_RESTARTS,
    )
    command = ["-m", "ltnet_core", "fit", dataset, "--run", str(run.folder), "--resume"]
    with run.lock(name=LAUNCHER), tempfile.TemporaryDirectory(prefix="ltnet-launch-") as folder:
        outcome = Path(folder) / "outcome.json"
        os.environ[OUTCOME] = str(outcome)
        try:
            elastic_launch(config, sys.executable)(*command)
        except SignalException as e:
            if not run.is_complete():
                run.emit("cancelled", message=f"stopped by {signal.Signals(e.sigval).name}")
            raise Cancelled("the run was cancelled; --resume goes on from its last checkpoint.") from e
        except ChildFailedError as e:
            message = f"the processes of the training were lost {MOST_RESTARTS + 1} times; see above why."
            run.emit("failed", message=message)
            raise TrainingError(message) from e
        finally:
            del os.environ[OUTCOME]
        if outcome.exists():
            _raise_again(read_json(outcome))


def _raise_again(ended: dict[str, str]) -> NoReturn:
    kind = {"input": InputError, "cancelled": Cancelled}.get(ended["kind"], LTNetError)
    raise kind(ended["message"])


def starts_again_after(e: BaseException) -> bool:
    """Whether a launcher shall start the processes again: ``torchrun`` does after any error."""
    return not is_trainer() or not isinstance(e, LTNetError) or isinstance(e, ProcessLost)


@contextmanager
def as_trainer() -> Iterator[None]:
    """Within, an error that starting again would not mend ends the work; :func:`launch` raises it in its process."""
    if not is_trainer():
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the launcher, which gets it too, says that the run was cancelled
    try:
        yield
    except ProcessLost:
        raise
    except LTNetError as e:
        kind = "input" if isinstance(e, InputError) else "cancelled" if isinstance(e, Cancelled) else "failed"
        write_json(Path(os.environ[OUTCOME]), {"kind": kind, "message": str(e)})
