"""Disagreements: how often coders part, whom the truth sides with, and the faces themselves."""

from __future__ import annotations

import streamlit as st

from ltnet_core.disagreement import CASES, case_counts
from ui import charts, frame, gallery, markup, params, reads
from ui.current import current
from ui.selection import SORTS, Filter, page_of, pairs_that_met, select
from ui.wording import coder_name

MOST_PAIRS = 15

state = current()
run = frame.finished_run(state)
truth = reads.truth(run)
columns = reads.coder_columns(run)
codes = reads.codes(run)
classes = list(codes)
short = gallery.letters(list(columns))
pairs = {f"{a}|{b}": (a, b) for a, b in pairs_that_met(truth, columns)}

back = {column: coder for coder, column in columns.items()}
counted = [
    {**c, "first": coder_name(back[c["first"]]), "second": coder_name(back[c["second"]])}
    for c in case_counts(truth, list(columns.values()), classes)
]
if counted:
    counted.sort(key=lambda c: -c["items"])
    cut = f"the {MOST_PAIRS} largest of {len(counted):,} pairs" if len(counted) > MOST_PAIRS else "per pair of coders"
    markup.heading("Five ways two labels and the truth can relate", f"% of the images both labelled, {cut}")
    markup.show(charts.case_key(CASES))
    st.plotly_chart(charts.case_bars(counted[:MOST_PAIRS], CASES), config=charts.CONFIG, key="cases")
else:
    markup.sentence("No image has labels of two coders, so there is nothing to compare.")


def filters() -> Filter:
    """The filter bar; every choice lives in the URL."""
    with st.grid(min_column_width=185, gap="small"):
        pair = params.choose(
            "pair",
            "Pair of coders",
            {"": "any two labels", **{k: f"{coder_name(a)} – {coder_name(b)}" for k, (a, b) in pairs.items()}},
        )
        first, second = (coder_name(c) for c in pairs[pair]) if pair else ("the first", "the second")
        texts = {**CASES, 4: f"truth sides with {first}", 5: f"truth sides with {second}"}
        case = params.choose("case", "Case", {"": "any case", **{str(n): t for n, t in texts.items()}})
        coder = params.choose("coder", "Labelled by", {"": "anybody", **{c: coder_name(c) for c in columns}})
        said = params.choose("said", "Labelled as", {"": "any class", **{c: f"{c} ({codes[c]})" for c in classes}})
        learned = params.choose(
            "truth", "Learned truth", {"": "any class", **{c: f"{c} ({codes[c]})" for c in classes}}
        )
        origins = sorted(truth["_origin"].unique())
        origin = params.choose("origin", "Where the image is from", {"": "anywhere", **{o: o for o in origins}})
        sort = params.choose("sort", "Order", SORTS)
    return Filter(pairs.get(pair), int(case) if case else None, coder, said, learned, origin, sort)


markup.heading("Faces")
with st.container(border=True):
    wish = filters()
rows = select(truth, columns, classes, wish)
if st.session_state.get("gallery_wish") not in (None, (run.folder.name, wish)):
    st.session_state["page_number"] = 1
elif "page_number" not in st.session_state:
    asked = st.query_params.get("page", "1")
    st.session_state["page_number"] = int(asked) if asked.isdecimal() and len(asked) < 9 else 1
st.session_state["gallery_wish"] = (run.folder.name, wish)
chosen, number, count = page_of(rows, int(st.session_state["page_number"]))
st.session_state["page_number"] = number
params.remember("page", str(number), "1")


def turn(step: int) -> None:
    """Go a page on or back."""
    st.session_state["page_number"] = number + step


def pager(place: str) -> None:
    """How many there are, and the way through them."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button("← Back", key=f"back_{place}", disabled=number <= 1, on_click=turn, args=(-1,))
        st.button("Next →", key=f"next_{place}", disabled=number >= count, on_click=turn, args=(1,))
        where = f" · page {number} of {count:,}" if count > 1 else ""
        markup.sentence(f"{len(rows):,} of {len(truth):,} images{where}")


if not len(rows):
    markup.empty("No image fits these filters", "Loosen one of them.")
    st.stop()
pager("top")
markup.show(gallery.legend(short, codes))
if state.dataset is None or reads.files(state.dataset) is None:
    markup.callout("warning", "The dataset is no longer where it was, so the images cannot be shown.")
dataset = state.dataset
html = gallery.render(
    truth.iloc[chosen], columns, codes, short, lambda name: reads.thumbnail(dataset, name) if dataset else None
)
markup.show(html)
if count > 1:
    pager("bottom")
