"""AffectNet, in both forms of its release.

Mollahosseini, Hasani and Mahoor, *AffectNet*, 2017. The lists ``training.csv`` and
``validation.csv`` have eleven codes, three of which are no expression; the later release
has a folder of ``.npy`` files, ``train_set/annotations/0_exp.npy``, and eight codes.
"""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pandas as pd

from ...errors import DatasetError
from ..coded_columns import categorical
from ..dataset_reading import TableReading
from ..reading import Match, Reading, Rows
from ..sources.array_file import read_array
from ..sources.files import Files
from ..study import Problem
from ..tables.table import header, is_table, read_table

FORMAT = "affectnet"
RANK = 50
TITLE = "AffectNet"
LAYOUT = """\
training.csv, validation.csv          subDirectory_filePath,…,expression,…       codes 0–10; 8–10 are no expression
automatically_annotated.csv           optional: a network's labels, a coder of their own
Manually_Annotated_Images/1/….jpg

train_set/images/0.jpg                or the later release: codes 0–7
train_set/annotations/0_exp.npy
val_set/…"""
NOTE = """\
Faces labelled *none*, *uncertain* or *no face* (codes 8 to 10) are left out and counted. `validation.csv` and
`val_set/` are the test set."""

CODER = "AffectNet"
NETWORK = "AffectNet (automatic)"  # the lists of the faces that a network labelled
CLASSES = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt")
NO_EXPRESSION = {"8": "none", "9": "uncertain", "10": "no face"}
PATH, EXPRESSION = "subdirectory_filepath", "expression"
EXP = re.compile(r"(?:^|/)annotations/(?P<stem>[^/]+)_exp\.npy$")
HELD_OUT = ("val", "test")
SMALL = 65_536


def match(files: Files) -> Match:
    """Recognised by the columns of its lists or by its ``_exp.npy`` files."""
    for name in files.others:
        if is_table(name) and {PATH, EXPRESSION} <= set(header(files, name)):
            return Match(True, f"{name} with the columns subDirectory_filePath and expression")
    expressions = next((n for n in files.others if EXP.search(n)), None)
    if expressions is not None:
        return Match(True, f"annotations such as {expressions}")
    near = any(n.startswith(("Manually_Annotated", "train_set/", "val_set/")) for n in files.names)
    return Match(False, "neither lists with subDirectory_filePath nor *_exp.npy files", 0.5 if near else 0.0)


def read(files: Files, name: str) -> Reading:
    """Read either form; faces that show no expression are left out and counted.

    Raises
    ------
    DatasetError
    """
    faces, problems = _from_lists(files) or _from_arrays(files)
    if not len(faces):
        raise DatasetError("no label of an image was found.", file=name)
    text = faces["code"]
    odd = faces[text.isin(list(NO_EXPRESSION))]
    if len(odd):
        counts = Counter(NO_EXPRESSION[c] for c in odd["code"])
        examples = tuple(f"{n:,} faces are labelled {c!r}; they are left out." for c, n in counts.most_common())
        problems.append(Problem("no expression", len(odd), examples, "note"))
    codes = {str(i): c for i, c in enumerate(CLASSES)}
    unknown = faces[~text.isin([*codes, *NO_EXPRESSION])]
    if len(unknown):
        examples = tuple(
            f"{r.file}, row {r.row}: unknown expression code {r.code!r}; known are 0 to 10."
            for r in unknown.head(5).itertuples()
        )
        problems.append(Problem("unknown class", len(unknown), examples, "error"))
    good = faces[text.isin(list(codes))]
    dropped = set(odd["image"])
    images = [n for n in files.images if n not in dropped]
    held_out = good["part"].str.lower().str.startswith(HELD_OUT)
    labels: list[Rows] = []
    truth: list[Rows] = []
    for file, part in good.groupby("file", sort=True):
        for held, rows in part.groupby(held_out.loc[part.index]):
            frame = {"image": rows["image"], "label": rows["code"].map(codes)}
            coder = NETWORK if "automatic" in str(file).lower() else CODER
            frame["split" if held else "coder"] = pd.Series("test" if held else coder, index=rows.index)
            columns = pd.DataFrame({c: categorical(v) for c, v in frame.items()})
            (truth if held else labels).append(Rows(str(file), columns, rows["row"].to_numpy(np.int32)))
    return Reading(files, images, labels, truth, CLASSES, problems=problems, tables=_tables(files))


def _tables(files: Files) -> list[TableReading]:
    """Roles of the columns of the lists."""
    roles = {PATH: "image", EXPRESSION: "label"}
    lists = {n: header(files, n) for n in files.others if is_table(n)}
    return [TableReading.of(n, "single", h, roles) for n, h in lists.items() if set(roles) <= set(h)]


def _from_lists(files: Files) -> tuple[pd.DataFrame, list[Problem]] | None:
    parts = []
    for name in files.names:
        if not is_table(name) or not {PATH, EXPRESSION} <= set(header(files, name)):
            continue
        table = read_table(files, name)
        ends: dict[str, str] = {}
        for image in files.images:
            ends["/".join(image.split("/")[-2:])] = image
        paths = [str(p).replace("\\", "/") for p in table.frame[PATH]]
        images = [ends.get("/".join(p.split("/")[-2:]), p) for p in paths]
        codes = [str(c) for c in table.frame[EXPRESSION]]
        parts.append(pd.DataFrame({"image": images, "code": codes, "file": name, "row": table.row}))
        parts[-1]["part"] = name.rsplit("/", 1)[-1]
    return (pd.concat(parts, ignore_index=True), []) if parts else None


def _from_arrays(files: Files) -> tuple[pd.DataFrame, list[Problem]]:
    images = {n.rsplit(".", 1)[0]: n for n in files.images}
    rows, broken = [], []
    for name in files.names:
        parsed = EXP.search(name)
        if parsed is None:
            continue
        folder = name[: parsed.start()].rstrip("/")
        stem = f"{folder}/images/{parsed['stem']}".lstrip("/")
        try:
            code = str(int(str(read_array(files, name, SMALL).item())))
        except (DatasetError, ValueError) as e:
            broken.append(f"{name}: is no number ({e}).")
            continue
        rows.append((images.get(stem, stem + ".jpg"), code, folder, 1, folder.rsplit("/", 1)[-1]))
    problems = [Problem("unreadable label", len(broken), tuple(broken[:5]))] if broken else []
    return pd.DataFrame(rows, columns=["image", "code", "file", "row", "part"]), problems
