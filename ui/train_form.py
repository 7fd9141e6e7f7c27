"""The settings of a new run: the few that matter first, the rest folded away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import streamlit as st

from ltnet_core.datasets import Study
from ltnet_core.errors import LTNetError
from ltnet_core.explore.adjudications import Adjudications
from ltnet_core.explore.set_aside import read_set_aside
from ltnet_core.files.printing import counted
from ltnet_core.method import METHODS
from ltnet_core.runs.jobs import new_run_dir
from ltnet_core.runs.run import Run
from ltnet_core.settings import PRESET_TEXTS, Settings, make_settings
from ui import commands, frame, markup, reference
from ui.clicks import once
from ui.current import current, select
from ui.option_form import option_form
from ui.server_files import feature_files, file_of
from ui.wording import duration
from ui.workspace import Dataset, adjudications_of, runs_folder

SETTLED = {
    "": "leave that out",
    "trust": "take it for the truth",
    "learn": "learn how the adjudicator errs, as for any coder",
}
AS_PRESET = "as the preset"
IMAGES = "the images"


def options() -> tuple[Settings, list[str]]:
    """The choices that matter first; returns the preset's settings for the method, and flags."""
    left, middle, right = st.columns([3, 2, 2], gap="medium")
    with left:
        preset = str(st.selectbox("Preset", list(PRESET_TEXTS), key="preset"))
    with middle:
        epochs = st.number_input(
            "Epochs",
            1,
            100_000,
            None,
            step=1,
            key="epochs",
            placeholder=AS_PRESET,
            help="Passes over the images, per network.",
        )
    with right:
        seed = st.number_input("Seed", 0, 2**31 - 1, 0, step=1, key="seed", help="The same seed gives the same result.")
    markup.sentence(PRESET_TEXTS[preset])
    flags = ["--preset", preset, "--seed", str(int(seed or 0))]
    if epochs:
        flags += ["--epochs", str(int(epochs))]
    return make_settings(preset), flags


def details(study: Study, base: Settings) -> list[str]:
    """The rest of the settings, folded away; returns flags.

    Raises
    ------
    DatasetError
        a file that was named cannot be used.
    """
    flags: list[str] = []
    with st.expander("More settings"):
        left, middle, right = st.columns([2, 2, 1], gap="medium")
        with left:
            method = str(
                st.selectbox(
                    "Method", list(METHODS), key="method",
                    format_func=lambda m: f"{METHODS[m].title} – {METHODS[m].text}",
                    help="What LTNet is compared with can be trained alike, to see what each makes of these labels.",
                )
            )  # fmt: skip
        with middle:
            features = _input(study)
        with right:
            device = st.selectbox("Device", ["auto", "cpu", "cuda"], key="device")
        if device != "auto":
            flags += ["--device", str(device)]
        if method != base.method:
            flags += ["--method", method]
        without = ["epochs", "set_aside", "reference", "features"]
        if features:
            base = make_settings(base.preset, features=features)
            flags.append(f"--features={features}")
            without.append("network")
        flags += option_form(replace(base, method=method), study.human_coders, without)
        if features:
            file_of(features)
        return flags


def _input(study: Study) -> str | None:
    """What the networks see: None for the images, or the path of a file of features."""
    chosen = st.selectbox(
        "What the networks see",
        [IMAGES, *feature_files(study)],
        key="input",
        accept_new_options=True,
        help="The images, or one vector an image that another network has computed: a .parquet, .npz or .npy file in "
        "the dataset's folder, or elsewhere on this machine by its path. The documentation on datasets says how it is "
        "laid out.",
    )
    return None if chosen in (None, IMAGES) else str(chosen).strip()


def settled(study: Study, dataset: Dataset) -> list[str]:
    """What becomes of what people settled; returns flags."""
    store = adjudications_of(dataset)
    try:
        images = [d.image for d in Adjudications(store).standing() if d.kind == "settle"]
        aside = set(read_set_aside(store)) if store.is_file() else set()
        to_learn_from = study.table.items[~study.is_test].astype(str)
        left_out = int(np.isin(list(aside), to_learn_from).sum()) if aside else 0
        count = int(np.isin([i for i in images if i not in aside], to_learn_from).sum()) if images else 0
    except LTNetError as e:
        markup.refused(e, "What was settled cannot be read", "warning")
        return []
    if left_out:
        markup.sentence(f"Left out: {counted(left_out, 'image')} set aside.")
    if not count:
        return ["--adjudications", str(store), "--adjudicator", "ignore"] if left_out else []
    how = st.selectbox(
        f"{counted(count, 'image')} settled by people", list(SETTLED), key="settled", format_func=lambda h: SETTLED[h]
    )
    if how == "" and not left_out:
        return []
    return ["--adjudications", str(store), "--adjudicator", str(how) or "ignore"]


def read_as(study: Study, dataset: Dataset) -> list[str]:
    """Flags that read the dataset as the page does."""
    return (["--format", dataset.format] if dataset.format else []) + study.corrections.flags()


def tell_how_long(dataset: Dataset, flags: Sequence[str]) -> None:
    """An estimate of the training's time, measured now."""
    try:
        with st.spinner("Measuring a few steps …"):
            seconds = commands.estimate(dataset.location, flags)
    except LTNetError as e:
        markup.refused(e, "The time cannot be estimated")
    else:
        text = f"About {duration(seconds)}, an estimate: other work on this machine makes it longer."
        markup.sentence(text)


def start(dataset: Dataset, flags: Sequence[str]) -> Path:
    """Train on a dataset; gives the folder of the run.

    Raises
    ------
    LTNetError
    """

    def act() -> Path:
        run_dir = new_run_dir(runs_folder(), dataset.id or dataset.name)
        commands.start_run(run_dir, dataset.location, flags)
        return run_dir

    return once(f"train {dataset.location} {flags}", act, lambda run_dir: run_dir)


def new_run(study: Study, dataset: Dataset) -> None:
    """The form, and Start."""
    if study.reading.questions:
        asked = [q.sentence for q in study.reading.questions]
        text = "Answer on the Dataset page; training starts on what is settled alone."
        markup.callout("error", text, title="The dataset can be read in more than one way", items=asked)
        frame.link("dataset", "Answer on Dataset →", current())
        return
    errors = study.errors()
    if errors:
        rows = sum(p.count for p in errors)
        markup.callout(
            "error", "", title="This dataset has labels that cannot be right", items=[p.examples[0] for p in errors]
        )
        text = "this row" if rows == 1 else f"these {rows:,} rows"
        if not st.checkbox(f"Set {text} aside and train on the rest", key="set_aside"):
            return
    base, flags = options()
    if errors:
        flags.append("--set-aside")
    about_people = settled(study, dataset)
    question = st.container()
    try:
        chosen = details(study, base)
    except LTNetError as e:
        markup.refused(e, "This file cannot be used")
        return
    with question:
        flags += chosen + reference.question(study, base, chosen)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        go = st.button("Start training", type="primary", key="start")
        how_long = st.button("How long?", key="how_long", help="Measures a few training steps, which takes seconds.")
        device = st.container()
    if how_long:
        tell_how_long(dataset, [*flags, *read_as(study, dataset)])
    if go:
        flags += [*about_people, *read_as(study, dataset)]
        try:
            with st.spinner("Starting …"):
                run_dir = start(dataset, flags)
        except (LTNetError, OSError) as e:
            markup.callout("error", "", title="Training did not start", items=str(e).splitlines())
        else:
            select(dataset, Run(run_dir))
            st.rerun()
    # Last, because finding the device takes a few seconds the first time.
    with device:
        markup.sentence(commands.device_sentence(commands.devices()))
