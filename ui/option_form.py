"""The form of a run's options, made from their declarations in :mod:`ltnet_core.settings`."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Sequence
from typing import Any

import streamlit as st

from ltnet_core.settings import Option, Settings
from ltnet_core.settings.flags import TITLES
from ui.server_files import file_of

COLUMNS = 4
AUTOMATIC = "automatic"
MOST_CODERS = 24  # that are shown as chosen


def option_form(base: Settings, coders: Sequence[str], without: Collection[str] = ()) -> list[str]:
    """One tab per group; returns the flags of what differs from ``base``, a preset's settings for a method.

    ``coders`` are the human coders of the study, ``without`` the options that have a widget elsewhere.

    Raises
    ------
    DatasetError
        a file that was named cannot be used; the form is whole then.
    """
    chosen: dict[str, Any] = {}

    def value_of(name: str) -> Any:
        return chosen.get(name, base.value(name))

    shown = {
        group: [o for o in options.values() if o.flag is not None and o.name not in without]
        for group, options in base.groups().items()
    }
    flags = []
    start = base.preset if base.network.features is None else f"{base.preset}_features"
    for tab, options in zip(st.tabs([TITLES.get(g, g).capitalize() for g in shown]), shown.values(), strict=True):
        with tab:
            for number, option in enumerate(options):
                if number % COLUMNS == 0:
                    row = st.columns(COLUMNS, gap="medium", vertical_alignment="bottom")
                with row[number % COLUMNS]:
                    off = option.ignored_because(base.method, value_of)
                    value = _WIDGETS[_kind(option)](option, base.value(option.name), coders, start, off)
                if off is None and value is not None and value != base.value(option.name):
                    chosen[option.name] = value
                    flags += _flag(option, value)
    for name, value in chosen.items():
        if base.options()[name].names == "file":
            file_of(value)
    return flags


def _kind(option: Option) -> str:
    if option.names:
        return option.names
    if option.words:
        return "number or word"
    return "choice" if option.choices or option.known else option.kind.__name__


def _flag(option: Option, value: Any) -> list[str]:
    if option.kind is bool:
        return [option.spelled(value)]
    return [f"{option.flag}={csv_row(value) if isinstance(value, tuple) else value}"]


def csv_row(names: Sequence[str]) -> str:
    """Names as the command line takes them: separated by commas, quoted where a name has one."""
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(names)
    return out.getvalue()


def _about(option: Option, start: str, off: str | None) -> dict[str, Any]:
    """What every widget of an option gets. Where the form starts from other values its widgets are others too."""
    text = option.help if off is None else f"{option.help} It has no meaning {off}."
    return {"label": option.label, "key": f"{option.name}_{start}", "help": text, "disabled": off is not None}


Widget = Callable[[Option, Any, Sequence[str], str, str | None], Any]


def _toggle(option: Option, default: Any, coders: Sequence[str], start: str, off: str | None) -> Any:
    return st.toggle(value=default, **_about(option, start, off))


def _choice(option: Option, default: Any, coders: Sequence[str], start: str, off: str | None) -> Any:
    names = list(option.choices or dict.fromkeys((*option.known, default)))
    open_ended = not option.choices
    about = _about(option, start, off)
    return st.selectbox(options=names, index=names.index(default), accept_new_options=open_ended, **about)


def _number(option: Option, default: Any, coders: Sequence[str], start: str, off: str | None) -> Any:
    whole = option.kind is int
    low, high = ((None if v is None else option.kind(v)) for v in (option.low, option.high))
    return st.number_input(
        min_value=low,
        max_value=high,
        value=None,
        step=1 if whole else None,
        format="%d" if whole else "%g",
        placeholder=AUTOMATIC if default is None else f"{default:g}",
        **_about(option, start, off),
    )


def _number_or_word(option: Option, default: Any, coders: Sequence[str], start: str, off: str | None) -> Any:
    names = [
        default if isinstance(default, str) else f"{default:g}",
        *(word for word in option.words if word != default),
    ]
    text = str(st.selectbox(options=names, index=0, accept_new_options=True, **_about(option, start, off)))
    try:
        return option.kind(text)
    except ValueError:
        return text


def _text(option: Option, default: Any, coders: Sequence[str], start: str, off: str | None) -> Any:
    return st.text_input(value=None, placeholder=option.placeholder or "", **_about(option, start, off)) or None


def _coder(option: Option, default: Any, coders: Sequence[str], start: str, off: str | None) -> Any:
    index = 0 if default is None else 1 + list(coders).index(default)
    names = [None, *coders]
    about = _about(option, start, off)
    return st.selectbox(options=names, index=index, format_func=lambda c: AUTOMATIC if c is None else str(c), **about)


def _coders(option: Option, default: Any, coders: Sequence[str], start: str, off: str | None) -> Any:
    few = len(coders) <= MOST_CODERS  # of more the browser would draw for a second; none chosen means all of them
    used = st.multiselect(
        options=list(coders),
        default=list(coders) if few else [],
        placeholder="all of them",
        **_about(option, start, off),
    )
    return tuple(used) if used and len(used) < len(coders) else None


def _file(option: Option, default: Any, coders: Sequence[str], start: str, off: str | None) -> Any:
    text = st.text_input(value=None, placeholder="path on this machine", **_about(option, start, off))
    return (text or "").strip() or None


_WIDGETS: dict[str, Widget] = {
    "bool": _toggle,
    "choice": _choice,
    "int": _number,
    "float": _number,
    "number or word": _number_or_word,
    "str": _text,
    "dict": _text,
    "coder": _coder,
    "coders": _coders,
    "file": _file,
}
