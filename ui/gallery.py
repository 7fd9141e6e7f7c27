"""The gallery as a component: it owns its view and asks the routes for what it shows; the page need not run again."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import quote

import streamlit as st

from ltnet_core.annotations import ADJUDICATOR, MACHINE_PREFIX, is_machine
from ltnet_core.errors import LTNetError
from ltnet_core.explore.facets import BANDS, columns_of
from ltnet_core.explore.selection import Selections
from ltnet_core.explore.wish import AGAINST, ANYTHING, LABELS, NEIGHBOURS, SORTS, SORTS_OF_LABELS, Wish
from ltnet_core.method import METHODS
from ltnet_core.runs.run import Run
from ltnet_core.settings import Settings
from ui import markup, reads, saved_views, tokens
from ui.access.user import signed_in
from ui.browser_modules import joined
from ui.gallery_routes import labels_key
from ui.wording import coder_name
from ui.workspace import Dataset

ASSETS = Path(__file__).resolve().parent.parent / "assets" / "gallery"
KEY = "gallery"
NEXT = "gallery_next"  # the view to begin with, of the session
TRUTH = "LT"
PAGE_PARAMETERS = ("dataset", "run")
STREAMLITS = ("embed", "embed_options")  # of the address, which no app may set
Refit = Callable[[str, bool], None]  # trust or learn; whether only answers given image first count
MOST_PARAMETERS, LONGEST = 60, 600
MOST_DIGITS = 6  # of a number in a tag
NUMBER_AT_END = re.compile(f"[0-9]{{1,{MOST_DIGITS}}}$")

_component = st.components.v2.component(
    "ltnet_gallery",
    html='<div class="ga"></div>\n',
    css=(ASSETS / "gallery.css").read_text(encoding="utf-8"),
    js=joined(ASSETS / "main.js"),
)


def gallery(run: Run | None, dataset: Dataset, refit: Refit) -> None:
    """Put the gallery of a finished run, or of a dataset's labels, on the page; ``refit`` is called when asked for."""
    selections = reads.labelled(dataset) if run is None else reads.selections(run)
    shown, unknown = view(selections)
    _component(
        key=KEY,
        data={
            "view": shown,
            "unknown": unknown,
            "saved": saved_views.load(dataset),
            "reviewer": signed_in(),
            **(_of_labels(dataset) if run is None else _of_run(run)),
            **_names(selections),
        },
        on_asked_change=lambda: _answer(dataset, refit),
    )


def _of_run(run: Run) -> dict[str, Any]:
    content = reads.spec(run)
    return {
        "run": run.folder.name,
        "api": f"api/runs/{quote(run.folder.name, safe='')}",
        "token": tokens.token(run.folder.name),
        "codes": content["codes"],
        "refit": "ltnet" in METHODS.named(Settings.of_spec(content).method).parts,
        "learned": int(content.get("adjudications") or 0),
    }


def _of_labels(dataset: Dataset) -> dict[str, Any]:
    return {
        "run": "",
        "api": f"api/labels/{quote(dataset.id, safe='')}",
        "token": tokens.token(labels_key(dataset.id)),
        "codes": reads.study(dataset).codes,
        "refit": False,
        "learned": 0,
    }


def _names(selections: Selections) -> dict[str, Any]:
    items = selections.items
    short = letters(items.coders)
    return {
        "truth": items.learned,
        "sorts": {key: text for key, text in SORTS.items() if items.learned or key in SORTS_OF_LABELS},
        "sort": selections.sort_of(Wish()),
        "columns": columns_of(selections),
        "bands": BANDS,
        "relations": LABELS if selections.pairs else {key: LABELS[key] for key in ("one", "none")},
        "against": AGAINST,
        "neighbours": NEIGHBOURS,
        "classes": list(items.classes),
        "coders": [
            {"id": c, "name": coder_name(c), "short": short[c], "machine": is_machine(c), "given": c in items.certain}
            for c in items.coders
        ],
        "origins": [o for o in items.origins if o] if selections.few_origins else [],
        "splits": list(items.splits),
        "totals": {ANYTHING: len(items)} | {s: int((items.split == i).sum()) for i, s in enumerate(items.splits)},
        "pairs": [(items.coders[a], items.coders[b]) for a, b in selections.pairs],
    }


def show_next(view: dict[str, str]) -> None:
    """Let the gallery begin with this view on the page that is opened next.

    The gallery writes the address itself: in the address of the change of pages it would be two steps of the browser's
    history.
    """
    st.session_state[NEXT] = view


