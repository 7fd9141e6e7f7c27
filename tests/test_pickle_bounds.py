"""Pickles, arrays, archives, JSON and tables: what is small in a file must not become large in memory."""

from __future__ import annotations

import collections
import io
import json
import pickle
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from conftest import ROOT

from ltnet_core.datasets.sources import plain_pickle, text_files, zip_files
from ltnet_core.datasets.sources.array_file import read_array
from ltnet_core.datasets.sources.files import GivenFiles
from ltnet_core.datasets.sources.plain_pickle import read_pickle
from ltnet_core.datasets.sources.zip_files import ZipFiles
from ltnet_core.datasets.tables import encodings
from ltnet_core.datasets.tables.table import read_table
from ltnet_core.errors import DatasetError


def given(workspace_path: Path, name: str, data: bytes) -> GivenFiles:
    (workspace_path / name).write_bytes(data)
    return GivenFiles(workspace_path, {name: workspace_path / name})


def load(workspace_path: Path, data: bytes) -> object:
    return read_pickle(given(workspace_path, "p", data), "p")


CONTENT = {
    b"data": np.arange(24, dtype=np.uint8).reshape(2, 12),
    b"labels": [3, 4],
    "names": ["a", "ü"],
    "big": np.arange(3, dtype=">i8"),
    "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "text": np.array(["ab", "c"]),
    "one": np.float32(2.5),
    "order": collections.OrderedDict(a=(1, (2, 3)), b=None, c=True, d=-(2**40), e=2**70, f=1.5),
}


@pytest.mark.parametrize("protocol", range(5))
def test_arrays_and_plain_values_are_read_as_they_were_written(protocol: int, tmp_path: Path) -> None:
    content = load(tmp_path, pickle.dumps(CONTENT, protocol=protocol))
    assert isinstance(content, dict)
    for key, value in CONTENT.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(content[key], value)
            assert content[key].dtype == value.dtype
        else:
            assert content[key] == value


def laughs(depth: int = 12) -> bytes:
    value: object = [0] * 10
    for _ in range(depth):
        value = [value] * 10
    return pickle.dumps(value)


def itself() -> bytes:
    value: list[object] = []
    value.append(value)
    return pickle.dumps(value)


ARRAY = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
DTYPE = b"cnumpy\ndtype\nU\x02V8\x89\x88\x87R"

BOMBS: dict[str, bytes] = {
    "a memo index beyond": b"\x80\x02Nr\xff\xff\xff\xfe0j\xff\xff\xff\xfe.",
    "a text of 2**63 bytes": b"\x80\x04\x8d" + struct.pack("<Q", 2**63 - 1) + b".",
    "bytes of 2**40": b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b".",
    "a bytearray of 2**40": b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b".",
    "a number of two gigabytes": b"\x80\x02\x8b\xff\xff\xff\x7f.",
    "a negative length": b"\x80\x02\x8b\xff\xff\xff\xff.",
    "a billion laughs": laughs(),
    "a list in itself": itself(),
    "a million lists in each other": b"\x80\x02" + b"]" * 1_000_000 + b"a" * 999_999 + b".",
    "a million tuples as a key": b"\x80\x02}" + b")" + b"\x85" * 1_000_000 + b"Ns.",
    "an array of 2**40 numbers": ARRAY + b"(K\x01\x8a\x06\0\0\0\0\0\x01\x85cnumpy\ndtype\nU\x02u1\x89\x88\x87R\x89U\0tb.",
    "an array type with pointers": DTYPE + b"(K\x03U\x01|NNNK\x08K\x01K\x3ftb.",
    "an array type of fields": b"cnumpy\ndtype\nU\x02i8\x89\x88\x87R(K\x03U\x01<U\x01aNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb.",
    "objects": pickle.dumps(np.array([{}], dtype=object)),
    "a call": b"cos\nsystem\n(U\x04trueitR.",
    "an old call": b"(U\x04trueios\nsystem\n.",
    "a new object": b"\x80\x02cnumpy\nndarray\n\x8a\x06\0\0\0\0\0\x01\x85\x81.",
    "a name alone": b"cnumpy\nndarray\n.",
    "an array without content": ARRAY + b".",
    "nothing": b"",
    "an end alone": b".",
    "a mark too few": b"\x80\x02]t.",
    "a set": pickle.dumps({1, 2}, protocol=4),
    "an extension": b"\x80\x02\x82\x01.",
    "a stack that runs out": b"\x80\x02\x87.",
    "repeated text": b"\x80\x02c_codecs\nencode\nq\0"
    + b"X" + struct.pack("<I", 10_000_000) + b"x" * 10_000_000 + b"q\1X\x06\0\0\0latin1q\x02(" + b"h\0h\1h\x02\x86R" * 200 + b"l.",
}  # fmt: skip


@pytest.mark.parametrize("what", BOMBS)
def test_other_pickles_are_refused_and_take_nothing(what: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"^p: cannot be read as plain arrays"):
        load(tmp_path, BOMBS[what])


