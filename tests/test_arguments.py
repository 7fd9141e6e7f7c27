"""What a Python program passes: types of NumPy, pandas and PyTorch, what cannot be meant, and its own settings."""

from __future__ import annotations

import pickle
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone

from ltnet_core import IPA2LT, Run, Study, load_dataset, make_settings, predict_images
from ltnet_core.datasets.demo import write_demo
from ltnet_core.errors import DatasetError, OptionError
from ltnet_core.fit import new_run, tell_waiting, train_run
from ltnet_core.runs.run import STALL_SECONDS

FAST = {"epochs": 1, "image_size": 8, "batch_size": 16, "machine_coders": False, "comparisons": False}


def model(**changes: Any) -> IPA2LT:
    return IPA2LT("quick", device="cpu", **(FAST | changes))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("demo") / "faces"
    write_demo(folder, items=40, seed=1)
    return load_dataset(folder)


@pytest.fixture(scope="module")
def fitted(study: Study, tmp_path_factory: pytest.TempPathFactory) -> IPA2LT:
    return model().fit(study, tmp_path_factory.mktemp("runs") / "run")


def test_numbers_and_lists_of_other_libraries_are_taken() -> None:
    taken = make_settings(
        "quick",
        epochs=np.int64(3),
        lr=np.float64(0.5),
        augment=np.bool_(False),
        coders=pd.Index(["A", "B"]),
        coder_weights={"A": np.float32(2)},
        weights=Path("w.pt"),
    )
    plain = make_settings(
        "quick", epochs=3, lr=0.5, augment=False, coders=["A", "B"], coder_weights={"A": 2.0}, weights="w.pt"
    )
    assert taken == plain and repr(taken) == repr(plain)
    assert make_settings(coders=np.array(["A"])).coders.coders == ("A",)
    with pytest.raises(OptionError, match="epochs must be a whole number, got 1.0"):
        make_settings(epochs=np.float64(1))
    with pytest.raises(OptionError, match=r"coders must be names, got \(0,\)"):
        make_settings(coders=[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"device": None}, "device must be a text such as 'auto', 'cpu' or 'cuda:0', got None"),
        ({"seed": None}, "seed must be a whole number, got None"),
        ({"left_out": "images/00001.jpg"}, "left_out must be a list of names of images, got 'images/00001.jpg'"),
        ({"left_out": [1]}, "left_out must be a list of names of images, got 1 among them"),
        ({"adjudications": "settled.csv"}, "adjudications must be a table (DataFrame) of image and label, got str"),
        ({"adjudications": pd.DataFrame({"image": ["a"]})}, "there is no 'label'"),
        ({"adjudications": pd.DataFrame({"image": ["a"] * 2, "label": ["b"] * 2})}, "adjudications settle 'a' twice"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_left(
    study: Study, changes: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    refused = IPA2LT("quick", **(FAST | changes))
    with pytest.raises(OptionError) as error:
        refused.fit(study)
    assert message in str(error.value)
    assert not list(tmp_path.iterdir())


def test_another_thing_in_the_place_of_a_study_a_run_or_settings(study: Study, fitted: IPA2LT, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"a study is needed, as load_dataset\(FOLDER\) returns, got str"):
        model().fit("faces/")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="settings are needed, as make_settings"):
        new_run(study, tmp_path / "run", "quick")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="processes must be a whole number of at least 1, got '2'"):
        new_run(study, tmp_path / "run", make_settings("quick"), processes="2")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="a run is needed"):
        train_run(study, str(fitted.run_.folder))  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()


