"""Draw one cartoon face: a seven-class expression on a random person in a random pose.

Three independent ideas meet in :func:`draw_face`:

* :class:`Expression` says what the face *does* (brows, lids, mouth ...); 0 is "at rest".
* :class:`Person` says what it *looks like* (skin, hair, glasses ...).
* :class:`Pose` says how it sits in the picture (roll, yaw, scale, shift, light).

Face coordinates: the origin is the middle of the head, x to the right, y down, and 1 is half the
height of the head. Everything is drawn at ``SUPER`` times the final size and then reduced, which is
what makes the lines smooth. Nothing here reads global random state.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from functools import cache
from math import comb

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

SIZE = 64
SUPER = 3

Array = npt.NDArray[np.float64]
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Expression:
    """Facial actions, each 0 at rest and about 1 (or -1) at full strength."""

    brow_in: float = 0.0  # height of the inner end, + is up
    brow_out: float = 0.0  # height of the outer end, + is up
    brow_pinch: float = 0.0  # brows drawn together
    eye_open: float = 0.0  # upper lid, + is wide open
    lower_lid: float = 0.0  # lower lid raised (squint)
    pupil: float = 0.0  # size of the iris, - is small
    corner: float = 0.0  # mouth corners, + is up
    mouth_open: float = 0.0  # jaw drop
    mouth_width: float = 0.0  # stretched (+) or rounded (-)
    square: float = 0.0  # tense, box-like mouth
    teeth: float = 0.0  # how much of the opening shows teeth
    upper_lip: float = 0.0  # upper lip raised, more on one side
    pout: float = 0.0  # lower lip pushed up
    nose: float = 0.0  # nose wrinkled
    cheek: float = 0.0  # cheeks raised
    tongue: float = 0.0  # tongue out
    tear: float = 0.0  # shown when strong only


PROTOTYPES: dict[str, Expression] = {
    "neutral": Expression(),
    "happiness": Expression(0.1, 0.15, 0, -0.1, 0.75, 0, 1, 0.5, 0.6, 0.15, 0.8, 0.1, 0, 0.1, 1, 0, 0),
    "surprise": Expression(1, 1, 0, 1, -0.3, -0.1, 0, 1, -0.75, 0, 0.1, 0, 0, 0, 0, 0, 0),
    "sadness": Expression(0.85, -0.7, 0.35, -0.6, 0.1, 0, -0.9, 0.02, -0.15, 0, 0, 0, 0.9, 0, 0, 0, 1),
    "anger": Expression(-1, 0.5, 1, 0.05, 0.5, -0.1, -0.45, 0.34, 0.15, 1, 1, 0.1, 0.1, 0.35, 0, 0, 0),
    "disgust": Expression(-0.6, -0.1, 0.5, -0.6, 0.8, 0, -0.6, 0.2, 0, 0.1, 0.25, 1, 0.3, 1, 0.5, 1, 0),
    "fear": Expression(0.95, 0.2, 0.8, 0.95, 0.1, -0.5, -0.65, 0.5, 0.45, 0.7, 0.5, 0, 0, 0, 0, 0, 0.1),
}

_VECTORS: dict[str, Array] = {name: np.array(astuple(face)) for name, face in PROTOTYPES.items()}

# Which other expression a face of a class may lean towards; these make the hard cases.
NEIGHBOURS: dict[str, tuple[str, ...]] = {
    "neutral": ("sadness", "sadness", "happiness", "anger"),
    "happiness": ("surprise", "neutral", "disgust"),
    "surprise": ("fear", "fear", "happiness"),
    "sadness": ("neutral", "neutral", "fear", "disgust"),
    "anger": ("disgust", "disgust", "sadness", "neutral"),
    "disgust": ("anger", "anger", "sadness"),
    "fear": ("surprise", "surprise", "sadness"),
}

BLEND = 0.42  # largest share of the neighbouring expression; below 0.5 the true class stays ahead
NOISE = 0.12  # standard deviation of every facial action


def blend_weights(name: str, rng: np.random.Generator) -> dict[str, float]:
    """Shares of the prototypes in one face of class ``name``; they sum to 1, ``name`` has the most."""
    other = str(rng.choice(NEIGHBOURS[name]))
    lean = BLEND * rng.beta(1.3, 1.6)
    rest = (1 - lean) * rng.uniform(0.0, 0.36)  # the weaker the expression, the nearer to rest
    rest = max(0.0, min(rest, 0.94 - 2 * lean))  # keeps the true class ahead of the neighbour
    shares = {other: lean}
    if name == "neutral":
        return shares | {name: 1 - lean}
    shares["neutral"] = min(shares.get("neutral", 0.0) + rest, BLEND)
    return shares | {name: 1 - sum(shares.values())}


def sample_expression(name: str, rng: np.random.Generator) -> Expression:
    """One face of class ``name``: blended prototypes plus a little noise on every action."""
    shares = blend_weights(name, rng)
    vector = np.sum([share * _VECTORS[key] for key, share in shares.items()], axis=0)
    noisy: list[float] = (vector + rng.normal(0.0, NOISE, len(vector))).tolist()
    return Expression(*noisy)


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


def _pick(colours: tuple[Colour, ...], rng: np.random.Generator, spread: float = 8.0) -> Colour:
    """One of ``colours``, moved a little so that no two people share it exactly."""
    base = np.array(colours[int(rng.integers(len(colours)))]) + rng.normal(0, spread, 3)
    return _rgb(base)


def _contrast(one: Colour, other: Colour) -> float:
    """Distance between two colours, 0 to about 440."""
    return float(np.linalg.norm(np.array(one) - np.array(other)))


def _rgb(values: Iterable[float]) -> Colour:
    red, green, blue = (min(max(int(value), 0), 255) for value in values)
    return red, green, blue


def sample_person(rng: np.random.Generator) -> Person:
    """A random person; long hair and beards exclude each other only to keep the drawing tidy."""
    hairline = str(rng.choice(list(HAIRLINES), p=(0.2, 0.2, 0.2, 0.18, 0.14, 0.08)))
    skin = _pick(SKINS, rng, 4)
    hair = next(colour for colour in (_pick(HAIRS, rng) for _ in range(99)) if _contrast(colour, skin) > 60)
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
        roll=_clamp(rng.normal(0, 0.10), -0.26, 0.26), yaw=_clamp(rng.normal(0, 0.15), -0.34, 0.34),
        pitch=_clamp(rng.normal(0, 0.08), -0.18, 0.18),
        light=rng.uniform(0.4, 1) * (1 if rng.random() < 0.5 else -1), gaze=rng.normal(0, 0.3),
        brow_skew=rng.normal(0, 0.12),
        backdrop=(_pick(BACKDROPS, rng, 14), _pick(BACKDROPS, rng, 14)),
    )  # fmt: skip


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

    def place(self, points: Array, depth: float) -> list[float]:
        """Face coordinates (n, 2) at a depth (0 outline, 1 tip of the nose) to pixels x, y, x, y ..."""
        bulge = depth * (1 - 0.45 * np.minimum(points[:, :1] ** 2, 1.0))  # a head is round, not flat
        turned = (points * self.squeeze if depth > 0 else points) + bulge * self.shift
        flat: list[float] = (turned @ self.turn * self.unit + self.origin).ravel().tolist()
        return flat

    def fill(self, points: Array, colour: Colour, depth: float = 0.5, alpha: float = 1.0) -> None:
        if alpha > 0.02:
            self.draw.polygon(self.place(points, depth), fill=(*colour, _byte(alpha)))

    def line(self, points: Array, width: float, colour: Colour, depth: float = 0.5, alpha: float = 1.0) -> None:
        if alpha > 0.02:
            pixels = max(1, round(width * self.unit))
            self.draw.line(self.place(points, depth), fill=(*colour, _byte(alpha)), width=pixels, joint="curve")


def _clamp(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _byte(alpha: float) -> int:
    return int(255 * _clamp(alpha, 0.0, 1.0))


def _shade(colour: Colour, factor: float) -> Colour:
    """Darker (< 1) or lighter (> 1, towards white)."""
    if factor <= 1:
        return _rgb(value * factor for value in colour)
    return _rgb(255 - (255 - value) * (2 - factor) for value in colour)


@cache
def _circle(count: int) -> Array:
    """``count`` points on the unit circle, clockwise from the top; (count, 2)."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.sin(angle), -np.cos(angle)], axis=1)


