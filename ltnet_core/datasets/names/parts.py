"""The part of a dataset that a folder, a file or a value of a split field names: for training or evaluation."""

from __future__ import annotations

from functools import lru_cache

from ..corrections import NOTHING, Corrections
from .splits import TEST_ELSEWHERE, TRAIN_ELSEWHERE, bare_words

LEARN = TRAIN_ELSEWHERE | {"train", "training", "learn"}
HELD_OUT = TEST_ELSEWHERE | {
    *("test", "testing", "tst", "val", "valid", "validation", "dev", "devel", "eval", "evaluation", "holdout"),
    "heldout",
}


@lru_cache(maxsize=65_536)  # the same few folders stand before a million images
def part_of_value(value: str) -> str:
    """``train``, ``test`` or "" for a value of a split field."""
    parts = bare_words(value)
    together = {*parts, "".join(parts)}
    if together & HELD_OUT:
        return "test"
    return "train" if together & LEARN else ""


def part_of_file(name: str, corrections: Corrections = NOTHING) -> str:
    """``train``, ``test``, ``ignore`` or "" for a file of labels, by its own name and then by the folders above it.

    A person's correction for a name comes before the name itself.
    """
    names = [word for part in reversed(name.split("/")) for word in (part, part.rsplit(".", 1)[0])]
    chosen = next((p for n in names if (p := corrections.part(n)) is not None), None)
    return chosen or next((p for n in names if (p := part_of_value(n))), "")


def part_of_image(name: str, corrections: Corrections = NOTHING) -> str:
    """The same for an image, by the folders above it; its own name does not count."""
    folders = name.split("/")[:-1]
    part = next((p for f in folders if (p := corrections.part(f)) is not None), None)
    return part or next((p for f in folders if (p := part_of_value(f))), "")
