"""A button that begins something takes a second click for the first one's: people click twice, and while they wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

import streamlit as st

T = TypeVar("T")
KEY = "acts_done"
AGAIN_SECONDS = 5.0  # a busy machine takes some to come from a click to its act


@dataclass
class _Done:
    """Of a session: when each act ended, and what came of it. Held by whoever acts."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    acts: dict[str, tuple[float, object]] = field(default_factory=dict)


def once(name: str, act: Callable[[], T], folder_of: Callable[[T], Path]) -> T:
    """What comes of ``act``, or what came of it a moment ago and is still there; one that failed is done again.

    After a click the page is made anew, beside what an earlier click began, which goes on to its next call of Streamlit
    and ends there. So the second click waits for the act of the first, and goes on with what came of it.
    """
    done: _Done = st.session_state.setdefault(KEY, _Done())
    with done.lock:
        ended, before = done.acts.get(name, (float("-inf"), None))
        if time.monotonic() - ended <= AGAIN_SECONDS and folder_of(cast("T", before)).exists():
            return cast("T", before)
        result = act()
        done.acts[name] = time.monotonic(), result
    return result
