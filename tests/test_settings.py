"""Every option is declared once: flags, form, validation and spec.json follow from the declaration."""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from conftest import Command
from streamlit.testing.v1 import AppTest

from ltnet_core.errors import OptionError
from ltnet_core.settings import DataOptions, Settings, flags, make_settings
from ltnet_core.settings.option import option

FIRST_VERSION = {
    "preset": "quick", "method": "ltnet", "network": "cnn", "weights": None, "last_relu": True, "image_size": None,
    "largest_image": 48, "epochs": 2, "epoch_range": [8, 20], "coder_weights": {"Beta": 2.0}, "given": [],
    "optimizer": "adamw", "lr": 0.003,
}  # fmt: skip


@dataclass(frozen=True)
class MoreData(DataOptions):
    rotation: float = option(5.0, "Degrees by which training images are turned.", range=(0.0, 45.0))
    grey: bool = option(False, "Train on grey images.", part="ltnet")


@dataclass(frozen=True)
class MoreSettings(Settings):
    data: MoreData = field(default_factory=MoreData)


def parsed(settings: type[Settings], *arguments: str) -> dict[str, object]:
    parser = argparse.ArgumentParser()
    flags.add_flags(parser, settings)
    return flags.changes(parser.parse_args(arguments), settings)


def test_a_new_option_is_one_field_in_help_flags_validation_and_spec(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    flags.add_flags(parser, MoreSettings)
    parser.print_help()
    text = " ".join(capsys.readouterr().out.split())
    assert "--rotation X Degrees by which training images are turned." in text
    assert "--grey, --no-grey Train on grey images. (only with --method ltnet)" in text
    asked = parsed(MoreSettings, "--rotation", "7.5", "--grey", "--method", "ltnet")
    assert asked == {"method": "ltnet", "rotation": 7.5, "grey": True}
    settings = MoreSettings().with_values(asked)
    assert MoreSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    assert settings.to_json()["data"]["rotation"] == 7.5
    with pytest.raises(OptionError, match=r"rotation must lie between 0\.0 and 45\.0, got 50"):
        settings.with_values({"rotation": 50.0})
    with pytest.raises(OptionError, match="--grey has no meaning for --method mixture; leave it out"):
        MoreSettings(method="mixture").with_values({"grey": True}).require_concerned({"grey": True})


def test_a_new_option_is_in_the_form() -> None:
    def page() -> None:
        import streamlit as st
        from test_settings import MoreSettings

        from ui.option_form import option_form

        st.session_state["flags"] = option_form(
            MoreSettings(method=st.session_state.get("method", "mixture")), ["A", "B"]
        )

    at = AppTest.from_function(page, default_timeout=120).run()
    assert not at.exception
    assert at.number_input(key="rotation_default").help == "Degrees by which training images are turned."
    assert at.toggle(key="grey_default").disabled
    assert at.session_state["flags"] == []
    at.session_state["method"] = "ltnet"
    assert not at.run().toggle(key="grey_default").disabled
    at.number_input(key="rotation_default").set_value(7.5).run()
    at.multiselect(key="coders_default").set_value(["B"]).run()
    at.toggle(key="machine_coders_default").set_value(False).run()
    assert at.session_state["flags"] == ["--coders=B", "--no-machine-coders", "--rotation=7.5"]
    assert at.selectbox(key="pseudo_default").disabled
    parsed(MoreSettings, *at.session_state["flags"])


@pytest.mark.parametrize("preset", ["quick", "default", "paper"])
def test_settings_survive_json(preset: str) -> None:
    settings = make_settings(preset, coders=["B", "A"], coder_weights={"A": 3})
    assert settings.coders.coders == ("B", "A")
    assert Settings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


def test_names_of_options_are_unique_and_every_option_is_explained() -> None:
    groups = Settings.groups()
    assert sum(map(len, groups.values())) == len(Settings.options()) > 40
    for declared in Settings.options().values():
        assert declared.help.endswith(".")
        assert len(declared.help) > 10


def test_a_spec_of_the_first_version_is_read() -> None:
    spec = {"settings": FIRST_VERSION, "coders": ["Alpha", "Beta"], "pixel_budget": 2.5}
    settings = Settings.of_spec(spec)
    assert (settings.network.network, settings.schedule.epoch_range) == ("cnn", (8, 20))
    assert (settings.coders.coders, settings.data.pixel_budget) == (("Alpha", "Beta"), 2.5)
    assert (settings.data.cutout, settings.coders.find_reference) == (0.0, False)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": "many"}, "epochs must be a whole number, got 'many'"),
        ({"epochs": True}, "epochs must be a whole number"),
        ({"lr": float("nan")}, "lr must be a number, got nan"),
        ({"lr": None}, "lr must be a number, got None"),
        ({"augment": 1}, "augment must be true or false"),
        ({"pseudo": "warm"}, "pseudo must be one of soft, hard, got 'warm'"),
        ({"coders": "Alpha"}, "coders must be a list"),
        ({"coders": ["A", "A"]}, "one or more different names"),
        ({"coder_weights": {"A": "x"}}, "coder_weights must be an object of names and numbers"),
        ({"network": 5}, "network must be a text"),
        ({"method": "ltmet"}, "Did you mean 'ltnet'"),
        ({"epoch": 5}, "unknown setting 'epoch'. Did you mean 'epochs'"),
        ({"epoch_range": {}}, "epoch_range must be a list"),
    ],
)  # fmt: skip
def test_what_a_setting_cannot_be_is_said(values: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError) as refused:
        Settings.from_json(values)
    assert message in str(refused.value)


