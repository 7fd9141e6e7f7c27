"""Compare: every method on every test set, and how well the truth and the matrices were recovered."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd
import streamlit as st

from ltnet_core.errors import LTNetError
from ltnet_core.files import printing
from ltnet_core.files.spreadsheet import guarded
from ltnet_core.runs.run import Run
from ui import changes, charts, compare, compare_runs, frame, manage, markup, params, reads, run_notes, workspace
from ui.current import current
from ui.wording import coder_name, listing, method_name

WITH = "with"
MOST_LISTED = 100  # runs
MEASURES = {"accuracy": "accuracy", "macro_f1": "macro F1", "ece": "calibration error"}

state = current()
run = frame.finished_run(state)
evaluation = reads.result(run, "evaluation.json")
tests = evaluation.get("tests") or {}


def parameter(name: str, test: str, tests: Collection[str]) -> str:
    """The parameter of the address for a control that there is once for each test set."""
    return name if len(tests) == 1 else f"{name}.{test}"


if not tests:
    markup.empty(
        "No test images with a known label",
        "Without them nobody can say which network is right on new images. Add a truth.csv with split=test rows to "
        "compare.",
    )
for name, test in tests.items():
    methods = test["methods"]
    markup.heading(
        "On test images" if len(tests) == 1 else f"On test set {name}",
        f"{printing.counted(test['items'], 'image')}, never trained on",
    )
    markup.show(f'<p class="lt-say">{markup.esc(compare.sentence(methods))}</p>')
    with st.grid(2, min_column_width=400, gap="medium"):
        left, right = st.container(), st.container()
    with left:
        counted = compare_runs.methods_on_test(run, name)
        markup.show(compare.table(methods, MEASURES, {m: c.macro_f1_interval for m, c in counted.items()}))
    with right:
        measure = params.choose_side_by_side(parameter("measure", name, tests), "Measure", MEASURES)
        values = {method_name(m): v.get(measure) for m, v in methods.items()}
        chosen = compare.best_method(methods, measure)
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

with st.grid(2, min_column_width=400, gap="medium"):
    left, right = st.container(), st.container()
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
if tests:
    markup.sentence(
        "The small numbers are 95 % intervals. Calibration error: how far the stated confidence is from being right "
        "that often; 0 is perfect. Every network is calibrated on labels held out from it: one without "
        "matrices learns how sure it may be of labels, not of truth."
    )


def name_it(run: Run) -> None:
    """What this run is called, kept beside it."""
    note = run_notes.load(run)
    with (
        st.expander(markup.label(f"Name, note and tags of {run_notes.title(run)}")),
        st.form(f"note_{run.folder.name}", border=False),
    ):
        name = st.text_input("Name", note.name, max_chars=run_notes.LONGEST_NAME)
        tags = st.text_input("Tags, with commas between them", ", ".join(note.tags))
        text = st.text_area("Note", note.note, max_chars=run_notes.LONGEST_NOTE)
        if st.form_submit_button("Keep"):
            try:
                run_notes.save(run, name, text, tags.split(","))
            except LTNetError as e:
                markup.refused(e, "This was not kept")
            else:
                st.rerun()


def side_by_side(runs: list[Run]) -> None:
    """Methods of the runs on each test set: per class, confusion, calibration; and what was asked for differently."""
    titles = {r.folder.name: run_notes.title(r) for r in runs}
    names = list(dict.fromkeys(t for r in runs for t in reads.result(r, "evaluation.json").get("tests") or {}))
    results = {t: {r.folder.name: compare_runs.methods_on_test(r, t) for r in runs} for t in names}
    asked = chosen_methods(runs, results) if names else []
    for test, of_runs in results.items():
        where = on_test(test, names)
        counted = {
            (method, name): of_run[method]
            for name, of_run in of_runs.items()
            for method in asked
            if method in of_run and of_run[method].figures.items
        }
        if not counted:
            continue
        labels = [label(titles[name], method, len(runs)) for method, name in counted]
        results_by_label = dict(zip(labels, counted.values(), strict=True))
        markup.heading("Per class", f"what each says of the image alone{where}")
        markup.show(compare_runs.per_class(labels, list(counted.values())))
        if (classes := len(compare_runs.classes_of(list(counted.values())))) > compare_runs.MOST_CLASSES:
            markup.sentence(f"The first {compare_runs.MOST_CLASSES} of {classes:,} classes.")
        in_address = dict(zip((f"{method}@{name}" for method, name in counted), labels, strict=True))
        confusion(results_by_label, in_address, test, names)
    if len(runs) > 1:
        differing = compare_runs.differing_settings([reads.spec(r) for r in runs])
        markup.heading("Settings that differ", "" if differing else "none: the runs were asked for alike")
        if differing:
            markup.show(compare_runs.plain_table(["setting", *titles.values()], differing))


def on_test(test: str, tests: Collection[str]) -> str:
    """The end of a note: on which images."""
    return ", on the test images" if len(tests) == 1 else f", on test set {test}"


def label(title: str, method: str, runs: int) -> str:
    """What a method of a run is called."""
    return method_name(method) if runs == 1 else f"{method_name(method)} · {title}"


def chosen_methods(runs: list[Run], results: dict[str, dict[str, dict[str, compare_runs.OnTest]]]) -> list[str]:
    """The methods to look at, which the address names; the runs' own networks where it names none."""
    own = list(dict.fromkeys(compare_runs.own_method(r) for r in runs))
    offered = list(dict.fromkeys([*own, *(m for t in results.values() for r in t.values() for m in r)]))
    names = params.choose_several("method", "Methods to look at", offered, own, method_name)
    return names or own


