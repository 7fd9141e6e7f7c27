"""Who is signed in. The guard writes the user into a header of every request, and drops what came in it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

import streamlit as st

from ui.access.settings import USER, settings


def user_of(headers: Mapping[str, str]) -> str | None:
    """The user of a request; None outside team mode."""
    value = headers.get(USER)
    return unquote(value) if value and settings().team else None


def signed_in() -> str | None:
    """The user whose page is being made; None outside team mode."""
    return user_of({name.lower(): value for name, value in st.context.headers.to_dict().items()})
