"""Help: the way from images to their truth, what the words mean, what to do when something goes wrong."""

from __future__ import annotations

import streamlit as st

from ui import frame, markup
from ui.current import current
from ui.glossary import TERMS, definitions

STEPS = (
    (
        "dataset",
        "Bring a dataset",
        "A folder, a zip or a table of labels; the demo if you have none. The page shows how it was read, asks where "
        "that could mean two things, and lists what is wrong with it. Your images are only ever read.",
    ),
    (
        "train",
        "Train",
        "Choose a preset and start. Machine coders learn each coder’s labels, then LTNet learns the truth and the "
        "matrices together. It runs without the page: close the tab, come back, cancel, resume.",
    ),
    (
        "transitions",
        "See how each coder labels",
        "A heatmap per coder. Off the diagonal are the confusions; a click on a cell shows the images behind it.",
    ),
    (
        "disagreements",
        "Look at the disputed images and settle them",
        "The image is shown first, the labels after your answer. Digits and letters answer, Backspace undoes, "
        "Space skips, ? lists the keys.",
    ),
    (
        "disagreements",
        "Refit",
        "A new run learns from what you settled. Train then says how many truths changed.",
    ),
    (
        "compare",
        "Check that it helped",
        "On images of known truth: LTNet, each coder alone and all labels mixed, with intervals.",
    ),
    (
        "export",
        "Take it with you",
        "The learned truth as a table, the matrices, the network, a report.",
    ),
)

QUESTIONS = {
    "The dataset was read wrongly.": "Press “Read it as …” on Dataset, change the role of a column or answer the "
    "question above it, and keep the reading. The command line has a flag for each answer.",
    "Training stopped.": "Train says why. Resume goes on from the last checkpoint, also after the machine was switched "
    "off.",
    "A coder’s matrix looks like the identity.": "Either the coder is that good, or the labels do not tell. Hover a "
    "row: few annotations behind it and wide intervals mean that little is known.",
    "The learned truth follows the wrong coder.": "Where coders share no images, name the reference coder on "
    "Train: its labels are taken as nearly right. Where most coders answer another question than yours, settle some "
    "images, or give the coders weights.",
    "I deleted something.": "The page offers to bring it back until the server is started again, "
    "or to remove it for good.",
    "Where are my files?": "In the folder “workspace” beside the app, or in the one that LTNET_WORKSPACE names: "
    "datasets, runs and what you settled. Nothing is sent anywhere.",
}

state = current()
markup.heading("From images to their truth")
for number, (path, title, text) in enumerate(STEPS, 1):
    words, button = st.columns([5, 1.4], vertical_alignment="center")
    with words:
        markup.show(f'<p class="lt-step"><b>{number}. {markup.esc(title)}.</b> {markup.esc(text)}</p>')
    with button:
        frame.link(path, f"Open {frame.page(path).title}", state)
markup.heading("What the words mean")
markup.show(definitions(sorted(TERMS, key=str.casefold)))
markup.heading("When something is not as it should be")
markup.show(
    '<dl class="lt-terms">'
    + "".join(f"<dt>{markup.esc(question)}</dt><dd>{markup.esc(text)}</dd>" for question, text in QUESTIONS.items())
    + "</dl>"
)
