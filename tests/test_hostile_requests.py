"""Requests that no page of ours sends: every route answers them in a sentence, writes nothing, and goes on working."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from asgi import Reply, request
from finished_workspace import RUN, finished_workspace
from run_results import rows_of

from ltnet_core.explore.adjudications import Adjudications
from ltnet_core.runs.run import Run
from ui import export_routes, gallery_routes
from ui.tokens import token

ODD: tuple[Any, ...] = (
    None, True, -1, 1.5, 10**30, "", "\x00", "<b>", "é" * 3000, [], [None], {}, {"a": 1},
)  # fmt: skip
BODIES = (b"", b"{", b"[]", b"null", b"1", b'"x"', b"\xff\xfe", b'{"a": NaN}', b'{"a": "\\ud800"}', b"[" * 20_000)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, demo: Path) -> Iterator[Path]:
    """A workspace with the small demo and a finished run on it, which every test here leaves as it is."""
    with finished_workspace(tmp_path_factory.mktemp("hostile"), demo) as folder:
        yield folder


def send(path: str, body: Any = None, place: str = f"runs/{RUN}", **query: object) -> Reply:
    """Ask with the right token; a body makes it a POST."""
    headers = {"x-gallery-token": token(RUN if place.startswith("runs") else place)}
    data = [] if body is None else [body if isinstance(body, bytes) else json.dumps(body).encode()]
    method = "GET" if body is None else "POST"
    return request(gallery_routes.routes(), method, f"/api/{place}/{path}", headers=headers, query=query, body=data)


def require_sentence(reply: Reply, what: object) -> None:
    """It was refused by somebody who understood it."""
    assert 400 <= reply.status < 500, (what, reply.status, reply.content[:200])
    assert isinstance(reply.json["error"], str), what
    assert reply.json["error"].strip(), what


@lru_cache(maxsize=1)
def images(folder: Path) -> list[str]:
    """The images of the run, by row."""
    return [str(image) for image in rows_of(folder / "runs" / RUN)["image"]]


def decision(folder: Path, **more: Any) -> dict[str, Any]:
    image = images(folder)[0]
    return {"kind": "settle", "key": "k", "row": 0, "image": image, "label": 0, "seen": 0, "reviewer": "Ada", **more}


def written(folder: Path) -> int:
    """Lines of the log."""
    return len(Adjudications(folder / "datasets" / "faces" / "adjudications.sqlite").log())


@pytest.mark.parametrize("path", ["decisions", "actions", "undo", "csv", "report", "queue", "release", "shares"])
def test_a_body_that_is_no_object_is_refused(workspace: Path, path: str) -> None:
    for body in BODIES:
        require_sentence(send(path, body), (path, body[:20]))
    assert written(workspace) == 0


@pytest.mark.parametrize("key", ["many:k-0", "undo:k"])
def test_a_key_such_as_the_server_makes_is_refused(workspace: Path, key: str) -> None:
    """It would stand in the way of the action, or of the undoing, that is to write it."""
    require_sentence(send("decisions", {"decisions": [decision(workspace, key=key)], "last": 0}), key)
    second = decision(workspace, key=key, kind="opinion", about="second", shown="image")
    require_sentence(send("decisions", {"decisions": [second], "last": 0}), key)
    assert written(workspace) == 0


@pytest.mark.parametrize(
    "name", ["kind", "key", "row", "image", "label", "seen", "undoes", "reviewer", "reason", "shown"]
)
def test_a_decision_with_an_odd_value_is_kept_or_refused_never_a_mistake(workspace: Path, name: str) -> None:
    for odd in ODD:
        reply = send("decisions", {"decisions": [decision(workspace, **{"kind": "drop", name: odd})]})
        require_sentence(reply, (name, odd))
    assert written(workspace) == 0


@pytest.mark.parametrize("name", ["key", "row", "image", "label", "about", "shown", "reviewer", "reason"])
def test_a_second_answer_with_an_odd_value_is_refused(workspace: Path, name: str) -> None:
    wrong = {**decision(workspace), "kind": "opinion", "about": "third", "shown": "image"}
    for odd in ODD:
        require_sentence(send("decisions", {"decisions": [{**wrong, name: odd}]}), (name, odd))
    assert written(workspace) == 0


@pytest.mark.parametrize("last", ODD, ids=repr)
def test_what_was_heard_last_may_be_anything_and_the_answer_is_whole(workspace: Path, last: Any) -> None:
    reply = send("decisions", {"decisions": [], "last": last})
    assert (reply.status, reply.json["saved"], reply.json["changed"]) == (200, [], {})


@pytest.mark.parametrize(
    ("path", "right", "names"),
    [
        ("actions", {"kind": "drop", "value": "", "key": "k", "view": {}}, ("kind", "value", "key", "view", "rows", "as_of")),
        ("csv", {"view": 1}, ("rows", "as_of")),
        ("report", {}, ("suffix",)),
        ("queue", {"view": [], "holder": "h", "count": 1}, ("holder", "reviewer", "count", "keep")),
        ("shares", {"third": 5}, ("second", "again")),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)  # fmt: skip
def test_an_odd_value_in_a_request_that_is_wrong_already_is_a_sentence(
    workspace: Path, path: str, right: dict[str, Any], names: Sequence[str]
) -> None:
    for name in names:
        for odd in ODD:
            require_sentence(send(path, {**right, name: odd}), (path, name, odd))


@pytest.mark.parametrize(
    ("path", "content", "names"),
    [
        ("csv", {"rows": [0]}, ("view", "rows", "as_of")),
        ("queue", {"holder": "h", "reviewer": "Ada", "view": {}, "count": 1}, ("view", "keep", "count", "reviewer", "holder")),
        ("release", {"holder": "h"}, ("holder",)),
        ("undo", {"key": "none", "reviewer": "Ada"}, ("key", "reviewer")),
        ("map", {}, ("x",)),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)  # fmt: skip
def test_one_odd_value_in_a_right_request_is_never_a_mistake_of_the_server(
    workspace: Path, path: str, content: dict[str, Any], names: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.map_routes._state", lambda gallery, begin: {"state": "none"})
    for name in names:
        for odd in ODD:
            reply = send(path, {**content, name: odd})
            if reply.status != 200:
                require_sentence(reply, (path, name, odd))
    send("release", {"holder": "h"})


@pytest.mark.parametrize("percent", [-0.1, 100.1, 1e308, -1, 101, True, "5", None, [5]], ids=repr)
def test_a_share_is_a_number_of_percent(workspace: Path, percent: Any) -> None:
    before = send("queue").json["shares"]
    require_sentence(send("shares", {"second": 5, "again": percent}), percent)
    require_sentence(send("shares", b'{"second": 1e999}'), "infinite")
    assert send("queue").json["shares"] == before


QUERIES: tuple[tuple[str, str], ...] = (
    ("says.Alpha", "a|b"), ("says.", "fear"), ("says.Alpha", "%"), ("pair", "Alpha"), ("pair", "Alpha|Alpha"), ("pair", "|"),
    ("case", "0"), ("case", "6"), ("case", "1,"), ("case", "differ,1"), ("confidence", "1-0"), ("confidence", "nan-1"),
    ("confidence", "0.5"), ("margin", "-1-0"), ("top", "-5"), ("top", "1e9"), ("top", "x"), ("seed", "x"), ("area", "1_2"),
    ("area", "0_0.1_1.x_y"), ("area", ".".join(["0_0"] * 500)), ("region", "-1"), ("region", "1,,2"), ("than", "../x"),
    ("than", "\0"), ("neighbours", "x"), ("labels", "x"), ("reviewed", "x"), ("alone", "Nobody"), ("sort", ""),
    ("origin", "x|y"), ("split", "nowhere"), ("search", "x" * 5000), ("truth", "*none*"), ("known", "\ud800"),
)  # fmt: skip


@pytest.mark.parametrize(("name", "value"), QUERIES, ids=[f"{n}={v[:12]}" for n, v in QUERIES])
def test_a_filter_that_makes_no_sense_shows_nothing_or_is_a_sentence_for_every_part(
    workspace: Path, name: str, value: str
) -> None:
    asked = {name: value.encode("utf-8", "surrogatepass")}
    statuses = set()
    for path in ("items", "cases", "facets", "queue", "map/regions", "place"):
        reply = send(path, **asked)
        statuses.add(reply.status)
        if reply.status != 200:
            require_sentence(reply, (path, name, value))
    assert statuses <= {200, 404, 422}


@pytest.mark.parametrize("name", ["offset", "limit", "as_of"])
@pytest.mark.parametrize("value", ["-1", "", " 1", "1.0", "0x1", "1e3", "99999999999", "١", "²", "1\n"], ids=repr)
def test_a_number_that_is_none_is_refused_by_its_name(workspace: Path, name: str, value: str) -> None:
    reply = send("items", **{name: value})
    assert reply.status == 400
    assert reply.json["error"].startswith(f"{name} must be a whole number")


def test_numbers_at_their_bounds(workspace: Path) -> None:
    total = send("items").json["total"]
    assert send("items", limit=0).json["rows"] == []
    assert len(send("items", offset=total - 1).json["rows"]) == 1
    assert send("items", offset=total).json["rows"] == []
    assert send("items", offset=9_999_999_999, limit=9_999_999_999).json["total"] == total
    assert send("items", as_of=9_999_999_999).json["total"] == total
    rows = len(images(workspace))
    assert send("item", row=rows - 1).status == 200
    require_sentence(send("item", row=rows), rows)
    require_sentence(send("thumbnails", rows=f"0,{rows}"), rows)
    assert send("thumbnails", rows=",".join(["0"] * 500), size=64).status == 200


@pytest.mark.parametrize(("rows", "columns"), [("", ""), ("Alpha", ""), ("Alpha", "Nobody"), ("*truth*", "*x*")])
def test_a_table_of_columns_that_are_not_there_is_refused(workspace: Path, rows: str, columns: str) -> None:
    require_sentence(send("table", rows=rows, columns=columns), (rows, columns))


@pytest.mark.parametrize("coder", ["", "Nobody", "\0", "machine:Nobody", "*truth*"])
def test_a_coder_that_is_not_there_is_refused(workspace: Path, coder: str) -> None:
    require_sentence(send("coders/of", coder=coder), coder)


@pytest.mark.parametrize("by", ["", "Nobody", "*x*", "\0"])
def test_colours_by_what_is_not_there_are_refused(workspace: Path, by: str) -> None:
    require_sentence(send("map/colours", by=by), by)
    require_sentence(send("map/points", place="labels/faces"), by)


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "%00", "no-such", "%F0%9F%98%80", "x" * 300])
@pytest.mark.parametrize("place", ["runs", "labels"])
def test_a_place_that_is_not_there_is_a_sentence_also_with_its_own_token(
    workspace: Path, place: str, name: str
) -> None:
    plain = unquote(name)
    headers = {"x-gallery-token": token(plain if place == "runs" else f"labels/{plain}")}
    reply = request(gallery_routes.routes(), "GET", f"/api/{place}/{name}/items", headers=headers)
    require_sentence(reply, name)
    assert reply.status in (403, 404)


@pytest.mark.parametrize(
    "path",
    [
        f"{RUN}/truth.exe", f"{RUN}/truth", f"{RUN}/.csv", f"{RUN}/../x.csv", f"{RUN}/images/other.csv", "nobody/truth.csv",
        "%2e%2e/truth.csv", f"{RUN}/TRUTH.csv", f"{RUN}/truth.csv%00",
    ],
)  # fmt: skip
def test_an_export_that_there_is_not_is_told_as_a_text(workspace: Path, path: str) -> None:
    for secret in ("", token(RUN), "é"):
        reply = request(export_routes.routes(), "GET", f"/api/exports/{path}", query={"token": secret})
        assert reply.status in (403, 404), (path, secret)
        assert reply.content.strip()


def test_the_link_of_one_source_opens_no_other(workspace: Path) -> None:
    address = export_routes.address_of_predictions(Run(workspace / "runs" / RUN), "path:/tmp/a b&c")
    query = {k: v[0] for k, v in parse_qs(urlsplit(address).query).items()}
    assert query["source"] == "path:/tmp/a b&c"
    for source in ("path:/etc/passwd", "upload:x", "", "features:/etc/passwd", "path:/tmp/a b&c "):
        reply = request(export_routes.routes(), "GET", f"/{urlsplit(address).path}", query={**query, "source": source})
        assert reply.status == 403
        assert b"passwd" not in reply.content


def test_methods_that_a_route_does_not_take_are_refused(workspace: Path) -> None:
    for method, path in (
        ("POST", "items"),
        ("GET", "decisions"),
        ("PUT", "queue"),
        ("DELETE", "item"),
        ("PATCH", "map"),
    ):
        headers = {"x-gallery-token": token(RUN)}
        reply = request(gallery_routes.routes(), method, f"/api/runs/{RUN}/{path}", headers=headers)
        assert reply.status == 405
        assert reply.json["error"]
