"""Faces with what everybody said of them, as one HTML grid: one message to the browser, no reruns."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from ltnet_core.annotations import MACHINE_PREFIX, is_machine
from ui.markup import esc
from ui.wording import coder_name

TRUTH = "LT"


def letters(coders: Sequence[str]) -> dict[str, str]:
    """A short unique prefix for every coder: ``H`` for Human, ``mH`` for its machine coder.

    Where initials clash, the first letter that tells the names apart is added: FER2013 is
    ``F2`` and FERPlus ``FP``.
    """
    humans = [c for c in coders if not is_machine(c)]
    bases = list(dict.fromkeys([*humans, *(c[len(MACHINE_PREFIX) :] for c in coders if is_machine(c))]))
    # Only what one can see and say: names may hold quotes, arrows or invisible marks.
    plain = {b: "".join(c for c in b if c.isalnum()) or "X" for b in bases}
    short: dict[str, str] = {}
    for base in bases:
        name = plain[base]
        rivals = [plain[b] for b in bases if b != base and plain[b][:1].upper() == name[:1].upper()]
        first = name[:1].upper()
        tries = [first] if not rivals else []
        tries += [first + name[i].upper() for i in range(1, len(name)) if all(r[i : i + 1] != name[i] for r in rivals)]
        tries += [first + name[i] for i in range(1, len(name))]
        tries += [f"{first}{n}" for n in range(1, len(bases) + 2)]
        short[base] = next(t for t in tries if t not in short.values() and t != TRUTH)
    return {c: "m" + short[c[len(MACHINE_PREFIX) :]] if is_machine(c) else short[c] for c in coders}


def caption(
    row: Mapping[Any, Any], columns: Mapping[str, str], codes: Mapping[str, str], short: Mapping[str, str]
) -> str:
    """``H: Ne  R: Ha  LT: Su`` as plain text."""
    said = [(short[c], str(row[column])) for c, column in columns.items() if row[column]]
    said.append((TRUTH, str(row["learned_truth"])))
    return "  ".join(f"{who}: {codes.get(what, what)}" for who, what in said)


def legend(short: Mapping[str, str], codes: Mapping[str, str]) -> str:
    """Which letter is which coder, and which code which class."""
    who = key({**{s: coder_name(c) for c, s in short.items()}, TRUTH: "learned truth"})
    what = key({code: name for name, code in codes.items()})
    mark = (
        '<span><span class="lt-chip yes">green</span> agrees with the learned truth</span>'
        '<span><span class="lt-chip no">red</span> does not</span>'
        "<span>click a face for details</span>"
    )
    return f'{who}{what}<div class="lt-key">{mark}</div>'


def key(names: Mapping[str, str]) -> str:
    """Short codes and what they stand for, in a line."""
    return f'<div class="lt-key">{"".join(f"<span><b>{esc(s)}</b>{esc(n)}</span>" for s, n in names.items())}</div>'


def render(
    rows: pd.DataFrame,
    columns: Mapping[str, str],
    codes: Mapping[str, str],
    short: Mapping[str, str],
    thumbnail: Callable[[str], str | None],
) -> str:
    """The grid. ``rows`` of a truth table, ``thumbnail`` gives a ``data:`` URI for an image name."""
    cards = [_card(row, columns, codes, short, thumbnail) for row in rows.to_dict("records")]
    return f'<div class="lt-faces">{"".join(cards)}</div>'


def _chip(who: str, what: str, kind: str, title: str) -> str:
    tip = html.escape(title, quote=True)
    return f'<span class="lt-chip {kind}" title="{tip}"><em>{esc(who)}:</em><b>{esc(what)}</b></span>'


def _card(
    row: Mapping[Any, Any],
    columns: Mapping[str, str],
    codes: Mapping[str, str],
    short: Mapping[str, str],
    thumbnail: Callable[[str], str | None],
) -> str:
    name, truth = str(row["image"]), str(row["learned_truth"])
    confidence = float(row["confidence"])
    uri = thumbnail(name)
    text = html.escape(f"{name}: {caption(row, columns, codes, short)}", quote=True)
    image = f'<img src="{uri}" alt="{text}">' if uri else '<div class="gone">image cannot be read</div>'
    chips = [
        _chip(short[c], codes.get(str(row[col]), str(row[col])), "yes" if row[col] == truth else "no",
              f"{coder_name(c)} says {row[col]}")
        for c, col in columns.items()
        if row[col]
    ]  # fmt: skip
    chips.append(_chip(TRUTH, codes.get(truth, truth), "lt", f"learned truth: {truth}"))
    known = str(row.get("_known_truth") or "")
    if known:
        right = "yes" if known == truth else "no"
        chips.append(_chip("true", codes.get(known, known), right, f"known truth: {known}"))
    bar = f'<span class="lt-conf"><u><s style="width:{100 * confidence:.0f}%"></s></u>{100 * confidence:.0f} %</span>'
    more = _details(row, columns, codes, name, truth, known)
    return (
        f'<details class="lt-face"><summary>{image}<div class="lt-cap">{"".join(chips)}{bar}</div></summary>'
        f'<div class="lt-more">{more}</div></details>'
    )


def _details(
    row: Mapping[Any, Any], columns: Mapping[str, str], codes: Mapping[str, str], name: str, truth: str, known: str
) -> str:
    lines = [f"<p><b>{esc(name)}</b></p>"]
    lines += [f"<p>{esc(coder_name(c))}: {esc(row[col])}</p>" for c, col in columns.items() if row[col]]
    lines.append(f"<p>Learned truth: <b>{esc(truth)}</b></p>")
    if row.get("network_truth"):
        lines.append(f"<p>From the image alone: {esc(row['network_truth'])}</p>")
    if known:
        lines.append(f"<p>Known truth: {esc(known)}</p>")
    p = sorted(((float(row[f"p_{c}"]), c) for c in codes if f"p_{c}" in row), reverse=True)[:4]
    bars = "".join(
        f'<tr><td>{esc(c)}</td><td style="width:45%"><span class="lt-bar" style="width:{100 * v:.0f}%"></span></td>'
        f'<td class="n">{100 * v:.0f} %</td></tr>'
        for v, c in p
    )
    return "".join(lines) + f"<table>{bars}</table>"
