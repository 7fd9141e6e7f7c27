"""One line on a terminal that is written over as the work goes on; nothing where the output is a file."""

from __future__ import annotations

import os
from typing import TextIO

from .printing import UNHEARD, drop_output, printable

USUAL_WIDTH = 80
CLEAR = "\r\x1b[K"


class ProgressLine:
    """The line. Other output must come after :meth:`clear`."""

    def __init__(self, stream: TextIO):
        self._stream = stream if stream.isatty() else None
        self._shown = False

    def show(self, text: str) -> None:
        """Write over what the line says."""
        if self._stream is None:
            return
        try:
            width = os.get_terminal_size(self._stream.fileno()).columns or USUAL_WIDTH
        except (OSError, ValueError):  # a terminal that says no size
            width = USUAL_WIDTH
        self._write(CLEAR + printable(text)[: width - 1])
        self._shown = True

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            self._write(CLEAR)
        self._shown = False

    def _write(self, text: str) -> None:
        if self._stream is not None:
            encoding = self._stream.encoding or "utf-8"
            try:
                self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
                self._stream.flush()
            except OSError as e:
                if e.errno not in UNHEARD:
                    raise
                drop_output(self._stream)  # the terminal was closed; the work goes on
                self._stream = None
