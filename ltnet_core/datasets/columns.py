"""What the columns of a table of labels are called in the field."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

ROLES = {
    "image": (
        "image",
        "file_name",
        "filename",
        "file",
        "image_path",
        "image_name",
        "image name",
        "filepath",
        "file_path",
        "path",
        "img",
        "item",
        "item_id",
        "task",
        "task_id",
        "image_id",
        "id",
    ),
    "coder": (
        "coder",
        "worker",
        "annotator",
        "rater",
        "labeler",
        "labeller",
        "reader",
        "coder_id",
        "worker_id",
        "annotator_id",
        "rater_id",
        "user",
        "user_id",
    ),
    "label": (
        "label",
        "class",
        "category",
        "annotation",
        "response",
        "answer",
        "emotion",
        "expression",
        "class_name",
        "label_name",
        "rating",
    ),
    "count": ("count", "votes", "n_votes"),
    "split": ("split", "usage", "subset", "partition"),
}


def role(columns: Sequence[str], what: str) -> str | None:
    """The column that plays a role, None where there is none; the usual name wins."""
    return next((c for c in ROLES[what] if c in columns), None)


def without(columns: Iterable[str], used: Iterable[str | None]) -> list[str]:
    """The columns that play no role yet."""
    taken = set(used)
    return [c for c in columns if c not in taken and not c.startswith("unnamed") and c]
