"""The routes of the gallery for counts, for a dataset before any run, and for many images at once."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pandas as pd
from asgi import Reply, request
from test_gallery_routes import RUN, ask, decision, store, workspace_path

from ltnet_core.datasets import load_dataset
from ltnet_core.runs.run import Run
from ltnet_core.runs.stored_results import load_items
from ui import gallery_routes, opened
from ui.tokens import token

__all__ = ["workspace_path"]  # the fixture


def test_facets_and_tables_count_what_the_list_shows(workspace_path: Path) -> None:
    ask("decisions", body={"decisions": [decision(3, 1, "t-1"), decision(4, 2, "t-2", reviewer="Bob")]})
    facets = ask("facets", truth="fear", **{"says.Alpha": "fear|anger"}).json["facets"]
    for label, n in facets["says.Alpha"].items():
        assert n == ask("items", truth="fear", limit=1, **{"says.Alpha": label}).json["total"]
    assert facets["truth"]["fear"] == ask("items", truth="fear", limit=1, **{"says.Alpha": "fear|anger"}).json["total"]
    assert ask("facets").json["facets"]["reviewer"] == {"Ada": 1, "Bob": 1}
    assert ask("items", reviewer="Bob").json["rows"][0]["r"] == 4
    table = ask("table", rows="*truth*", columns="Alpha").json
    classes = load_items(Run(workspace_path / "runs" / RUN)).classes
    cell = {"truth": classes[0], "says.Alpha": classes[1]}
    assert table["counts"][0][1] == ask("items", limit=1, **cell).json["total"]


def of_labels(path: str, candidate: str | None = None, **query: object) -> Reply:
    secret = token("labels/faces") if candidate is None else candidate
    headers = {"x-gallery-token": secret}
    return request(gallery_routes.routes(), "GET", f"/api/labels/faces/{path}", headers=headers, query=query)


def test_labels_are_shown_before_any_run(workspace_path: Path, demo: Path) -> None:
    settled = decision(0, 1, "t-1")
    shutil.rmtree(workspace_path / "runs")
    table = load_dataset(demo).table
    content = of_labels("items", sort="name", split="*any*", limit=500).json
    assert content["total"] == len(table.items)
    for row in content["rows"]:
        drawn = [int(table.labels_of(c)[list(table.items).index(row["n"])]) for c in table.coders]
        assert (row["l"], row["t"], row["i"]) == (drawn, -1, -1)
    differ = of_labels("items", labels="differ", limit=500).json["rows"]
    labels = [[k for k in r["l"] if k >= 0] for r in differ]
    assert all(len(set(k)) > 1 for k in labels)
    assert of_labels("facets").json["facets"]["labels"]["differ"] == len(differ)
    assert of_labels("cases").json["cases"] == []
    about = of_labels("item", row=content["rows"][0]["r"]).json
    assert (about["n"], about["log"]) == (content["rows"][0]["n"], [])
    assert "posterior" not in about
    assert of_labels("items", case="1").status == 422
    assert of_labels("items", candidate=token("faces")).status == 403
    body = {"decisions": [{**settled, "image": of_labels("items", sort="name").json["rows"][0]["n"]}]}
    headers, data = {"x-gallery-token": token("labels/faces")}, [json.dumps(body).encode()]
    assert (
        request(gallery_routes.routes(), "POST", "/api/labels/faces/decisions", headers=headers, body=data).status
        == 200
    )
    assert [d.key for d in store(workspace_path).standing()] == ["t-1"]
    for wrong in ("nobody", "..", "%2e"):
        key = token(f"labels/{wrong.replace('%2e', '.')}")
        path = f"/api/labels/{wrong}/items"
        assert request(gallery_routes.routes(), "GET", path, headers={"x-gallery-token": key}).status == 404


def test_many_images_are_settled_tagged_and_set_aside_and_it_is_taken_back(workspace_path: Path) -> None:
    ask("decisions", body={"decisions": [decision(3, 1, "t-1")]})
    classes = load_items(Run(workspace_path / "runs" / RUN)).classes
    view = {"sort": "name", "says.Alpha": classes[0]}
    total = ask("items", limit=1, **view).json["total"]
    body = {"kind": "settle", "value": classes[2], "key": "k1", "reviewer": "Ada", "view": view}
    before = ask("items", limit=1, **view).json["rows"][0]["d"]
    assert ask("actions", body=body).json == {"images": total, "changed": total - (before is not None)}
    assert ask("items", limit=1, reviewed="settled", **view).json["total"] == total
    tag = {"kind": "tag", "value": "blurred", "key": "k2", "reviewer": "Ada", "view": {}, "rows": [5, 6, 5]}
    assert ask("actions", body=tag).json == {"images": 2, "changed": 2}
    tagged = ask("items", tag="blurred", sort="name").json["rows"]
    assert [(r["r"], r["g"]) for r in tagged] == [(5, ["blurred"]), (6, ["blurred"])]
    everything = ask("items", limit=1).json["total"]
    assert ask("actions", body={**tag, "key": "k3", "value": "set aside"}).json["changed"] == 2
    assert ask("items", limit=1).json["total"] == everything - 2
    assert ask("facets").json["facets"]["tag"] == {"blurred": 2, "set aside": 2}
    csv = pd.read_csv(io.BytesIO(ask("csv", body={"view": {"tag": "set aside"}}).content), keep_default_na=False)
    assert csv["tags"].tolist() == ["blurred; set aside"] * 2
    assert set(csv.columns) >= {"image", "learned_truth", "label by Alpha", "settled", "settled_by"}
    history = ask("history").json["actions"]
    assert [(a["key"], a["kind"], a["undone"]) for a in history][-1] == ("t-1", "settle", False)
    assert {a["key"]: a["images"] for a in history}["k2"] == 2
    opened._settled.cache_clear()  # a server that was started anew knows it too
    for key in ("k3", "k1"):
        assert ask("undo", body={"key": key, "reviewer": "Bob"}).json == {"undone": True}
        assert ask("undo", body={"key": key, "reviewer": "Bob"}).json == {"undone": False}
    assert ask("items", limit=1).json["total"] == everything
    assert [r["r"] for r in ask("items", reviewed="settled").json["rows"]] == [3]


def test_the_settle_report_is_that_of_the_run_or_of_the_labels(workspace_path: Path) -> None:
    rows = ask("items", sort="name", limit=20).json["rows"]
    ask("decisions", body={"decisions": [decision(r["r"], 1, f"t-{r['r']}") for r in rows]})
    csv = pd.read_csv(io.BytesIO(ask("report", body={"suffix": ".csv"}).content), keep_default_na=False)
    assert set(csv["first"]) | set(csv["second"]) >= {"Alpha", "machine:Beta"}
    page = ask("report", body={"suffix": ".html"}).content.decode()
    assert "20 images are settled" in page and "20 settled: " in page
    ask("actions", body={"kind": "tag", "value": "set aside", "key": "k9", "view": {}, "rows": [rows[0]["r"]]})
    assert "19 images are settled" in ask("report", body={"suffix": ".html"}).content.decode()
    counts = ask("cases").json
    assert (counts["settled_in_all"], counts["set_aside"]) == (19, 1)
    assert page.count('<img src="data:image/jpeg') > 0
    assert ask("report", body={"suffix": ".exe"}).status == 400


SENSELESS = [
    {"kind": "drop"},
    {"value": "no class"},
    {"key": "a-b"},
    {"key": 1},
    {"kind": "tag", "value": ""},
    {"kind": "tag", "value": "\ud800"},
    {"rows": [10**9]},
    {"rows": [-1]},
    {"rows": [True]},
    {"rows": "all"},
    {"view": []},
    {"view": {"truth": "no class"}},
    {"view": {"case": 1}},
    {"as_of": "now"},
    {"reviewer": "x" * 600},
]


def test_an_action_that_makes_no_sense_is_refused_and_nothing_is_written(workspace_path: Path) -> None:
    for wrong in SENSELESS:
        body = {"kind": "settle", "value": "fear", "key": "k1", "reviewer": "Ada", "view": {}, **wrong}
        response = ask("actions", body=body)
        assert response.status in (400, 422), wrong
        assert response.json["error"], wrong
    assert not store(workspace_path).path.exists()
