"""Many items at once: what an action changes, what it leaves alone, and how it is taken back."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from ltnet_core.errors import DatasetError, OptionError
from ltnet_core.explore.actions import MOST_ITEMS, Action, Actions
from ltnet_core.explore.adjudications import Adjudications, Decision


@pytest.fixture
def store(tmp_path: Path) -> Adjudications:
    return Adjudications(tmp_path / "adjudications.sqlite")


def labels(store: Adjudications) -> dict[str, str]:
    return {d.image: d.label for d in store.standing()}


def test_settling_many_leaves_what_was_settled_before(store: Adjudications) -> None:
    store.add(Decision("settle", "b", "dog", "Bob", key="bob-1"), 0)
    actions = Actions(store)
    assert actions.act(Action("settle", "cat", "Ada", "k1"), ["a", "b", "c"]) == 2
    assert labels(store) == {"a": "cat", "b": "dog", "c": "cat"}
    assert actions.act(Action("settle", "cat", "Ada", "k1"), ["a", "b", "c"]) == 2  # sent twice, it counts once
    assert len(store.log()) == 3
    assert {d.shown for d in store.log() if d.reviewer == "Ada"} == {"labels"}
    first, second = actions.history()
    assert (first.key, first.images, first.first, first.undone) == ("k1", 2, "a", False)
    assert (second.kind, second.value, second.reviewer, second.first) == ("settle", "dog", "Bob", "b")


def test_an_action_is_undone_as_a_whole_also_by_a_server_started_anew(store: Adjudications) -> None:
    Actions(store).act(Action("settle", "cat", "Ada", "k1"), ["a", "b", "c"])
    Actions(store).act(Action("settle", "cat", "Ada", "k10"), ["d"])
    # Somebody took one of them back, and settled it another way: that stays.
    store.add(Decision("undo", "b", undoes="many:k1-1", reviewer="Bob", key="bob-1"), 0)
    store.add(Decision("settle", "b", "dog", "Bob", key="bob-2"), 0)
    again = Actions(Adjudications(store.path))
    assert again.undo("k1", "Cem")
    assert labels(store) == {"b": "dog", "d": "cat"}
    assert not again.undo("k1", "Cem")
    assert again.undo("bob-2", "Cem")
    assert not again.undo("bob-2", "Cem")
    assert not again.undo("nobody", "Cem")
    assert labels(store) == {"d": "cat"}
    assert {a.key: a.undone for a in again.history()} == {"k1": True, "k10": False, "bob-2": True}
    assert store.log_of("a")[-1].reviewer == "Cem"


def test_what_was_undone_can_be_done_again(store: Adjudications) -> None:
    actions = Actions(store)
    for key in ("k1", "k2"):
        assert actions.act(Action("skip", "", "Ada", key), ["a"]) == 1
        assert actions.undo(key, "Ada")
    assert labels(store) == {}


def test_tags_come_and_go(store: Adjudications) -> None:
    actions = Actions(store)
    assert actions.tags() == {}
    assert actions.version() == (0, 0)
    assert actions.act(Action("tag", "blurred", "Ada", "k1"), ["a", "b"]) == 2
    assert actions.act(Action("tag", "blurred", "Ada", "k2"), ["b", "c"]) == 1
    assert actions.act(Action("tag", "bookmark", "Ada", "k3"), ["a"]) == 1
    assert actions.act(Action("untag", "blurred", "Ada", "k4"), ["a", "c", "d"]) == 2
    assert actions.tags() == {"blurred": ["b"], "bookmark": ["a"]}
    version = actions.version()
    assert actions.undo("k4", "Ada")
    assert actions.version() != version
    assert actions.tags() == {"blurred": ["a", "b", "c"], "bookmark": ["a"]}
    assert actions.undo("k1", "Ada")  # c had it by another action
    assert actions.tags() == {"blurred": ["c"], "bookmark": ["a"]}
    assert store.standing() == []


@pytest.mark.parametrize(
    ("action", "images", "message"),
    [
        (Action("drop", "", "Ada", "k"), 1, "one of settle, skip, tag, untag"),
        (Action("settle", "cat", "Ada", "k-1"), 1, "without a hyphen"),
        (Action("settle", "cat", "Ada", ""), 1, "needs a key"),
        (Action("tag", " ", "Ada", "k"), 1, "1 to 60 printable"),
        (Action("tag", "x" * 61, "Ada", "k"), 1, "1 to 60 printable"),
        (Action("tag", "a\nb", "Ada", "k"), 1, "1 to 60 printable"),
        (Action("skip", "", "Ada", "k"), MOST_ITEMS + 1, "at most 100,000"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_written(
    store: Adjudications, action: Action, images: int, message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        Actions(store).act(action, ["a"] * images)
    assert not store.path.exists()


@pytest.mark.parametrize("table", ["actions", "marks", "undone"])
def test_a_damaged_table_is_told_in_a_sentence(store: Adjudications, table: str) -> None:
    Actions(store).act(Action("tag", "blurred", "Ada", "k1"), ["a"])
    with sqlite3.connect(store.path) as db:
        db.execute(f"DROP TABLE {table}")
        db.execute(f"CREATE TABLE {table} (odd BLOB)")
        db.execute(f"INSERT INTO {table} VALUES (x'00ff')")  # noqa: S608 - a name from above
    db.close()
    with pytest.raises(DatasetError, match="restore it from a copy"):
        Actions(store).act(Action("tag", "blurred", "Ada", "k2"), ["b"])
    with pytest.raises(DatasetError, match="restore it from a copy"):
        Actions(store).history() if table == "actions" else Actions(store).tags()


def test_a_row_that_is_no_tag_is_told_in_a_sentence(store: Adjudications) -> None:
    Actions(store).act(Action("tag", "blurred", "Ada", "k1"), ["a"])
    with sqlite3.connect(store.path) as db:
        db.execute("UPDATE marks SET image = x'00ff'")
    db.close()
    with pytest.raises(DatasetError, match="a tag must be a text"):
        Actions(store).tags()
