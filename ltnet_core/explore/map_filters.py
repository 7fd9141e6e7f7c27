"""Filters by the map of the items: a drawn area, regions, near-duplicates and outliers; and what a region holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from ..runs.learned_items import RELATIONS, LearnedItems
from .item_map import ItemMap
from .wish import Point, Wish

AREA, REGION, NEIGHBOURS = "area", "region", "neighbours"  # names of the filters
DIFFER = RELATIONS.index("differ")

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Region:
    """A region of the map under the filters of a view.

    Attributes
    ----------
    number : from 1, as in an address. images : how many of the view are in it; of : how many there are in all.
    truth : index of the most frequent learned truth of ``images``, −1 where there are none; share : how often it is.
    differ : share of ``images`` on which people differ.
    """

    number: int
    images: int
    of: int
    truth: int
    share: float
    differ: float


def asks_for_map(wish: Wish) -> bool:
    """Whether a view cannot be shown without the map."""
    return bool(wish.area or wish.region or wish.neighbours)


def map_masks(item_map: ItemMap, wish: Wish, items: int) -> dict[str, Mask]:
    """Name of each filter by the map that restricts anything → (items,) those that pass it; what has no point does not.

    Raises
    ------
    OptionError
        the map has no such region.
    """
    out: dict[str, Mask] = {}
    if wish.area:
        out[AREA] = inside(wish.area, item_map.x, item_map.y)
    if wish.region:
        if max(wish.region) > item_map.regions:
            raise OptionError(f"there is no region {max(wish.region)}; the map has {item_map.regions}.")
        out[REGION] = np.isin(item_map.region, np.asarray(wish.region) - 1)
    if wish.neighbours:
        wanted = {"duplicate": item_map.duplicate, "outlier": item_map.outlier}
        out[NEIGHBOURS] = np.logical_or.reduce([wanted[name] for name in wish.neighbours])
    return {name: _of_all(item_map, points, items) for name, points in out.items()}


def _of_all(item_map: ItemMap, points: Mask, items: int) -> Mask:
    """(items,) what holds for the points."""
    out = np.zeros(items, dtype=np.bool_)
    out[item_map.row[points]] = True
    return out


def inside(area: Sequence[Point], x: NDArray[np.uint16], y: NDArray[np.uint16]) -> Mask:
    """(n,) points within a polygon: a ray from each crosses its sides an odd number of times."""
    px, py = x.astype(np.float64), y.astype(np.float64)
    out = np.zeros(len(px), dtype=np.bool_)
    for (x1, y1), (x2, y2) in zip(area, [*area[1:], area[0]], strict=True):
        if y1 != y2:
            out ^= ((y1 > py) != (y2 > py)) & (px < x1 + (py - y1) * (x2 - x1) / (y2 - y1))
    return out


def neighbour_counts(item_map: ItemMap, keep: Mask) -> dict[str, int]:
    """How many of the items to keep (N,) are near-duplicates, and how many outliers."""
    on_map = keep[item_map.row]
    return {"duplicate": int((on_map & item_map.duplicate).sum()), "outlier": int((on_map & item_map.outlier).sum())}


def regions_of(item_map: ItemMap, items: LearnedItems, keep: Mask) -> list[Region]:
    """Every region of the map, with what those of its items are that are to be kept (N,)."""
    r, k = item_map.regions, len(items.classes)
    on_map = keep[item_map.row]
    region, row = item_map.region[on_map].astype(np.intp), item_map.row[on_map]
    images = np.bincount(region, minlength=r)
    truths = np.bincount(region * k + items.truth[row], minlength=r * k).reshape(r, k)
    differ = np.bincount(region, items.relation[row] == DIFFER, minlength=r) / np.maximum(images, 1)
    share = truths.max(1, initial=0) / np.maximum(images, 1)
    truth = np.where(images > 0, truths.argmax(1), -1)
    of = np.bincount(item_map.region, minlength=r)
    return [
        Region(n + 1, int(images[n]), int(of[n]), int(truth[n]), float(share[n]), float(differ[n])) for n in range(r)
    ]
