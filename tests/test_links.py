"""Links: every read stays inside the dataset or the folders that LTNET_ROOTS names, at the time of reading."""

from __future__ import annotations

import json
import os
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Command, write_csv, write_image

from ltnet_core.datasets import index, load_dataset, open_files
from ltnet_core.datasets.sources import roots as core_roots
from ltnet_core.datasets.sources.files import FolderFiles
from ltnet_core.datasets.sources.roots import open_regular
from ltnet_core.errors import DatasetError, InputError
from ui import opened, workspace
from ui.access.settings import Access, Mode
from ui.roots import name_roots

LINE = "root:$6$secret$:19000"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder beside the dataset: a secret, a table and an image."""
    folder = tmp_path / "outside"
    write_image(folder / "face.png", 7)
    (folder / "shadow").write_text(f"{LINE}\nimage,coder,label\n")
    write_csv(
        folder / "labels.csv", ("image", "coder", "label"), [("a.png", "Secret", "cat"), ("b.png", "Secret", "dog")]
    )
    return folder


def relink(path: Path, target: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def said_of(location: Path) -> list[str]:
    """Everything said of a dataset, whether it is read or refused."""
    try:
        study = load_dataset(location)
    except InputError as e:
        return [str(e)]
    return [example for p in study.problems for example in p.examples]


def chain(plain: Path, outside: Path) -> None:
    relink(plain / "hop", outside / "shadow")
    relink(plain / "truth.csv", plain / "hop")


def swap_images(plain: Path, outside: Path) -> None:
    (plain / "images").rename(plain.parent / "moved")
    relink(plain / "images", plain.parent / "moved")


LINKED: dict[str, Callable[[Path, Path], None]] = {
    "the table": lambda plain, outside: relink(plain / "annotations.csv", outside / "shadow"),
    "the truth": lambda plain, outside: relink(plain / "truth.csv", outside / "shadow"),
    "the classes": lambda plain, outside: relink(plain / "classes.csv", outside / "shadow"),
    "planted matrices": lambda plain, outside: relink(plain / "planted_T.json", outside / "shadow"),
    "joined.json": lambda plain, outside: relink(plain / "joined.json", outside / "shadow"),
    "an image": lambda plain, outside: relink(plain / "images" / "d.png", outside / "face.png"),
    "a folder of images": lambda plain, outside: relink(plain / "images" / "more", outside),
    "a chain of links": chain,
    "a relative link": lambda plain, outside: relink(plain / "truth.csv", Path("../outside/shadow")),
    "a link to a folder in place of images": swap_images,
}


@pytest.mark.parametrize("what", LINKED)
def test_a_link_that_leads_outside_is_named_and_its_target_never_read(what: str, plain: Path, outside: Path) -> None:
    LINKED[what](plain, outside)
    sentence = said_of(plain)
    assert any("is a link that leads outside the dataset" in t and "LTNET_ROOTS" in t for t in sentence) or (
        what in ("the table", "a link to a folder in place of images") and sentence
    ), sentence
    assert not any("secret" in t.lower() or str(outside) in t for t in sentence), sentence


@pytest.mark.parametrize("what", ["the table", "the truth", "an image"])
def test_the_command_says_no_line_of_the_target(what: str, plain: Path, outside: Path, ltnet: Command) -> None:
    LINKED[what](plain, outside)
    done = ltnet("inspect", plain)
    assert done.returncode in (0, 2)
    assert "leads outside the dataset" in done.stdout + done.stderr or "annotations.csv is missing" in done.stderr
    assert "secret" not in (done.stdout + done.stderr).lower()


def test_a_file_that_becomes_a_link_after_it_was_listed_is_refused(plain: Path, outside: Path) -> None:
    files = load_dataset(plain).files
    assert files.read("images/a.png")
    relink(plain / "images" / "a.png", outside / "face.png")
    with pytest.raises(DatasetError, match=r"images/a\.png: is a link that leads outside the dataset"):
        files.read("images/a.png")
    with pytest.raises(DatasetError, match="leads outside"):
        files.head("images/a.png", 8)


def test_a_folder_that_becomes_a_link_after_it_was_listed_is_refused(plain: Path, outside: Path) -> None:
    files = load_dataset(plain).files
    (plain / "images").rename(plain.parent / "away")
    write_image(outside / "a.png", 9)
    (plain / "images").symlink_to(outside)
    with pytest.raises(DatasetError, match="leads outside"):
        files.read("images/a.png")


def test_links_inside_the_dataset_are_followed(plain: Path) -> None:
    (plain / "annotations.csv").rename(plain / "real.csv")
    (plain / "annotations.csv").symlink_to("real.csv")
    (plain / "images" / "e.png").symlink_to("a.png")
    (plain / "images" / "twice").symlink_to(plain / "images")
    study = load_dataset(plain)
    assert "images/e.png" in study.table.items
    assert study.files.read("images/e.png") == (plain / "images" / "a.png").read_bytes()
    assert any(
        "images/twice is a link to a folder that is read under its own name" in t
        for p in study.problems
        for t in p.examples
    )


def test_the_dataset_itself_may_be_a_link(plain: Path, tmp_path: Path, outside: Path) -> None:
    (tmp_path / "link").symlink_to(plain)
    study = load_dataset(tmp_path / "link")
    assert len(study.table.items) == 4
    relink(tmp_path / "link", outside)
    write_image(outside / "images" / "a.png", 3)
    with pytest.raises(DatasetError, match="leads outside"):
        study.files.read("images/a.png")


def test_links_may_lead_to_what_ltnet_roots_names(plain: Path, outside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    relink(plain / "annotations.csv", outside / "labels.csv")
    (plain / "images" / "more").symlink_to(outside)
    (outside / "round").symlink_to(outside)
    monkeypatch.setenv("LTNET_ROOTS", os.pathsep.join([str(outside), "/nowhere"]))
    study = load_dataset(plain)
    assert study.table.coders == ("Secret",)
    assert "images/more/face.png" in study.table.items
    assert study.files.read("images/more/face.png") == (outside / "face.png").read_bytes()
    monkeypatch.setenv("LTNET_ROOTS", "/nowhere")
    assert not any("Secret" in t for t in said_of(plain))


def test_a_kept_index_does_not_outlive_the_permission(
    plain: Path, outside: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LTNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(index, "SMALLEST", 1)
    monkeypatch.setattr(index, "SETTLED_NS", 0)
    monkeypatch.setenv("LTNET_ROOTS", str(outside))
    relink(plain / "annotations.csv", outside / "labels.csv")
    assert load_dataset(plain).table.coders == ("Secret",)
    assert list((tmp_path / "cache" / "index").iterdir())
    monkeypatch.delenv("LTNET_ROOTS")
    assert not any("Secret" in t for t in said_of(plain))


# ---- joined studies


def join(folder: Path, *paths: Path) -> Path:
    folder.mkdir(exist_ok=True)
    sources = [{"name": f"s{n}", "path": str(p)} for n, p in enumerate(paths)]
    (folder / "joined.json").write_text(json.dumps({"sources": sources}))
    return folder


def test_sources_stay_below_the_roots_whenever_they_are_read(
    plain: Path, outside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    plain.rename(allowed / "plain")
    study = join(tmp_path / "study", allowed / "plain")
    assert len(load_dataset(study).table.items) == 4, "whoever wrote it on the command line may refer to anything"
    monkeypatch.setenv("LTNET_ROOTS", str(allowed))
    assert len(load_dataset(study).table.items) == 4
    join(study, outside / "labels.csv")
    with pytest.raises(DatasetError, match=r"source 's0': .* does not lie below"):
        load_dataset(study)
    join(study, allowed / "plain")
    (allowed / "plain").rename(tmp_path / "away")
    (allowed / "plain").symlink_to(tmp_path / "away")
    with pytest.raises(DatasetError, match="does not lie below"):
        load_dataset(study)


def test_a_source_that_is_swapped_while_it_is_open_is_refused(
    plain: Path, outside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LTNET_ROOTS", str(tmp_path / "plain"))
    study = load_dataset(join(tmp_path / "study", plain))
    plain.rename(tmp_path / "away")
    plain.symlink_to(tmp_path / "away")
    with pytest.raises(DatasetError, match="leads outside"):
        study.files.read("images/a.png")


@pytest.mark.parametrize("kind", ["table", "zip"])
def test_a_single_file_below_the_roots_is_checked_when_it_is_opened(kind: str, outside: Path, tmp_path: Path) -> None:
    workspace_path = tmp_path / "roots"
    workspace_path.mkdir()
    path = workspace_path / ("labels.csv" if kind == "table" else "labels.zip")
    if kind == "table":
        path.write_bytes((outside / "labels.csv").read_bytes())
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("labels.csv", (outside / "labels.csv").read_bytes())
    files = open_files(path, [workspace_path])
    assert files.read("labels.csv")
    target = tmp_path / "other"
    path.rename(target)
    path.symlink_to(target)
    with pytest.raises(DatasetError, match="does not lie below|leads outside"):
        open_files(path, [workspace_path]).read("labels.csv")


def test_the_pages_look_again_whether_a_dataset_lies_where_it_may(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LTNET_WORKSPACE", str(tmp_path / "ws"))
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    plain.rename(allowed / "plain")
    monkeypatch.setenv("LTNET_ROOTS", str(allowed))
    dataset = workspace.add_path(str(allowed / "plain"), [allowed])
    assert opened.study(str(dataset.location), "1", None)
    (allowed / "plain").rename(tmp_path / "away")
    (allowed / "plain").symlink_to(tmp_path / "away")
    with pytest.raises(DatasetError, match="does not lie below"):
        opened.study(str(dataset.location), "1", None)


@pytest.mark.parametrize(("mode", "expected"), [("alone", ""), ("token", "ws"), ("proxy", "ws")])
def test_a_server_for_others_keeps_to_the_workspace(
    mode: Mode, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LTNET_ROOTS", "")
    name_roots(Access(mode), tmp_path / "ws")
    assert os.environ["LTNET_ROOTS"] == (str(tmp_path / expected) if expected else "")
    monkeypatch.setenv("LTNET_ROOTS", "/data")
    name_roots(Access(mode), tmp_path / "ws")
    assert os.environ["LTNET_ROOTS"] == "/data"


# ---- what is no file


def test_pipes_sockets_devices_and_folders_are_not_read(plain: Path) -> None:
    images = plain / "images"
    os.mkfifo(images / "pipe.png")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(images / "s.png"))
        for name in ("pipe.png", "s.png"):
            with pytest.raises(DatasetError, match="is not a regular file"):
                FolderFiles(plain).read(f"images/{name}")
    (images / "null.png").symlink_to("/dev/zero")
    with pytest.raises(DatasetError, match="leads outside"):
        FolderFiles(plain).read("images/null.png")
    with pytest.raises(DatasetError, match="not a regular file"):
        FolderFiles(plain).read("images")


@pytest.mark.parametrize("name", ["../outside/shadow", "/etc/passwd", "images/../../outside/shadow", "", "a\0b"])
def test_names_cannot_lead_outside(name: str, plain: Path, outside: Path) -> None:
    with pytest.raises(DatasetError, match="lies outside"):
        FolderFiles(plain).read(name)


def test_a_huge_file_of_holes_takes_no_memory(plain: Path) -> None:
    with open(plain / "images" / "big.png", "wb") as f:
        f.truncate(1 << 42)
    with pytest.raises(DatasetError, match="is larger than"):
        FolderFiles(plain).read("images/big.png")
    assert FolderFiles(plain).head("images/big.png", 4) == bytes(4)


@pytest.mark.parametrize("look_first", [True, False])
def test_both_ways_of_opening_agree(
    look_first: bool, plain: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux looks before it reads; elsewhere the file that was opened is compared with the one at the path."""
    monkeypatch.setattr(core_roots, "_CAN_LOOK_FIRST", look_first and core_roots._CAN_LOOK_FIRST)
    roots = [os.path.realpath(plain)]
    handle = open_regular(plain / "annotations.csv", roots, "annotations.csv")
    assert os.read(handle, 5) == b"image"
    os.close(handle)
    relink(plain / "link.csv", outside / "labels.csv")
    before = len(os.listdir("/dev/fd"))
    for path, message in (
        (plain / "link.csv", "leads outside"),
        (plain / "images", "regular"),
        (plain / "no", "cannot be read"),
    ):
        with pytest.raises(DatasetError, match=message):
            open_regular(path, roots, path.name)
    assert len(os.listdir("/dev/fd")) == before, "nothing stays open"


