"""Matrices as JSON, CSV and SVG."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as tree
from pathlib import Path

import pytest
from conftest import Command

from ltnet_core.errors import OptionError
from ltnet_core.export.matrix_files import matrices_bytes

NAMES = ["<b>cat", "d\u0001og"]
CONTENT = {"classes": NAMES, "coders": {"A & B": [[0.9, 0.1], [0.25, 0.75]]}, "support": {"A & B": [12.04, 3.0]}}


def test_json_is_what_came() -> None:
    assert json.loads(matrices_bytes(CONTENT, ".json")) == CONTENT


def test_csv_has_a_row_per_cell() -> None:
    rows = list(csv.reader(io.StringIO(matrices_bytes(CONTENT, ".csv").decode())))
    assert rows[0] == ["coder", "truth", "said", "probability", "row_annotations"]
    assert rows[2] == ["A & B", "<b>cat", "d\u0001og", "0.100000", "12.0"]
    assert len(rows) == 5
    without = matrices_bytes({k: v for k, v in CONTENT.items() if k != "support"}, ".csv").decode()
    assert without.splitlines()[1].endswith("0.900000,")


def test_svg_is_well_formed_whatever_the_names_are() -> None:
    drawn = tree.fromstring(matrices_bytes(CONTENT, ".svg"))
    texts = [e.text for e in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert texts.count("<b>cat") == 2 and "A & B" in texts
    assert [t for t in texts if t and t.startswith(".")] == [".90", ".10", ".25", ".75"]
    assert float(drawn.get("width", "0")) > 100


def test_another_ending_is_refused(tmp_path: Path, plain: Path, ltnet: Command) -> None:
    with pytest.raises(OptionError, match=r"matrices are written as .json, .csv, .svg; '.txt' is none"):
        matrices_bytes(CONTENT, ".txt")
    flags = ("--method", "majority", "--out", tmp_path / "t.csv", "--matrices")
    assert ltnet("aggregate", plain, *flags, tmp_path / "T.svg").returncode == 0
    assert tree.parse(tmp_path / "T.svg")
    done = ltnet("aggregate", plain, *flags, tmp_path / "T.txt")
    assert done.returncode == 2 and not (tmp_path / "T.txt").exists()
