"""The plain dataset folder: ``images/``, ``annotations.csv``, and optionally ``truth.csv`` and ``classes.csv``."""

from __future__ import annotations

import numpy as np

from ...annotations import FloatArray
from ...errors import DatasetError
from ..corrections import NOTHING, Corrections
from ..label_tables.roles import find_roles
from ..label_tables.table_rows import known_truth, rows_of
from ..reading import Match, Reading, Rows
from ..sources.files import Files
from ..sources.text_files import read_json
from ..tables.classes_file import read_classes
from ..tables.table import header, read_table

FORMAT = "plain"
RANK = 20
TITLE = "Plain folder"
LAYOUT = """\
images/…           any depth, any names
annotations.csv    image,coder,label[,count]
truth.csv          image,label[,split]      optional
classes.csv        class[,code]             optional"""
NOTE = """\
The demo is written so. `planted_T.json`, if there, holds true matrices to compare with."""
CORRECTABLE = True


COLUMNS = ("image", "coder", "label")


def match(files: Files, corrections: Corrections = NOTHING) -> Match:
    """Recognised by annotations.csv, where it has the columns of the form or too few to be any other table."""
    if "annotations.csv" in files:
        columns = header(files, "annotations.csv")
        if (
            set(COLUMNS) <= set(columns)
            or len(set(COLUMNS) & set(columns)) == 2
            or len(columns) < 3
            or len(set(columns)) < len(columns)
        ):
            return Match(True, "annotations.csv")
        return Match(
            False, f"annotations.csv has the columns {', '.join(columns[:12])}; expected {', '.join(COLUMNS)}", 0.45
        )
    images = any(n.startswith("images/") for n in files.names)
    return Match(False, "annotations.csv is missing" + (" beside images/" if images else ""), 0.5 if images else 0.1)


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read a plain dataset folder.

    Raises
    ------
    DatasetError
        a file is broken or a column is missing.
    """
    table = read_table(files, "annotations.csv", COLUMNS)
    roles = find_roles(table, files.images, corrections, "plain")
    rows = rows_of(table, roles, corrections, "annotations")
    images = [n for n in files.images if n.startswith("images/")]
    truth = [] if rows.truth is None else [rows.truth]
    known = known_truth(files, corrections)
    truth += [] if known.truth is None else [known.truth]
    labels = rows.labels or Rows.of(table, {c: c for c in COLUMNS})
    classes, codes = read_classes(files)
    if classes is None and "planted_T.json" in files:
        classes = sorted({str(n) for p in (labels, *truth) for n in p.frame["label"].cat.categories} - {""})
    return Reading(
        files,
        images or files.images,
        [labels],
        truth,
        classes,
        codes,
        read_planted(files, classes or []),
        tables=[roles.reading(table.titles)],
        splits=rows.splits | known.splits,
        missing=rows.missing,
        questions=(*rows.questions, *known.questions),
    )


def read_planted(files: Files, classes: list[str]) -> dict[str, FloatArray]:
    """True matrices (K,K) that the dataset brings; a row of NaN for a class they do not know.

    Raises
    ------
    DatasetError
        the file is not of that form.
    """
    name = "planted_T.json"
    if name not in files:
        return {}
    try:
        content = read_json(files, name)
        order = [classes.index(c) for c in content["classes"]]
        out = {}
        for coder, cells in content["coders"].items():
            planted = np.asarray(cells, dtype=np.float64)
            if not np.allclose(planted.sum(1), 1, atol=1e-3) or planted.min() < 0:
                raise DatasetError(f"the rows of coder {coder!r} are not probabilities.", file=name)
            out[coder] = np.full((len(classes), len(classes)), np.nan)
            out[coder][order] = 0.0
            out[coder][np.ix_(order, order)] = planted
    except DatasetError:
        raise
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError) as e:
        raise DatasetError(
            f'expected {{"classes": [...], "coders": {{NAME: K x K}}}} over the dataset\'s classes ({e}).', file=name
        ) from e
    return out
