"""What each file of a run must hold: one wrong value at a time is refused, with the reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ltnet_core.errors import DamageError, OptionError
from ltnet_core.runs.run_contents import SUM_TOLERANCE, cells_of, check_result, read_spec
from ltnet_core.settings import Settings

HUGE = 10**400
EYE = [[1.0, 0.0], [0.0, 1.0]]

SPEC: dict[str, Any] = {
    "dataset": "/d",
    "dataset_name": "d",
    "fingerprint": "x",
    "preset": "quick",
    "settings": {},
    "seed": 0,
    "device": "cpu",
    "classes": ["a", "b"],
    "codes": ["A", "B"],
}
NAMES: dict[str, Any] = {
    "classes": ["a", "b"],
    "coders": ["X", "Y"],
    "origins": ["X"],
    "splits": [""],
    "given": [],
    "weights": [1.0, 0.5],
    "dawid_skene": ["X"],
    "reference_coder": None,
    "reference_source": {"Y": "planted"},
}
TRANSITIONS: dict[str, Any] = {
    "classes": ["a", "b"],
    "coders": {"X": EYE, "Y": [[0.5, 0.5], [0.25, 0.75]]},
    "start": None,
    "dawid_skene": {"X": EYE},
    "counts": {"X": [[3.0, 1.0], [0.0, 2.0]], "Y": EYE},
    "support": {"X": [3.0, 1.0], "Y": [0.0, 0.0]},
    "low": {"X": EYE, "Y": EYE},
    "high": {"X": EYE, "Y": EYE},
    "reference": {"X": [None, [0.0, 1.0]]},
    "given": ["X"],
}
SCORE = {
    "items": 3,
    "accuracy": 0.5,
    "macro_f1": 1.0,
    "ece": 0.0,
    "confusion": [[0, 1, 3]],
    "calibration": [[0.5, 1.0, 3]],
}
EVALUATION: dict[str, Any] = {
    "tests": {"test": {"items": 3, "methods": {"ltnet": SCORE}}},
    "transitions": {"X": {"mae": None}},
    "truth": {"items": 3, "accuracy": None, "human_labels_accuracy": 1, "methods": {"posterior": SCORE}},
}
NETWORKS: dict[str, Any] = {
    "network": "cnn",
    "last_relu": True,
    "image_size": 32,
    "channels": 3,
    "mean": [0.5] * 3,
    "std": [0.5] * 3,
    "method": "ltnet",
    "trained_classes": ["a", "b"],
    "trained_coders": ["X"],
    "files": {"ltnet": "ltnet.safetensors"},
    "temperature": 1.0,
    "view_shifts": [0, 8, -8],
}
WHOLE = {
    "names.json": NAMES,
    "transitions.json": TRANSITIONS,
    "evaluation.json": EVALUATION,
    "networks/index.json": NETWORKS,
}
Change = Callable[[dict[str, Any]], object]


def write(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def changed(name: str, change: Change) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(json.dumps(WHOLE[name]))
    change(content)
    return content


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_file_is_accepted(tmp_path: Path, name: str) -> None:
    check_result(name, write(tmp_path, name, WHOLE[name]), whole=True)


def put(*path: Any) -> Change:
    """Set the value at the end of a path of keys."""
    *keys, last, value = path

    def change(content: Any) -> None:
        for key in keys:
            content = content[key]
        content[last] = value

    return change


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("names.json", put("classes", ["a", "a"]), "classes must be different names"),
        ("names.json", put("coders", ["X", "X"]), "coders must be different names"),
        ("names.json", put("origins", ["X", "X"]), "origins must be different names"),
        ("names.json", put("splits", ["", ""]), "splits must be different names"),
        ("names.json", put("classes", []), "it must name classes and coders"),
        ("names.json", put("weights", [1.0]), "weights must hold a number for each coder"),
        ("names.json", put("weights", [1.0, -0.1]), "weights must hold a number for each coder, none below 0"),
        ("names.json", put("given", ["Z"]), "given names a coder that there is not"),
        ("names.json", put("dawid_skene", ["Z"]), "dawid_skene names a coder that there is not"),
        ("names.json", put("reference_source", {"Z": "truth"}), "reference_source names a coder"),
        ("names.json", put("weights", None), "weights must be a list"),
        ("names.json", lambda c: c.pop("given"), "it has no 'given'"),
        ("transitions.json", put("classes", []), "classes must be different names"),
        ("transitions.json", put("classes", ["a", "a"]), "classes must be different names"),
        ("transitions.json", put("coders", "X", [[1.0, 0.0]]), "the coders of 'X' must be 2 × 2 numbers"),
        ("transitions.json", put("coders", "X", [[0.5, 0.5], [1.0]]), "the coders of 'X' must be 2 × 2"),
        ("transitions.json", put("coders", "X", [[0.5], [0.5]]), "the coders of 'X' must be 2 × 2"),
        (
            "transitions.json",
            put("coders", "X", 0, [1.5, -0.5]),
            "the coders of 'X' must be 2 × 2 numbers, none below 0",
        ),
        ("transitions.json", put("coders", "X", 0, [0.5, 0.4]), "the rows of the coders of 'X' must sum to 1"),
        ("transitions.json", put("dawid_skene", "X", 0, [0.5, 0.4]), "the rows of the dawid_skene of 'X' must sum"),
        ("transitions.json", put("reference", "X", 1, [0.5, 0.4]), "the rows of the reference of 'X' must sum"),
        ("transitions.json", put("start", {"X": [[2.0, 0.0], [0.0, 1.0]]}), "the rows of the start of 'X' must sum"),
        ("transitions.json", put("counts", "X", 0, 0, -1), "the counts of 'X' must be 2 × 2 numbers, none below 0"),
        ("transitions.json", put("counts", "X", 0, 0, HUGE), "OverflowError"),
        ("transitions.json", put("support", "X", [1.0]), "support must be 2 numbers a coder"),
        ("transitions.json", put("support", "X", [1.0, -1.0]), "support must be 2 numbers a coder, none below 0"),
        ("transitions.json", lambda c: c["low"].pop("Y"), "low leaves out a coder"),
        ("transitions.json", lambda c: c["support"].pop("Y"), "support leaves out a coder"),
        ("transitions.json", put("weights", {"X": 1.0}), "weights leaves out a coder"),
        ("transitions.json", put("given", ["Z"]), "given names a coder that there is not"),
        ("evaluation.json", put("truth", "accuracy", 1.1), "a share must lie between 0 and 1"),
        ("evaluation.json", put("truth", "human_labels_accuracy", -0.1), "a share must lie between 0 and 1"),
        ("evaluation.json", put("tests", "test", "methods", "ltnet", "ece", 2), "a share must lie between 0 and 1"),
        ("evaluation.json", put("tests", "test", "items", -1), "a number of items must not be negative"),
        (
            "evaluation.json",
            put("truth", "methods", "posterior", "items", -1),
            "a number of items must not be negative",
        ),
        ("evaluation.json", put("truth", "methods", "posterior", "confusion", [[0, 1]]), "must hold three numbers"),
        ("evaluation.json", put("truth", "methods", "posterior", "calibration", [[0, 1, -1]]), "none below 0"),
        ("evaluation.json", put("truth", "methods", "posterior", "confusion", [[]]), "must hold three numbers"),
        ("networks/index.json", put("channels", 2), "images must have 1 or 3 channels"),
        ("networks/index.json", put("image_size", 7), "8 to 4096 pixels a side"),
        ("networks/index.json", put("image_size", 4097), "8 to 4096 pixels a side"),
        ("networks/index.json", put("mean", [0.5]), "mean and std must be a number for each channel"),
        ("networks/index.json", put("std", [0.5, 0.5, 0]), "std above 0"),
        ("networks/index.json", put("temperature", 0), "the temperature must be above 0"),
        ("networks/index.json", put("temperature", 1e6), "the temperature must be above 0"),
        ("networks/index.json", put("method", "other"), "files must hold the name of a weights file"),
        ("networks/index.json", put("files", "ltnet", "../x"), "files must hold the name of a weights file"),
        ("networks/index.json", put("files", "ltnet", ""), "files must hold the name of a weights file"),
        ("networks/index.json", lambda c: c.pop("view_shifts"), "it has no 'view_shifts'"),
        ("networks/index.json", put("view_shifts", [9]), "a view is shifted by more than 8"),
        ("networks/index.json", put("network", "features"), "features must be one or more, of images of one pixel"),
    ],
)
def test_one_wrong_value_is_refused(tmp_path: Path, name: str, change: Change, reason: str) -> None:
    path = write(tmp_path, name, changed(name, change))
    with pytest.raises(DamageError, match="is damaged") as error:
        check_result(name, path, whole=True)
    assert reason in error.value.reason


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("names.json", put("weights", [0.0, 0.0])),
        ("transitions.json", put("coders", "X", 0, [1 - SUM_TOLERANCE / 2, 0.0])),
        ("transitions.json", put("reference", {"X": [None, None]})),
        ("evaluation.json", put("truth", "accuracy", 1)),
        ("evaluation.json", put("truth", "items", 0)),
        ("networks/index.json", lambda c: (c.pop("view_shifts"), c.update(mirror=True))),
        ("networks/index.json", lambda c: c.update(channels=1, mean=[0.0], std=[1e-9], image_size=8)),
        ("networks/index.json", put("image_size", 4096)),
        (
            "networks/index.json",
            lambda c: c.update(
                network="features", image_size=1, channels=5, mean=[0.0] * 5, std=[1.0] * 5, hidden_units=0
            ),
        ),
    ],
)
def test_the_last_value_that_is_allowed_is_accepted(tmp_path: Path, name: str, change: Change) -> None:
    check_result(name, write(tmp_path, name, changed(name, change)), whole=True)


@pytest.mark.parametrize(
    "change",
    [
        {"network": "features", "image_size": 1, "channels": 0, "mean": [], "std": [], "hidden_units": 0},
        {"network": "features", "image_size": 1, "channels": 1, "mean": [0.0], "std": [1.0], "hidden_units": -1},
        {"network": "features", "image_size": 1, "channels": 1, "mean": [0.0], "std": [1.0]},
        {"network": "features", "image_size": 2, "channels": 1, "mean": [0.0], "std": [1.0], "hidden_units": 0},
    ],
)
def test_networks_on_features_are_checked_too(tmp_path: Path, change: dict[str, Any]) -> None:
    path = write(tmp_path, "networks/index.json", NETWORKS | change)
    with pytest.raises(DamageError):
        check_result("networks/index.json", path, whole=True)


# ---- spec.json


def test_a_spec_is_read_and_cannot_be_changed_for_others(tmp_path: Path) -> None:
    path = write(tmp_path, "spec.json", SPEC)
    first = read_spec(path)
    first["classes"].append("c")
    assert read_spec(path)["classes"] == ["a", "b"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (put("codes", ["A"]), "every class needs a code"),
        (lambda c: c.update(classes=[], codes=[]), "every class needs a code"),
        (put("dataset", "/d\0"), "a name holds a zero byte"),
        (put("device", "\0"), "a name holds a zero byte"),
        (put("seed", -1), "seed and time must not be negative"),
        (put("created", -1.0), "seed and time must not be negative"),
        (put("created", 1e11), "seed and time must not be negative"),
        (put("seed", True), "seed must be a whole number"),
        (put("settings", {"batch_size": 0}), "settings: batch_size must lie between"),
        (put("settings", {"nothing": 0}), "settings: unknown setting 'nothing'"),
        (put("settings", {"learning_rate_of": 0}), "settings: unknown setting"),
        (put("features", {"vectors": 1}), "features"),
        (lambda c: c.pop("preset"), "it has no 'preset'"),
    ],
)
def test_a_spec_with_a_wrong_value_is_refused(tmp_path: Path, change: Change, reason: str) -> None:
    content = json.loads(json.dumps(SPEC))
    change(content)
    with pytest.raises(DamageError) as error:
        read_spec(write(tmp_path, "spec.json", content))
    assert reason in error.value.reason


def test_a_number_that_no_float_holds_is_no_option(tmp_path: Path) -> None:
    floats = [name for name, option in Settings.options().items() if option.kind is float]
    assert floats
    for name in floats:
        with pytest.raises(OptionError, match=f"{name} must be a number"):
            Settings.options()[name].check(HUGE)
    with pytest.raises(DamageError, match=rf"settings: {floats[0]} must be a number"):
        read_spec(write(tmp_path, "spec.json", SPEC | {"settings": {floats[0]: HUGE}}))


# ---- tables


def matrices(**changes: Any) -> dict[str, Any]:
    one = np.asarray(EYE).ravel()
    values = {
        name: np.tile(one, 2) for name in ("learned", "dawid_skene", "counts", "support", "low", "high", "reference")
    }
    return cells_of(2, 2) | values | changes


def check_matrices(path: Path, columns: dict[str, Any], whole: bool = True) -> None:
    pq.write_table(pa.table(columns), path / "transitions.parquet")
    check_result("transitions.parquet", path / "transitions.parquet", whole=whole)


def test_whole_matrices_are_accepted_and_may_be_unknown_in_part(tmp_path: Path) -> None:
    check_matrices(tmp_path, matrices())
    unknown = np.asarray([np.nan, np.nan, 0, 1, 1, 0, 0, 1])
    check_matrices(tmp_path, matrices(reference=unknown, dawid_skene=unknown))
    check_matrices(tmp_path, matrices(start=np.tile(np.asarray(EYE).ravel(), 2)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"coder": ["x"] * 8}, "column 'coder' must hold whole numbers from 0"),
        ({"label": [0.0, np.nan] * 4}, "column 'label' must hold whole numbers from 0"),
        ({"coder": pa.nulls(8, pa.int32())}, "column 'coder' must hold whole numbers"),
        ({"coder": np.full(8, -1)}, "column 'coder' must hold whole numbers"),
        ({"coder": np.full(8, 2**31)}, "column 'coder' must hold whole numbers"),
        ({"truth": ["x"] * 8}, "it must have a row for each coder, truth and label, in their order"),
        ({"coder": np.asarray([0, 0, 0, 1, 0, 1, 1, 1])}, "it must have a row for each coder"),
        ({"coder": np.full(8, 2**30)}, "it must have a row for each coder"),
        ({"learned": ["x"] * 8}, "column 'learned' must hold numbers that are not below 0"),
        ({"learned": np.full(8, 0.4)}, "the rows of the matrices in column 'learned' must sum to 1"),
        ({"reference": np.full(8, 0.4)}, "the rows of the matrices in column 'reference' must sum to 1"),
        ({"counts": np.asarray([-1.0, *[1.0] * 7])}, "column 'counts' must hold numbers that are not below 0"),
        ({"counts": np.asarray([np.inf, *[1.0] * 7])}, "column 'counts' must hold numbers"),
        ({"counts": np.asarray([np.nan, *[1.0] * 7])}, "column 'counts' must hold a number in every row"),
        ({"learned": np.asarray([np.nan, *[1.0] * 7])}, "column 'learned' must hold a number in every row"),
    ],
)
def test_matrices_with_a_wrong_column_are_refused(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    with pytest.raises(DamageError) as error:
        check_matrices(tmp_path, matrices(**change))
    assert reason in error.value.reason
    check_matrices(tmp_path, matrices(**change), whole=False)  # of a file whose digest is right


def test_matrices_need_their_rows_and_columns(tmp_path: Path) -> None:
    whole = matrices()
    for name in ("coder", "high"):
        with pytest.raises(DamageError, match=f"it has no column '{name}'"):
            check_matrices(tmp_path, {k: v for k, v in whole.items() if k != name}, whole=False)
    for rows in (0, 7):
        with pytest.raises(DamageError, match="it must have a row for each coder"):
            check_matrices(tmp_path, {name: values[:rows] for name, values in whole.items()})


ITEMS = {
    "image": ["a", "b"],
    "truth": [0, 1],
    "network": [0, 1],
    "known": [-1, -1],
    "origin": [0, 0],
    "split": [0, 0],
    "confidence": [0.0, 1.0],
    "margin": [0.5, 0.5],
    "p_0": [0.0, 1.0 + 1e-7],
    "other": [5.0, -5.0],
}


def check_items(path: Path, columns: dict[str, Any], whole: bool = True) -> None:
    pq.write_table(pa.table(columns), path / "items.parquet")
    check_result("items.parquet", path / "items.parquet", whole=whole)


def test_items_hold_probabilities(tmp_path: Path) -> None:
    check_items(tmp_path, ITEMS)
    check_items(
        tmp_path,
        {name: values[:0] for name, values in ITEMS.items()} | {"confidence": np.zeros(0), "margin": np.zeros(0)},
    )
    for column, value in (("p_0", 1.01), ("p_0", -0.01), ("confidence", np.nan), ("margin", np.inf), ("other", np.nan)):
        with pytest.raises(DamageError, match=f"column '{column}' holds a value that is no probability"):
            check_items(tmp_path, ITEMS | {column: [0.5, value]})
    check_items(tmp_path, ITEMS | {"p_0": [0.5, 1.01]}, whole=False)
    with pytest.raises(DamageError, match="a probability is no number"):
        check_items(tmp_path, ITEMS | {"margin": ["x", "y"]}, whole=False)
    with pytest.raises(DamageError, match="it has no column 'network'"):
        check_items(tmp_path, {name: values for name, values in ITEMS.items() if name != "network"}, whole=False)


def test_features_are_rows_of_numbers(tmp_path: Path) -> None:
    for number, (array, good) in enumerate(
        ((np.zeros((2, 3), np.float32), True), (np.zeros(3), False), (np.zeros((2, 3), np.int64), False))
    ):
        path = tmp_path / f"{number}.npy"
        np.save(path, array)
        if good:
            check_result("features.npy", path, whole=True)
        else:
            with pytest.raises(DamageError, match="expected rows of numbers"):
                check_result("features.npy", path, whole=True)


def test_a_file_is_checked_again_when_it_changes(tmp_path: Path) -> None:
    path = write(tmp_path, "names.json", NAMES)
    check_result("names.json", path, whole=True)
    write(tmp_path, "names.json", NAMES | {"classes": []})
    with pytest.raises(DamageError):
        check_result("names.json", path, whole=True)
