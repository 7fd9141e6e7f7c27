"""What a browser asks a page for: views for the address, views to keep, tickets of uploads; also when it is hostile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.errors import StreamlitAPIException
from streamlit.testing.v1 import AppTest

from ltnet_core.annotations import MACHINE_PREFIX
from ltnet_core.datasets import load_dataset
from ltnet_core.errors import LTNetError
from ltnet_core.explore.labelled_items import labelled_items
from ltnet_core.explore.selection import Selections
from ui import folder_upload, gallery, saved_views, uploads
from ui.workspace import Dataset


class Address(dict[str, Any]):
    """The parameters of an address, as Streamlit keeps them."""

    def from_dict(self, parameters: dict[str, Any]) -> None:
        if any(name.lower() in ("embed", "embed_options") for name in parameters):
            raise StreamlitAPIException("cannot be set programmatically")
        self.clear()
        self.update(parameters)

    def to_dict(self) -> dict[str, Any]:
        return dict(self)


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A page with an address and a session, and what it said in passing."""
    told: list[str] = []

    def toast(text: str, **_: object) -> None:
        told.append(text)

    st = SimpleNamespace(query_params=Address(), session_state={}, toast=toast, told=told)
    for module in (gallery, folder_upload):
        monkeypatch.setattr(module, "st", st)
    return st


@pytest.fixture
def dataset(workspace_path: Path) -> Dataset:
    (workspace_path / "datasets" / "faces").mkdir(parents=True)
    return Dataset("faces", "Faces", workspace_path / "data")


@pytest.fixture(scope="module")
def selections(demo: Path) -> Selections:
    return Selections(labelled_items(load_dataset(demo)))


def ask(page: SimpleNamespace, dataset: Dataset, asked: Any) -> list[tuple[str, bool]]:
    """Hand what the browser asks to the page; gives the refits that it asked for."""
    refits: list[tuple[str, bool]] = []
    page.session_state[gallery.KEY] = {"asked": asked}
    gallery._answer(dataset, lambda how, blind: refits.append((how, blind)))
    return refits


def test_a_view_goes_to_the_address_behind_what_is_the_pages(page: SimpleNamespace, dataset: Dataset) -> None:
    page.query_params.update({"old": "1", "run": "r", "dataset": "d"})
    ask(page, dataset, {"kind": "view", "view": {"truth": "fear", "sort": "name", "run": "another", "at": 5}})
    assert list(page.query_params.items()) == [
        ("dataset", "d"),
        ("run", "r"),
        ("truth", "fear"),
        ("sort", "name"),
        ("at", "5"),
    ]


@pytest.mark.parametrize("name", ["embed", "EMBED", "embed_options", "Embed_Options"])
def test_what_only_streamlit_may_set_is_left_to_it(page: SimpleNamespace, dataset: Dataset, name: str) -> None:
    ask(page, dataset, {"kind": "view", "view": {name: "true", "truth": "fear"}})
    assert page.query_params == {"truth": "fear"}
    ask(page, dataset, {"kind": "save", "name": "a", "view": {name: "true", "truth": "fear"}})
    assert saved_views.load(dataset) == [{"name": "a", "view": {"truth": "fear"}}]


def test_streamlit_itself_takes_such_an_address() -> None:
    def script() -> None:
        from ui.gallery import _to_address

        _to_address({"embed": "true", "truth": "fear"})

    at = AppTest.from_function(script, default_timeout=120).run()
    assert not at.exception
    assert at.query_params["truth"] in ("fear", ["fear"])


@pytest.mark.parametrize(
    "asked",
    [None, 5, "view", [], {}, {"kind": "view"}, {"kind": "view", "view": None}, {"kind": "view", "view": []},
     {"kind": "view", "view": "truth"}, {"kind": "view", "view": {str(n): "x" for n in range(61)}},
     {"kind": "view", "view": {"search": "x" * 20_001}}, {"kind": "drop"}, {"kind": ["view"]}, {"kind": None},
     {"kind": "save", "name": 5, "view": {}}, {"kind": "save", "name": "a", "view": 5}, {"kind": "save", "name": "a"},
     {"kind": "save", "name": "a", "view": {str(n): "x" for n in range(61)}}, {"kind": "save", "name": "  ", "view": {}},
     {"kind": "save", "name": "a", "view": {"search": "x" * 20_001}}],
    ids=lambda a: repr(a)[:40],
)  # fmt: skip
def test_what_makes_no_sense_changes_nothing(page: SimpleNamespace, dataset: Dataset, asked: Any) -> None:
    page.query_params.update({"run": "r", "truth": "fear"})
    assert ask(page, dataset, asked) == []
    assert page.query_params == {"run": "r", "truth": "fear"}
    assert saved_views.load(dataset) == []


