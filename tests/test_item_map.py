"""The map of a run's items: where points lie, who has a twin or no neighbour, what a view asks of it, and the command."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from fake_run import write_fake_run
from test_selection import items

from ltnet_core.__main__ import main
from ltnet_core.errors import DamageError, OptionError, RunError
from ltnet_core.explore import map_making
from ltnet_core.explore.facets import facet_counts
from ltnet_core.explore.item_map import DUPLICATE, ItemMap, map_file, read_map, write_map
from ltnet_core.explore.map_filters import inside, regions_of
from ltnet_core.explore.map_making import make_map, map_of
from ltnet_core.explore.selection import Selections
from ltnet_core.explore.wish import SIDE, Wish
from ltnet_core.runs.run import Run
from ltnet_core.runs.stored_results import load_items


def groups(sizes: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Unit vectors in groups, each around a direction of its own."""
    rng = np.random.default_rng(seed)
    centres = np.eye(len(sizes), 16)[np.repeat(np.arange(len(sizes)), sizes)]
    vectors = centres + rng.normal(scale=0.08, size=(sum(sizes), 16))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


def small_map(**columns: object) -> ItemMap:
    """Four points of a square, of the items 0, 1, 3 and 4 of five."""
    plain = ItemMap(
        row=np.array([0, 1, 3, 4], np.int32),
        x=np.array([1000, 9000, 1000, 9000], np.uint16),
        y=np.array([1000, 1000, 9000, 9000], np.uint16),
        region=np.array([0, 0, 1, 1], np.int16),
        nearest=np.array([0.999, 0.999, 0.5, 0.2], np.float32),
        twin=np.array([1, 0, 4, 3], np.int32),
        far=np.array([0.1, 0.1, 0.5, 0.8], np.float32),
    )
    return replace(plain, **columns)


def test_items_that_look_alike_lie_together_and_a_seed_decides_where() -> None:
    sizes = (120, 90, 60)
    group = np.repeat(np.arange(3), sizes)
    vectors = groups(sizes)
    item_map = map_of(vectors, seed=1)
    points = np.stack([item_map.x, item_map.y], axis=1).astype(float)
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    assert (group[distance.argmin(1)] == group).all()
    assert max(item_map.x.max(), item_map.y.max()) == SIDE
    for code in range(item_map.regions):
        assert len(set(group[item_map.region == code])) == 1
    assert (np.diff(np.bincount(item_map.region)) <= 0).all()
    again = map_of(vectors, seed=1)
    assert all((getattr(again, name) == getattr(item_map, name)).all() for name in ("x", "y", "region"))


def test_neighbours_are_those_of_a_full_search() -> None:
    vectors = groups((40, 30)).astype(np.float32)
    vectors[5] = vectors[6]
    exact = vectors.astype(float)
    cosine = exact @ exact.T
    np.fill_diagonal(cosine, -np.inf)
    item_map = map_of(vectors)
    assert item_map.twin[5] == 6
    assert item_map.twin[6] == 5
    assert np.allclose(item_map.nearest, cosine.max(1), atol=2e-3)
    assert np.allclose(item_map.far, 1 - np.sort(cosine, axis=1)[:, -10], atol=2e-3)
    assert item_map.duplicate.tolist() == (item_map.nearest >= DUPLICATE).tolist()
    assert item_map.outlier.sum() == 1
    assert item_map.far[item_map.outlier] == item_map.far.max()


@pytest.mark.parametrize("n", [0, 1, 2, 9, 12])
def test_the_fewest_items_have_a_map(n: int) -> None:
    for vectors in (groups((n,)), np.ones((n, 1), np.float16), np.zeros((n, 4), np.float16)):
        item_map = map_of(vectors)
        assert len(item_map) == n
        assert item_map.regions == (n > 0)
        assert np.isfinite(item_map.far).all()
        assert np.isfinite(item_map.nearest).all()
        assert n == 1 or (item_map.twin != item_map.row).all()


def test_of_many_items_a_sample_has_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_making, "MOST_POINTS", 30)
    row = map_making._sample(70, np.random.default_rng(0))
    assert (row == map_making._sample(70, np.random.default_rng(0))).all()
    item_map = map_of(groups((40, 30))[row], row=row)
    assert len(item_map) == 30
    assert (np.diff(item_map.row) > 0).all()
    assert set(item_map.twin) <= set(item_map.row)
    assert item_map.row.max() > 40


def test_an_area_is_a_polygon_with_all_its_dents() -> None:
    x, y = (part.ravel().astype(np.uint16) for part in np.meshgrid(np.arange(5, 100, 10), np.arange(3, 100, 10)))
    inner = inside(((0, 0), (100, 0), (100, 100), (50, 50), (0, 100)), x, y)
    assert inner.tolist() == ((y < 50) | (np.abs(x.astype(int) - 50) > y.astype(int) - 50)).tolist()
    assert inside(((0, 0), (50, 0), (50, 100), (0, 100)), x, y).tolist() == (x < 50).tolist()
    assert not inside(((0, 50), (100, 50), (50, 50)), x, y).any()


