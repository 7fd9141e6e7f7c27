"""The routes of the gallery: lists, counts, thumbnails, one item, decisions; and who may ask."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import sqlite3
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from asgi import Reply, request
from fake_run import write_fake_run
from PIL import Image
from run_results import matrices_of, rows_of

from ltnet_core.explore.adjudications import Adjudications, Decision
from ltnet_core.explore.explanation import _rivals, explain
from ltnet_core.files.writing import write_json
from ltnet_core.runs.run import Run
from ltnet_core.runs.stored_results import load_items
from ui import gallery_routes, http, opened
from ui.tokens import token

RUN = "faces-1"


@pytest.fixture
def workspace_path(tmp_path: Path, demo: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A workspace with the small demo and a finished run on it."""
    monkeypatch.setenv("LTNET_WORKSPACE", str(tmp_path))
    folder = tmp_path / "datasets" / "faces"
    folder.mkdir(parents=True)
    write_json(folder / "link.json", {"path": str(demo)})
    write_fake_run(tmp_path / "runs" / RUN, demo)
    opened._gallery_of_run.cache_clear()
    yield tmp_path
    opened._gallery_of_run.cache_clear()


def ask(path: str, candidate: str | None = None, body: Any = None, run: str = RUN, **query: object) -> Reply:
    secret = token(run) if candidate is None else candidate
    headers = {"x-gallery-token": secret}
    if path == "image":  # what an <img> asks for has no header of ours
        headers, query = {}, {**query, "token": secret}
    method, data = (
        ("GET", []) if body is None else ("POST", [body if isinstance(body, bytes) else json.dumps(body).encode()])
    )
    return request(gallery_routes.routes(), method, f"/api/runs/{run}/{path}", headers=headers, query=query, body=data)


def store(workspace_path: Path) -> Adjudications:
    return Adjudications(workspace_path / "datasets" / "faces" / "adjudications.sqlite")


def decision(row: int, label: int, key: str, **more: Any) -> dict[str, Any]:
    frame = rows_of(Path(os.environ["LTNET_WORKSPACE"]) / "runs" / RUN)
    image = frame["image"].iloc[row] if 0 <= row < len(frame) else ""
    body = {"kind": "settle", "key": key, "row": row, "image": image, "label": label, "seen": 0}
    return {**body, "reviewer": "Ada", "reason": "", **more}


def test_only_the_token_opens_a_run(workspace_path: Path) -> None:
    for path in ("items", "cases", "facets", "table", "history", "item", "place", "thumbnails", "image"):
        for wrong in ("", "x", token("other"), "é"):
            response = ask(path, wrong)
            assert response.status == 403
            assert response.json == {"error": "This page is out of date; reload it."}
    for path in ("decisions", "actions", "undo", "csv", "report"):
        assert ask(path, "", {}).status == 403
    for run in ("nothing", ".", "..", "%2e%2e", "faces-1%00"):
        response = ask("items", run=run, candidate=token(run.replace("%2e", ".").replace("%00", "\0")))
        assert response.status == 404
        assert response.json["error"]
    image = request(gallery_routes.routes(), "GET", f"/api/runs/{RUN}/image", query={"row": 0, "token": token(RUN)})
    assert image.status == 200
    assert (
        request(
            gallery_routes.routes(), "GET", f"/base/api/runs/{RUN}/items", headers={"x-gallery-token": token(RUN)}
        ).status
        == 200
    )


