"""The page of transition matrices: views, comparisons, order, evidence of a row."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake_run import write_fake_run
from page_driver import link, open_page, seen
from run_results import rows_of

from ltnet_core.files.printing import counted
from ltnet_core.runs.run import Run
from ltnet_core.runs.stored_results import read_transitions
from ui import (
    charts,
    ordering,
)


def test_the_view_of_the_matrices_is_in_the_url(workspace_path: Path, demo: Path) -> None:
    link(workspace_path, demo)
    write_fake_run(workspace_path / "runs" / "faces-1", demo)
    at = open_page("transitions")
    for view in ("difference", "counts"):
        at.segmented_control[0].set_value(view).run()
        assert not at.exception
        assert at.query_params["run"] == "faces-1"
        assert at.query_params["view"] == view
    assert open_page("transitions", view="counts").segmented_control[0].value == "counts"


@pytest.mark.parametrize("to", ["reference", "identity", "start", "dawid-skene", "coder:Alpha"])
def test_matrices_are_compared_with_whatever_is_asked(workspace_path: Path, demo: Path, to: str) -> None:
    link(workspace_path, demo)
    write_fake_run(workspace_path / "runs" / "faces-1", demo)
    at = open_page("transitions", view="difference", to=to)
    assert at.selectbox(key="q_to").value == to
    shown = seen(at).count('class="lt-matrix"')
    assert shown == {"coder:Alpha": 3, "dawid-skene": 2}.get(to, 4)


def test_classes_that_are_confused_can_stand_side_by_side(workspace_path: Path, demo: Path) -> None:
    t = np.eye(5) * 0.7 + 0.01
    t[0, 3] = t[3, 0] = t[1, 4] = t[4, 1] = 0.2
    order = ordering.by_similarity([t]).tolist()
    assert sorted(order) == list(range(5))
    assert abs(order.index(0) - order.index(3)) == abs(order.index(1) - order.index(4)) == 1
    assert ordering.by_similarity([np.eye(2)]).tolist() == [0, 1]
    assert sorted(ordering.by_similarity([np.eye(4)])) == [0, 1, 2, 3]
    link(workspace_path, demo)
    write_fake_run(workspace_path / "runs" / "faces-1", demo)
    at = open_page("transitions", order="similar")
    assert at.selectbox(key="q_order").value == "similar"
    evidence = charts.RowEvidence([5, 50], [[0.1, 0.2], [0.3, 0.4]], [[0.5, 0.6], [0.7, 0.8]]).ordered(np.array([1, 0]))
    assert (evidence.support, evidence.low) == ([50, 5], [[0.4, 0.3], [0.2, 0.1]])


def test_the_reference_is_marked_on_its_matrix(workspace_path: Path, demo: Path) -> None:
    link(workspace_path, demo)
    path = write_fake_run(workspace_path / "runs" / "faces-1", demo) / "results" / "names.json"
    sentence = "The reference coder. The labels alone do not show which coder is right"
    assert sentence not in seen(open_page("transitions"))
    path.write_text(json.dumps({**json.loads(path.read_text()), "reference_coder": "Beta"}))
    assert seen(open_page("transitions")).count(sentence) == 1


def test_many_coders_are_a_table_and_the_matrices_of_the_first(
    workspace_path: Path, demo: Path, tmp_path: Path
) -> None:
    crowd = tmp_path / "crowd"
    shutil.copytree(demo, crowd)
    (crowd / "planted_T.json").unlink()
    rows = pd.read_csv(crowd / "annotations.csv")
    rows["coder"] = [f"w{n % 12:02d}" for n in range(len(rows))]
    rows.to_csv(crowd / "annotations.csv", index=False)
    link(workspace_path, crowd)
    write_fake_run(workspace_path / "runs" / "faces-1", crowd)
    at = open_page("transitions")
    (table,) = at.dataframe
    assert len(table.value) > 8
    by_kind = table.value.groupby(table.value["coder"].str.endswith("machine coder"), sort=False)["annotations"]
    assert list(by_kind.groups) == [False, True]  # people first
    assert by_kind.agg(lambda column: column.is_monotonic_decreasing).all()
    most = table.value["confuses most"]
    assert (most.str.fullmatch("–|.+ for [0-9]+ % of .+") & ~most.str.contains("w0|w1")).all()  # who: the first column
    assert len(at.get("plotly_chart")) == 6


def test_rows_with_too_little_evidence_are_hatched_and_every_row_says_what_it_rests_on() -> None:
    low, high = [[0.1, 0.2], [0.3, 0.4]], [[0.7, 0.8], [0.9, 0.95]]
    figure = charts.heatmap(
        [[0.5, 0.5], [0.4, 0.6]],
        ["cat", "dog"],
        ["Ca", "Do"],
        "X",
        evidence=charts.RowEvidence([4.2, 1300.0], low, high),
    )
    texts = [a.text for a in figure.layout.annotations]
    assert texts == ["n", "4", "1,300"]
    hatching = [t for t in figure.data if t.type == "scatter" and t.mode == "lines"]
    assert len(hatching) == 1
    rows = {round(y) for y in hatching[0].y if y is not None}
    assert rows == {0}
    hover = [text for t in figure.data if t.hovertext is not None for text in t.hovertext]
    assert any("95 % interval 10 to 70 %" in h and "rests on 4 annotations" in h for h in hover)
    plain = charts.heatmap([[0.5, 0.5], [0.4, 0.6]], ["cat", "dog"], ["Ca", "Do"], "X")
    assert not plain.layout.annotations


def test_each_figure_of_a_cell_says_what_it_counts(workspace_path: Path, demo: Path) -> None:
    link(workspace_path, demo)
    run = write_fake_run(workspace_path / "runs" / "faces-1", demo)
    chart = open_page("transitions", order="similar").get("plotly_chart")[0]
    cells = {
        (at[0], at[1]): text
        for trace in json.loads(chart.proto.spec)["data"]
        for at, text in zip(trace.get("customdata", ()), trace.get("hovertext", ()), strict=True)
    }
    assert len(cells) == 49
    frame = rows_of(run)
    frame = frame[(frame["_split"] == "") & (frame["Alpha"] != "")]
    matrices = read_transitions(Run(run))
    classes, expected = matrices["classes"], np.asarray(matrices["counts"]["Alpha"])
    for text in cells.values():
        truth, label = (classes.index(re.findall("<b>(.*?)</b>", text)[n]) for n in (0, 1))
        of_row = frame[frame["learned_truth"] == classes[truth]]
        behind = int((of_row["Alpha"] == classes[label]).sum())
        assert f"by the most probable truth: {behind:,} of the row’s {counted(len(of_row), 'image')}" in text
        share, whole = expected[truth, label], expected[truth].sum()
        assert f"expected: {share:,.1f} of the row’s {whole:,.1f} annotations" in text
        assert re.search("evidence: the row rests on [0-9,]+ annotations? of sure truth$", text)
