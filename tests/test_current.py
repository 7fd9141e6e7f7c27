"""What is looked at: an address from before a change does not lead back."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import write_csv, write_image
from streamlit.testing.v1 import AppTest

from ltnet_core.files.writing import write_json
from ui import params


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
