"""The reference coder: the question on Train, with what the labels show of every coder."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from ltnet_core.datasets import Study
from ltnet_core.files.spreadsheet import guarded
from ltnet_core.labels.reference import ReferenceEvidence, reference_evidence
from ltnet_core.method import METHODS
from ltnet_core.settings import Settings
from ui import markup
from ui.wording import listing, percent

STARTS = ("auto", "network")
FIND = "let the run find it"
MEANING = (
    "Coders may use the same class for different things. The labels of the reference coder are taken as nearly right, "
    "and the matrices of the others say how their labels differ from them. Where coders share few images, no label "
    "shows which coder is right, so name the one whose understanding of the classes is yours. It should have used "
    "every class. The coder who agrees with the others most need not be right: all of them may answer another question "
    "than yours."
)


def question(study: Study, base: Settings, flags: Sequence[str]) -> list[str]:
    """Ask for the reference coder; returns flags. ``flags`` are those of the other options, which may rule one out."""
    asked = dict(f.partition("=")[::2] for f in flags if "=" in f)
    method = flags[flags.index("--method") + 1] if "--method" in flags else base.method
    start = asked.get("--transition-start", base.transitions.transition_start)
    if len(study.human_coders) < 2 or "ltnet" not in METHODS.named(method).parts or start not in STARTS:
        return []
    chosen = st.selectbox(
        "Which coder is the reference coder?",
        [None, *study.human_coders],
        key="reference",
        format_func=lambda c: FIND if c is None else str(c),
        help="Its labels are taken as nearly right.",
    )
    with st.expander("What this means, and what the labels show of every coder"):
        markup.sentence(MEANING)
        st.dataframe(guarded(pd.DataFrame(map(_row, evidence(study)))), hide_index=True, key="reference_evidence")
    return [] if chosen is None else [f"--reference={chosen}"]


def evidence(study: Study) -> list[ReferenceEvidence]:
    """What the labels to learn from show of every coder."""
    return _evidence(study.table.fingerprint(), study)


@st.cache_resource(max_entries=12, show_spinner=False)
def _evidence(fingerprint: str, _study: Study) -> list[ReferenceEvidence]:
    return reference_evidence(_study.training_table())


def _row(evidence: ReferenceEvidence) -> dict[str, object]:
    return {
        "coder": evidence.coder,
        "images": evidence.items,
        "labels an image": round(evidence.votes, 1),
        "share of its most frequent label": "–" if evidence.consensus is None else percent(evidence.consensus),
        "images shared with others": evidence.shared,
        "agrees with the others": "–" if evidence.agreement is None else percent(evidence.agreement),
        "classes it never used": listing(evidence.unused) if evidence.unused else "none",
    }
