"""What is looked at: an address from before a change does not lead back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import write_csv, write_image
from streamlit.testing.v1 import AppTest

from ltnet_core.files.writing import write_json
from ui import frame, params


def page() -> None:
    """A page that a timer runs again, whose request still carries the address of the other dataset."""
    import streamlit as st

    from ui.current import load, run_again

    state = load()
    st.text(state.dataset.name if state.dataset else "none")
    if st.button("timer"):
        st.query_params.from_dict({"dataset": st.session_state["former"]})
        run_again()


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with the datasets old and new."""
    monkeypatch.setenv("LTNET_WORKSPACE", str(tmp_path / "w"))
    for name in ("old", "new"):
        data = tmp_path / name
        write_image(data / "a.png", 1)
        write_csv(data / "labels.csv", ("image", "coder", "label"), [("a.png", "A", "x"), ("a.png", "B", "y")])
        folder = tmp_path / "w" / "datasets" / name
        folder.mkdir(parents=True)
        write_json(folder / "link.json", {"path": str(data)})
        write_json(folder / "about.json", {"name": name})
    return tmp_path / "w"


def test_a_timer_does_not_lead_back(two: Path) -> None:
    at = AppTest.from_function(page, default_timeout=120)
    at.query_params["dataset"] = "new"
    at.session_state["former"] = "old"
    at.run()
    assert at.text[0].value == "new"
    at.button[0].click().run()
    assert not at.exception
    assert at.text[0].value == "new"
    assert at.query_params["dataset"] in ("new", ["new"])  # versions of Streamlit differ


def with_a_control() -> None:
    import streamlit as st

    from ui import params

    params.follow("page")
    st.text(params.choose("order", "Order", {"": "as given", "name": "by name"}, 200))
    params.write()


def test_a_control_is_in_the_address_and_back_takes_it_from_there(monkeypatch: pytest.MonkeyPatch) -> None:
    at = AppTest.from_function(with_a_control, default_timeout=120).run()
    at.selectbox[0].set_value("name").run()
    assert at.text[0].value == "name" and at.query_params["order"] in ("name", ["name"])
    at.query_params.pop("order")  # an old address, as a request has it that was sent before the answer came
    at.run()
    assert at.text[0].value == "name" and at.query_params["order"] in ("name", ["name"])
    at.query_params.pop("order")
    monkeypatch.setattr(params, "by_history", lambda: True)
    at.run()
    assert at.text[0].value == "" and "order" not in at.query_params
    assert not at.exception


def with_every_control() -> None:
    import pandas as pd
    import streamlit as st

    from ltnet_core.runs.run import Run
    from ui import frame, params
    from ui.current import Current
    from ui.workspace import Dataset, root

    params.follow("page")
    runs = [(Run(root() / name), Dataset("old", "old", root())) for name in ("newer", "older")]
    st.session_state["pages"] = {}
    state = Current(runs[1][1], runs[1][0], None, [Dataset("new", "new", root()), runs[1][1]], runs)
    frame.sidebar(state)
    options = {"": "as given", "name": "by name"}
    params.choose("order", "Order", options, 200)
    params.choose_side_by_side("view", "View", options)
    params.switch("blind", "Blind")
    params.choose_several("coders", "Coders", ["A", "B", "C"], ["A"], str)
    params.choose_rows("rows", pd.DataFrame({"x": [1, 2, 3]}), ["a", "b", "c"], {})
    params.write()


def test_every_control_begins_with_its_value(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser that missed what the session says begins with the default, and sends that."""
    monkeypatch.setattr(frame, "_navigation", lambda _: None)
    at = AppTest.from_function(with_every_control)
    for name, value in {"order": "name", "view": "name", "blind": "yes", "coders": ["B", "C"], "rows": ["b"]}.items():
        at.query_params[name] = value
    at.run()
    for _ in range(2):  # the first time the browser is told the value too, then never again
        assert not at.exception
        assert [(s.value, s.options[s.proto.default]) for s in at.selectbox] == [
            ("name", "by name"),
            ("old", "old"),
            ("older", "older"),
        ]
        assert list(at.get("button_group")[0].proto.default) == [1]
        assert at.toggle[0].proto.default is True
        assert list(at.multiselect[0].proto.default) == [1, 2]
        assert json.loads(at.dataframe[0].proto.selection_default)["selection"]["rows"] == [1]
        at.run()
