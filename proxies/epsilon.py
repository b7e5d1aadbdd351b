"""Epsilon: how much a network's outputs differ between two constant shared weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import inf, isfinite, log
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from nas import PROXIES, Candidate, NoScore, NotApplicableError, Proxy, Space, UsageError
from nas.batch import Batch
from nas.collapse.modules import Entries, collapsed_module
from nas.collapse.outputs import Inputs, Pass, outputs, preparing
from nas.collapse.tensors import collapsed, flat, known
from nas.network import Network
from nas.network.initialisation import constants, embeddings
from nas.network.passes import logits
from nas.seeding import generator

if TYPE_CHECKING:
    from nas.collapse.planes import Rooms

Underflow = Literal["float32", "none"]

FLOAT32_LEAST = 2.0**-149
"""The smallest positive float32, 1.4e-45, including denormal numbers."""

ROUNDING = 1e-13
"""Smaller entries count as 0: equal outputs of a module can differ in float64's last digit."""


FEW_DIGITS, NO_DIGITS = 2.0**-6, 2.0**-10
"""Under the first a float32 score has few right digits; under the second it may have none."""


@PROXIES.register("epsilon")
class Epsilon(Proxy):
    """Normalised difference of the outputs under two constant shared weights (Gracheva 2024).

    All weights of convolutions and linear layers and all scales of norms are set to one number;
    biases and shifts of norms are 0; norms use batch statistics. One forward pass with `low` and
    one with `high` give the outputs o. In a module every other parameter is this number, too: so
    are the offsets and the initial hidden states of a recurrent cell, as in the reference.
    Embeddings are random, U(0, 1), from the seed; they are the same for every architecture and
    for both passes. For each pass p = (o - min o) / (max o - min o); entries that are exactly 0
    are left out:

        epsilon = mean |p_low - p_high| / mean of all p,   higher is better.

    Source: arXiv:2302.04406 and its reference code `epsinas`, with which this agrees up to
    float32's rounding. It uses no labels, no gradients and no random weights except embeddings:
    without embeddings the score depends only on the batch.

    Two consequences of the definition:

    1. All channels of a layer are equal. So a network given as layers is evaluated with one map a
       layer (`nas.collapse`), exactly and hundreds of times faster; a module, and a network with
       sequences or norms over channels, is run on tensors of distinct channels
       (`nas.collapse.modules`), tens of times faster. Operations or modules for which this is
       impossible are computed in full, and a note names them.
    2. In float32, with a low weight such as 1e-7, the low pass can underflow to a constant, and
       the score is missing. On NAS-Bench-201 this happens for the 6,399 of 15,625 cells without a
       path of skips and pools from input to output; the paper's figures are over the other cells.
       Here it is a rule: with `underflow=float32` there is no score if the spread of the low pass
       is under the smallest positive float32. The logarithm of the scale decides this, so it is
       the same on every device. With `underflow=none` every cell whose output varies has a score
       (if given as layers; a module's float64 ends at 1e-308). The cells without a score are not
       bad cells: report the coverage with every correlation.

    Options: `low` and `high` (default: the space's own `shared_weights`); `underflow`; `dtype`.
    The default dtype is float32, as in the paper, if the paper's rule holds and the candidate is
    given as layers. It is float64 without the rule, and for modules, because they keep no
    separate scale: of 30 recurrent cells the paper's float32 leaves 19 with at most four values
    in the low pass. Scores near 0 have few right digits in float32, because its error is 1e-7 of
    the outputs, not of the score: scores under 1/64 are computed in float64. One exception follows
    the paper: if a score is under 1/1024 and the paper's float32 changes it by more than 1/4096,
    the float32 score is kept. With `dtype=float64` all scores are exact.
    """

    faster_on_cpu = True

    by_function = True

    def __init__(
        self,
        low: float | None = None,
        high: float | None = None,
        underflow: Underflow = "float32",
        dtype: Literal["float32", "float64"] | None = None,
    ) -> None:
        if (low is not None and not 0 < low < inf) or (high is not None and not 0 < high < inf):
            raise ValueError(f"low={low} and high={high} must be positive and finite")
        if low is not None and high is not None and low >= high:
            raise ValueError(f"low={low} must be less than high={high}")
        self.low, self.high = low, high
        self.underflow = underflow
        self.dtype = None if dtype is None else getattr(torch, dtype)

    def preparing(self, batch: Batch) -> str:
        """The compiler, where kernels for the batch are not on disk yet."""
        default = torch.float32 if self.underflow == "float32" else torch.float64
        return preparing(batch.inputs, self.dtype or default)

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """Epsilon of the candidate; a `NoScore` if a pass is constant or underflows.

        A note says where it is no more than float64's rounding, as for most plain perceptrons.

        Raises NotApplicableError if the space's outputs are always constant.
        """
        score = self._of_candidate(candidate, batch)
        if score < ROUNDING:
            batch.notes.add("rounding only: the outputs under both weights are alike")
        return score

    def _of_candidate(self, candidate: Candidate, batch: Batch) -> float:
        """The score from layers where they are known, else from the module."""
        weights, network = self.shared_weights(candidate.space), candidate.network
        if network is None or not (known(network) and batch.inputs.is_floating_point()):
            passes = _of_module(candidate, batch, weights, self.dtype or torch.float64)
            return epsilon((passes[0], 0.0), (passes[1], 0.0), self.underflow)
        if self.dtype is None and self.underflow == "float32":
            return self._float32(network, batch, weights)
        return self._score(network, batch, weights, self.dtype or torch.float64)

    def shared_weights(self, space: Space) -> tuple[float, float]:
        """The low and the high weight; raises NotApplicableError if the space has none."""
        if self.low is not None and self.high is not None:
            return self.low, self.high
        if space.shared_weights is None:
            raise NotApplicableError(
                f"epsilon does not exist in {space.title}, whose outputs are constant "
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
        """The score by the paper's float32 rule, with more exact digits for small scores."""
        score = self._score(network, batch, weights, torch.float32)
        if not score < FEW_DIGITS:
            return score
        exact = self._score(network, batch, weights, torch.float64)
        if exact > NO_DIGITS:
            return exact
        # the paper has PyTorch's rounding: if the rounding decides the score, keep this score
        low, high = (flat(collapsed(network, batch.inputs.float(), each)) for each in weights)
        paper = epsilon(low, high, self.underflow)
        return paper if abs(paper - exact) > exact / 4096 else exact

    def _score(
        self, network: Network, batch: Batch, weights: Sequence[float], dtype: torch.dtype
    ) -> float:
        """The score in one dtype; each pass is a flat vector with the logarithm of its scale."""
        rooms: Rooms = batch.once("collapse rooms", list)  # both dtypes share their memory
        inputs = batch.once(("collapse", dtype), lambda: Inputs(batch.inputs, dtype, rooms))
        passes = outputs(network, inputs, weights, lambda low: bool(fault(low, self.underflow)))
        if len(passes) == 1:
            return NoScore(fault(passes[0], self.underflow))
        return epsilon(passes[0], passes[1], self.underflow)


def _of_module(
    candidate: Candidate, batch: Batch, weights: Sequence[float], dtype: torch.dtype
) -> list[Tensor]:
    """Both passes of a module, collapsed; if that is impossible, dense and with a note."""
    floats = batch.inputs.is_floating_point()  # else tokens
    inputs, notes = batch.inputs.to(dtype) if floats else batch.inputs, set[str]()

    def entries(name: str, shape: torch.Size) -> Tensor:
        return uniform(candidate.seed, name, shape, dtype).to(inputs.device)

    try:
        with candidate.seeded("passes"):  # for random numbers in the module
            passes = collapsed_module(
                candidate.skeleton,
                lambda: candidate.model(as_built=True),  # a shared weight is every parameter
                inputs,
                weights,
                notes,
                dtype=dtype,
                entries=entries,
                distinct=True,  # means are the same
            )
    except Exception as error:  # an error of the module itself comes again below
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:100]
        batch.notes.add(f"the module is run densely ({reason})")
        with candidate.seeded("passes"):
            return [
                dense(candidate.model(as_built=True).to(dtype), inputs, weight, entries)
                for weight in weights
            ]
    batch.notes.update(notes)
    return passes