def calibration(counted: dict[str, compare_runs.OnTest], test: str, tests: Collection[str]) -> None:
    """How often each is right when it is so sure."""
    curves = {name: r.curve for name, r in counted.items() if r.curve is not None}
    if curves:
        markup.heading("Calibration", "how often each is right when it is so sure" + on_test(test, tests))
        st.plotly_chart(charts.calibration(curves), config=charts.CONFIG, key=f"calibration_{test}")


def confusion(
    counted: dict[str, compare_runs.OnTest], labels: dict[str, str], test: str, tests: Collection[str]
) -> None:
    """The confusion matrix of one with the calibration of all beside it, or of two, with that below.

    ``labels`` maps values of the address to names.
    """
    markup.heading("Confusion", "images by known truth and by what was said of them" + on_test(test, tests))
    with st.container(horizontal=True, gap="small"):
        of, beside = parameter("confusion", test, tests), parameter("beside", test, tests)
        one = params.choose(of, "Confusion matrix of", labels, 360, labelled=True)
        rest = {"": "none", **{key: text for key, text in labels.items() if key != one}}
        other = params.choose(beside, "Beside it", rest, 360, labelled=True)
    codes = reads.codes(run)
    if len(codes) > compare_runs.MOST_CLASSES:
        markup.sentence("There are too many classes to show; `evaluate --json` has the cells that are not empty.")
        calibration(counted, test, tests)
        return
    rows = []
    with st.grid(2, min_column_width=380 if len(codes) <= 12 else 560, gap="large"):
        for position, name in enumerate(labels[key] for key in (one, other) if key):
            figures = counted[name].figures
            shown = [codes.get(c, c) for c in figures.classes]
            with st.container(gap="small"):
                markup.show(f'<div class="lt-matrix"><h3>{markup.esc(name)}</h3></div>')
                figure = charts.heatmap(figures.counts, figures.classes, shown, method_name(name), view="counts")
                st.plotly_chart(figure, config=charts.CONFIG, key=f"confusion_{test}_{position}")
            counts = zip(figures.classes, figures.counts.tolist(), strict=True)
            rows += [{"of": name, "truth": c, **dict(zip(shown, n, strict=True))} for c, n in counts]
        if not other:
            with st.container():
                calibration(counted, test, tests)
    with st.expander("The same as numbers"):
        st.dataframe(guarded(pd.DataFrame(rows)), hide_index=True, key=f"confusion_numbers_{test}")
    if other:
        calibration(counted, test, tests)


def changed(run: Run, other: Run) -> None:
    """How many truths two runs disagree on, and a link to them."""
    number, both = changes.changed_truths(reads.selections(other).items, reads.selections(run).items)
    have = "has" if number == 1 else "have"
    of = printing.counted(both, "image")
    markup.sentence(f"{number:,} of {of} {have} another learned truth than in {run_notes.title(other)}.")
    if number:
        label = f"See the {printing.counted(number, 'image')} whose learned truth changed →"
        frame.link("disagreements", label, state, extra={"than": other.folder.name, "sort": "unsure"})


def chosen(others: dict[str, Run], elsewhere: dict[str, str]) -> list[Run]:
    """The runs to compare with, which the address names; ``elsewhere`` as for `compare_runs.table`."""

    def title(name: str) -> str:
        return run_notes.title(others[name]) + (f" of {elsewhere[name]}" if name in elsewhere else "")

    names = params.choose_several(
        WITH, "Compare with", list(others), [], title, most=compare_runs.MOST - 1, placeholder="Choose runs"
    )
    return [others[name] for name in names]


def runs_of_kin() -> dict[str, str]:
    """Runs of studies that share data with this dataset, measured on the same test images → the studies' names."""
    if state.dataset is None or not tests:
        return {}
    kin = workspace.kin(state.dataset, state.datasets)
    names = {r.folder.name: d.name for r, d in state.runs if d in kin}
    finished = compare_runs.comparable([r for r, d in state.runs if d in kin])
    return {r.folder.name: names[r.folder.name] for r in compare_runs.with_same_test(run, finished)}


markup.heading("Runs of this dataset", "named, and side by side")
with st.container(horizontal=True, vertical_alignment="bottom"):
    order = params.choose("order", "Order of the runs", compare_runs.ORDERS, width=240)
    manage.delete_run(run)
name_it(run)
elsewhere = runs_of_kin()
offered = [r for r, d in state.runs if d == state.dataset or r.folder.name in elsewhere]
ordered = compare_runs.in_order(compare_runs.comparable(offered), order)
others = {r.folder.name: r for r in ordered if r.folder.name != run.folder.name}
if not others:
    markup.sentence("There is no other finished run of this dataset to compare with.")
    frame.link("train", "Train another →", state)
compared = chosen(others, elsewhere) if others else []
shown = [run, *compared]
markup.show(compare_runs.table(ordered[:MOST_LISTED], [r.folder.name for r in shown], elsewhere))
if elsewhere:
    markup.sentence("Of studies that share data with this dataset there are the runs with the same test images.")
if len(ordered) > MOST_LISTED:
    markup.sentence(f"The first {MOST_LISTED} of {len(ordered):,} runs in this order.")
side_by_side(shown)
for other in compared:
    changed(run, other)
manage.deleted_ones()
