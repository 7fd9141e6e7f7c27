"""Which part of a dataset a folder, a file or a value of a split field names: to learn from or to be evaluated."""

from __future__ import annotations

import re
from functools import lru_cache

LEARN = frozenset({"train", "training", "learn"})
HELD_OUT = frozenset(
    {"test", "testing", "tst", "val", "valid", "validation", "dev", "devel", "eval", "evaluation", "holdout", "heldout"}
)
# FER2013Train, instances_val2017, PublicTest: words by capitals, digits and marks.
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@lru_cache(maxsize=65_536)  # the same few folders stand before a million images
def part_of_value(value: str) -> str:
    """``train``, ``test`` or "" for a value of a split field."""
    words = {w.lower() for w in WORD.findall(value)}
    if words & HELD_OUT:
        return "test"
    return "train" if words & LEARN else ""


def part_of_file(name: str) -> str:
    """``train``, ``test`` or "" for a file of labels, by its own name and then by the folders above it."""
    for word in reversed(name.split("/")):
        part = part_of_value(word.rsplit(".", 1)[0])
        if part:
            return part
    return ""


def part_of_image(name: str) -> str:
    """``train``, ``test`` or "" for an image, by the folders above it; its own name says nothing."""
    parts = [part_of_value(folder) for folder in name.split("/")[:-1]]
    return next((p for p in parts if p), "")