def test_a_link_to_itself_is_passed_over(plain: Path) -> None:
    (plain / "truth.csv").unlink()
    (plain / "truth.csv").symlink_to("truth.csv")
    (plain / "images" / "z.png").symlink_to("z.png")
    study = load_dataset(plain)
    assert len(study.table.items) == 4
    passed = next(p for p in study.problems if p.kind == "entry passed over")
    assert passed.count == 2
    assert all("cannot be followed" in text for text in passed.examples)


@pytest.mark.parametrize("path", ["~no-such-user/faces", "a" * 5000, "a\0b", 'a"\n\x1b[31m', "\ufffe"])
def test_odd_paths_of_sources_are_one_sentence(path: str, tmp_path: Path, ltnet: Command) -> None:
    (tmp_path / "joined.json").write_text(json.dumps({"sources": [{"name": "a", "path": path}]}))
    done = ltnet("inspect", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert workspace.Dataset("a", "a", tmp_path).version


def test_a_user_that_does_not_exist_is_one_sentence(tmp_path: Path, ltnet: Command) -> None:
    for call in (("inspect", "~no-such-user/x"), ("join", str(tmp_path / "j"), "--source", "a=~no-such-user/x")):
        done = ltnet(*call)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "does not exist" in done.stderr
    with pytest.raises(DatasetError, match="not an absolute path"):
        workspace.add_path("~no-such-user/x")


def test_odd_names_leave_a_dataset_its_version(plain: Path) -> None:
    dataset = workspace.Dataset("a", "a", plain)
    (plain / os.fsdecode(b"\xff.csv")).touch()
    (plain / "loop.csv").symlink_to("loop.csv")
    (plain / "nowhere.csv").symlink_to("nothing")
    before = dataset.version
    write_csv(plain / "more.csv", ("a",), [])
    assert dataset.version != before


def test_a_list_of_sources_is_not_read_through_a_link(plain: Path, outside: Path) -> None:
    (outside / "joined.json").write_text(json.dumps({"sources": [{"name": "a", "path": str(plain)}]}))
    (plain / "joined.json").symlink_to(outside / "joined.json")
    assert workspace._sources(workspace.Dataset("a", "a", plain)) == ([], {})
