"""What the tests of `fit` share: its quick flags, and files read and written."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
from conftest import Command, write_csv

QUICK = ("--preset", "quick", "--epochs", 2, "--device", "cpu", "--seed", 3)


def read_rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as f:
        return list(csv.DictReader(f))


def exported(ltnet: Command, run: Path, out: Path) -> pd.DataFrame:
    done = ltnet("export", run, "--out", out)
    assert done.returncode == 0, done.stderr
    return pd.read_csv(out, keep_default_na=False)


def change(folder: Path, name: str, rows: list[dict[str, str]]) -> None:
    write_csv(folder / name, list(rows[0]), [list(r.values()) for r in rows])
