"""Sentences, tables and lists that the pages make of numbers: at their bounds, with nothing known, with hostile names."""

from __future__ import annotations

import itertools
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ltnet_core.annotations import MACHINE_PREFIX
from ltnet_core.datasets import load_dataset
from ltnet_core.method import METHODS
from ltnet_core.runs.run import Status
from ui import changes, charts, compare, markup, matrix_cells, ordering, samples, small_matrices, wording
from ui.charts import RowEvidence

HOSTILE = "<script>alert('1')</script>"
ARABIC = "عربي"


def status(state: str, **more: Any) -> Status:
    return Status(
        **{
            "state": state,
            "stage": None,
            "epoch": None,
            "epochs": None,
            "progress": 0.0,
            "eta_seconds": None,
            "message": "",
            **more,
        }
    )


# ---- words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0, "5 seconds"), (2, "5 seconds"), (12.4, "10 seconds"), (49.9, "50 seconds"), (50, "a minute"),
     (89.9, "a minute"), (90, "2 minutes"), (5399, "90 minutes"), (5400, "1.5 hours"), (36 * 3600 - 1, "36.0 hours"),
     (36 * 3600, "1.5 days"), (864_000, "10.0 days")],
)  # fmt: skip
def test_a_duration_is_said_as_one_would(seconds: float | None, text: str) -> None:
    assert wording.duration(seconds) == text


def test_durations_grow_with_the_seconds() -> None:
    def minutes(text: str) -> float:
        number, _, unit = text.replace("a minute", "1 minutes").partition(" ")
        return float(number) * {"seconds": 1 / 60, "minutes": 1, "hours": 60, "days": 1440}[unit]

    told = [minutes(wording.duration(s)) for s in np.geomspace(1, 1e6, 400)]
    assert all(b >= a * 0.98 for a, b in itertools.pairwise(told))


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c"), (list("abcd"), "a, b, c and d"),
     (list("abcde"), "a, b, c, d and 1 more"), (list("abcdefg"), "a, b, c, d and 3 more"), ([ARABIC, "b"], f"\u2068{ARABIC}\u2069 and b")],
)  # fmt: skip
def test_a_list_of_names_is_said_and_cut(names: list[str], text: str) -> None:
    assert wording.listing(names) == text


def test_names_of_coders_methods_and_stages() -> None:
    assert wording.coder_name(f"{MACHINE_PREFIX}RAF") == "RAF’s machine coder"
    assert wording.coder_name(f"{MACHINE_PREFIX}{ARABIC}") == f"\u2068{ARABIC}\u2069’s machine coder"
    assert wording.method_name("coder:A") == "A alone"
    assert wording.method_name("dawid-skene") == "Dawid–Skene"
    assert wording.method_name("never heard of") == "never heard of"
    assert wording.stage_name("coder:A") == "Machine coder of A"
    assert wording.stage_name("unknown").startswith("Train: unknown")
    assert wording.stage_name("images") == "Read the images"


@pytest.mark.parametrize("method", METHODS)
def test_stages_of_a_run_cannot_be_taken_for_each_other(method: str) -> None:
    """Two networks may train on all labels mixed; a coder's name may have a colon."""
    stages = ["images", "coder:lab: A", "coder:lab: B", *METHODS[method].earlier_tasks, "pseudo", "results"]
    stages = list(dict.fromkeys([*stages, METHODS[method].stage]))
    for name in (wording.stage_name, wording.curve_name):
        names = [name(stage, method) for stage in stages]
        assert len(set(names)) == len(names), names
    assert wording.curve_name("crowd-layer", "crowd-layer") == "crowd layer"
    assert wording.curve_name("warm-up", "ltnet") == "All labels mixed"


@pytest.mark.parametrize("state", sorted(wording.STATES))
def test_where_a_run_stands_is_a_sentence_in_every_state(state: str) -> None:
    text = wording.progress_sentence(status(state, progress=0.256, message="no heartbeat"))
    assert text
    assert "None" not in text
    if state not in ("queued", "done"):
        assert "26 %" in text


def test_the_time_left_is_told_where_it_is_known() -> None:
    assert (
        wording.progress_sentence(status("running", progress=0.5, eta_seconds=120.0)) == "50 % · about 2 minutes left"
    )
    assert wording.progress_sentence(status("running", progress=0.5)) == "50 %"
    assert (
        wording.progress_sentence(status("queued", message="another run is at work"))
        == "Waiting to start: another run is at work"
    )


