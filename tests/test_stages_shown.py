"""A run at work as the Train page shows it: its stages, how long they took, its notes, figures and curves."""

from __future__ import annotations

from typing import Any

import pytest
from test_page_words import HOSTILE, status

from ltnet_core.settings import make_settings
from ui import progress


def epoch(stage: str, number: int, epochs: int = 8, **more: Any) -> dict[str, Any]:
    return {"event": "epoch", "stage": stage, "epoch": number, "epochs": epochs, **more}


def entered(stage: str, at: float, **more: Any) -> dict[str, Any]:
    return {"event": "stage", "stage": stage, "time": at, **more}


def test_an_epoch_that_was_repeated_after_a_resume_counts_once_the_last_time() -> None:
    events = [
        epoch("ltnet", 1, loss=3),
        epoch("ltnet", 2, loss=2),
        epoch("ltnet", 2, loss=1),
        epoch("mixture", 1),
        {"event": "note"},
    ]
    history = progress.history(events)
    assert [e["epoch"] for e in history["ltnet"]] == [1, 2]
    assert history["ltnet"][1]["loss"] == 1
    assert list(history) == ["ltnet", "mixture"]
    assert progress.history([]) == {}


def test_notes_are_told_once_in_their_order() -> None:
    events = [{"event": "note", "message": m} for m in ("b", "a", "b")] + [{"event": "note"}]
    assert progress.notes(events) == ["B", "A", ""]
    texts = ("coder:A: b: it goes on.", "ltnet: rare classes.", "ltn: other")
    events = [{"event": "stage", "stage": s} for s in ("coder:A", "ltnet")]
    events += [{"event": "note", "message": text} for text in texts]
    assert progress.notes(events) == ["Machine coder of A: b: it goes on.", "LTNet: rare classes.", "Ltn: other"]


def test_figures_of_a_run_are_those_of_the_network_at_work() -> None:
    start = {"event": "start", "device_memory_total": 8 * 2**30}
    rate = {
        "event": "progress",
        "images_per_second": 1234.5,
        "lr": 0.00123,
        "device_utilisation": 0.5,
        "device_memory": 2**30,
    }
    known = progress.figures([start, epoch("mixture", 1, batch_size=64), rate])
    assert (
        known
        == "1,234 images a second · learning rate 0.0012 · 64 images a step · device 50 % busy · memory 1.1 GB of 8.6 GB"
    )
    assert progress.figures([start, epoch("mixture", 1, batch_size=64), rate, entered("ltnet", 1.0)]) == ""
    assert progress.figures([]) == ""
    assert progress.figures([{"event": "progress", "lr": 0.0}]) == "learning rate 0"


def test_stages_are_those_entered_then_those_planned() -> None:
    plan = {"event": "plan", "stages": ["images", "coder:A", "ltnet", "results"]}
    events = [entered("images", 1.0), plan, entered("coder:A", 2.0)]
    running = status("running", stage="coder:A")
    assert progress.stages(events, running) == [
        ("images", "done"),
        ("coder:A", "now"),
        ("ltnet", "todo"),
        ("results", "todo"),
    ]
    assert progress.stages(events, status("crashed"))[1] == ("coder:A", "stop")
    assert progress.stages(events, status("done")) == [("images", "done"), ("coder:A", "done")]
    assert progress.stages([], status("queued")) == [(s, "todo") for s in progress.ROUGHLY]


def test_the_list_of_stages_counts_epochs_and_times_and_names_are_text() -> None:
    settings = make_settings("quick", epochs=8)
    stage = f"coder:{HOSTILE}"
    events = [entered("images", 0.0), entered(stage, 100.0), epoch(stage, 3)]
    body = progress.stage_list(events, status("running", stage=stage), settings)
    assert "<script" not in body
    assert "epoch 3 of 8" in body
    assert "2 minutes" in body  # of reading the images
    assert body.count("<li") == 2 + len([s for s in progress.ROUGHLY if s != "images"])
    assert progress.after_epoch(stage, events, settings) == "after epoch 3 of 8"
    assert progress.after_epoch("ltnet", events, settings) == ""


def test_the_machine_coders_of_many_coders_are_one_line_but_for_those_at_work() -> None:
    coders = [{"event": "stage", "stage": f"coder:{n}", "epochs": 1, "time": 10.0 * n} for n in range(12)]
    events = [*coders, {"event": "plan", "stages": ["ltnet"]}, *(epoch(f"coder:{n}", 1, epochs=1) for n in range(11))]
    body = progress.stage_list(events, status("running", stage="coder:11"))
    assert body.count("<li") == 3 and "Machine coders of 11 coders" in body and "Machine coder of 11" in body


def test_the_time_between_a_stop_and_a_resume_is_no_stage_s() -> None:
    start = {"event": "start"}
    events = [start, entered("images", 0.0), entered("mixture", 1.0), entered("ltnet", 21.0)]
    events += [epoch("ltnet", 1, time=24.0), {"event": "cancelled", "time": 26.0}]
    night = 36_000.0
    events += [start, entered("images", night), entered("ltnet", night + 2), entered("results", night + 7)]
    events += [{"event": "done", "time": night + 7.4}]
    assert progress.took(events) == pytest.approx({"images": 3.0, "mixture": 20.0, "ltnet": 10.0, "results": 0.4})
    body = progress.stage_list(events, status("done"))
    assert "hours" not in body and "3 seconds" in body and "20 seconds" in body and "under a second" in body
    # Networks that train side by side end with their last epoch.
    beside = [start, entered("coder:A", 0.0), entered("coder:B", 0.1), epoch("coder:A", 9, time=50.0)]
    assert progress.took([*beside, entered("pseudo", 60.0)]) == pytest.approx(
        {"coder:A": 50, "coder:B": 59.9, "pseudo": 0}
    )
    assert progress.took([]) == {}


def test_ltnet_goes_on_counting_where_its_warm_up_ended() -> None:
    settings = make_settings("quick", epochs=10)
    events = [epoch("warm-up", 4, 4), epoch("ltnet", 2, 6)]
    assert progress.after_epoch("warm-up", events, settings) == "after epoch 4 of 10"
    assert progress.after_epoch("ltnet", events, settings) == "after epoch 6 of 10"
    assert progress.after_epoch("ltnet", events[1:], settings) == "after epoch 2 of 6"


@pytest.mark.parametrize(
    ("state", "kind"), [("running", ""), ("stalled", ""), ("queued", ""), ("done", "done"), ("failed", "stop")]
)
def test_the_bar_says_its_number_and_whether_it_moves(state: str, kind: str) -> None:
    bar = progress.bar(status(state, progress=0.345))
    assert f'class="lt-progress {kind}"' in bar
    assert 'aria-valuenow="34"' in bar
    assert "width:34.5%" in bar
