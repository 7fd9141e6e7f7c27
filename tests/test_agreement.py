"""Agreement: checked against scikit-learn, statsmodels and krippendorff."""

from __future__ import annotations

import krippendorff
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats import inter_rater

from ltnet_core.annotations import AnnotationTable
from ltnet_core.labels.agreement import agreement, cohen_kappa, fleiss_kappa, krippendorff_alpha


def random_table(seed: int) -> tuple[AnnotationTable, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, (60, 4))
    labels[:, 1] = np.where(rng.random(60) < 0.6, labels[:, 0], labels[:, 1])
    labels[rng.random((60, 4)) < 0.3] = -1
    item, coder = np.nonzero(labels >= 0)
    table = AnnotationTable(
        np.array([f"i{n}" for n in range(60)], dtype=object), tuple("wxyz"), tuple("abc"),
        item.astype(np.int32), coder.astype(np.int32), labels[labels >= 0].astype(np.int32),
        np.ones(len(item), np.float32),
    )  # fmt: skip
    return table, labels


@pytest.mark.parametrize("seed", range(4))
def test_same_figures_as_the_libraries(seed: int) -> None:
    table, labels = random_table(seed)
    figures = agreement(table)
    data = np.where(labels.T >= 0, labels.T, np.nan).astype(float)
    assert figures["krippendorff_alpha"] == pytest.approx(
        krippendorff.alpha(reliability_data=data, level_of_measurement="nominal")
    )
    for pair in figures["pairs"]:
        a, b = "wxyz".index(pair["a"]), "wxyz".index(pair["b"])
        both = (labels[:, a] >= 0) & (labels[:, b] >= 0)
        assert pair["items"] == both.sum()
        assert pair["kappa"] == pytest.approx(cohen_kappa_score(labels[both, a], labels[both, b], labels=[0, 1, 2]))


@pytest.mark.parametrize("seed", range(3))
def test_fleiss_kappa_is_that_of_statsmodels_where_all_items_have_as_many_annotations(seed: int) -> None:
    table, labels = random_table(seed)
    full = (labels >= 0).sum(1) == 3
    votes = np.stack([(labels[full] == k).sum(1) for k in range(3)], axis=1)
    assert fleiss_kappa(table.keep_items(full)) == pytest.approx(inter_rater.fleiss_kappa(votes))


def test_what_is_undefined_is_none() -> None:
    assert cohen_kappa(np.zeros((2, 2))) is None
    assert cohen_kappa(np.diag([5.0, 0.0])) is None  # both said one class only
    rows = pd.DataFrame([("a", "x", "cat"), ("b", "y", "dog")], columns=["image", "coder", "label"])
    apart = AnnotationTable.from_frame(rows)
    assert krippendorff_alpha(apart) is None
    assert fleiss_kappa(apart) is None
    assert agreement(apart)["pairs"] == []
