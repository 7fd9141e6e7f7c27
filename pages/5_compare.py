"""Compare: every method on every test set, and how well the truth and the matrices were recovered."""

from __future__ import annotations

import streamlit as st

from ui import charts, compare, frame, markup, reads
from ui.current import current
from ui.wording import coder_name, listing, method_name, percent

MEASURES = {"accuracy": "accuracy", "macro_f1": "macro F1", "ece": "calibration error"}

state = current()
run = frame.finished_run(state)
evaluation = reads.result(run, "evaluation.json")
tests = evaluation.get("tests") or {}

if not tests:
    markup.empty(
        "No test images with a known label",
        "Without them nobody can say which method is right. Add a truth.csv with split=test rows to compare.",
    )
for name, test in tests.items():
    methods = test["methods"]
    best = compare.best_method(methods)
    markup.heading(
        "On test images" if len(tests) == 1 else f"On test set {name}", f"{test['items']:,} images, never trained on"
    )
    markup.show(f'<p class="lt-say">{markup.esc(compare.sentence(methods))}</p>')
    left, right = st.columns([1, 1], gap="large")
    with left:
        markup.show(compare.table(methods, MEASURES, best))
    with right:
        measure = st.segmented_control(
            "Measure", list(MEASURES), default="accuracy", required=True, format_func=lambda m: MEASURES[m],
            key=f"measure_{name}", label_visibility="collapsed",
        )  # fmt: skip
        values = {method_name(m): v.get(measure) for m, v in methods.items()}
        chosen = compare.best_method(methods, str(measure))
        st.plotly_chart(
            charts.method_bars(values, method_name(chosen) if chosen else None),
            config=charts.CONFIG,
            key=f"bars_{name}",
        )
    unknown = [method_name(m) for m, v in methods.items() if v.get("accuracy") is None]
    if unknown:
        listed = listing(unknown)
        markup.sentence(
            f"{listed[:1].upper()}{listed[1:]} aggregate labels only: they say nothing of an image nobody labelled."
        )

left, right = st.columns(2, gap="large")
truth = evaluation.get("truth") or {}
with left:
    markup.heading("The labels of the training images", "against the known truth")
    if truth.get("accuracy") is None:
        markup.sentence("The truth of the training images is not known.")
    else:
        markup.show(f'<p class="lt-say">{markup.esc(compare.truth_sentence(truth))}</p>')
        values = {"the coders’ own labels": truth.get("human_labels_accuracy")}
        # The learned truth is the posterior: what LTNet sees, weighed with the labels the image came with.
        others = {m: v for m, v in (truth.get("methods") or {}).items() if m != "posterior"}
        values |= {
            method_name(m) + (", image alone" if m == "ltnet" else ""): v.get("accuracy") for m, v in others.items()
        }
        values["learned truth"] = truth["accuracy"]
        st.plotly_chart(charts.method_bars(values, "learned truth"), config=charts.CONFIG, key="truth_bars")
with right:
    markup.heading("Recovery of the transition matrices", "mean absolute error of a cell; smaller is better")
    errors = {c: v.get("mae") for c, v in (evaluation.get("transitions") or {}).items()}
    if all(v is None for v in errors.values()):
        markup.sentence("The true matrices are not known.")
    else:
        markup.show(compare.errors_table({coder_name(c): v for c, v in errors.items()}))
        frame.link("transitions", "See the matrices →", state)
st.caption(
    "The small numbers are 95 % intervals. Calibration error: how far the stated confidence is from being right that "
    "often; "
    f"{percent(0.0)} is perfect. Every network is calibrated on labels held out from it: "
    "one without matrices learns how sure it may be of labels, not of truth."
)
