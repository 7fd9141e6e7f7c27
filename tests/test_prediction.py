"""What a finished run sees in new images, as the page asks for it."""

from __future__ import annotations

import html
import io
import json
import shutil
import zipfile
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qsl

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from asgi import request
from conftest import Command
from fake_run import write_fake_run
from page_driver import link, open_page, seen
from uploading import Client, frame

from ltnet_core import load_dataset
from ltnet_core.datasets.sources.files import FolderFiles
from ltnet_core.errors import DatasetError, LTNetError
from ltnet_core.export.kinds.glossary import glossary
from ltnet_core.images.image import load_pixels
from ltnet_core.learning.predict import predict_images
from ltnet_core.runs.run import Run
from ui import commands, export_routes, opened, prediction, reads, uploads
from ui.tokens import token

CARD = '<article class="lt-seen"'
CODES = {"cat": "Ca", "dog": "Do"}
ANSWER = {
    "image": "x.png",
    "truth": "cat",
    "confidence": 0.9,
    "p": {"cat": 0.9, "dog": 0.1},
    "coders": {"X": {"cat": 0.8, "dog": 0.2}, "<b>Y": {"cat": 0.3, "dog": 0.7}, "machine:X": {"cat": 0.4, "dog": 0.6}},
}


@pytest.mark.usefixtures("commands_here")
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
    response = client.send(*(frame(name, content) for name, content in images.items()), table)
    assert response.json == {"written": 4, "refused": {"labels.csv": "is no image by its name"}}
    assert client.finish_with(4, sum(map(len, images.values()))).json == {"dataset": None}
    predicted = prediction.look_at_uploaded(str(finished), "", client.ticket.id)
    shown = predicted.shown
    assert predicted.images == 4
    assert [s.image for s in shown] == ["-h <b>.png", "a.jpg", "b.jpg", "c/a.jpg"]
    assert (shown[0].answer, "readable image" in shown[0].error) == (None, True)
    answers = json.loads(ltnet("predict", finished, one, two, two, "--json").stdout)
    for got, answer in zip(shown[1:], answers, strict=True):
        assert got.answer == {**answer, "image": got.image}
        assert got.picture is not None and got.picture.startswith("data:image/jpeg;base64,")
    uploads.discard(client.ticket.id)
    assert prediction.look_at_uploaded(str(finished), "", client.ticket.id) == predicted, "remembered for the page"
    with pytest.raises(LTNetError, match="were removed from the server"):
        prediction.look_at_uploaded(str(finished), "another run", client.ticket.id)


def test_a_prediction_that_fails_says_why(demo: Path, tmp_path: Path) -> None:
    with pytest.raises(LTNetError, match="is no run|not a run|no such|does not"):
        commands.predict(Run(tmp_path / "gone"), [next((demo / "images").iterdir())])


def test_samples_are_those_nobody_labelled_for_training(demo: Path) -> None:
    study = load_dataset(demo)
    unseen = {str(i) for i in study.table.items[study.is_test | ~study.table.annotated()]}
    names = prediction.samples(study)
    assert len(names) == prediction.SAMPLES == len(set(names) & unseen)


