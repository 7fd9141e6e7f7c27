"""The class shares of p: of those that held-out annotations do not tell apart, nearer to even ones.

A network that trained for a short time keeps rare classes below others for nearly every image, so it never names
them. Its logits are moved by −a·log π (A. K. Menon et al., *Long-tail learning via logit adjustment*, ICLR 2021),
π being the mean of p. Known truth does not choose a: it is the smallest with which the network names rare classes
nearly as often as p says that they occur, but none under which the held-out annotations are significantly less
probable. A network that learned to tell the classes apart names them so with a = 0.
"""

from __future__ import annotations

import numpy as np
import torch

from ..annotations import FloatArray
from .group import ALONE, Group
from .ltnet import Classifier
from .networks import last_layer
from .training_data import Items, TrainingData
from .views import predict

POWERS = (0.1, 0.2, 0.3, 0.4, 0.5)
ENOUGH = 0.65  # of the share that a rare class has in p
STANDARD_ERRORS = 2.0
FEWEST = 100  # held-out items
TEMPERATURES = 2.0 ** np.linspace(-1, 1.5, 26)
FLOOR = 1e-9


def even_out(model: Classifier, data: TrainingData, held_out: Items, group: Group = ALONE) -> float:
    """Move the bias of the last layer in place; returns a, 0 with fewer than 100 items or without a bias."""
    bias = getattr(last_layer(model.base), "bias", None)
    if not isinstance(bias, torch.Tensor) or len(held_out) < FEWEST:
        return 0.0
    p = np.maximum(predict(model, data, held_out, group=group), FLOOR)
    shares = p.mean(0)
    log_shares = np.log(shares)
    before, power = _losses(model, data, held_out, np.log(p)), 0.0
    for more in POWERS:
        if _rare_named(np.log(p) - power * log_shares, shares) >= ENOUGH:
            break
        worse = _losses(model, data, held_out, np.log(p) - more * log_shares) - before
        if worse.mean() > STANDARD_ERRORS * worse.std() / len(worse) ** 0.5:
            break
        power = more
    with torch.no_grad():
        bias -= torch.tensor(power * log_shares, dtype=bias.dtype, device=bias.device)
    return power


def _rare_named(logits: FloatArray, shares: FloatArray) -> float:
    """How often a rare class is the first choice, as a part of its share in p, at most 1; the mean of the rare classes.

    Rare are classes whose ``shares`` (K,) are below 1 / K.
    """
    first = np.bincount(logits.argmax(1), minlength=len(shares)) / len(logits)
    named = np.minimum(first / shares, 1.0)[shares < 1 / len(shares)]
    return float(named.mean()) if len(named) else 1.0


def _losses(model: Classifier, data: TrainingData, items: Items, logits: FloatArray) -> FloatArray:
    """(n,) losses of the items under the temperature that makes their mean smallest."""
    annotations = data.annotations(items, as_table=False)
    scores = torch.tensor(logits, dtype=torch.float32, device=data.device)
    with torch.no_grad():
        tried = [model.item_losses(torch.log_softmax(scores / tau, 1), annotations).double() for tau in TEMPERATURES]
    losses = torch.stack(tried).cpu().numpy()
    best: FloatArray = losses[losses.mean(1).argmin()]
    return best