@cache
def _bernstein(degree: int, count: int) -> Array:
    """Weight of each of ``degree + 1`` anchors at ``count`` places along a Bézier curve."""
    t = np.linspace(0, 1, count)
    return np.stack([comb(degree, k) * t**k * (1 - t) ** (degree - k) for k in range(degree + 1)], axis=1)


def _oval(x: float, y: float, rx: float, ry: float, count: int = 28) -> Array:
    points: Array = _circle(count) * np.array([rx, ry]) + np.array([x, y])
    return points


def _curve(*anchors: tuple[float, float], count: int = 12) -> Array:
    """A Bézier curve through the first and last anchor, pulled by those between; (count, 2)."""
    points: Array = _bernstein(len(anchors) - 1, count) @ np.array(anchors)
    return points


def _head(person: Person, grow: float = 1.0, start: float = -np.pi, stop: float = np.pi, count: int = 44) -> Array:
    """The outline of the head, or a part of it: angle 0 is the crown, positive to the right."""
    angle = np.linspace(start, stop, count)
    y = -np.cos(angle)
    x = person.width * np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** 0.85
    x = x * (1 - person.taper * np.maximum(y, 0) ** 1.6)
    outline: Array = np.stack([x, y], axis=1) * grow
    return outline


def _draw_back_hair(pen: Pen, person: Person) -> None:
    dark, w = _shade(person.hair, 0.78), person.width
    if person.back in ("bob", "long"):
        low = 0.72 if person.back == "bob" else 1.5
        top = _head(person, 1.16, -1.8, 1.8)
        sides = np.array([[w * 1.2, low], [w * 0.5, low + 0.12], [-w * 0.5, low + 0.12], [-w * 1.2, low]])
        pen.fill(np.concatenate([top, sides]), dark, -0.15)
    elif person.back == "afro":
        for angle in np.linspace(-2.0, 2.0, 13):
            pen.fill(_oval(1.02 * w * np.sin(angle), -0.15 - 0.85 * np.cos(angle), 0.36, 0.36), dark, -0.1)
    elif person.back == "bun":
        pen.fill(_oval(0.0, -1.2, 0.34, 0.3), dark, -0.3)
        pen.fill(_oval(-0.05, -1.24, 0.2, 0.16), person.hair, -0.3)
    elif person.back == "pigtails":
        for side in (-1, 1):
            pen.fill(_oval(side * (w + 0.22), 0.12, 0.24, 0.46), dark, -0.15)
            pen.fill(_oval(side * (w + 0.06), -0.28, 0.1, 0.1), person.shirt, -0.1)