def test_a_value_that_is_too_long_is_left_out_alone(page: SimpleNamespace, dataset: Dataset) -> None:
    ask(
        page, dataset, {"kind": "view", "view": {"search": "x" * (gallery.LONGEST + 1), "truth": "y" * gallery.LONGEST}}
    )
    assert list(page.query_params) == ["truth"]


def test_a_view_that_cannot_be_kept_is_said_and_the_page_goes_on(
    page: SimpleNamespace, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise LTNetError("the disk is full.")

    monkeypatch.setattr(saved_views, "save", refuse)
    ask(page, dataset, {"kind": "save", "name": "a", "view": {}})
    assert [text.replace("\\", "") for text in page.told] == ["the disk is full."]  # Markdown


@pytest.mark.parametrize(
    ("asked", "refit"),
    [({"how": "learn", "blind": True}, ("learn", True)), ({"how": "trust", "blind": False}, ("trust", False)), ({}, ("trust", False)),
     ({"how": "--flag", "blind": "yes"}, ("trust", False)), ({"how": None, "blind": 1}, ("trust", False))],
)  # fmt: skip
def test_a_refit_is_one_of_two_kinds_whatever_is_asked(
    page: SimpleNamespace, dataset: Dataset, asked: dict[str, Any], refit: tuple[str, bool]
) -> None:
    assert ask(page, dataset, {"kind": "refit", **asked}) == [refit]


# ---- the view that a page begins with


def test_the_view_of_the_address_is_shown_and_what_cannot_be_is_said(
    page: SimpleNamespace, selections: Selections
) -> None:
    page.query_params.update(
        {"run": "r", "dataset": "d", "item": "images/x.png", "at": "5", "known": "fear", "says.Alpha": "fear|joyless", "sort": "name",
         "nonsense": "1", "says.Nobody": "fear", "top": "-1", "empty": "", "labels": "", "case": "1"}
    )  # fmt: skip
    shown, unknown = gallery.view(selections)
    assert shown == {"item": "images/x.png", "at": "5", "known": "fear", "sort": "name"}
    assert [u.partition("=")[0] for u in unknown] == ["says.Alpha", "nonsense", "says.Nobody", "top", "case"]
    assert all(" is left out: " in u for u in unknown)


def test_a_link_between_pages_gives_the_first_view_once(page: SimpleNamespace, selections: Selections) -> None:
    page.query_params.update({"known": "anger"})
    gallery.show_next({"known": "fear"})
    assert gallery.view(selections)[0] == {"known": "fear"}
    assert gallery.view(selections)[0] == {"known": "anger"}


def test_where_images_have_one_label_no_choice_is_about_two(selections: Selections) -> None:
    assert set(gallery._names(selections)["relations"]) == {"differ", "agree", "one", "none"}
    shown = gallery._names(Selections(selections.items.keep(selections.items.relation < 2)))
    assert (set(shown["relations"]), shown["pairs"]) == ({"one", "none"}, [])


@pytest.mark.parametrize("coders", [["A", "A "], ["", " "], ["1", "2", "10"], ["\u202e", "<b>", "'", '"'], [f"annotator{n:03d}" for n in range(150)],
                                    ["LT", "L", "T"], ["ann", "Ann", "ANN", "aNN"], ["a1", "a01", "a001"], ["ß", "SS", "s"]], ids=lambda c: "·".join(c)[:12])  # fmt: skip
def test_short_names_tell_all_coders_apart_whatever_they_are_called(coders: list[str]) -> None:
    short = gallery.letters([*coders, *(MACHINE_PREFIX + c for c in coders)])
    assert len(set(short.values())) == 2 * len(set(coders))
    assert all(text and text.isprintable() and "<" not in text and text != gallery.TRUTH for text in short.values())
    assert all(short[MACHINE_PREFIX + c] == f"m{short[c]}" for c in coders)


# ---- tickets of uploads


@pytest.fixture
def upload(page: SimpleNamespace, datasets_folder: Path) -> Iterator[Any]:
    """Ask as the upload of a purpose does; gives the ticket that the page answers with."""

    def asks(purpose: Any = "dataset", **asked: Any) -> Any:
        key = folder_upload.KEYS[purpose]
        page.session_state[key] = {"asked": asked}
        folder_upload._answer(purpose)
        return page.session_state.get(f"{key}_ticket")

    return asks


def test_a_ticket_is_granted_once_however_often_it_is_asked_for(upload: Any) -> None:
    first = upload(kind="begin", n="1", name="faces", files=2, bytes=100.0)
    assert set(first) == {"id", "token", "n"}
    assert upload(kind="begin", n="1", name="faces", files=2, bytes=100) is first
    second = upload(kind="begin", n="2", name="faces", files=2, bytes=100)
    assert second["id"] != first["id"]
    assert len(uploads.incoming()) == 2
    again = upload(kind="go on", n="3", id=first["id"])
    assert (again["id"], again["token"] != first["token"]) == (first["id"], True)
    assert upload(kind="discard", n="4", id=first["id"]) == {"n": "4"}
    assert [f.name for f in uploads.incoming()] == [f".incoming-{second['id']}"]


@pytest.mark.parametrize(
    "asked",
    [{"files": -1}, {"files": 1.5}, {"files": "2"}, {"files": None}, {"files": 2**60}, {"files": True}, {"files": float("inf")}, {"bytes": -1},
     {"bytes": []}, {"bytes": float("nan")}],
    ids=repr,
)  # fmt: skip
def test_numbers_that_are_none_get_a_sentence_and_no_ticket(upload: Any, asked: dict[str, Any]) -> None:
    ticket = upload(**{"kind": "begin", "n": "1", "name": "x", "files": 1, "bytes": 1, **asked})
    assert set(ticket) == {"error", "n"}
    assert ticket["error"].endswith(".")
    assert uploads.incoming() == []


@pytest.mark.parametrize("id", ["", "x", "..", "../..", "0" * 12, "0123456789ab/..", None, 5, ["a"]], ids=repr)
def test_an_upload_that_there_is_not_is_neither_gone_on_with_nor_discarded(upload: Any, id: Any) -> None:
    assert "error" in upload(kind="go on", n="1", id=id)
    assert upload(kind="discard", n="2", id=id) == {"n": "2"}


@pytest.mark.parametrize(
    "asked", [{}, {"n": 5, "kind": "begin"}, {"n": "x" * 101, "kind": "begin"}, {"n": None}], ids=repr
)
def test_what_has_no_number_is_not_answered(upload: Any, asked: dict[str, Any]) -> None:
    assert upload(**asked) is None
    assert uploads.incoming() == []


def test_images_of_a_session_are_its_own_and_no_dataset_can_be_gone_on_with_as_images(
    upload: Any, page: SimpleNamespace
) -> None:
    dataset = upload(kind="begin", n="1", name="faces", files=1, bytes=1)
    assert upload("images", kind="go on", n="2", id=dataset["id"]) == {"n": "2"}
    assert upload("images", kind="discard", n="3", id=dataset["id"]) == {"n": "3"}
    assert len(uploads.incoming()) == 1
    first = upload("images", kind="begin", n="4", name="x", files=1, bytes=1)
    assert folder_upload.IMAGES not in page.session_state
    assert upload("images", kind="done", n="5") == {"n": "5"}
    assert page.session_state[folder_upload.IMAGES].id == first["id"]
    upload("images", kind="done", n="6")  # asked again: nothing is coming any more
    assert page.session_state[folder_upload.IMAGES].id == first["id"]
    second = upload("images", kind="begin", n="7", name="x", files=1, bytes=1)
    upload("images", kind="done", n="8")
    assert page.session_state[folder_upload.IMAGES].id == second["id"]
    assert first["id"] not in {f.name.removeprefix(".incoming-") for f in uploads.incoming()}
