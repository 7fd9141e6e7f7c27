"""What leaves a run: hostile names run in no spreadsheet and no browser, and come back as they were."""

from __future__ import annotations

import ast
import csv
import html
import io
import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as tree
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import ROOT, Command, write_csv, write_image
from fake_run import write_fake_run

from ltnet_core.datasets import Problem, load_dataset
from ltnet_core.datasets.checkup import listing_csv
from ltnet_core.errors import OptionError, RunError
from ltnet_core.explore.adjudications import Adjudications, Decision, decisions_csv, read_decisions
from ltnet_core.explore.set_aside import with_set_aside
from ltnet_core.export import finished_run as export
from ltnet_core.export import matrix_files, report
from ltnet_core.export.kind import EXPORTS, export_run
from ltnet_core.files.spreadsheet import csv_bytes, guard, unguarded
from ltnet_core.runs.run import Run

FORMULA = "=cmd|'/C calc'!A0"
CODERS = ("@SUM(1+1)*cmd", "＝1+1", "'tis Ann")
CLASSES = (FORMULA, "-2+3", "plain;=1+1")
SCRIPT = "<script>alert(1)</script>"
DANGER = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def hostile_dataset(folder: Path, tables: str = ".parquet") -> Path:
    """Twelve images at hand, three coders, names that a spreadsheet would run; Parquet holds them as they are."""
    names = [f"{'=' if i % 2 else '+'}{i}.png" for i in range(12)]
    for i, name in enumerate(names):
        write_image(folder / name, 20 * i)
    rows = [(n, c, CLASSES[(i + j * (i % 4 == 0)) % 3]) for i, n in enumerate(names) for j, c in enumerate(CODERS)]
    frame = pd.DataFrame(rows, columns=["image", "coder", "label"])
    if tables == ".parquet":
        frame.to_parquet(folder / "labels.parquet")
    else:
        (folder / "labels.csv").write_bytes(csv_bytes(frame))
    return folder


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    return hostile_dataset(tmp_path / "hostile")


def safe(data: bytes, separator: str = ",") -> list[list[str]]:
    """The rows of a CSV file, none of whose cells runs."""
    rows = list(csv.reader(io.StringIO(data.decode()), delimiter=separator))
    for cell in (c for row in rows for c in row):
        bare = cell.lstrip(" \"'") if not cell.startswith("'") else ""
        assert not bare.startswith(DANGER) or _is_number(bare), cell
    return rows


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


# ---- CSV


def test_the_truth_of_hostile_names(hostile: Path, ltnet: Command, tmp_path: Path) -> None:
    out, matrices, problems = tmp_path / "t.csv", tmp_path / "T.csv", tmp_path / "p.csv"
    flags = ("--method", "dawid-skene", "--out", out, "--matrices", matrices)
    assert ltnet("aggregate", hostile, *flags).returncode == 0
    assert ltnet("inspect", hostile, "--problems", problems).returncode == 0
    rows = safe(out.read_bytes())
    assert rows[0][5:8] == ["'tis Ann", "'@SUM(1+1)*cmd", "'＝1+1"] and f"p_{FORMULA}" in rows[0]
    assert rows[1][0].startswith("'+") and {r[1] for r in rows[1:]} == {guard(c) for c in CLASSES}
    safe(matrices.read_bytes())
    safe(problems.read_bytes())
    for name in (out, matrices):
        safe(name.read_bytes(), ";")
    # As another program reads it, and back.
    frame = unguarded(pd.read_csv(out, keep_default_na=False))
    assert ltnet("aggregate", hostile, "--method", "dawid-skene", "--out", tmp_path / "t.parquet").returncode == 0
    raw = pd.read_parquet(tmp_path / "t.parquet")
    assert list(frame.columns) == list(raw.columns) and CODERS[0] in raw.columns
    for column in ("image", "learned_truth", *CODERS):
        assert frame[column].tolist() == raw[column].tolist()


