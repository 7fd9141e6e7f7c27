"""``python -m ltnet_core COMMAND``: see :mod:`ltnet_core.command_line`, whose import takes a second."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence

INTERRUPTED = 130  # 128 + SIGINT, as shells say it


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 2 bad input, 1 failure, 130 interrupted."""
    try:
        from .command_line import run

        return run(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:
        print("ltnet_core: interrupted.", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    status = main()
    gc.freeze()  # the interpreter would look for garbage among all objects of PyTorch before it ends, for a second
    sys.exit(status)
