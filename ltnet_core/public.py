"""What ``from ltnet_core import …`` offers."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .annotations import AnnotationTable
from .datasets import Study, load_dataset
from .errors import (
    AnnotationError,
    Cancelled,
    DatasetError,
    InputError,
    LTNetError,
    OptionError,
    RunError,
    StorageError,
    TrainingError,
)
from .export.kind import export_run
from .labels.aggregation import Aggregate, aggregate, dawid_skene, majority_vote
from .labels.agreement import agreement
from .labels.reference import ReferenceEvidence, reference_evidence
from .runs.run import Run
from .settings import Settings, make_settings

if TYPE_CHECKING:
    from .explore.map_making import make_map
    from .fit import IPA2LT
    from .learning.predict import predict_images

__all__ = [
    "IPA2LT",
    "Aggregate",
    "AnnotationError",
    "AnnotationTable",
    "Cancelled",
    "DatasetError",
    "InputError",
    "LTNetError",
    "OptionError",
    "ReferenceEvidence",
    "Run",
    "RunError",
    "Settings",
    "StorageError",
    "Study",
    "TrainingError",
    "aggregate",
    "agreement",
    "dawid_skene",
    "export_run",
    "load_dataset",
    "majority_vote",
    "make_map",
    "make_settings",
    "predict_images",
    "reference_evidence",
]

# Importing torch or scikit-learn takes seconds; the pages and half of the commands do without them.
_SLOW = {"IPA2LT": ".fit", "predict_images": ".learning.predict", "make_map": ".explore.map_making"}


def __getattr__(name: str) -> Any:
    if name in _SLOW:
        return getattr(importlib.import_module(_SLOW[name], __package__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
