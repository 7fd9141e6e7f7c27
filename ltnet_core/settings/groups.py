"""Every option of a run, declared once, in five groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import OptionError
from .names import FEATURES, NETWORKS, TIMM, require_network_name
from .option import option

NETWORK_START = {"transition_start": ("auto", "network")}
IMAGES = {"features": (None,)}  # the networks see images
CUTOUT, EPOCHS_FOR_CUTOUT = 0.25, 30


@dataclass(frozen=True)
class NetworkOptions:
    """The base network, whose softmax is the latent truth."""

    network: str = option(
        "resnet20", f"Base network: {', '.join(NETWORKS)}, or timm:NAME for one of the library timm.", known=NETWORKS
    )
    features: str | None = option(
        None,
        "File of features that the network sees in the place of the images, one vector an image: .parquet (a column of "
        "image names, columns of floats or one of lists), .npz (names, features), or .npy with the names in a .txt "
        "beside it. The network is then a linear layer.",
        names="file",
    )
    hidden_units: int = option(
        0, "Units of a hidden layer on the features; 0: none.", range=(0, 16_384), needs={"network": (FEATURES,)}
    )
    weights: str | None = option(
        None,
        "Local file of pretrained weights, .safetensors or a PyTorch file of tensors.",
        names="file",
        needs=IMAGES,
    )
    pretrained: bool = option(
        False,
        "Start from the published weights of a network of timm's, which are downloaded once; a file of weights goes "
        "first.",
        needs=IMAGES,
    )
    freeze: bool = option(
        False,
        "Keep the pretrained weights as they are and train the last layer alone, on features that are computed once; "
        "images are not mirrored, shifted or cut out then.",
        needs=IMAGES,
    )
    last_relu: bool = option(
        True, "Apply the activation after each residual sum of ResNet-20; the authors' release does not.", flag=None
    )
    precision: Literal["auto", "float32", "bfloat16"] = option(
        "auto",
        "Precision of the network's layers while it trains; auto: bfloat16 on a GPU that has instructions for it, else "
        "float32. On a CPU with such instructions bfloat16 is faster too. Measuring, predicting and storing always use "
        "float32.",
    )
    cuda_graphs: bool = option(
        True,
        "On a GPU, capture the training step once and replay it, instead of starting its kernels one by one.",
        label="CUDA graphs",
    )

    def __post_init__(self) -> None:
        require_network_name(self.network)
        if self.features is None and self.network == FEATURES:
            raise OptionError("the network 'features' sees a file of features; give --features FILE.")
        if self.features is not None and self.network != FEATURES:
            raise OptionError(
                f"--features takes the place of the images, which {self.network!r} would see; leave --features or "
                "--network out."
            )
        if self.freeze and not self.pretrained and self.weights is None:
            raise OptionError("--freeze keeps pretrained weights as they are; give --weights FILE or --pretrained.")
        if self.pretrained and not self.network.startswith(TIMM):
            raise OptionError(
                f"only networks of timm's have published weights, not {self.network!r}; take one of them, leave "
                "--pretrained out or say --no-pretrained."
            )


@dataclass(frozen=True)
class ScheduleOptions:
    """How long and how fast the networks train."""

    epochs: int | None = option(
        40,
        "Passes over the training items for each network; by default as many as image_budget allows.",
        range=(1, 100_000),
    )
    ltnet_epochs: int | None = option(
        None,
        "Passes of the last stage, where they differ from epochs.",
        range=(1, 100_000),
        part="two stages",
        label="LTNet epochs",
    )
    branch: float = option(
        0.4,
        "Share of the schedule after which LTNet continues from the network trained on all labels mixed, where T needs "
        "a network to start from, later where a short schedule shows no reference coder by then; 0: LTNet has a "
        "schedule of its own after that network's.",
        range=(0.0, 1.0),
        part="ltnet",
    )
    image_budget: int = option(
        0, "Training images, passes counted, for a network whose epochs are not set.", range=(0, 1e12), flag=None
    )
    epoch_range: tuple[int, int] = option((1, 1000), "Fewest and most epochs under image_budget.", flag=None)
    batch_size: int | Literal["auto"] = option(
        128,
        "Images per training step. Learning rates that are not set grow with its square root. auto: the preset's, on a "
        "GPU doubled up to 1,024 as long as an epoch has 50 steps; set learning rates grow alike then. Where the "
        "memory is not enough, any number is halved.",
        range=(2, 65_536),
    )
    optimizer: Literal["adamw", "sgd"] = option("sgd", "Optimiser of the network.")
    decay: Literal["one-cycle", "poly"] = option(
        "one-cycle",
        "Shape of the learning rate over the schedule.",
        label="Learning rate decay",
    )
    lr: float = option(
        0.1,
        "Peak learning rate of a network that starts from fresh weights.",
        range=(1e-8, 100.0),
        label="Learning rate",
    )
    ltnet_lr: float = option(
        0.05,
        "Peak learning rate of a last stage that continues from another network's weights after their schedule.",
        range=(1e-8, 100.0),
        part="two stages",
        label="LTNet learning rate",
    )
    weight_decay: float = option(
        5e-4, "Weight decay of the network's weights; biases, norms and T have none.", range=(0.0, 10.0)
    )


@dataclass(frozen=True)
class CoderOptions:
    """Whose annotations are learned from, and how much they weigh."""

    coders: tuple[str, ...] | None = option(
        None,
        "Human coders to learn from, separated by commas, in double quotes if a name has one; by default all.",
        names="coders",
        placeholder="A,B,…",
        label="Coders to learn from",
    )
    machine_coders: bool = option(
        True,
        "Train a machine coder on each human coder; it labels what its human did not and bridges coders who share no "
        "image.",
        part="ltnet",
    )
    side_by_side: bool = option(
        False,
        "On a GPU, train the machine coders and the first network on all labels side by side if some timed steps say "
        "that this is faster than one after the other; what they learn is the same.",
        part="ltnet",
        needs={"machine_coders": (True,)},
    )
    pseudo: Literal["soft", "hard"] = option(
        "soft",
        "Kind of the pseudo labels: soft (a distribution over classes) or hard (one class).",
        part="ltnet",
        needs={"machine_coders": (True,)},
        label="Pseudo labels",
    )
    comparisons: bool = option(
        True,
        "Train the coders' own networks and the mixture also where LTNet does not need them, for comparison.",
        part="ltnet",
    )
    fewest_annotations: int = option(
        50,
        "A human coder with fewer annotations gets no machine coder.",
        range=(1, 1_000_000),
        part="ltnet",
        needs={"machine_coders": (True,)},
    )
    human_weight: float = option(
        1.0, "Weight of a human coder's annotations in the loss.", range=(1e-6, 1e6), part="coders"
    )
    machine_weight: float = option(
        0.1,
        "Weight of a machine coder's annotations in the loss.",
        range=(0.0, 1e6),
        part="ltnet",
        needs={"machine_coders": (True,)},
    )
    coder_weights: dict[str, float] = option(
        dict,
        "Weights of single coders that differ from those two, such as RAF=3,machine:RAF=0.1.",
        part="coders",
        placeholder="NAME=WEIGHT,…",
    )
    trust: Literal["held-out", "equal"] = option(
        "held-out",
        "held-out: where T needs a network to start from, a coder whose held-out labels the network misses more often "
        "weighs less, weight(c) = error(best) / error(c); equal: all weigh alike.",
        part="ltnet",
        label="Trust in coders",
    )
    reference: str | None = option(
        None,
        "Reference coder: where the labels fit more than one truth, its labels are taken as nearly right and its T "
        "starts close to a perfect coder's. By default the run looks for one by held-out labels.",
        part="ltnet",
        names="coder",
        placeholder="CODER",
        needs=NETWORK_START,
        label="Reference coder",
    )
    find_reference: bool = option(
        True,
        "Look for a reference coder where none is named.",
        part="ltnet",
        flag="--no-reference",
        needs=NETWORK_START,
        label="Find a reference coder",
    )
    given: tuple[str, ...] = option((), "Coders whose labels are the truth: their T is the identity.", flag=None)

    def __post_init__(self) -> None:
        if self.coders is not None and not all(isinstance(name, str) for name in self.coders):
            raise OptionError(f"coders must be names, got {self.coders!r}.")
        if self.coders is not None and (not self.coders or len(set(self.coders)) < len(self.coders)):
            raise OptionError("coders must be one or more different names.")
        for name, weight in self.coder_weights.items():
            if not 0 <= weight <= 1e6:
                raise OptionError(f"the weight of coder {name!r} must lie between 0 and 1e6, got {weight}.")

    def weight_of(self, human: str) -> float:
        """Weight of a human coder's annotations."""
        return self.coder_weights.get(human, self.human_weight)


