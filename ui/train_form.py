"""The settings of a new run: the few that matter first, the rest folded away."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np
import streamlit as st

from ltnet_core.adjudications import Adjudications
from ltnet_core.datasets import Study
from ltnet_core.errors import LTNetError
from ltnet_core.jobs import new_run_dir
from ltnet_core.runs import Run
from ltnet_core.settings import METHOD_TEXTS, NETWORKS, PRESET_TEXTS, make_settings
from ui import commands, markup
from ui.current import select
from ui.wording import method_name
from ui.workspace import Dataset, adjudications_of, runs_folder

PSEUDO = {"soft": "soft: a distribution over classes", "hard": "hard: one class"}
SETTLED = {
    "": "leave that out",
    "trust": "take it for the truth",
    "learn": "learn how the adjudicator errs, as for any coder",
}
REFERENCE = {"found": "found by held-out labels", "none": "nobody"}
AS_PRESET = "as the preset"


def options() -> tuple[list[str], dict[str, object]]:
    """Widgets; returns the command-line flags they amount to."""
    flags: list[str] = []
    chosen: dict[str, object] = {}
    left, middle, right = st.columns([2, 1, 1], gap="medium")
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
    flags += ["--preset", preset, "--seed", str(int(seed or 0))]
    if epochs:
        flags += ["--epochs", str(int(epochs))]
    chosen["preset"] = preset
    return flags, chosen


def details(study: Study, preset: str) -> list[str]:
    """The rest of the settings, folded away; returns flags."""
    base = make_settings(preset)
    flags: list[str] = []
    with st.expander("More settings"):
        first, second, third, fourth, fifth = st.columns(5, gap="medium")
        with first:
            network = st.selectbox(
                "Network", [AS_PRESET, *NETWORKS], key="network", help=f"The preset’s: {base.network}."
            )
        with second:
            batch = st.number_input(
                "Batch size", 2, 65_536, None, step=1, key="batch", placeholder=str(base.batch_size)
            )
        with third:
            size = st.number_input(
                "Image size", 8, 1024, None, step=1, key="size", placeholder="as they are",
                help=f"Pixels per side; by default the images’ own, at most {base.largest_image}.",
            )  # fmt: skip
        with fourth:
            device = st.selectbox("Device", ["auto", "cpu", "cuda"], key="device")
        with fifth:
            precision = st.selectbox(
                "Precision", ["float32", "bfloat16"], key="precision",
                help="Of the network’s layers while it trains. bfloat16 is faster where the processor has instructions "
                "for it, and slower where not or where something else keeps its cores busy.",
            )  # fmt: skip
        method = str(
            st.selectbox(
                "Method", list(METHOD_TEXTS), key="method",
                format_func=lambda m: f"{method_name(m)} – {METHOD_TEXTS[m]}",
                help="What LTNet is compared with can be trained alike, to see what each makes of these labels.",
            )
        )  # fmt: skip
        coders = list(study.human_coders)
        used = st.multiselect("Coders to learn from", coders, default=coders, key="coders")
        machines = st.toggle(
            "Machine coders", value=base.machine_coders, key="machines", disabled=method != "ltnet",
            help="Networks that learn one coder’s labels and label everything else; they bridge coders who never met.",
        )  # fmt: skip
        left, right = st.columns(2, gap="medium")
        with left:
            pseudo = st.selectbox(
                "Their labels",
                list(PSEUDO),
                index=list(PSEUDO).index(base.pseudo),
                key=f"pseudo_{preset}",
                disabled=not machines or method != "ltnet",
                format_func=lambda kind: PSEUDO[kind],
            )
        with right:
            can_start = method == "ltnet" and base.transition_start == "auto"
            reference = str(
                st.selectbox(
                    "Reference", [*REFERENCE, *(f"coder:{c}" for c in used)], key="reference", disabled=not can_start,
                    format_func=lambda c: REFERENCE.get(c) or c.removeprefix("coder:"),
                    help="Where coders hardly overlap, their labels fit more than one truth. It is then told in the "
                    "words of one of them, whose matrix starts next to a perfect coder’s.",
                )
            )  # fmt: skip
    if network != AS_PRESET:
        flags += ["--network", str(network)]
    if batch:
        flags += ["--batch-size", str(int(batch))]
    if size:
        flags += ["--image-size", str(int(size))]
    if device != "auto":
        flags += ["--device", str(device)]
    if precision != "float32":
        flags += ["--precision", str(precision)]
    if used and len(used) < len(coders):
        flags.append(f"--coders={csv_row(used)}")
    if method != "ltnet":
        return [*flags, "--method", method]
    if not machines:
        flags.append("--no-machine-coders")
    elif pseudo != base.pseudo:
        flags += ["--pseudo", str(pseudo)]
    if can_start and reference != "found":
        flags.append("--no-reference" if reference == "none" else f"--reference={reference.removeprefix('coder:')}")
    return flags


def settled(study: Study, dataset: Dataset) -> list[str]:
    """What becomes of what people settled; returns flags."""
    store = adjudications_of(dataset)
    try:
        images = [d.image for d in Adjudications(store).standing() if d.kind == "settle"]
        count = int(np.isin(images, study.table.items[~study.is_test].astype(str)).sum()) if images else 0
    except LTNetError as e:
        markup.callout("warning", str(e), title="What was settled cannot be read")
        return []
    if not count:
        return []
    how = st.selectbox(
        f"{count:,} images were settled by people", list(SETTLED), key="settled", format_func=lambda h: SETTLED[h]
    )
    return [] if how == "" else ["--adjudications", str(store), "--adjudicator", str(how)]


def csv_row(names: Sequence[str]) -> str:
    """Names as the command line takes them: separated by commas, quoted where a name has one."""
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(names)
    return out.getvalue()


def new_run(study: Study, dataset: Dataset) -> None:
    """The form, and Start."""
    errors = study.errors()
    if errors:
        rows = sum(p.count for p in errors)
        markup.callout(
            "error", "", title="This dataset has labels that cannot be right", items=[p.examples[0] for p in errors]
        )
        text = "this row" if rows == 1 else f"these {rows:,} rows"
        if not st.checkbox(f"Set {text} aside and train on the rest", key="set_aside"):
            return
    flags, chosen = options()
    if errors:
        flags.append("--set-aside")
    flags += settled(study, dataset) + details(study, str(chosen["preset"]))
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        go = st.button("Start training", type="primary", key="start")
        device = st.container()
    if go:
        run_dir = new_run_dir(runs_folder(), dataset.id or dataset.name)
        try:
            with st.spinner("Starting …"):
                read_as = ["--format", dataset.format] if dataset.format else []
                commands.start_run(run_dir, dataset.location, [*flags, *read_as])
        except (LTNetError, OSError) as e:
            markup.callout("error", "", title="Training did not start", items=str(e).splitlines())
        else:
            select(dataset, Run(run_dir))
            st.rerun()
    # Last, because finding the device takes a few seconds the first time.
    with device:
        markup.sentence(commands.device_sentence(commands.devices()))
