"""Every kind of export: one file registers it, and each file opens in the program that it is for."""

from __future__ import annotations

import importlib.util
import json
import os
import posixpath
import shutil
import subprocess
import sys
import xml.etree.ElementTree as tree
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import Command, write_csv, write_image
from fake_run import write_fake_run
from label_studio_converter import Converter
from label_studio_converter.converter import Format

from ltnet_core import export_run, load_dataset
from ltnet_core.errors import DatasetError, OptionError, RunError
from ltnet_core.explore.adjudications import Adjudications, Decision, read_decisions
from ltnet_core.export import finished_run, kinds
from ltnet_core.export.final_labels import FinalLabels
from ltnet_core.export.kind import EXPORTS, Source, require_writable
from ltnet_core.export.kinds.glossary import glossary
from ltnet_core.files.spreadsheet import unguarded
from ltnet_core.runs.run import Run
from ltnet_core.runs.stored_results import load_items, open_results

CLASSES = ("anger", "joy & <b>", "fear")
TOY = '''
"""How many images there are, as a text."""

from ltnet_core.export.kind import Export
from ltnet_core.runs.stored_results import load_items


def write(source, out):
    out.write_text(f"{len(load_items(source.run))} images")


EXPORT = Export(name="count", title="Count", text="How many images there are.", write=write, suffixes={".txt": "text/plain"})
'''


def dataset(folder: Path, images: int = 12, classes: tuple[str, ...] = CLASSES) -> Path:
    """Images at hand of two coders; the last one is a test image."""
    names = [f"images/{i:02d} ä.png" for i in range(images)]
    for i, name in enumerate(names):
        write_image(folder / name, 20 * i)
    rows = [
        (n, c, classes[(i + j * (i % 3 == 0)) % len(classes)])
        for i, n in enumerate(names[:-1])
        for j, c in enumerate("XY")
    ]
    write_csv(folder / "annotations.csv", ("image", "coder", "label"), rows)
    write_csv(folder / "truth.csv", ("image", "label", "split"), [(names[-1], classes[0], "test")])
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    workspace_path = tmp_path_factory.mktemp("kinds")
    return Run(write_fake_run(workspace_path / "run", dataset(workspace_path / "data")))