@pytest.mark.usefixtures("commands_here")
def test_an_uploaded_zip_and_a_path_are_looked_at_and_all_of_it_comes_as_a_table(
    demo: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LTNET_WORKSPACE", str(tmp_path / "w"))
    monkeypatch.setattr(prediction, "SHOWN", 2)
    run = tmp_path / "w" / "runs" / "r"
    run.parent.mkdir(parents=True)
    run.symlink_to(finished)
    names = sorted(p.name for p in (demo / "images").iterdir())[:3]
    with zipfile.ZipFile(tmp_path / "new.zip", "w") as archive:
        for name in names:
            archive.write(demo / "images" / name, f"new/{name}")
        archive.writestr("new/broken.jpg", b"no image")
    data = (tmp_path / "new.zip").read_bytes()
    client = Client(uploads.begin("images", 2, 0, "images"))
    assert (
        client.send(frame("new.zip", data), frame("one.jpg", (demo / "images" / names[0]).read_bytes())).json["written"]
        == 2
    )
    predicted = prediction.look_at_uploaded(str(run), "", client.ticket.id)
    assert (predicted.images, [s.image for s in predicted.shown]) == (5, ["one.jpg", "new.zip/new/00000.jpg"])

    def table(source: str) -> pd.DataFrame:
        address = export_routes.address_of_predictions(Run(run), source)
        path, _, query = address.partition("?")
        reply = request(export_routes.routes(), "GET", f"/{path}", query=dict(parse_qsl(query)))
        assert reply.status == 200, reply.content
        return pd.read_csv(io.BytesIO(reply.content), keep_default_na=False)

    got = table(f"upload:{client.ticket.id}")
    assert got["image"].tolist() == ["one.jpg", *(f"new.zip/new/{n}" for n in [*names, "broken.jpg"])]
    assert got["truth"].iloc[0] == predicted.shown[0].answer["truth"] != "" == got["truth"].iloc[4]  # type: ignore[index]
    assert "readable image" in got["error"].iloc[4]
    predicted = prediction.look_at_path(str(run), "", str(tmp_path / "new.zip"), 0)
    assert (predicted.images, predicted.shown[1].image) == (4, f"{tmp_path}/new.zip/new/{names[1]}")
    assert table(f"path:{tmp_path / 'new.zip'}")["image"].iloc[0] == f"{tmp_path}/new.zip/new/{names[0]}"
    # A link is good for its images alone, and a page opens no path that its roots leave out.
    response = request(
        export_routes.routes(),
        "GET",
        "/api/exports/r/images/predictions.csv",
        query={"source": "path:/etc", "token": token("r")},
    )
    assert response.status == 403
    monkeypatch.setenv("LTNET_ROOTS", str(tmp_path / "w"))
    with pytest.raises(DatasetError, match="does not lie below"):
        prediction.require_path(str(tmp_path / "new.zip"))


def test_a_folder_and_a_zip_are_predicted_as_a_table(
    demo: Path, finished: Path, ltnet: Command, tmp_path: Path
) -> None:
    names = sorted(p.name for p in (demo / "images").iterdir())[:3]
    folder = tmp_path / "new" / "deep"
    folder.mkdir(parents=True)
    for name in names:
        shutil.copy(demo / "images" / name, folder)
    (folder / "=broken.jpg").write_bytes(b"no image")
    (folder / "notes.txt").write_text("no image")
    done = ltnet("predict", finished, tmp_path / "new", demo / "images" / names[0], "--out", tmp_path / "p.csv")
    assert (done.returncode, done.stdout) == (
        0,
        f"Wrote 5 predictions to {tmp_path / 'p.csv'}; 1 could not be read, see the column error.\n",
    ), done.stderr
    table = pd.read_csv(tmp_path / "p.csv", keep_default_na=False)
    assert table["image"].tolist() == [
        *(f"{folder}/{n}" for n in sorted([*names, "=broken.jpg"])),
        str(demo / "images" / names[0]),
    ]
    answers = {
        a["image"]: a
        for a in json.loads(ltnet("predict", finished, *(demo / "images" / n for n in names), "--json").stdout)
    }
    columns = glossary()
    known = set(columns.loc[columns["export"] == "predictions", "column"])
    assert {
        "says_<coder>" if c.startswith("says_") else "p_<class>" if c.startswith("p_") else c for c in table
    } == known
    for row in table.to_dict("records"):
        if row["error"]:
            assert (row["truth"], row["confidence"], row["says_Alpha"]) == ("", "", "")
            continue
        answer = answers[str(demo / "images" / Path(str(row["image"])).name)]
        assert row["truth"] == answer["truth"] and float(row["confidence"]) == pytest.approx(
            answer["confidence"], abs=1e-6
        )
        assert row["says_Beta"] == max(answer["coders"]["Beta"], key=answer["coders"]["Beta"].get)
    assert sum(row != "" for row in table["error"]) == 1
    shown = json.loads(ltnet("predict", finished, tmp_path / "new", "--json").stdout)
    assert [a["truth"] is None for a in shown] == [n == "=broken.jpg" for n in sorted([*names, "=broken.jpg"])]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gone",), "no such image file, folder or archive"),
        (("empty",), "holds no image"),
        (("empty", "--out", "p.txt"), "must end in .csv or .parquet"),
        (("empty", "--out", "p.csv", "--json"), "leave out one of them"),
        (("notes.txt", "--out", "p.csv"), "is not a readable image"),
    ],
)
def test_what_cannot_be_predicted_is_refused(
    finished: Path, ltnet: Command, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("no image")
    done = ltnet("predict", finished, *arguments, cwd=tmp_path)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "p.csv").exists()


