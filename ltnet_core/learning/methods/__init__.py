"""Training methods, one module each; every module's ``METHOD`` is registered by being here.

A study's annotations and images go in (as a :class:`~ltnet_core.learning.trainer.Trainer`), a
:class:`~ltnet_core.learning.results.Learned` comes out.
"""

from __future__ import annotations

import importlib
import pkgutil

from ...method import METHODS

for _module in pkgutil.iter_modules(__path__):
    METHODS.register(importlib.import_module(f"{__name__}.{_module.name}").METHOD)
