"""Exports, one module each; every module's ``EXPORT`` is registered by being here.

A finished run and what people settled go in (as a :class:`~ltnet_core.export.kind.Source`), one file comes out.
"""

from __future__ import annotations

import importlib
import pkgutil

from ..kind import EXPORTS

for _module in pkgutil.iter_modules(__path__):
    EXPORTS.register(importlib.import_module(f"{__name__}.{_module.name}").EXPORT)
