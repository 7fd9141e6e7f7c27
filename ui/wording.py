"""Texts that several pages share, and sentences made from numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ltnet_core.annotations import MACHINE_PREFIX, is_machine
from ltnet_core.errors import LTNetError
from ltnet_core.files.printing import counted, isolated
from ltnet_core.method import METHODS
from ltnet_core.runs.run import Status


@dataclass(frozen=True)
class PageText:
    """One screen: its file, its place in the URL, and the question it answers."""

    file: str
    path: str
    title: str
    question: str


PAGES = (
    PageText("1_dataset.py", "dataset", "Dataset", "Who labelled what, and how far do the coders agree?"),
    PageText("2_train.py", "train", "Train", "Learn the truth behind the labels, and how each coder departs from it."),
    PageText("3_transitions.py", "transitions", "Transitions", "When the truth is this, what does each coder say?"),
    PageText(
        "4_disagreements.py",
        "disagreements",
        "Disagreements",
        "Where coders disagree: what is the truth, and whose label is it?",
    ),
    PageText(
        "5_compare.py", "compare", "Compare", "Does the learned truth beat each coder alone, and all labels mixed?"
    ),
    PageText("6_export.py", "export", "Export", "Take the learned truth, the matrices and the model with you."),
    PageText("7_predict.py", "predict", "Predict", "What is in a new image, and what would each coder call it?"),
)
HELP = PageText("8_help.py", "help", "Help", "From images to their truth, and what the words mean.")
EVERY_PAGE = (*PAGES, HELP)

STATES = {
    "queued": "waiting",
    "running": "running",
    "stalled": "stalled",
    "done": "finished",
    "cancelled": "cancelled",
    "crashed": "interrupted",
    "failed": "failed",
}
LIVE = ("queued", "running", "stalled")

AGGREGATED = {  # names of an evaluation that are no trained network
    "majority": "majority vote",
    "dawid-skene": "Dawid–Skene",
    "shrunk-dawid-skene": "Dawid–Skene, shrunk",
    "auto": "models weighed by left-out labels",
    "truth": "known truth",
    "posterior": "network with the labels",
}
ONE_DIGIT = "%.1f %%"  # how a column of a table writes what is in percent
ISOLATE = "\u2068"  # begins a name that may run from right to left
LEAST_CONFUSED = 0.1  # of a class; less is not told
SHARED_STAGES = {
    "images": "Read the images",
    "pseudo": "Machine coders label what their coders did not",
    "results": "Work out and write the results",
}


ON_PAGE = {  # flag that an error advises → what to do on a page instead
    "--columns": "Give its columns the titles image, coder and label, and bring it again.",
    "--format": "The layouts that are known are below, under “How a dataset looks”.",
    "--split": "Call the part to be learned from “train”, and bring it again.",
}


def refusal(e: Exception) -> str:
    """What an error says, for someone on a page: where it advises a flag of the command line, what to do here."""
    advice = e.advice if isinstance(e, LTNetError) else ""
    here = ON_PAGE.get(advice.partition(" ")[0], advice)
    return f"{e.fact} {here}" if isinstance(e, LTNetError) and advice else str(e)


def name(text: str) -> str:
    """A user's name for use inside a sentence: right-to-left text must not turn its neighbours around."""
    return isolated(text)


def coder_name(coder: str) -> str:
    """``machine:RAF`` → ``RAF's machine coder``."""
    return f"{name(coder[len(MACHINE_PREFIX) :])}’s machine coder" if is_machine(coder) else name(coder)


def method_name(method: str) -> str:
    """A METHOD of an evaluation, in words."""
    if method.startswith("coder:"):
        return f"{name(method[6:])} alone"
    titles = {m.stage: m.stage_title for m in METHODS.values()} | AGGREGATED
    return titles.get(method, method)


