"""HTML pieces. Everything a user named goes through ``esc``: it is shown, never interpreted."""

from __future__ import annotations

import html
import re
import string
from collections.abc import Mapping, Sequence

import streamlit as st

from ui.wording import ISOLATE, refusal


def esc(text: object) -> str:
    """Text as HTML, isolated so that right-to-left names do not reorder their neighbours."""
    plain = str(text)
    # A browser looks into isolated names too for the direction of what they stand in, which is English.
    direction = ' dir="ltr"' if ISOLATE in plain else ""
    return f"<bdi{direction}>{html.escape(plain)}</bdi>"


# What Streamlit makes an emoji, an address or an arrow after it has read the Markdown: a character inside stops it.
_NAMED = re.compile(r"[:@](?=[\w/+-])|\bwww(?=\.)|[-<>=~](?=[-<>=])")
_PUNCTUATION = str.maketrans({c: f"\\{c}" for c in string.punctuation})


def label(text: str) -> str:
    """Plain text for the label of a widget or a toast, which Streamlit reads as Markdown."""
    return _NAMED.sub("\\g<0>\u200b", text).translate(_PUNCTUATION)


def show(body: str) -> None:
    """Put trusted HTML on the page; user text in it has gone through :func:`esc`."""
    st.html(body)


def callout(kind: str, text: str, *, title: str = "", items: Sequence[str] = ()) -> None:
    """A box: ``error``, ``warning``, ``note`` or ``good``. Plain text only."""
    head = f"<b>{esc(title)}</b>" if title else ""
    lines = "".join(f"<li>{esc(i)}</li>" for i in items)
    body = f"<div>{esc(text)}</div>" if text else ""
    role = "alert" if kind == "error" else "note"
    show(f'<div class="lt-callout lt-{kind}" role="{role}">{head}{body}{f"<ul>{lines}</ul>" if lines else ""}</div>')


def refused(e: Exception, title: str = "", kind: str = "error") -> None:
    """A box with what an error says, for someone on a page."""
    callout(kind, refusal(e), title=title)


def pill(state: str, label: str) -> str:
    """A coloured state, such as ``running``."""
    return f'<span class="lt-pill lt-state-{html.escape(state)}"><i></i>{esc(label)}</span>'


def sentence(text: str) -> None:
    """A line of plain text, quieter than the body."""
    show(f'<p class="lt-quiet">{esc(text)}</p>')


def heading(text: str, note: str = "", below: str = "") -> None:
    """A section heading with an optional quiet note beside it and a line below it."""
    side = f"<span>{esc(note)}</span>" if note else ""
    line = f'<p class="lt-quiet">{esc(below)}</p>' if below else ""
    show(f'<h2 class="lt-h">{esc(text)}{side}</h2>{line}')


def key(names: Mapping[str, str]) -> str:
    """Short codes and what they stand for, in a line."""
    return f'<div class="lt-key">{"".join(f"<span><b>{esc(s)}</b>{esc(n)}</span>" for s, n in names.items())}</div>'


def facts(pairs: Sequence[tuple[str, str]]) -> None:
    """Headline numbers in a row that wraps."""
    cells = "".join(f"<div><b>{esc(value)}</b><span>{esc(label)}</span></div>" for label, value in pairs)
    show(f'<div class="lt-facts">{cells}</div>')


def empty(title: str, text: str) -> None:
    """What a page shows when there is nothing to show: why, and what to do."""
    show(f'<div class="lt-empty"><h2>{esc(title)}</h2><p>{esc(text)}</p></div>')
