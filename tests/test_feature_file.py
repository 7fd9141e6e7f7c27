"""Files of features: every form reads alike, and what is wrong in one is said before anything is done."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ltnet_core.datasets import feature_file
from ltnet_core.datasets.feature_file import match_items, open_features
from ltnet_core.errors import DatasetError

NAMES = ["images/a.png", "images/b.png", "images/c.png"]
VALUES = np.array([[1.5, -2], [0, 0.25], [3, 4]], dtype=np.float32)


def columns() -> pd.DataFrame:
    return pd.DataFrame({"image": NAMES, "f0": VALUES[:, 0], "f1": VALUES[:, 1].astype(np.float64)})


def npy(path: Path, array: np.ndarray, names: str | None = "\n".join(NAMES)) -> None:
    np.save(path, array)
    if names is not None:
        path.with_suffix(".txt").write_text(names, encoding="utf-8")


def lists(path: Path, values: list[list[float | None] | None], kind: pa.DataType | None = None) -> None:
    rows = pa.array(values, kind or pa.list_(pa.float32()))
    pq.write_table(pa.table({"image": NAMES[: len(values)], "vector": rows}), path)


WRITERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "columns": ("x.parquet", lambda p: columns().to_parquet(p)),
    "names in the index": ("x.parquet", lambda p: columns().set_index("image").to_parquet(p)),
    "categories": ("x.parquet", lambda p: columns().astype({"image": "category"}).to_parquet(p)),
    "lists": ("x.parquet", lambda p: lists(p, VALUES.tolist())),
    "lists of one length": ("x.parquet", lambda p: lists(p, VALUES.tolist(), pa.list_(pa.float64(), 2))),
    "several row groups": ("x.parquet", lambda p: columns().to_parquet(p, row_group_size=1)),
    "npy": ("x.npy", lambda p: npy(p, VALUES)),
    "npy, half precision": ("x.npy", lambda p: npy(p, VALUES.astype(np.float16), "\n".join(NAMES) + "\n")),
    "npy, other byte order": ("x.npy", lambda p: npy(p, VALUES.astype(">f8"), "\ufeff" + "\r\n".join(NAMES) + "\r\n")),
    "npz": ("x.npz", lambda p: np.savez(p, names=np.array(NAMES), features=VALUES)),
    "npz, compressed": ("x.npz", lambda p: np.savez_compressed(p, names=np.array(NAMES, dtype="S"), features=VALUES)),
}


@pytest.mark.parametrize("form", WRITERS)
def test_every_form_reads_alike(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, write = WRITERS[form]
    write(tmp_path / name)
    monkeypatch.setattr(feature_file, "PART_BYTES", 32)  # two rows or four at a time
    file = open_features(tmp_path / name)
    assert (file.names, file.dimensions) == (NAMES, 2)
    parts = list(file.parts())
    assert all(p.dtype == np.float32 for p in parts)
    np.testing.assert_array_equal(np.concatenate(parts), VALUES)


def damaged(path: Path) -> None:
    WRITERS["columns"][1](path)
    path.write_bytes(path.read_bytes()[:-20])


def cut(path: Path) -> None:
    npy(path, VALUES)
    path.write_bytes(path.read_bytes()[:-4])


def broken_member(path: Path) -> None:
    np.savez(path, names=np.array(NAMES), features=VALUES)
    data = bytearray(path.read_bytes())
    data[data.index(VALUES.tobytes())] ^= 1
    path.write_bytes(data)


def table(**more: object) -> Callable[[Path], object]:
    return lambda p: columns().assign(**more).to_parquet(p)


WITH_NAN, WITH_INF, HUGE = VALUES.copy(), VALUES.copy(), VALUES.astype(np.float64)
WITH_NAN[1, 1], WITH_INF[2, 0], HUGE[0, 0] = np.nan, np.inf, 1e300

WRONG: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "no such file": ("x.npy", lambda p: None, "No such file"),
    "a folder": ("x.npz", lambda p: p.mkdir(), "is not a regular file"),
    "another ending": ("x.csv", lambda p: p.write_text("a"), "give .parquet, .npy or .npz"),
    "no text beside it": ("x.npy", lambda p: npy(p, VALUES, None), "needs the names of its rows in 'x.txt' beside it"),
    "a name too few": ("x.npy", lambda p: npy(p, VALUES, "a\nb"), "3 vectors for 2 names in 'x.txt'"),
    "a name too many": ("x.npz", lambda p: np.savez(p, names=np.array([*NAMES, "d"]), features=VALUES), "3 vectors for 4"),
    "a name twice": ("x.npy", lambda p: npy(p, VALUES, "a\nb\na"), "row 3: names 'a' a second time, after row 1"),
    "no name": ("x.npy", lambda p: npy(p, VALUES, "a\n\nc"), "row 2: has no image name"),
    "a name missing": ("x.parquet", table(image=["a", None, "c"]), "row 2: has no image name"),
    "not UTF-8": ("x.npy", lambda p: (npy(p, VALUES), p.with_suffix(".txt").write_bytes(b"\xff\n")), "not UTF-8"),
    "pickled names": ("x.npz", lambda p: np.savez(p, names=np.array(NAMES, object), features=VALUES), "x.npz: names"),
    "pickled features": ("x.npy", lambda p: npy(p, np.array([[object()]] * 3)), "never unpickled"),
    "numbers for names": ("x.npz", lambda p: np.savez(p, names=np.arange(3), features=VALUES), "not one list of text"),
    "no features": ("x.npz", lambda p: np.savez(p, names=np.array(NAMES)), "no array 'features'; it has names"),
    "not a number": ("x.npy", lambda p: npy(p, WITH_NAN), "row 2: feature 2 of 'images/b.png' is nan"),
    "infinite": ("x.npz", lambda p: np.savez(p, names=np.array(NAMES), features=WITH_INF), "'images/c.png' is inf"),
    "too large for float32": ("x.npy", lambda p: npy(p, HUGE), "feature 1 of 'images/a.png' is 1e[+]300"),
    "a number missing": ("x.parquet", table(f1=[1.0, None, 2.0]), "row 2: feature 2 of 'images/b.png' is nan"),
    "a number missing in a list": ("x.parquet", lambda p: lists(p, [[1, 2], [3, None]]), "feature 2 of 'images/b.png' is nan"),
    "no list": ("x.parquet", lambda p: lists(p, [[1, 2], None]), "row 2: has no features"),
    "lists of different lengths": ("x.parquet", lambda p: lists(p, [[1, 2], [1]]), "row 2: has 1 features, the first row 2"),
    "empty lists": ("x.parquet", lambda p: lists(p, [[], []]), "has 0 features a vector"),
    "one axis": ("x.npy", lambda p: npy(p, VALUES[:, 0]), "the shape 3, expected images × features"),
    "three axes": ("x.npy", lambda p: npy(p, VALUES[:, :, None]), "the shape 3 × 2 × 1"),
    "whole numbers": ("x.npy", lambda p: npy(p, VALUES.astype(int)), "holds int64, expected floats"),
    "complex numbers": ("x.npy", lambda p: npy(p, VALUES.astype(complex)), "holds complex128"),
    "text": ("x.npy", lambda p: npy(p, VALUES.astype(str)), "expected floats"),
    "by columns": ("x.npy", lambda p: npy(p, np.asfortranarray(VALUES)), "save np.ascontiguousarray"),
    "no rows": ("x.npy", lambda p: npy(p, VALUES[:0], ""), "holds no features"),
    "no columns": ("x.npy", lambda p: npy(p, VALUES[:, :0]), "has 0 features a vector"),
    "cut off": ("x.npy", cut, "is shorter than its 3 × 2 features"),
    "no file at all": ("x.npz", lambda p: p.write_bytes(b""), "not a readable file of features"),
    "damaged": ("x.parquet", damaged, "not a readable file of features"),
    "a damaged member": ("x.npz", broken_member, "not a readable file of features"),
    "a label": ("x.parquet", table(label=[1, 2, 3]), "column 'label' holds int64; a file of features has names"),
    "a second text": ("x.parquet", table(split=["x"] * 3), "column 'split' holds text beside the image names"),
    "two texts": ("x.parquet", lambda p: columns().rename(columns={"image": "a"}).assign(b="x").to_parquet(p), "'image'"),
    "no text": ("x.parquet", lambda p: columns().drop(columns="image").to_parquet(p), "has no column of text"),
    "names alone": ("x.parquet", lambda p: columns()[["image"]].to_parquet(p), "has no column of floats"),
    "floats and lists": ("x.parquet", table(more=VALUES.tolist()), "has columns of floats and of lists"),
    "a long name": ("x.parquet", table(image=["a", "b", "c" * 5000]), "has a text of 5,000 bytes, no name"),
}  # fmt: skip


@pytest.mark.parametrize("fault", WRONG)
def test_what_is_wrong_is_said(fault: str, tmp_path: Path) -> None:
    name, write, message = WRONG[fault]
    write(tmp_path / name)
    with pytest.raises(DatasetError, match=message) as caught:
        list(open_features(tmp_path / name).parts())
    assert "x." in str(caught.value), "names the file"


def test_a_small_archive_cannot_promise_much(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", names=np.array(NAMES), features=VALUES)
    with zipfile.ZipFile(tmp_path / "x.npz") as a:
        header = a.read("features.npy").replace(b"(3, 2)", b"(3, 9)")
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as a:
        np.save(tmp_path / "names.npy", np.array(NAMES))
        a.write(tmp_path / "names.npy", "names.npy")
        a.writestr("features.npy", header)
    with pytest.raises(DatasetError, match="shorter than its 3 × 9 features"):
        open_features(tmp_path / "x.npz")


@pytest.fixture
def three(tmp_path: Path) -> Path:
    npy(tmp_path / "x.npy", VALUES, "b\nimages/zebra.png\n./images/a.png")
    return tmp_path / "x.npy"


def test_names_are_matched_as_those_of_tables_are(three: Path) -> None:
    matched = match_items(open_features(three), NAMES)
    assert matched.item.tolist() == [1, -1, 0]
    assert (matched.missing, matched.strangers) == (("images/c.png",), ("images/zebra.png",))


def test_no_name_is_known(three: Path) -> None:
    with pytest.raises(
        DatasetError, match="none of its 3 names is an image .*: it has 'b', .*, the dataset 'p.png', 'q'"
    ):
        match_items(open_features(three), ["p.png", "q"])


def test_two_names_for_one_image(tmp_path: Path) -> None:
    npy(tmp_path / "x.npy", VALUES, "a.png\nb\nimages/a.png")
    with pytest.raises(DatasetError, match="names 'a.png' and 'images/a.png' are both the image 'images/a.png'"):
        match_items(open_features(tmp_path / "x.npy"), NAMES)
