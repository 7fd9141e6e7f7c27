"""A small network for tiny images."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

LARGEST_SIZE = 64


class SmallCNN(nn.Module):
    """Four 3×3 convolutions with max pooling between them, for tiny images; 0.1 M parameters.

    The head sees a 3×3 grid of averages, so that it knows where on the image
    something is; that, and pooling maxima, learns small faces several times faster
    than strides and one global average. Images above 64 px are strided down at once.
    """

    def __init__(self, classes: int, channels: int, image_size: int, width: int = 16, dropout: float = 0.2):
        super().__init__()
        layers: list[nn.Module] = []
        inputs = channels
        for depth in range(4):
            outputs = width * 2**depth
            stride = max(1, round(image_size / 48)) if depth == 0 and image_size > 64 else 1
            layers.append(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False))
            if depth < 3:
                layers.append(nn.MaxPool2d(2, ceil_mode=True))  # before the norm, which then has a quarter to do
            layers += [nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
            inputs = outputs
        self.features = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(9 * inputs, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(B,channels,S,S) → (B,K) logits."""
        x = F.adaptive_avg_pool2d(self.features(x), 3).flatten(1)
        return cast(Tensor, self.head(self.dropout(x)))


def build(classes: int, channels: int, image_size: int, last_relu: bool) -> nn.Module:
    """The network, freshly initialised."""
    return SmallCNN(classes, channels, image_size)