def _draw_body(pen: Pen, person: Person) -> None:
    skin, shirt = person.skin, person.shirt
    half = np.array([[-1.25, 2.4], [-1.2, 1.5], [-0.85, 1.28], [-0.3, 1.16]])
    pen.fill(np.concatenate([half, half[::-1] * np.array([-1, 1])]), shirt, -0.1)
    pen.fill(np.array([[-0.34, 0.6], [0.34, 0.6], [0.36, 1.22], [0.0, 1.42], [-0.36, 1.22]]), skin, -0.05)
    pen.fill(_oval(0, 0.92, 0.36, 0.24), _shade(skin, 0.62), -0.05, 0.6)  # the chin's shadow
    if person.collar:
        for side in (-1, 1):
            flap = np.array([[0.36, 1.12], [0.02, 1.45], [0.42, 1.62], [0.62, 1.24]]) * np.array([side, 1])
            pen.fill(flap, _shade(shirt, 1.35), -0.05)


def _draw_head(pen: Pen, person: Person) -> None:
    skin, edge = person.skin, _shade(person.skin, 0.62)
    for side in (-1, 1):
        ear = _oval(side * (person.width + 0.02), 0.06, 0.15, 0.21)
        pen.fill(ear, skin, -0.15)
        pen.line(np.concatenate([ear, ear[:1]]), 0.035, edge, -0.15)
        x = side * person.width
        shell = _curve((x + side * 0.08, -0.02), (x, 0.06), (x + side * 0.06, 0.15))
        pen.line(shell, 0.035, edge, -0.15, 0.7)
        if person.earrings:
            pen.fill(_oval(side * (person.width + 0.06), 0.3, 0.06, 0.06), (250, 214, 96), -0.1)
    outline = _head(person)
    pen.fill(outline, skin, 0)
    pen.line(outline, 0.04, edge, 0)
    side = -np.sign(pen.pose.light)  # the side turned away from the light
    arc = _head(person, 0.98, *((0.9, 2.9) if side > 0 else (-2.9, -0.9)))
    inner = arc[::-1] * np.array([0.8, 0.97])
    pen.fill(np.concatenate([arc, inner]), _shade(skin, 0.7), 0, 0.35)
    pen.fill(_oval(-side * 0.25, -0.6, 0.32, 0.14), _shade(skin, 1.4), 0.3, 0.35)


