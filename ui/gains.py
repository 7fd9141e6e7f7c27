"""What settling has brought to a run, counted once for each state of its store."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable

from ltnet_core.explore.decided import SET_ASIDE, SKIPPED
from ltnet_core.explore.gains import Gains, gains
from ltnet_core.labels.coder_labels import NO_ROWS
from ui import opened
from ui.opened import RunGallery

KEPT = 4

_lock = threading.Lock()
_kept: OrderedDict[Hashable, Gains] = OrderedDict()


def gains_of(gallery: RunGallery) -> Gains:
    """What the answers bring that are in the store now.

    Raises
    ------
    RunError
    """
    settled = gallery.settled
    now = settled.now
    items_version = opened.version_of_items(gallery.run)
    key = (str(gallery.run.folder), items_version, now.version, now.marked, str(settled.store.path))
    with _lock:  # one at a time: on a large run it needs memory for all items
        if key not in _kept:
            items, decisions = settled.items, dict(settled.decisions)
            answers = {d.image: d.label for d in decisions.values() if d.kind == "settle"}
            skipped = [d.image for row, d in decisions.items() if now.settled[row] == SKIPPED]
            aside = items.names.take(now.tags.get(SET_ASIDE, NO_ROWS)).to_pylist()
            _kept[key] = gains(gallery.run, items, answers, aside, skipped)
        _kept.move_to_end(key)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
        return _kept[key]
