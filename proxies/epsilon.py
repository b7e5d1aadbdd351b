"""Epsilon: how far apart a network's outputs are under two constant shared weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import inf, isfinite, log
from typing import Literal

import torch
from torch import Tensor, nn

from nas import PROXIES, Candidate, NoScore, NotApplicableError, Proxy, Space, UsageError
from nas.batch import Batch
from nas.collapse.modules import Entries, collapsed_module
from nas.collapse.outputs import Inputs, outputs
from nas.collapse.tensors import collapsed, flat
from nas.network import Network
from nas.network.initialisation import constants, embeddings
from nas.seeding import generator

FLOAT32_LEAST = 2.0**-149
"""The least positive float32, 1.4e-45, denormals counted."""

ROUNDING = 1e-13
"""Entries under this are 0: equal outputs of a module can differ in float64's last digit."""


FEW_DIGITS, NO_DIGITS = 2.0**-6, 2.0**-10
"""Scores under the first have few right digits in float32; under the second it may have none."""


@PROXIES.register("epsilon")
class Epsilon(Proxy):
    """Normalised difference of the outputs under two constant shared weights (Gracheva 2024).

    Every convolution's and linear layer's weight and every norm's scale is set to one number,
    biases and norm shifts to 0, norms use batch statistics; one forward pass each with `low` and
    with `high` gives the outputs o. In a module every other parameter is the number, too, so in a
    recurrent cell the offsets and the initial hidden states, as in the reference; embeddings are
    random, U(0, 1), from the seed, the same for every architecture and for both passes. With
    p = (o - min o) / (max o - min o), each pass by itself, entries that are exactly 0 left out,

        epsilon = mean |p_low - p_high| / mean of all p,   higher is better.

    Source: arXiv:2302.04406 and its reference code `epsinas`, which this agrees with to float32's
    rounding. No labels, no gradients, no random weights but embeddings: without these the score
    depends on the batch alone.

    Two consequences of the definition:

    1. All channels of a layer are equal, so a network given as layers is evaluated as one map a
       layer (`nas.collapse`), exactly and hundreds of times faster; a module is run on tensors of
       distinct channels (`nas.collapse.modules`), tens of times faster. Operations without such
       a form, or modules that do not allow it, are computed in full and named in a note.
    2. In float32, with a low weight such as 1e-7, the low pass underflows to a constant and the
       score is missing: on NAS-Bench-201 for the 6,399 of 15,625 cells without a path of skips
       and pools from input to output. The paper's figures are over the others. Here it is a rule:
       `underflow=float32` gives no score where the spread of the low pass is under the least
       positive float32, decided from the logarithm of the scale, the same on every device;
       `underflow=none` scores every cell whose output varies (given as layers: a module's
       float64 ends at 1e-308). The cells that drop out are not
       bad ones: tell coverage beside every correlation.

    Options: `low` and `high` (default: the space's own `shared_weights`); `underflow`; `dtype`
    (default: float32, the paper's, where the paper's rule holds and the candidate is given as
    layers; float64 without the rule, and for modules, which have nothing else to hold small
    numbers in: of 30 recurrent cells the paper's float32 leaves 19 with at most four values in
    the low pass). Scores near 0 carry few digits in float32, which decides on 1e-7 of the
    outputs, not of the score: those under 1/64 are computed in float64. One exception keeps to
    the paper: under 1/1024, where its float32 moves a score by more than 1/4096, it stays moved;
    `dtype=float64` is exact throughout.
    """

    faster_on_cpu = True

    by_function = True

    def __init__(
        self,
        low: float | None = None,
        high: float | None = None,
        underflow: Literal["float32", "none"] = "float32",
        dtype: Literal["float32", "float64"] | None = None,
    ) -> None:
        if (low is not None and not 0 < low < inf) or (high is not None and not 0 < high < inf):
            raise ValueError(f"low={low} and high={high} must be positive and finite")
        if low is not None and high is not None and low >= high:
            raise ValueError(f"low={low} must be less than high={high}")
        self.low, self.high = low, high
        self.underflow = underflow
        self.dtype = None if dtype is None else getattr(torch, dtype)

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """Epsilon of the candidate; `NoScore` for a constant or underflowing pass.

        NotApplicableError where the space's outputs are always constant.
        """
        weights, network = self.shared_weights(candidate.space), candidate.network
        if network is None:
            passes = _of_module(candidate, batch, weights, self.dtype or torch.float64)
            return epsilon((passes[0], 0.0), (passes[1], 0.0), self.underflow)
        if self.dtype is None and self.underflow == "float32":
            return self._float32(network, batch, weights)
        return self._score(network, batch, weights, self.dtype or torch.float64)

    def shared_weights(self, space: Space) -> tuple[float, float]:
        """The low and the high weight; NotApplicableError where the space has none to offer."""
        if self.low is not None and self.high is not None:
            return self.low, self.high
        if space.shared_weights is None:
            raise NotApplicableError(
                f"epsilon does not exist in {type(space).__name__}, whose outputs are constant "
                f"where all weights are equal: use another proxy, such as proxy=synflow"
            )
        low = space.shared_weights[0] if self.low is None else self.low
        high = space.shared_weights[1] if self.high is None else self.high
        if low >= high:
            raise UsageError(
                f"proxy.low={low} must be less than proxy.high={high} (null: the space's own)"
            )
        return low, high

    def _float32(self, network: Network, batch: Batch, weights: Sequence[float]) -> float:
        """The paper's float32, with digits that are right as far as its own are."""
        score = self._score(network, batch, weights, torch.float32)
        if not score < FEW_DIGITS:
            return score
        exact = self._score(network, batch, weights, torch.float64)
        if exact > NO_DIGITS:
            return exact
        # PyTorch's rounding is the paper's: where it decides on the score, it is the paper's score
        low, high = (flat(collapsed(network, batch.inputs.float(), each)) for each in weights)
        paper = epsilon(low, high, self.underflow)
        return paper if abs(paper - exact) > exact / 4096 else exact

    def _score(
        self, network: Network, batch: Batch, weights: Sequence[float], dtype: torch.dtype
    ) -> float:
        """The score of passes in one dtype, each flattened and with the logarithm of its scale."""
        inputs = batch.once(("collapse", dtype), lambda: Inputs(batch.inputs.to(dtype)))
        low, high = outputs(network, inputs, weights)
        return epsilon(low, high, self.underflow)


