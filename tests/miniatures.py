"""A miniature of every dataset format, as its publishers lay it out."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from conftest import write_csv, write_image

EMOTIONS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")


def plain(at: Path) -> None:
    for n, name in enumerate("abc"):
        write_image(at / "images" / f"{name}.png", n)
    write_csv(at / "annotations.csv", ("image", "coder", "label"), [("a.png", "X", "cat"), ("b.png", "Y", "dog")])


def sources(at: Path) -> None:
    for n, name in enumerate(["RAF/happy/1.png", "RAF/sad/2.png", "Affect/train/sad/3.png", "Affect/test/happy/4.png"]):
        write_image(at / name, n)


def splits(at: Path) -> None:
    for n, name in enumerate(["train/happy/1.png", "train/sad/2.png", "test/sad/3.png"]):
        write_image(at / name, n)


def long_csv(at: Path) -> None:
    for n in range(3):
        write_image(at / "faces" / f"{n}.png", n)
    write_csv(at / "labels.csv", ("task", "worker", "class"), [("0.png", "w1", "cat"), ("faces/1.png", "w2", "dog")])


def long_parquet(at: Path) -> None:
    at.mkdir(exist_ok=True)
    frame = pd.DataFrame({"file_name": ["a", "b", "b"], "annotator": [7, 7, 8], "category": ["x", "y", "x"]})
    frame.to_parquet(at / "labels.parquet")


def long_jsonl(at: Path) -> None:
    at.mkdir(exist_ok=True)
    rows = [
        {"image": "a", "rater": "A", "label": "x", "votes": 3},
        {"image": "a", "rater": "A", "label": "y", "votes": 1},
    ]
    (at / "labels.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))


def wide(at: Path) -> None:
    rows = [
        ("a.png", "cat", "dog", ""),
        ("b.png", "", "dog", "dog"),
        ("c.png", "cat", "cat", "cat"),
        ("d.png", "dog", "", ""),
    ]
    write_csv(at / "labels.csv", ("image", "Ann", "Ben", "Cem"), rows)


def wide_numbers(at: Path) -> None:
    """cleanlab's form: class numbers, NaN where absent."""
    rows = [("a", 0, 1, "nan"), ("b", "nan", 1, 1), ("c", 2, 2, 0), ("d", 0, 0, 1)]
    write_csv(at / "multi.csv", ("id", "ann1", "ann2", "ann3"), rows)
    write_csv(at / "classes.csv", ("class",), [("cat",), ("dog",), ("cow",)])


def votes(at: Path) -> None:
    write_csv(at / "crowd.csv", ("image", "cat", "dog"), [("a", 3, 1), ("b", 0, 4), ("c", 2, 2)])


def ferplus_alone(at: Path) -> None:
    names = [f"fer{i:07d}.png" for i in range(4)]
    for n, name in enumerate(names):
        write_image(at / "faces" / name, n)
    head = ("Usage", "Image name", *EMOTIONS, "unknown", "NF")
    rows = [
        ("Training", names[0], 4, 0, 0, 1, 3, 2, 0, 0, 0, 0),
        ("Training", names[1], 0, 10, 0, 0, 0, 0, 0, 0, 0, 0),
        ("Training", "", 0, 0, 0, 0, 0, 0, 0, 0, 0, 10),
        ("PublicTest", names[2], 0, 8, 0, 1, 0, 0, 0, 0, 1, 0),
        ("PrivateTest", names[3], 5, 5, 0, 0, 0, 0, 0, 0, 0, 0),
    ]
    write_csv(at / "fer2013new.csv", head, rows)


def fer2013(at: Path) -> None:
    pixels = [" ".join(map(str, np.full(2304, 40 * i))) for i in range(4)]
    usage = ["Training", "Training", "PublicTest", "PrivateTest"]
    rows = [(e, p, u) for e, p, u in zip((3, 0, 6, 3), pixels, usage, strict=True)]
    write_csv(
        at / "fer2013.csv",
        ("emotion", "pixels", "Usage"),
        [*rows, (3, "1 2 3", "Training"), (9, pixels[0], "Training")],
    )