def _draw_front_hair(pen: Pen, person: Person) -> None:
    hair, w = person.hair, person.width
    if person.hairline == "none":
        pen.fill(_oval(pen.pose.light * 0.3, -0.72, 0.2, 0.09), _shade(person.skin, 1.6), 0.3, 0.6)
        return
    outer = _head(person, 1.1, -1.72, 1.72, 32)
    if person.texture == "spiky":
        outer = outer * (1 + 0.11 * (np.arange(len(outer)) % 3 == 1)[:, None])
    line = np.concatenate([_curve(*part) for part in HAIRLINES[person.hairline]]) * np.array([w, 1.0])
    pen.fill(np.concatenate([outer, line + np.array([0, 0.05])]), _shade(person.skin, 0.7), 0.12, 0.5)
    pen.fill(np.concatenate([outer, line]), hair, 0.1)
    if person.texture == "curly":
        for index in range(0, len(outer), 2):
            x, y = outer[index] * 0.97
            pen.fill(_oval(x, y, 0.17, 0.17, 16), _shade(hair, 0.9 if index % 4 else 1.08), 0.1)
    for offset in (0.0, 0.12):
        start = pen.pose.light * (0.5 + offset)
        gloss = _head(person, 0.97 - offset * 0.5, start - 0.28, start + 0.28, 10)
        pen.line(gloss, 0.045, _shade(hair, 1.35), 0.1, 0.55)


def _lids(actions: Expression, person: Person, x: Array) -> tuple[Array, Array]:
    """Upper and lower lid heights (y, same shape as ``x``) over ``x`` in -1 (inner) .. 1 (outer)."""
    round_up = np.maximum(1 - np.abs(x) ** 2.3, 0)
    opening = _clamp(0.17 + 0.10 * actions.eye_open, 0.035, 0.31)
    slant = 0.05 * (actions.brow_out - actions.brow_in)  # sad lids fall outwards, angry ones inwards
    upper = -opening * person.eye_size * round_up - slant * x * round_up
    lower = _clamp(0.13 - 0.09 * actions.lower_lid, 0.02, 0.2) * person.eye_size * round_up
    return np.minimum(upper, lower - 0.015), lower


