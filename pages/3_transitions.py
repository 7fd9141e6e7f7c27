"""Transitions: what each coder says when the truth is known, as one heatmap per coder."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from ltnet_core.annotations import is_machine
from ltnet_core.errors import LTNetError
from ltnet_core.explore.wish import join_names
from ui import charts, downloads, frame, markup, ordering, params, reads, run_notes
from ui.current import current
from ui.gallery import show_next
from ui.matrix_cells import matrix_cells
from ui.wording import ONE_DIGIT, coder_name, confusions_sentence, top_confusions

DIFFERENCE = 0.5  # differences beyond are as strong as can be
MOST_AT_ONCE = 8  # matrices; of more coders a table is shown, and the matrices of those chosen in it
FIRST = 6  # of them, where none is chosen
MOST_CHOSEN = 24

state = current()
run = frame.finished_run(state)
content = reads.transitions(run)
classes, codes = content["classes"], list(reads.codes(run).values())
learned = [c for c in content["coders"] if c not in content.get("given", ())]  # of the others nothing was learned
matrices = {c: np.asarray(content["coders"][c], dtype=float) for c in learned}
unknown = [np.nan] * len(classes)
true_matrices = {
    c: np.asarray([unknown if row is None else row for row in m], dtype=float)
    for c, m in (content.get("reference") or {}).items()
}
counts = content.get("counts") or {}
evidence = (
    {c: charts.RowEvidence(content["support"][c], content["low"][c], content["high"][c]) for c in matrices}
    if "support" in content
    else {}
)

start, dawid_skene = (
    {c: np.asarray(m, dtype=float) for c, m in (content.get(key) or {}).items()} for key in ("start", "dawid_skene")
)
humans = [c for c in matrices if not is_machine(c)]

# The same dataset's other runs, to see what a refit or another setting changed.
other_runs = {
    r.folder.name: r for r in state.runs_here if r.folder != run.folder and reads.classes_of_finished(r) == classes
}
views = {"probability": "probability", **({"counts": "counts"} if counts else {}), "difference": "difference"}
others = {
    **({"reference": "the true matrix"} if true_matrices else {}),
    "identity": "a perfect coder",
    **({"dawid-skene": "Dawid–Skene, the labels alone"} if dawid_skene else {}),
    **({"start": "where training began"} if start else {}),
    **{f"coder:{c}": coder_name(c) for c in matrices},
    **{f"run:{folder}": f"run {run_notes.title(r)}" for folder, r in other_runs.items()},
}
with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    view = params.choose_side_by_side("view", "Show", views)
    low, high = ("−.5", "+.5") if view == "difference" else ("0", "1")
    note = " of the row" if view == "counts" else ""
    kind = "difference" if view == "difference" else "probability"
    markup.show(f'<div class="lt-scale">{low} <i style="background:{charts.scale_css(kind)}"></i> {high}{note}</div>')
    with st.container(horizontal=True, gap="small", width="content"):
        to = (
            params.choose("to", "Difference to", {k: f"to {v}" for k, v in others.items()}, 280)
            if view == "difference"
            else ""
        )
        orders = {"": "classes as given", "similar": "similar classes together"}
        order_name = params.choose("order", "Order of the classes", orders, 215)
order = ordering.by_similarity([matrices[c] for c in humans]) if order_name == "similar" else np.arange(len(classes))
classes, codes = [classes[k] for k in order], [codes[k] for k in order]
markup.sentence(
    "Each row is a true class, each column what the coder says. A perfect coder has 1 on the diagonal "
    "and nothing elsewhere. Click a cell to see its images; by keyboard, Tab leads to the cells "
    "and the arrow keys between them."
    + (
        " n is the number of annotations a row rests on, of which those of doubtful truth count less; hovering "
        "shows how sure a cell is, as do the 95 % intervals below."
        if evidence
        else ""
    )
    + (
        " The counts are expected: each annotation is shared out over the classes by the probability of its truth, "
        "so a count is not the number of images behind the cell, whose most probable truth is the row’s class."
        if view == "counts"
        else ""
    )
)
markup.show(markup.key(dict(zip(codes, classes, strict=True))))
maes = {c: float(np.nanmean(np.abs(matrices[c] - true_matrices[c]))) for c in matrices if c in true_matrices}
then_learned: dict[str, object] = {}
if to.startswith("run:"):
    try:
        then_learned = reads.transitions(other_runs[to[4:]])["coders"]
    except LTNetError as e:
        markup.refused(e, "The matrices of that run cannot be shown")


def compared(coder: str) -> np.ndarray | None:
    """What a coder's matrix is compared with; None where there is nothing."""
    if to == "identity":
        return np.eye(len(classes))
    if to.startswith("run:"):
        then = then_learned.get(coder)
        return None if then is None else np.asarray(then, dtype=float)
    if to.startswith("coder:"):
        return None if to[6:] == coder else matrices[to[6:]]
    return {"reference": true_matrices, "start": start, "dawid-skene": dawid_skene}[to].get(coder)