def ferplus(at: Path) -> None:
    fer2013(at)
    head = ("Usage", "Image name", *EMOTIONS, "unknown", "NF")
    rows = [
        ("Training", "fer0000000.png", 0, 9, 0, 0, 0, 0, 0, 0, 1, 0),
        ("Training", "", 0, 0, 0, 0, 0, 0, 0, 0, 0, 10),
        ("PublicTest", "fer0000002.png", 10, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        ("PrivateTest", "fer0000003.png", 0, 10, 0, 0, 0, 0, 0, 0, 0, 0),
        ("Training", "", 0, 0, 0, 0, 0, 0, 0, 0, 0, 10),
        ("Training", "", 0, 0, 0, 0, 0, 0, 0, 0, 0, 10),
    ]
    write_csv(at / "fer2013new.csv", head, rows)


def rafdb(at: Path) -> None:
    for n, name in enumerate(["train_00001", "train_00002", "test_0001"]):
        write_image(at / "basic" / "Image" / "aligned" / f"{name}_aligned.jpg", n)
        write_image(at / "basic" / "Image" / "original" / f"{name}.jpg", n)
    (at / "basic" / "EmoLabel").mkdir()
    text = "train_00001.jpg 5\ntrain_00002.jpg 4\ntest_0001.jpg 7\n"
    (at / "basic" / "EmoLabel" / "list_patition_label.txt").write_text(text)


def affectnet_lists(at: Path) -> None:
    head = (
        "subDirectory_filePath",
        "face_x",
        "face_y",
        "face_width",
        "face_height",
        "facial_landmarks",
        "expression",
        "valence",
        "arousal",
    )
    for n, name in enumerate(["1/a.jpg", "1/b.jpg", "2/a.jpg", "2/c.jpg"]):
        write_image(at / "Manually_Annotated_Images" / name, n)

    def rows(*images: tuple[str, int]) -> list[tuple[object, ...]]:
        return [(p, 0, 0, 9, 9, "1;2", e, 0.1, -0.2) for p, e in images]

    write_csv(at / "training.csv", head, rows(("1/a.jpg", 1), ("2/a.jpg", 4), ("1/b.jpg", 10)))
    write_csv(at / "validation.csv", head, rows(("2/c.jpg", 7)))


def affectnet_arrays(at: Path) -> None:
    for part, names in (("train_set", {"0": 1, "17": 6}), ("val_set", {"3": 0})):
        for name, code in names.items():
            write_image(at / part / "images" / f"{name}.jpg", code)
            (at / part / "annotations").mkdir(exist_ok=True)
            np.save(at / part / "annotations" / f"{name}_exp.npy", str(code))
            np.save(at / part / "annotations" / f"{name}_val.npy", "0.1")


def _batch(labels: list[int]) -> bytes:
    data = np.arange(len(labels) * 3072, dtype=np.int64).reshape(len(labels), 3072).astype(np.uint8)
    return pickle.dumps({b"data": data, b"labels": labels, b"filenames": [b"x.png"] * len(labels)}, protocol=2)


def cifar10(at: Path) -> None:
    folder = at / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    (folder / "data_batch_1").write_bytes(_batch([0, 1]))
    (folder / "data_batch_2").write_bytes(_batch([9]))
    (folder / "test_batch").write_bytes(_batch([3, 4]))
    (folder / "batches.meta").write_bytes(pickle.dumps({b"label_names": []}, protocol=2))


def cifar10n(at: Path) -> None:
    cifar10(at)
    clean, noisy = np.array([0, 1, 9]), np.array([0, 2, 9])
    said = {"clean_label": clean, "worse_label": noisy, "aggre_label": clean}
    said |= {f"random_label{i}": noisy for i in (1, 2, 3)}
    with zipfile.ZipFile(at / "CIFAR-10_human.pt", "w") as archive:  # as torch.save lays it out
        archive.writestr("archive/data.pkl", pickle.dumps(said, protocol=2))
        archive.writestr("archive/version", "3\n")


def cifar10h(at: Path) -> None:
    cifar10(at)
    counts = np.zeros((2, 10), dtype=np.int64)
    counts[0, [3, 5]] = 40, 11
    counts[1, 4] = 51
    np.save(at / "cifar10h-counts.npy", counts)


def counts_array(at: Path) -> None:
    at.mkdir(exist_ok=True)
    np.save(at / "crowd.npy", np.array([[3, 1], [0, 4]]))
    (at / "images.txt").write_text("a.png\nb.png\n")


def huggingface(at: Path) -> None:
    for n, name in enumerate(["train/1.png", "train/sub/2.png", "test/3.png"]):
        write_image(at / name, n)
    write_csv(at / "train" / "metadata.csv", ("file_name", "label"), [("1.png", "cat"), ("sub/2.png", "dog")])
    (at / "test" / "metadata.jsonl").write_text(json.dumps({"file_name": "3.png", "label": "cat"}) + "\n")


def label_studio(at: Path) -> None:
    write_image(at / "images" / "face one.png", 1)

    def said(by: object, choice: str, **more: object) -> dict[str, object]:
        result = [{"type": "choices", "from_name": "emotion", "value": {"choices": [choice]}}]
        return {"completed_by": by, "result": result, **more}

    tasks = [
        {
            "id": 1,
            "data": {"image": "/data/upload/1/0a1b2c3d-face%20one.png"},
            "annotations": [
                said(3, "happy"),
                said({"id": 4, "email": "b@lab"}, "sad"),
                said(5, "sad", was_cancelled=True),
            ],
        },
        {"id": 2, "data": {"image": "/data/local-files/?d=images/two.png"}, "annotations": [said(3, "sad")]},
    ]
    (at / "export.json").write_text(json.dumps(tasks))


def ltnet_list(at: Path) -> None:
    for n, name in enumerate(["a.png", "b c.png", "t.png"]):
        write_image(at / "img" / name, n)
    (at / "train.txt").write_text("img/a.png 0 1 -1 2\nimg/b c.png 1 1 2 -1\n")
    (at / "test.txt").write_text("img/t.png 2\n")


def joined(at: Path) -> None:
    rafdb(at / "raf")
    sources(at / "folders")
    write_csv(at / "votes.csv", ("image", "happy", "fear"), [("RAF/happy/1.png", 9, 1), ("RAF/sad/2.png", 2, 8)])
    write_image(at / "more" / "u.png", 1)
    content = {
        "sources": [
            {"name": "RAFDB", "path": "raf"},
            {"name": "own", "path": "folders"},
            {"name": "crowd", "path": "votes.csv", "coders": {"votes": "FER+"}},
            {"name": "unlabelled", "path": "more"},
        ]
    }
    (at / "joined.json").write_text(json.dumps(content))


def to_zip(folder: Path) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return out.getvalue()


# name → (maker, format, what it is recognised by, annotations as (image, coder, label, count), known truth as image → (class, test set))
Expected = tuple[Callable[[Path], None], str, str, list[tuple[str, str, str, float]], dict[str, tuple[str, str]]]
MINIATURES: dict[str, Expected] = {
    "plain": (plain, "plain", "annotations.csv", [("images/a.png", "X", "cat", 1), ("images/b.png", "Y", "dog", 1)], {}),
    "sources": (
        sources,
        "imagefolder",
        "images in 2 class folders, sources Affect, RAF",
        [("Affect/train/sad/3.png", "Affect", "sad", 1), ("RAF/happy/1.png", "RAF", "happy", 1), ("RAF/sad/2.png", "RAF", "sad", 1)],
        {"Affect/test/happy/4.png": ("happy", "Affect")},
    ),
    "splits": (
        splits,
        "imagefolder",
        "images in 2 class folders, one source",
        [("train/happy/1.png", "splits", "happy", 1), ("train/sad/2.png", "splits", "sad", 1)],
        {"test/sad/3.png": ("sad", "test")},
    ),
    "long csv": (
        long_csv,
        "long-table",
        "labels.csv with the columns task, worker, class",
        [("faces/0.png", "w1", "cat", 1), ("faces/1.png", "w2", "dog", 1)],
        {},
    ),
    "long parquet": (
        long_parquet,
        "long-table",
        "labels.parquet with the columns file_name, annotator, category",
        [("a", "7", "x", 1), ("b", "7", "y", 1), ("b", "8", "x", 1)],
        {},
    ),
    "long jsonl": (
        long_jsonl,
        "long-table",
        "labels.jsonl with the columns image, rater, label",
        [("a", "A", "x", 3), ("a", "A", "y", 1)],
        {},
    ),
    "wide": (
        wide,
        "wide-table",
        "labels.csv with the column image and one column per annotator",
        [
            ("a.png", "Ann", "cat", 1), ("a.png", "Ben", "dog", 1), ("b.png", "Ben", "dog", 1), ("b.png", "Cem", "dog", 1),
            ("c.png", "Ann", "cat", 1), ("c.png", "Ben", "cat", 1), ("c.png", "Cem", "cat", 1), ("d.png", "Ann", "dog", 1),
        ],
        {},
    ),
    "wide numbers": (
        wide_numbers,
        "wide-table",
        "multi.csv with the column id and one column per annotator",
        [
            ("a", "ann1", "cat", 1), ("a", "ann2", "dog", 1), ("b", "ann2", "dog", 1), ("b", "ann3", "dog", 1), ("c", "ann1", "cow", 1),
            ("c", "ann2", "cow", 1), ("c", "ann3", "cat", 1), ("d", "ann1", "cat", 1), ("d", "ann2", "cat", 1), ("d", "ann3", "dog", 1),
        ],
        {},
    ),
    "votes": (
        votes,
        "votes-table",
        "crowd.csv with the column image and votes for cat, dog",
        [("a", "crowd", "cat", 3), ("a", "crowd", "dog", 1), ("b", "crowd", "dog", 4), ("c", "crowd", "cat", 2), ("c", "crowd", "dog", 2)],
        {},
    ),
    "ferplus alone": (
        ferplus_alone,
        "ferplus",
        "fer2013new.csv with votes for 8 classes",
        [
            ("faces/fer0000000.png", "FER+", "neutral", 4), ("faces/fer0000000.png", "FER+", "sadness", 1),
            ("faces/fer0000000.png", "FER+", "anger", 3), ("faces/fer0000000.png", "FER+", "disgust", 2),
            ("faces/fer0000001.png", "FER+", "happiness", 10),
        ],
        {"faces/fer0000002.png": ("happiness", "PublicTest")},
    ),
    "fer2013": (
        fer2013,
        "fer2013",
        "fer2013.csv with the columns emotion, pixels, Usage",
        [("fer0000000.png", "FER2013", "happiness", 1), ("fer0000001.png", "FER2013", "anger", 1)],
        {"fer0000002.png": ("neutral", "PublicTest"), "fer0000003.png": ("happiness", "PrivateTest")},
    ),
    "ferplus": (
        ferplus,
        "ferplus",
        "fer2013new.csv with votes for 8 classes",
        [
            ("fer0000000.png", "FER+", "happiness", 9), ("fer0000000.png", "FER2013", "happiness", 1),
            ("fer0000001.png", "FER2013", "anger", 1),
        ],
        {"fer0000002.png": ("neutral", "PublicTest"), "fer0000003.png": ("happiness", "PrivateTest")},
    ),
    "rafdb": (
        rafdb,
        "rafdb",
        "basic/EmoLabel/list_patition_label.txt",
        [
            ("basic/Image/aligned/train_00001_aligned.jpg", "RAF-DB", "sadness", 1),
            ("basic/Image/aligned/train_00002_aligned.jpg", "RAF-DB", "happiness", 1),
        ],
        {"basic/Image/aligned/test_0001_aligned.jpg": ("neutral", "test")},
    ),
    "affectnet lists": (
        affectnet_lists,
        "affectnet",
        "training.csv with the columns subDirectory_filePath and expression",
        [
            ("Manually_Annotated_Images/1/a.jpg", "AffectNet", "happiness", 1),
            ("Manually_Annotated_Images/2/a.jpg", "AffectNet", "fear", 1),
        ],
        {"Manually_Annotated_Images/2/c.jpg": ("contempt", "test")},
    ),
    "affectnet arrays": (
        affectnet_arrays,
        "affectnet",
        "annotations such as train_set/annotations/0_exp.npy",
        [("train_set/images/0.jpg", "AffectNet", "happiness", 1), ("train_set/images/17.jpg", "AffectNet", "anger", 1)],
        {"val_set/images/3.jpg": ("neutral", "test")},
    ),
    "cifar10": (
        cifar10,
        "cifar10",
        "3 CIFAR-10 batches",
        [("train/00000.png", "CIFAR-10", "airplane", 1), ("train/00001.png", "CIFAR-10", "automobile", 1), ("train/00002.png", "CIFAR-10", "truck", 1)],
        {"test/00000.png": ("cat", "test"), "test/00001.png": ("deer", "test")},
    ),
    "cifar10n": (
        cifar10n,
        "cifar10",
        "3 CIFAR-10 batches, CIFAR-10_human.pt",
        [(f"train/{i:05d}.png", f"Annotator {a}", c, 1) for i, c in enumerate(["airplane", "bird", "truck"]) for a in (1, 2, 3)],
        {
            "train/00000.png": ("airplane", ""), "train/00001.png": ("automobile", ""), "train/00002.png": ("truck", ""),
            "test/00000.png": ("cat", "test"), "test/00001.png": ("deer", "test"),
        },
    ),
    "cifar10h": (
        cifar10h,
        "cifar10",
        "3 CIFAR-10 batches, cifar10h-counts.npy",
        [("test/00000.png", "CIFAR-10H", "cat", 40), ("test/00000.png", "CIFAR-10H", "dog", 11), ("test/00001.png", "CIFAR-10H", "deer", 51)],
        {
            "train/00000.png": ("airplane", ""), "train/00001.png": ("automobile", ""), "train/00002.png": ("truck", ""),
            "test/00000.png": ("cat", ""), "test/00001.png": ("deer", ""),
        },
    ),
    "counts array": (
        counts_array,
        "counts-array",
        "crowd.npy with the images of images.txt",
        [("a.png", "crowd", "0", 3), ("a.png", "crowd", "1", 1), ("b.png", "crowd", "1", 4)],
        {},
    ),
    "huggingface": (
        huggingface,
        "huggingface",
        "test/metadata.jsonl with the column file_name",
        [("train/1.png", "huggingface", "cat", 1), ("train/sub/2.png", "huggingface", "dog", 1)],
        {"test/3.png": ("cat", "test")},
    ),
    "label studio": (
        label_studio,
        "label-studio",
        "export.json, a list of tasks with annotations",
        [("images/face one.png", "annotator 3", "happy", 1), ("images/face one.png", "b@lab", "sad", 1)],
        {},
    ),
    "ltnet list": (
        ltnet_list,
        "ltnet-list",
        "train.txt with 4 labels after each path",
        [
            ("img/a.png", "coder1", "0", 1), ("img/a.png", "coder2", "1", 1), ("img/a.png", "coder4", "2", 1),
            ("img/b c.png", "coder1", "1", 1), ("img/b c.png", "coder2", "1", 1), ("img/b c.png", "coder3", "2", 1),
        ],
        {"img/t.png": ("2", "test")},
    ),
    "joined": (
        joined,
        "joined",
        "joined.json",
        [
            ("RAFDB/basic/Image/aligned/train_00001_aligned.jpg", "RAF-DB", "sadness", 1),
            ("RAFDB/basic/Image/aligned/train_00002_aligned.jpg", "RAF-DB", "happiness", 1),
            ("own/Affect/train/sad/3.png", "Affect", "sadness", 1),
            ("own/RAF/happy/1.png", "FER+", "happiness", 9), ("own/RAF/happy/1.png", "FER+", "fear", 1), ("own/RAF/happy/1.png", "RAF", "happiness", 1),
            ("own/RAF/sad/2.png", "FER+", "happiness", 2), ("own/RAF/sad/2.png", "FER+", "fear", 8), ("own/RAF/sad/2.png", "RAF", "sadness", 1),
        ],
        {"RAFDB/basic/Image/aligned/test_0001_aligned.jpg": ("neutral", "test"), "own/Affect/test/happy/4.png": ("happiness", "Affect")},
    ),
}  # fmt: skip
