"""The processes that train one run together, on one machine or several.

One of them leads. It alone reads the dataset, decides, and writes the run's folder. The others follow: they do with it
what it asks for, each on its own share of every batch, and read no file but those of the pixels. PyTorch's launcher
(``torchrun``) starts all of them, and starts them again where one is lost.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import uuid
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar, cast

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from ..errors import OptionError, ProcessLost
from .devices import choose_device

Result = TypeVar("Result")

PATIENCE = timedelta(days=30)  # followers wait while the leader decodes; a lost process is noticed long before
LOOK_SECONDS, MEET_SECONDS = 0.2, 0.05
BEGUN, ENDED = "begun", "ended"


@dataclass(frozen=True)
class Rows:
    """Rows ``start`` to ``stop`` of a batch of ``of``."""

    start: int
    stop: int
    of: int

    @property
    def slice(self) -> slice:
        return slice(self.start, self.stop)


class Group:
    """The processes of a run, seen from one of them.

    Attributes
    ----------
    rank : of this process; 0 leads. size : how many there are. local_rank, local_size : the same on this machine.
    device : that this process works on, after :meth:`begin`. kept : what a follower needs for the next request again.
    """

    def __init__(self, rank: int = 0, size: int = 1, local_rank: int = 0, local_size: int = 1, store: Any = None):
        self._store = store  # of the launcher
        self.rank, self.size, self.local_rank, self.local_size = rank, size, local_rank, local_size
        self.device = torch.device("cpu")
        self.kept: dict[Hashable, Any] = {}
        self._tensors: dist.ProcessGroup | None = None  # that adds up tensors; None: the one that brings messages

    @property
    def alone(self) -> bool:
        return self.size == 1

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def begin(self, wanted: str) -> torch.device:
        """Agree on the kind of device; returns that of this process. The leader calls it.

        Raises
        ------
        OptionError
        """
        device = choose_device(wanted)
        if self.alone:
            return device
        require_shareable(wanted, self.size)
        self.ask(_begin, device.type)
        _begin(self, device.type)
        return self.device

    def has_begun(self) -> bool:
        """Whether the same launcher started processes before that said :meth:`begun`."""
        return self._store is not None and bool(self._store.check([BEGUN]))

    def begun(self) -> None:
        """Say that the run is made: processes that are started again go on with it."""
        if self._store is not None:
            self._store.set(BEGUN, "1")

    @property
    def machine(self) -> list[torch.device]:
        """The devices of all processes on this machine."""
        if self.device.type == "cpu":
            return [self.device]
        return [torch.device("cuda", index) for index in range(self.local_size)]

    def rows(self, total: int) -> Rows:
        """The share of this process of so many rows; all of them where they are too few for every process."""
        if total < self.size:
            return Rows(0, total, total)
        return Rows(self.rank * total // self.size, (self.rank + 1) * total // self.size, total)

    def own(self, items: NDArray[np.int64]) -> NDArray[np.int64]:
        """The share of this process of some items, none twice."""
        return items[self.rank * len(items) // self.size : (self.rank + 1) * len(items) // self.size]

    def add_up(self, tensor: Tensor) -> None:
        """Put the sum over all processes in the place of a tensor on the device.

        Raises
        ------
        ProcessLost
        """
        if not self.alone:
            with _lost():
                dist.all_reduce(tensor, group=self._tensors)

    def any(self, flag: bool) -> bool:
        """Whether it is so in any process."""
        if self.alone:
            return flag
        count = torch.tensor([float(flag)])
        with _lost():
            dist.all_reduce(count)
        return bool(count.item())

    def same(self, value: Result | None) -> Result:
        """What the leader's value is; in the others it is not looked at."""
        held = [value]
        if not self.alone:
            with _lost():
                dist.broadcast_object_list(held, src=0)
        return held[0]  # type: ignore[return-value]

    def ask(self, work: Callable[..., None], *arguments: Any) -> None:
        """Have every follower call ``work`` with its group and the arguments."""
        if not self.alone and self.leads:
            self.same((work, arguments))

    def gather(self, results: Sequence[Result]) -> list[Result]:
        """The results of all processes in the order of their ranks; for followers none."""
        if self.alone:
            return list(results)
        parts: list[Any] | None = [None] * self.size if self.leads else None
        with _lost():
            dist.gather_object(list(results), parts, dst=0)
        return [result for part in parts or () for result in part]

    def follow(self) -> None:
        """Do what the leader asks for, to the end of its work.

        Raises
        ------
        ProcessLost
        """
        while True:
            asked: tuple[Callable[..., None], tuple[Any, ...]] | None = self.same(None)
            if asked is None:
                return
            work, arguments = asked
            work(self, *arguments)


