"""Columns of text, kept as codes into the different texts that they hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals


def coded(codes: Any, names: Any) -> pd.Categorical[Any]:
    """A categorical column of text from positions (rows,) in ``names``."""
    # Said to be objects, or pandas 3 would keep them as Arrow strings, which are slow to go through one by one.
    index: Any = pd.Index(np.asarray(names, dtype=object), dtype=object)
    return pd.Categorical.from_codes(codes, index)


def categorical(values: Any) -> pd.Categorical[Any]:
    """Text as a categorical column."""
    codes, names = pd.factorize(np.asarray(values, dtype=object))
    return coded(codes, names)


def united(columns: Sequence[Any]) -> pd.Categorical[Any]:
    """Categorical columns of text one after the other."""
    # As objects again: pandas makes the united names Arrow strings, which it then will not unite with objects.
    parts: list[Any] = [c.array if isinstance(c, pd.Series) else c for c in columns]
    both = union_categoricals([coded(p.codes, p.categories) for p in parts])
    return coded(both.codes, both.categories)


def mapped(column: pd.Series, names: Sequence[str]) -> pd.Categorical[Any]:
    """A categorical column under other names, one for each category; equal ones become one."""
    where, unique = pd.factorize(np.asarray(names, dtype=object))
    codes = where[column.cat.codes] if len(where) else np.zeros(0, dtype=np.int64)
    return coded(codes, unique)
