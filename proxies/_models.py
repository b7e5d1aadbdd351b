"""Models that proxies lend each other: built once for a candidate, and drawn anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from nas import Candidate
from nas.network.initialisation import Init, initialise
from nas.network.module import NetworkModule

DRAWN = (nn.modules.conv._ConvNd, nn.Linear)
"""Layers that draw their weights, by `reset_parameters` as when they are made."""
CONSTANT = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)
"""Layers whose parameters begin as constants."""


@contextmanager
def lent(candidate: Candidate, init: Init) -> Iterator[nn.Module]:
    """The model that `candidate.model(init)` gives, for a borrower that leaves it as it is.

    The borrower must not change weights, types or modules and must remove its hooks; the running
    statistics of norms and what requires a gradient may be anything. So it is in training mode,
    and the next borrower gets it again, with other weights if it asks for another draw. After an
    error it is thrown away. Modules of any author are made for each borrower.
    """
    draw = candidate.seed, init
    kept = candidate.memo.pop("lent", None)
    if kept is not None and (kept[0] == draw or _drawn_anew(candidate, kept[1], init)):
        model = kept[1]
    else:
        model = candidate.model(init)
    yield model
    if isinstance(model, NetworkModule) and model.channels_last and candidate.device == "cpu":
        candidate.memo["lent"] = draw, model


def _drawn_anew(candidate: Candidate, model: NetworkModule, init: Init) -> bool:
    """Whether all weights could be drawn as `candidate.model` draws them; it takes a quarter."""
    layers = model.in_order
    other = (each for each in layers if not isinstance(each, DRAWN + CONSTANT))
    if any(True for each in other for _ in each.parameters()):
        return False
    with candidate.seeded("weights"):
        for layer in layers:
            if isinstance(layer, DRAWN):
                layer.reset_parameters()
        initialise(model, init)
    return True