def stage_name(stage: str, method: str = "") -> str:
    """A stage of a run, in words; ``method`` is what the run trains, where that is known."""
    if stage.startswith("coder:"):
        return f"Machine coder of {name(stage[6:])}"
    tasks = SHARED_STAGES | {m.stage: m.task for m in METHODS.values()}
    if method in METHODS:
        tasks |= METHODS[method].earlier_tasks
    return tasks.get(stage, f"Train: {method_name(stage)}")


def curve_name(stage: str, method: str = "") -> str:
    """A stage in the legend of its curves: what trains, without what for."""
    earlier = METHODS[method].earlier_tasks if method in METHODS else {}
    if stage in earlier:
        return earlier[stage].partition(":")[0]
    return stage_name(stage) if stage.startswith("coder:") else method_name(stage)


def duration(seconds: float | None) -> str:
    """Seconds in the words one would use."""
    if seconds is None:
        return ""
    if seconds < 50:
        return f"{max(5, round(seconds / 5) * 5):.0f} seconds"
    if seconds < 90:
        return "a minute"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} minutes"
    if seconds < 36 * 3600:
        return f"{seconds / 3600:.1f} hours"
    return f"{seconds / 86400:.1f} days"


def time_taken(seconds: float) -> str:
    """The same of what is over, to the second where that is short."""
    if seconds >= 10:
        return duration(seconds)
    return "under a second" if seconds < 1 else counted(round(seconds), "second")


def progress_sentence(status: Status) -> str:
    """Where a run stands, in one line."""
    share = f"{100 * status.progress:.0f} %"
    if status.state == "running":
        left = f" · about {duration(status.eta_seconds)} left" if status.eta_seconds else ""
        return share + left
    texts = {
        "queued": "Waiting to start" + (f": {status.message}" if status.message else ""),
        "stalled": f"{share} · {status.message}. It may be busy, or stuck; you can cancel and resume it.",
        "done": "Finished",
        "cancelled": f"Cancelled at {share}. Resume goes on from the last checkpoint.",
        "crashed": f"The trainer stopped at {share} without saying why. Resume goes on from the last checkpoint.",
        "failed": f"Failed at {share}.",
    }
    return texts.get(status.state, share)


def percent(value: float | None, digits: int = 1) -> str:
    """``0.873`` → ``87.3 %``; unknown is a dash."""
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def top_confusions(
    matrix: ArrayLike,
    classes: Sequence[str],
    most: int = 3,
    interval: tuple[ArrayLike, ArrayLike] | None = None,
) -> list[str]:
    """What a coder confuses most, from its transition matrix (K,K; rows are truth): "fear for 20 % of disgust".

    ``interval`` are the (K,K) ends of the cells' 95 % intervals.
    """
    t = np.asarray(matrix, dtype=float).copy()
    np.fill_diagonal(t, 0.0)
    order = np.argsort(-t, axis=None, kind="stable")[:most]
    cells = [(int(i) // len(classes), int(i) % len(classes)) for i in order]

    def share(k: int, label: int) -> str:
        if interval is None:
            return percent(t[k, label], 0)
        low, high = (100 * np.asarray(end, dtype=float)[k, label] for end in interval)
        return f"{percent(t[k, label], 0)} ({low:.0f} to {high:.0f})"

    return [
        f"{name(classes[label])} for {share(k, label)} of {name(classes[k])}"
        for k, label in cells
        if t[k, label] >= LEAST_CONFUSED
    ]


def confusions_sentence(
    coder: str, matrix: ArrayLike, classes: Sequence[str], interval: tuple[ArrayLike, ArrayLike] | None = None
) -> str:
    """What a coder confuses most, as a sentence about it; the arguments are those of `top_confusions`."""
    parts = top_confusions(matrix, classes, interval=interval)
    if not parts:
        return f"{coder_name(coder)} confuses no two classes in more than {percent(LEAST_CONFUSED, 0)} of cases."
    listed = parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
    return f"{coder_name(coder)} says {listed}."


def listing(names: Sequence[str], most: int = 4) -> str:
    """``A, B and C``; long lists are cut."""
    shown = [name(n) for n in names[:most]]
    if len(names) > most:
        return ", ".join(shown) + f" and {len(names) - most} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