def test_a_dataset_written_as_csv_is_the_one_that_was_written(hostile: Path, tmp_path: Path) -> None:
    raw, back = load_dataset(hostile), load_dataset(hostile_dataset(tmp_path / "csv", ".csv"))
    assert back.table.fingerprint() == raw.table.fingerprint()
    assert set(back.table.coders) == set(CODERS) and set(back.table.classes) == set(CLASSES)


def test_an_exported_truth_is_read_as_the_truth_of_a_dataset(hostile: Path, ltnet: Command, tmp_path: Path) -> None:
    out = tmp_path / "t.csv"
    assert ltnet("aggregate", hostile, "--method", "majority", "--out", out).returncode == 0
    exported = pd.read_csv(out, dtype=str, keep_default_na=False)  # another program, which knows no guard
    exported[["image", "learned_truth"]].rename(columns={"learned_truth": "label"}).to_csv(
        hostile / "truth.csv", index=False
    )
    study = load_dataset(hostile)
    assert (study.truth >= 0).all() and set(study.table.classes) == set(CLASSES)


def test_apostrophes_in_a_file_from_elsewhere_stay(plain: Path) -> None:
    names = ("'tis", "'quoted'", "it's", "'-7", "''")
    write_csv(plain / "annotations.csv", ("image", "coder", "label"), [("images/a.png", c, "cat") for c in names])
    assert set(load_dataset(plain).table.coders) == set(names)


def test_settled_items_come_back_from_their_csv(tmp_path: Path, ltnet: Command) -> None:
    store = Adjudications(tmp_path / "s.sqlite")
    reasons = [FORMULA, "'=x", "two\r\nlines\r=1", "-0.5", "'tis", ' \ufeff"+1']
    for i, reason in enumerate(reasons):
        store.add(Decision("settle", f"={i}.png", FORMULA, "@me", reason, key=f"k-{i}"), 0)
    done = ltnet("adjudications", store.path, "--out", tmp_path / "s.csv")
    assert done.returncode == 0, done.stderr
    safe((tmp_path / "s.csv").read_bytes())
    frame = store.to_frame()
    assert read_decisions(tmp_path / "s.csv").to_numpy().tolist() == frame.to_numpy().tolist()
    assert frame["reason"].tolist() == reasons
    (tmp_path / "twice.csv").write_bytes(decisions_csv(with_set_aside(read_decisions(tmp_path / "s.csv"), [])))
    assert (tmp_path / "twice.csv").read_bytes() == (tmp_path / "s.csv").read_bytes()


def test_the_listing_of_problems_is_guarded_in_every_column() -> None:
    listed = pd.DataFrame({"file": ["=f"], "row": [2], "image": ["＋i"], "detail": ["\t=d"]})
    rows = safe(listing_csv([Problem("=kind", 1, ("x",), "error", listed)]))
    assert rows[1] == ["'=kind", "error", "'=f", "2", "'＋i", "'\t'=d"]


def test_matrices_as_csv_are_guarded_and_as_json_are_not() -> None:
    content = {"classes": list(CLASSES[:2]), "coders": {CODERS[0]: [[0.9, 0.1], [0.2, 0.8]]}}
    rows = safe(matrix_files.matrices_bytes(content, ".csv"))
    assert rows[1] == [guard(CODERS[0]), guard(FORMULA), guard(FORMULA), "0.900000", ""]
    assert json.loads(matrix_files.matrices_bytes(content, ".json")) == content


WRITERS = {"to_csv", "writer", "DictWriter", "savetxt", "to_excel", "to_clipboard"}
SHOWN = {"dataframe", "data_editor", "table"}  # Streamlit's tables have a button that saves them as CSV