@dataclass(frozen=True)
class TransitionOptions:
    """How the transition matrices T start and learn."""

    transition_start: Literal["auto", "network", "dawid-skene", "identity"] = option(
        "auto",
        "T before training: dawid-skene (labels alone), network (Dawid–Skene whose class prior is the network trained "
        "on all labels mixed), identity, or auto (dawid-skene where the labels suffice, else network).",
        part="ltnet",
        label="Start of T",
    )
    start_diagonal: float = option(
        0.9,
        "Diagonal of T for the identity start.",
        range=(1e-3, 1.0),
        part="ltnet",
        needs={"transition_start": ("identity",)},
        label="Diagonal of the start",
    )
    transition_optimizer: Literal["adamw", "sgd"] = option(
        "adamw",
        "Optimiser of T.",
        part="matrices",
        label="Optimizer of T",
    )
    transition_lr: float = option(
        0.003,
        "Peak learning rate of T; 0 keeps T as it starts.",
        range=(0.0, 100.0),
        part="matrices",
        label="Learning rate of T",
    )
    transition_delay: float = option(
        0.3,
        "Share of the schedule before T may change.",
        range=(0.0, 1.0),
        part="ltnet",
        label="Delay of T",
    )
    likelihood: Literal["joint", "separate"] = option(
        "joint",
        "joint: the annotations of an item share one latent truth; separate: each is predicted on its own (the paper).",
        part="ltnet",
    )
    double_softmax: bool = option(
        False,
        "Take a softmax of p·T, as the authors' release does; with the separate likelihood only.",
        part="ltnet",
        needs={"likelihood": ("separate",)},
    )
    transition_floor: float | None = option(
        None,
        "Clamp T at this floor and normalise its rows instead of a softmax.",
        range=(0.0, 0.5),
        part="ltnet",
        label="Floor of T",
    )

    def __post_init__(self) -> None:
        if self.double_softmax and self.likelihood == "joint":
            raise OptionError("the double softmax belongs to the separate likelihood; set likelihood to 'separate'.")