def _draw_eye(pen: Pen, actions: Expression, person: Person, side: int) -> None:
    centre = np.array([side * person.eye_gap, -0.06])
    half = 0.215 * person.eye_size
    flip = np.array([side * half, 1.0])

    def inside(points: Array) -> Array:
        """Clip points (x in -1..1) to the opening: what lies under a lid is hidden by it."""
        x = np.clip(points[:, 0], -1, 1)
        upper, lower = _lids(actions, person, x)
        clipped: Array = np.stack([x, np.clip(points[:, 1], upper, lower)], axis=1) * flip + centre
        return clipped

    x = np.linspace(-1, 1, 17)
    upper, lower = _lids(actions, person, x)
    top = np.stack([x, upper], axis=1) * flip + centre
    bottom = np.stack([x, lower], axis=1) * flip + centre
    pen.fill(np.concatenate([top, bottom[::-1]]), (252, 252, 250))
    radius = 0.135 * person.eye_size * _clamp(1 + 0.3 * actions.pupil, 0.65, 1.2)
    gaze = side * 0.22 * pen.pose.gaze
    pen.fill(inside(_oval(gaze, -0.02, radius / half, radius)), person.iris)
    pen.fill(inside(_oval(gaze, -0.02, 0.55 * radius / half, 0.55 * radius)), (18, 14, 18))
    pen.fill(inside(_oval(gaze + side * 0.16 * pen.pose.light, -0.08, 0.2, 0.045, 12)), (255, 255, 255))
    pen.line(top, 0.06, (44, 30, 32))
    pen.line(bottom, 0.028, _shade(person.skin, 0.5), alpha=0.8)
    crease = top + np.array([0, -0.07])
    pen.line(crease[3:-3], 0.03, _shade(person.skin, 0.6), alpha=0.7)
    if actions.cheek > 0.2:
        fold = bottom[3:-2] + np.array([0, 0.09])
        pen.line(fold, 0.03, _shade(person.skin, 0.6), alpha=0.7 * actions.cheek)


def _draw_brow(pen: Pen, actions: Expression, person: Person, side: int) -> None:
    skew = side * pen.pose.brow_skew
    y_in = -0.42 - 0.15 * actions.brow_in - 0.03 * skew
    y_out = -0.42 - 0.13 * actions.brow_out - 0.1 * skew
    x_in = person.eye_gap - 0.19 - 0.05 * actions.brow_pinch
    x_out = person.eye_gap + 0.24
    y_arch = (y_in + y_out) / 2 - 0.08 - 0.05 * min(actions.brow_in, 1.0)
    arch = (side * (x_in * 0.45 + x_out * 0.55), y_arch)
    path = _curve((side * x_in, y_in), arch, (side * x_out, y_out))
    taper = person.brow_width * np.linspace(1.1, 0.45, len(path))[:, None] * np.array([0, 1])
    colour = _shade(person.hair, 0.72)
    if _contrast(colour, person.skin) < 90:
        colour = _shade(person.skin, 0.4)  # a brow that nobody sees expresses nothing
    pen.fill(np.concatenate([path - taper, (path + taper)[::-1]]), colour)


def _draw_nose(pen: Pen, actions: Expression, person: Person) -> None:
    size, edge = person.nose_size, _shade(person.skin, 0.58)
    wrinkle = max(actions.nose, 0.0)
    y = 0.26 - 0.06 * wrinkle
    flare = 0.11 * size * (1 + 0.35 * wrinkle)
    shadow = -np.sign(pen.pose.light)
    dark_side = np.array([(0.0, -0.08), (shadow * 0.04, y - 0.05), (shadow * flare, y), (0.0, y + 0.03)])
    pen.fill(dark_side, edge, 0.8, 0.35)
    sides, low = 0.7 * flare, y + 0.06
    tip = _curve((-flare, y - 0.03), (-sides, low), (0, y + 0.05), (sides, low), (flare, y - 0.03))
    pen.line(tip, 0.042, edge, 0.85)
    pen.fill(_oval(-shadow * 0.03, y - 0.06, 0.045, 0.05), _shade(person.skin, 1.5), 0.9, 0.6)
    for side in (-1, 1):
        for step in range(3):  # wrinkles across the bridge
            level = 0.02 + 0.075 * step
            points = ((side * 0.03, level - 0.02), (side * 0.1, level - 0.05), (side * 0.15, level + 0.02))
            crease = _curve(*points)
            pen.line(crease, 0.034, edge, 0.75, 0.9 * wrinkle - 0.15)
        fold = _curve((side * (flare + 0.05), y - 0.02), (side * 0.3, y + 0.08), (side * 0.36, y + 0.26))
        pen.line(fold, 0.035, edge, 0.6, 0.7 * max(wrinkle, 0.8 * actions.cheek) - 0.15)


def _mouth_shape(actions: Expression, person: Person, x: Array) -> tuple[Array, Array]:
    """Upper and lower edge of the mouth (y) over ``x`` in -1 .. 1."""
    bow = 1 - np.abs(x) ** (2 + 4 * _clamp(actions.square, 0, 1))
    middle = person.mouth_y - 0.17 * actions.corner * (x**2 - 0.45) - 0.05 * max(actions.pout, 0.0)
    lift = max(actions.upper_lip, 0.0) * (0.09 * bow * (1 + 0.5 * x))
    gape = max(actions.mouth_open, 0.0)
    return middle - 0.09 * gape * bow - lift, middle + 0.33 * gape * bow


