"""What is wrong with a dataset and what should be known of it, with the full list to download."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ltnet_core.datasets import Problem, Study
from ltnet_core.datasets.checkup import check_up, listing_csv
from ui import markup
from ui.workspace import Dataset

TITLES = {
    "error": "Training refuses until this is mended",
    "warning": "Set aside, or worth a look",
    "note": "Good to know",
}
OPEN_UP_TO = 3


@st.cache_resource(max_entries=12, show_spinner=False)
def _labels(location: str, version: str, _study: Study) -> tuple[Problem, ...]:
    return check_up(_study, images=False)


@st.cache_resource
def _checked() -> dict[tuple[str, str], tuple[Problem, ...]]:
    """Check-ups with every image opened, of the datasets whose user asked for one."""
    return {}


@st.fragment
def section(study: Study, dataset: Dataset) -> None:
    """The problems found without opening the images; with them when asked."""
    key, known = (str(dataset.location), dataset.version), _checked()
    images = len(study.table.items)
    above, below = st.container(), st.container(horizontal=True, gap="small")
    with below:
        slot = st.empty()
        if (
            study.has_images
            and key not in known
            and slot.button(f"Open all {images:,} images" if images > 1 else "Open the image", key="check_images")
        ):
            bar = slot.progress(0.0, "Opening …")

            def show(done: int, total: int) -> None:
                bar.progress(done / total, f"Opening … {done:,} of {total:,}")

            known[key] = check_up(study, images=True, progress=show)
            slot.empty()
    whole = key in known
    problems = known[key] if whole else _labels(*key, study)
    note = "labels and images" if whole or not study.has_images else "labels; the images were not opened yet"
    with above:
        markup.heading("Check-up", note)
        if not [p for p in problems if p.level != "note"]:
            markup.callout("good", "Nothing is wrong." if whole else "Nothing is wrong with the labels.")
        for level, title in TITLES.items():
            _list(level, title, [p for p in problems if p.level == level])
    if problems:
        below.download_button(
            "Download the full list", lambda: listing_csv(problems), "check-up.csv", "text/csv", key="check_list"
        )


def _list(level: str, title: str, problems: Sequence[Problem]) -> None:
    if not problems:
        return
    opened = " open" if level == "error" and len(problems) <= OPEN_UP_TO else ""
    parts = "".join(
        f"<details{opened}><summary>{markup.esc(p.kind)}<b>{p.count:,}</b></summary>"
        f"<ul>{''.join(f'<li>{markup.esc(e)}</li>' for e in p.examples)}"
        f"{'<li>…</li>' if p.count > len(p.examples) else ''}</ul></details>"
        for p in problems
    )
    markup.show(f'<div class="lt-callout lt-found lt-{level}"><b>{markup.esc(title)}</b>{parts}</div>')
