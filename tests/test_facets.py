"""Counts of filters and tables of labels, against the lists that the filters show."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from test_selection import items, sparse

from ltnet_core.errors import OptionError
from ltnet_core.explore.decided import Decided
from ltnet_core.explore.facets import KNOWN, TRUTH, columns_of, facet_counts, filter_of, table_of
from ltnet_core.explore.selection import Selections
from ltnet_core.explore.wish import Wish, join_names
from ltnet_core.runs.learned_items import LearnedItems

N, CLASSES, CODERS = 400, ("x", "y|z", "z"), ("A", "B", "machine:A", "machine:B")
RNG = np.random.default_rng(0)


def drawn(learned: bool = True) -> Selections:
    labels = RNG.integers(-1, 3, (4, N))
    truth, network = (RNG.integers(0, 3, N).astype(np.int16) if learned else np.full(N, -1, np.int16) for _ in range(2))
    return Selections(
        LearnedItems(
            pa.array([f"images/{i}.png" for i in range(N)]), CODERS, CLASSES, sparse(labels), truth, network,
            RNG.integers(-1, 3, N).astype(np.int16), *(RNG.random(N).astype(np.float32) for _ in range(2)),
            RNG.integers(0, 3, N).astype(np.int16), ("A", "A+B", "unlabelled"),
            np.sort(RNG.integers(0, 2, N)).astype(np.int16), ("", "test"),
        )
    )  # fmt: skip


DECIDED = Decided(
    RNG.integers(-2, 3, N).astype(np.int16),
    RNG.integers(-1, 2, N).astype(np.int16),
    ("Ada", "Bob"),
    {"blurred": np.arange(0, N, 3, dtype=np.int32), "set aside": np.arange(0, N, 7, dtype=np.int32)},
)
VIEWS = [
    {},
    {"split": "*any*"},
    {"truth": "x", "says.A": "y%7Cz|*none*", "says.B": "*any*", "search": "1"},
    {"pair": "A|B", "case": "2,4,5", "confidence": "0.5-0.7"},
    {"pair": "A|machine:B", "labels": "differ", "tag": "blurred|set aside"},
    {"against": "other", "says.A": "*any*"},
    {"case": "3", "labels": "agree", "known": "x|*none*", "origin": "A|A+B"},
    {"reviewed": "open|settled", "reviewer": "Bob", "network": "z", "split": "|test"},
]


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_a_count_is_the_length_of_the_list_that_the_choice_alone_would_show(view: dict[str, str]) -> None:
    chosen = drawn()
    counted = facet_counts(chosen, Wish.parse(view), DECIDED)
    assert set(counted) >= {
        "truth",
        "against",
        "network",
        "known",
        "origin",
        "split",
        "labels",
        "case",
        "confidence",
        "tag",
    }
    assert set(counted) >= {"reviewed", "reviewer", *(f"says.{c}" for c in CODERS)}
    for name, counts in counted.items():
        for value, n in counts.items():
            written = value if name in ("case", "confidence") or value.startswith("*") else join_names([value])
            alone = Wish.parse({**view, name: written})
            assert n == len(chosen.rows(alone, DECIDED)), (name, value)


def test_before_a_run_nothing_is_counted_that_needs_one() -> None:
    chosen = drawn(learned=False)
    counted = facet_counts(chosen, Wish())
    assert not {"truth", "network", "against", "case", "confidence"} & set(counted)
    assert columns_of(chosen) == [KNOWN, *CODERS]


@pytest.mark.parametrize("view", VIEWS, ids=str)
@pytest.mark.parametrize("pair", [("A", "B"), (TRUTH, "A"), (KNOWN, TRUTH)], ids=str)
def test_a_cell_counts_the_images_that_it_shows(view: dict[str, str], pair: tuple[str, str]) -> None:
    chosen = drawn()
    counts = table_of(chosen, Wish.parse(view), *pair, DECIDED).counts
    for k in range(3):
        for other in range(3):
            cell = {filter_of(pair[0]): join_names([CLASSES[k]]), filter_of(pair[1]): join_names([CLASSES[other]])}
            assert counts[k, other] == len(chosen.rows(Wish.parse({**view, **cell}), DECIDED))


def test_a_table_of_what_is_not_there_is_refused() -> None:
    plain = Selections(items([[0, 1]], ("A",), truth=[-1, -1], known=[-1, -1]))
    for name in ("B", TRUTH, KNOWN, ""):
        with pytest.raises(OptionError, match="nothing called"):
            table_of(plain, Wish(), "A", name)
