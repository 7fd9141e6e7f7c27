"""The final labels as FiftyOne's image classification dataset reads them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...errors import DatasetError
from ...files.writing import write_text
from ...runs.learned_items import LearnedItems
from ...runs.stored_results import load_items
from ..final_labels import FinalLabels
from ..kind import Export, Source
from ..text_parts import json_members


def write(source: Source, out: Path) -> int:
    """Write ``labels.json``.

    Raises
    ------
    DatasetError
        two images of the run differ in their ending alone, which FiftyOne cannot tell apart, or one has a backslash
        in its name, which FiftyOne takes for a slash.
    RunError, StorageError
    """
    final = FinalLabels.of(source)
    _require_readable(load_items(source.run))
    write_text(out, _text(final))
    return len(final)


def _key(image: str) -> str:
    """The key of an image in FiftyOne's importer, which makes it of the paths of the files that it finds."""
    return os.path.splitext(image)[0]


def _require_readable(items: LearnedItems) -> None:
    """All images of the run: the importer finds those too that have no label here, such as test images."""
    image_of_key: dict[str, str] = {}
    for image in items.names.to_pylist():
        if "\\" in image:
            raise DatasetError(f"{image!r} has a backslash in its name, which FiftyOne takes for a slash; rename it.")
        other = image_of_key.setdefault(_key(image), image)
        if other != image:
            raise DatasetError(
                f"{other!r} and {image!r} differ in their ending alone, and FiftyOne knows images without it; "
                "rename one of them."
            )


def _text(final: FinalLabels) -> Iterator[str]:
    yield f'{{"classes": {json.dumps(list(final.classes))}, "labels": '
    yield from json_members(_labels(final))
    yield "}\n"


def _labels(final: FinalLabels) -> Iterator[tuple[str, Any]]:
    for part in final.parts():
        facts = zip(
            part.images,
            part.confidence.tolist(),
            part.sources(),
            part.learned,
            part.of_decisions("reviewer"),
            strict=True,
        )
        for row, (image, confidence, source, learned, reviewer) in enumerate(facts, part.start):
            label: dict[str, Any] = {"label": int(final.label[row])}
            attributes = {"label_source": source, "learned_truth": learned}
            if source == "learned":
                label["confidence"] = round(confidence, 6)
            elif reviewer:
                attributes["settled_by"] = str(reviewer)
            yield _key(image), {**label, "attributes": attributes}


EXPORT = Export(
    name="fiftyone",
    adjudicated=True,
    title="FiftyOne",
    text="The final labels as labels.json of a FiftyOneImageClassificationDataset, with confidence and provenance.",
    write=write,
    suffixes={".json": "application/json"},
    file="labels",
    rank=60,
)
