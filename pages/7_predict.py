"""Predict: what the network sees in new images, and what each coder would call them."""

from __future__ import annotations

import json
import shlex

import streamlit as st

from ltnet_core.annotations import is_machine
from ltnet_core.errors import LTNetError
from ui import frame, markup, opened, prediction, reads
from ui.current import current
from ui.folder_upload import discard_images, image_upload

SAMPLES_OF = "predict_samples_of"

state = current()
run = frame.finished_run(state)
dataset = state.dataset
assert dataset is not None  # noqa: S101 - for mypy; a run brings its dataset
codes = reads.codes(run)

upload = image_upload()
tools = st.container(horizontal=True, vertical_alignment="center")
if upload:
    st.session_state.pop(SAMPLES_OF, None)
elif reads.files(dataset) is not None and tools.button("Try it on images of this dataset"):
    st.session_state[SAMPLES_OF] = run.folder.name
samples = st.session_state.get(SAMPLES_OF) == run.folder.name

seen: list[prediction.Seen] = []
if upload or samples:
    try:
        version = opened.version_of(run.result("networks/index.json"))
        if upload:
            seen = prediction.look_at_uploaded(str(run.folder), version, upload)
        else:
            seen = prediction.look_at_samples(str(run.folder), version, dataset, dataset.version)
    except (LTNetError, OSError) as e:
        markup.callout("error", str(e), title="These images could not be looked at")
else:
    markup.empty(
        "Images nobody has labelled yet",
        "Drop some above. You see the latent truth of each, and what every coder would most probably have called it.",
    )
if upload and tools.button("Remove these images", key="remove_images"):
    discard_images()
    st.rerun()
if seen:
    answers = [s.answer for s in seen if s.answer is not None]
    machines = False
    with tools:
        st.download_button(
            "Download JSON", json.dumps(answers, indent=2, ensure_ascii=False), f"{run.folder.name}-predictions.json",
            "application/json", key="get_predictions", on_click="ignore",
        )  # fmt: skip
        if any(is_machine(c) for a in answers for c in a["coders"]):
            machines = st.toggle("Machine coders too", key="predict_machines")
    cards = "".join(prediction.card(s, codes, machines) for s in seen)
    markup.show(f'<div class="lt-cards">{cards}</div>')
    markup.show(markup.key({codes[c]: c for c in codes}))

markup.heading("The same from the command line")
st.code(f"python -m ltnet_core predict {shlex.quote(str(run.folder))} IMAGE … --json", language=None, wrap_lines=True)