HARMLESS = (b"\x80\x02Nr\xff\xff\xff\xff.", b"\x80\x04\x95" + struct.pack("<Q", 2**60) + b"N.")


def test_a_memo_index_and_a_frame_of_any_size_are_mere_numbers(tmp_path: Path) -> None:
    for data in HARMLESS:
        assert load(tmp_path, data) is None


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak of a process")
def test_the_reader_stays_small(tmp_path: Path) -> None:
    """All bombs in one process: the largest of them would take eight gigabytes."""
    for number, data in enumerate([*BOMBS.values(), *HARMLESS]):
        (tmp_path / f"{number}").write_bytes(data)
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from ltnet_core.datasets.sources.files import GivenFiles\n"
        "from ltnet_core.datasets.sources.plain_pickle import read_pickle\n"
        "from ltnet_core.errors import DatasetError\n"
        "began = time.monotonic()\n"
        "for path in sorted(Path(sys.argv[1]).iterdir()):\n"
        "    try:\n"
        "        read_pickle(GivenFiles(path.parent, {path.name: path}), path.name)\n"
        "    except DatasetError: pass\n"
        "lines = Path('/proc/self/status').read_text().splitlines()\n"
        "print(next(l.split()[1] for l in lines if l.startswith('VmHWM')), time.monotonic() - began)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, cwd=ROOT, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) < 1_000_000, done.stdout


def test_the_number_of_instructions_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_pickle, "MAX_STEPS", 1000)
    with pytest.raises(DatasetError, match="more than 1,000 instructions"):
        load(tmp_path, pickle.dumps(list(range(2000))))


# ---- NumPy's files


def npy(header: str, content: bytes = b"") -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text + content


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}",
        "{'descr': '|S0', 'fortran_order': False, 'shape': (1000000000000,)}",
        "{'descr': '<U0', 'fortran_order': False, 'shape': (1000000000000,)}",
        "{'descr': '|V8', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': [('a', '<i8')], 'fortran_order': False, 'shape': (1,)}",
        "{'descr': ('<i8', (1000000,)), 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<i8', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '<i8', 'fortran_order': False, 'shape': (True,)}" + " " * 20_000,
        "(" * 9_000,
    ],
)
def test_arrays_are_no_larger_than_their_file(header: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is not a readable NumPy array"):
        read_array(given(tmp_path, "a.npy", npy(header, bytes(64))), "a.npy")


def test_arrays_are_read_as_they_were_written(tmp_path: Path) -> None:
    for array in (np.arange(6).reshape(2, 3), np.asfortranarray(np.ones((2, 3))), np.array(7), np.array(["a", "bc"])):
        out = io.BytesIO()
        np.save(out, array)
        printed = read_array(given(tmp_path, "a.npy", out.getvalue()), "a.npy")
        np.testing.assert_array_equal(printed, array)
        assert printed.dtype == array.dtype


# ---- archives


def test_a_zip_that_lists_too_many_files_is_refused_before_they_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for n in range(300):
            archive.writestr(str(n), b"")
    monkeypatch.setattr(zip_files, "MAX_ENTRIES", 200)
    with pytest.raises(DatasetError, match="it lists more than 200 files"):
        ZipFiles(tmp_path / "a.zip")
    monkeypatch.setattr(zip_files, "MAX_ENTRIES", 300)
    assert len(ZipFiles(tmp_path / "a.zip").names) == 300


def test_an_entry_that_unpacks_to_more_than_it_says_is_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"a" * 5_000_000)
    data = out.getvalue().replace(struct.pack("<I", 5_000_000), struct.pack("<I", 50))
    (tmp_path / "a.zip").write_bytes(data)
    files = ZipFiles(tmp_path / "a.zip")
    assert files.size("a.csv") == 50
    with pytest.raises(DatasetError, match="cannot be unpacked"):
        files.read("a.csv")


# ---- JSON, lists


@pytest.mark.parametrize("text", ["[" * 1_000_000, "[" + "9" * 10_000 + "]", "{", "[1,", "nul", '"\\ud8"'])
def test_json_that_cannot_be_read_is_refused_in_a_sentence(text: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"^a\.json: is not readable JSON \(|more than"):
        text_files.read_json(given(tmp_path, "a.json", text.encode()), "a.json")


def test_json_and_lists_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_files, "MAX_VALUES", 100)
    monkeypatch.setattr(text_files, "MAX_LINES", 100)
    with pytest.raises(DatasetError, match="more than 100 values"):
        text_files.read_json(given(tmp_path, "a.json", b"[" + b"[]," * 100 + b"[]]"), "a.json")
    with pytest.raises(DatasetError, match="more than 100 lines"):
        text_files.read_lines(given(tmp_path, "a.txt", b"a\n" * 101), "a.txt")
    assert text_files.read_lines(given(tmp_path, "a.txt", b"\xef\xbb\xbfa\r\nb"), "a.txt") == ["a", "b"]
    assert text_files.read_json(given(tmp_path, "a.json", b"\xef\xbb\xbf[1]"), "a.json") == [1]


