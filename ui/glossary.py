"""The terms of the pages and what each means: on the help page all of them, on every other page those that it uses."""

from __future__ import annotations

from collections.abc import Iterable

from ui.markup import esc

TERMS = {
    "item": "An image of the dataset.",
    "class": "One of the answers that a coder can give, with a name and a short code.",
    "coder": "Where labels come from: one annotator, or all labels of one dataset or source.",
    "machine coder": "A network that learned one coder’s labels and labels the images which that coder did not.",
    "annotation": "What one coder said of one item: a label, or votes, which are counts per class.",
    "agreement": "How often two coders gave the same label. Kappa takes off what they would agree on by chance: "
    "1 is always, 0 is chance.",
    "latent truth": "What an image shows, as far as the image alone tells: a probability for each class.",
    "transition matrix": "How a coder departs from the truth. The row is the true class, the column what the coder "
    "says, the cell how often. Each row sums to 1; a perfect coder has 1 on the diagonal.",
    "interval": "The range that holds the true value in 95 of 100 cases like this one.",
    "learned truth": "The most probable class given the image and all its annotations. Its confidence is that "
    "probability.",
    "network truth": "The most probable class given the image alone.",
    "known truth": "A truth that the dataset brings with it. It measures the results and is never learned from.",
    "test image": "An image with known truth that is kept out of training, to measure the result.",
    "mixture": "A network trained on the labels of all coders as they are. It is what LTNet has to beat.",
    "reference coder": "The coder whose labels are taken as nearly right. Where coders share no images, their labels "
    "fit more than one truth; the reference coder decides which of them is learned.",
    "case": "How two labels of an image and its learned truth relate: all agree, all different, the labels agree and "
    "the truth differs, or the truth agrees with one of them.",
    "to settle": "To decide what the truth of a disputed image is. Decisions are kept beside the labels, which stay "
    "as they are, and a refit can learn from them.",
    "gains most": "The order in which images are shown at first: those whose learned truth is least sure. An answer "
    "there corrects the truth most often. “Probably mislabelled” finds labels that the learned truth has put right.",
    "blind answer": "A decision made with the image alone in view, before the labels and the learned truth were shown.",
    "queue": "The images of a view, shared out among the people who settle: nobody gets an image that another holds.",
    "second opinion": "A second answer to a settled image, by another person or by the same one later, given without "
    "seeing the first. It settles nothing; how often both agree says how sure answers are.",
    "set aside": "A tag for images that should not count: lists hide them, refits do not learn from them, and exported "
    "tables leave them out. Test images are measured all the same.",
    "run": "One training, with its settings and results. A refit is a run that starts from another run’s settings.",
    "calibration": "Whether confidence means what it says: of answers with confidence .8, 80 % are right. The "
    "calibration error is the mean distance from that.",
    "confusion matrix": "How many images of each class were called what. The row is the known truth, the column the "
    "answer.",
    "macro F1": "How well each class is recognised, averaged over the classes, so that rare ones count as much.",
    "pseudo label": "What a machine coder says of an image. It counts less than a person’s label.",
}

PAGE_TERMS = {
    "dataset": ("coder", "class", "annotation", "agreement", "known truth", "test image"),
    "train": ("machine coder", "pseudo label", "latent truth", "mixture", "reference coder", "run"),
    "transitions": ("transition matrix", "coder", "interval", "reference coder"),
    "disagreements": (
        "learned truth",
        "network truth",
        "case",
        "to settle",
        "gains most",
        "blind answer",
        "queue",
        "second opinion",
        "set aside",
        "machine coder",
    ),
    "compare": (
        "mixture",
        "learned truth",
        "network truth",
        "test image",
        "interval",
        "macro F1",
        "confusion matrix",
        "calibration",
    ),
    "export": ("learned truth", "network truth", "transition matrix", "case"),
    "predict": ("latent truth", "transition matrix", "calibration"),
}


def definitions(terms: Iterable[str]) -> str:
    """Terms and their meanings as HTML."""
    rows = "".join(f"<dt>{esc(term)}</dt><dd>{esc(TERMS[term])}</dd>" for term in terms)
    return f'<dl class="lt-terms">{rows}</dl>'


def words_of_page(path: str) -> str:
    """What the words of a page mean, folded, as HTML; empty for a page that needs none."""
    terms = PAGE_TERMS.get(path, ())
    if not terms:
        return ""
    return f'<details class="lt-words"><summary>What the words mean</summary>{definitions(terms)}</details>'