@pytest.mark.parametrize("spec", [{}, {"settings": None}, {"settings": []}, {"settings": {"data": 5}}])
def test_a_spec_without_settings_is_an_error(spec: dict[str, object]) -> None:
    with pytest.raises(OptionError):
        Settings.of_spec(spec)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--pseudo", "hard", "--no-machine-coders"), "--pseudo has no meaning where machine_coders is False"),
        (("--largest-image", "32", "--image-size", "32"), "--largest-image has no meaning where image_size is 32"),
        (("--start-diagonal", ".8"), "--start-diagonal has no meaning where transition_start is 'auto'"),
        (("--preset", "paper", "--no-reference"), "--no-reference has no meaning where transition_start is 'identity'"),
        (("--method", "annot-mix", "--mixup", ".2"), "--mixup has no meaning for --method annot-mix"),
    ],
)
def test_an_option_that_would_be_ignored_is_refused(
    demo: Path, ltnet: Command, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = ltnet("fit", demo, "--run", tmp_path / "run", *arguments)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "run").exists()


def test_a_refit_sets_aside_what_the_first_run_did(demo: Path, ltnet: Command, tmp_path: Path) -> None:
    faces = tmp_path / "faces"
    shutil.copytree(demo, faces)
    with open(faces / "annotations.csv", "a", encoding="utf-8") as f:
        f.write(f"images/{next((faces / 'images').iterdir()).name},Alpha,no such class\n")
    short = ("--preset", "quick", "--epochs", 1, "--no-machine-coders", "--no-comparisons", "--image-size", 12)
    refused = ltnet("fit", faces, "--run", tmp_path / "first", *short)
    assert refused.returncode == 2
    first = ltnet("fit", faces, "--run", tmp_path / "first", *short, "--set-aside", "--coders", "Beta")
    assert first.returncode == 0, first.stderr
    again = ltnet("fit", faces, "--run", tmp_path / "again", "--like", tmp_path / "first")
    assert again.returncode == 0, again.stderr
    spec = json.loads((tmp_path / "again" / "spec.json").read_text())
    assert spec["version"] == 2
    assert spec["settings"]["data"]["set_aside"] is True
    assert spec["settings"]["coders"]["coders"] == ["Beta"]


def test_learning_rates_grow_with_the_square_root_of_the_batch_unless_they_are_set() -> None:
    plain, larger = make_settings("default"), make_settings("default", batch_size=512)
    assert (larger.schedule.lr, larger.schedule.ltnet_lr) == (0.2, 0.1)
    assert make_settings("default", batch_size=128) == plain
    assert make_settings("quick", batch_size=8).schedule.lr == 0.0015
    chosen = make_settings("default", batch_size=512, lr=0.3)
    assert (chosen.schedule.lr, chosen.schedule.ltnet_lr) == (0.3, 0.1)
    # A run's own settings are what they are: nothing grows when they are read again.
    assert Settings.from_json(larger.to_json()) == larger


def test_cutout_is_chosen_by_the_epochs_unless_it_is_set() -> None:
    auto, chosen = make_settings("default"), make_settings("default", cutout=0.1)
    assert [auto.cutout_for(epochs) for epochs in (1, 29, 30, 128)] == [0.0, 0.0, 0.25, 0.25]
    assert [chosen.cutout_for(epochs) for epochs in (1, 128)] == [0.1, 0.1]
    assert parsed(Settings, "--cutout", "auto", "--lr", "0.5") == {"cutout": "auto", "lr": 0.5}
    with pytest.raises(OptionError, match="cutout must be a number or 'auto', got 'some'"):
        make_settings("default", cutout="some")


def test_a_batch_may_be_auto_on_the_command_line_in_json_and_in_the_form(capsys: pytest.CaptureFixture[str]) -> None:
    assert parsed(Settings, "--batch-size", "auto") == {"batch_size": "auto"}
    assert parsed(Settings, "--batch-size", "64") == {"batch_size": 64}
    with pytest.raises(SystemExit):
        parsed(Settings, "--batch-size", "all")
    assert "argument --batch-size: invalid int or auto value: 'all'" in capsys.readouterr().err
    settings = make_settings("quick", batch_size="auto")
    assert (settings.batch_of_rates, settings.schedule.lr) == (32, 0.003)  # those of the preset
    assert Settings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    with pytest.raises(OptionError, match="batch_size must be a whole number or 'auto', got 'all'"):
        make_settings("quick", batch_size="all")

    def page() -> None:
        import streamlit as st

        from ltnet_core.settings import make_settings
        from ui.option_form import option_form

        st.session_state["flags"] = option_form(make_settings("quick"), ["A", "B"])

    for chosen, flags_made in (("auto", ["--batch-size=auto"]), ("64", ["--batch-size=64"]), ("32", [])):
        at = AppTest.from_function(page, default_timeout=120)
        at.session_state["batch_size_quick"] = chosen
        assert not at.run().exception
        assert at.selectbox(key="batch_size_quick").proto.accept_new_options
        assert at.session_state["flags"] == flags_made
