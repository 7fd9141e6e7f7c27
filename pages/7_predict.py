"""Predict: what the network sees in new images, and what each coder would call them."""

from __future__ import annotations

import json
import shlex

import streamlit as st

from ltnet_core.annotations import is_machine
from ltnet_core.errors import LTNetError
from ui import export_routes, frame, markup, opened, params, prediction, reads
from ui.current import current
from ui.folder_upload import discard_images, image_upload
from ui.server_files import file_of

SOURCE = params.OF_CONTROL + "source"  # "samples", "path:…", "features:…"; an upload is kept by its component
OF = "predict_dataset"

state = current()
run = frame.finished_run(state)
dataset = state.dataset
assert dataset is not None  # noqa: S101 - for mypy; a run brings its dataset
codes = reads.codes(run)

own = prediction.features_of(run)  # the file of features it was trained on, if it was
of = (dataset.location, own is None)
if st.session_state.setdefault(OF, of) != of:  # what was shown belongs to another dataset, or to another kind of run
    st.session_state[OF] = of
    st.session_state[SOURCE] = ""
    discard_images()

if SOURCE not in st.session_state:
    st.session_state[SOURCE] = st.query_params.get("source", "")
    if st.session_state[SOURCE]:  # a link, or Back: what was brought meanwhile is no longer looked at
        discard_images()
upload = image_upload() if own is None else None
if upload:
    st.session_state[SOURCE] = ""
with st.form("by_path", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
    if own is None:
        kind, label, example = "path", "Or the path of a folder, a zip or an image on this machine", "/data/new-faces"
    else:
        kind, label, example = "features", "The path of a file of features on this machine", "/data/features.npz"
    typed = f"{params.OF_CONTROL}typed_{kind}"
    if typed not in st.session_state and st.session_state[SOURCE].startswith(f"{kind}:"):
        st.session_state[typed] = st.session_state[SOURCE].removeprefix(f"{kind}:")
    path = st.text_input(label, st.session_state.get(typed, ""), placeholder=example, key=typed)
    if st.form_submit_button("Look at it") and path.strip():
        discard_images()
        upload = None
        st.session_state[SOURCE] = f"{kind}:{path.strip()}"
tools = st.container(horizontal=True, vertical_alignment="center")
if not upload and reads.files(dataset) is not None and tools.button("Try it on images of this dataset"):
    st.session_state[SOURCE] = "samples"
source = f"upload:{upload}" if upload else str(st.session_state[SOURCE])
params.note("source", [] if upload or not source else [source])
params.write()

shown = st.empty()  # what was shown before is gone while the new images are looked at
predicted: prediction.Predictions | None = None
if source:
    try:
        version = opened.version_of(run.result("networks/index.json"))
        if upload:
            predicted = prediction.look_at_uploaded(str(run.folder), version, upload)
        elif source == "samples":
            look_at = prediction.look_at_samples if own is None else prediction.look_at_own_features
            predicted = look_at(str(run.folder), version, dataset, dataset.version)
        elif own is not None:
            file = file_of(source.removeprefix("features:"))
            changed = file.stat().st_mtime_ns
            predicted = prediction.look_at_features(
                str(run.folder), version, str(file), changed, dataset, dataset.version
            )
        else:
            images_path = prediction.require_path(source.removeprefix("path:"))
            predicted = prediction.look_at_path(
                str(run.folder), version, str(images_path), images_path.stat().st_mtime_ns
            )
    except (LTNetError, OSError) as e:
        markup.refused(e, "These images could not be looked at")
else:
    markup.empty(
        "Images nobody has labelled yet",
        ("Drop some above." if own is None else "This run sees features: name a file of theirs above.")
        + " You see the latent truth of each, and what every coder would most probably have called it.",
    )
if upload and tools.button("Remove these images", key="remove_images"):
    discard_images()
    st.rerun()
if predicted is not None:
    answers = [s.answer for s in predicted.shown if s.answer is not None]
    machines = False
    with tools:
        if source == "samples" or predicted.images == len(predicted.shown):
            content = json.dumps(answers, indent=2, ensure_ascii=False)
            st.download_button(
                "Download JSON", content, f"{run.folder.name}-predictions.json", "application/json",
                key="get_predictions", on_click="ignore",
            )  # fmt: skip
        if source != "samples":
            st.link_button("Download CSV", export_routes.address_of_predictions(run, source), type="primary")
        if any(is_machine(c) for a in answers for c in a["coders"]):
            machines = params.switch("machines", "Machine coders too")
    cards = "".join(prediction.card(s, codes, machines) for s in predicted.shown)
    with shown.container():
        if predicted.images > len(predicted.shown):
            markup.sentence(f"The first {len(predicted.shown)} of {predicted.images:,} images; the CSV has all.")
        markup.show(f'<div class="lt-cards">{cards}</div>')
        markup.show(markup.key({codes[c]: c for c in codes}))

markup.heading("The same from the command line")
folder = shlex.quote(str(run.folder))
st.code(
    f"python -m ltnet_core predict {folder} {'IMAGE …' if own is None else '--features FILE'} --json\n"
    f"python -m ltnet_core predict {folder} {'FOLDER' if own is None else '--features FILE'} --out predictions.csv",
    language=None,
    wrap_lines=True,
)