def _calls(path: Path) -> Iterator[ast.Call]:
    yield from (n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call))


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def test_every_csv_is_written_by_the_guard() -> None:
    # A flag's value, read by the command line again; and the one writer there is.
    allowed = {ROOT / "ui" / "option_form.py": 1, ROOT / "ltnet_core" / "files" / "spreadsheet.py": 1}
    for path in [*ROOT.glob("ltnet_core/**/*.py"), *ROOT.glob("ui/*.py"), *ROOT.glob("pages/*.py"), ROOT / "app.py"]:
        line_numbers = [c.lineno for c in _calls(path) if _name(c.func) in WRITERS]
        assert len(line_numbers) == allowed.get(path, 0), (
            f"{path.name}, lines {line_numbers}: write CSV by ltnet_core.files.spreadsheet"
        )
        for call in _calls(path):
            if _name(call.func) in SHOWN and isinstance(call.func, ast.Attribute) and _name(call.func.value) == "st":
                first = call.args[0]
                assert isinstance(first, ast.Call) and _name(first.func) == "guarded", f"{path.name}, {call.lineno}"


# ---- the report and the drawing


class Page(HTMLParser):
    """What a browser would make of a page: its tags with their attributes, and its text."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.said.append(data)


SPEC = {"dataset_name": "study", "preset": "quick", "seed": 0, "settings": {"network": "cnn"}}
SCORES = {"accuracy": 0.5, "macro_f1": None, "ece": 0.25}
EVALUATION: dict[str, Any] = {
    "tests": {"t": {"items": 1200, "methods": {"ltnet": SCORES}}},
    "truth": {"items": 10, "accuracy": 0.9, "human_labels_accuracy": None},
}
MATRICES: dict[str, Any] = {
    "classes": ["a", "b"],
    "coders": {"X": [[1.0, 0.0], [0.25, 0.75]]},
    "support": {"X": [1234.0, 0.0]},
}


def test_the_report_says_what_a_run_found() -> None:
    page = report.report_html(SPEC, EVALUATION, MATRICES, ["a note"])
    shown = " ".join(Page(page).said)
    for text in ("study", "preset quick, seed 0, network cnn", "a note", "Test set t, 1,200 items", "50.0%", "1,234"):
        assert text in shown
    assert 'style="background:rgba(60,90,200,0.75)"' in page
    renamed = {**MATRICES, "coders": {"machine:X": [[1, 0], [0, 1]]}, "support": {"machine:X": [1, 1]}}
    shown = " ".join(Page(report.report_html(SPEC, EVALUATION, renamed, [], "Our faces")).said)
    assert "X’s machine coder" in shown and "machine:" not in shown and "Our faces" in shown and "study" not in shown
    policy = next(a["content"] for t, a in Page(page).tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None and policy.startswith("default-src 'none'; style-src 'unsafe-inline'")


@pytest.mark.parametrize(
    "evil", [SCRIPT, '"><img src=x onerror=alert(1)>', "</style><script>", "{{ 7*7 }}", "' onload='x"]
)
def test_every_value_in_the_report_is_text(evil: str) -> None:
    page = report.report_html(
        {"dataset_name": evil, "preset": evil, "seed": evil, "settings": {"network": evil}},
        {"tests": {evil: {"items": 1, "methods": {evil: SCORES}}}, "truth": EVALUATION["truth"]},
        {"classes": [evil, "b"], "coders": {evil: [[0.5, 0.5], [0, 1]]}, "support": {evil: [1, 2]}},
        [evil],
    )
    quiet = Page(report.report_html(SPEC, EVALUATION, MATRICES, ["a note"]))
    parsed = Page(page)
    assert [t for t, _ in parsed.tags] == [t for t, _ in quiet.tags]
    assert [set(a) for _, a in parsed.tags] == [set(a) for _, a in quiet.tags]
    assert "".join(parsed.said).count(evil) == 11 and evil not in page.replace("{{ 7*7 }}", "").replace(
        "' onload='x", ""
    )


def test_a_report_of_a_large_study_is_bounded_and_says_what_it_leaves_out() -> None:
    coders = [f"coder {i}" for i in range(1000)]
    classes = [f"class {i}" for i in range(20)]
    rows = [[0.05] * 20] * 20
    matrices = {
        "classes": classes,
        "coders": dict.fromkeys(coders, rows),
        "support": {c: [i] * 20 for i, c in enumerate(coders)},
    }
    methods = {f"coder:{c}": SCORES for c in coders}
    tests = {f"set {i}": {"items": 5, "methods": methods} for i in range(50)}
    page = report.report_html(SPEC, {**EVALUATION, "tests": tests}, matrices, ["n"] * 5000)
    assert len(page) < 6e6
    text = " ".join(Page(page).said)
    assert "125 of 1,000 coders" in text and "48,000 more rows of scores" in text and "4,800 more notes" in text
    assert "<h2>coder 999</h2>" in page and "<h2>coder 874</h2>" not in page


def test_a_drawing_of_many_coders_is_bounded_and_says_so() -> None:
    content = {"classes": [str(i) for i in range(20)], "coders": {f"<c{i}>": [[0.05] * 20] * 20 for i in range(1000)}}
    data = matrix_files.matrices_bytes(content, ".svg")
    drawn = [e.text for e in tree.fromstring(data).iter("{http://www.w3.org/2000/svg}text")]
    assert "<c124>" in drawn and "<c125>" not in drawn and "125 of 1,000 coders are drawn" in " ".join(map(str, drawn))
    assert len(data) < 12e6


def test_a_drawing_runs_nothing() -> None:
    content = {"classes": [SCRIPT, '" onload="x'], "coders": {f"]]>{SCRIPT}\x00\ud800": [[1, 0], [0, 1]]}}
    drawn = tree.fromstring(matrix_files.matrices_bytes(content, ".svg"))
    assert {e.tag.rpartition("}")[2] for e in drawn.iter()} == {"svg", "rect", "text"}
    assert not [a for e in drawn.iter() for a in e.attrib if a.startswith("on")]


# ---- a run on disk


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace_path = tmp_path_factory.mktemp("exports")
    return write_fake_run(workspace_path / "run", hostile_dataset(workspace_path / "hostile"))


@pytest.fixture
def run(run_folder: Path) -> Iterator[Run]:
    """A finished run whose files may be spoiled."""
    kept = {p: p.read_bytes() for p in run_folder.rglob("*") if p.is_file()}
    yield Run(run_folder)
    for path, data in kept.items():
        path.write_bytes(data)


def test_a_name_edited_by_hand_is_text_in_the_report_and_a_seed_that_is_no_number_is_refused(
    run: Run, ltnet: Command, tmp_path: Path
) -> None:
    spec = json.loads((run.folder / "spec.json").read_text())
    command = "export", run.folder, "--report", tmp_path / "r.html", "--out", tmp_path / "t.csv"
    (run.folder / "spec.json").write_text(json.dumps({**spec, "dataset_name": SCRIPT}))
    done = ltnet(*command)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "r.html").read_text()
    assert "<script" not in page and html.escape(SCRIPT) in page and "=cmd|&#39;/C calc" in page
    safe((tmp_path / "t.csv").read_bytes())
    assert not list(tmp_path.glob(".writing-*"))
    (run.folder / "spec.json").write_text(json.dumps({**spec, "seed": SCRIPT}))
    refused = ltnet(*command)
    assert (refused.returncode, "seed must be a whole number" in refused.stderr) == (2, True)


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("evaluation.json", '{"tests": 5, "truth": {"items": 0}}'),
        ("evaluation.json", '{"tests": {}, "truth": []}'),
        *(
            (
                "evaluation.json",
                f'{{"tests": {{"t": {{"items": 1, "methods": {{"m": {cells}}}}}}}, "truth": {{"items": 0}}}}',
            )
            for cells in (
                '{"confusion": [[0, 1]]}',
                '{"confusion": [[0, -1, 2]]}',
                '{"confusion": [[0, 1, 1.5]]}',
                '{"confusion": [[0, 1, 3000000000]]}',
                '{"calibration": [[NaN, 1, 2]]}',
                '{"calibration": 5}',
            )
        ),
        ("evaluation.json", '{"tests": {"t": {"items": "<b>", "methods": {}}}, "truth": {"items": 0}}'),
        ("evaluation.json", '{"tests": {}, "truth": {"items": 1, "accuracy": NaN, "human_labels_accuracy": 0}}'),
        (
            "evaluation.json",
            '{"tests": {}, "truth": {"items": 1, "accuracy": 1' + "0" * 400 + ', "human_labels_accuracy": 0}}',
        ),
    ],
)
def test_a_damaged_evaluation_is_told_in_a_sentence(run: Run, file: str, damage: str, tmp_path: Path) -> None:
    (run.results / file).write_text(damage)
    with pytest.raises(RunError, match=f"{file}.* damaged"):
        export.export_report(run, tmp_path / "r.html")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("names.json", '{"classes": ["a"]}'),
        ("transitions.json", "{}"),
        ("transitions.json", '{"classes": ["a", 5], "coders": {}}'),
        ("transitions.json", '{"classes": ["a"], "coders": {"X": [["red;}</style>"]]}}'),
        ("transitions.json", '{"classes": ["a"], "coders": {"X": [[NaN]]}}'),
        ("transitions.json", '{"classes": ["a"], "coders": {"X": [[2]]}}'),
        ("transitions.json", '{"classes": ["a", "b"], "coders": {"X": [[1, 0], [1]]}}'),
        ("transitions.json", '{"classes": ["a"], "coders": {"X": [[1]]}, "support": {"X": [-1]}}'),
        ("transitions.json", '{"classes": ["a"], "coders": {"X": [[1]]}, "support": {}}'),
        ("transitions.json", '{"classes": ["a"], "coders": {"X": [[1]]}, "given": 5}'),
    ],
)
def test_damaged_matrices_are_told_in_a_sentence(golden: Path, file: str, damage: str, tmp_path: Path) -> None:
    run = Run(shutil.copytree(golden, tmp_path / "run"))
    (run.results / file).write_text(damage)
    with pytest.raises(RunError, match=f"{file}.* damaged"):
        export.export_report(run, tmp_path / "r.html")
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"{}", b"\0" * 5000])
def test_a_damaged_truth_is_told_in_a_sentence(run: Run, damage: bytes) -> None:
    path = run.results / "items.parquet"
    path.write_bytes(damage or path.read_bytes()[:-200])
    with pytest.raises(RunError, match="items.parquet' is damaged"):
        export.load_truth(run)


def test_a_truth_of_other_columns_is_told_in_a_sentence(run: Run) -> None:
    pd.DataFrame({"x": [1]}).to_parquet(run.results / "items.parquet")
    with pytest.raises(RunError, match="has no column 'image'"):
        export.load_truth(run)


def test_a_file_that_cannot_be_finished_is_named_and_leaves_nothing(run: Run, tmp_path: Path) -> None:
    flags = ("--out=t.csv", "--out=t.parquet", "--matrices=T.json", "--matrices=T.svg", "--report=r.html")
    code = (
        "import resource, sys; from ltnet_core.__main__ import main; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500)); "
        "print([main(['export', sys.argv[1], flag]) for flag in sys.argv[2:]])"
    )
    line = [sys.executable, "-B", "-c", code, str(run.folder.resolve()), *flags]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == str([1] * len(flags)), done.stderr
    for flag, sentence in zip(flags, done.stderr.splitlines(), strict=True):
        assert f"{flag.partition('=')[2]!r} could not be written: no file may be larger than this one" in sentence
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written_is_refused_before_the_work(run: Run, tmp_path: Path) -> None:
    for name, export_of_kind in EXPORTS.items():
        suffix = next(iter(export_of_kind.suffixes))
        (tmp_path / f"folder{suffix}").mkdir(exist_ok=True)
        for out in (tmp_path / "no" / f"x{suffix}", tmp_path / f"folder{suffix}"):
            with pytest.raises(OptionError, match="does not exist|is a folder"):
                export_run(run, name, out)