@pytest.fixture(scope="module")
def store(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two settled images, one as a class that the run does not know, and a decision about a test image."""
    path = tmp_path_factory.mktemp("settled") / "settled.sqlite"
    decisions = [("00", "fear", "=Ada"), ("03", "awe", "Ben"), ("11", "fear", "Ben")]
    for image, label, who in decisions:
        name = f"images/{image} ä.png"
        Adjudications(path).add(
            Decision("settle", name, label, who, "=seen", key=f"{image}-1", shown="image", time=1e9), 0
        )
    return path


# ---- the registry


def test_an_export_can_be_registered_from_python(run: Run, tmp_path: Path) -> None:
    (tmp_path / "count.py").write_text(TOY)
    spec = importlib.util.spec_from_file_location("count", tmp_path / "count.py")
    assert spec is not None and spec.loader is not None
    toy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(toy)
    EXPORTS.register(toy.EXPORT)
    try:
        assert export_run(run, "count", tmp_path / "n.txt") is None
        assert (tmp_path / "n.txt").read_text() == "12 images"
        with pytest.raises(OptionError, match="two exports with the name 'count'"):
            EXPORTS.register(type(toy.EXPORT)("count", "", "", toy.write, {}))
    finally:
        del EXPORTS["count"]


def test_every_module_of_kinds_is_registered_and_says_what_it_writes() -> None:
    assert {e.replace("-", "_") for e in EXPORTS} == {p.stem for p in Path(next(iter(kinds.__path__))).glob("[!_]*.py")}
    assert [e.rank for e in EXPORTS.values()] == sorted(e.rank for e in EXPORTS.values())
    for export in EXPORTS.values():
        assert export.title and export.text.endswith(".") and export.suffixes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--format", "truht", "--out", "x.csv"), "unknown export 'truht'"),
        (("--format", "final"), "give --out FILE too"),
        (("--format", "final", "--out", "x.json"), "must end in .csv or .parquet"),
        (("--format", "huggingface", "--out", "x.parquet"), "must end in .csv or .jsonl"),
        (("--matrices", "x.txt"), "must end in .json, .csv or .svg"),
        (("--out", "t.csv", "--report", "no/such/r.html"), "the folder does not exist"),
        (("--format", "settled", "--out", "s.csv"), "nothing was settled"),
        (("--out", "t.csv", "--adjudications", "gone.sqlite", "--format", "final"), "no such file of adjudications"),
        (("--matrices", "T.json", "--adjudications", "gone.sqlite"), "--adjudications changes none of these files"),
        ((), "nothing to export; give --out, --matrices, --model or --report"),
    ],
)
def test_what_cannot_be_exported_is_refused_and_nothing_is_written(
    run: Run, ltnet: Command, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = ltnet("export", run.folder, *arguments, cwd=tmp_path)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr
    assert not list(tmp_path.iterdir())


def test_an_unfinished_run_has_no_export(tmp_path: Path) -> None:
    unfinished = Run(write_fake_run(tmp_path / "run", dataset(tmp_path / "data"), finished=False))
    with pytest.raises(RunError, match="is not finished"):
        export_run(unfinished, "final", tmp_path / "f.csv")


# ---- final labels


def test_final_labels_are_settled_over_learned_and_say_who(
    run: Run, store: Path, ltnet: Command, tmp_path: Path
) -> None:
    done = ltnet("export", run.folder, "--format", "final", "--out", tmp_path / "f.csv", "--adjudications", store)
    assert (done.returncode, done.stdout) == (0, f"Wrote 11 rows to {tmp_path / 'f.csv'}.\n"), done.stderr
    raw = (tmp_path / "f.csv").read_text()
    assert "'=Ada" in raw and "'=seen" in raw and ",=" not in raw
    final = unguarded(pd.read_csv(tmp_path / "f.csv", keep_default_na=False, dtype=str)).set_index("image")
    truth = finished_run.load_truth(run).set_index("image")
    assert list(final.index) == list(truth.index), "test images are left out"
    first, other = final.loc["images/00 ä.png"], final.loc["images/03 ä.png"]
    assert list(first)[:5] == ["fear", "settled", "", "=Ada", "2001-09-09T01:46:40+00:00"]
    assert (first["settled_reason"], first["settled_after_seeing"]) == ("=seen", "image")
    assert (other["label"], other["settled_by"]) == ("awe", "Ben"), "a class of the reviewer stands too"
    assert (final["learned_truth"] == truth["learned_truth"]).all()
    learned = final[final["label_source"] == "learned"]
    assert (
        len(learned) == 9
        and (learned["label"] == learned["learned_truth"]).all()
        and set(learned["settled_by"]) == {""}
    )
    np.testing.assert_allclose(learned["confidence"].astype(float), truth.loc[learned.index, "confidence"], atol=1e-6)
    assert set(final["run"]) == {"run"} and set(final["method"]) == {"ltnet"} and set(final["version"]) == {"0.1.0"}
    # As Parquet the same, with text as it is.
    assert export_run(run, "final", tmp_path / "f.parquet", store) == 11
    table = pd.read_parquet(tmp_path / "f.parquet").set_index("image")
    assert table["confidence"].isna().sum() == 2 and (table["label"] == final["label"]).all()


def test_without_a_file_of_adjudications_those_the_run_began_with_count(run: Run, store: Path, tmp_path: Path) -> None:
    refit = Run(shutil.copytree(run.folder, tmp_path / "refit"))
    assert export_run(run, "settled", refit.folder / "adjudications.csv", store) == 3
    final = FinalLabels.of(Source(refit))
    assert sorted(final.settled) == [0, 3] and not FinalLabels.of(Source(run)).settled
    assert read_decisions(refit.folder / "adjudications.csv")["reviewer"].tolist() == ["=Ada", "Ben", "Ben"]


def test_decisions_of_image_and_label_alone_are_enough(run: Run, tmp_path: Path) -> None:
    write_csv(tmp_path / "d.csv", ("image", "label"), [("images/01 ä.png", "fear"), ("elsewhere.png", "fear")])
    export_run(run, "final", tmp_path / "f.csv", tmp_path / "d.csv")
    row = pd.read_csv(tmp_path / "f.csv", keep_default_na=False).iloc[1]
    assert (row["label"], row["label_source"], row["settled_by"], row["settled_at"]) == ("fear", "settled", "", "")


# ---- other programs


IMAGE_FOLDER = """
import datasets, json, numpy, sys
datasets.disable_progress_bars()
read = datasets.load_dataset("imagefolder", data_dir=sys.argv[1], split="train", cache_dir=sys.argv[2])
print(json.dumps([[r["label"], r["label_source"], int(numpy.asarray(r["image"])[15, 1, 0])] for r in read]))
"""


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl"])
def test_hugging_face_reads_each_image_with_its_final_label(run: Run, store: Path, tmp_path: Path, name: str) -> None:
    folder = dataset(tmp_path / "data")
    export_run(run, "huggingface", folder / name, store)
    # In a process of its own: datasets leaves files open.
    command = [sys.executable, "-c", IMAGE_FOLDER, str(folder), str(tmp_path / "cache")]
    environment = {**os.environ, "HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    final = next(FinalLabels.of(Source(run, store)).parts())
    grey = [20 * row for row in range(11)]  # of the image of each row: each label is beside its image
    assert json.loads(done.stdout) == [list(v) for v in zip(final.labels, final.sources(), grey, strict=True)]
    assert final.sources()[:4] == ["settled", "learned", "learned", "settled"]


@pytest.mark.parametrize("odd", ["=1+1", "NA", "null"])
def test_names_that_csv_would_change_are_refused_and_go_as_json_lines(tmp_path: Path, odd: str) -> None:
    workspace_path = Run(write_fake_run(tmp_path / "run", dataset(tmp_path / "data", classes=("a", odd))))
    with pytest.raises(OptionError, match="write metadata.jsonl instead"):
        export_run(workspace_path, "huggingface", tmp_path / "metadata.csv")
    assert not (tmp_path / "metadata.csv").exists()
    export_run(workspace_path, "huggingface", tmp_path / "metadata.jsonl")
    assert {json.loads(line)["label"] for line in (tmp_path / "metadata.jsonl").read_text().splitlines()} == {"a", odd}


def test_label_studio_s_converter_reads_tasks_and_configuration(run: Run, store: Path, tmp_path: Path) -> None:
    for name in ("tasks.json", "config.xml"):
        export_run(run, "label-studio", tmp_path / name, store)
    config = (tmp_path / "config.xml").read_text()
    assert [c.get("value") for c in tree.fromstring(config).iter("Choice")] == [*load_items(run).classes, "awe"]
    Converter(config=config, project_dir=None).convert(
        tmp_path / "tasks.json", tmp_path / "out", Format.CSV, is_dir=False
    )
    rows = pd.read_csv(tmp_path / "out" / "result.csv")
    labels = load_items(run).labels.until(11)
    assert len(rows) == len(labels.row) + 2, "every label of a person, and what was settled"
    assert set(rows["label"]) <= {*CLASSES, "awe"}
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    final = next(FinalLabels.of(Source(run, store)).parts())
    for task, learned, confidence in zip(tasks, final.learned, final.confidence, strict=True):
        (prediction,) = task["predictions"]
        assert prediction["result"][0]["value"] == {"choices": [learned]}
        assert prediction["score"] == pytest.approx(confidence, abs=1e-6)
        assert "completed_by" not in json.dumps(task), "Label Studio refuses people that it does not know"
    assert [t["id"] for t in tasks if any(a["ground_truth"] for a in t["annotations"])] == [1, 4]


def test_label_studio_s_tasks_are_a_dataset_again(run: Run, tmp_path: Path) -> None:
    folder = dataset(tmp_path / "data")
    before = load_dataset(folder).table
    for name in ("annotations.csv", "truth.csv"):
        (folder / name).unlink()
    export_run(run, "label-studio", folder / "tasks.json")
    study = load_dataset(folder)
    assert (study.format, set(study.table.coders)) == ("label-studio", {"X", "Y"})
    counts = [dict(zip(t.classes, t.class_counts().sum(0).tolist(), strict=True)) for t in (before, study.table)]
    assert counts[0] == counts[1]


def classification(label: Any = None, confidence: Any = None, logits: Any = None, **dynamic: Any) -> dict[str, Any]:
    """The fields of FiftyOne's Classification."""
    assert isinstance(label, str) and (confidence is None or isinstance(confidence, float)) and logits is None
    assert not {"id", "tags", "attributes"} & set(dynamic)
    return {"label": label, "confidence": confidence, **dynamic}


def fiftyone(path: Path, data: Path) -> dict[str, dict[str, Any]]:
    """What FiftyOne 1.22 makes of ``labels.json`` and a folder of images: file → fields of its label.

    As ``FiftyOneImageClassificationDatasetImporter`` and ``ImageClassificationSampleParser`` do: files that are not
    hidden are known by their path without its ending, with forward slashes; JSON is read in the machine's encoding.
    """
    found = sorted(p.relative_to(data) for p in data.rglob("*") if p.is_file() and p.name[0] != ".")
    at = {posixpath.normpath(os.path.splitext(f)[0].replace("\\", "/")): str(f) for f in found}
    content = json.loads(path.read_text(encoding="ascii"))
    classes, out = content.get("classes"), {}
    for key, target in sorted(content.get("labels", {}).items()):
        assert not os.path.isabs(key)
        label = target.get("label")
        label = classes[label] if isinstance(label, int) else str(label)
        out[at[key]] = classification(label=label, confidence=target.get("confidence"), **target.get("attributes", {}))
    return out


def test_fiftyone_s_schema(run: Run, store: Path, tmp_path: Path) -> None:
    export_run(run, "fiftyone", tmp_path / "labels.json", store)
    read = fiftyone(tmp_path / "labels.json", run.folder.parent / "data")
    final = next(FinalLabels.of(Source(run, store)).parts())
    assert {image: v["label"] for image, v in read.items()} == dict(zip(final.images, final.labels, strict=True))
    assert read["images/03 ä.png"] == {"label": "awe", "confidence": None, "label_source": "settled",
                                       "settled_by": "Ben", "learned_truth": final.learned[3]}  # fmt: skip
    assert read["images/01 ä.png"]["confidence"] == pytest.approx(final.confidence[1], abs=1e-6)
    # Our own reader of that format finds the same.
    folder = tmp_path / "data"
    shutil.copytree(dataset(tmp_path / "plain") / "images", folder / "data" / "images")
    shutil.copy(tmp_path / "labels.json", folder)
    study = load_dataset(folder)
    assert study.format == "fiftyone" and len(study.table.item) == 11


@pytest.mark.parametrize(("second", "why"), [("a.bmp", "differ in their ending alone"),
                                             ("a\\b.png", "has a backslash"), ("c.png", "")])  # fmt: skip
def test_images_that_fiftyone_cannot_read_or_tell_apart_are_refused(tmp_path: Path, second: str, why: str) -> None:
    data = tmp_path / "data"
    for name in ("a.png", second, "d/e.png"):
        write_image(data / name)
    rows = [(n, c, k) for n, k in (("a.png", "x"), ("d/e.png", "y")) for c in "XY"]
    write_csv(data / "annotations.csv", ("image", "coder", "label"), rows)
    write_csv(data / "truth.csv", ("image", "label", "split"), [(second, "x", "test")])  # which has no label there
    run = Run(write_fake_run(tmp_path / "run", data))
    if not why:
        export_run(run, "fiftyone", tmp_path / "labels.json")
        assert set(fiftyone(tmp_path / "labels.json", data)) == {"a.png", "d/e.png"}
        return
    with pytest.raises(DatasetError, match=why):
        export_run(run, "fiftyone", tmp_path / "labels.json")
    assert not (tmp_path / "labels.json").exists()


# ---- the glossary, and large files


def test_every_column_of_every_table_is_in_the_glossary(run: Run, store: Path, tmp_path: Path) -> None:
    rows = glossary()
    assert rows["meaning"].str.len().min() > 5
    for name, export in EXPORTS.items():
        if ".csv" not in export.suffixes:
            continue
        export_run(run, name, tmp_path / "t.csv", store)
        columns = set(pd.read_csv(tmp_path / "t.csv", nrows=1).columns)
        if name == "truth":
            columns = {
                "<coder>" if c.removeprefix("machine:") in "XY" else "p_<class>" if c.startswith("p_") else c
                for c in columns
            }
        assert columns == set(rows.loc[rows["export"] == name, "column"]), name


def test_a_table_written_in_parts_is_the_whole_one(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = finished_run.load_truth(run)
    monkeypatch.setattr("ltnet_core.files.parquet_files.READ_ROWS", 4)
    monkeypatch.setattr("ltnet_core.export.final_labels.PART", 4)
    items = load_items(run)
    assert [len(p) for p in open_results(run).posterior_parts(11)] == [4, 4, 3]
    for name in ("t.csv", "t.parquet"):
        assert finished_run.write_truth(run, tmp_path / name) == 11
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "t.parquet"), whole)
    expected = tmp_path / "whole.csv"
    finished_run.write_table(whole, expected)
    assert (tmp_path / "t.csv").read_bytes() == expected.read_bytes()
    parts = list(FinalLabels.of(Source(run)).parts())
    assert [(p.start, p.end) for p in parts] == [(0, 4), (4, 8), (8, 11)]
    for part in parts:
        assert (part.coder_labels.of_coder(1) == items.labels.of_coder(1)[part.start : part.end]).all()
    for name in ("label-studio", "fiftyone"):
        export_run(run, name, tmp_path / "x.json")
        content = json.loads((tmp_path / "x.json").read_text())
        assert len(content if isinstance(content, list) else content["labels"]) == 11


def test_a_file_is_looked_at_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(OptionError, match="it is a folder"):
        require_writable("final", tmp_path / "folder.csv")
