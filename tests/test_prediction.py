"""What a finished run sees in new images, as the page asks for it."""

from __future__ import annotations

import html
import json
from pathlib import Path

import pytest
from conftest import Command
from uploading import Client, frame

from ltnet_core import load_dataset
from ltnet_core.errors import LTNetError
from ltnet_core.runs.run import Run
from ui import commands, prediction, uploads

CODES = {"cat": "Ca", "dog": "Do"}
ANSWER = {
    "image": "x.png",
    "truth": "cat",
    "confidence": 0.9,
    "p": {"cat": 0.9, "dog": 0.1},
    "coders": {"X": {"cat": 0.8, "dog": 0.2}, "<b>Y": {"cat": 0.3, "dog": 0.7}, "machine:X": {"cat": 0.4, "dog": 0.6}},
}


def test_the_page_s_answers_are_the_command_line_s_and_a_broken_image_stops_no_other(
    demo: Path, finished: Path, ltnet: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LTNET_WORKSPACE", str(tmp_path))
    one, two = sorted((demo / "images").iterdir())[:2]
    # Names may be hostile, and the same.
    images = {
        "-h <b>.png": one.read_bytes()[:60],
        "a.jpg": one.read_bytes(),
        "b.jpg": two.read_bytes(),
        "c/a.jpg": two.read_bytes(),
    }
    client = Client(uploads.begin("images", 4, 0, "images"))
    table = frame("labels.csv", b"image,label")
    told = client.send(*(frame(name, content) for name, content in images.items()), table)
    assert told.json == {"written": 4, "refused": {"labels.csv": "is no image by its name"}}
    assert client.finish_with(4, sum(map(len, images.values()))).json == {"dataset": None}
    seen = prediction.look_at_uploaded(str(finished), "", client.ticket.id)
    assert [s.image for s in seen] == ["-h <b>.png", "a.jpg", "b.jpg", "a.jpg"]
    assert (seen[0].answer, "readable image" in seen[0].error) == (None, True)
    answers = json.loads(ltnet("predict", finished, one, two, two, "--json").stdout)
    for got, said in zip(seen[1:], answers, strict=True):
        assert got.answer == {**said, "image": got.image}
        assert got.picture is not None and got.picture.startswith("data:image/jpeg;base64,")
    assert prediction.look(Run(finished), [("x.png", client.folder / "data" / "-h <b>.png")])[0].answer is None
    uploads.discard(client.ticket.id)
    assert prediction.look_at_uploaded(str(finished), "", client.ticket.id) == seen, "remembered for the page"
    with pytest.raises(LTNetError, match="were removed from the server"):
        prediction.look_at_uploaded(str(finished), "another run", client.ticket.id)


def test_a_prediction_that_fails_says_why(demo: Path, tmp_path: Path) -> None:
    with pytest.raises(LTNetError, match="is no run|not a run|no such|does not"):
        commands.predict(Run(tmp_path / "gone"), [next((demo / "images").iterdir())])


def test_samples_are_those_nobody_labelled_for_training(demo: Path) -> None:
    study = load_dataset(demo)
    unseen = {str(i) for i in study.table.items[study.is_test | ~study.table.annotated()]}
    found = list(prediction.samples(study))
    assert len(found) == prediction.SAMPLES == len({name for name, _ in found} & unseen)
    assert all(data[:2] == b"\xff\xd8" for _, data in found)


def test_a_card_says_who_would_say_something_else_and_shows_names_as_text() -> None:
    seen = prediction.Seen("a/<i>.png", Path(), None, ANSWER)
    card = prediction.card(seen, CODES, machines=False)
    assert "<b>Y" not in card
    assert "<i>" not in card
    said = html.unescape(card)
    assert "X would say so too. <b>Y would rather say dog (70 %)." in said
    assert card.count("<tr>") == 4
    assert prediction.card(seen, CODES, machines=True).count("<tr>") == 5


def test_of_many_classes_the_probable_are_shown() -> None:
    names = [f"k{i:02d}" for i in range(30)]
    p = {c: (0.5 if c == "k29" else 0.5 / 29) for c in names}
    answer = {"image": "x", "truth": "k29", "confidence": 0.5, "p": p, "coders": {"X": p}}
    card = prediction.card(prediction.Seen("x", Path(), None, answer), {c: c.upper() for c in names}, machines=False)
    assert "K29" in card
    assert "20 less probable classes are left out" in card
