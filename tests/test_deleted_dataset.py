"""A dataset that is deleted while another page works with it: nothing is lost, and nothing stands in its way back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from asgi import Reply, request
from finished_workspace import RUN, finished_workspace

from ltnet_core.errors import StorageError
from ltnet_core.explore.adjudications import Adjudications
from ltnet_core.runs.run import Run
from ui import gallery_routes, opened, saved_views, trash, workspace
from ui.tokens import token

PLACES = {"labels": ("labels/faces", "labels/faces"), "run": (f"runs/{RUN}", RUN)}


def send(place: str, path: str, body: Any = None) -> Reply:
    at, named = PLACES[place]
    data = [] if body is None else [json.dumps(body).encode()]
    method = "POST" if data else "GET"
    headers = {"x-gallery-token": token(named)}
    return request(gallery_routes.routes(), method, f"/api/{at}/{path}", headers=headers, body=data)


def decide(place: str, row: dict[str, Any], key: str) -> Reply:
    decision = {"kind": "settle", "key": key, "row": row["r"], "image": row["n"], "label": 0, "reviewer": "Ada"}
    return send(place, "decisions", {"decisions": [decision], "last": 0})


@pytest.mark.parametrize("place", PLACES)
def test_what_is_decided_after_it_was_deleted_is_refused_and_it_comes_back_whole(
    place: str, tmp_path: Path, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opened, "LOOK_AGAIN", 1e9)  # a page that does not know of it yet
    with finished_workspace(tmp_path, demo) as folder:
        opened._gallery_of_dataset.cache_clear()
        first, second = send(place, "items").json["rows"][:2]
        assert decide(place, first, "t-1").status == 200
        (dataset,) = workspace.list_datasets()
        deleted = trash.delete_dataset(dataset, [Run(folder / "runs" / RUN)])
        late = decide(place, second, "t-2")
        assert late.status == 404
        assert place == "run" or late.json["error"] == "there is no dataset 'faces' any more."
        for path, body in (
            ("actions", {"kind": "tag", "value": "x", "key": "k", "reviewer": "", "view": {}}),
            ("queue", {"holder": "h", "reviewer": "Ada", "count": 1}),
            ("shares", {"second": 5}),
            ("release", {"holder": "h"}),
            ("undo", {"key": "t-1", "reviewer": "Ada"}),
        ):
            assert send(place, path, body).status == 404, path
        with pytest.raises(StorageError):
            saved_views.save(dataset, "a view", {"case": "2"})
        with pytest.raises(StorageError):
            workspace.rename(dataset, "another name")
        assert not (folder / "datasets" / "faces").exists()
        trash.restore(deleted)
        assert decide(place, second, "t-2").status == 200
        assert [d.key for d in Adjudications(workspace.adjudications_of(dataset)).log()] == ["t-1", "t-2"]