def _of_module(
    candidate: Candidate, batch: Batch, weights: Sequence[float], dtype: torch.dtype
) -> list[Tensor]:
    """Both passes of a module, collapsed; densely, with a note, where it does not allow that."""
    floats = batch.inputs.is_floating_point()  # or tokens
    inputs, notes = batch.inputs.to(dtype) if floats else batch.inputs, set[str]()

    def entries(name: str, shape: torch.Size) -> Tensor:
        return uniform(candidate.seed, name, shape, dtype).to(inputs.device)

    try:
        with candidate.seeded("passes"):  # whatever the module draws
            passes = collapsed_module(
                candidate.skeleton,
                candidate.model,
                inputs,
                weights,
                notes,
                dtype=dtype,
                entries=entries,
                distinct=True,  # means are the same
            )
    except Exception as error:  # if it is the module's own, it comes again
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:100]
        batch.notes.add(f"the module is run densely ({reason})")
        with candidate.seeded("passes"):
            return [
                dense(candidate.model().to(dtype), inputs, weight, entries) for weight in weights
            ]
    batch.notes.update(notes)
    return passes


@lru_cache(maxsize=2)
def uniform(seed: int | str, name: str, shape: torch.Size, dtype: torch.dtype) -> Tensor:
    """The weights of an embedding: the same for all architectures, and so kept."""
    return torch.rand(shape, generator=generator("embedding", seed, name)).to(dtype)


def dense(
    model: nn.Module, inputs: Tensor, weight: float, entries: Entries | None = None
) -> Tensor:
    """The model's flattened output, in float64, with every weight constant; the model is changed.

    Parameters named `bias` become 0, embeddings stay or get their `entries`, everything else
    becomes `weight`. Norms use the statistics of the batch, dropout is off.
    """
    for parameter, value in constants(model, weight):
        parameter.detach().fill_(value)
    if entries is not None:
        for name, table in embeddings(model).items():
            table.detach().copy_(entries(name, table.shape))
    with torch.no_grad():
        output = model(inputs)
    if not isinstance(output, Tensor):
        raise NotApplicableError(
            f"epsilon needs a module that returns a tensor, and this one returns "
            f"{type(output).__name__}"
        )
    return output.flatten().double()


def epsilon(
    low: tuple[Tensor, float],
    high: tuple[Tensor, float],
    underflow: Literal["float32", "none"] = "none",
) -> float:
    """The score of two outputs, each a vector and the logarithm of its scale."""
    ranges = []
    for entries, _ in (low, high):
        least, most = entries.min().item(), entries.max().item()
        if not isfinite(most - least):
            return NoScore("the output is not finite")
        if least == most:
            return NoScore("constant output")
        ranges.append((least, most))
    spread = log(ranges[0][1] - ranges[0][0]) + low[1]
    if underflow == "float32" and spread < log(FLOAT32_LEAST):
        return NoScore("the low pass underflows in float32")
    p_low, p_high = (
        (entries - least) / (most - least)
        for (entries, _), (least, most) in zip((low, high), ranges, strict=True)
    )
    for p in (p_low, p_high):
        p[p < ROUNDING] = torch.nan
    difference = (p_low - p_high).abs().nanmean()
    if difference.isnan():
        return NoScore("the passes vary in no entry that counts in both")
    return (difference / torch.cat([p_low, p_high]).nanmean()).item()
