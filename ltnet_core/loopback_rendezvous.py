"""Where the processes of one machine meet: a store that no other machine can reach.

PyTorch's own listens on every network, asks nobody who they are, and what is put into it makes the processes run code.
"""

from __future__ import annotations

import socket

from torch._C._distributed_c10d import PrefixStore, TCPStore
from torch.distributed.elastic.rendezvous import (
    RendezvousHandler,
    RendezvousInfo,
    RendezvousParameters,
    RendezvousStoreInfo,
    rendezvous_handler_registry,
)

NAME = "loopback"
HOST = "127.0.0.1"


class LoopbackRendezvous(RendezvousHandler):
    """All processes of one launcher; it alone decides when they start again."""

    def __init__(self, run_id: str):
        self._run_id = run_id
        with socket.create_server((HOST, 0)) as listening:
            self._port = int(listening.getsockname()[1])
            self._server = TCPStore(
                HOST, self._port, is_master=True, wait_for_workers=False, master_listen_fd=listening.detach()
            )

    @property
    def use_agent_store(self) -> bool:
        return True

    def next_rendezvous(self) -> RendezvousInfo:
        store = PrefixStore(self._run_id, self._server)
        return RendezvousInfo(store, 0, 1, RendezvousStoreInfo(HOST, self._port))

    def get_backend(self) -> str:
        return NAME

    def get_run_id(self) -> str:
        return self._run_id

    def is_closed(self) -> bool:
        return False

    def set_closed(self) -> None:
        """Nobody else could join."""

    def num_nodes_waiting(self) -> int:
        return 0

    def shutdown(self) -> bool:
        return True


def _made(parameters: RendezvousParameters) -> RendezvousHandler:
    return LoopbackRendezvous(parameters.run_id)


rendezvous_handler_registry.register(NAME, _made)
