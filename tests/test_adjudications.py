"""What people settled: nothing is lost or overwritten unseen, and the next fit learns from it."""

from __future__ import annotations

import json
import sqlite3
import threading
from argparse import Namespace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import Command, write_csv
from run_results import matrices_of, rows_of

from ltnet_core.annotations import ADJUDICATOR
from ltnet_core.commands import fit
from ltnet_core.datasets import load_dataset
from ltnet_core.errors import DatasetError, OptionError
from ltnet_core.explore.actions import Action, Actions
from ltnet_core.explore.adjudications import Adjudications, Decision, adjudicated, only_blind, read_decisions
from ltnet_core.explore.decided import SET_ASIDE
from ltnet_core.explore.set_aside import read_set_aside
from ltnet_core.runs.run import Run


def settle(image: str, label: str, key: str, **more: str) -> Decision:
    return Decision("settle", image, label, key=key, **more)


def current(store: Adjudications) -> dict[str, str]:
    return {d.image: d.label for d in store.standing()}


@pytest.fixture
def store(tmp_path: Path) -> Adjudications:
    return Adjudications(tmp_path / "new folder" / "adjudications.sqlite")


def test_the_last_decision_counts_and_all_are_kept(store: Adjudications) -> None:
    assert store.standing() == store.log() == []
    assert store.changed_since(0) == ([], 0)
    store.add(settle("a", "cat", "me-1", reviewer="Ada", reason="whiskers"), 0)
    store.add(settle("b", "dog", "me-2"), 0)
    store.add(settle("a", "dog", "me-3"), 1)
    assert current(store) == {"a": "dog", "b": "dog"}
    assert [(d.image, d.label) for d in store.log()] == [("a", "cat"), ("b", "dog"), ("a", "dog")]
    first = store.log()[0]
    assert (first.reviewer, first.reason) == ("Ada", "whiskers")
    assert first.time > 1e9
    assert [d.label for d in store.log_of("a")] == ["cat", "dog"]


def test_a_store_that_found_no_room_on_a_full_disk_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "adjudications.sqlite"
    path.touch()
    assert read_decisions(path).empty and read_set_aside(path) == []
    path.rename(tmp_path / "empty.csv")
    with pytest.raises(DatasetError):
        read_decisions(tmp_path / "empty.csv")


