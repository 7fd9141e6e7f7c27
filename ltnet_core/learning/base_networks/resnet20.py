"""The ResNet-20 of CIFAR."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

LARGEST_SIZE = 64


class Block(nn.Module):
    """Two 3×3 convolutions and a parameter-free shortcut (option A of He et al., 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int, last_relu: bool):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.stride, self.grow, self.last_relu = stride, outputs - inputs, last_relu

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)), inplace=True)
        y = self.norm2(self.conv2(y))
        if self.stride > 1:
            x = x[:, :, :: self.stride, :: self.stride]
        if self.grow:
            x = F.pad(x, (0, 0, 0, 0, 0, self.grow))
        y = y + x
        return F.relu(y, inplace=True) if self.last_relu else y


class ResNet20(nn.Module):
    """The CIFAR ResNet-20 (He et al., 2016, doi:10.1109/CVPR.2016.90), for 32–64 px; 0.27 M parameters.

    ``last_relu=False`` leaves out the activation after the residual sum, as the
    authors of IPA2LT did.
    """

    def __init__(self, classes: int, channels: int, image_size: int, width: int = 16, last_relu: bool = True):
        super().__init__()
        stem = 1 if image_size <= 40 else max(2, round(image_size / 32))
        self.stem = nn.Conv2d(channels, width, 3, stem, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        blocks: list[nn.Module] = []
        inputs = width
        for stage in range(3):
            outputs = width * 2**stage
            for b in range(3):
                blocks.append(Block(inputs, outputs, 2 if stage and b == 0 else 1, last_relu))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(inputs, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(B,channels,S,S) → (B,K) logits."""
        x = F.relu(self.norm(self.stem(x)), inplace=True)
        return cast(Tensor, self.head(self.blocks(x).mean((2, 3))))


def build(classes: int, channels: int, image_size: int, last_relu: bool) -> nn.Module:
    """The network, freshly initialised."""
    return ResNet20(classes, channels, image_size, last_relu=last_relu)
