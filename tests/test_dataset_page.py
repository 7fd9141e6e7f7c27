"""The Dataset page, driven without a browser: what a dataset is read as, its check-up, joined studies, images or labels alone."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import write_csv, write_image
from page_driver import open_page, seen
from test_annotation_exports import studio_study
from uploading import upload, uploaded

from ltnet_core.datasets import Corrections
from ltnet_core.datasets.crowd import draw_crowd
from ltnet_core.datasets.formats.joined import Source
from ltnet_core.errors import DatasetError
from ltnet_core.labels.aggregation import aggregate
from ui import class_names, labels_alone, markup, reads, workspace

VOTES = b"image,happy,fear\nimages/0.png,9,1\nimages/1.png,2,8\n"


def labelled(at: Path) -> Path:
    """Four images; Ann says happiness or fear of two of them; one image twice."""
    for n in range(3):
        write_image(at / "images" / f"{n}.png", n)
    (at / "images" / "3.png").write_bytes((at / "images" / "2.png").read_bytes())
    rows = [("0.png", "Ann", "happiness"), ("1.png", "Ann", "fear")]
    write_csv(at / "annotations.csv", ("image", "coder", "label"), rows)
    return at


def test_the_check_up_opens_the_images_when_asked(workspace_path: Path, tmp_path: Path) -> None:
    workspace.add_path(str(labelled(tmp_path / "faces")))
    at = open_page("dataset")
    assert "Read as: Plain folder (annotations.csv)." in seen(at)
    assert "Nothing is wrong with the labels." in seen(at) and "duplicate image" not in seen(at)
    at.button(key="check_images").click().run()
    assert "images/3.png has the content of images/2.png" in seen(at)


def test_a_dataset_is_read_as_it_is_told(workspace_path: Path, tmp_path: Path) -> None:
    dataset = uploaded({"crowd.csv": VOTES}, "crowd.csv")
    assert (dataset.name, dataset.location) == ("crowd", workspace_path / "datasets" / "crowd" / "data")
    at = open_page("dataset")
    assert "Table of votes, one column per class" in seen(at) and "Labels without images" in seen(at)
    assert next(e for e in at.expander if e.label == "Join datasets into one study").proto.expanded
    at.selectbox(key=f"format_{dataset.id}").set_value("wide-table").run()
    at.button(key="read_as").click().run()
    assert "Table, one column per annotator (chosen by hand)" in seen(at)
    (chosen,) = workspace.list_datasets()
    assert chosen.format == "wide-table" and chosen.version != dataset.version
    with pytest.raises(DatasetError):
        workspace.set_format(chosen, "rafdb")
    assert workspace.list_datasets()[0].format == "wide-table"


def test_a_dataset_is_renamed(workspace_path: Path, tmp_path: Path) -> None:
    dataset = workspace.add_path(str(labelled(tmp_path / "faces")))
    at = open_page("dataset")
    at.text_input(key=f"name_{dataset.id}").set_value("  Ward  <b>7</b>\t ")
    next(b for b in at.button if b.label == "Rename").click().run()
    assert not at.exception, at.exception
    assert "<b><bdi>Ward &lt;b&gt;7&lt;/b&gt;</bdi></b>" in seen(at), "the header says it, as it was typed"
    (renamed,) = workspace.list_datasets()
    assert renamed.name == "Ward <b>7</b>"
    assert (renamed.id, renamed.location, renamed.version) == (dataset.id, dataset.location, dataset.version)
    for unseen in ("", " \t", "\u200b\u2060"):
        with pytest.raises(DatasetError, match="a name that one can see"):
            workspace.rename(renamed, unseen)
    workspace.rename(renamed, "a" * 200)
    assert workspace.list_datasets()[0].name == "a" * 80


def test_class_names_of_a_joined_study_can_be_changed(workspace_path: Path, tmp_path: Path) -> None:
    faces = workspace.add_path(str(labelled(tmp_path / "faces")))
    votes = uploaded({"votes.csv": VOTES}, "votes.csv")
    sources = [Source("faces", str(faces.location)), Source("votes", str(votes.location))]
    joined = workspace.add_joined("both", sources)
    classes = {c.name: (c.sources, c.labels, c.taken_as) for c in reads.source_classes(joined)}
    assert classes == {
        "happiness": (("faces",), 1, "happiness"),
        "happy": (("votes",), 11, "happiness"),
        "fear": (("faces", "votes"), 10, "fear"),
    }
    at = open_page("dataset", dataset=joined.id)
    assert "Class names" in seen(at) and "cannot be read without it" not in seen(at)
    # To delete the copy of a part takes the study with it; to delete the link to one does not.
    assert "It is a part of both, which cannot be read without it." in seen(open_page("dataset", dataset=votes.id))
    assert "cannot be read without it" not in seen(open_page("dataset", dataset=faces.id))
    before = joined.version
    workspace.set_classes(joined, {"happy": "joy", "happiness": "joy", "fear": "fear"})
    assert joined.version != before
    assert reads.study(joined).table.classes == ("fear", "joy")
    with pytest.raises(DatasetError, match="only the class 'one' occurs"):
        workspace.set_classes(joined, dict.fromkeys(("happy", "happiness", "fear"), "one"))
    assert reads.study(joined).table.classes == ("fear", "joy")


def test_classes_are_merged_renamed_and_left_out(workspace_path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "scans"
    rows = [
        (f"{n}.png", c, ("ok", "OK?", "shift", "blurred")[(n + (c == "Ben")) % 4])
        for n in range(8)
        for c in ("Ann", "Ben")
    ]
    for n in range(8):
        write_image(folder / "images" / f"{n}.png", n)
    write_csv(folder / "annotations.csv", ("image", "coder", "label"), rows)
    dataset = workspace.add_path(str(folder))
    taken_as = {"ok": "ok", "OK?": "ok", "shift": "moved", "blurred": ""}
    told = class_names.corrections(taken_as)
    assert told == {"ok": "ok", "OK?": "ok", "shift": "moved", "blurred": ""}, "ok stays a name that can be changed"
    assert class_names.corrections({"a": "a", "b": "c"}) == {"b": "c"}
    workspace.set_reading(dataset, Corrections(classes=told))
    (dataset,) = workspace.list_datasets()
    study = reads.study(dataset)
    assert study.table.classes == ("moved", "ok")
    assert study.table.annotations_per_coder().tolist() == [6, 6]
    assert "Merge, rename or leave out classes" in [e.label for e in open_page("dataset").expander]
    assert class_names.now_taken_as(study) == taken_as


def test_images_alone_wait_to_be_joined(workspace_path: Path, tmp_path: Path) -> None:
    for n in range(3):
        write_image(tmp_path / "more" / "deep" / f"{n}.png", n)
    dataset = workspace.add_path(str(tmp_path / "more"))
    text = seen(open_page("dataset", dataset=dataset.id))
    assert "3 images, and nobody labelled any" in text
    faces = workspace.add_path(str(labelled(tmp_path / "faces")))
    joined = workspace.add_joined("all", [Source("a", str(faces.location)), Source("b", str(dataset.location))])
    assert len(reads.study(joined).table.items) == 7
    with pytest.raises(DatasetError, match="no source has labels"):
        workspace.add_joined("none", [Source("b", str(dataset.location))])
    assert not [d for d in workspace.list_datasets() if d.name == "none"]


def test_what_is_uploaded_cannot_refer_to_other_folders_of_the_server(workspace_path: Path, tmp_path: Path) -> None:
    secret = labelled(tmp_path / "secret")
    content = json.dumps({"sources": [{"name": "a", "path": str(secret)}]})
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("around/joined.json", content)
    response = upload({"x.zip": packed.getvalue()}, "x.zip")
    assert response.status == 422 and "does not lie below" in response.json["error"]
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "joined.json").write_text(content)
    with pytest.raises(DatasetError, match="does not lie below"):
        workspace.add_path(str(tmp_path / "open"), [tmp_path / "open"])
    assert workspace.list_datasets() == []
    assert workspace.add_path(str(tmp_path / "open"), [tmp_path]).location == tmp_path / "open"


def test_a_question_is_answered_and_a_role_changed_on_the_page(workspace_path: Path, tmp_path: Path) -> None:
    rows = [(f"{n}.png", ("happy", "sad")[n % 2], ("RAF", "FER")[n % 3 % 2], 20 + n) for n in range(12)]
    for n in range(12):
        write_image(tmp_path / "faces" / "images" / f"{n}.png", n)
    write_csv(tmp_path / "faces" / "all.csv", ("image", "emotion", "source", "age"), rows)
    dataset = workspace.add_path(str(tmp_path / "faces"))
    at = open_page("dataset")
    assert "says where an image comes from" in seen(at)
    assert "Next: train" not in seen(at)
    by_source, one = at.radio(key="answer_0").options
    assert (by_source, one) == ("each value of source is a coder", markup.label("all labels are one coder's"))
    at.radio(key="answer_0").set_value("--columns coder=source,label=emotion").run()
    at.button(key="settle_0").click().run()
    assert not at.exception and "says where an image comes from" not in seen(at)
    assert "So it would be read" not in seen(at)
    (kept,) = workspace.list_datasets()
    assert json.loads(kept.corrections) == {"columns": {"coder": "source", "label": "emotion"}}
    assert reads.study(kept).table.coders == ("FER", "RAF")
    assert kept.version != dataset.version
    at = open_page("dataset")  # a reload keeps it
    role = f"role_0_source_{kept.version}"
    assert at.selectbox(key=role).value == "coder"
    at.selectbox(key=role).set_value("ignored").run()
    assert "So it would be read" in seen(at) and "coders: all (12)" in seen(at)
    assert reads.study(workspace.list_datasets()[0]).table.coders == ("FER", "RAF")  # nothing is kept yet
    at.button(key="read_so_0").click().run()
    assert not at.exception
    assert reads.study(workspace.list_datasets()[0]).table.coders == ("all",)
    write_csv(tmp_path / "faces" / "all.csv", ("image", "emotion", "origin", "age"), rows)
    at = open_page("dataset")  # what was said fits no longer
    assert "This dataset cannot be read any more" in seen(at)
    write_csv(tmp_path / "faces" / "all.csv", ("image", "emotion", "source", "age"), rows)
    at.button(key="forget").click().run()
    assert workspace.list_datasets()[0].corrections == ""
    assert "says where an image comes from" in seen(at)


def test_training_waits_for_the_answer(workspace_path: Path, tmp_path: Path) -> None:
    rows = [(f"{n}.png", ("happy", "sad")[n % 2], ("RAF", "FER")[n % 3 % 2]) for n in range(12)]
    for n in range(12):
        write_image(tmp_path / "faces" / "images" / f"{n}.png", n)
    write_csv(tmp_path / "faces" / "all.csv", ("image", "emotion", "source"), rows)
    workspace.add_path(str(tmp_path / "faces"))
    at = open_page("train")
    assert "The dataset can be read in more than one way" in seen(at)
    assert not [b for b in at.button if b.key == "start"]


def test_the_question_of_an_export_is_chosen_by_its_role(workspace_path: Path, tmp_path: Path) -> None:
    dataset = workspace.add_path(str(studio_study(tmp_path / "export")))
    at = open_page("dataset")
    assert "2 questions were asked" in seen(at)
    roles = {c: f"role_0_{c}_{dataset.version}" for c in ("emotion", "sharp", "completed_by")}
    assert [at.selectbox(key=k).value for k in roles.values()] == ["label", "ignored", "coder"]
    at.selectbox(key=roles["emotion"]).set_value("ignored")
    at.selectbox(key=roles["sharp"]).set_value("label").run()
    assert "classes: no, yes" in seen(at)
    at.selectbox(key=roles["completed_by"]).set_value("image").run()
    assert "only the question that holds the labels can be chosen" in seen(at)
    at.selectbox(key=roles["completed_by"]).set_value("coder").run()
    at.button(key="read_so_0").click().run()
    (kept,) = workspace.list_datasets()
    assert json.loads(kept.corrections) == {"ignore": ["emotion"]}
    assert reads.study(kept).table.classes == ("no", "yes")


def crowd(at: Path, coders: int) -> Path:
    """A drawn crowd's labels as a dataset folder, with the known truth of half of the items."""
    drawn = draw_crowd(60, coders, 3, 3, 1)
    names = [f"{n}.png" for n in range(60)]
    at.mkdir()
    rows = zip(drawn.table.item, drawn.table.coder, drawn.table.label, strict=True)
    write_csv(at / "annotations.csv", ("image", "coder", "label"), [
        (names[i], drawn.table.coders[c], drawn.table.classes[k]) for i, c, k in rows])  # fmt: skip
    write_csv(at / "truth.csv", ("image", "label"), [(names[i], f"class{drawn.truth[i]}") for i in range(30)])
    return at


