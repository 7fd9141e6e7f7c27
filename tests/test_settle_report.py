"""What settling showed, against counts by hand."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import Command
from fake_run import write_fake_run
from test_selection import items

from ltnet_core.annotations import ADJUDICATOR
from ltnet_core.datasets import load_dataset
from ltnet_core.explore.adjudications import Adjudications, Decision
from ltnet_core.explore.gains import gains
from ltnet_core.explore.opinions import Agreement, Opinion, Opinions
from ltnet_core.export.settle_report import ENOUGH, SettleReport, settle_report
from ltnet_core.labels.intervals import wilson
from ltnet_core.runs.run import Run
from ltnet_core.runs.stored_results import load_items

# Of images a to h A says x, and B says y of all but h; of i and j both say z.
LABELS = [[0] * 8 + [2, 2], [1] * 7 + [-1, 2, 2]]
DECISIONS = dict(zip("abcdefghi", "xxxxxxyyz", strict=True))


def made() -> SettleReport:
    return settle_report(items(LABELS), {**DECISIONS, "nobody": "x", "j": "no class"})


def test_a_pair_is_counted_where_its_labels_differ() -> None:
    report = made()
    assert (report.settled, report.not_there) == (9, 2)
    (pair,) = report.pairs
    assert (pair.first, pair.first_says, pair.second, pair.second_says) == ("A", "x", "B", "y")
    assert (pair.items, pair.for_first, pair.for_second, pair.for_neither) == (7, 6, 1, 0)
    assert pair.images == tuple("abcdef")
    assert pair.sentence == (
        "Where A says x and B says y, 86 % of 7 images were settled as x (95 % interval 49 % to 97 %): no clear rule; "
        "look at these images together and write down what tells them apart."
    )


def test_a_coder_alone_is_counted_by_class() -> None:
    alone = {(v.first, v.first_says): v for v in made().alone}
    assert set(alone) == {("A", "x"), ("A", "z"), ("B", "y"), ("B", "z")}
    assert (alone["A", "x"].items, alone["A", "x"].for_first, alone["A", "x"].other) == (8, 6, "y")
    assert alone["A", "z"].sentence == "Where A says z, only 1 image is settled: too few for a rule."


def test_a_clear_majority_is_a_rule_and_few_images_are_none() -> None:
    many = {f"n{i}": "y" for i in range(10)}
    names = items([[0] * 10, [2] * 10])
    decisions = dict(zip("abcdefghij", many.values(), strict=True))
    (pair,) = settle_report(names, decisions).pairs
    assert (pair.leading, pair.for_neither, pair.other) == ("y", 10, "y")
    assert pair.sentence.endswith("(95 % interval 72 % to 100 %): take y.")
    few = dict(list(decisions.items())[: ENOUGH - 1])
    assert "too few for a rule" in settle_report(names, few).pairs[0].sentence


def test_people_come_before_machines_and_the_adjudicator_is_none_of_them() -> None:
    labels = [[0, 0], [1, 1], [2, -1], [0, 0]]
    report = settle_report(items(labels, ("machine:A", "A", "B", ADJUDICATOR)), {"a": "x", "b": "x"})
    # The machine coder stands in for B, who is silent about b.
    assert [(v.first, v.second, v.items) for v in report.pairs] == [("A", "B", 1), ("A", "machine:A", 1)]
    assert report.pairs[1].sentence.startswith("Where A says y and A’s machine coder says x, only 1 image")
    page = report.to_html("faces")
    assert "A’s machine coder: x" in page and "machine:A" not in page
    assert "machine:A" in set(report.to_frame()["second"])
    machines = items([[0], [1], [-1]], ("machine:A", "machine:B", "A"))
    assert len(settle_report(machines, {"a": "x"}).pairs) == 1  # nobody labelled it


@pytest.mark.parametrize("items", [1, 5, 40, 1000])
def test_the_interval_is_the_set_of_shares_that_the_count_does_not_contradict(items: int) -> None:
    for hits in {0, 1, items // 2, items}:
        low, high = wilson(hits / items, items)
        for end in (low, high):
            if 1e-9 < end < 1 - 1e-9:
                assert abs(hits / items - end) == pytest.approx(1.959964 * np.sqrt(end * (1 - end) / items), rel=1e-4)
        assert 0 <= low <= hits / items <= high <= 1
    assert wilson(0, 0) == (0, 1)


def test_a_name_that_turns_the_direction_turns_no_figure() -> None:
    """Of every text of the page, whatever a mark in a name does ends with the name."""
    turning = settle_report(items(LABELS, ("\u202eAda", "\u2069\u202eBen")), DECISIONS)
    turning = replace(turning, agreements=(Agreement("second", "\u202eAda", "Ben", 9, 8, 0.6, 0.95, 0.5),))
    texts = re.findall(r">([^<]+)<|alt=\"([^\"]*)", turning.to_html("\u2069\u202efaces"))
    marked = [t for t, _ in texts if "\u202e" in t]
    assert len(marked) > 10
    for text in marked:
        depth = 0
        for c in text:
            depth += (c in "\u2066\u2067\u2068") - (c == "\u2069")
            assert depth > 0 or c != "\u202e", text
        assert depth == 0, text


def test_the_page_shows_names_as_text_and_the_csv_has_every_row() -> None:
    hostile = items(LABELS, ("<script>alert(1)</script>", "=1+1"))
    report = settle_report(hostile, DECISIONS)
    page = report.to_html("<b>faces</b>")
    assert "<script" not in page
    assert "&lt;b&gt;faces" in page
    assert "9 images are settled" in page
    frame = pd.read_csv(io.BytesIO(report.csv_bytes()), keep_default_na=False)
    assert len(frame) == len(report.pairs) + len(report.alone)
    assert frame["second"][0] == "'=1+1"
    nothing = settle_report(hostile, {})
    assert "No settled image has" in nothing.to_html("faces")
    assert len(nothing.to_frame()) == 0


def test_the_command_line_writes_it_of_a_run_and_of_a_dataset(tmp_path: Path, demo: Path, ltnet: Command) -> None:
    run = write_fake_run(tmp_path / "run", demo)
    study = load_dataset(demo)
    images = [str(i) for i in study.table.items[~study.is_test][:30]]
    settled = tmp_path / "settled.csv"
    settled.write_text("image,label\n" + "".join(f"{i},fear\n" for i in images), encoding="utf-8")
    done = ltnet("report", run, "--settled", settled, "--out", tmp_path / "run.html", "--title", "Our faces")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "run.html").read_text(encoding="utf-8")
    assert "30 images are settled" in page and "<h1>Our faces: what settling showed" in page
    brought = gains(Run(run), load_items(Run(run)), dict.fromkeys(images, "fear"))
    assert f"30 settled: {brought.changed} truths changed, matrix of" in done.stdout
    assert "What settling has brought" in page and all(s in page for s in brought.sentences())
    assert "’s machine coder: " in page and "machine:" not in page
    assert "data:image/jpeg;base64," in page
    differ = page.partition("Where two coders differ</h2>")[2].partition("</table>")[0]
    assert differ.count('<th scope="col"') == 7  # so many fit on a narrow screen; the rest has a line of its own
    assert differ.count("<tbody>") == differ.count('<tr class="more"><td colspan="7">') > 0
    titled = ["--title", "Our faces"]
    assert ltnet("export", run, "--report", tmp_path / "r.html", *titled).returncode == 0
    assert "<h1>Our faces</h1>" in (tmp_path / "r.html").read_text(encoding="utf-8")
    for command in (["export", run], ["report", demo, "--settled", settled]):  # a table has none
        refused = ltnet(*command, "--out", tmp_path / "titled.csv", *titled)
        assert refused.returncode == 2 and "--title" in refused.stderr and not (tmp_path / "titled.csv").exists()
    done = ltnet("report", demo, "--settled", settled, "--out", tmp_path / "labels.csv")
    assert done.returncode == 0, done.stderr
    frame = pd.read_csv(tmp_path / "labels.csv", keep_default_na=False)
    assert set(frame["first"]) == {"Alpha", "Beta"}
    assert set(frame["leading"]) == {"fear"}
    store = Adjudications(tmp_path / "settled.sqlite")
    store.add_all([(Decision("settle", i, "fear", "Ada", key=f"a-{n}"), 0) for n, i in enumerate(images[:4])])
    said = [Opinion("second", i, "fear", "<Ben>", "", f"b-{n}", "image") for n, i in enumerate(images[:3])]
    Opinions(store).add_all([*said, Opinion("again", images[3], "anger", "Ada", "", "a-9", "image")])
    done = ltnet("report", demo, "--settled", store.path, "--out", tmp_path / "store.html")
    assert "Same answer by <Ben> with Ada: 100 % of 3 images (95 % interval 44 % to 100 %)." in done.stdout
    assert "Same answer by Ada again: 0 % of 1 image" in done.stdout
    page = (tmp_path / "store.html").read_text(encoding="utf-8")
    assert "How far reviewers agree" in page and "&lt;Ben&gt; with Ada" in page
    settled.write_text("image,label\nnobody.jpg,fear\n", encoding="utf-8")
    for arguments, message in (
        ((demo, "--settled", settled, "--out", tmp_path / "x.csv"), "none of the adjudications"),
        ((demo, "--settled", settled, "--out", tmp_path / "x.pdf"), "--out must end in .html or .csv"),
        ((demo, "--settled", tmp_path / "no.csv", "--out", tmp_path / "x.csv"), "no such file of adjudications"),
    ):
        refused = ltnet("report", *arguments)
        assert refused.returncode == 2
        assert message in refused.stderr
