"""Options of `fit`, given on the command line: each does what it names, or is refused before anything is written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Command, write_csv
from fake_run import write_fake_run
from fitting import QUICK, read_rows
from PIL import Image
from run_results import matrices_of
from safetensors.torch import load_file
from stripes import stripes

from ltnet_core import IPA2LT, Run, export_run, load_dataset
from ltnet_core.datasets.demo import write_demo
from ltnet_core.errors import Cancelled, OptionError
from ltnet_core.learning import network_stage
from ltnet_core.learning.ipa2lt import NEAR
from ltnet_core.learning.networks import build_network
from ltnet_core.settings import Settings, make_settings


def test_a_method_that_cannot_be_is_refused_before_training(demo: Path, ltnet: Command, tmp_path: Path) -> None:
    unknown = ltnet("fit", demo, "--run", tmp_path / "r", "--method", "crowdlayer")
    assert (unknown.returncode, "Did you mean 'crowd-layer'" in unknown.stderr) == (2, True)
    assert not (tmp_path / "r").exists()
    for flags in (("crowd-layer", "--pseudo", "hard"), ("mixture", "--ltnet-epochs", 3), ("truth", "--no-comparisons")):
        ignored = ltnet("fit", demo, "--run", tmp_path / "r", "--method", *flags)
        assert (ignored.returncode, f"{flags[1]} has no meaning for --method {flags[0]}" in ignored.stderr) == (2, True)
    blind = tmp_path / "blind"
    shutil.copytree(demo, blind)
    rows = [r for r in read_rows(blind / "truth.csv") if r["split"] == "test"]
    write_csv(blind / "truth.csv", ("image", "label", "split"), [list(r.values()) for r in rows])
    refused = ltnet("fit", blind, "--run", tmp_path / "r", "--method", "truth")
    assert refused.returncode == 2
    assert "the method 'truth' needs the known truth of annotated training items" in refused.stderr
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--network", "resnet81"), "unknown network 'resnet81'; choose from cnn"),
        (("--epochs", 0), "epochs must lie between 1 and"),
        (("--batch-size", 1), "batch_size must lie between 2 and"),
        (("--cutout", 2), "cutout must lie between 0.0 and 1.0"),
        (("--reference", "Alfa"), "the reference coder 'Alfa' has no annotations to learn from; there are"),
        (("--reference", "Alpha", "--coder-weights", "Alpha=0"), "the reference coder 'Alpha' has weight 0"),
        (("--reference", "Alpha", "--no-reference"), "leave out one of them"),
        (("--reference", "Alpha", "--method", "mixture"), "has no meaning for another method"),
        (("--reference", "Alpha", "--preset", "paper"), "matrices that start from 'identity'"),
        (("--no-reference", "--method", "mixture"), "--no-reference has no meaning for --method mixture"),
        (("--precision", "float16"), "invalid choice: 'float16'"),
        (("--device", "tpu"), "unknown device 'tpu'"),
        (("--coders", "Alpha,Gamma"), "There is no coder 'Gamma'; the coders are"),
        (("--seed", -1), "seed must not be negative"),
        (("--weights", "gone.pt"), "does not exist"),
        (("--coder-weights", "Alpha"), "takes NAME=WEIGHT"),
        (("--coder-weights", "Alfa=2"), "no such coder takes part. Did you mean 'Alpha'?"),
        (("--coder-weights", "Alpha=-2"), "must lie between 0 and"),
        (("--coder-weights", "Beta=2", "--coders", "Alpha"), "for 'Beta', but no such coder takes part"),
        (("--coder-weights", "Alpha=0,Beta=0"), "every coder weighs 0"),
    ],
)
def test_wrong_flags_are_bad_input_and_leave_nothing_behind(
    demo: Path, ltnet: Command, tmp_path: Path, flags: tuple[object, ...], message: str
) -> None:
    done = ltnet("fit", demo, "--run", tmp_path / "run", "--preset", "quick", *flags)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_coders_and_machine_coders_are_as_asked(demo: Path, ltnet: Command, tmp_path: Path) -> None:
    done = ltnet(
        "fit", demo, "--run", tmp_path / "run", "--preset", "quick", "--epochs", 1, "--coders", "Beta", "--no-machine-coders"
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert list(matrices_of(tmp_path / "run")["coders"]) == ["Beta"]
    methods = json.loads((tmp_path / "run" / "results" / "evaluation.json").read_text())["tests"]["test"]["methods"]
    assert "coder:Beta" not in methods


def test_the_reference_is_who_was_named(demo: Path, ltnet: Command, tmp_path: Path) -> None:
    flags = ("--no-machine-coders", "--no-comparisons", "--epochs", 2)
    for name, flag in (("Beta", ("--reference", "Beta")), (None, ("--no-reference",))):
        run = tmp_path / str(name)
        done = ltnet("fit", demo, "--run", run, *QUICK[:2], *flags, *flag)
        assert done.returncode == 0, done.stderr
        stored = matrices_of(run)
        assert stored["reference_coder"] == name
        starts = {c: np.diagonal(m) for c, m in stored["start"].items()}
        assert (abs(starts["Beta"] - NEAR) < 1e-6).all() == (name == "Beta")
        assert not (abs(starts["Alpha"] - NEAR) < 1e-6).any()
        # The run names the reference coder where it looked for one.
        assert "the reference coder is" not in done.stdout
    again = ltnet("fit", demo, "--run", tmp_path / "again", "--like", tmp_path / "Beta", "--no-reference")
    assert again.returncode == 0, again.stderr
    assert matrices_of(tmp_path / "again")["reference_coder"] is None


def test_a_coder_who_is_right_where_it_is_clear_is_found_to_be_the_reference(ltnet: Command, tmp_path: Path) -> None:
    """Clear images: Alpha is always right, Beta calls every third the next class; nobody labels twice."""
    pixels, truth = stripes(1500, seed=0)
    (tmp_path / "bars" / "images").mkdir(parents=True)
    rows = []
    for number, (image, k) in enumerate(zip(pixels, truth, strict=True)):
        Image.fromarray(image[0]).save(tmp_path / "bars" / "images" / f"{number:04d}.png")
        label = "abc"[(k + (number % 6 == 1)) % 3]
        rows.append((f"images/{number:04d}.png", ("Alpha", "Beta")[number % 2], label))
    write_csv(tmp_path / "bars" / "annotations.csv", ("image", "coder", "label"), rows)
    flags = ("--preset", "quick", "--device", "cpu", "--no-machine-coders", "--no-comparisons")
    done = ltnet("fit", tmp_path / "bars", "--run", tmp_path / "run", *flags, "--epochs", 10)
    assert done.returncode == 0, done.stderr
    assert "the reference coder is 'Alpha'" in done.stdout
    stored = matrices_of(tmp_path / "run")
    assert stored["reference_coder"] == "Alpha"
    assert np.diagonal(stored["coders"]["Alpha"]).min() > 0.9
    assert np.diagonal(stored["coders"]["Beta"]).max() < 0.8
    # Whose labels are not learned from is nobody's reference.
    done = ltnet(
        "fit", tmp_path / "bars", "--run", tmp_path / "deaf", *flags, "--epochs", 1, "--coder-weights", "Alpha=0"
    )
    assert done.returncode == 0, done.stderr
    assert matrices_of(tmp_path / "deaf")["reference_coder"] is None


def test_where_labels_suffice_a_reference_is_refused(ltnet: Command, tmp_path: Path) -> None:
    faces = tmp_path / "faces"
    write_demo(faces, items=40)
    images = [r["image"] for r in read_rows(faces / "truth.csv") if r["split"] == "train"]
    write_csv(faces / "annotations.csv", ("image", "coder", "label"), [(i, c, "fear") for i in images for c in "XYZ"])
    done = ltnet("fit", faces, "--run", tmp_path / "run", "--preset", "quick", "--reference", "X")
    assert (done.returncode, "their labels alone determine the matrices" in done.stderr) == (2, True)
    assert not (tmp_path / "run").exists()


def test_flags_must_fit_the_method_that_like_brings(demo: Path, ltnet: Command, tmp_path: Path) -> None:
    like = write_fake_run(tmp_path / "like", demo)
    spec = json.loads((like / "spec.json").read_text())
    spec["settings"]["method"] = "majority"
    (like / "spec.json").write_text(json.dumps(spec))
    done = ltnet("fit", demo, "--run", tmp_path / "r", "--like", like, "--no-machine-coders")
    assert (done.returncode, "has no meaning for --method majority" in done.stderr) == (2, True)


def test_precision_is_as_asked(demo: Path, ltnet: Command, tmp_path: Path) -> None:
    weights = {}
    for precision in ("float32", "bfloat16"):
        run = tmp_path / precision
        done = ltnet(
            "fit",
            demo,
            "--run",
            run,
            *QUICK,
            "--epochs",
            1,
            "--image-size",
            16,
            "--method",
            "mixture",
            "--precision",
            precision,
        )
        assert done.returncode == 0, done.stderr
        weights[precision] = load_file(run / "results" / "networks" / "mixture.safetensors")
    assert all(w.dtype != torch.bfloat16 for w in weights["bfloat16"].values())
    moved = [
        float((weights["bfloat16"][k] - w).abs().max()) for k, w in weights["float32"].items() if w.is_floating_point()
    ]
    assert 0 < max(moved) < 0.5  # coarser steps, the same way


def test_cutout_is_as_asked(demo: Path, ltnet: Command, tmp_path: Path) -> None:
    losses: dict[float | str, float] = {}
    for cutout in (0.0, 0.9, "auto"):
        run = tmp_path / str(cutout)
        done = ltnet("fit", demo, "--run", run, *QUICK, "--epochs", 3, "--method", "mixture", "--cutout", cutout)
        assert done.returncode == 0, done.stderr
        assert json.loads((run / "spec.json").read_text())["settings"]["data"]["cutout"] == cutout
        losses[cutout] = next(e["train_loss"] for e in reversed(Run(run).events()) if e["event"] == "epoch")
    assert losses[0.9] > 1.1 * losses[0.0]  # of most faces little is left to learn from
    assert losses["auto"] == losses[0.0]  # three epochs are too few to learn from less


def test_cutout_follows_the_whole_schedule_that_a_network_begins(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holes: list[tuple[int, int]] = []

    def begun(model: Any, data: Any, arguments: Any, *others: Any) -> Any:
        holes.append((arguments.schedule.epochs, data.hole))
        raise Cancelled

    monkeypatch.setattr(network_stage, "fit_in_turns", begun)
    model = IPA2LT("quick", cutout="auto", epochs=30, image_size=16, device="cpu", machine_coders=False)
    with pytest.raises(Cancelled):
        model.fit(load_dataset(demo), tmp_path / "run")
    assert holes == [(12, 4)]  # all labels mixed, before LTNet's 18 epochs


def test_a_run_from_before_cutout_and_references_goes_on_without() -> None:
    new = ("cutout", "reference", "find_reference")
    settings = make_settings("default")
    before = {k: settings.value(k) for k in Settings.options() if k not in new}
    assert Settings.from_json(before).data.cutout == 0
    assert not Settings.from_json(before).coders.find_reference
    assert Settings.from_json(settings.to_json()) == settings


def test_the_paper_preset_repeats_the_release(demo: Path, ltnet: Command, tmp_path: Path) -> None:
    flags = ("--preset", "paper", "--epochs", 1, "--image-size", 16, "--device", "cpu")
    done = ltnet("fit", demo, "--run", tmp_path / "run", *flags)
    assert done.returncode == 0, done.stderr
    content = matrices_of(tmp_path / "run")
    for matrix in content["coders"].values():
        assert np.diag(matrix).min() > 0.8  # it starts almost at identity, floor and all, and hardly moves
    assert "cells" in "".join(torch_keys(tmp_path / "run"))


def torch_keys(run: Path) -> list[str]:
    from safetensors import safe_open

    with safe_open(run / "results" / "networks" / "ltnet.safetensors", framework="pt") as f:
        return list(f.keys())


def test_a_coder_called_like_what_people_settle_is_refused(plain: Path, ltnet: Command, tmp_path: Path) -> None:
    labels = plain / "annotations.csv"
    labels.write_text(labels.read_text().replace(",X,", ",Adjudication,"))
    refused = ltnet("fit", plain, "--run", tmp_path / "r")
    assert refused.returncode == 2
    assert "has a coder called 'Adjudication', which is the name of what people settle here" in refused.stderr
    assert not (tmp_path / "r").exists()


def test_the_weights_of_a_run_and_of_an_exported_model_start_another(finished: Path, tmp_path: Path) -> None:
    index = json.loads((finished / "results" / "networks" / "index.json").read_text())
    own = finished / "results" / "networks" / index["files"]["ltnet"]
    export_run(Run(finished), "model", tmp_path / "model.pt")
    trained = load_file(own)
    form = {"classes": 7, "channels": index["channels"], "image_size": index["image_size"], "seed": 9}
    for file in (own, tmp_path / "model.pt"):
        network = build_network(index["network"], weights=file, last_relu=index["last_relu"], **form)
        for name, tensor in network.state_dict().items():
            assert torch.equal(tensor, trained[f"base.{name}"]), name
    with pytest.raises(OptionError, match="is no regular file"):
        build_network(index["network"], weights=tmp_path, last_relu=index["last_relu"], **form)
