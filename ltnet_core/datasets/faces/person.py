"""What a face looks like and how it sits in the picture, whatever it expresses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

Colour = tuple[int, int, int]

SKINS: tuple[Colour, ...] = (
    (255, 224, 196), (249, 208, 172), (238, 188, 148), (222, 166, 122), (198, 136, 94), (165, 106, 70),
    (128, 80, 54), (98, 62, 44),
)  # fmt: skip
HAIRS: tuple[Colour, ...] = (
    (38, 32, 36), (62, 42, 32), (98, 62, 38), (142, 88, 48), (216, 170, 92), (196, 92, 44), (168, 166, 170),
    (122, 46, 58), (58, 104, 128),
)  # fmt: skip
IRISES: tuple[Colour, ...] = ((88, 54, 32), (58, 92, 142), (72, 116, 74), (110, 92, 56), (48, 40, 44))
CLOTHES: tuple[Colour, ...] = (
    (214, 84, 74), (62, 112, 170), (84, 148, 104), (232, 178, 70), (128, 92, 158), (70, 76, 92),
    (236, 232, 222),
)  # fmt: skip
BACKDROPS: tuple[Colour, ...] = (
    (170, 208, 222), (246, 214, 178), (196, 218, 184), (224, 196, 220), (250, 226, 150), (150, 172, 204),
    (232, 170, 160), (206, 206, 200),
)  # fmt: skip
# Where the hair ends on the forehead: Bézier curves from the right temple to the left; x in half widths.
HAIRLINES: dict[str, tuple[tuple[tuple[float, float], ...], ...]] = {
    "straight": (((0.97, -0.1), (0.8, -0.72), (0, -0.7), (-0.8, -0.72), (-0.97, -0.1)),),
    "side": (((0.97, -0.1), (0.85, -0.7), (0.4, -0.88)),
             ((0.35, -0.85), (-0.5, -0.5), (-0.85, -0.6), (-0.97, -0.05))),
    "curtain": (((0.97, 0.1), (0.75, -0.55), (0.02, -0.9)), ((-0.02, -0.9), (-0.75, -0.55), (-0.97, 0.1))),
    "fringe": (
        ((0.97, -0.05), (0.9, -0.5), (0.5, -0.5)), ((0.4, -0.64), (0.2, -0.56), (0.1, -0.52)),
        ((0.0, -0.64), (-0.2, -0.56), (-0.3, -0.51)), ((-0.42, -0.63), (-0.9, -0.56), (-0.97, -0.05)),
    ),
    "widow": (((0.97, -0.1), (0.8, -0.9), (0.5, -0.86), (0, -0.64)),
              ((0, -0.64), (-0.5, -0.86), (-0.8, -0.9), (-0.97, -0.1))),
    "none": (),
}  # fmt: skip
BACKS = ("none", "none", "bob", "long", "afro", "bun", "pigtails")
TEXTURES = ("smooth", "smooth", "spiky", "curly")


@dataclass(frozen=True)
class Person:
    """What a face looks like, whatever it expresses."""

    skin: Colour
    hair: Colour
    iris: Colour
    shirt: Colour
    hairline: str
    back: str
    texture: str
    width: float  # half width of the head
    taper: float  # how much the jaw narrows
    eye_gap: float  # x of the eye centres
    eye_size: float
    nose_size: float
    brow_width: float
    mouth_y: float
    glasses: int  # 0 none, 1 round, 2 square
    beard: int  # 0 none, 1 beard, 2 moustache
    freckles: bool
    lipstick: bool
    earrings: bool
    collar: bool


@dataclass(frozen=True)
class Pose:
    """How the head sits in the picture; lengths in final pixels, angles in radians."""

    unit: float  # pixels per face unit
    x: float
    y: float
    roll: float
    yaw: float
    pitch: float
    light: float  # x of the light direction, -1 (left) to 1 (right)
    gaze: float
    brow_skew: float  # one brow a little higher than the other
    backdrop: tuple[Colour, Colour]


def clamp(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _pick(colours: tuple[Colour, ...], rng: np.random.Generator, spread: float = 8.0) -> Colour:
    """One of ``colours``, moved a little so that no two people share it exactly."""
    base = np.array(colours[int(rng.integers(len(colours)))]) + rng.normal(0, spread, 3)
    return rgb(base)


def contrast(one: Colour, other: Colour) -> float:
    """Distance between two colours, 0 to about 440."""
    return float(np.linalg.norm(np.array(one) - np.array(other)))


def rgb(values: Iterable[float]) -> Colour:
    red, green, blue = (min(max(int(value), 0), 255) for value in values)
    return red, green, blue


def sample_person(rng: np.random.Generator) -> Person:
    """A random person; long hair and beards exclude each other only to keep the drawing tidy."""
    hairline = str(rng.choice(list(HAIRLINES), p=(0.2, 0.2, 0.2, 0.18, 0.14, 0.08)))
    skin = _pick(SKINS, rng, 4)
    hair = next(colour for colour in (_pick(HAIRS, rng) for _ in range(99)) if contrast(colour, skin) > 60)
    back = "none" if hairline == "none" else BACKS[int(rng.integers(len(BACKS)))]
    short = back == "none"
    return Person(
        skin=skin, hair=hair, iris=_pick(IRISES, rng), shirt=_pick(CLOTHES, rng, 14),
        hairline=hairline, back=back, texture=TEXTURES[int(rng.integers(len(TEXTURES)))],
        width=rng.uniform(0.78, 0.92), taper=rng.uniform(0.12, 0.34), eye_gap=rng.uniform(0.33, 0.39),
        eye_size=rng.uniform(0.9, 1.12), nose_size=rng.uniform(0.8, 1.25),
        brow_width=rng.uniform(0.055, 0.09), mouth_y=rng.uniform(0.50, 0.56),
        glasses=int(rng.choice(3, p=(0.82, 0.1, 0.08))),
        beard=int(rng.choice(3, p=(0.72, 0.18, 0.1))) if short else 0, freckles=rng.random() < 0.14,
        lipstick=rng.random() < (0.1 if short else 0.5), earrings=rng.random() < 0.2,
        collar=rng.random() < 0.5,
    )  # fmt: skip


def sample_pose(rng: np.random.Generator) -> Pose:
    """A random pose, light and backdrop."""
    return Pose(
        unit=rng.uniform(20.5, 23.5), x=rng.normal(32.0, 1.4), y=rng.normal(34.5, 1.2),
        roll=clamp(rng.normal(0, 0.10), -0.26, 0.26), yaw=clamp(rng.normal(0, 0.15), -0.34, 0.34),
        pitch=clamp(rng.normal(0, 0.08), -0.18, 0.18),
        light=rng.uniform(0.4, 1) * (1 if rng.random() < 0.5 else -1), gaze=rng.normal(0, 0.3),
        brow_skew=rng.normal(0, 0.12),
        backdrop=(_pick(BACKDROPS, rng, 14), _pick(BACKDROPS, rng, 14)),
    )  # fmt: skip