# ---- tables


def wide_jsonl() -> bytes:
    return b"".join(b'{"k%d": 1}\n' % n for n in range(6_000))


def escaped_jsonl() -> bytes:
    return b"".join(b'{"\\u0061\\"%d" : 1}\n' % n for n in range(6_000))


def parquet(table: pa.Table, **options: object) -> bytes:
    out = io.BytesIO()
    pa.parquet.write_table(table, out, **options)
    return out.getvalue()


def runs(rows: int, text: str) -> bytes:
    codes = pa.array(np.zeros(rows, np.int32))
    return parquet(pa.table({"image": pa.DictionaryArray.from_arrays(codes, pa.array([text])), "label": codes}))


TABLES: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "JSON Lines with a key each": ("t.jsonl", wide_jsonl, "more than 5,000 keys"),
    "the same, escaped": ("t.jsonl", escaped_jsonl, "more than 5,000 keys"),
    "a Parquet file of runs": ("t.parquet", lambda: runs(60_000_000, "a"), "more than 100,000,000 cells"),
    "a Parquet file with a column twice": ("t.parquet", lambda: parquet(pa.Table.from_arrays([pa.array([1])] * 2, ["a", "a"])), "column 'a' occurs 2 times"),
    "a table of blank lines": ("t.csv", lambda: b"image,coder,label\n" + b"\n" * 40_000_000, "more than 100,000,000 cells"),
    "a table of broken rows": ("t.csv", lambda: b"image,coder,label\n" + b"a\n" * 1_100_000, "Expected 3 columns"),
}  # fmt: skip


@pytest.mark.parametrize("what", TABLES)
def test_tables_that_unfold_are_refused(what: str, tmp_path: Path) -> None:
    name, make, message = TABLES[what]
    with pytest.raises(DatasetError, match=message):
        read_table(given(tmp_path, name, make()), name)


def test_equal_cells_of_a_parquet_file_are_kept_once(tmp_path: Path) -> None:
    """Two million cells of a hundred thousand characters each: 200 GB, if they were written out."""
    table = read_table(given(tmp_path, "t.parquet", runs(2_000_000, "a" * 100_000)), "t.parquet")
    assert len(table.frame) == 2_000_000
    assert table.frame["image"].cat.categories.tolist() == ["a" * 100_000]


def test_every_kind_of_parquet_column_is_text_or_empty(tmp_path: Path) -> None:
    columns = {
        "text": ["a", None],
        "large": pa.array(["a", "b"], pa.large_string()),
        "binary": pa.array([b"a", b"b"]),
        "number": [1.0, None],
        "list": [[1], [2]],
        "struct": pa.array([{"bytes": b"\x89PNG", "path": "a"}] * 2),
        "fixed": pa.array([b"ab", b"cd"], pa.binary(2)),
        "coded": pa.array(["x", "x"]).dictionary_encode(),
    }
    frame = read_table(given(tmp_path, "t.parquet", parquet(pa.table(columns))), "t.parquet").frame
    assert frame.astype(str).values.tolist() == [
        ["a", "a", "a", "1", "", "", "", "x"],
        ["", "b", "b", "", "", "", "", "x"],
    ]


def test_text_is_checked_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = "image,coder,label\n" + "".join(f"ä{n}🙂.png,Zoë,{'cat' if n % 2 else 'dog'}\n" for n in range(50))
    whole = read_table(given(tmp_path, "t.csv", content.encode()), "t.csv").frame
    for chunk in (4, 5, 7, 16):  # a character has at most four bytes
        monkeypatch.setattr(encodings, "CHUNK", chunk)
        pd.testing.assert_frame_equal(read_table(given(tmp_path, "t.csv", content.encode()), "t.csv").frame, whole)
    monkeypatch.setattr(encodings, "CHUNK", 6)
    utf16 = read_table(given(tmp_path, "u.csv", content.encode("utf-16")), "u.csv").frame
    pd.testing.assert_frame_equal(utf16, whole)
    broken = b"image\n" + b"x" * 30 + b"\xff\xfe\xff"
    with pytest.raises(UnicodeDecodeError) as error:
        encodings._require_utf8(broken)
    assert error.value.start == 36


def test_the_miniature_of_a_torch_file_is_read(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"a": np.arange(3)}, protocol=2))
    printed = load(tmp_path, out.getvalue())
    assert isinstance(printed, dict) and printed["a"].tolist() == [0, 1, 2]
    with pytest.raises(DatasetError, match=r"data\.pkl is missing"):
        load(tmp_path, b"PK\x05\x06" + bytes(18))


def test_what_json_and_zlib_say_of_each_other() -> None:
    """The fixtures above are what they claim: small files."""
    assert len(zlib.compress(wide_jsonl())) < 100_000
    assert json.loads(b'{"\\u0061\\"1" : 1}') == {'a"1': 1}
