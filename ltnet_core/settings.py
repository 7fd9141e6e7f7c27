"""The settings of a run and the presets that fill them in."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from .errors import OptionError, did_you_mean

NETWORKS = ("cnn", "resnet20", "resnet18", "resnet50")
METHOD_TEXTS = {
    "ltnet": "Machine coders, then LTNet: latent truth and a transition matrix for every coder.",
    "mixture": "One network on all human labels as they are.",
    "majority": "One network on the majority vote.",
    "dawid-skene": "One network on the truth that Dawid–Skene finds in the labels.",
    "noise-adaptation": "One transition matrix for all labels (Goldberger and Ben-Reuven, 2017).",
    "crowd-layer": "A free matrix per coder behind the softmax (Rodrigues and Pereira, 2018).",
    "trace": "Matrices with the smallest trace that explains the labels (Tanno et al., 2019).",
    "annot-mix": "Images, coders and labels mixed in pairs (Herde et al., 2024).",
    "truth": "One network on the known truth: the upper bound, where the truth is known.",
}
METHODS = tuple(METHOD_TEXTS)
PRESET_TEXTS = {
    "quick": "A small network and few epochs: minutes on a CPU. The right first look.",
    "default": "ResNet-20 and more epochs: hours on a CPU, minutes on a GPU.",
    "paper": "The recipe of the authors' release, its double softmax and clamped T included, for comparison.",
}
PRESETS = tuple(PRESET_TEXTS)


def check_network(name: str) -> None:
    """Raise OptionError unless there is a base network of that name."""
    if name not in NETWORKS:
        known = ", ".join(NETWORKS)
        raise OptionError(f"unknown network {name!r}; choose from {known}." + did_you_mean(name, NETWORKS))


def check_method(name: str) -> None:
    """Raise OptionError unless there is a method of that name."""
    if name not in METHODS:
        raise OptionError(f"unknown method {name!r}; choose from {', '.join(METHODS)}." + did_you_mean(name, METHODS))


@dataclass(frozen=True)
class Settings:
    """Everything that shapes a result besides the data and the seed.

    Attributes
    ----------
    method : what is trained, a key of ``METHOD_TEXTS``.
    network, weights : base network and an optional local file of pretrained weights.
    image_size : pixels per side; None takes the images' own, at most ``largest_image``.
    epochs : passes of each coder's network, of the mixture and of LTNet; None derives
        them from ``image_budget`` passes of single images, within ``epoch_range``.
    ltnet_epochs : passes of LTNet where they differ; None for what ``epochs`` leaves.
    branch : where T needs a network to start from, the share of the schedule after which LTNet
        goes on from the weights trained on all labels mixed; 0 for a schedule of its own after
        theirs.
    augment : mirror and shift images while training.
    cutout : side of the square that is blanked out of each training image, as a share of the image's; 0 for none.
    mixup : α of Beta(α, α) by which pairs of training images are mixed; 0 for none.
    precision : of the base network's layers while it trains. ``bfloat16`` is faster where the processor has
        instructions for it; what is measured, predicted and kept is always float32.
    machine_coders, pseudo : whether machine coders label what their human did not, and
        whether ``soft`` (distributions) or ``hard`` (one class).
    comparisons : train the coders' own networks and the mixture also where LTNet has no
        need of them, to have something to compare it with.
    fewest_annotations : a human coder with fewer gets no machine coder.
    human_weight, machine_weight : weight of their annotations in the loss and the posterior.
    coder_weights : weight of single coders by name, where it differs from those two.
    trust : whether a coder whose labels of held-out images the network misses more often than
        another's weighs less (``held-out``, see :func:`~ltnet_core.ipa2lt.trust`), or all weigh
        alike (``equal``). Where labels suffice, T alone says how far each is to be believed.
    reference : human coder in whose words the truth is told where labels do not suffice: its matrix
        starts next to the identity. None for the one that ``find_reference`` finds, if any
        (:func:`~ltnet_core.trust.reference_coder`).
    given : coders taken at their word: their matrix is the identity and is not learned.
    transition_start : T before LTNet trains: ``dawid-skene`` (labels alone), ``network``
        (Dawid–Skene whose prior is the mixture network), ``identity``, or ``auto``: labels
        alone and fresh weights where they suffice
        (:func:`~ltnet_core.identifiability.labels_suffice`), else the mixture network,
        whose weights LTNet then starts from.
    start_diagonal : diagonal of T for the ``identity`` start.
    transition_optimizer, transition_lr, transition_delay : T's own pace, and the share of the schedule it waits.
    likelihood : of an item's annotations, see :class:`~ltnet_core.ltnet.LTNet`.
    double_softmax, transition_floor : the authors' release; a floor clamps T instead of a softmax.
    validation_share : share of the annotated items held out to choose the best epoch, at most 2,500 of them.
    """

    preset: str = "default"
    method: str = "ltnet"
    network: str = "resnet20"
    weights: str | None = None
    last_relu: bool = True
    image_size: int | None = None
    largest_image: int = 64
    epochs: int | None = 40
    ltnet_epochs: int | None = None
    branch: float = 0.4
    image_budget: int = 0
    epoch_range: tuple[int, int] = (1, 1000)
    batch_size: int = 128
    optimizer: Literal["adamw", "sgd"] = "sgd"
    decay: Literal["one-cycle", "poly"] = "one-cycle"
    lr: float = 0.1
    ltnet_lr: float = 0.05
    weight_decay: float = 5e-4
    augment: bool = True
    cutout: float = 0.25
    mixup: float = 0.0
    precision: Literal["float32", "bfloat16"] = "float32"
    machine_coders: bool = True
    comparisons: bool = True
    pseudo: Literal["soft", "hard"] = "soft"
    fewest_annotations: int = 50
    human_weight: float = 1.0
    machine_weight: float = 0.1
    coder_weights: dict[str, float] = field(default_factory=dict)
    trust: Literal["held-out", "equal"] = "held-out"
    reference: str | None = None
    find_reference: bool = True
    given: tuple[str, ...] = ()
    transition_start: Literal["auto", "network", "dawid-skene", "identity"] = "auto"
    start_diagonal: float = 0.9
    transition_optimizer: Literal["adamw", "sgd"] = "adamw"
    transition_lr: float = 0.003
    transition_delay: float = 0.3
    likelihood: Literal["joint", "separate"] = "joint"
    double_softmax: bool = False
    transition_floor: float | None = None
    validation_share: float = 0.1

    def __post_init__(self) -> None:
        check_network(self.network)
        check_method(self.method)
        for name, low, high in (
            ("image_size", 8, 1024),
            ("epochs", 1, 100_000),
            ("ltnet_epochs", 1, 100_000),
            ("batch_size", 2, 65_536),
            ("lr", 1e-8, 100.0),
            ("ltnet_lr", 1e-8, 100.0),
            ("human_weight", 1e-6, 1e6),
            ("machine_weight", 0.0, 1e6),
            ("start_diagonal", 1e-3, 1.0),
            ("transition_lr", 0.0, 100.0),
            ("transition_delay", 0.0, 1.0),
            ("cutout", 0.0, 1.0),
            ("mixup", 0.0, 10.0),
            ("branch", 0.0, 1.0),
            ("validation_share", 0.0, 0.5),
        ):
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise OptionError(f"{name} must lie between {low} and {high}, got {value}.")
        if self.given and (self.method != "ltnet" or self.transition_floor is not None):
            raise OptionError(
                f"only LTNet takes a coder at its word, and not with the paper preset's matrices; "
                f"let the matrix of {self.given[0]!r} be learned."
            )
        if self.reference is not None and (self.method != "ltnet" or self.transition_start not in ("auto", "network")):
            raise OptionError(
                "a reference coder says where LTNet's matrices start; it has no meaning for another method "
                f"or for matrices that start from {self.transition_start!r}."
            )
        if self.double_softmax and self.likelihood == "joint":
            raise OptionError("the double softmax belongs to the separate likelihood; set likelihood to 'separate'.")
        if self.mixup and self.method == "annot-mix":
            raise OptionError("annot-mix mixes images in its own way; leave mixup at 0.")
        for name, weight in self.coder_weights.items():
            if not 0 <= weight <= 1e6:
                raise OptionError(f"the weight of coder {name!r} must lie between 0 and 1e6, got {weight}.")
        for name, known in (
            ("pseudo", ("soft", "hard")),
            ("optimizer", ("adamw", "sgd")),
            ("transition_optimizer", ("adamw", "sgd")),
            ("decay", ("one-cycle", "poly")),
            ("precision", ("float32", "bfloat16")),
            ("likelihood", ("joint", "separate")),
            ("trust", ("held-out", "equal")),
            ("transition_start", ("auto", "network", "dawid-skene", "identity")),
        ):
            if getattr(self, name) not in known:
                raise OptionError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}.")

    def epochs_for(self, items: int, *, ltnet: bool = False) -> int:
        """Passes over a training set of this many items."""
        if ltnet and self.ltnet_epochs is not None:
            return self.ltnet_epochs
        if self.epochs is not None:
            return self.epochs
        low, high = self.epoch_range
        return min(max(round(self.image_budget / max(items, 1)), low), high)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Settings:
        """Settings as a run's spec has them; unknown keys are an error."""
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(content) - known)
        if unknown:
            raise OptionError(f"unknown setting {unknown[0]!r}." + did_you_mean(unknown[0], known))
        content = {"cutout": 0.0, "find_reference": False} | content  # runs from before there were any did without
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()}
        return cls(**values)


