"""Words and tables for the comparison of methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ltnet_core.files.printing import counted
from ltnet_core.labels.intervals import difference_of_shares, wilson
from ui.markup import esc
from ui.wording import method_name, percent

ROOM = ' <span class="range"></span>'  # of an interval that is not known, so that figures stand below each other
MOST_IN_SIGHT = 12  # coders; a table of more scrolls
SMALLER_IS_BETTER = frozenset({"ece"})


def best_method(methods: Mapping[str, Mapping[str, Any]], measure: str = "accuracy") -> str | None:
    """The method with the best known value."""
    known = {m: float(v[measure]) for m, v in methods.items() if v.get(measure) is not None}
    if not known:
        return None
    return min(known, key=known.__getitem__) if measure in SMALLER_IS_BETTER else max(known, key=known.__getitem__)


def points(difference: float) -> str:
    """A difference of two shares, in percentage points."""
    return f"{abs(100 * difference):.1f} points"


def sentence(methods: Mapping[str, Mapping[str, Any]]) -> str:
    """How LTNet does against the best of the others, and whether so many images can tell."""
    known = {m: float(v["accuracy"]) for m, v in methods.items() if v.get("accuracy") is not None}
    if "ltnet" not in known:
        best = best_method(methods)
        return f"{method_name(best)} is right on {percent(known[best])} of the images." if best else "Nothing is known."
    others = {m: a for m, a in known.items() if not m.startswith("ltnet")}
    out = f"LTNet is right on {percent(known['ltnet'])} of the images"
    if not others:
        return out + "."
    rival = max(others, key=others.__getitem__)
    gap = known["ltnet"] - others[rival]
    if abs(gap) < 0.0005:
        return f"{out}, just as {method_name(rival)}."
    word = "more" if gap > 0 else "fewer"
    items, of_rival = (int(methods[m].get("items") or 0) for m in ("ltnet", rival))
    right = percent(others[rival]) + (f" of the {of_rival:,} that somebody labelled" if 0 < of_rival < items else "")
    out = f"{out}, {points(gap)} {word} than {method_name(rival)} ({right}), the best of the others."
    if items and of_rival:
        # As if the two were measured on different images: what they get wrong alike makes it more certain than this.
        low, high = difference_of_shares(known["ltnet"], items, others[rival], of_rival)
        ends = f"{100 * low:+.1f} and {100 * high:+.1f} points".replace("-", "−")
        out += f" With 95 % confidence the difference is between {ends}"
        out += "." if low > 0 or high < 0 else ": too wide to say which of the two is better."
    return out


def truth_sentence(truth: Mapping[str, Any]) -> str:
    """How right the learned truth is on the training images, against the labels that came with them."""
    learned, human = truth.get("accuracy"), truth.get("human_labels_accuracy")
    out = f"The learned truth is right on {percent(learned)} of {counted(truth.get('items', 0), 'image')}"
    out += f"; the coders’ own labels are right {percent(human)} of the time." if human is not None else "."
    network = ((truth.get("methods") or {}).get("ltnet") or {}).get("accuracy")
    if network is not None and learned is not None and network > learned:
        out += f" The network alone, without the labels, is right on {percent(network)}."
    return out


def table(
    methods: Mapping[str, Mapping[str, Any]],
    measures: Mapping[str, str],
    intervals: Mapping[str, tuple[float, float] | None] | None = None,
) -> str:
    """One row per method, the best of each measure in bold; ``intervals`` are those of macro F1."""
    best = {measure: (methods.get(best_method(methods, measure) or "") or {}).get(measure) for measure in measures}
    head = "".join(
        f'<th class="n">{esc(text)}{ROOM if _has_room(measure, intervals or {}) else ""}</th>'
        for measure, text in measures.items()
    )
    items = {m: int(v.get("items") or 0) for m, v in methods.items()}
    few = {m: f'<div class="range few">on {n:,} images</div>' for m, n in items.items() if 0 < n < max(items.values())}
    rows = "".join(
        f"<tr><td>{esc(method_name(m))}{few.get(m, '')}</td>"
        + "".join(
            f'<td class="n{" best" if v.get(measure) is not None and v[measure] == best[measure] else ""}">'
            f"{_cell(v, measure, m, intervals or {})}</td>"
            for measure in measures
        )
        + "</tr>"
        for m, v in methods.items()
        if any(v.get(measure) is not None for measure in measures)
    )
    return f'<div class="lt-scroll"><table class="lt-table"><tr><th>method</th>{head}</tr>{rows}</table></div>'


def _cell(
    scores: Mapping[str, Any], measure: str, method: str, of_macro_f1: Mapping[str, tuple[float, float] | None]
) -> str:
    """A score; of an accuracy and, where it is known, of macro F1 the 95 % interval too, or the room for it."""
    value, items = scores.get(measure), int(scores.get("items") or 0)
    ends = of_macro_f1.get(method) if measure == "macro_f1" else None
    if measure == "accuracy" and value is not None and items:
        ends = wilson(float(value), items)
    if value is not None and ends is not None:
        return f"{percent(value)} {interval(ends)}"
    return percent(value) + (ROOM if _has_room(measure, of_macro_f1) else "")


def _has_room(measure: str, of_macro_f1: Mapping[str, tuple[float, float] | None]) -> bool:
    return measure == "accuracy" or (measure == "macro_f1" and any(of_macro_f1.values()))


def interval(ends: tuple[float, float]) -> str:
    """The ends of an interval, in percent."""
    return f'<span class="range">{100 * ends[0]:.0f}–{100 * ends[1]:.0f}</span>'


def errors_table(errors: Mapping[str, float | None]) -> str:
    """Mean absolute error of T per coder, and of several their mean; many scroll."""
    known = [v for v in errors.values() if v is not None]
    if len(known) > 1:
        errors = {"mean": sum(known) / len(known), **errors}
    rows = "".join(
        f'<tr><td>{esc(c)}</td><td class="n">{"–" if v is None else format(v, ".3f")}</td></tr>'
        for c, v in errors.items()
    )
    head = '<tr><th>coder</th><th class="n">error</th></tr>'
    tall = ' lt-tall" role="region" tabindex="0" aria-label="Errors by coder' if len(errors) > MOST_IN_SIGHT else ""
    return f'<div class="lt-scroll{tall}"><table class="lt-table">{head}{rows}</table></div>'
