"""The five cases."""

from __future__ import annotations

import numpy as np

from ltnet_core.labels.disagreement import cases


def test_every_triple_is_in_the_right_case() -> None:
    triples = [((0, 0, 0), 1), ((0, 1, 2), 2), ((1, 1, 0), 3), ((1, 0, 1), 4), ((1, 0, 0), 5), ((-1, 0, 0), 0)]
    for (a, b, t), case in triples:
        assert cases([a], [b], [t])[0] == case


def test_cases_partition_all_triples() -> None:
    grid = np.array(np.meshgrid(*[range(4)] * 3)).reshape(3, -1)
    case = cases(*grid)
    assert set(case) == {1, 2, 3, 4, 5}
    # 4 classes: 4 triples all equal, 4*3*2 all different, 4*3 of each other kind
    assert np.bincount(case).tolist() == [0, 4, 24, 12, 12, 12]
