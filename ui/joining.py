"""Several datasets as one study: choose them and join them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import streamlit as st

from ltnet_core.datasets.formats.joined import Source
from ltnet_core.errors import LTNetError
from ui import markup, workspace
from ui.clicks import once
from ui.workspace import Dataset

USES = {"labels and images": "all", "images alone": "images"}


def panel(datasets: Sequence[Dataset], chosen: Callable[[Dataset], None]) -> None:
    """Choose datasets and join them; ``chosen`` gets the new one."""
    own = [d for d in datasets if d.id and os.path.exists(d.location) and not workspace.is_joined(d)]
    markup.sentence(
        "Images of different datasets become one study, their coders stand side by side. A table of labels without "
        "images says something about the images of the others, by their names."
    )
    if len(own) < 2:
        markup.sentence("Bring two datasets first; they can be joined here.")
        return
    by_id = {d.id: d for d in own}
    picked = st.multiselect(
        "Datasets",
        list(by_id),
        format_func=lambda i: by_id[i].name,
        key="join_datasets",
        placeholder="Choose two or more",
    )
    sources = []
    for id in picked:
        left, right = st.columns([3, 2], gap="small", vertical_alignment="bottom")
        name = left.text_input("Called", by_id[id].name.replace("/", "-"), key=f"join_name_{id}")
        use = right.selectbox("Takes part with", list(USES), key=f"join_use_{id}")
        sources.append(Source(name.strip(), str(by_id[id].location.resolve()), by_id[id].format, USES[use]))
    # A key of its own for every choice: a field keeps the text that it first had.
    named = " + ".join(s.name for s in sources)[:80]
    title = st.text_input("Name of the study", named, key=f"join_title_{'|'.join(picked)}").strip()
    if st.button("Join", type="primary", key="join", disabled=len(sources) < 2):
        try:
            with st.spinner("Reading the datasets …"):
                dataset = once(
                    f"join {title} {sources}",
                    lambda: workspace.add_joined(title or "Joined study", sources),
                    lambda d: d.location,
                )
        except (LTNetError, OSError) as e:
            markup.refused(e, "These datasets cannot be joined")
        else:
            chosen(dataset)