def test_a_workspace_that_cannot_be_written_can_be_looked_at(
    workspace_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ui import tokens

    (workspace_path / "a file").touch()
    monkeypatch.setenv("LTNET_WORKSPACE", str(workspace_path / "a file" / "workspace"))
    with pytest.raises(OSError, match="Not a directory"):
        (workspace_path / "a file" / "workspace").mkdir()
    assert token(RUN) == token(RUN)
    assert tokens.is_token(RUN, token(RUN))


def test_the_secret_outlives_the_server_and_is_nobody_elses(workspace_path: Path) -> None:
    from ui import tokens

    before = token(RUN)
    tokens._secret.cache_clear()
    assert token(RUN) == before
    assert (workspace_path / ".secret").stat().st_mode & 0o077 == 0
    (workspace_path / ".secret").write_bytes(b"torn")
    tokens._secret.cache_clear()
    assert token(RUN) != before
    assert len((workspace_path / ".secret").read_bytes()) == 32


def test_the_list_is_the_truth_table(workspace_path: Path) -> None:
    frame = rows_of(workspace_path / "runs" / RUN)
    frame = frame[frame["_split"] == ""]
    first = ask("items", sort="name", limit=50).json
    rest = ask("items", sort="name", offset=50, limit=500).json
    rows = first["rows"] + rest["rows"]
    assert first["total"] == len(rows) == len(frame)
    content = matrices_of(workspace_path / "runs" / RUN)
    classes = content["classes"]
    for row, (_, wanted) in zip(rows, frame.iterrows(), strict=True):
        assert row["n"] == wanted["image"]
        assert classes[row["t"]] == wanted["learned_truth"]
        assert row["c"] == pytest.approx(wanted["confidence"], abs=1e-4)
        labels = {c: classes[k] for c, k in zip(content["coders"], row["l"], strict=True) if k >= 0}
        assert labels == {c: wanted[c] for c in content["coders"] if wanted[c]}
    assert ask("items", sort="name", offset=10_000).json["rows"] == []


def test_counts_and_places(workspace_path: Path) -> None:
    content = ask("cases").json
    assert content["items"] == content["of"] - 24  # the test images
    assert {(c["first"], c["second"]) for c in content["cases"]} >= {
        ("Alpha", "machine:Beta"),
        ("Beta", "machine:Alpha"),
    }
    rows = ask("items", truth="fear", sort="unsure").json["rows"]
    where = ask("place", truth="fear", sort="unsure", image=rows[2]["n"]).json
    assert where == {"row": rows[2]["r"], "position": 2}
    assert ask("place", truth="anger", image=rows[2]["n"]).json == {"row": rows[2]["r"], "position": None}
    assert ask("place", image="nobody").json == {"row": None, "position": None}


def test_thumbnails_come_one_after_the_other(workspace_path: Path, demo: Path) -> None:
    response = ask("thumbnails", rows="3,1,2", size=64)
    at, pictures = 0, {}
    while at < len(response.content):
        row, size = struct.unpack(">II", response.content[at : at + 8])
        pictures[row] = Image.open(io.BytesIO(response.content[at + 8 : at + 8 + size]))
        at += 8 + size
    assert list(pictures) == [3, 1, 2]
    assert all(i.format == "JPEG" and max(i.size) == 64 for i in pictures.values())
    items = load_items(Run(workspace_path / "runs" / RUN))
    whole = Image.open(demo / str(items.names[1].as_py())).convert("RGB").resize((8, 8))
    small = pictures[1].convert("RGB").resize((8, 8))
    assert np.abs(np.asarray(whole, float) - np.asarray(small, float)).mean() < 12


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("thumbnails", {"rows": ""}, 400),
        ("thumbnails", {"rows": "1,x"}, 400),
        ("thumbnails", {"rows": "-1"}, 400),
        ("thumbnails", {"rows": "999999"}, 404),
        ("thumbnails", {"rows": ",".join(["1"] * 501)}, 400),
        ("thumbnails", {"rows": "1", "size": "7"}, 400),
        ("image", {"row": "999999"}, 404),
        ("item", {"row": "one"}, 400),
        ("item", {}, 400),
        ("items", {"case": "x"}, 422),
        ("items", {"truth": "<script>"}, 422),
        ("items", {"says.Nobody": "fear"}, 404),
        ("items", {"offset": "-1"}, 400),
        ("cases", {"sort": "x"}, 422),
        ("nothing", {}, 404),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_in_a_sentence(
    workspace_path: Path, path: str, query: dict[str, str], status: int
) -> None:
    response = ask(path, **query)
    assert response.status == status
    assert isinstance(response.json["error"], str)
    assert response.json["error"]


def test_an_item_says_why(workspace_path: Path) -> None:
    items = load_items(Run(workspace_path / "runs" / RUN))
    for row in range(0, 40, 7):
        content = ask("item", row=row).json
        posterior = np.asarray(content["posterior"])
        assert posterior.sum() == pytest.approx(1, abs=1e-3)
        assert int(posterior.argmax()) == content["t"]
        # What each source adds, in log-odds, adds up to the posterior.
        said = {int(np.argmax(votes)) for votes in content["annotations"].values()} - {content["t"]}
        rivals = [reasons["rival"] for reasons in content["reasons"]]
        assert set(rivals) == said or (not said and rivals == [int(posterior.argsort()[-2])])
        for rival, reasons in ((r["rival"], r["by"]) for r in content["reasons"]):
            log_odds = np.log(posterior[content["t"]] / max(posterior[rival], 1e-12))
            if posterior[rival] > 0.01:
                assert sum(reasons.values()) == pytest.approx(log_odds, abs=0.05)
            assert set(reasons) == {"", *content["annotations"]}
        assert set(content["says"]) == set(items.coders)
        assert len(content["alike"]) == 12
        cosines = [a["cosine"] for a in content["alike"]]
        assert cosines == sorted(cosines, reverse=True)
        assert row not in [a["r"] for a in content["alike"]]


def test_a_truth_is_explained_against_what_was_said_people_first() -> None:
    posterior, votes = np.asarray([0.05, 0.6, 0.3, 0.04, 0.01]), np.eye(5)
    assert _rivals(posterior, {"A": votes[1], "B": votes[3], "machine:A": votes[2], "C": votes[0]}, 1) == [0, 3, 2]
    assert _rivals(posterior, {"A": votes[4], "machine:B": votes[4]}, 1) == [4]
    assert _rivals(posterior, {"A": np.asarray([0, 2, 3, 0, 0])}, 1) == [2]  # most of its votes
    assert _rivals(posterior, {"A": votes[1]}, 1) == [2]  # nobody differs: the next most probable
    assert _rivals(np.ones(1), {}, 0) == []


def test_reasons_are_exact_and_the_nearest_are_nearest(workspace_path: Path) -> None:
    run = Run(workspace_path / "runs" / RUN)
    items = load_items(run)
    features = np.load(run.results / "features.npy").astype(np.float32)
    for row in (0, 5, 11):
        explanation = explain(run, items, row)
        for rival, reasons in explanation.reasons.items():
            odds = np.log(explanation.posterior[items.truth[row]] / explanation.posterior[rival])
            assert sum(reasons.values()) == pytest.approx(odds, rel=1e-4, abs=1e-4)
        near = features @ features[row]
        near[row] = -2
        assert [r for r, _ in explanation.alike] == np.argsort(-near, kind="stable")[:12].tolist()


def test_a_run_without_what_newer_runs_keep_is_shown_as_far_as_it_goes(workspace_path: Path, golden: Path) -> None:
    results = shutil.copytree(golden, workspace_path / "runs" / "old") / "results"
    for name in ("network.parquet", "annotations.parquet", "features.npy"):
        (results / name).unlink()
    frame = pd.read_parquet(results / "truth.parquet").drop(columns=["_margin", "_split"])
    frame.to_parquet(results / "truth.parquet", index=False)
    content = ask("item", run="old", row=0).json
    assert content["image"] is None
    assert (content["reasons"], content["says"], content["alike"]) == ([], {}, [])
    assert set(content["annotations"]) == {c for c in matrices_of(results.parent)["coders"] if frame[c][0]}
    p = frame[[c for c in frame if c.startswith("p_")]].to_numpy()
    lead = np.sort(p, axis=1)[:, -1] - np.sort(p, axis=1)[:, -2]
    rows = ask("items", run="old", sort="name", limit=500).json["rows"]
    assert [r["m"] for r in rows] == pytest.approx(lead.tolist(), abs=1e-4)


# ---- decisions


def test_decisions_are_on_disk_when_the_answer_comes(workspace_path: Path) -> None:
    response = ask(
        "decisions",
        body={"decisions": [decision(3, 1, "t-1"), decision(4, 2, "t-2", reason="brow", shown="image")], "last": 0},
    )
    assert response.status == 200
    assert response.json["saved"] == ["t-1", "t-2"]
    assert (response.json["settled_in_all"], response.json["blind_in_all"]) == (2, 1)
    items = load_items(Run(workspace_path / "runs" / RUN))
    names = [str(items.names[r].as_py()) for r in (3, 4)]
    assert [(d.image, d.label, d.reason) for d in store(workspace_path).standing()] == [
        (names[0], items.classes[1], ""),
        (names[1], items.classes[2], "brow"),
    ]
    assert (ask("cases").json["settled_in_all"], ask("cases").json["blind_in_all"]) == (2, 1)
    settled = ask("items", reviewed="settled", sort="name").json
    assert [(r["r"], r["d"]["label"], r["d"]["by"]) for r in settled["rows"]] == [(3, 1, "Ada"), (4, 2, "Ada")]
    undone = decision(4, -1, "t-3", kind="undo", undoes="t-2")
    assert ask("decisions", body={"decisions": [undone, {**decision(5, -1, "t-4"), "kind": "skip"}]}).status == 200
    assert [r["r"] for r in ask("items", reviewed="settled").json["rows"]] == [3]
    assert [r["r"] for r in ask("items", reviewed="skipped").json["rows"]] == [5]


def test_a_list_of_open_items_does_not_move_while_it_is_worked_through(workspace_path: Path) -> None:
    ask("decisions", body={"decisions": [decision(0, 1, "t-0")]})
    before = ask("items", reviewed="open", sort="name", limit=500).json
    version = before["version"]
    ask("decisions", body={"decisions": [decision(r["r"], 1, f"t-{r['r']}") for r in before["rows"][:20]]})
    same = ask("items", reviewed="open", sort="name", limit=500, as_of=version).json
    assert [r["r"] for r in same["rows"]] == [r["r"] for r in before["rows"]]
    now = ask("items", reviewed="open", sort="name", limit=500).json
    assert now["total"] == before["total"] - 20
    opened._settled.cache_clear()  # a server that was started anew works it out from the log
    again = ask("items", reviewed="open", sort="name", limit=500, as_of=version).json
    assert [r["r"] for r in again["rows"]] == [r["r"] for r in before["rows"]]


def test_the_other_ones_decision_is_told_and_stays(workspace_path: Path) -> None:
    first = ask("decisions", body={"decisions": [decision(7, 1, "ada-1")], "last": 0}).json
    content = ask("decisions", body={"decisions": [decision(7, 2, "bob-1", reviewer="Bob")], "last": 0}).json
    assert content["saved"] == []
    (conflict,) = content["conflicts"]
    items = load_items(Run(workspace_path / "runs" / RUN))
    assert (conflict["key"], conflict["by"], conflict["label"]) == ("bob-1", "Ada", items.classes[1])
    assert content["changed"]["7"]["by"] == "Ada"
    again = ask(
        "decisions", body={"decisions": [decision(7, 2, "bob-0", reviewer="Bob")], "last": content["last"]}
    ).json
    assert again["changed"]["7"]["by"] == "Ada"  # also where that is no news
    insisting = decision(7, 2, "bob-2", reviewer="Bob", seen=conflict["id"])
    assert ask("decisions", body={"decisions": [insisting], "last": content["last"]}).json["saved"] == ["bob-2"]
    # Ada hears of it with her next decision.
    heard = ask("decisions", body={"decisions": [decision(8, 1, "ada-2")], "last": first["last"]}).json
    assert heard["changed"]["7"]["by"] == "Bob"


def test_what_others_write_into_the_store_is_seen(workspace_path: Path) -> None:
    items = load_items(Run(workspace_path / "runs" / RUN))
    assert ask("items", reviewed="settled").json["total"] == 0
    name = str(items.names[9].as_py())
    store(workspace_path).add(Decision("settle", name, items.classes[0], key="cli-1"), 0)
    store(workspace_path).add(Decision("settle", "not in this run", items.classes[0], key="cli-2"), 0)
    assert [r["r"] for r in ask("items", reviewed="settled").json["rows"]] == [9]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        {"decisions": "x"},
        {"decisions": [1]},
        {"decisions": [{}]},
        [{"label": 99}],
        [{"row": 10**6}],
        [{"row": -1}],
        [{"row": True}],
        [{"key": ""}],
        [{"kind": "drop"}],
        [{"reviewer": "x" * 5000}],
        [{"seen": "1"}],
        [{"seen": 10**30}],
        [{"seen": -1}],
        [{"label": 10**30}],
        [{"row": 10**30}],
        [{"reason": "\ud800"}],
        [{"reviewer": "\udfff"}],
        [{"key": "\ud83d"}],
        [{"row": float("nan")}],
        [{"label": float("inf")}],
        [{}, {"label": 99}],
    ],
    ids=str,
)
def test_a_decision_that_makes_no_sense_is_refused_and_nothing_is_written(workspace_path: Path, body: Any) -> None:
    if isinstance(body, list):
        body = {"decisions": [{**decision(0, 0, f"t-{n}"), **wrong} for n, wrong in enumerate(body)]}
    response = ask("decisions", body=body)
    assert response.status == 400
    assert response.json["error"]
    assert store(workspace_path).log() == []


