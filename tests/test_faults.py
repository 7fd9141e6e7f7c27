"""The fault table: every file of a run × every damage × every command and page: our own error, or the right answer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import faults
import pytest
from faults import Material, Outcome
from page_driver import link, open_page, seen

from ltnet_core.files.reading import loads
from ltnet_core.runs.run import Run


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return faults.make_material(tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="module")
def sound(material: Material, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """What every command answers on the run as it was written."""
    out = {}
    for name, command in faults.commands(material).items():
        with faults.copy_of(material.finished, tmp_path_factory.mktemp("sound")) as (run, folder):
            out[name] = command(run, folder)
            expected = 2 if name == "fit --resume" else 0
            assert (out[name].status, out[name].err) == (expected, out[name].err), out[name]
    return out


FINISHED = (
    "alive.lock",
    "events.jsonl",
    "log.txt",
    "manifest.json",
    "spec.json",
    "results/annotations.parquet",
    "results/evaluation.json",
    "results/features.npy",
    "results/items.parquet",
    "results/names.json",
    "results/networks/index.json",
    "results/networks/ltnet.safetensors",
    "results/networks/mixture.safetensors",
    "results/transitions.parquet",
)


def test_the_table_names_every_file_of_a_run(material: Material) -> None:
    assert tuple(sorted(FINISHED)) == tuple(faults.files_of(material.finished))


@pytest.mark.parametrize("digests", [True, False], ids=["digests", "older"])
@pytest.mark.parametrize("file", FINISHED)
def test_commands_on_a_damaged_run(
    material: Material, sound: dict[str, Outcome], tmp_path: Path, file: str, digests: bool
) -> None:
    """Every damage of the file, each with some of the commands in turn; an older run has no digests that tell."""
    commands = list(faults.commands(material).items())
    wrong = []
    for number, (name, damage) in enumerate(faults.damages(file).items()):
        if not digests and name in ("one byte", "files are a list", "size is text"):
            continue  # of a run without digests nothing tells that a byte was another
        with faults.copy_of(material.finished, tmp_path) as (run, out):
            if not digests:
                (run / "manifest.json").write_text(json.dumps(faults.OLD_MANIFEST))
            damage(run / file)
            for step in range(3 if digests else 2):
                command, do = commands[(5 * number + 4 * step) % len(commands)]
                shutil.rmtree(out)
                out.mkdir()
                done = do(run, out)
                problem = faults.complaint(done)
                if problem is None and done.status == 0 and digests:
                    problem = faults.wrong_answer(command, done, sound[command])
                wrong += [f"{file} {name}, {command}: {problem}"] if problem else []
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("file", [f for f in FINISHED if f.startswith("results/") or f == "spec.json"])
@pytest.mark.parametrize("damage", ["half", "removed"])
def test_a_damaged_run_is_listed_as_damaged(material: Material, tmp_path: Path, file: str, damage: str) -> None:
    with faults.copy_of(material.finished, tmp_path) as (run, _):
        faults.damages(file)[damage](run / file)
        content = loads(faults.call("status", run, "--json").out)
        assert content["state"] == "done"
        assert str(run / file) in content["damaged"]
        assert f"damaged: {content['damaged']}" in faults.call("status", run).out


STOPPED = (
    "checkpoint/images.json",
    "checkpoint/ltnet.epochs.pt",
    "checkpoint/mixture.json",
    "checkpoint/mixture.npy",
    "checkpoint/mixture.safetensors",
    "checkpoint/pixels.npy",
)


@pytest.mark.parametrize("file", STOPPED)
def test_a_damaged_checkpoint_is_mended_with_a_note(material: Material, tmp_path: Path, file: str) -> None:
    """The damaged stage is done again, and the run ends where it would have ended; never silently."""
    assert set(STOPPED) <= set(faults.files_of(material.stopped))
    damages = faults.damages(file)
    for name in ("half", "one byte", "folder", *list(damages)[-1:]):
        with faults.copy_of(material.stopped, tmp_path) as (run, _):
            damages[name](run / file)
            done = faults.resume(material, run)
            assert (done.status, done.err) == (0, ""), (file, name, done)
            notes = [e["message"] for e in Run(run).events() if e["event"] == "note"]
            assert [n for n in notes if str(run / file) in n and "again" in n], (file, name, notes)
            for result in ("items.parquet", "transitions.parquet", "evaluation.json"):
                assert (run / "results" / result).read_bytes() == (material.finished / "results" / result).read_bytes()


@pytest.mark.parametrize("file", ["spec.json", "events.jsonl", "alive.lock", "log.txt"])
def test_a_stopped_run_with_a_damaged_file_resumes_or_says_why(material: Material, tmp_path: Path, file: str) -> None:
    for name in ("half", "zeroed", "folder", "pipe", *faults.ODD.get(file, {})):
        with faults.copy_of(material.stopped, tmp_path) as (run, _):
            faults.damages(file)[name](run / file)
            assert faults.complaint(faults.call("status", run)) is None, (file, name)
            done = faults.resume(material, run)
            assert faults.complaint(done) is None, (file, name, done)
            assert done.status == 0 or file != "log.txt", (name, done)


def test_a_lost_manifest_is_said_and_the_run_can_be_trained_again(material: Material, tmp_path: Path) -> None:
    with faults.copy_of(material.finished, tmp_path) as (run, _):
        (run / "manifest.json").unlink()
        content = loads(faults.call("status", run, "--json").out)
        assert content["state"] == "crashed"
        assert "manifest.json is lost" in content["message"]
        assert faults.resume(material, run).status == 0
        assert (run / "results" / "items.parquet").read_bytes() == (
            material.finished / "results" / "items.parquet"
        ).read_bytes()


PAGE_FAULTS = (
    ("spec.json", "half"),
    ("events.jsonl", "odd lines"),
    ("manifest.json", "zeroed"),
    ("log.txt", "pipe"),
    ("results/items.parquet", "half"),
    ("results/transitions.parquet", "fewer rows"),
    ("results/names.json", "another coder"),
    ("results/evaluation.json", "tests are a list"),
    ("results/networks/index.json", "removed"),
)


@pytest.fixture
def workspace_path(material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with the dataset and two finished runs, one of which is to be damaged."""
    monkeypatch.setenv("LTNET_WORKSPACE", str(tmp_path))
    link(tmp_path, material.dataset)
    for name in ("sound", "odd"):
        shutil.copytree(material.finished, tmp_path / "runs" / name)
    return tmp_path


