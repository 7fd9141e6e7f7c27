"""What each preset changes of the defaults."""

from __future__ import annotations

from typing import Any

PRESET_VALUES: dict[str, dict[str, Any]] = {
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
    "pretrained": {
        "network": "timm:resnet50",
        "pretrained": True,
        "epochs": 12,
        "batch_size": 64,
        "optimizer": "adamw",
        "lr": 3e-4,
        "ltnet_lr": 3e-4,
        "weight_decay": 0.05,
    },
    "paper": {
        "network": "resnet20",
        "last_relu": False,
        "precision": "float32",
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

NO_IMAGES: dict[str, Any] = {"weights": None, "pretrained": False, "freeze": False}
"""What a network that sees features does without."""

FEATURE_VALUES: dict[str, Any] = {
    "epochs": None,
    "image_budget": 400_000,
    "epoch_range": (8, 400),
    "batch_size": 512,
    "optimizer": "adamw",
    "lr": 0.0005,
    "ltnet_lr": 0.0005,
    "weight_decay": 0.05,
}
"""What every preset but the paper's changes for features: a layer learns in little time, and needs other steps."""
