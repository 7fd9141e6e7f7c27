"""The queue for several reviewers: nobody gets what another holds, and second answers are compared."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from ltnet_core.errors import DatasetError, OptionError
from ltnet_core.explore.adjudications import Adjudications, Decision
from ltnet_core.explore.opinions import AGAIN, SECOND, Opinion, Opinions
from ltnet_core.explore.queue import GAP, LEASE, OPEN, Queue, Wanted

NAMES = tuple(f"{n:02d}.png" for n in range(30))


@pytest.fixture
def store(tmp_path: Path) -> Adjudications:
    return Adjudications(tmp_path / "adjudications.sqlite")


def settle(store: Adjudications, reviewer: str, images: tuple[str, ...], label: str = "cat") -> None:
    store.add_all([(Decision("settle", i, label, reviewer, key=f"{reviewer}-{i}", shown="image"), 0) for i in images])


def opinion(kind: str, image: str, label: str, reviewer: str, key: str, shown: str = "image") -> Opinion:
    return Opinion(kind, image, label, reviewer, "", key, shown)


def test_a_lease_from_before_the_clock_was_set_back_ends(store: Adjudications) -> None:
    queue = Queue(store)
    queue.claim("a", "Ada", Wanted(NAMES), 4, now=10_000.0)
    queue.claim("b", "Ben", Wanted(NAMES), 1, now=9_990.0)  # a few seconds are no matter
    assert queue.held(now=9_990.0) == {"Ada": 4, "Ben": 1}
    assert queue.held(now=5_000.0) == {}
    assert list(queue.claim("c", "Cem", Wanted(NAMES), 3, now=5_000.0).new) == list(NAMES[:3])


def test_nobody_gets_what_another_holds(store: Adjudications) -> None:
    queue = Queue(store)
    ada = queue.claim("a", "Ada", Wanted(NAMES), 4)
    assert ada.new == dict.fromkeys(NAMES[:4], OPEN)
    ben = queue.claim("b", "Ben", Wanted(NAMES), 3)
    assert list(ben.new) == list(NAMES[4:7])
    assert ben.held == queue.held() == {"Ada": 4, "Ben": 3}
    # What is answered is not offered, and what is not kept goes back, in its old place.
    settle(store, "Ada", NAMES[:1])
    more = queue.claim("a", "Ada", Wanted(NAMES), 2, keep=NAMES[1:3])
    assert (more.kept, list(more.new), more.lost) == (NAMES[1:3], [NAMES[3], NAMES[7]], ())
    queue.release("a")
    assert queue.held() == {"Ben": 3}
    assert list(queue.claim("c", "Cem", Wanted(NAMES), 3).new) == list(NAMES[1:4])


def test_a_lease_ends_by_itself_and_a_kept_one_is_renewed(store: Adjudications) -> None:
    queue = Queue(store)
    queue.claim("a", "Ada", Wanted(NAMES[:2]), 2, now=1000)
    assert not queue.claim("b", "Ben", Wanted(NAMES[:2]), 2, now=999 + LEASE).new
    queue.claim("a", "Ada", Wanted(()), 0, keep=NAMES[:1], now=999 + LEASE)
    assert list(queue.claim("b", "Ben", Wanted(NAMES[:2]), 2, now=1001 + LEASE).new) == [NAMES[1]]
    late = queue.claim("a", "Ada", Wanted(()), 0, keep=NAMES[:2], now=1002 + LEASE)
    assert (late.kept, late.lost) == (NAMES[:1], NAMES[1:2])
    assert queue.held(now=2000 + 2 * LEASE) == {}


def test_many_at_once_get_every_item_once(store: Adjudications) -> None:
    got: dict[str, list[str]] = {"a": [], "b": [], "c": []}

    def work(holder: str) -> None:
        queue = Queue(Adjudications(store.path))
        while new := list(queue.claim(holder, holder, Wanted(NAMES), 2).new):
            settle(queue.store, holder, tuple(new))
            got[holder] += new

    threads = [threading.Thread(target=work, args=(who,)) for who in got]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(image for images in got.values() for image in images) == list(NAMES)


def test_settled_items_come_a_second_time_where_asked(store: Adjudications) -> None:
    queue = Queue(store)
    settle(store, "Ada", NAMES[:4])
    wanted = Wanted(NAMES, NAMES[:4], {NAMES[1]})
    ben = queue.claim("b", "Ben", wanted, 3)
    assert ben.new == {NAMES[4]: OPEN, NAMES[1]: SECOND, NAMES[5]: OPEN}
    assert queue.claim("c", "Cem", wanted, 1).new == {NAMES[6]: OPEN}  # Ben holds it
    assert SECOND not in queue.claim("a", "Ada", wanted, 9).new.values()  # her own is no second opinion
    assert SECOND not in queue.claim("d", "", wanted, 9).new.values()  # nor is that of nobody
    Opinions(store).add_all([opinion(SECOND, NAMES[1], "dog", "Ben", "b-1")])
    queue.release("b")
    assert NAMES[1] not in queue.claim("c", "Cem", wanted, 9).new  # one is enough
    assert Opinions(store).differing() == [NAMES[1]]
    assert {d.image: d.label for d in store.standing()}[NAMES[1]] == "cat"  # what was settled stands
    settle(store, "Cem", NAMES[1:2], "dog")
    assert store.log()[-1].reviewer == "Ada"  # Cem did not know hers
    store.add(Decision("settle", NAMES[1], "dog", "Cem", key="Cem-x"), 99)
    assert Opinions(store).differing() == []


def test_a_second_opinion_that_was_skipped_is_asked_of_another(store: Adjudications) -> None:
    queue = Queue(store)
    settle(store, "Ada", NAMES[:1])
    wanted = Wanted((), NAMES[:1], {NAMES[0]})
    Opinions(store).add_all([opinion(SECOND, NAMES[0], "", "Ben", "b-1")])
    assert not queue.claim("b", "Ben", wanted, 3).new  # he has looked
    assert queue.claim("c", "Cem", wanted, 3).new == {NAMES[0]: SECOND}


def test_a_share_comes_again_after_others(store: Adjudications) -> None:
    queue = Queue(store)
    queue.set_shares({AGAIN: 100.0})
    settle(store, "Ada", NAMES[: GAP + 2])
    due = queue.claim("a", "Ada", Wanted(NAMES, NAMES[: GAP + 2]), 8).new
    assert [i for i, purpose in due.items() if purpose == AGAIN] == list(NAMES[:2])
    assert list(queue.claim("b", "Ben", Wanted(NAMES, NAMES[: GAP + 2]), 30).new.values()) == [OPEN] * 12
    queue.set_shares({SECOND: 50.0, AGAIN: 0.0})
    assert queue.shares() == {SECOND: 50.0, AGAIN: 0.0}
    for holder in "ab":
        queue.release(holder)
    half = [i for i, p in queue.claim("b", "Ben", Wanted((), NAMES[:12]), 30).new.items() if p == SECOND]
    assert 1 <= len(half) <= 11
    queue.release("b")
    assert half == [i for i, p in queue.claim("c", "Cem", Wanted((), NAMES[:12]), 30).new.items() if p == SECOND]


def test_agreement_is_counted_by_pair_and_with_oneself(store: Adjudications) -> None:
    opinions = Opinions(store)
    assert opinions.agreements() == [] and opinions.version() == (0, 0)
    settle(store, "Ada", NAMES[:6], "cat")
    settle(store, "Ben", NAMES[6:10], "dog")
    said = [opinion(SECOND, i, "cat" if n < 5 else "dog", "Ben", f"b-{n}") for n, i in enumerate(NAMES[:6])]
    said += [opinion(SECOND, i, "dog", "Ada", f"a-{n}") for n, i in enumerate(NAMES[6:10])]
    said += [opinion(AGAIN, NAMES[0], "dog", "Ada", "a-again"), opinion(AGAIN, NAMES[1], "", "Ada", "a-skip")]
    said += [opinion(AGAIN, NAMES[2], "dog", "Ada", "a-look", shown="labels")]
    opinions.add_all(said)
    opinions.add_all(said)  # sent twice counts once
    everybody, pair, all_again, again = opinions.agreements()
    assert (everybody.images, everybody.same, everybody.who) == (10, 9, "reviewers with one another")
    assert (pair.first, pair.second, pair.images, pair.same) == ("Ada", "Ben", 10, 9)
    # Ada says cat of 6 and dog of 4, Ben cat of 5 and dog of 5: chance would agree on .6 · .5 + .4 · .5.
    assert pair.kappa == pytest.approx((0.9 - 0.5) / (1 - 0.5))
    assert pair.low < 0.9 < pair.high
    assert (again.who, again.images, again.same, all_again.images) == ("Ada again", 1, 0, 1)
    before = opinions.version()
    store.add(Decision("undo", NAMES[5], key="b-u", undoes="b-5"), 0)
    assert opinions.agreements()[0].images == 9
    assert opinions.version() != before
    store.add(Decision("undo", NAMES[0], key="a-u", undoes=f"Ada-{NAMES[0]}"), 0)
    assert opinions.agreements()[0].images == 8  # what it was about is taken back


def test_an_opinion_about_nothing_settles(store: Adjudications) -> None:
    Opinions(store).add_all([opinion(SECOND, "a", "cat", "Ben", "b-1"), opinion(AGAIN, "b", "", "Ben", "b-2")])
    assert [(d.image, d.kind, d.label) for d in store.standing()] == [("a", "settle", "cat"), ("b", "skip", "")]
    Opinions(store).add_all([opinion(SECOND, "a", "cat", "Ben", "b-1")])
    assert len(store.log()) == 2


def test_what_was_not_renewed_and_is_settled_by_another_is_lost(store: Adjudications) -> None:
    queue = Queue(store)
    queue.claim("a.1", "Ada", Wanted(NAMES), 3, now=1000)
    queue.claim("b.1", "Ben", Wanted(NAMES), 2, now=1001 + LEASE)
    settle(store, "Ben", NAMES[:1])
    queue.release("b.1")
    late = queue.claim("a.1", "Ada", Wanted(()), 0, keep=NAMES[:3], now=1002 + LEASE)
    assert (late.kept, late.lost) == (NAMES[1:3], NAMES[:1])
    # One's own answer can be held again: it may be on the way to be taken back.
    store.add(Decision("settle", NAMES[1], "cat", "Ada", key="a-1"), 0)
    queue.claim("a.1", "Ada", Wanted(()), 0)
    assert queue.claim("a.1", "Ada", Wanted(()), 0, keep=NAMES[1:2]).kept == NAMES[1:2]
    assert queue.claim("c.1", "Cem", Wanted(()), 0, keep=NAMES[1:2]).lost == NAMES[1:2]


def test_an_opinion_under_another_name_is_compared_with_whose_it_is_not(store: Adjudications) -> None:
    settle(store, "Ada", NAMES[:2])
    said = [opinion(AGAIN, NAMES[0], "dog", "Ben", "b-1"), opinion(SECOND, NAMES[1], "dog", "Ada", "a-1")]
    Opinions(store).add_all(said)
    assert [(a.kind, a.who) for a in Opinions(store).agreements()][1::2] == [
        (SECOND, "Ada with Ben"),
        (AGAIN, "Ada again"),
    ]
    assert {d.label for d in store.standing()} == {"cat"}


def test_a_store_whose_first_writer_was_killed_has_no_opinions_yet(store: Adjudications) -> None:
    settle(store, "Ada", NAMES[:1])
    with sqlite3.connect(store.path) as db:
        db.execute("CREATE TABLE opinions (id INTEGER)")
    db.close()
    opinions = Opinions(store)
    assert (opinions.agreements(), opinions.differing(), opinions.version()) == ([], [], (0, 0))


def test_what_makes_no_sense_is_refused(store: Adjudications) -> None:
    queue = Queue(store)
    for holder, count in (("", 1), ("a", -1), ("a", 1000)):
        with pytest.raises(OptionError):
            queue.claim(holder, "Ada", Wanted(NAMES), count)
    for shares in ({"open": 5.0}, {SECOND: 101.0}, {AGAIN: float("nan")}):
        with pytest.raises(OptionError, match="from 0 to 100 percent"):
            queue.set_shares(shares)
    assert not store.path.exists()
    queue.set_shares({SECOND: 5.0})
    with sqlite3.connect(store.path) as db:
        db.execute("UPDATE shares SET percent = 'many'")
    db.close()
    with pytest.raises(DatasetError, match="a share must be a percentage"):
        queue.shares()