def test_a_store_that_its_first_writer_is_only_making_is_empty(store: Adjudications) -> None:
    store.path.parent.mkdir()
    db = sqlite3.connect(store.path, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")  # the file is there, its tables are not
    assert store.path.is_file()
    assert store.standing() == store.standing(["a"]) == store.log() == store.log_of("a") == []
    assert store.changed_since(0) == ([], 0)
    db.close()
    store.add(settle("a", "cat", "me-1"), 0)
    assert current(store) == {"a": "cat"}


def test_a_store_from_before_what_was_shown_was_kept_goes_on(store: Adjudications) -> None:
    store.add(settle("a", "cat", "me-1", shown="image"), 0)
    db = sqlite3.connect(store.path, isolation_level=None)
    db.execute("ALTER TABLE decisions DROP COLUMN shown")
    db.close()
    assert [d.shown for d in store.log()] == [""]
    store.add(settle("b", "dog", "me-2", shown="labels"), 0)
    assert [d.shown for d in store.log()] == ["", "labels"]
    assert store.to_frame()["shown"].tolist() == ["", "labels"]


def test_only_what_was_settled_image_first_can_be_learned_from(
    demo: Path, ltnet: Command, store: Adjudications, tmp_path: Path
) -> None:
    items = load_dataset(demo).table.items
    store.add_all(
        [(settle(str(items[n]), "fear", f"me-{n}", shown=("image", "labels", "")[n % 3]), 0) for n in range(6)]
    )
    flags = ("--run", tmp_path / "run", "--preset", "quick", "--method", "mixture", "--epochs", 1, "--only-blind")
    refused = ltnet("fit", demo, *flags)
    assert refused.returncode == 2
    assert "--only-blind chooses among --adjudications; there are none" in refused.stderr
    done = ltnet("fit", demo, *flags, "--adjudicator", "learn", "--adjudications", store.path)
    assert done.returncode == 0, done.stderr
    kept = pd.read_csv(tmp_path / "run" / "adjudications.csv")
    assert kept["image"].tolist() == [str(items[0]), str(items[3])]
    with pytest.raises(DatasetError, match="none of the 1 adjudications was given with the image alone in sight"):
        only_blind(pd.DataFrame({"image": ["a"], "label": ["x"], "shown": ["labels"]}), "settled.csv")
    with pytest.raises(DatasetError, match="no column 'shown'"):
        only_blind(pd.DataFrame({"image": ["a"], "label": ["x"]}), "settled.csv")


def test_another_database_is_no_store(store: Adjudications) -> None:
    store.path.parent.mkdir()
    with sqlite3.connect(store.path) as db:
        db.execute("CREATE TABLE notes (id)")
    db.close()
    with pytest.raises(DatasetError, match="no such table"):
        store.standing()


def test_undo_brings_back_what_stood_before(store: Adjudications) -> None:
    store.add(settle("a", "cat", "me-1"), 0)
    store.add(settle("a", "dog", "me-2"), 0)
    store.add(Decision("undo", "a", key="me-3", undoes="me-2"), 0)
    assert current(store) == {"a": "cat"}
    store.add(Decision("undo", "a", key="me-4", undoes="me-1"), 0)
    assert current(store) == {}
    assert len(store.log()) == 4
    # As it was at earlier moments: a list that is worked through does not move.
    assert [{d.image: d.label for d in store.standing(until=n)} for n in (1, 2, 3, 4)] == [
        {"a": "cat"}, {"a": "dog"}, {"a": "cat"}, {},
    ]  # fmt: skip


def test_an_undo_is_about_the_image_of_what_it_takes_back(store: Adjudications) -> None:
    """Whoever shows the decisions looks at the image of the undo alone."""
    store.add(settle("a", "cat", "me-1"), 0)
    with pytest.raises(OptionError, match=r"'me-1' is about another image than 'b'"):
        store.add(Decision("undo", "b", key="me-2", undoes="me-1"), 0)
    assert current(store) == {"a": "cat"}
    assert len(store.log()) == 1


def test_sent_twice_counts_once(store: Adjudications) -> None:
    for _ in range(2):
        assert store.add_all([(settle("a", "cat", "me-1"), 0), (settle("b", "cat", "me-2"), 0)]) == [None, None]
    assert len(store.log()) == 2


def test_somebody_elses_newer_decision_is_not_overwritten_unseen(store: Adjudications) -> None:
    store.add(settle("a", "cat", "ada-1", reviewer="Ada"), 0)
    rival = store.add(settle("a", "dog", "bob-1", reviewer="Bob"), 0)
    assert rival is not None
    assert (rival.reviewer, rival.label) == ("Ada", "cat")
    assert current(store) == {"a": "cat"}
    assert store.add(settle("a", "dog", "bob-2", reviewer="Bob"), rival.id) is None  # Bob has seen it and insists
    assert current(store) == {"a": "dog"}
    # Two tabs without names are two people all the same; one's own newer decision is no rival.
    assert store.add(settle("b", "cat", "x-1"), 0) is None
    assert store.add(settle("b", "dog", "x-2"), 0) is None
    assert store.add(settle("b", "cat", "y-1"), 0) is not None


def test_two_people_at_once_lose_nothing(store: Adjudications) -> None:
    def work(who: str) -> None:
        for n in range(40):
            store.add(settle(f"{who}{n}", "cat", f"{who}-{n}"), 0)

    threads = [threading.Thread(target=work, args=(w,)) for w in ("ada", "bob")]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(store.log()) == 80
    assert len(store.standing()) == 80


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    bad = tmp_path / "adjudications.sqlite"
    bad.write_bytes(b"SQLite format 3\0 but torn")
    with pytest.raises(DatasetError, match="cannot be read or written"):
        Adjudications(bad).standing()
    with pytest.raises(DatasetError, match="cannot be read or written"):
        read_decisions(bad)
    write_csv(tmp_path / "a.csv", ("picture", "label"), [("a", "cat")])
    with pytest.raises(DatasetError, match="column 'image' is missing"):
        read_decisions(tmp_path / "a.csv")
    write_csv(tmp_path / "b.csv", ("image", "label"), [("a", "cat"), ("a", "dog")])
    with pytest.raises(DatasetError, match=r"b\.csv, row 3: 'a' is settled twice"):
        read_decisions(tmp_path / "b.csv")
    (tmp_path / "c.csv").write_bytes(b"")
    with pytest.raises(DatasetError, match="neither a store of adjudications nor a CSV"):
        read_decisions(tmp_path / "c.csv")
    with pytest.raises(DatasetError, match="no such file"):
        read_decisions(tmp_path / "d.csv")
    write_csv(tmp_path / "e.csv", ("image", "label"), [("a", "cat"), ("b", " ")])
    with pytest.raises(DatasetError, match=r"e\.csv, row 3: the label of 'b' is empty"):
        read_decisions(tmp_path / "e.csv")


def test_a_store_and_its_csv_say_the_same(store: Adjudications, tmp_path: Path, ltnet: Command) -> None:
    store.add(settle('a,\n"b"', "=cat", "me-1", reviewer="Ada", reason="<b>"), 0)
    store.add(Decision("skip", "c", key="me-2"), 0)
    done = ltnet("adjudications", store.path, "--out", tmp_path / "out.csv")
    assert done.returncode == 0, done.stderr
    again = read_decisions(tmp_path / "out.csv")
    assert again[["image", "label", "reviewer", "reason"]].values.tolist() == [['a,\n"b"', "=cat", "Ada", "<b>"]]
    assert read_decisions(store.path)["image"].tolist() == again["image"].tolist()


def test_the_adjudicator_joins_the_study(plain: Path) -> None:
    study = load_dataset(plain)
    settled = pd.DataFrame({"image": ["images/d.png", "images/b.png", "gone.png"], "label": ["dog", "dog", "cat"]})
    with_it, strangers = adjudicated(study, settled)
    assert strangers == 1
    assert with_it.table.coders == ("X", "Y", ADJUDICATOR)
    labels = with_it.table.labels_of(ADJUDICATOR)
    assert {str(i): k for i, k in zip(study.table.items, labels, strict=True) if k >= 0} == {
        "images/b.png": study.table.classes.index("dog"),
        "images/d.png": study.table.classes.index("dog"),
    }
    assert study.table.coders == ("X", "Y")  # the study itself is as it was
    with pytest.raises(DatasetError, match="unknown class 'dgo'.*Did you mean 'dog'"):
        adjudicated(study, pd.DataFrame({"image": ["images/b.png"], "label": ["dgo"]}))
    with pytest.raises(DatasetError, match="none of the 1 adjudications"):
        adjudicated(study, pd.DataFrame({"image": ["images/c.png"], "label": ["dog"]}))  # a test image
    with pytest.raises(DatasetError, match="has a coder called"):
        adjudicated(with_it, settled)


@pytest.fixture(scope="module")
def settled(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The known truth of thirty faces, as somebody would settle them."""
    truth = pd.read_csv(demo / "truth.csv", keep_default_na=False)
    out = tmp_path_factory.mktemp("settled") / "settled.csv"
    truth[truth["split"] != "test"][["image", "label"]].head(30).to_csv(out, index=False)
    return out


def test_a_refit_takes_what_was_settled_for_the_truth(
    demo: Path, finished: Path, settled: Path, ltnet: Command, tmp_path: Path
) -> None:
    run = tmp_path / "again"
    done = ltnet("fit", demo, "--run", run, "--like", finished, "--adjudications", settled)
    assert done.returncode == 0, done.stderr
    spec, before = (json.loads((r / "spec.json").read_text()) for r in (run, finished))
    coders = {**before["settings"]["coders"], "given": [ADJUDICATOR]}
    assert spec["settings"] == {**before["settings"], "coders": coders}
    assert (spec["seed"], spec["like"], spec["adjudications"]) == (before["seed"], str(finished), 30)
    done = ltnet("export", run, "--out", tmp_path / "t.csv", "--matrices", tmp_path / "T.json")
    assert done.returncode == 0, done.stderr
    truth = pd.read_csv(tmp_path / "t.csv", keep_default_na=False).set_index("image")
    wanted = pd.read_csv(settled, keep_default_na=False).set_index("image")["label"]
    assert (truth.loc[wanted.index, "learned_truth"] == wanted).all()
    assert (truth.loc[wanted.index, "confidence"] > 0.999).all()
    assert (truth.loc[wanted.index, ADJUDICATOR] == wanted).all()
    assert (truth.drop(wanted.index)[ADJUDICATOR] == "").all()
    # The case compares the coders, whom the adjudicator judges.
    old = rows_of(finished).set_index("image")
    assert truth["case"].astype(str).ne("").sum() == old[old["_split"] == ""]["case"].ne("").sum()
    matrices = json.loads((tmp_path / "T.json").read_text())
    assert ADJUDICATOR not in matrices["coders"]  # nothing of it was learned
    origins = rows_of(run)["_origin"]
    assert not origins.str.contains(ADJUDICATOR).any()


def test_the_adjudicators_own_matrix_can_be_learned(
    demo: Path, finished: Path, settled: Path, ltnet: Command, tmp_path: Path
) -> None:
    run = tmp_path / "again"
    flags = ("--like", finished, "--adjudications", settled, "--adjudicator", "learn", "--no-comparisons")
    done = ltnet("fit", demo, "--run", run, *flags)
    assert done.returncode == 0, done.stderr
    content = matrices_of(run)
    assert content["given"] == []
    matrix = np.asarray(content["coders"][ADJUDICATOR])
    assert np.allclose(matrix.sum(1), 1, atol=1e-6)
    assert (matrix.diagonal() < 0.9999).all()
    assert f"machine:{ADJUDICATOR}" not in content["coders"]


def test_a_resumed_run_goes_on_with_its_own_adjudications(
    demo: Path, settled: Path, ltnet: Command, tmp_path: Path
) -> None:
    from ltnet_core.fit import new_run
    from ltnet_core.settings import make_settings

    settings = make_settings("quick", epochs=1, image_size=12, comparisons=False, given=(ADJUDICATOR,))
    new_run(load_dataset(demo), tmp_path / "run", settings, device="cpu", adjudications=read_decisions(settled))
    done = ltnet("fit", demo, "--run", tmp_path / "run", "--resume", "--adjudications", settled)
    assert done.returncode == 2
    assert "the adjudications it began with" in done.stderr
    done = ltnet("fit", demo, "--run", tmp_path / "run", "--resume", "--set-aside")
    assert done.returncode == 2
    assert "its set_aside is False, not True. Leave the flag out" in done.stderr
    done = ltnet("fit", demo, "--run", tmp_path / "run", "--resume")
    assert done.returncode == 0, done.stderr
    truth = rows_of(tmp_path / "run")
    assert (truth[ADJUDICATOR] != "").sum() == 30


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--adjudicator", "trust"), "there are none"),
        (
            ("--adjudications", "SETTLED", "--method", "mixture"),
            "only LTNet can take the labels of a coder as the truth",
        ),
        (("--adjudications", "SETTLED", "--preset", "paper"), "only LTNet can take the labels of a coder as the truth"),
        (("--adjudications", "nothing.csv"), "no such file"),
        (("--like", "nowhere"), "is not a run folder"),
        (("--like", "FINISHED", "--preset", "quick"), "leave out --preset"),
    ],
    ids=str,
)
def test_flags_that_do_not_go_together(
    demo: Path, finished: Path, settled: Path, ltnet: Command, tmp_path: Path, flags: tuple[str, ...], message: str
) -> None:
    arguments = [{"SETTLED": settled, "FINISHED": finished}.get(f, f) for f in flags]
    done = ltnet("fit", demo, "--run", tmp_path / "run", *arguments)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert not (tmp_path / "run").exists()


def test_the_log_can_be_read_by_anything_that_reads_sqlite(store: Adjudications) -> None:
    store.add(settle("a", "cat", "me-1"), 0)
    with sqlite3.connect(store.path) as db:
        assert db.execute("SELECT image, label FROM decisions").fetchall() == [("a", "cat")]
    db.close()


def test_what_is_set_aside_is_neither_learned_from_nor_exported(
    demo: Path, finished: Path, ltnet: Command, tmp_path: Path, store: Adjudications
) -> None:
    study = load_dataset(demo)
    learnable = [str(n) for n in study.table.items[~study.is_test]]
    tested = str(study.table.items[study.is_test][0])
    aside = [learnable[0], learnable[5], tested]
    store.add_all([(settle(name, "fear", f"me-{n}"), 0) for n, name in enumerate(learnable[:3])])
    Actions(store).act(Action("tag", SET_ASIDE, "Ada", "k1"), aside)
    done = ltnet("adjudications", store.path, "--out", tmp_path / "settled.csv")
    assert "Wrote 3 adjudications and 3 images set aside" in done.stdout
    assert read_set_aside(tmp_path / "settled.csv") == read_set_aside(store.path) == aside
    assert read_decisions(tmp_path / "settled.csv")["image"].tolist() == learnable[:3]

    run = tmp_path / "run"
    flags = ("--preset", "quick", "--epochs", 1, "--image-size", 12, "--no-comparisons")
    done = ltnet("fit", demo, "--run", run, *flags, "--adjudications", tmp_path / "settled.csv")
    assert done.returncode == 0, done.stderr
    spec = json.loads((run / "spec.json").read_text())
    assert (spec["left_out"], spec["adjudications"]) == (2, 2)
    rows = rows_of(run)
    images = set(rows["image"])
    assert not images & set(aside[:2]) and tested in images and learnable[1] in images
    assert (rows[ADJUDICATOR] != "").sum() == 2

    # A run from before they were set aside has them; its exports do not, where the store is given.
    for kind in ("truth", "final", "settled"):
        out = tmp_path / f"{kind}.csv"
        done = ltnet("export", finished, "--format", kind, "--out", out, "--adjudications", store.path)
        assert done.returncode == 0, done.stderr
    truth, final, kept = (
        pd.read_csv(tmp_path / f"{kind}.csv", keep_default_na=False) for kind in ("truth", "final", "settled")
    )
    assert set(truth["image"]) == set(final["image"]) == set(learnable) - set(aside)
    old = rows_of(finished).set_index("image").loc[final["image"]]
    assert (old["learned_truth"].to_numpy() == final["learned_truth"]).all()
    assert kept.set_index("image")["set_aside"].to_dict() == dict.fromkeys(aside, "yes") | dict.fromkeys(
        learnable[1:3], ""
    )


def test_answers_can_be_ignored_and_what_is_set_aside_left_out(tmp_path: Path) -> None:
    write_csv(tmp_path / "s.csv", ("image", "label", "set_aside"), [("a", "cat", ""), ("b", "", "yes")])
    for how, count in (("ignore", None), (None, 1), ("learn", 1)):
        asked = Namespace(adjudications=tmp_path / "s.csv", adjudicator=how, only_blind=False)
        decisions, left_out = fit._adjudications(asked)
        assert left_out == ["b"]
        assert (None if decisions is None else len(decisions)) == count


@pytest.mark.parametrize("how", ["ignore", "trust", "learn"])
def test_every_way_to_take_an_adjudicator_trains(how: str, demo: Path, ltnet: Command, tmp_path: Path) -> None:
    study = load_dataset(demo)
    learnable = [str(n) for n in study.table.items[~study.is_test]]
    rows = [(learnable[0], study.table.classes[0], ""), (learnable[1], "", "yes")]
    write_csv(tmp_path / "s.csv", ("image", "label", "set_aside"), rows)
    quick = ("--preset", "quick", "--epochs", 1, "--image-size", 8, "--no-machine-coders", "--no-comparisons")
    run = tmp_path / "run"
    done = ltnet("fit", demo, "--run", run, *quick, "--adjudications", tmp_path / "s.csv", "--adjudicator", how)
    assert done.returncode == 0, done.stderr
    assert (Run(run).spec()["adjudications"], Run(run).spec()["left_out"]) == (0 if how == "ignore" else 1, 1)


def test_images_can_be_set_aside_where_nothing_is_settled(demo: Path, ltnet: Command, tmp_path: Path) -> None:
    from ltnet_core.fit import new_run
    from ltnet_core.settings import make_settings

    study = load_dataset(demo)
    aside = [str(n) for n in study.table.items[~study.is_test][:4]]
    run = tmp_path / "run"
    settings = make_settings("quick", epochs=1, method="mixture")
    new_run(study, run, settings, device="cpu", left_out=[*aside, "gone.png"])
    done = ltnet("fit", demo, "--run", run, "--resume")
    assert done.returncode == 0, done.stderr
    assert not set(rows_of(run)["image"]) & set(aside)
    write_csv(tmp_path / "odd.csv", ("image", "label", "set_aside"), [("a", "", "maybe")])
    with pytest.raises(DatasetError, match=r"odd\.csv, row 2: column 'set_aside' holds 'maybe'; expected 'yes'"):
        read_set_aside(tmp_path / "odd.csv")