@dataclass(frozen=True)
class DataOptions:
    """What the networks see, and what is held out."""

    image_size: int | None = option(
        None, "Pixels per side; by default the images' own, at most largest_image.", range=(8, 1024), needs=IMAGES
    )
    largest_image: int | None = option(
        None,
        "Largest image size that is chosen by itself; by default 64 for cnn and resnet20, 224 for resnet18 and "
        "resnet50, and for a network of timm's the size that it was made for.",
        range=(8, 1024),
        needs={**IMAGES, "image_size": (None,)},
    )
    augment: bool = option(True, "Mirror and shift images while training.", needs=IMAGES)
    cutout: float | Literal["auto"] = option(
        "auto",
        "Side of the square that is blanked out of each training image, as a share of the image's; 0: none; auto: "
        f"{CUTOUT:g} for a network of {EPOCHS_FOR_CUTOUT} epochs or more, 0 for one of fewer, which learns less by it.",
        range=(0.0, 1.0),
        placeholder="SHARE|auto",
        needs=IMAGES,
    )
    mixup: float = option(
        0.0,
        "α of Beta(α, α), by which pairs of training images are mixed; 0: none.",
        range=(0.0, 10.0),
        part="mixup",
    )
    validation_share: float = option(
        0.1, "Share of the annotated items held out to choose the best epoch, at most 2,500 items.", range=(0.0, 0.5)
    )
    set_aside: bool = option(
        False, "Train without rows of labels that cannot be right, such as an unknown class; inspect lists them."
    )
    pixel_budget: float | None = option(
        None,
        "Room in GiB for decoded images, by default what the disk has free; where they need more, they are decoded in "
        "every epoch.",
        range=(0.0, 1e6),
        placeholder="GIB",
        label="Pixel budget (GiB)",
        needs=IMAGES,
    )