def _draw_mouth(pen: Pen, actions: Expression, person: Person) -> None:
    half = _clamp(0.31 + 0.12 * actions.mouth_width, 0.16, 0.46)
    x = np.linspace(-1, 1, 25)
    upper, lower = _mouth_shape(actions, person, x)
    stretch = np.array([half, 1.0])
    top, bottom = np.stack([x, upper], axis=1) * stretch, np.stack([x, lower], axis=1) * stretch
    dark, lip = (84, 26, 34), (196, 66, 82) if person.lipstick else _shade(person.skin, 0.72)
    rim = np.concatenate([top, bottom[::-1], top[:1]])
    pen.line(rim, 0.10 if person.lipstick else 0.085, lip, alpha=0.9)
    pen.fill(rim, dark)
    gap = lower - upper
    tongue = np.maximum(lower - 0.45 * gap * (1 - x**2), upper)
    pen.fill(np.concatenate([np.stack([x * half, tongue], axis=1), bottom[::-1]]), (212, 92, 98))
    show = _clamp(actions.teeth, 0, 1)
    if show > 0.12:
        edge = np.minimum(upper + 0.02 + gap * (0.25 + 0.75 * show**2) * (1 - 0.2 * x**2), lower)
        inner = slice(2, -2)
        teeth = np.concatenate([top[inner], (np.stack([x * half, edge], axis=1)[inner])[::-1]])
        pen.fill(teeth, (250, 248, 240))
        if actions.square > 0.4:  # clenched: the two rows meet
            centre = np.stack([x * half, (upper + lower) / 2], axis=1)[inner]
            pen.line(centre, 0.03, (120, 96, 96), alpha=actions.square)
    if actions.tongue > 0.3:
        length = 0.05 + 0.09 * actions.tongue
        out = _oval(0.1 * half, person.mouth_y + 0.05 + 0.06 * actions.tongue, 0.13, length)
        pen.fill(out, (222, 102, 108))
        pen.line(out[[4, 8, 12, 14, 17, 20, 24]], 0.025, (160, 56, 66))
    pen.line(rim, 0.036, _shade(dark, 0.8))
    under = float(lower[12]) + 0.11
    chin = _curve((-0.13, under), (0, under + 0.04 - 0.08 * actions.pout), (0.13, under))
    pen.line(chin, 0.04, _shade(person.skin, 0.62), alpha=0.35 + 0.5 * actions.pout)


def _draw_marks(pen: Pen, actions: Expression, person: Person) -> None:
    """Blush, freckles and the lines that a moving forehead makes."""
    edge = _shade(person.skin, 0.62)
    for side in (-1, 1):
        y = 0.27 - 0.05 * actions.cheek
        for grow in (1.0, 0.7):
            blush = _oval(side * 0.5, y, 0.19 * grow, 0.13 * grow)
            pen.fill(blush, (236, 96, 92), 0.4, 0.12 + 0.1 * actions.cheek)
        if person.freckles:
            for dx, dy in ((-0.1, 0.0), (0.0, 0.05), (0.1, -0.01), (0.02, -0.05)):
                pen.fill(_oval(side * (0.46 + dx), 0.25 + dy, 0.025, 0.025, 8), _shade(person.skin, 0.66))
        frown = _curve((side * 0.07, -0.46), (side * 0.05, -0.36), (side * 0.08, -0.27))
        pen.line(frown, 0.035, edge, 0.6, 0.9 * actions.brow_pinch - 0.25)
    for level in (0.0, 0.09):
        crease = _curve((-0.34, -0.68 - level), (0, -0.73 - level), (0.34, -0.68 - level))
        pen.line(crease, 0.03, edge, 0.5, 0.6 * (actions.brow_in + 0.5 * actions.brow_out) - 0.3)


