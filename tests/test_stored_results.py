"""The store of a finished run: what is written is read back, nothing grows with coders × items, names lie in one file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from fake_run import write_fake_run, write_made_up_results
from run_results import rows_of

from ltnet_core.annotations import AnnotationTable
from ltnet_core.datasets import Study, load_dataset
from ltnet_core.explore.explanation import explain
from ltnet_core.export.finished_run import load_truth
from ltnet_core.files.writing import write_json
from ltnet_core.learning.results import Learned
from ltnet_core.runs import evaluation
from ltnet_core.runs.run import Run
from ltnet_core.runs.stored_results import load_items, open_results, read_transitions

Made = tuple[Run, Study, Learned]


@pytest.fixture(scope="module")
def made(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A finished run whose results were made up, its study, and what was made up, in the study's order of coders."""
    folder = write_fake_run(tmp_path_factory.mktemp("stored") / "run", demo)
    study = load_dataset(demo)
    learned = write_made_up_results(Run(folder), study)
    return Run(folder), study, learned.in_order_of(study.table)


def test_items_are_what_was_learned(made: Made) -> None:
    run, study, learned = made
    items = load_items(run)
    rows = np.concatenate([learned.items, np.flatnonzero(study.is_test)])
    assert items.names.to_pylist() == study.table.items[rows].tolist()
    assert items.learned_from() == len(learned.items) < len(items)
    np.testing.assert_array_equal(items.truth, learned.posterior[rows].argmax(1))
    np.testing.assert_array_equal(items.network, learned.networks["ltnet"][rows].argmax(1))
    np.testing.assert_array_equal(items.known, study.truth[rows])
    np.testing.assert_array_equal(open_results(run).posterior(7), learned.posterior[rows[:7]])
    for position, coder in enumerate(learned.table.coders):
        np.testing.assert_array_equal(items.labels.of_coder(position), learned.table.labels_of(coder)[rows])


def test_matrices_are_what_was_learned(made: Made) -> None:
    run, study, learned = made
    stored = read_transitions(run)
    assert stored["classes"] == list(study.table.classes)
    assert list(stored["coders"]) == list(learned.table.coders)
    assert stored["coders"] == dict(zip(learned.table.coders, learned.transitions.tolist(), strict=True))
    assert stored["weights"] == dict(zip(learned.table.coders, learned.weights.tolist(), strict=True))
    assert set(stored["dawid_skene"]) == set(study.table.coders)
    assert stored["reference"].items() >= {c: m.tolist() for c, m in study.planted.items()}.items()
    assert list(stored["reference"]) == list(stored["reference_source"]) == list(learned.table.coders)
    assert stored["reference_source"]["Alpha"] == "planted" and stored["reference_source"]["machine:Alpha"] == "truth"
    assert {len(s) for s in stored["support"].values()} == {len(stored["classes"])}


def test_rows_of_the_true_matrix_that_nobody_knows_are_null(plain: Path, tmp_path: Path) -> None:
    """Of a and b, which X and Y labelled, only a's truth is known: cat."""
    write_fake_run(tmp_path / "run", plain)
    stored = read_transitions(Run(tmp_path / "run"))
    assert stored["reference"] == {"X": [[1.0, 0.0], None], "Y": [[1.0, 0.0], None]}
    assert stored["reference_source"] == {"X": "truth", "Y": "truth"}


def test_names_lie_in_one_file_and_no_column_is_a_coders_or_a_classs(made: Made) -> None:
    run, study, _ = made
    names = json.loads((run.results / "names.json").read_text())
    assert (names["classes"], names["splits"]) == (list(study.table.classes), ["", "test"])
    for path in run.results.glob("*.parquet"):
        schema = pq.read_schema(path)
        words = {*names["classes"], *names["coders"], *(f"p_{c}" for c in names["classes"])}
        assert not words & set(schema.names), path
        texts = [f.name for f in schema if str(f.type) in ("string", "large_string")]
        assert texts == (["image"] if path.name == "items.parquet" else []), path


def test_the_first_annotation_of_a_row_and_coder_is_its_label(made: Made) -> None:
    run, _, _ = made
    first = pd.read_parquet(run.results / "annotations.parquet").drop_duplicates(["row", "coder"])
    items = load_items(run)
    for coder, mine in first.groupby("coder"):
        column = items.labels.of_coder(int(coder))
        assert np.flatnonzero(column >= 0).tolist() == mine["row"].tolist()
        assert column[column >= 0].tolist() == mine["label"].tolist()


