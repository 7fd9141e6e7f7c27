"""The demo dataset: what is written, that it repeats, and that its labels err as planted."""

from __future__ import annotations

import csv
import json
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from ltnet_core.datasets import demo
from ltnet_core.datasets.faces.expression import NEIGHBOURS, blend_weights
from ltnet_core.errors import OptionError

ITEMS = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("demo") / "new" / "faces"
    demo.write_demo(target, items=ITEMS, seed=3)
    return target


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@cache
def plan(items: int) -> demo.Plan:
    return demo.make_plan(items, np.random.default_rng(0))


def test_the_same_seed_gives_the_same_bytes_whatever_the_global_state(folder: Path, tmp_path: Path) -> None:
    np.random.seed(1)  # noqa: NPY002  the global state is what must not matter
    again = tmp_path / "again"
    again.mkdir()  # an existing empty folder is as good as a new one
    demo.write_demo(again, items=ITEMS, seed=3)
    assert contents(again) == contents(folder)
    assert [p.name for p in tmp_path.iterdir()] == ["again"]


def test_another_seed_gives_other_files(folder: Path, tmp_path: Path) -> None:
    demo.write_demo(tmp_path / "other", items=ITEMS, seed=4)
    one, other = contents(folder), contents(tmp_path / "other")
    assert one["truth.csv"] != other["truth.csv"]
    assert one["annotations.csv"] != other["annotations.csv"]
    assert all(one[name] != other[name] for name in one if name.endswith(".jpg"))


def test_the_tables_fit_together(folder: Path) -> None:
    truth, labels = rows(folder / "truth.csv"), rows(folder / "annotations.csv")
    names = [f"images/{index:05d}.jpg" for index in range(ITEMS)]
    assert [row["image"] for row in truth] == names
    assert sorted(p.relative_to(folder).as_posix() for p in (folder / "images").iterdir()) == names
    tests = {row["image"] for row in truth if row["split"] == "test"}
    assert len(tests) == 6 and {row["split"] for row in truth} == {"train", "test"}
    assert not tests & {row["image"] for row in labels}
    assert {row["coder"] for row in labels} == {"Alpha", "Beta"}
    assert {row["label"] for row in labels} <= set(demo.CLASSES)
    assert [tuple(row.values()) for row in rows(folder / "classes.csv")] == list(
        zip(demo.CLASSES, demo.CODES, strict=True)
    )
    planted = json.loads((folder / "planted_T.json").read_text(encoding="utf-8"))
    assert planted == {"classes": list(demo.CLASSES), "coders": demo.PLANTED}
    assert len((folder / "README.txt").read_text(encoding="utf-8").splitlines()) == 3


def test_the_images_are_64_by_64_rgb_and_differ(folder: Path) -> None:
    pixels = []
    for path in sorted((folder / "images").iterdir()):
        with Image.open(path) as image:
            assert (image.size, image.mode, image.format) == ((64, 64), "RGB", "JPEG")
            pixels.append(np.asarray(image).tobytes())
    assert len(set(pixels)) == ITEMS


@pytest.mark.parametrize("items", [100, 137, 2400])
def test_every_part_has_its_share_of_every_class(items: int) -> None:
    made = plan(items)
    per_class = Counter(made.truth.tolist())
    for k, weight in enumerate(demo.CLASS_WEIGHTS):
        assert abs(per_class[k] - items * weight / sum(demo.CLASS_WEIGHTS)) <= 1
    both = Counter(zip(made.truth.tolist(), made.part, strict=True))
    for part, (share, _) in demo.PARTS.items():
        assert abs(made.part.count(part) - items * share) <= 1
        for k in per_class:
            assert abs(both[k, part] - per_class[k] * share) <= 2
    combinations = set(zip(made.truth.tolist(), made.split, strict=True))
    assert combinations == {(k, split) for k in range(len(demo.CLASSES)) for split in ("train", "test")}


