"""The files of a dataset without those that a correction leaves out."""

from __future__ import annotations

from .corrections import Corrections
from .sources.files import MAX_FILE_BYTES, Files


class Without(Files):
    """Files without some files and folders; ``every`` are all."""

    def __init__(self, files: Files, corrections: Corrections):
        self._files = self.every = files
        self.location, self.below, self.passed_over = files.location, files.below, files.passed_over
        self._corrections = corrections

    def _away(self, name: str) -> bool:
        """Whether the file or a folder above it is to be left out, by its path or by its name alone."""
        parts = name.split("/")
        corrections = self._corrections
        for end in range(1, len(parts) + 1):
            for text in ("/".join(parts[:end]), parts[end - 1]):
                if corrections.ignores(text) or corrections.part(text) == "ignore":
                    return True
        return False

    def _list(self) -> list[str]:
        return [n for n in self._files.names if not self._away(n)]

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        return self._files.read(name, limit)

    def head(self, name: str, size: int) -> bytes:
        return self._files.head(name, size)

    def size(self, name: str) -> int:
        return self._files.size(name)

    def stamp(self, name: str) -> tuple[int, ...] | None:
        return self._files.stamp(name)