@pytest.mark.parametrize("coders", [30, 300])
def test_items_do_not_grow_with_the_coders(plain: Path, tmp_path: Path, coders: int) -> None:
    """Sixty images, each labelled by three of the coders."""
    rng = np.random.default_rng(0)
    item, coder = np.repeat(np.arange(60), 3), np.concatenate([np.sort(rng.permutation(coders)[:3]) for _ in range(60)])
    table = AnnotationTable(
        np.asarray([f"{n:02d}.png" for n in range(60)], dtype=object),
        tuple(f"c{c:04d}" for c in range(coders)),
        ("x", "y", "z"),
        item.astype(np.int32),
        coder.astype(np.int32),
        rng.integers(0, 3, 180).astype(np.int32),
        np.ones(180, np.float32),
    )
    nobody = np.full(60, -1, np.int32), np.full(60, "", dtype=object)
    run = Run(tmp_path)
    write_made_up_results(run, Study("crowd", "plain", load_dataset(plain).files, table, ("Xx", "Yy", "Zz"), *nobody))
    assert len(pq.read_schema(run.results / "items.parquet").names) == 9 + 2 * 3
    assert (run.results / "items.parquet").stat().st_size < 12_000


def test_a_class_or_coder_of_any_name_comes_back(tmp_path: Path, plain: Path) -> None:
    """Names that are columns of some table, hold the mark of several coders, or look like a number."""
    words = {"cat": "p_0", "dog": "image", "X": "confidence", "Y": "X+machine:"}
    text = (plain / "annotations.csv").read_text()
    for old, new in words.items():
        text = text.replace(f",{old}", f",{new}")
    (plain / "annotations.csv").write_text(text)
    (plain / "truth.csv").write_text((plain / "truth.csv").read_text().replace("cat", "p_0").replace("dog", "image"))
    run = write_fake_run(tmp_path / "run", plain)
    frame = load_truth(Run(run)).set_index("image")
    assert frame.loc["images/b.png", ["coder:confidence", "X+machine:"]].tolist() == ["image", "p_0"]
    assert {"p_p_0", "p_image"} <= set(frame.columns)
    assert set(rows_of(run)["_origin"]) == {"X+machine:+confidence", "unlabelled"}
    assert set(explain(Run(run), load_items(Run(run)), 0).annotations) >= {"confidence"}


def test_labels_are_aggregated_once_by_each_method(demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody labelled a test image, so what is learned from is all there is."""
    asked: list[str] = []
    real = evaluation.aggregate

    def counted(table: AnnotationTable, method: str) -> object:
        asked.append(method)
        return real(table, method)

    monkeypatch.setattr(evaluation, "aggregate", counted)
    write_made_up_results(Run(tmp_path), load_dataset(demo))
    assert sorted(asked) == sorted(evaluation.AGGREGATED)


class Name(str):
    """A name that counts how often it is hashed."""

    hashed = 0

    def __hash__(self) -> int:
        Name.hashed += 1
        return super().__hash__()


def test_a_part_of_a_table_does_not_hash_its_items_again() -> None:
    items = np.asarray([Name("a"), Name("b"), Name("c")], dtype=object)
    index = np.arange(3, dtype=np.int32)
    table = AnnotationTable(items, ("X", "Y", "Z"), ("k", "l", "m"), index, index, index, np.ones(3, np.float32))
    Name.hashed = 0
    part = table.keep_coders(["Z", "X"]).keep_items(np.array([True, False, True])).canonical()[0]
    assert (Name.hashed, len(part)) == (0, 2)
    other = table.in_order(["Z", "X"], ["m", "k", "l"])
    assert (other.coders, other.classes) == (("Z", "X"), ("m", "k", "l"))
    assert other.to_frame().to_numpy().tolist() == [["a", "X", "k", 1.0], ["c", "Z", "m", 1.0]]


def test_results_without_names_are_those_of_the_first_version(made: Made, tmp_path: Path) -> None:
    run, _, _ = made
    assert open_results(run).item_files[0] == "names.json"
    other = Run(tmp_path)
    write_json(other.folder / "manifest.json", {"complete": True})
    assert open_results(other).item_files == ("truth.parquet", "transitions.json")