def show(coder: str, position: int) -> None:
    """One coder's matrix with a sentence below."""
    matrix = matrices[coder]
    side = f"mean absolute error {maes[coder]:.3f}" if coder in maes else "machine coder" if is_machine(coder) else ""
    values, kind, limit = matrix, "probability", 1.0
    if view == "difference":
        other = compared(coder)
        if other is None:
            return
        values, kind, limit = matrix - other, "difference", DIFFERENCE
        if to != "reference":
            side = f"{np.nanmean(np.abs(values)):.3f} on average"
    elif view == "counts":
        values, kind = np.asarray(counts[coder], dtype=float), "counts"
    values, matrix = values[np.ix_(order, order)], matrix[np.ix_(order, order)]
    known = evidence.get(coder)
    if known:
        images = reads.images_behind(run, coder)
        figures = replace(known, expected=counts.get(coder), images=None if images is None else images.tolist())
        known = figures.ordered(order)
    with st.container(gap="small"):
        markup.show(
            f'<div class="lt-matrix"><h2>{markup.esc(coder_name(coder))}<span>{markup.esc(side)}</span></h2></div>'
        )
        figure = charts.heatmap(values, classes, codes, coder_name(coder), view=kind, limit=limit, evidence=known)
        event = st.plotly_chart(
            figure,
            config=charts.CONFIG,
            key=f"matrix_{position}_{view}_{to}_{order_name}",
            on_select="rerun",
            selection_mode="points",
        )
        texts = charts.cell_texts(values, kind)
        cell = matrix_cells(
            coder_name(coder),
            classes,
            codes,
            texts,
            "-".join(("cells", str(position), view, to or "none", order_name or "given")),
        )
        interval = (known.low, known.high) if known else None
        markup.sentence(confusions_sentence(coder, matrix, classes, interval=interval))
        if coder == content.get("reference_coder"):
            markup.sentence(
                "The reference coder. The labels alone do not show which coder is right, so this coder’s labels are "
                "taken as nearly right: before training its matrix was set close to the identity."
            )
        points = event["selection"]["points"]
        if points or cell:
            truth, label = cell or points[0]["customdata"]
            cell_view = {f"says.{coder}": join_names([classes[label]]), "truth": join_names([classes[truth]])}
            show_next(cell_view)
            st.switch_page(frame.page("disagreements"), query_params=frame.page_parameters())


def chosen_coders(among: list[str]) -> list[str]:
    """A table of many coders, people first, by their annotations; returns those chosen in it, or the first."""
    size = {c: float(np.asarray(counts[c]).sum()) if c in counts else 0.0 for c in among}
    ranked = sorted(among, key=lambda c: (is_machine(c), -size[c]))
    rows = []
    for c in ranked:
        share = np.asarray(counts[c], dtype=float).sum(1) if c in counts else np.ones(len(classes))
        right = float((np.diag(matrices[c]) * share).sum() / max(share.sum(), 1e-9))
        most = top_confusions(matrices[c], content["classes"], most=1)
        rows.append({"coder": coder_name(c), "annotations": round(size[c]), "right": 100 * right,
                     "confuses most": most[0] if most else "–"})  # fmt: skip
    order_of_rows = "people first, by their annotations" if any(map(is_machine, among)) else "by their annotations"
    markup.heading("Coders", f"{len(among):,}, {order_of_rows}; choose rows to see their matrices")
    bar = st.column_config.ProgressColumn("right, as the matrix has it", format=ONE_DIGIT, min_value=0, max_value=100)
    chosen = params.choose_rows("coder", pd.DataFrame(rows), ranked, {"right": bar})
    if len(chosen) > MOST_CHOSEN:
        markup.sentence(f"The matrices of the first {MOST_CHOSEN} of the {len(chosen):,} chosen coders.")
    return [ranked[i] for i in chosen[:MOST_CHOSEN]] if chosen else ranked[:FIRST]


weak = sum(int(e.weak().sum()) for c, e in evidence.items() if not is_machine(c))
if weak:
    rows = "One row rests" if weak == 1 else f"{weak:,} rows rest"
    markup.callout(
        "note",
        f"{rows} on fewer than {charts.ENOUGH:.0f} annotations and are hatched: they are mostly what was assumed "
        "before training. More labels by these coders, best of images that others labelled too, would settle them.",
    )
shown = [c for c in matrices if view != "difference" or compared(c) is not None]
if len(shown) > MOST_AT_ONCE:
    shown = chosen_coders(shown)
params.write()
width = 380 if len(classes) <= 12 else 560
with st.grid(min(max(len(shown), 1), 3), min_column_width=width, gap="large"):
    for position, coder in enumerate(sorted(shown, key=is_machine)):
        show(coder, position)
if maes:
    source = set((content.get("reference_source") or {}).values())
    texts = {"planted": "planted matrices", "truth": "matrices counted from the known truth"}
    of = "the " + " and ".join(texts[s] for s in sorted(source) if s in texts)
    guess = float(np.mean([np.nanmean(np.abs(np.eye(len(classes)) - m)) for m in true_matrices.values()]))
    markup.sentence(
        f"Compared with {of}, a cell is off by {np.mean(list(maes.values())):.3f} on average "
        f"(taking every coder to be perfect would be off by {guess:.3f})."
    )
with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    for suffix, mime in ((".csv", "text/csv"), (".json", "application/json"), (".svg", "image/svg+xml")):
        st.download_button(
            suffix[1:].upper(),
            partial(downloads.matrices, run, suffix),
            f"{run.folder.name}-matrices{suffix}",
            mime,
            key=f"matrices{suffix}",
            on_click="ignore",
        )
    markup.sentence("all matrices; the camera above a matrix saves it as PNG")
