"""What each file of a run must hold: keys, types, shapes and ranges, checked on reading."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, TypedDict, get_type_hints

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..errors import LTNetError
from ..files.parquet_files import read_codes
from ..files.reading import damaged, read_json, reading, require_file, version
from ..files.shapes import mismatch
from ..settings import Settings
from ..settings.names import FEATURES

SUM_TOLERANCE = 1e-3
MOST_ITEMS = 2**31
Matrix = list[list[float]]


class _SpecKeys(TypedDict):
    dataset: str
    dataset_name: str
    fingerprint: str
    preset: str
    settings: dict[str, Any]
    seed: int
    device: str
    classes: list[str]
    codes: list[str]


class FeatureSource(TypedDict):
    """The file of features that a run was made with: how many vectors, their length, and a digest of all of it."""

    vectors: int
    dimensions: int
    digest: str


class Spec(_SpecKeys, total=False):
    """``spec.json``."""

    features: FeatureSource | None

    format: str | None
    corrections: dict[str, Any]
    coders: list[str] | None
    pixel_budget: float | None
    adjudications: int
    left_out: int
    like: str | None
    processes: int | None
    created: float


class _NameKeys(TypedDict):
    classes: list[str]
    coders: list[str]
    origins: list[str]
    splits: list[str]
    given: list[str]
    weights: list[float]
    dawid_skene: list[str]
    reference_coder: str | None
    reference_source: dict[str, str]


class Names(_NameKeys, total=False):
    """``names.json``: what the codes of the other results are indices into, and facts of single coders."""

    sharpness: float


class _TransitionKeys(TypedDict):
    classes: list[str]
    coders: dict[str, Matrix]


class FirstTransitions(_TransitionKeys, total=False):
    """``transitions.json`` of runs from before there was ``names.json``; every matrix is K × K, rows are truth."""

    start: dict[str, Matrix] | None
    dawid_skene: dict[str, Matrix]
    counts: dict[str, Matrix]
    support: dict[str, list[float]]
    low: dict[str, Matrix]
    high: dict[str, Matrix]
    reference: dict[str, list[list[float] | None]]
    reference_source: dict[str, str]
    columns: dict[str, str]
    weights: dict[str, float]
    given: list[str]
    reference_coder: str | None


class Scores(TypedDict, total=False):
    """How right a method is; null where it says nothing of these items."""

    items: int
    accuracy: float | None
    macro_f1: float | None
    ece: float | None
    confusion: list[list[int]]
    calibration: list[list[float]]


class Test(TypedDict):
    """A test set."""

    items: int
    methods: dict[str, Scores]


class Recovery(TypedDict):
    """How far a learned matrix is from the true one."""

    mae: float | None


class _TruthKeys(TypedDict):
    items: int
    accuracy: float | None
    human_labels_accuracy: float | None


class Truth(_TruthKeys, total=False):
    """How right the learned truth is."""

    methods: dict[str, Scores]


class Evaluation(TypedDict):
    """``evaluation.json``."""

    tests: dict[str, Test]
    transitions: dict[str, Recovery]
    truth: Truth


class _NetworkKeys(TypedDict):
    network: str
    last_relu: bool
    image_size: int
    channels: int
    mean: list[float]
    std: list[float]
    method: str
    trained_classes: list[str]
    trained_coders: list[str]
    files: dict[str, str]
    temperature: float


class Networks(_NetworkKeys, total=False):
    """``networks/index.json``."""

    view_shifts: list[int]
    mirror: bool
    hidden_units: int


def read_spec(path: Path) -> dict[str, Any]:
    """What a run was asked for.

    Raises
    ------
    DamageError
        the file is missing or damaged.
    """
    return copy.deepcopy(_read_spec(path, version(require_file(path))))


@lru_cache(maxsize=512)
def _read_spec(path: Path, of: tuple[int, ...]) -> dict[str, Any]:
    content = read_json(path)
    _require(path, mismatch(content, Spec))
    if len(content["classes"]) != len(content["codes"]) or len(content["classes"]) < 1:
        raise damaged(path, "every class needs a code")
    if any("\0" in content[name] for name in ("dataset", "device")):
        raise damaged(path, "a name holds a zero byte")
    if content["seed"] < 0 or not 0 <= content.get("created", 0) < 1e11:
        raise damaged(path, "seed and time must not be negative")
    _check_settings(path, content)
    return content


def _check_settings(path: Path, spec: Mapping[str, Any]) -> None:
    try:
        settings = Settings.of_spec(spec)
    except (LTNetError, TypeError, ValueError, AttributeError) as e:
        raise damaged(path, f"settings: {e}") from e
    for group, options in Settings.groups().items():
        values = getattr(settings, group)
        for name, kind in get_type_hints(type(values)).items():
            if name in options:
                _require(path, mismatch(getattr(values, name), kind, f"settings.{name}"))


def check_result(name: str, path: Path, *, whole: bool) -> None:
    """Raise unless a result file holds what one of its name must hold.

    ``whole`` reads all of a table: of a run without digests nothing else tells that it is sound.
    Every version of a file is checked once.

    Raises
    ------
    DamageError
    """
    _check_version(name, path, version(require_file(path)), whole)


@lru_cache(maxsize=256)
def _check_version(name: str, path: Path, of: tuple[int, ...], whole: bool) -> None:
    if path.suffix == ".json":
        content = read_json(path)
        if name in _JSON:
            kind, check = _JSON[name]
            _require(path, mismatch(content, kind))
            with reading(path):
                check(path, content)
    elif name == "transitions.parquet":
        _check_transitions(path, whole)
    elif path.suffix == ".parquet":
        _check_parquet(path, whole)
    elif path.suffix == ".npy":
        _check_array(path)


def _require(path: Path, wrong: str | None) -> None:
    if wrong is not None:
        raise damaged(path, wrong)


def _names(path: Path, content: Mapping[str, Any]) -> None:
    for kind in ("classes", "coders", "origins", "splits"):
        if len(set(content[kind])) < len(content[kind]):
            raise damaged(path, f"{kind} must be different names")
    coders = set(content["coders"])
    if not content["classes"] or not coders:
        raise damaged(path, "it must name classes and coders")
    if len(content["weights"]) != len(coders) or min(content["weights"]) < 0:
        raise damaged(path, "weights must hold a number for each coder, none below 0")
    for key in ("given", "dawid_skene", "reference_source"):
        if not set(content[key]) <= coders:
            raise damaged(path, f"{key} names a coder that there is not")


def _transitions(path: Path, content: Mapping[str, Any]) -> None:
    classes, coders = content["classes"], content["coders"]
    if not classes or len(set(classes)) < len(classes):
        raise damaged(path, "classes must be different names")
    k = len(classes)
    for key in ("coders", "start", "dawid_skene", "reference", "counts", "low", "high"):
        for coder, rows in (content.get(key) or {}).items():
            known = [row for row in rows if row is not None]
            square = len(rows) == k and all(len(row) == k for row in known)
            matrix = np.asarray(known if square else [], dtype=np.float64).reshape(-1, k)
            if not square or not np.isfinite(matrix).all() or (matrix < 0).any():
                raise damaged(path, f"the {key} of {coder!r} must be {k} × {k} numbers, none below 0")
            probable = key not in ("counts", "low", "high")
            if probable and not np.allclose(matrix.sum(1), 1, atol=SUM_TOLERANCE):
                raise damaged(path, f"the rows of the {key} of {coder!r} must sum to 1")
    if any(len(v) != k or min(v) < 0 for v in content.get("support", {}).values()):
        raise damaged(path, f"support must be {k} numbers a coder, none below 0")
    for key in ("counts", "support", "low", "high", "columns", "weights"):
        if key in content and not coders.keys() <= content[key].keys():
            raise damaged(path, f"{key} leaves out a coder")
    if not set(content.get("given", ())) <= coders.keys():
        raise damaged(path, "given names a coder that there is not")


def _evaluation(path: Path, content: Mapping[str, Any]) -> None:
    parts = [*content["tests"].values(), content["truth"]]
    scores = [s for part in parts for s in [part, *part.get("methods", {}).values()]]
    values = [s[key] for s in scores for key in ("accuracy", "macro_f1", "ece", "human_labels_accuracy") if key in s]
    if any(v is not None and not 0 <= v <= 1 for v in values):
        raise damaged(path, "a share must lie between 0 and 1")
    if any(s.get("items", 0) < 0 for s in scores):
        raise damaged(path, "a number of items must not be negative")
    if any(
        len(row) != 3 or min(row) < 0 for s in scores for key in ("confusion", "calibration") for row in s.get(key, ())
    ):
        raise damaged(path, "a row of a confusion matrix or a calibration curve must hold three numbers, none below 0")


def _networks(path: Path, content: Mapping[str, Any]) -> None:
    channels, files = content["channels"], content["files"]
    if content["network"] == FEATURES:
        if channels < 1 or content["image_size"] != 1 or content.get("hidden_units", -1) < 0:
            raise damaged(path, "features must be one or more, of images of one pixel")
    elif channels not in (1, 3) or not 8 <= content["image_size"] <= 4096:
        raise damaged(path, "images must have 1 or 3 channels and 8 to 4096 pixels a side")
    if len(content["mean"]) != channels or len(content["std"]) != channels or min(content["std"]) <= 0:
        raise damaged(path, "mean and std must be a number for each channel, std above 0")
    if not 0 < content["temperature"] < 1e6:
        raise damaged(path, "the temperature must be above 0")
    if content["method"] not in files or any(os.path.basename(f) != f or not f for f in files.values()):
        raise damaged(path, "files must hold the name of a weights file for the method")
    if "view_shifts" not in content and "mirror" not in content:
        raise damaged(path, "it has no 'view_shifts'")
    if any(abs(shift) > 8 for shift in content.get("view_shifts", ())):
        raise damaged(path, "a view is shifted by more than 8")


_JSON: dict[str, tuple[Any, Callable[[Path, Mapping[str, Any]], None]]] = {
    "names.json": (Names, _names),
    "transitions.json": (FirstTransitions, _transitions),
    "evaluation.json": (Evaluation, _evaluation),
    "networks/index.json": (Networks, _networks),
}


_COLUMNS = {
    "truth.parquet": ("image", "learned_truth", "confidence", "network_truth"),
    "items.parquet": ("image", "truth", "network", "known", "origin", "split", "confidence", "margin"),
    "annotations.parquet": ("row", "coder", "label", "count"),
}
_SHARES = ("p_", "image_p_", "confidence", "margin")
MATRICES = ("learned", "start", "dawid_skene", "counts", "support", "low", "high", "reference")
PROBABILITIES = ("learned", "start", "dawid_skene", "reference")
PARTLY_KNOWN = ("dawid_skene", "reference")  # matrices of some coders only, or with unknown rows


def _check_parquet(path: Path, whole: bool) -> None:
    require_file(path)
    with reading(path), pq.ParquetFile(path) as file:
        columns = file.schema_arrow
        lost = [c for c in _COLUMNS.get(path.name, ()) if c not in columns.names]
        if lost:
            raise damaged(path, f"it has no column {lost[0]!r}")
        floats = [f.name for f in columns if pa.types.is_floating(f.type)]
        if any(f.name not in floats for f in columns if f.name in ("confidence", "margin")):
            raise damaged(path, "a probability is no number")
        if not whole:
            return
        for batch in file.iter_batches():
            for name in floats:
                values = batch.column(name).to_numpy(zero_copy_only=False)
                if not np.isfinite(values).all() or (name.startswith(_SHARES) and _outside(values)):
                    raise damaged(path, f"column {name!r} holds a value that is no probability")


def cells_of(coders: int, classes: int) -> dict[str, NDArray[np.int32]]:
    """``coder``, ``truth`` and ``label`` of every row of ``transitions.parquet``: those of the cells of (C,K,K)."""
    shape = coders, classes, classes
    indices = np.indices(shape, dtype=np.int32).reshape(3, -1)
    return dict(zip(("coder", "truth", "label"), indices, strict=True))


def _check_transitions(path: Path, whole: bool) -> None:
    with reading(path), pq.ParquetFile(path) as file:
        names = file.schema_arrow.names
        lost = [c for c in ("coder", "truth", "label", *MATRICES) if c not in names and c != "start"]
        if lost:
            raise damaged(path, f"it has no column {lost[0]!r}")
        if not whole:
            return
        table = file.read()
        columns = {name: table.column(name).to_numpy() for name in names}
    rows = table.num_rows
    codes = (read_codes(path, table, name, 0, MOST_ITEMS) for name in ("coder", "label"))
    coders, classes = (int(code.max(initial=-1)) + 1 for code in codes)
    cells = cells_of(coders, classes) if 0 < rows == coders * classes**2 else {}
    if not cells or any(not np.array_equal(columns[name], index) for name, index in cells.items()):
        raise damaged(path, "it must have a row for each coder, truth and label, in their order")
    for name in filter(names.__contains__, MATRICES):
        values = columns[name]
        if values.dtype.kind != "f" or (values < 0).any() or np.isinf(values).any():
            raise damaged(path, f"column {name!r} must hold numbers that are not below 0")
        unknown = np.isnan(values).reshape(-1, classes).any(1)
        if unknown.any() and name not in PARTLY_KNOWN:
            raise damaged(path, f"column {name!r} must hold a number in every row")
        sums = values.reshape(-1, classes).sum(1)[~unknown]
        if name in PROBABILITIES and not np.allclose(sums, 1, atol=SUM_TOLERANCE):
            raise damaged(path, f"the rows of the matrices in column {name!r} must sum to 1")


def _outside(values: Any) -> bool:
    return bool(len(values)) and (float(values.min()) < -1e-6 or float(values.max()) > 1 + 1e-6)


def _check_array(path: Path) -> None:
    require_file(path)
    with reading(path):
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.ndim != 2 or array.dtype.kind != "f":
        raise damaged(path, "expected rows of numbers")