def test_features_are_a_file_or_an_array_of_numbers(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    on_features = IPA2LT("quick", epochs=1, machine_coders=False, comparisons=False, device="cpu")
    drawn = np.random.default_rng(0).normal(size=(len(study.table.items), 3))
    for wrong, message in (
        (pd.DataFrame(drawn), "a NumPy array with a row for each of study.table.items, got DataFrame"),
        (drawn.tolist(), "got list"),
        (drawn.astype(str), "features must be numbers, got an array of <U"),
    ):
        with pytest.raises(OptionError, match=message):
            on_features.fit(study, features=wrong)
    with pytest.raises(DatasetError, match="is nan"):
        on_features.fit(study, features=np.where(drawn > 2, np.nan, drawn))
    assert not list(tmp_path.iterdir())
    counts = np.arange(len(drawn) * 2).reshape(-1, 2)
    assert len(on_features.fit(study, features=counts).truth_) > 0


def test_images_to_leave_out_that_are_not_there_are_told(study: Study, tmp_path: Path) -> None:
    run = new_run(study, tmp_path / "run", make_settings("quick", **FAST), left_out=np.array(["no.png"]))
    assert [e["message"] for e in run.events()] == ["1 image to be left out: there is no such image in the dataset."]
    assert new_run(study, tmp_path / "other", make_settings("quick", **FAST), left_out=None).events() == []


def test_it_is_an_estimator_as_scikit_learn_has_them(fitted: IPA2LT) -> None:
    first = model(seed=3, lr=0.25)
    copy = clone(first)
    assert copy.get_params() == first.get_params() and copy is not first
    assert copy.get_params()["lr"] == 0.25 and copy.get_params()["seed"] == 3
    assert copy.set_params(lr=0.5, seed=4, method="mixture") is copy
    assert (copy.settings["lr"], copy.seed, first.settings["lr"]) == (0.5, 4, 0.25)
    with pytest.raises(OptionError, match="unknown setting 'epoch'. Did you mean 'epochs'"):
        copy.set_params(epoch=3)
    assert not hasattr(clone(fitted), "truth_")
    again = pickle.loads(pickle.dumps(fitted))  # noqa: S301
    pd.testing.assert_frame_equal(again.truth_, fitted.truth_)


def test_a_fit_that_fails_leaves_nothing_of_the_one_before(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twice = model().fit(study, tmp_path / "a")
    with pytest.raises(OptionError):
        twice.set_params(epochs=0).fit(study, tmp_path / "b")
    assert len(twice.truth_)  # nothing began
    monkeypatch.setattr("ltnet_core.fit.write_results", lambda *given: (_ for _ in ()).throw(ValueError("no")))
    with pytest.raises(ValueError, match="no"):
        twice.set_params(epochs=1).fit(study, tmp_path / "c")
    assert not hasattr(twice, "truth_") and twice.run_.folder == tmp_path / "c"


def test_what_a_program_has_set_changes_no_run(study: Study, fitted: IPA2LT, tmp_path: Path) -> None:
    image = str(Path(study.files.location) / study.table.items[0])
    before = predict_images(fitted.run_, image)
    torch.set_default_dtype(torch.float64)
    try:
        with np.errstate(all="raise"), torch.inference_mode():
            other = model().fit(study, tmp_path / "run")
            after = predict_images(fitted.run_, Path(image))
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    pd.testing.assert_frame_equal(other.truth_, fitted.truth_)
    assert before[0]["p"] == after[0]["p"]
    with pytest.raises(OptionError, match="batch_size must be at least 1, got 0"):
        predict_images(fitted.run_, [image], batch_size=0)


def test_threads_train_one_after_the_other_to_the_same_result(study: Study, fitted: IPA2LT, tmp_path: Path) -> None:
    made: dict[int, IPA2LT] = {}

    def fit(number: int) -> None:
        made[number] = model().fit(study, tmp_path / f"{number}")

    threads = [threading.Thread(target=fit, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(3):
        pd.testing.assert_frame_equal(made[number].truth_, fitted.truth_)


def test_a_run_that_waits_long_is_not_stalled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run" / "checkpoint").mkdir(parents=True)
    run = Run(tmp_path / "run")
    (run.folder / "spec.json").write_text("{}")
    now = time.time()
    with run.lock():
        for second in range(0, int(3 * STALL_SECONDS), 10):
            monkeypatch.setattr(time, "time", lambda second=second: now + second)
            tell_waiting(run, "a GPU")
            assert run.status().state == "queued", second
    assert 2 < len(run.events()) < 9
    assert {e["message"] for e in run.events()} == {"waiting for a GPU"}