def _draw_beard(pen: Pen, person: Person) -> None:
    colour = _shade(person.hair, 0.92)
    if person.beard == 1:
        jaw = _head(person, 1.03, 1.75, 2 * np.pi - 1.75, 30)
        ear = 0.86 * person.width
        inner = _curve((-ear, 0.2), (-0.6, 0.62), (0, 0.0), (0.6, 0.62), (ear, 0.2))
        pen.fill(np.concatenate([jaw, inner]), colour, 0.1)
    elif person.beard == 2:
        for side in (-1, 1):
            upper = _curve((0, 0.33), (side * 0.2, 0.31), (side * 0.31, 0.46))
            lower = _curve((side * 0.31, 0.46), (side * 0.15, 0.44), (0, 0.41))
            pen.fill(np.concatenate([upper, lower]), colour, 0.7)


def _draw_extras(pen: Pen, actions: Expression, person: Person) -> None:
    """Glasses, and a tear when the sadness is strong."""
    if actions.tear > 0.62:
        left = _curve((0.4, 0.14), (0.32, 0.3), (0.41, 0.34))
        right = _curve((0.41, 0.34), (0.5, 0.3), (0.4, 0.14))
        pen.fill(np.concatenate([left, right]), (150, 208, 246), 0.5, 0.95)
    if person.glasses:
        frame = _shade(person.shirt, 0.45)
        for side in (-1, 1):
            ring = _oval(side * person.eye_gap, -0.05, 0.3, 0.29)
            if person.glasses == 2:
                ring = np.array([[-0.28, -0.28], [0.28, -0.28], [0.26, 0.19], [-0.26, 0.19]])
                ring = ring + np.array([side * person.eye_gap, 0.0])
            pen.fill(ring, (235, 245, 255), 0.6, 0.14)
            pen.line(np.concatenate([ring, ring[:2]]), 0.045, frame, 0.6)
        pen.line(_curve((-0.09, -0.08), (0, -0.13), (0.09, -0.08)), 0.045, frame, 0.75)


def _backdrop(pose: Pose) -> Image.Image:
    """A smooth gradient between two colours, lighter on the side of the light."""
    first, second = (np.array(colour, dtype=float) for colour in pose.backdrop)
    glow = 18 * pose.light
    corners = np.array([[first - glow, first + glow], [second - glow, second + glow]])
    small = Image.fromarray(np.clip(corners, 0, 255).astype(np.uint8))
    return small.resize((SIZE * SUPER, SIZE * SUPER), Image.Resampling.BICUBIC)


def _lit(image: Image.Image, pose: Pose) -> Image.Image:
    """Shade the reduced picture as a ball lit from the upper left or right."""
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(float)
    x, y = (x - pose.x) / pose.unit, (y - pose.y) / pose.unit
    near = np.exp(-((np.hypot(x, y) / 1.25) ** 6))  # the head only: the backdrop is far behind it
    light = 1 + near * np.clip(0.16 * pose.light * x - 0.12 * y, -0.22, 0.16)
    lit = np.clip(np.asarray(image, dtype=float) * light[:, :, None], 0, 255)
    return Image.fromarray(lit.astype(np.uint8))


def draw_face(actions: Expression, person: Person, pose: Pose) -> Image.Image:
    """The face as a 64x64 RGB picture; the same arguments always give the same pixels."""
    image = _backdrop(pose)
    pen = Pen(image, pose)
    _draw_back_hair(pen, person)
    _draw_body(pen, person)
    _draw_head(pen, person)
    _draw_beard(pen, person)
    _draw_front_hair(pen, person)
    _draw_marks(pen, actions, person)
    _draw_mouth(pen, actions, person)
    _draw_nose(pen, actions, person)
    for side in (-1, 1):
        _draw_eye(pen, actions, person, side)
    _draw_extras(pen, actions, person)
    for side in (-1, 1):
        _draw_brow(pen, actions, person, side)
    return _lit(image.reduce(SUPER), pose)


def random_face(name: str, rng: np.random.Generator) -> Image.Image:
    """A random person in a random pose who shows expression ``name``."""
    person, pose = sample_person(rng), sample_pose(rng)
    return draw_face(sample_expression(name, rng), person, pose)
