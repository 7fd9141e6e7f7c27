"""The routes of the queue for several reviewers, and of what settling has brought."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from run_results import rows_of
from test_gallery_routes import RUN, ask, decision, store, workspace_path

from ltnet_core.explore.decided import DIFFERING, SECOND_OPINION
from ltnet_core.explore.gains import gains
from ltnet_core.runs.run import Run
from ltnet_core.runs.stored_results import load_items

__all__ = ["workspace_path"]  # the fixture


def claim(holder: str, reviewer: str, count: int = 3, **more: Any) -> dict[str, Any]:
    reply = ask("queue", body={"holder": holder, "reviewer": reviewer, "count": count, **more})
    assert reply.status == 200, reply.json
    answer: dict[str, Any] = reply.json
    return answer


def test_two_reviewers_share_the_queue_in_the_order_of_the_view(workspace_path: Path) -> None:
    order = [r["r"] for r in ask("items", limit=10).json["rows"]]  # gains most: least confident first
    ada, ben = claim("a", "Ada"), claim("b", "Ben")
    assert [r["r"] for r in ada["rows"]] == order[:3]
    assert [r["r"] for r in ben["rows"]] == order[3:6]
    assert ben["held"] == {"Ada": 3, "Ben": 3}
    assert set(ada["purposes"].values()) == {"open"}
    ask("decisions", body={"decisions": [decision(order[0], 1, "a-1")]})
    more = claim("a", "Ada", keep=order[1:3], count=1)
    assert ([r["r"] for r in more["rows"]], more["lost"]) == (order[6:7], [])
    lost = claim("c", "Cem", keep=order[3:4], count=0)
    assert (lost["rows"], lost["lost"]) == ([], order[3:4])
    ask("release", body={"holder": "b"})
    state = ask("queue").json
    assert (state["held"], state["shares"]) == ({"Ada": 3}, {"second": 0, "again": 0})
    assert state["open"] == ada["open"] - 1 == ask("items", limit=1).json["total"] - 1
    ask("release", body={"holder": "a"})
    some = ask("items", truth="fear", sort="name", limit=2).json["rows"]
    assert claim("d", "Dan", 2, view={"truth": "fear", "sort": "name"})["rows"][0]["n"] == some[0]["n"]


def test_a_second_answer_is_asked_for_by_tag_settles_nothing_and_is_compared(workspace_path: Path) -> None:
    frame = rows_of(workspace_path / "runs" / RUN)
    ask("decisions", body={"decisions": [decision(3, 1, "a-1"), decision(4, 1, "a-2")]})
    tag = {"kind": "tag", "value": SECOND_OPINION, "key": "k1", "view": {}, "rows": [3]}
    ask("actions", body=tag)
    got = claim("b", "Ben", 4, view={"sort": "name"})
    assert got["purposes"]["3"] == "second" and list(got["purposes"].values()).count("open") == 3
    opinion = {**decision(3, 2, "b-1"), "kind": "opinion", "about": "second", "shown": "image", "reviewer": "Ben"}
    reply = ask("decisions", body={"decisions": [opinion, decision(0, 1, "b-2", reviewer="Ben")]}).json
    assert reply["saved"] == ["b-1", "b-2"]
    assert ask("items", sort="name", limit=5).json["rows"][3]["d"]["label"] == 1
    assert [r["r"] for r in ask("items", tag=DIFFERING).json["rows"]] == [3]
    (everybody, pair) = ask("queue").json["agreements"]
    assert (pair["who"], pair["images"], pair["share"]) == ("Ada with Ben", 1, 0)
    assert everybody["kind"] == "second"
    undo = {"kind": "undo", "key": "b-3", "row": 3, "image": frame["image"][3], "undoes": "b-1"}
    ask("decisions", body={"decisions": [undo]})
    assert ask("queue").json["agreements"] == [] and ask("items", tag=DIFFERING).json["total"] == 0


def test_shares_are_kept_and_what_makes_no_sense_is_refused(workspace_path: Path) -> None:
    assert ask("shares", body={"again": 25}).json == {"second": 0, "again": 25}
    assert ask("queue").json["shares"] == {"second": 0, "again": 25}
    for path, wrong in (
        ("shares", {}), ("shares", {"again": "5"}), ("shares", {"again": True}), ("shares", {"open": 5}),
        ("shares", {"again": 101}), ("queue", {"reviewer": "Ada", "count": 1}), ("queue", {"holder": "a", "count": -1}),
        ("queue", {"holder": "a", "count": 10**6}), ("queue", {"holder": "a", "keep": [10**9]}),
        ("queue", {"holder": "a", "view": {"truth": "no class"}}), ("queue", {"holder": 1}), ("queue", []),
        ("release", {"holder": ["a"]}),
    ):  # fmt: skip
        reply = ask(path, body=wrong)
        assert reply.status in (400, 422) and reply.json["error"], (path, wrong)
    fine = {**decision(3, 2, "b-1"), "kind": "opinion", "about": "second", "shown": "image"}
    for change in ({"about": "third"}, {"shown": ""}, {"row": 10**9}, {"label": 99}, {"key": ""}, {"row": True}):
        assert ask("decisions", body={"decisions": [{**fine, **change}]}).status == 400, change
    assert ask("decisions", body={"decisions": [{**fine, "image": "other.png"}]}).status == 409
    for path in ("queue", "release", "shares"):
        assert ask(path, "", {}).status == 403
    assert ask("gains", "").status == 403
    assert not store(workspace_path).log()


def test_what_settling_brought_follows_each_answer(workspace_path: Path) -> None:
    run = Run(workspace_path / "runs" / RUN)
    before = ask("gains").json
    assert before["sentences"] == gains(run, load_items(run), {}).sentences() and before["matrices"] == []
    rows = ask("items", limit=20).json["rows"]
    ask("decisions", body={"decisions": [decision(r["r"], 1, f"t-{r['r']}") for r in rows]})
    content = ask("gains").json
    answers = {r["n"]: load_items(run).classes[1] for r in rows}
    assert content["sentences"] == gains(run, load_items(run), answers).sentences()
    assert content["sentences"][0].startswith("20 settled: ")
    ask("actions", body={"kind": "tag", "value": "set aside", "key": "k1", "view": {}, "rows": [rows[0]["r"]]})
    assert ask("gains").json["sentences"][0].startswith("19 settled: ")