def test_what_a_coder_confuses_is_told_from_the_most_on_and_not_below_a_tenth() -> None:
    classes = ["a", "b", "c"]
    t = np.asarray([[0.6, 0.3, 0.1], [0.05, 0.9, 0.05], [0.2, 0.09, 0.71]])
    assert (
        wording.confusions_sentence("X", t, classes) == "X says b for 30 % of a, a for 20 % of c and c for 10 % of a."
    )
    assert wording.top_confusions(t, classes, most=1) == ["b for 30 % of a"]
    low, high = t - 0.05, t + 0.05
    assert wording.top_confusions(t, classes, most=1, interval=(low, high)) == ["b for 30 % (25 to 35) of a"]
    assert wording.top_confusions(np.eye(3), classes) == []
    text = wording.confusions_sentence("X", np.eye(3), classes)
    assert text == "X confuses no two classes in more than 10 % of cases."
    assert t[0, 0] == 0.6  # what was given is as it was


@pytest.mark.parametrize(("value", "text"), [(None, "–"), (0, "0.0 %"), (1, "100.0 %"), (0.12345, "12.3 %")])
def test_a_share_in_percent(value: float | None, text: str) -> None:
    assert wording.percent(value) == text


# ---- comparisons


def scores(accuracy: float | None, items: int = 1000) -> dict[str, Any]:
    return {
        "accuracy": accuracy,
        "macro_f1": accuracy,
        "ece": None if accuracy is None else 1 - accuracy,
        "items": items,
    }


def test_the_best_is_the_highest_and_the_lowest_error() -> None:
    methods = {"a": scores(0.5), "b": scores(0.7), "c": scores(None)}
    assert compare.best_method(methods) == "b"
    assert compare.best_method(methods, "ece") == "b"
    assert compare.best_method({"c": scores(None)}) is None
    assert compare.best_method({}) is None


@pytest.mark.parametrize(
    ("methods", "words"),
    [
        ({}, "Nothing is known."),
        ({"ltnet": scores(None)}, "Nothing is known."),
        ({"majority": scores(0.5)}, "majority vote is right on 50.0 %"),
        ({"ltnet": scores(0.8)}, "LTNet is right on 80.0 % of the images."),
        ({"ltnet": scores(0.8), "ltnet-calibrated": scores(0.9)}, "LTNet is right on 80.0 % of the images."),
        ({"ltnet": scores(0.8), "mixture": scores(0.8003)}, "just as "),
        ({"ltnet": scores(0.9), "mixture": scores(0.8)}, "10.0 points more than"),
        ({"ltnet": scores(0.7), "mixture": scores(0.8)}, "10.0 points fewer than"),
        ({"ltnet": scores(0.81), "mixture": scores(0.8)}, " to say which of the two is better."),
        ({"ltnet": scores(0.9, 0), "mixture": scores(0.8)}, "the best of the others."),
    ],
    ids=lambda v: v[:20] if isinstance(v, str) else "",
)  # fmt: skip
def test_how_ltnet_does_is_a_sentence(methods: dict[str, Any], words: str) -> None:
    text = compare.sentence(methods)
    assert words in text
    assert text.endswith(".")


def test_a_difference_that_may_be_none_is_not_called_one() -> None:
    unsure = []
    for items in (50, 500, 5000, 50_000):
        sides = [
            compare.sentence({"ltnet": scores(a, items), "mixture": scores(b, items)})
            for a, b in ((0.82, 0.8), (0.8, 0.82))
        ]
        unsure.append(["to say which" in text for text in sides])
    assert unsure == [[True, True], [True, True], [False, False], [False, False]]


def test_the_truth_is_compared_with_the_labels_and_the_network_where_they_are_known() -> None:
    assert (
        compare.truth_sentence({"accuracy": 0.9, "items": 1200})
        == "The learned truth is right on 90.0 % of 1,200 images."
    )
    known = {"accuracy": 0.8, "items": 10, "human_labels_accuracy": 0.7, "methods": {"ltnet": {"accuracy": 0.85}}}
    assert compare.truth_sentence(known).endswith("The network alone, without the labels, is right on 85.0 %.")
    for methods in (None, {}, {"ltnet": None}, {"ltnet": {"accuracy": 0.75}}):
        assert "network alone" not in compare.truth_sentence({**known, "methods": methods})