@pytest.mark.parametrize("page", ["train", "transitions", "disagreements", "compare", "export", "predict"])
def test_a_damaged_run_crashes_no_page(material: Material, workspace_path: Path, page: str) -> None:
    for number, (file, name) in enumerate(PAGE_FAULTS):
        run = workspace_path / "runs" / f"odd-{number}"
        shutil.copytree(material.finished, run)
        faults.damages(file)[name](run / file)
        text = seen(open_page(page, run=run.name))  # asserts that there was no exception
        assert run.name in text, (file, name)
        if page == "train" and file in ("spec.json", "manifest.json", "results/items.parquet"):
            assert "This run is damaged" in text, (file, name)
            assert Path(file).name in text
        shutil.rmtree(run)


def test_damage_of_one_run_touches_no_other(material: Material, workspace_path: Path) -> None:
    for file in ("spec.json", "manifest.json", "events.jsonl"):
        faults.damages(file)["half"](workspace_path / "runs" / "odd" / file)
    for page in ("train", "transitions", "compare"):
        text = seen(open_page(page, run="sound"))
        assert "damaged" not in text.lower()
    at = open_page("train")
    assert "sound" in seen(at)  # without a wish, the newest sound run is shown
    states = next(f.value for f in at.dataframe if "run" in f.value).set_index("run")["state"]
    assert states.to_dict() == {"sound": "finished", "odd": "finished, damaged"}


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("results/items.parquet", "NaN"),
        ("results/names.json", "weight is below 0"),
        *(("results/transitions.parquet", d) for d in faults.ODD["results/transitions.parquet"]),
    ],
)
def test_without_digests_odd_numbers_are_told_as_damage(workspace_path: Path, file: str, damage: str) -> None:
    run = workspace_path / "runs" / "odd"
    (run / "manifest.json").write_text(json.dumps(faults.OLD_MANIFEST))
    faults.damages(file)[damage](run / file)
    assert f"{Path(file).name}&#x27; is damaged" in seen(open_page("transitions", run="odd"))
