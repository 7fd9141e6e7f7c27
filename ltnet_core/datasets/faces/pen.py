"""A pen that draws in face coordinates, and the curves of a face."""

from __future__ import annotations

from functools import cache
from math import comb

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from .person import Colour, Person, Pose, clamp, rgb

Array = npt.NDArray[np.float64]
SIZE = 64
SUPER = 3


class Pen:
    """Draws shapes given in face coordinates, through the pose, on the enlarged picture."""

    def __init__(self, image: Image.Image, pose: Pose):
        self.draw = ImageDraw.Draw(image, "RGBA")
        self.unit = pose.unit * SUPER
        self.origin = np.array([pose.x, pose.y]) * SUPER
        cos, sin = np.cos(pose.roll), np.sin(pose.roll)
        self.turn = np.array([[cos, sin], [-sin, cos]])
        self.pose = pose
        self.shift = np.array([np.sin(pose.yaw), np.sin(pose.pitch)])
        self.squeeze = np.array([1 - 0.25 * abs(self.shift[0]), 1.0])  # a turned face looks narrower

    def to_pixels(self, points: Array, depth: float) -> list[float]:
        """Face coordinates (n, 2) at a depth (0 outline, 1 tip of the nose) to pixels x, y, x, y ..."""
        bulge = depth * (1 - 0.45 * np.minimum(points[:, :1] ** 2, 1.0))  # a head is round, not flat
        turned = (points * self.squeeze if depth > 0 else points) + bulge * self.shift
        flat: list[float] = (turned @ self.turn * self.unit + self.origin).ravel().tolist()
        return flat

    def fill(self, points: Array, colour: Colour, depth: float = 0.5, alpha: float = 1.0) -> None:
        if alpha > 0.02:
            self.draw.polygon(self.to_pixels(points, depth), fill=(*colour, byte(alpha)))

    def line(self, points: Array, width: float, colour: Colour, depth: float = 0.5, alpha: float = 1.0) -> None:
        if alpha > 0.02:
            pixels = max(1, round(width * self.unit))
            self.draw.line(self.to_pixels(points, depth), fill=(*colour, byte(alpha)), width=pixels, joint="curve")


def byte(alpha: float) -> int:
    return int(255 * clamp(alpha, 0.0, 1.0))


def shade(colour: Colour, factor: float) -> Colour:
    """Darker (< 1) or lighter (> 1, towards white)."""
    if factor <= 1:
        return rgb(value * factor for value in colour)
    return rgb(255 - (255 - value) * (2 - factor) for value in colour)


@cache
def circle(count: int) -> Array:
    """``count`` points on the unit circle, clockwise from the top; (count, 2)."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.sin(angle), -np.cos(angle)], axis=1)


@cache
def bernstein(degree: int, count: int) -> Array:
    """Weight of each of ``degree + 1`` anchors at ``count`` places along a Bézier curve."""
    t = np.linspace(0, 1, count)
    return np.stack([comb(degree, k) * t**k * (1 - t) ** (degree - k) for k in range(degree + 1)], axis=1)


def oval(x: float, y: float, rx: float, ry: float, count: int = 28) -> Array:
    points: Array = circle(count) * np.array([rx, ry]) + np.array([x, y])
    return points


def curve(*anchors: tuple[float, float], count: int = 12) -> Array:
    """A Bézier curve through the first and last anchor, pulled by those between; (count, 2)."""
    points: Array = bernstein(len(anchors) - 1, count) @ np.array(anchors)
    return points


def head_line(person: Person, grow: float = 1.0, start: float = -np.pi, stop: float = np.pi, count: int = 44) -> Array:
    """The outline of the head, or a part of it: angle 0 is the crown, positive to the right."""
    angle = np.linspace(start, stop, count)
    y = -np.cos(angle)
    x = person.width * np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** 0.85
    x = x * (1 - person.taper * np.maximum(y, 0) ** 1.6)
    outline: Array = np.stack([x, y], axis=1) * grow
    return outline