def view(selections: Selections) -> tuple[dict[str, str], list[str]]:
    """The view that is asked for, and sentences about what of it cannot be shown."""
    asked = {k: str(v) for k, v in st.query_params.to_dict().items() if k not in PAGE_PARAMETERS}
    asked = st.session_state.pop(NEXT, asked)
    known = {str(k) for k in ("item", "at") if k in asked}
    unknown = []
    for name, value in asked.items():
        try:
            wish = Wish.parse({name: value})
            selections.require(wish)
        except LTNetError as e:
            unknown.append(f"{name}={value} in the address is left out: {e}")
            continue
        if wish != Wish():
            known.add(name)
        elif name not in known and value and not _is_default(name, value):
            unknown.append(f"{name}={value} in the address is left out: there is no filter {name!r}.")
    return {k: v for k, v in asked.items() if k in known}, unknown


def _is_default(name: str, value: str) -> bool:
    """Whether a filter is asked for with the value that it has anyway."""
    return name in {f.name for f in fields(Wish)} and name != "says"


def _answer(dataset: Dataset, refit: Refit) -> None:
    """Do what the browser asks for."""
    asked = st.session_state[KEY].get("asked")
    if not isinstance(asked, Mapping):
        return
    match asked.get("kind"):
        case "view":
            _to_address(asked.get("view"))
        case "save" | "forget":
            try:
                _keep_view(dataset, asked)
            except LTNetError as e:
                st.toast(markup.label(str(e)), icon="⚠️", duration="long")
        case "refit":
            refit("learn" if asked.get("how") == "learn" else "trust", asked.get("blind") is True)


def _keep_view(dataset: Dataset, asked: Mapping[str, Any]) -> None:
    name, wanted = asked.get("name"), _texts(asked.get("view"))
    if asked["kind"] == "forget":
        saved_views.forget(dataset, str(name))
    elif isinstance(name, str) and wanted is not None:
        saved_views.save(dataset, name, wanted)


def _texts(wanted: Any) -> dict[str, str] | None:
    """A view that a browser sent, within bounds; None where it is none."""
    if not isinstance(wanted, Mapping) or len(wanted) > MOST_PARAMETERS or len(json.dumps(dict(wanted))) > 20_000:
        return None
    texts = {str(k): str(v) for k, v in wanted.items() if len(str(v)) <= LONGEST}
    return {k: v for k, v in texts.items() if k not in PAGE_PARAMETERS and k.lower() not in STREAMLITS}


def _to_address(wanted: Any) -> None:
    texts = _texts(wanted)
    if texts is None:
        return
    # In the order in which the browser wrote it: another order would be one more step of its history.
    kept = {k: str(st.query_params[k]) for k in PAGE_PARAMETERS if k in st.query_params}
    st.query_params.from_dict({**kept, **texts})


def letters(coders: Sequence[str]) -> dict[str, str]:
    """A short unique tag for every coder: ``H`` for Human, ``mH`` for its machine coder.

    Where initials clash, the number at the end of the name is added, or the first letter that tells the names apart:
    annotator017 is ``A17``, FER2013 ``F2013`` and FERPlus ``FP``. A digit of a longer number never stands for it; a
    name that is a number is its own tag.
    """
    humans = [c for c in coders if not is_machine(c) and c != ADJUDICATOR]
    bases = list(dict.fromkeys([*humans, *(c[len(MACHINE_PREFIX) :] for c in coders if is_machine(c))]))
    # Only what one can see and say: names may hold quotes, arrows or invisible marks.
    plain = {b: "".join(c for c in b if c.isalnum()) or "X" for b in bases}
    alike = Counter(name[:1].upper() for name in plain.values())
    there = Counter((name[:1].upper(), i, letter) for name in plain.values() for i, letter in enumerate(name))
    numbers = {b: match[0] for b, name in plain.items() if (match := NUMBER_AT_END.search(name))}
    short: dict[str, str] = {}
    taken, counters = {TRUTH}, defaultdict[str, Iterator[int]](lambda: itertools.count(1))
    for base in sorted(bases, key=lambda b: b not in numbers):  # another's number is nobody's counter
        name, number = plain[base], numbers.get(base, "")
        first = name[:1].upper()
        lettered = [i for i in range(1, len(name)) if not name[i].isdigit()]
        tries: Iterator[str] = itertools.chain(
            [name, f"…{name[-4:]}", f"…{name[-6:]}"][len(name) > MOST_DIGITS :] if name.isdigit() else [],
            [first] if alike[first] == 1 else [],
            [first + (number.lstrip("0") or "0"), first + number] if number and not name.isdigit() else [],
            (first + name[i].upper() for i in lettered if there[first, i, name[i]] == 1),
            (first + name[i] for i in lettered),
            (f"{first}{number}-{n}" if number else f"{first}{n}" for n in counters[first]),
        )
        short[base] = next(t for t in tries if t not in taken)
        taken.add(short[base])
    adjudicator = {c: "settled" for c in coders if c == ADJUDICATOR}
    return adjudicator | {
        c: "m" + short[c[len(MACHINE_PREFIX) :]] if is_machine(c) else short[c] for c in coders if c != ADJUDICATOR
    }