def test_a_view_asks_for_an_area_regions_and_neighbours() -> None:
    labels = [[0, 0, 1, 2, 2], [0, 1, 1, 2, 1]]
    five = items(labels, truth=[0, 0, 1, 2, 2])
    some = Selections(five, item_map=small_map)

    def rows(**asked: str) -> list[int]:
        return some.rows(Wish.parse({**asked, "sort": "name"})).tolist()

    assert rows(area="0_0.9999_0.9999_5000.0_5000") == [0, 1]
    assert rows(area="0_0.5000_0.5000_9999.0_9999", region="2") == [3]
    assert rows(region="1,2") == [0, 1, 3, 4]
    assert rows(neighbours="duplicate") == [0, 1]
    assert rows(neighbours="outlier") == []
    assert rows() == [0, 1, 2, 3, 4]
    counts = facet_counts(some, Wish.parse({"truth": "x", "neighbours": "outlier"}))
    assert counts["neighbours"] == {"duplicate": 2, "outlier": 0}
    assert "neighbours" not in facet_counts(Selections(five), Wish())
    first, second = regions_of(small_map(), five, np.array([True, False, True, True, True]))
    assert (first.number, first.images, first.of, first.truth, first.share, first.differ) == (1, 1, 2, 0, 1.0, 0.0)
    assert (second.images, second.truth, second.differ) == (2, 2, 0.5)
    assert regions_of(small_map(), five, np.zeros(5, bool))[0].truth == -1


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"area": "0_0.1_1"}, "3 to 60 corners"),
        ({"area": "0_0.1_1.2"}, "3 to 60 corners"),
        ({"area": ".".join(["1_1"] * 61)}, "3 to 60 corners"),
        ({"area": "0_0.1_1.10000_2"}, "up to 9,999"),
        ({"area": "0_0.1_1.-1_2"}, "up to 9,999"),
        ({"region": "0"}, "from 1"),
        ({"region": "1,x"}, "whole number"),
        ({"neighbours": "duplicates"}, "Did you mean 'duplicate'"),
    ],
)
def test_what_cannot_be_meant_is_refused(asked: dict[str, str], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        Wish.parse(asked)


def test_regions_that_are_not_there_and_a_map_that_is_not_made_are_refused() -> None:
    five = items([[0, 0, 1, 2, 2]] * 2)
    with pytest.raises(OptionError, match="no region 3; the map has 2"):
        Selections(five, item_map=small_map).require(Wish(region=(3,)))
    for wish in (Wish(region=(1,)), Wish(area=((0, 0), (1, 0), (1, 1))), Wish(neighbours=("outlier",))):
        with pytest.raises(OptionError, match="there is none yet"):
            Selections(five).rows(wish)


def test_the_command_makes_the_map_of_a_run(tmp_path: Path, demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(write_fake_run(tmp_path / "run", demo))
    names = load_items(run).names
    with pytest.raises(DamageError, match="missing"):
        read_map(run, len(names))
    assert main(["map", str(run.folder), "--out", str(tmp_path / "points.csv")]) == 0
    item_map = read_map(run, len(names))
    assert f"the map of {len(names)} images: {item_map.regions} regions" in capsys.readouterr().out
    frame = pd.read_csv(tmp_path / "points.csv")
    assert frame["image"].tolist() == names.to_pylist()
    assert frame["most_like"].tolist() == names.take(item_map.twin).to_pylist()
    assert frame["region"].tolist() == (item_map.region + 1).tolist()
    for wrong in (["--out", str(tmp_path / "points.json")], ["--seed", "-1"]):
        assert main(["map", str(run.folder), *wrong]) == 2

    features = run.results / "features.npy"
    kept = np.load(features)
    np.save(features, kept[::-1].astype(np.float32))
    with pytest.raises(DamageError, match="made from other features"):
        read_map(run, len(names))
    assert (make_map(run).row == item_map.row).all()
    for wrong, words in (
        (kept[1:], "features of"),
        (np.full_like(kept, np.nan), "not finite"),
        (None, "kept no features"),
    ):
        features.unlink() if wrong is None else np.save(features, wrong)
        with pytest.raises(RunError, match=words):
            make_map(run)


@pytest.mark.parametrize(
    "columns",
    [
        {"row": np.array([0, 1, 4, 3], np.int32)},
        {"row": np.array([0, 1, 3, 5], np.int32)},
        {"x": np.array([0, 1, 2, 10_000], np.uint16)},
        {"region": np.array([0, 0, 1, 99], np.int16)},
        {"twin": np.array([0, 1, 5, 3], np.int32)},
        {"far": np.array([0, 1, np.nan, 3], np.float32)},
        {"y": np.array([0.5, 1, 2, 3])},
    ],
)
def test_a_damaged_map_is_named(tmp_path: Path, columns: dict[str, np.ndarray]) -> None:
    run = Run(tmp_path)
    (tmp_path / "results").mkdir()
    (tmp_path / "manifest.json").write_text('{"complete": true}')
    np.save(run.results / "features.npy", np.zeros((5, 2), np.float16))
    write_map(run, small_map())
    assert read_map(run, 5).x.tolist() == [1000, 9000, 1000, 9000]
    write_map(run, small_map(**columns))
    with pytest.raises(DamageError, match="map.parquet"):
        read_map(run, 5)
    table = pq.read_table(map_file(run))
    pq.write_table(table.drop_columns(["far"]), map_file(run))
    with pytest.raises(DamageError, match="map.parquet"):
        read_map(run, 5)
