"""The features of a study for a run, in the place of pixels: from its checkpoint, or read from their file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict, cast

import numpy as np
from numpy.typing import NDArray

from ..annotations import FloatArray
from ..datasets.feature_file import FeatureFile, match_items, open_features
from ..errors import DamageError, RunError
from ..files.mapped_array import new_array
from ..files.reading import read_array
from ..runs.checkpoint import forget, keep, kept
from ..runs.run import Run
from ..runs.run_contents import FeatureSource
from .progress import Progress
from .study_pixels import SAMPLE, StudyPixels, spread

STEM = "given"
FLATTEST = 0.01  # of the median standard deviation: a feature that hardly ever differs from 0 is not blown up
DIGEST_BYTES = 32

Vectors = NDArray[np.float32]


class StoredFeatureFacts(TypedDict):
    """What a run keeps beside the features of its items: how many, and why an item has none."""

    dimensions: int
    broken: dict[str, str]


def survey_features(path: str, items: Sequence[str]) -> FeatureSource:
    """Read a whole file of features before a run is made with it.

    Raises
    ------
    DatasetError
        it is damaged, or its names are not those of images.
    """
    file = open_features(Path(path))
    match_items(file, items)
    digest = _new_digest(file)
    for part in file.parts():
        digest.update(part.data)
    return {"vectors": len(file.names), "dimensions": file.dimensions, "digest": digest.hexdigest()}


def study_features(items: Sequence[str], run: Run, path: str, progress: Progress) -> StudyPixels:
    """The features of all items of a run as images of one pixel; items without are noted.

    Raises
    ------
    DatasetError, StorageError, Cancelled
    RunError
        the file is not the one that the run was made with.
    """
    folder = run.checkpoint
    array = folder / f"{STEM}.npy"
    try:
        facts = cast(StoredFeatureFacts | None, kept(folder, STEM, StoredFeatureFacts))
        vectors = None if facts is None else _read(array, len(items), facts["dimensions"])
    except DamageError as e:
        progress.note(f"{e.file!r} is {e.reason}, so the features are read again.")
        forget(folder / f"{STEM}.json", array)
        facts = None
    if facts is None:
        facts = _copied(items, run, Path(path), array, progress)
        vectors = _read(array, len(items), facts["dimensions"])
    if facts["broken"]:
        first = next(iter(facts["broken"].values()))
        progress.note(f"images without features set aside: {len(facts['broken']):,}; the first: {first}")
    return StudyPixels(cast(Vectors, vectors), 1, facts["dimensions"], facts["broken"])


def _copied(items: Sequence[str], run: Run, path: Path, array: Path, progress: Progress) -> StoredFeatureFacts:
    """The features of the items in their order, written to ``array``."""
    file = open_features(path)
    matched = match_items(file, items)
    if matched.strangers:
        names = ", ".join(map(repr, matched.strangers[:3]))
        progress.note(f"features of no image of the dataset left out: {len(matched.strangers):,}, such as {names}.")
    digest = _new_digest(file)
    with new_array(array, (len(items), file.dimensions, 1, 1), np.float32) as out:
        done = 0
        for part in file.parts():
            digest.update(part.data)
            item = matched.item[done : done + len(part)]
            out[item[item >= 0], :, 0, 0] = part[item >= 0]
            done += len(part)
            progress.advance(len(part), "decode")
        if digest.hexdigest() != run.spec()["features"]["digest"]:
            raise RunError(
                f"{str(path)!r} has other features than run {str(run.folder)!r} began with; start a new run."
            )
    broken = {name: f"{name}: has no features in {path.name}." for name in matched.missing}
    facts: StoredFeatureFacts = {"dimensions": file.dimensions, "broken": broken}
    keep(run.checkpoint, STEM, [array.name], {**facts})
    return facts


def _new_digest(file: FeatureFile) -> hashlib.blake2b:
    """A digest of the names; the vectors follow."""
    return hashlib.blake2b("\n".join(file.names).encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES)


def _read(array: Path, items: int, dimensions: int) -> Vectors:
    return cast(Vectors, read_array(array, (items, dimensions, 1, 1), np.float32, mmap=True))


def feature_statistics(vectors: Vectors, items: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """(D,) mean and standard deviation of the training items' features (a sample of at most 4,000 items)."""
    sample = np.asarray(vectors[spread(items, SAMPLE)], dtype=np.float64)[:, :, 0, 0]
    std = sample.std(0)
    varied = std[std > 0]
    least = FLATTEST * float(np.median(varied)) if len(varied) else 1.0
    return sample.mean(0), np.maximum(std, least)
