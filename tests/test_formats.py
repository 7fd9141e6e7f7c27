"""Every dataset format on a miniature: recognised, read, the same from a folder, a zip and below another folder."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from conftest import Command, write_csv, write_image
from miniatures import MINIATURES, to_zip
from miniatures_exports import DATASET, EXPORTS
from miniatures_layouts import LAYOUTS

from ltnet_core.datasets import FORMATS, Study, load_dataset, open_files, recognise
from ltnet_core.datasets.catalogue import with_catalogue
from ltnet_core.errors import DatasetError, OptionError
from ltnet_core.images.image import open_image


def said(study: Study) -> list[tuple[str, str, str, float]]:
    frame = study.table.to_frame()
    return sorted(tuple(r) for r in frame.itertuples(index=False))


def known(study: Study) -> dict[str, tuple[str, str]]:
    return {
        str(study.table.items[i]): (study.table.classes[study.truth[i]], str(study.test_set[i]))
        for i in np.flatnonzero(study.truth >= 0)
    }


EVERY = MINIATURES | EXPORTS | LAYOUTS


@pytest.mark.parametrize("name", EVERY)
def test_a_miniature_is_recognised_and_read(name: str, tmp_path: Path) -> None:
    make, format, why, annotations, truth = EVERY[name]
    folder = tmp_path / name.replace(" ", "-")
    folder.mkdir()
    make(folder)
    study = load_dataset(folder)
    assert (study.format, study.why) == (format, why)
    assert said(study) == sorted((i, folder.name if c == DATASET else c, k, n) for i, c, k, n in annotations)
    assert known(study) == truth
    assert study.errors() == []
    if study.has_images:
        readable = [str(i) for i in study.table.items if str(i) in study.files]
        assert readable
        for item in readable:
            open_image(study.files, item)


@pytest.mark.parametrize("name", [n for n in EVERY if n not in ("joined", "splits", "huggingface")])
def test_a_zip_with_a_folder_around_it_is_the_same_dataset(name: str, tmp_path: Path) -> None:
    make, format, why, *_ = EVERY[name]
    around = tmp_path / "around" / "data"
    around.mkdir(parents=True)
    make(around)
    (tmp_path / "data.zip").write_bytes(to_zip(tmp_path / "around"))
    zipped = load_dataset(tmp_path / "data.zip")
    assert zipped.format == format
    assert zipped.why.replace("data/", "").removesuffix(", in ") == why
    below = [(item.removeprefix("data/"), *rest) for item, *rest in said(zipped)]
    assert below == said(load_dataset(around))


@pytest.mark.parametrize(
    "name",
    [
        "mturk",
        "label studio latest",
        "label studio csv",
        "prodigy",
        "doccano",
        "via json",
        "json records",
        "text table",
    ],
)
def test_an_export_in_a_folder_beside_its_images_is_read_as_at_the_top(name: str, tmp_path: Path) -> None:
    make, format, *_ = EVERY[name]
    for at in (tmp_path / "top" / "faces", tmp_path / "below" / "faces"):
        at.mkdir(parents=True)
        make(at)
    (at / "export").mkdir()
    for file in [p for p in at.iterdir() if p.is_file() and p.suffix not in (".png", ".jpg")]:
        file.rename(at / "export" / file.name)
    below = load_dataset(at)
    assert below.format == format
    assert said(below) == said(load_dataset(tmp_path / "top" / "faces"))


def test_every_format_has_a_miniature_and_is_documented() -> None:
    assert {m[1] for m in EVERY.values()} == set(FORMATS)
    page = (Path(__file__).parent.parent / "docs" / "datasets.md").read_text(encoding="utf-8")
    again = "run `python -m ltnet_core.datasets.catalogue docs/datasets.md`"
    assert page == with_catalogue(page), again
    for name, module in FORMATS.items():
        assert page.count(f"`--format {name}`\n") == 1 and module.NOTE.strip()


def test_the_order_of_asking_does_not_matter_for_the_miniatures(tmp_path: Path) -> None:
    """A miniature fits its own format, and of those asked before it none."""
    for name, (make, format, *_) in EVERY.items():
        folder = tmp_path / name
        folder.mkdir()
        make(folder)
        assert format == recognise(open_files(folder), name).reader.FORMAT


@pytest.mark.parametrize(
    ("files", "nearest"),
    [
        ({"images/a.png": b""}, "'Plain folder': annotations.csv is missing beside images/"),
        ({"labels.csv": b"who,coder,label\na,b,c\n"}, "labels.csv has no column for the image (image or file_name or filename)"),
        ({"fer2013.csv": b"a,b\n1,2\n"}, "'FER2013': fer2013.csv has no columns emotion, pixels, Usage"),
        ({"metadata.csv": b"name,label\n1,2\n"}, "'Hugging Face ImageFolder': metadata.csv has no column file_name"),
        ({"happy/a.png": b""}, "images of one class only, 'happy'"),
        ({"a.png": b""}, "images lie in no source/class folders"),
        ({"counts.npy": b""}, "'Array of vote counts with an image list': no list of image names beside counts.npy"),
        ({"CIFAR-10_human.pt": b""}, "data_batch_1 … and test_batch (CIFAR-10's Python version) are missing"),
        ({"readme.md": b"hello"}, "1 file, 0 of them images (readme.md), and no table of labels. Add a table with the columns image,coder,label"),
    ],
)  # fmt: skip
def test_a_folder_of_no_format_is_told_the_nearest(files: dict[str, bytes], nearest: str, tmp_path: Path) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetError) as e:
        load_dataset(tmp_path)
    assert nearest in str(e.value)


def test_the_format_can_be_chosen_by_hand(tmp_path: Path, ltnet: Command) -> None:
    MINIATURES["votes"][0](tmp_path)
    assert load_dataset(tmp_path).format == "votes-table"
    study = load_dataset(tmp_path, format="wide-table")
    assert study.table.coders == ("cat", "dog") and study.why == "chosen by hand"
    with pytest.raises(OptionError, match="unknown dataset format 'wide'.*Did you mean 'wide-table'"):
        load_dataset(tmp_path, format="wide")
    shown = ltnet("inspect", tmp_path, "--format", "wide-table")
    assert shown.returncode == 0 and "read as wide-table (chosen by hand)" in shown.stdout


@pytest.mark.parametrize("format", FORMATS)
def test_a_format_chosen_by_hand_that_does_not_fit_is_refused_in_words(format: str, tmp_path: Path) -> None:
    (tmp_path / "readme.md").write_text("hello")
    with pytest.raises(DatasetError):
        load_dataset(tmp_path, format)


def test_a_column_that_is_no_annotators_is_left_out_and_named(tmp_path: Path) -> None:
    rows = [(f"{i}.png", "cat" if i % 2 else "dog", "cat", f"remark {i}") for i in range(100)]
    write_csv(tmp_path / "labels.csv", ("image", "Ann", "Ben", "Note"), rows)
    study = load_dataset(tmp_path)
    assert study.table.coders == ("Ann", "Ben")
    (left,) = [p for p in study.problems if p.kind == "column left out"]
    assert left.examples == ("labels.csv: 'Note' is no annotator's: too many different values.",)


def test_a_table_of_pixels_may_have_any_name(tmp_path: Path) -> None:
    MINIATURES["fer2013"][0](tmp_path)
    known_name = load_dataset(tmp_path)
    own = tmp_path / "icml_face_data.csv"
    (tmp_path / "fer2013.csv").rename(own)
    own.write_text(own.read_text().replace("emotion,pixels,Usage", "emotion, pixels, Usage"))
    study = load_dataset(tmp_path)
    assert (study.format, study.table.coders) == ("fer2013", ("icml_face_data",))
    assert study.table.to_frame()["label"].tolist() == known_name.table.to_frame()["label"].tolist()
    assert int(study.is_test.sum()) == int(known_name.is_test.sum())


def test_pixels_in_rows_are_images(tmp_path: Path) -> None:
    MINIATURES["fer2013"][0](tmp_path)
    study = load_dataset(tmp_path)
    face = open_image(study.files, "fer0000003.png")
    assert face.size == (48, 48) and face.getpixel((5, 5)) == 120
    (problem,) = study.problems[:1]
    assert (problem.kind, problem.count) == ("unusable row", 2)
    assert problem.examples == (
        "fer2013.csv, row 6: the pixels are not 2304 numbers from 0 to 255.",
        "fer2013.csv, row 7: unknown emotion code '9'; known are 0 to 6.",
    )


def test_pixels_of_a_cifar_batch_are_in_their_places(tmp_path: Path) -> None:
    MINIATURES["cifar10"][0](tmp_path)
    data = np.arange(2 * 3072).reshape(2, 3072).astype(np.uint8)[1]
    image = np.asarray(open_image(load_dataset(tmp_path).files, "train/00001.png"))
    np.testing.assert_array_equal(image[3, 7], data[[3 * 32 + 7, 1024 + 3 * 32 + 7, 2048 + 3 * 32 + 7]])


def test_a_file_of_labels_alone_can_be_aggregated_and_not_trained_on(tmp_path: Path, ltnet: Command) -> None:
    MINIATURES["wide"][0](tmp_path)
    out = tmp_path / "truth.csv.out.csv"
    done = ltnet("aggregate", tmp_path / "labels.csv", "--method", "majority", "--out", out)
    assert done.returncode == 0 and len(out.read_text().splitlines()) == 5
    refused = ltnet("fit", tmp_path / "labels.csv", "--run", tmp_path / "run")
    assert refused.returncode == 2 and "there are no images" in refused.stderr


# ---- the registry


TOY = '''
"""Labels in the names of files: happy-1.png."""

import numpy as np
import pandas as pd

from ltnet_core.datasets.reading import Match, Reading, Rows

FORMAT = "label-in-name"
RANK = 405
TITLE = "Label in the name"
LAYOUT = "happy-1.png"


def match(files):
    fits = all("-" in n for n in files.images) and bool(files.images) and not files.others
    return Match(fits, "labels in the names" if fits else "no labels in the names")


def read(files, name):
    rows = pd.DataFrame({"image": files.images, "coder": "names", "label": [n.split("-")[0] for n in files.images]}, dtype="category")
    return Reading(files, files.images, [Rows("names", rows, np.arange(1, len(rows) + 1, dtype=np.int32))])
'''


def labels_in_names(folder: Path) -> Path:
    for name in ("happy-1.png", "sad-2.png", "happy-3.png"):
        write_image(folder / name)
    return folder


def test_a_format_can_be_registered_from_python_and_is_asked_at_its_place(tmp_path: Path) -> None:
    (tmp_path / "toy.py").write_text(TOY)
    spec = importlib.util.spec_from_file_location("toy", tmp_path / "toy.py")
    assert spec is not None and spec.loader is not None
    toy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(toy)
    at = labels_in_names(tmp_path / "data")
    FORMATS.register(toy)
    try:
        assert list(FORMATS)[-2:] == ["label-in-name", "imagefolder"]
        assert load_dataset(at).format == "label-in-name"
        again = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(again)
        with pytest.raises(OptionError, match="two dataset formats with the name 'label-in-name'"):
            FORMATS.register(again)
    finally:
        del FORMATS["label-in-name"]


def test_formats_declare_different_places() -> None:
    ranks = [reader.RANK for reader in FORMATS.values()]
    assert ranks == sorted(set(ranks))