def test_what_labels_alone_tell_is_shown_before_any_training(
    workspace_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = workspace.add_path(str(crowd(tmp_path / "crowd", 4)))
    at = open_page("dataset")
    assert "What the labels alone tell" in seen(at)
    alone = labels_alone.begin(dataset).result(60)
    assert not at.run().exception
    text = seen(at)
    study = reads.study(dataset)
    commanded = {m: aggregate(study.table, m) for m in ("majority", "dawid-skene", "auto")}
    known = study.truth >= 0
    for method, result in commanded.items():
        right = float((result.labels == study.truth)[known].mean())
        assert alone.scores[method]["accuracy"] == pytest.approx(right) and f"{100 * right:.1f} %" in text
    assert alone.changed == (commanded["auto"].labels != commanded["majority"].labels).sum()
    assert f"differs from the majority vote in {alone.changed}." in text
    np.testing.assert_array_equal(alone.transitions, commanded["auto"].transitions)
    assert text.count("<figure>") == 4
    assert labels_alone.begin(workspace.list_datasets()[0]).result() is alone, "once for this version of the dataset"
    # Another version is worked out anew, after a click where it takes long.
    (tmp_path / "crowd" / "truth.csv").unlink()
    monkeypatch.setattr(labels_alone, "AT_ONCE", 0.0)
    at = open_page("dataset")
    assert "this takes about 5 seconds" in seen(at) and "majority vote in" not in seen(at)
    at.button(key="work_out").click().run()
    labels_alone.begin(workspace.list_datasets()[0]).result(60)
    assert "brings no known truth" in seen(at.run()) and "of known truth" not in seen(at)


def test_labels_of_coders_who_never_met_tell_no_matrices(workspace_path: Path, tmp_path: Path) -> None:
    data = tmp_path / "apart"
    data.mkdir()
    rows = [(f"{n}.png", "Ann" if n % 2 else "Ben", "xy"[n % 4 // 2]) for n in range(40)]
    write_csv(data / "annotations.csv", ("image", "coder", "label"), [*rows, ("41.png", "", "")])
    write_csv(data / "truth.csv", ("image", "label", "split"), [(f"t{n}.png", "x", "test") for n in range(5)])
    labels_alone.begin(workspace.add_path(str(data))).result(60)
    text = seen(open_page("dataset"))
    assert "No image has labels of several coders" in text and "on the diagonal" not in text
    assert "No labelled image has a known truth" in text and "brings no known truth" not in text


def test_of_many_coders_a_table_comes_first(workspace_path: Path, tmp_path: Path) -> None:
    dataset = workspace.add_path(str(crowd(tmp_path / "crowd", 30)))
    labels_alone.begin(dataset).result(60)
    at = open_page("dataset")
    tables = {len(frame.value): frame.value for frame in at.dataframe}
    assert tables[30].images.is_monotonic_decreasing and seen(at).count("<figure>") == labels_alone.FIRST
    pairs = next(frame for frame in tables.values() if "kappa" in frame)
    assert (
        len(pairs) == len(reads.study_agreement(dataset)["pairs"]) > 20 and pairs["in common"].is_monotonic_decreasing
    )
