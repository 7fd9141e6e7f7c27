"""Tasks for Label Studio: the learned truth as a prediction, annotations and settled labels as annotations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import numpy as np

from ...annotations import ADJUDICATOR
from ...files.writing import write_text
from ..final_labels import SETTLED, FinalLabels, Part
from ..kind import Export, Source
from ..text_parts import json_list

QUESTION, IMAGE = "label", "image"  # names in the labelling configuration
ADDRESS = "/data/local-files/?d="  # Label Studio's address of a file in its local storage


def write(source: Source, out: Path) -> int | None:
    """Write the tasks as ``.json``, or the labelling configuration that they are for as ``.xml``.

    Raises
    ------
    RunError, DatasetError, StorageError
    """
    final = FinalLabels.of(source)
    if out.suffix.lower() == ".xml":
        write_text(out, [labelling_configuration(final.classes)])
        return None
    version = f"LTNet Studio {source.run.folder.resolve().name}"
    write_text(out, json_list(task for part in final.parts() for task in _tasks(part, version)))
    return len(final)


def labelling_configuration(classes: tuple[str, ...]) -> str:
    """The configuration of a project with one question about each image."""
    choices = "\n".join(f"    <Choice value={quoteattr(name)}/>" for name in classes)
    return (
        f'<View>\n  <Image name="{IMAGE}" value="${IMAGE}"/>\n'
        f'  <Choices name="{QUESTION}" toName="{IMAGE}" choice="single" showInline="true">\n'
        f"{choices}\n  </Choices>\n</View>\n"
    )


def _tasks(part: Part, version: str) -> Iterator[dict[str, Any]]:
    items = part.final.items
    labels = part.coder_labels
    human = items.human[labels.coder()]
    rows, coders, classes = labels.row[human], labels.coder()[human], labels.label[human]
    order = np.argsort(rows, kind="stable")
    rows, coders, classes = rows[order], coders[order], classes[order]
    ends = np.searchsorted(rows, np.arange(part.end - part.start + 1))
    facts = zip(part.images, part.labels, part.learned, part.confidence.tolist(), part.sources(), strict=True)
    by, when = part.of_decisions("reviewer"), part.of_decisions("time")
    for n, (image, label, learned, confidence, source) in enumerate(facts):
        mine = slice(ends[n], ends[n + 1])
        people = [(items.coders[c], items.classes[k]) for c, k in zip(coders[mine], classes[mine], strict=True)]
        data: dict[str, Any] = {IMAGE: ADDRESS + quote(image), "label_source": source, "learned_truth": learned}
        annotations = [_answer(choice, coder) for coder, choice in people]
        if source == SETTLED:
            annotations.append(_answer(label, by[n] or ADJUDICATOR, ground_truth=True))
            data |= {"settled_by": by[n], "settled_at": when[n]}
        prediction = {"model_version": version, "score": round(confidence, 6), "result": _result(learned)}
        yield {"id": part.start + n + 1, "data": data, "annotations": annotations, "predictions": [prediction]}


def _answer(choice: str, who: str, *, ground_truth: bool = False) -> dict[str, Any]:
    """An annotation. Label Studio refuses ``completed_by`` of people it does not know, so that the name is a remark."""
    result = _result(choice, {"meta": {"text": [who]}})
    return {"result": result, "was_cancelled": False, "ground_truth": ground_truth}


def _result(choice: str, more: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    names = {"id": QUESTION, "from_name": QUESTION, "to_name": IMAGE, "type": "choices"}
    return [{**names, "value": {"choices": [choice]}, **(more or {})}]


EXPORT = Export(
    name="label-studio",
    adjudicated=True,
    title="Label Studio",
    text="Tasks with the learned truth as prediction and what people said and settled as annotations; .xml is the "
    "labelling configuration they are for.",
    write=write,
    suffixes={".json": "application/json", ".xml": "application/xml"},
    rank=50,
)
