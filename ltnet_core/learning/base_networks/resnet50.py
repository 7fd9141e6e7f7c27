"""torchvision's ResNet-50."""

from __future__ import annotations

from torch import nn

from ..torchvision_networks import build_resnet

LARGEST_SIZE = 224


def build(classes: int, channels: int, image_size: int, last_relu: bool) -> nn.Module:
    """The network, freshly initialised."""
    return build_resnet("resnet50", classes, channels, image_size)
