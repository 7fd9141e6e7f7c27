"""What a face does: seven expressions, blended and a little noisy."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


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
    neutral = (1 - lean) * rng.uniform(0.0, 0.36)  # the weaker the expression, the nearer to rest
    neutral = max(0.0, min(neutral, 0.94 - 2 * lean))  # keeps the true class ahead of the neighbour
    shares = {other: lean}
    if name == "neutral":
        return shares | {name: 1 - lean}
    shares["neutral"] = min(shares.get("neutral", 0.0) + neutral, BLEND)
    return shares | {name: 1 - sum(shares.values())}


def sample_expression(name: str, rng: np.random.Generator) -> Expression:
    """One face of class ``name``: blended prototypes plus a little noise on every action."""
    shares = blend_weights(name, rng)
    vector = np.sum([share * _VECTORS[key] for key, share in shares.items()], axis=0)
    noisy: list[float] = (vector + rng.normal(0.0, NOISE, len(vector))).tolist()
    return Expression(*noisy)