def test_each_part_is_labelled_by_its_coders_only() -> None:
    made = plan(400)
    coders = Counter((item, coder) for item, coder, _ in made.annotations)
    wanted = [(i, coder) for i, part in enumerate(made.part) for coder in demo.PARTS[part][1]]
    assert coders == Counter(wanted)


@pytest.mark.parametrize("coder", demo.PLANTED)
def test_planted_rows_sum_to_one_and_the_truth_leads_each(coder: str) -> None:
    matrix = np.array(demo.PLANTED[coder])
    assert matrix.shape == (7, 7)
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    np.testing.assert_allclose(matrix, np.round(matrix, 2))
    off = matrix - np.diag(np.diag(matrix))
    assert (np.diag(matrix) > off.max(axis=1)).all() and (matrix > 0).all()
    assert np.diag(matrix).min() >= 0.55 and np.diag(matrix).max() <= 0.92
    assert np.diag(matrix).mean() == pytest.approx({"Alpha": 0.74, "Beta": 0.68}[coder], abs=0.01)


def confusion(made: demo.Plan, coder: str) -> npt.NDArray[np.float64]:
    """Counts (K, K) of a coder's labels against the truth."""
    table = np.zeros((len(demo.CLASSES), len(demo.CLASSES)))
    for item, name, label in made.annotations:
        table[made.truth[item], label] += name == coder
    return table


@pytest.mark.parametrize("coder", demo.PLANTED)
def test_annotations_err_as_planted(coder: str) -> None:
    planted = np.array(demo.PLANTED[coder])
    small = confusion(plan(2400), coder)
    # A row rests on about 100 to 200 labels, so a cell strays by at most four of its standard errors.
    allowed = 4 * np.sqrt(planted * (1 - planted) / small.sum(axis=1, keepdims=True)) + 0.01
    assert (np.abs(small / small.sum(axis=1, keepdims=True) - planted) < allowed).all()
    large = confusion(plan(30_000), coder)
    np.testing.assert_allclose(large / large.sum(axis=1, keepdims=True), planted, atol=0.04)


def test_the_number_of_an_item_says_nothing_about_it() -> None:
    made = plan(2400)
    for values in (made.truth, np.array([list(demo.PARTS).index(part) for part in made.part])):
        assert abs(np.corrcoef(np.arange(2400), values)[0, 1]) < 0.1
    chance = float(np.sum((np.bincount(made.truth) / 2400) ** 2))
    repeats = float(np.mean(made.truth[1:] == made.truth[:-1]))
    assert repeats == pytest.approx(chance, abs=0.04)  # no runs and no cycle of classes


@pytest.mark.parametrize("name", demo.CLASSES)
def test_the_true_class_leads_every_blend(name: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        shares = blend_weights(name, rng)
        assert sum(shares.values()) == pytest.approx(1)
        assert min(shares.values()) >= 0
        assert all(shares[name] > share for other, share in shares.items() if other != name)
    assert set(NEIGHBOURS[name]) <= set(demo.CLASSES) - {name}


def test_a_folder_with_something_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(OptionError, match="not empty"):
        demo.write_demo(tmp_path, items=ITEMS)
    with pytest.raises(OptionError, match="not a folder"):
        demo.write_demo(tmp_path / "mine.txt", items=ITEMS)
    assert contents(tmp_path) == {"mine.txt": b"keep me"}


@pytest.mark.parametrize("items", [-1, 0, 19, 100_001, 40.0, True])
def test_senseless_sizes_are_refused(items: int, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="items"):
        demo.write_demo(tmp_path / "x", items=items)
    with pytest.raises(OptionError, match="seed"):
        demo.write_demo(tmp_path / "x", items=ITEMS, seed=-1)
    assert not (tmp_path / "x").exists()


def test_a_call_that_dies_leaves_no_folder(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        assert total == ITEMS
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        demo.write_demo(tmp_path / "x", items=ITEMS, progress=stop)
    assert list(tmp_path.iterdir()) == []