def test_a_table_of_methods_leaves_out_what_is_not_known_and_names_are_text() -> None:
    methods = {f"coder:{HOSTILE}": scores(0.5), "ltnet": scores(None), "majority": {**scores(0.9, 0), "macro_f1": None}}
    body = compare.table(methods, {"accuracy": "accuracy", "macro_f1": "macro F1"}, {f"coder:{HOSTILE}": (0.4, 0.6)})
    assert "<script" not in body
    assert body.count("<tr") == 3
    plain = re.sub(r' <span class="range"></span>', "", body)  # room for what is not known
    assert '<tr><td><bdi>majority vote</bdi></td><td class="n best">90.0 %</td><td class="n">–</td>' in plain
    assert plain.count('class="range"') == 2  # of the coder: accuracy by its number of images, macro F1 as given
    assert "on 40 images" in compare.table({"ltnet": scores(0.5, 100), "majority": scores(0.9, 40)}, {"accuracy": ""})
    assert "90.0 % of the 40 that somebody labelled" in compare.sentence(
        {"ltnet": scores(0.5, 100), "majority": scores(0.9, 40)}
    )
    assert "–" in compare.errors_table({"A": None})
    many = compare.errors_table({str(n): n / 10 for n in range(20)})
    assert '<td><bdi>mean</bdi></td><td class="n">0.950</td>' in many and "lt-tall" in many
    assert "0.123" in compare.errors_table({HOSTILE: 0.1234})


def test_what_moved_in_the_matrices_is_listed_from_the_most_on() -> None:
    before = {
        "classes": ["a", "b"],
        "coders": {"X": [[0.9, 0.1], [0.2, 0.8]], "Y": [[1, 0], [0, 1]], "gone": [[1, 0], [0, 1]]},
    }
    after = {
        "classes": ["a", "b"],
        "given": ["Z"],
        "coders": {
            "X": [[0.9, 0.1], [0.3, 0.7]],
            "Y": [[0.5, 0.5], [0, 1]],
            "Z": [[1, 0], [0, 1]],
            "new": [[1, 0], [0, 1]],
        },
    }
    cells = changes.changed_cells({**before, "coders": {**before["coders"], "Z": [[0, 1], [1, 0]]}}, after)
    assert [(c.coder, c.truth, round(abs(c.after - c.before), 6)) for c in cells] == [("Y", "a", 0.5), ("X", "b", 0.1)]
    assert cells[1].mean == pytest.approx(0.05)
    assert changes.changed_cells({**before, "classes": ["b", "a"]}, after) == []
    assert "<script" not in changes.table([changes.CellChange(HOSTILE, 0.1, HOSTILE, HOSTILE, 0, 1)])


# ---- pictures


@pytest.mark.parametrize(
    ("value", "view", "text"),
    [(0.004, "probability", "·"), (0.005, "probability", ".01"), (1.0, "probability", "1.00"), (math.nan, "probability", "?"),
     (0.004, "difference", "·"), (-0.004, "difference", "·"), (0.25, "difference", "+.25"), (-0.25, "difference", "−.25"),
     (1.0, "difference", "+1.00"), (1234.4, "counts", "1,234"), (0.0, "counts", "0"), (math.nan, "counts", "?")],
)  # fmt: skip
def test_what_stands_in_a_cell(value: float, view: str, text: str) -> None:
    assert charts.cell_texts([[value]], view) == [[text]]


def test_a_row_says_on_what_it_rests() -> None:
    evidence = RowEvidence(
        [3, 400], [[0, 0.1], [0.2, 0.3]], [[0.5, 0.6], [0.7, 0.8]], [[1.5, 1.5], [10, 390]], [[1, 2], [3, 4]]
    )
    lines = evidence.lines(0, 1, "probability")
    assert lines[0] == "95 % interval 10 to 60 %"
    assert "1.5 of the row’s 3.0 annotations" in lines[1]
    assert "2 of the row’s 3 images" in lines[2]
    assert len(evidence.lines(0, 1, "counts")) == 3
    assert evidence.weak().tolist()[0]
    turned = evidence.ordered(np.asarray([1, 0]))
    assert (turned.support, turned.low[0][0], turned.images) == ([400, 3], 0.3, [[4, 3], [2, 1]])
    assert RowEvidence([1], [[0]], [[1]]).lines(0, 0, "counts") == [
        "evidence: the row rests on 1 annotation of sure truth"
    ]


def test_names_in_figures_are_text_and_no_template() -> None:
    figure = charts.heatmap(np.eye(2), [HOSTILE, "%{x}"], ["a", "b"], f"%{{y}}{HOSTILE}")
    texts = str(figure.to_dict())
    assert "<script" not in texts
    assert "%{x}" not in texts
    assert "%{y}" not in texts.replace("hovertemplate", "")


