"""Locks on files between processes: the system drops them when their holder ends, even killed."""

from __future__ import annotations

import errno
import fcntl


def try_lock(handle: int, *, shared: bool = False) -> bool:
    """Lock an open file; False where another process holds a lock that stands against it.

    ``lockf``, not ``flock``: a ``flock`` is inherited by worker processes and outlives a killed trainer. Several
    processes can hold a ``shared`` lock at a time.

    Raises
    ------
    OSError
        such as from a file system without locks.
    """
    try:
        fcntl.lockf(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as e:
        if e.errno in (errno.EACCES, errno.EAGAIN):
            return False
        raise
    return True