@lru_cache(maxsize=2)
def uniform(seed: int | str, name: str, shape: torch.Size, dtype: torch.dtype) -> Tensor:
    """The weights of an embedding; they are the same for all architectures, so they are kept."""
    return torch.rand(shape, generator=generator("embedding", seed, name)).to(dtype)


def dense(
    model: nn.Module, inputs: Tensor, weight: float, entries: Entries | None = None
) -> Tensor:
    """The model's flattened float64 output with every weight constant; this changes the model.

    Parameters named `bias` become 0, embeddings stay or get their `entries`, every other parameter
    becomes `weight`. Norms use the statistics of the batch, dropout is off. Raises
    NotApplicableError if the module returns no tensor.
    """
    for parameter, value in constants(model, weight):
        parameter.detach().fill_(value)
    if entries is not None:
        for name, table in embeddings(model).items():
            table.detach().copy_(entries(name, table.shape))
    with torch.no_grad():
        return logits(model(inputs)).flatten().double()


def epsilon(low: Pass, high: Pass, underflow: Underflow = "none") -> float:
    """The score of two outputs; each is a vector and the logarithm of its scale."""
    if reason := fault(low, underflow) or fault(high):
        return NoScore(reason)
    p_low, p_high = (
        (entries - entries.min()) / (entries.max() - entries.min()) for entries, _ in (low, high)
    )
    for p in (p_low, p_high):
        p[p < ROUNDING] = torch.nan
    difference = (p_low - p_high).abs().nanmean()
    if difference.isnan():
        return NoScore("the passes vary in no entry that counts in both")
    return (difference / torch.cat([p_low, p_high]).nanmean()).item()


def fault(output: Pass, underflow: Underflow = "none") -> str:
    """Why there is no score with this output; empty if it can have one."""
    entries, scale = output
    least, most = entries.min().item(), entries.max().item()
    if not isfinite(most - least):
        return "the output is not finite"
    if least == most:
        return "constant output"
    if underflow == "float32" and log(most - least) + scale < log(FLOAT32_LEAST):
        return "the low pass underflows in float32"
    return ""