def test_hostile_numbers_make_figures_all_the_same() -> None:
    for values in (np.full((2, 2), np.nan), np.zeros((2, 2)), np.asarray([[1e9, -1e9], [0, 1]])):
        for view in ("probability", "difference", "counts"):
            assert charts.heatmap(values, ["a", "b"], ["a", "b"], "X", view=view).data
    assert charts.method_bars({}, None).layout.height > 0
    assert charts.method_bars({"a": 0.0, "b": None}, "b").layout.yaxis.ticktext == ("a",)
    assert charts.curves({}, "loss", {}).data == ()
    assert charts.curves({"ltnet": [{"epoch": 1, "train_loss": None}]}, "loss", {}).data == ()


def test_classes_that_coders_confuse_stand_side_by_side_whoever_comes_first() -> None:
    t = np.eye(5) * 0.6
    for a, b in ((0, 3), (1, 4)):
        t[a, b] = t[b, a] = 0.4
    t[2, 2] = 1
    order = ordering.by_similarity([t]).tolist()
    assert sorted(order) == list(range(5))
    assert abs(order.index(0) - order.index(3)) == 1
    assert abs(order.index(1) - order.index(4)) == 1
    assert order[0] < order[-1]
    assert ordering.by_similarity([t, t]).tolist() == order
    assert ordering.by_similarity([np.eye(2)]).tolist() == [0, 1]
    assert sorted(ordering.by_similarity([np.eye(4)]).tolist()) == [0, 1, 2, 3]


def test_small_pictures_stay_within_their_scale_and_names_are_text() -> None:
    body = small_matrices.small_matrices({HOSTILE: [[1.7, -0.2], [0.5, 0.5]]}, [HOSTILE, "b"], ['"><i>', "b"])
    assert "<script" not in body
    assert '"><i>' not in body
    assert re.findall(r"--v:(-?\d+)%", body) == ["100", "0", "50", "50"]
    assert "110 % on the diagonal" in body
    cut = small_matrices.small_matrices({"A": [[1, 0], [0, 0.5]]}, ["a", "b"], ["B", "C"], ["b", "c"])
    assert re.findall(r"--v:(\d+)%", cut) == ["50"]  # the class that both know


@pytest.mark.parametrize(
    "cell", [None, 5, "0:0", [], {}, {"truth": 0}, {"truth": "0", "said": 0}, {"truth": -1, "said": 0}, {"truth": 0, "said": 2},
             {"truth": True, "said": 0}, {"truth": 0.0, "said": 0}, {"truth": None, "said": 0}], ids=repr)  # fmt: skip
def test_a_cell_that_there_is_not_is_none(cell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix_cells, "_component", lambda **_: {"cell": cell})
    assert matrix_cells.matrix_cells("A", ["a", "b"], ["a", "b"], [["1", "0"], ["0", "1"]], "key") is None
    monkeypatch.setattr(matrix_cells, "_component", lambda **_: {"cell": {"truth": 1, "said": 0}})
    assert matrix_cells.matrix_cells("A", ["a", "b"], ["a", "b"], [["1", "0"], ["0", "1"]], "key") == (1, 0)


def test_everything_that_is_shown_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(markup.st, "html", shown.append)
    markup.callout("error", HOSTILE, title=HOSTILE, items=[HOSTILE])
    markup.callout("good", "")
    markup.sentence(HOSTILE)
    markup.heading(HOSTILE, HOSTILE, HOSTILE)
    markup.facts([(HOSTILE, HOSTILE)])
    markup.empty(HOSTILE, HOSTILE)
    whole = "".join([*shown, markup.pill(HOSTILE, HOSTILE), markup.key({HOSTILE: HOSTILE})])
    assert "<script" not in whole
    assert "alert(&#x27;1&#x27;)" in whole
    assert 'role="alert"' in shown[0]
    assert 'role="note"' in shown[1]
    assert "<b>" not in shown[1]


def test_samples_are_spread_over_the_dataset(demo: Path) -> None:
    study = load_dataset(demo)
    few = samples.pick(study, "Alpha", 3)
    for name, (count, images) in few.items():
        k = list(study.table.classes).index(name)
        mine = [str(study.table.items[i]) for i in np.flatnonzero(study.table.labels_of("Alpha") == k)]
        assert count == len(mine)
        assert images == ([mine[0], mine[(len(mine) - 1) // 2], mine[-1]] if count >= 3 else mine)
    body = samples.render(study, "Alpha", lambda name: None)
    assert body.count('<span class="none">none</span>') == len(study.table.classes)
