"""LTNet Studio's library: the latent truth behind inconsistent image labels.

>>> from ltnet_core import load_dataset, IPA2LT
>>> study = load_dataset("my-faces/")               # doctest: +SKIP
>>> model = IPA2LT("quick", seed=0).fit(study)      # doctest: +SKIP
>>> model.transitions_["RAF"]                       # doctest: +SKIP
>>> model.truth_.to_csv("truth.csv", index=False)   # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .public import *  # noqa: F403

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """A public name, imported when it is first asked for: ``python -m ltnet_core`` imports this module unguarded."""
    public = importlib.import_module(".public", __name__)
    if name in ("__all__", *public.__all__):
        return getattr(public, name)
    if name in globals():  # a package that was imported with them
        return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__getattr__("__all__")]