def test_what_is_known_of_the_log_may_be_any_number(workspace_path: Path) -> None:
    for last in (10**30, -1, 1.5, "1", None):
        assert ask("decisions", body={"decisions": [], "last": last}).json["last"] == 0


def test_a_decision_about_another_runs_image_is_refused(workspace_path: Path) -> None:
    response = ask("decisions", body={"decisions": [decision(0, 0, "t-1", image="images/other.png")]})
    assert response.status == 409
    assert store(workspace_path).log() == []


def test_a_store_that_is_busy_is_no_reason_to_drop_a_decision(
    workspace_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask("decisions", body={"decisions": [decision(0, 0, "t-1")]})
    monkeypatch.setattr("ltnet_core.explore.adjudications.PATIENCE", 0.1)
    with sqlite3.connect(store(workspace_path).path) as other:
        other.execute("BEGIN EXCLUSIVE")
        response = ask("decisions", body={"decisions": [decision(1, 0, "t-2")]})
        other.rollback()
    other.close()
    assert response.status == 503
    assert "just now" in response.json["error"]
    assert ask("decisions", body={"decisions": [decision(1, 0, "t-2")]}).json["saved"] == ["t-2"]


def test_a_store_that_was_taken_away_is_noticed(workspace_path: Path) -> None:
    ask("decisions", body={"decisions": [decision(r, 0, f"t-{r}") for r in range(5)]})
    assert ask("items", reviewed="settled").json["total"] == 5
    store(workspace_path).path.unlink()
    assert ask("items", reviewed="settled").json["total"] == 0
    ask("decisions", body={"decisions": [decision(9, 0, "n-1")]})
    assert [r["r"] for r in ask("items", reviewed="settled").json["rows"]] == [9]


def test_a_list_made_before_anything_was_settled_does_not_move_either(workspace_path: Path) -> None:
    before = ask("items", reviewed="open", sort="name", limit=500).json
    assert before["version"] == 0
    ask("decisions", body={"decisions": [decision(0, 1, "t-0")]})
    same = ask("items", reviewed="open", sort="name", limit=500, as_of=0).json
    assert [r["r"] for r in same["rows"]] == [r["r"] for r in before["rows"]]


def test_test_images_do_not_count_for_a_refit(workspace_path: Path) -> None:
    row = ask("items", split="test").json["rows"][0]["r"]
    assert ask("decisions", body={"decisions": [decision(row, 0, "t-1")]}).json["settled_in_all"] == 0
    assert ask("decisions", body={"decisions": [decision(0, 0, "t-2")]}).json["settled_in_all"] == 1


def test_images_that_wait_leave_threads_for_everything_else() -> None:
    free = threading.Event()

    async def both() -> bool:
        images = [asyncio.ensure_future(http.in_image_thread(free.wait, 30)) for _ in range(60)]
        await asyncio.sleep(0.1)
        try:
            return await asyncio.wait_for(http.in_thread(lambda: True), 25)
        finally:
            free.set()
            assert all(await asyncio.gather(*images))

    assert asyncio.run(both())


def test_images_are_decoded_in_threads_of_their_own(workspace_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used = []
    whole = http.in_image_thread

    async def counted(work: Any, *arguments: object) -> Any:
        used.append(work)
        return await whole(work, *arguments)

    monkeypatch.setattr(http, "in_image_thread", counted)
    assert ask("image", row=0).status == 200
    assert ask("thumbnails", rows="0,1").status == 200
    assert len(used) == 2
