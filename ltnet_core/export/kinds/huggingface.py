"""The final labels as the metadata file of a Hugging Face ImageFolder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from ...errors import OptionError
from ...files.spreadsheet import guard, write_csv_parts
from ...files.writing import write_text
from ..final_labels import FinalLabels, Part
from ..finished_run import DECIMALS
from ..kind import Column, Export, Source

# What pandas, by which `datasets` reads CSV, takes for no value.
PANDAS_MISSING = frozenset(
    (
        "",
        "#N/A",
        "#N/A N/A",
        "#NA",
        "-1.#IND",
        "-1.#QNAN",
        "-NaN",
        "-nan",
        "1.#IND",
        "1.#QNAN",
        "<NA>",
        "N/A",
        "NA",
        "NULL",
        "NaN",
        "None",
        "n/a",
        "nan",
        "null",
    )
)


def write(source: Source, out: Path) -> int:
    """Write one row per image.

    Raises
    ------
    OptionError
        a name would not survive being read from CSV.
    RunError, DatasetError, StorageError
    """
    final = FinalLabels.of(source)
    if out.suffix.lower() == ".csv":
        write_csv_parts((_checked(_table(part)) for part in final.parts()), out, DECIMALS)
    else:
        write_text(out, (line for part in final.parts() for line in _lines(_table(part))))
    return len(final)


def _table(part: Part) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "file_name": pd.Series(part.images, dtype=str),
            "label": pd.Series(part.labels, dtype=str),
            "label_source": pd.Series(part.sources(), dtype=str),
            "learned_truth": pd.Series(part.learned, dtype=str),
            "confidence": np.round(part.confidence, 6),
        }
    )


def _checked(table: pd.DataFrame) -> pd.DataFrame:
    """The table, if ``datasets`` reads from CSV what is written."""
    for column in ("file_name", "label", "learned_truth"):
        for text in table[column].unique():
            if guard(text) != text:
                why = "gets an apostrophe in CSV, so that no spreadsheet runs it"
            elif text in PANDAS_MISSING:
                why = "is read from CSV as no value"
            else:
                continue
            raise OptionError(f"{column} {text!r} {why}; write metadata.jsonl instead.")
    return table


def _lines(table: pd.DataFrame) -> Iterator[str]:
    for row in table.to_dict("records"):
        yield json.dumps(row, ensure_ascii=False) + "\n"


EXPORT = Export(
    name="huggingface",
    adjudicated=True,
    title="Hugging Face ImageFolder",
    text='The final labels as metadata.csv: put it beside the images, and load_dataset("imagefolder") reads them.',
    write=write,
    suffixes={".csv": "text/csv", ".jsonl": "application/jsonl"},
    file="metadata",
    columns=(
        Column("file_name", "the image's name, from the folder that the file is put in"),
        Column("label", "its final label: what people settled it as, else the learned truth"),
        Column("label_source", "settled or learned"),
        Column("learned_truth", "the learned truth, also where the label was settled"),
        Column("confidence", "the probability of the learned truth, from 0 to 1"),
    ),
    rank=40,
)
