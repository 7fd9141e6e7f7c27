"""FER2013 as published: ``fer2013.csv`` with the pixels of a face in every row.

Goodfellow et al., *Challenges in representation learning*, 2013. 48×48 grey faces, seven
classes; ``Usage`` is Training, PublicTest or PrivateTest. With ``fer2013new.csv`` beside it
see :mod:`ferplus`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from ...errors import DatasetError
from ..coded_columns import categorical
from ..dataset_reading import TableReading
from ..label_tables.table_rows import stem
from ..reading import Match, Reading, Rows
from ..sources.files import Files, suffix
from ..study import Problem
from ..tables.csv_lines import LONGEST_ROW, first_row
from ..tables.encodings import as_utf8
from ..tables.table import header
from .numbered_images import ArrayImages

FORMAT = "fer2013"
RANK = 90
TITLE = "FER2013"
LAYOUT = """\
fer2013.csv        emotion,pixels,Usage        2304 grey values in each row; any name, such as icml_face_data.csv"""
NOTE = """\
`Training` rows are learned from; the others are test sets."""

FILE = "fer2013.csv"
CODER = "FER2013"
CLASSES = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
SIDE = 48
TABLE = TableReading(FILE, "single", {"emotion": "label", "pixels": "image", "Usage": "split"})
TRAINING = "training"
COLUMNS = {"emotion", "pixels", "usage"}


def match(files: Files) -> Match:
    """Recognised by the file's name and its columns."""
    for file in _tables(files):
        return Match(True, f"{file} with the columns emotion, pixels, Usage")
    if FILE not in files:
        return Match(False, f"{FILE} is missing")
    return Match(False, f"{FILE} has no columns emotion, pixels, Usage", 0.7)


def _tables(files: Files) -> list[str]:
    """The table of that name, or else the only one with its columns, where there are no other images."""
    named = [n for n in files.others if suffix(n) == ".csv" and "/" not in n] if not files.images else []
    found = [n for n in ([FILE] if FILE in files else named) if set(header(files, n)) >= COLUMNS]
    return found if len(found) == 1 else []


def faces(files: Files, file: str = FILE) -> tuple[pd.DataFrame, ArrayImages, list[Problem]]:
    """Rows ``image, label, usage, training, row`` of the usable faces, their images, and what is wrong with the others.

    Raises
    ------
    DatasetError
        the file is not readable as a table, or no face in it is usable.
    """
    data, _ = as_utf8(files.read(file), file)
    try:
        names, _ = first_row(data[:4096])
        table = pyarrow.csv.read_csv(
            pa.BufferReader(data),
            read_options=pyarrow.csv.ReadOptions(block_size=LONGEST_ROW),
            convert_options=pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        )
    except (pa.ArrowException, ValueError) as e:
        raise DatasetError(f"is not a readable CSV table ({str(e).splitlines()[0]}).", file=file) from e
    columns = {n.strip().lower(): table.column(i) for i, n in enumerate(table.column_names)}
    for column in sorted(COLUMNS):
        if column not in columns:
            raise DatasetError(f"column {column!r} is missing.", file=file, row=1)
    emotion, usage = (np.asarray(columns[c].to_pylist(), dtype=object) for c in ("emotion", "usage"))
    codes = {str(i): c for i, c in enumerate(CLASSES)}
    pixels = np.zeros((len(emotion), SIDE, SIDE), dtype=np.uint8)
    good = np.zeros(len(emotion), dtype=np.bool_)
    texts = []
    for i, text in enumerate(columns["pixels"].to_pylist()):
        face = _pixels(text)
        if face is None:
            texts.append(f"{file}, row {i + 2}: the pixels are not {SIDE * SIDE} numbers from 0 to 255.")
        elif str(emotion[i]).strip() not in codes:
            texts.append(f"{file}, row {i + 2}: unknown emotion code {emotion[i]!r}; known are 0 to 6.")
        else:
            pixels[i], good[i] = face, True
    problems = [Problem("unusable row", len(texts), tuple(texts[:5]))] if texts else []
    rows = np.flatnonzero(good)
    if not len(rows):
        raise DatasetError(f"no row has a usable face; the first: {texts[0]}" if texts else "has no rows.", file=file)
    frame = pd.DataFrame(
        {
            "image": [f"fer{i:07d}.png" for i in rows],
            "label": [codes[str(emotion[i]).strip()] for i in rows],
            "usage": [str(usage[i]).strip() for i in rows],
            "training": [str(usage[i]).strip().lower() == TRAINING for i in rows],
            "row": rows,
        }
    )
    usable = pixels if good.all() else pixels[good]
    return frame, ArrayImages(files, frame["image"].tolist(), lambda: usable), problems


def _pixels(text: str | None) -> NDArray[np.uint8] | None:
    try:
        values = np.asarray((text or "").split(), dtype=np.int64)
    except (ValueError, OverflowError):
        return None
    if len(values) != SIDE * SIDE or values.min() < 0 or values.max() > 255:
        return None
    return values.astype(np.uint8).reshape(SIDE, SIDE)


def read(files: Files, name: str) -> Reading:
    """Read the faces; rows of another usage than Training are the test sets.

    Raises
    ------
    DatasetError
    """
    (file,) = _tables(files) or [FILE]
    frame, images, problems = faces(files, file)
    coder = CODER if file == FILE else stem(file)
    training = frame["training"].to_numpy()
    return Reading(
        images,
        frame["image"].tolist(),
        [rows_of(frame[training], file, coder=coder)],
        [rows_of(frame[~training], file, split=True)],
        CLASSES,
        problems=problems,
        tables=[replace(TABLE, file=file)],
    )


def rows_of(frame: pd.DataFrame, file: str = FILE, coder: str = "", split: bool = False) -> Rows:
    columns = {"image": categorical(frame["image"]), "label": categorical(frame["label"])}
    if coder:
        columns["coder"] = categorical([coder] * len(frame))
    if split:
        columns["split"] = categorical([f"test:{u}" for u in frame["usage"]])
    return Rows(file, pd.DataFrame(columns), (frame["row"].to_numpy() + 2).astype(np.int32))
