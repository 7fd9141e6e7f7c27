"""Compare: every method on every test set, and how well the truth and the matrices were recovered."""

from __future__ import annotations

import streamlit as st

from ltnet_core.errors import LTNetError
from ltnet_core.runs.run import Run
from ui import changes, charts, compare, compare_runs, frame, markup, reads, run_notes
from ui.current import current
from ui.wording import coder_name, listing, method_name, percent

WITH = "compare_with"
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
markup.sentence(
    "The small numbers are 95 % intervals. Calibration error: how far the stated confidence is from being right that "
    "often; "
    f"{percent(0.0)} is perfect. Every network is calibrated on labels held out from it: "
    "one without matrices learns how sure it may be of labels, not of truth."
)


def name_it(run: Run) -> None:
    """What this run is called, kept beside it."""
    note = run_notes.load(run)
    with (
        st.expander(f"Name, note and tags of {run_notes.title(run)}"),
        st.form(f"note_{run.folder.name}", border=False),
    ):
        name = st.text_input("Name", note.name, max_chars=run_notes.LONGEST_NAME)
        tags = st.text_input("Tags, with commas between them", ", ".join(note.tags))
        text = st.text_area("Note", note.note, max_chars=run_notes.LONGEST_NOTE)
        if st.form_submit_button("Keep"):
            try:
                run_notes.save(run, name, text, tags.split(","))
            except LTNetError as e:
                markup.callout("error", str(e), title="This was not kept")
            else:
                st.rerun()


def side_by_side(runs: list[Run]) -> None:
    """The runs' networks on each test set, and what was asked for differently."""
    titles = [run_notes.title(r) for r in runs]
    names = list(dict.fromkeys(t for r in runs for t in reads.result(r, "evaluation.json").get("tests") or {}))
    results = {t: [compare_runs.on_test(r, t) for r in runs] for t in names}
    markup.show(compare_runs.table(runs, results))
    for test, on_test in results.items():
        where = "on the test images" if len(names) == 1 else f"on test set {test}"
        markup.heading("Per class", f"what each run’s network says of the image alone, {where}")
        markup.show(compare_runs.per_class(titles, on_test))
        curves = {title: r.curve for title, r in zip(titles, on_test, strict=True) if r.curve is not None}
        if curves:
            markup.heading("Calibration", f"how often a network is right when it is so sure, {where}")
            st.plotly_chart(charts.calibration(curves), config=charts.CONFIG, key=f"calibration_{test}")
    if len(runs) > 1:
        differing = compare_runs.differing_settings([reads.spec(r) for r in runs])
        markup.heading("Settings that differ", "" if differing else "none: the runs were asked for alike")
        if differing:
            markup.show(compare_runs.plain_table(["setting", *titles], differing))


def changed(run: Run, other: Run) -> None:
    """How many truths two runs disagree on, and a link to them."""
    number, both = changes.changed_truths(reads.selections(other).items, reads.selections(run).items)
    markup.sentence(f"{number:,} of {both:,} images have another learned truth than in {run_notes.title(other)}.")
    if number:
        label = f"See the {number:,} images whose learned truth changed →"
        frame.link("disagreements", label, state, extra={"than": other.folder.name, "sort": "unsure"})


def chosen(others: dict[str, Run]) -> list[Run]:
    """The runs to compare with, which the address names."""
    asked = st.session_state.get(WITH, st.query_params.get_all("with"))
    st.session_state[WITH] = [name for name in asked if name in others][: compare_runs.MOST - 1]
    names = st.multiselect(
        "Compare with", list(others), key=WITH, format_func=lambda name: run_notes.title(others[name]),
        max_selections=compare_runs.MOST - 1,
    )  # fmt: skip
    if st.query_params.get_all("with") != names:
        st.query_params["with"] = names
    return [others[name] for name in names]


markup.heading("Runs of this dataset", "named, and side by side")
name_it(run)
others = {r.folder.name: r for r in compare_runs.comparable(state.runs_here) if r.folder.name != run.folder.name}
if not others:
    markup.sentence("There is no other finished run of this dataset to compare with.")
compared = chosen(others) if others else []
side_by_side([run, *compared])
for other in compared:
    changed(run, other)