_PRESETS: dict[str, dict[str, Any]] = {
    "quick": {
        "network": "cnn",
        "largest_image": 48,
        "epochs": None,
        "image_budget": 60_000,
        "epoch_range": (8, 20),
        "batch_size": 32,
        "optimizer": "adamw",
        "lr": 0.003,
        "ltnet_lr": 0.003,
        "weight_decay": 0.05,
        "cutout": 0.0,
    },
    "default": {},
    "paper": {
        "network": "resnet20",
        "last_relu": False,
        "largest_image": 32,
        "epochs": 128,
        "batch_size": 128,
        "decay": "poly",
        "lr": 0.01,
        "ltnet_lr": 0.01,
        "weight_decay": 1e-3,
        "cutout": 0.0,
        "pseudo": "hard",
        "branch": 0.0,
        "trust": "equal",
        "find_reference": False,
        "human_weight": 3.0,
        "machine_weight": 0.5,
        "transition_start": "identity",
        "start_diagonal": 0.997,
        "transition_optimizer": "sgd",
        "transition_lr": 0.01,
        "transition_delay": 0.0,
        "likelihood": "separate",
        "double_softmax": True,
        "transition_floor": 0.01,
    },
}


def make_settings(preset: str = "default", **changes: Any) -> Settings:
    """A preset with some settings changed; a change of None keeps the preset's value.

    Raises
    ------
    OptionError
        unknown preset or setting, or a value out of range.
    """
    if preset not in PRESETS:
        raise OptionError(
            f"unknown preset {preset!r}; choose from {', '.join(PRESETS)}." + did_you_mean(preset, PRESETS)
        )
    given = {k: v for k, v in changes.items() if v is not None}
    known = {f.name for f in fields(Settings)}
    for name in given:
        if name not in known:
            raise OptionError(f"unknown setting {name!r}." + did_you_mean(name, known))
    return replace(Settings(preset=preset, **_PRESETS[preset]), **given)
