"""The routes of the map: a process makes it, its points and colours are those of the items, and what fails is said."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_gallery_routes import RUN, ask, workspace_path
from test_many_routes import of_labels

from ltnet_core.explore.item_map import map_file, read_map
from ltnet_core.explore.map_filters import inside
from ltnet_core.explore.map_making import make_map
from ltnet_core.runs.run import Run
from ltnet_core.runs.stored_results import load_items, read_transitions
from ui import commands, map_routes
from ui.gallery import view
from ui.reads import selections
from ui.tokens import token

__all__ = ["workspace_path"]  # the fixture


@pytest.fixture
def run(workspace_path: Path) -> Run:
    """The run of the workspace, with its map."""
    run = Run(workspace_path / "runs" / RUN)
    make_map(run)
    return run


def wait_for_the_process() -> dict[str, Any]:
    patience = time.monotonic() + 120
    while (answer := ask("map").json)["state"] == "making" and time.monotonic() < patience:
        time.sleep(0.1)
    return answer


def test_a_process_makes_the_map_once_it_is_asked_for(workspace_path: Path) -> None:
    run = Run(workspace_path / "runs" / RUN)
    items = len(load_items(run))
    assert ask("map").json == {"state": "none", "message": "", "points": 0, "of": items}
    assert ask("map/points").status == 404
    assert ask("items", neighbours="outlier").status == 422
    assert "neighbours" not in ask("facets").json["facets"]
    assert ask("map", body={}).json["state"] == "making"
    processes = dict(map_routes._making)
    assert ask("map", body={}).json["state"] == "making"
    assert map_routes._making == processes, "the second asked for another"
    map_routes._waiting.add("another run")  # its tab was closed before its turn came
    assert wait_for_the_process() == {"state": "made", "message": "", "points": items, "of": items}
    assert map_routes._making == {}
    map_routes._waiting.clear()
    assert ask("items", neighbours="outlier", split="*any*").json["total"] == int(read_map(run, items).outlier.sum())
    assert ask("map", body={}).json["state"] == "made"


def test_points_and_colours_are_those_of_the_items(run: Run) -> None:
    items = load_items(run)
    item_map = read_map(run, len(items))
    data, n = ask("map/points").content, len(item_map)
    assert len(data) == 4 + 8 * n
    assert np.frombuffer(data[:4], "<u4").tolist() == [n]
    assert np.frombuffer(data[4 : 4 + 4 * n], "<u4").tolist() == item_map.row.tolist()
    assert np.frombuffer(data[4 + 4 * n :], "<u2").tolist() == [*item_map.x.tolist(), *item_map.y.tolist()]

    area = "0_0.5000_0.5000_9999.0_9999"
    alpha = items.labels.of_coder(items.coder("Alpha"))
    expected = {
        "*truth*": items.truth,
        "Alpha": alpha,
        "*labels*": items.relation,
        "*confidence*": np.rint(100 * items.confidence).astype(int),
    }
    for by, column in expected.items():
        response = ask("map/colours", by=by, truth="fear", area=area, region="1").content
        assert np.frombuffer(response[: 2 * n], "<i2").tolist() == column[item_map.row].tolist()
        fear = (items.truth == items.classes.index("fear")) & (items.split == items.splits.index(""))
        assert np.frombuffer(response[2 * n :], "u1").tolist() == fear[item_map.row].astype(int).tolist()
    assert ask("map/colours", by="Nobody").status == 422

    within = inside(((0, 0), (5000, 0), (5000, 9999), (0, 9999)), item_map.x, item_map.y)
    listed = ask("items", area=area, split="*any*", limit=500).json
    assert sorted(r["r"] for r in listed["rows"]) == item_map.row[within].tolist()
    regions = ask("map/regions", area=area, split="*any*").json["regions"]
    assert [r["images"] for r in regions] == np.bincount(item_map.region[within], minlength=item_map.regions).tolist()
    counts = ask("facets", area=area, split="*any*", neighbours="duplicate").json["facets"]["neighbours"]
    assert counts["outlier"] == ask("items", area=area, split="*any*", neighbours="outlier").json["total"]


def test_a_link_to_an_area_is_kept_and_one_to_nothing_is_left_out(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import streamlit as st

    asked = {"area": "0_0.10_0.5_9", "region": "99", "neighbours": "outlier", "sort": "name"}
    monkeypatch.setattr(st, "query_params", type("Parameters", (), {"to_dict": lambda self: asked})())
    shown, unknown = view(selections(run))
    assert shown == {name: asked[name] for name in ("area", "neighbours", "sort")}
    assert len(unknown) == 1 and "no region 99" in unknown[0]


def test_a_damaged_map_and_a_process_that_fails_are_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    map_file(run).write_bytes(b"torn")
    content = ask("map").json
    assert content["state"] == "failed" and "map.parquet" in content["message"]
    assert ask("facets").status == 200
    assert ask("map/colours", by="*truth*").status == 404

    def fail(arguments: Sequence[str]) -> subprocess.Popen[str]:
        assert list(arguments) == ["map", str(run.folder)]
        code = "import sys; print('a warning', file=sys.stderr); sys.exit('ltnet_core: the run kept no features.')"
        return subprocess.Popen([sys.executable, "-S", "-c", code], stderr=subprocess.PIPE, text=True)

    monkeypatch.setattr(commands, "start_command", fail)
    assert ask("map", body={}).json["state"] == "making"
    content = wait_for_the_process()
    assert (content["state"], content["message"]) == ("failed", "the run kept no features.")
    assert ask("map").json == content
    busy = subprocess.Popen(
        [sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    map_routes._making["another run"] = busy
    assert ask("map", body={}).json["state"] == "making"
    assert list(map_routes._making) == ["another run"], "two at a time"
    busy.communicate("go on\n")
    assert ask("map").json["state"] == "making"
    assert wait_for_the_process()["state"] == "failed"
    make_map(run)
    assert ask("map").json["state"] == "made"


def test_there_is_no_map_before_a_run_and_none_for_who_may_not_see_it(workspace_path: Path) -> None:
    for path in ("map", "map/points", "map/colours", "map/regions"):
        assert ask(path, "").status == 403
        assert ask(path, token("other")).status == 403
    assert ask("map", "", {}).status == 403
    assert of_labels("map").status == 404
    assert of_labels("map/points").status == 404


def test_a_coders_matrix_is_the_one_that_the_run_learned(run: Run) -> None:
    about = read_transitions(run)
    for coder in about["coders"]:
        answer = ask("coders/matrix", coder=coder).json
        assert answer["matrix"] == about["coders"][coder]
        assert answer["weak"] == [n < 10 for n in answer["support"]]
        assert (answer["low"], answer["support"]) == (about["low"][coder], about["support"][coder])
    refused = ask("coders/matrix", coder="Alfa")
    assert refused.status == 422 and "Alpha" in refused.json["error"]
    assert of_labels("coders/matrix", coder="Alpha").status == 404