ALONE = Group()


def require_shareable(device: str, processes: int) -> None:
    """Raise OptionError where one GPU is named for several processes, or no processes can share anything."""
    if ":" in device:
        raise OptionError(f"--device {device} names one GPU for {processes} processes; give cuda or cpu.")
    if not dist.is_available():
        raise OptionError("this PyTorch cannot train in several processes; leave --processes out.")


def _begin(group: Group, kind: str) -> None:
    """Take this process's device; GPUs add tensors up themselves."""
    if kind != "cuda":
        return
    if torch.cuda.device_count() < group.local_size:
        count = torch.cuda.device_count()
        raise OptionError(f"{group.local_size} processes on a machine need as many GPUs; PyTorch finds {count}.")
    group.device = torch.device("cuda", group.local_rank)
    torch.cuda.set_device(group.device)
    group._tensors = cast(dist.ProcessGroup, dist.new_group(backend="nccl"))


@contextlib.contextmanager
def _lost() -> Iterator[None]:
    """An error of the connection says that another process is gone."""
    try:
        yield
    except RuntimeError as e:
        raise ProcessLost(
            "another process of the training was lost; resumed, the run goes on from its last checkpoint."
        ) from e


@contextlib.contextmanager
def launched_group(*, starts_again_after: Callable[[BaseException], bool]) -> Iterator[Group]:
    """The group that PyTorch's launcher started this process in; this process alone where there is none.

    Where the leader leaves with an error, wherever the followers are, they end too: with exit status 1 after an error
    that the launcher shall start all of them again for, else with 0.

    Raises
    ------
    ProcessLost
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    rank, size, local_rank, local_size = (
        int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    )
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(torch.get_num_threads() // local_size, 1))
    with _lost():
        launchers, _, _ = next(rendezvous("env://", rank, size, timeout=PATIENCE))
        store = PrefixStore(_met(launchers, rank, size), launchers)
        threading.Thread(target=_watch, args=(store, os.getppid(), rank), daemon=True).start()
        dist.init_process_group("gloo", store=store, rank=rank, world_size=size, timeout=PATIENCE)
    group = Group(rank, size, local_rank, local_size, launchers)
    status = 0
    try:
        yield group
        if group.leads:
            with contextlib.suppress(ProcessLost):  # the work is done
                group.same(None)
        dist.destroy_process_group()
    except BaseException as e:
        status = int(starts_again_after(e))
        raise
    finally:
        if group.leads:
            with contextlib.suppress(RuntimeError):  # where the launcher is gone, nobody follows
                store.set(ENDED, str(status))


def _met(store: Any, rank: int, size: int) -> str:
    """A name for the processes that meet now, the same in all of them.

    The launcher's store outlives them: it may hold what others left that were started before.
    """
    mine, names = uuid.uuid4().hex, [f"here/{other}" for other in range(size)]
    store.set(names[rank], mine)
    while True:
        if rank == 0:
            store.set("members", ",".join(store.get(name).decode() for name in names))
        members = store.get("members").decode()
        met = f"met/{members}"
        if members.split(",")[rank] == mine:
            store.set(f"{met}/{rank}", "1")
            if store.check([f"{met}/{other}" for other in range(size)]):
                return f"group/{members}"
        time.sleep(MEET_SECONDS)


def _watch(store: Any, launcher: int, rank: int) -> None:
    """End this process where its launcher is gone, or where it follows a leader that has ended."""
    while True:
        time.sleep(LOOK_SECONDS)
        if os.getppid() != launcher:
            os._exit(1)
        try:
            if rank > 0 and store.check([ENDED]):
                os._exit(int(store.get(ENDED)))
        except RuntimeError:  # the store was the launcher's, or the leader's
            continue