def test_the_onnx_file_says_what_predict_says(demo: Path, finished: Path, ltnet: Command, tmp_path: Path) -> None:
    done = ltnet("export", finished, "--format", "onnx", "--out", tmp_path / "m.onnx")
    assert (done.returncode, done.stdout) == (0, f"Wrote {tmp_path / 'm.onnx'}.\n"), done.stderr
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    facts = session.get_modelmeta().custom_metadata_map
    images = sorted((demo / "images").iterdir())[:5]  # not as many as the network was traced with
    answers = predict_images(Run(finished), images, "cpu")
    assert json.loads(facts["classes"]) == list(answers[0]["p"]) and json.loads(facts["coder_names"]) == list(
        answers[0]["coders"]
    )
    size = session.get_inputs()[0].shape[-1]
    pixels = np.stack([load_pixels(FolderFiles(demo / "images"), i.name, size, 3) for i in images]).astype(np.float32)
    truth, coders = session.run(None, {"pixels": pixels})
    np.testing.assert_allclose(truth, [list(a["p"].values()) for a in answers], atol=1e-5)
    np.testing.assert_allclose(coders, [[list(q.values()) for q in a["coders"].values()] for a in answers], atol=1e-5)


def test_a_card_says_who_would_say_something_else_and_shows_names_as_text() -> None:
    image = prediction.PredictedImage("a/<i>.png", Path(), None, ANSWER)
    card = prediction.card(image, CODES, machines=False)
    assert "<b>Y" not in card
    assert "<i>" not in card
    text = html.unescape(card)
    assert "X would say so too. <b>Y would rather say dog (70 %)." in text
    assert card.count("<tr>") == 4
    assert prediction.card(image, CODES, machines=True).count("<tr>") == 5


def test_of_many_classes_the_probable_are_shown() -> None:
    names = [f"k{i:02d}" for i in range(30)]
    p = {c: (0.5 if c == "k29" else 0.5 / 29) for c in names}
    answer = {"image": "x", "truth": "k29", "confidence": 0.5, "p": p, "coders": {"X": p}}
    card = prediction.card(
        prediction.PredictedImage("x", Path(), None, answer), {c: c.upper() for c in names}, machines=False
    )
    assert "K29" in card
    assert "20 less probable classes are left out" in card


def test_cards_go_with_the_dataset_they_were_shown_for(
    demo: Path, golden: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LTNET_WORKSPACE", str(tmp_path))
    for name in ("faces", "others"):
        link(tmp_path, demo, name) if name == "faces" else shutil.copytree(demo, tmp_path / "datasets" / name / "data")
        data = demo if name == "faces" else tmp_path / "datasets" / name / "data"
        write_fake_run(tmp_path / "runs" / f"{name}-1", data)
        networks = tmp_path / "runs" / f"{name}-1" / "results" / "networks"
        networks.mkdir()
        shutil.copy(golden / "results" / "networks" / "index.json", networks)
    shown = prediction.Predictions([prediction.PredictedImage("x.png", Path(), None, ANSWER)], 1)
    for look in ("look_at_samples", "look_at_uploaded"):
        monkeypatch.setattr(prediction, look, lambda *a: shown)
    monkeypatch.setattr(reads, "codes", lambda run: CODES)
    monkeypatch.setattr(opened, "version_of", lambda *a: "")
    monkeypatch.setattr(uploads, "discard", lambda id: None)
    at = open_page("predict", run="faces-1")
    at.session_state["images_to_predict"] = SimpleNamespace(id="x")
    at.run()
    assert not at.exception, at.exception
    assert CARD in seen(at)
    at.query_params["run"] = "others-1"
    del at.query_params["dataset"]
    at.run()
    assert CARD not in seen(at) and "Images nobody has labelled yet" in seen(at)
    next(b for b in at.button if b.label.startswith("Try it on")).click().run()
    assert CARD in seen(at)
