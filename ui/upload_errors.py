"""What can be wrong with an upload, or with one of its files."""

from __future__ import annotations

from ltnet_core.errors import LTNetError


class UploadError(LTNetError):
    """The upload cannot go on as asked; ``status`` is what HTTP calls it."""

    def __init__(self, status: int, message: str):
        self.status = status
        super().__init__(message)


class RefusedFile(LTNetError):
    """One file cannot be taken; the others can. The message is the end of a sentence about the file."""


class Busy(UploadError):
    """Another request is turning the upload into a dataset."""

    def __init__(self) -> None:
        super().__init__(409, "This upload is being finished by another request.")


def gone() -> UploadError:
    """The upload was finished, discarded or has expired."""
    return UploadError(404, "There is no such upload (any more).")
