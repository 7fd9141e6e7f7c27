"""ResNets of the library torchvision, fitted to small images."""

from __future__ import annotations

from typing import cast

from torch import nn


def build_resnet(name: str, classes: int, channels: int, image_size: int) -> nn.Module:
    """torchvision's ResNet with a stem that fits the image: no 7×7 stride 2 and pooling for small images."""
    from torchvision import models

    network = {"resnet18": models.resnet18, "resnet50": models.resnet50}[name](weights=None, num_classes=classes)
    if image_size < 112:
        network.conv1 = nn.Conv2d(channels, 64, 3, 1 if image_size <= 40 else 2, 1, bias=False)
        network.maxpool = nn.Identity()
    elif channels != 3:
        network.conv1 = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
    return cast(nn.Module, network)
