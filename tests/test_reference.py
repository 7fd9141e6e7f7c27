"""What labels show of a coder who could be the reference."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ltnet_core import ReferenceEvidence, reference_evidence
from ltnet_core.annotations import ADJUDICATOR, AnnotationTable


def test_evidence_by_hand() -> None:
    rows = [
        ("a", "team", "cat", 1), ("b", "team", "dog", 1), ("c", "team", "dog", 1),
        ("a", "crowd", "cat", 3), ("a", "crowd", "dog", 1), ("b", "crowd", "cat", 2),
        ("d", "late", "cat", 1),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["image", "coder", "label", "count"])
    table = AnnotationTable.from_frame(frame, classes=["cat", "dog", "emu"])
    dogs = np.tile([0.0, 1.0, 0.0], (4, 1))
    team, crowd, late = reference_evidence(table.with_coder(ADJUDICATOR, dogs).with_coder("machine:team", dogs))
    assert team == ReferenceEvidence("team", 3, 1.0, None, ("emu",), 2, 3 / 6)
    assert crowd == ReferenceEvidence("crowd", 2, 3.0, 0.875, ("emu",), 2, 1 / 2)
    assert late == ReferenceEvidence("late", 1, 1.0, None, ("dog", "emu"), 0, None)
