"""JSON that anybody may have written: what is read of it, and in which sentence it is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from conftest import write_image

from ltnet_core.datasets import load_dataset
from ltnet_core.datasets.formats.json_records import _records, _same_fields
from ltnet_core.datasets.sources import json_files, text_files
from ltnet_core.datasets.sources.files import FolderFiles
from ltnet_core.datasets.sources.json_files import first_object, json_head, read_lines, real, require_objects, text
from ltnet_core.datasets.sources.text_files import loads, parse_json, read_json
from ltnet_core.datasets.sources.text_files import read_lines as lines_of_text
from ltnet_core.errors import DatasetError

HUGE = 10**400


def files(folder: Path, **contents: bytes) -> FolderFiles:
    for name, content in contents.items():
        (folder / name.replace("_", ".")).write_bytes(content)
    return FolderFiles(folder)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("  a ", "a"),
        (1, "1"),
        (1.0, "1"),
        (1.5, "1.5"),
        (True, "true"),
        (False, "false"),
        (HUGE, str(HUGE)),
        (math.inf, "inf"),
        (None, ""),
        ([], ""),
        ({"a": 1}, ""),
    ],
)
def test_a_scalar_as_text(value: Any, written: str) -> None:
    assert text(value) == written


def test_a_number_as_a_float() -> None:
    assert [real(v) for v in (0, -2, 1.5)] == [0.0, -2.0, 1.5]
    assert [real(v) for v in (HUGE, -HUGE, math.inf)] == [math.inf, -math.inf, math.inf]
    assert all(math.isnan(real(v)) for v in (True, None, "1", [1], math.nan))


# ---- bounds of text


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"{", "Expecting property name"),
        (b'"\\ud800"', r"'\\ud800' in it is half a character"),
        ('"\ud800"'.encode("utf-8", "surrogatepass"), "is not readable JSON"),
        ('["\ud800"]'.encode("utf-16", "surrogatepass"), "is not readable JSON"),
        (b"[" * 100_000, "it is nested too deep"),
        (b"1" * 5_000, "Exceeds the limit"),
        (b"\xff\xfe\xff", "is not readable JSON"),
    ],
)
def test_json_that_cannot_be_read_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(DatasetError, match=r"x\.json: is not readable JSON \(.*\)\.$") as error:
        parse_json(data, "x.json")
    assert reason.replace("\\\\", "\\") in str(error.value)


def test_json_is_read_with_a_mark_and_whole_characters() -> None:
    assert parse_json(b"\xef\xbb\xbf[1]", "x") == [1]
    assert parse_json(b'"\\ud83d\\ude00"', "x") == "😀"
    assert loads('"é"') == "é"
    assert loads('{"a": 1e999}') == {"a": math.inf}
    with pytest.raises(UnicodeEncodeError):
        loads('"\\udc00"')


def test_more_values_than_fit_are_refused_before_they_are_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_files, "MAX_VALUES", 3)
    assert parse_json(b"[1, 2, 3]", "x") == [1, 2, 3]
    with pytest.raises(DatasetError, match="x: holds more than 3 values"):
        parse_json(b"[[1, 2, 3]]", "x")


def test_lists_of_lines_are_bounded_and_utf_8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    some = files(tmp_path, a_txt=b"\xef\xbb\xbfx\r\ny\xe2\x80\xa8z\n", b_txt=b"\xff\n")
    assert lines_of_text(some, "a.txt") == ["x", "y", "z"]
    assert lines_of_text(some, "b.txt") == ["\ufffd"]
    with pytest.raises(DatasetError, match=r"b\.txt: is not UTF-8 text; save it as UTF-8"):
        lines_of_text(some, "b.txt", "strict")
    monkeypatch.setattr(text_files, "MAX_LINES", 3)
    with pytest.raises(DatasetError, match=r"a\.txt: has more than 3 lines"):
        lines_of_text(some, "a.txt")


# ---- one object per line


def test_objects_line_by_line_or_in_a_list(tmp_path: Path) -> None:
    some = files(
        tmp_path,
        a_jsonl=b'\xef\xbb\xbf\n{"a": 1}\n\n  \n{"a": 2}\r\n',
        b_json=b'[{"a": 1}, {"a": 2}]',
        c_ndjson=b'{"a": 3}',
    )
    assert list(read_lines(some, "a.jsonl")) == [(1, {"a": 1}), (4, {"a": 2})]
    assert list(read_lines(some, "b.json")) == [(1, {"a": 1}), (2, {"a": 2})]
    assert list(read_lines(some, "c.ndjson")) == [(1, {"a": 3})]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.jsonl", b'{"a": 1}\n[1]', "a.jsonl, row 2: expected a JSON object"),
        ("a.jsonl", b'{"a": 1}\n{"a"', "a.jsonl, row 2: is not readable JSON"),
        ("a.jsonl", b"[" * 100_000, "a.jsonl, row 1: is not readable JSON (nested too deep)"),
        ("a.jsonl", b'{"a": "\\ud800"}', "a.jsonl, row 1: is not readable JSON"),
        ("b.json", b'[{"a": 1}, 2]', "b.json, row 2: expected a JSON object"),
        ("b.json", b"{", "b.json: is not readable JSON"),
    ],
)
def test_a_line_that_is_no_object_is_named(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetError) as error:
        list(read_lines(FolderFiles(tmp_path), name))
    assert str(error.value).startswith(reason)


def test_a_line_longer_than_any_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_files, "LONGEST_LINE", 8)
    some = files(tmp_path, a_jsonl=b'{"a": 1}\n{"a": 22}')
    lines = read_lines(some, "a.jsonl")
    assert next(lines) == (1, {"a": 1})
    with pytest.raises(DatasetError, match=r"a\.jsonl, row 2: the line is longer than 8 bytes"):
        next(lines)


def test_a_line_that_is_null_is_found_wherever_it_stands() -> None:
    require_objects(b'{"a": null}\n{"b": 1}', "x")
    require_objects(b"", "x")
    for data, row in ((b"null", 1), (b"\xef\xbb\xbf null", 1), (b'{"a": 1}\n \t\nnull', 3), (b"\n\nnull\n", 3)):
        with pytest.raises(DatasetError, match=f"x, row {row}: expected a JSON object"):
            require_objects(data, "x")


def test_the_first_object_of_a_file(tmp_path: Path) -> None:
    some = files(
        tmp_path,
        a_jsonl=b'\n\n{"a": 1}\n{"b"',
        b_jsonl=b"[1]",
        c_jsonl=b"{",
        d_jsonl=b"",
        e_jsonl=b"\xff",
        f_jsonl=b"[" * 9999,
    )
    assert first_object(some, "a.jsonl") == {"a": 1}
    assert all(first_object(some, f"{n}.jsonl") == {} for n in "bcdef")
    assert json_head(some, "gone.json") == b""


# ---- a table as JSON


@pytest.mark.parametrize(
    ("content", "records"),
    [
        ([{"a": 1}], [{"a": 1}]),
        ({"data": [{"a": 1}], "version": 2}, [{"a": 1}]),
        ({"image": ["a", "b"], "label": ["x", "y"]}, [{"image": "a", "label": "x"}, {"image": "b", "label": "y"}]),
        ({"image": ["a"], "label": ["x", "y"]}, []),  # columns of different lengths
        ({"image": ["a"], "label": [["x"]]}, []),
        (
            {"a.png": {"Ann": "x"}, "b.png": {"Ben": "y"}},
            [{"image": "a.png", "Ann": "x"}, {"image": "b.png", "Ben": "y"}],
        ),
        ({"1": {"file": "a.png"}, "2": {"file": "b.png"}}, [{"file": "a.png"}, {"file": "b.png"}]),
        ({"a.png": {"Ann": "x"}}, []),  # one may be anything
        (
            [{"image": "a", "votes": [{"who": "X"}, {"who": "Y"}]}],
            [{"image": "a", "who": "X"}, {"image": "a", "who": "Y"}],
        ),
        ([{"a": [{"b": 1}], "c": [{"d": 1}]}], [{"a": [{"b": 1}], "c": [{"d": 1}]}]),  # two lists of records
        ([{"image": "a", "votes": []}], [{"image": "a", "votes": []}]),
        ({"x": [{"a": 1}], "y": [{"a": 1}]}, []),
        ([{"a": 1}, 2], []),
        ([], []),
        ({}, []),
        (None, []),
        ("text", []),
        (5, []),
    ],
)
def test_the_records_of_a_table(content: Any, records: list[dict[str, Any]]) -> None:
    assert _records(content) == records


def test_records_become_rows_of_text_with_all_fields() -> None:
    records = [
        {"image": "a", "label": ["x"], "meta": {"w": 1}, "labels": {"Ann": "y"}},
        {"image": "b", "label": ["x", "z"], "on": True, "labels": {"image": "q"}},
    ]
    assert _same_fields(records) == [
        {"image": "a", "label": "x", "meta.w": "1", "Ann": "y", "on": "", "labels.image": ""},
        {"image": "b", "label": "x;z", "meta.w": "", "Ann": "", "on": "true", "labels.image": "q"},
    ]
    assert _same_fields([{"a": [[1]], "b": [{"c": 1}], "": 2}]) == [{"a": "", "b": "", "": "2"}]


def load(folder: Path, content: Any) -> Any:
    folder.mkdir(exist_ok=True)
    for number, name in enumerate("abc"):
        write_image(folder / "images" / f"{name}.png", number)
    (folder / "labels.json").write_text(json.dumps(content))
    return load_dataset(folder)


def test_answers_by_image_and_person(tmp_path: Path) -> None:
    content = {"a.png": {"0": "cat", "17": "dog"}, "b.png": {"0": -1, "17": "cat"}, "c.png": {"17": None}}
    study = load(tmp_path, content)
    assert study.format == "json-answers"
    assert study.table.coders == ("annotator 0", "annotator 17")
    assert len(study.table) == 3  # −1 and null are absent


def test_a_class_for_each_image(tmp_path: Path) -> None:
    study = load(tmp_path / "set", {"a.png": "cat", "images/b.png": "dog", "x\\c.png": "cat"})
    assert study.format == "json-answers"
    assert study.table.coders == ("set",)
    assert study.table.votes().tolist() == [[1, 0], [0, 1], [1, 0]]


def test_fields_of_records_are_no_annotators(tmp_path: Path) -> None:
    content = {n: {"label": k, "source": "web"} for n, k in (("a.png", "cat"), ("b.png", "dog"), ("c.png", "cat"))}
    assert load(tmp_path, content).format == "json-records"


def test_lists_of_labels_do_not_say_whose_they_are(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="gives lists of labels and does not say whose they are"):
        load(tmp_path, {"a.png": ["cat"], "b.png": ["dog", "cat"]})


def test_reading_json_says_which_file(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"x\.json: is not readable JSON"):
        read_json(files(tmp_path, x_json=b""), "x.json")
