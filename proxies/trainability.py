"""AZ-NAS's trainability: how well blocks keep the size of gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from math import isfinite
from statistics import fmean
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas import PROXIES, Candidate, NoScore
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._features import features, gram, needs_maps
from proxies._passes import Look, Looking, Pass, Run, seen


@PROXIES.register("trainability")
class Trainability(Looking):
    """How near the blocks' Jacobians are to norm 1, on average (AZ-NAS, Lee & Ham 2024).

    For neighbouring features (see `expressivity`), a gradient g_out of random signs ±1 goes back
    through the block and gives g_in. s is the largest singular value of the mean over batch and
    pixels of g_in g_outᵀ (a matrix of channels by channels):

        trainability = mean over blocks of 2 - s - 1 / (s + 1e-6),   higher is better.

    The largest value is about 0, for s = 1. If a block lowers the resolution, the pixels of g_in
    that belong to one pixel of g_out count as channels. Source: arXiv:2403.19232 and its reference
    code. As there, a block that no gradient passes has s = 0 and a score of about minus a million.
    It uses no labels.

    There is no score if a block passes gradients unchanged (a cell of one skip); the reference
    sets minus infinity there. The backward pass of each block follows its forward pass at once.
    """

    def __init__(
        self, input: Literal["gaussian", "batch"] = "gaussian", init: Init = "kaiming"
    ) -> None:
        self.input, self.init = input, init

    def looks(self, batch: Batch) -> Sequence[Look]:
        """The blocks' scores."""
        return [Blocks(Pass(self.init, self.input, by_block=True), "trainability")]

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The mean over the blocks."""
        (look,) = self.looks(batch)
        score = fmean(seen(candidate, batch, look))
        return (
            score if isfinite(score) else NoScore("gradients pass a block unchanged or overflow")
        )


@dataclass(frozen=True)
class Blocks(Look):
    """The score of every block."""

    graph: ClassVar[bool] = True

    @contextmanager
    def watch(self, run: Run) -> Iterator[Callable[[], list[float]]]:
        """The scores of the blocks so far."""
        generator = run.candidate.generator("signs")

        def signs(_: int, feature: Tensor) -> Tensor:
            drawn = torch.randint(2, feature.shape, generator=generator, dtype=feature.dtype)
            # in the layout of the feature: a norm's backward pass is ten times slower with another
            return torch.empty_like(feature).copy_(drawn.mul_(2).sub_(1))

        with blocks(run.model, run.inputs, signs) as scores:
            yield scores

    def result(self, run: Run, found: Callable[[], list[float]]) -> list[float]:
        """The scores of all blocks; NotApplicableError if there is none."""
        return found()


def block_scores(
    model: nn.Module, inputs: Tensor, signs: Callable[[int, Tensor], Tensor]
) -> list[float]:
    """The score of every block; see `blocks`."""
    model.requires_grad_(False)
    with torch.enable_grad(), blocks(model, inputs, signs) as scores:
        model(inputs)
    return scores()


@contextmanager
def blocks(
    model: nn.Module, inputs: Tensor, signs: Callable[[int, Tensor], Tensor]
) -> Iterator[Callable[[], list[float]]]:
    """Gives the score of every block of a model, whose weights are frozen, that has run inside.

    `signs` takes the index of a block's output feature, from 0. Raises NotApplicableError for
    less than a block.
    """
    previous: Tensor | None = None
    scores: list[float] = []

    def visit(feature: Tensor) -> None:
        nonlocal previous
        if previous is not None:
            scores.append(block_score(previous, feature, signs(len(scores) + 1, feature)))
        if not feature.requires_grad:
            feature.requires_grad_()
        previous = feature

    with features(model, inputs, visit, "trainability") as check:

        def found() -> list[float]:
            check()
            needs_maps(len(scores) + (previous is not None), 2, "trainability")
            return scores

        yield found


def block_score(before: Tensor, after: Tensor, g_out: Tensor) -> float:
    """2 - s - 1 / (s + 1e-6) of a block; minus infinity if it passes gradients unchanged."""
    if not after.requires_grad:
        return 2 - 1 / 1e-6
    (g_in,) = torch.autograd.grad(after, before, g_out, materialize_grads=True)
    if torch.equal(g_in, g_out):
        return float("-inf")
    sides = [gradient.shape[2:] for gradient in (g_in, g_out)]
    places = [min(sizes) for sizes in zip_longest(*sides, fillvalue=1)]
    matrix = gram(folded(g_in, *places), folded(g_out, *places)).double()
    if not matrix.isfinite().all():
        return float("nan")
    largest = float(torch.linalg.svdvals(matrix)[0])
    return 2 - largest - 1 / (largest + 1e-6)


def folded(gradient: Tensor, *places: int) -> Tensor:
    """The gradient at a lower resolution; pixels that belong together become channels."""
    sizes = [*gradient.shape[2:], *[1] * (len(places) + 2 - gradient.ndim)]
    if sizes == [*places]:
        return gradient.view(*gradient.shape[:2], *sizes)
    step = max(-(-size // place) for size, place in zip(sizes, places, strict=True))
    pads = [(0, step * place - size) for size, place in zip(sizes, places, strict=True)]
    even = F.pad(
        gradient.reshape(*gradient.shape[:2], *sizes), [n for pad in pads[::-1] for n in pad]
    )
    # (batch, channels, place, step, place, step, …) to (batch, channels, steps …, places …)
    split = even.reshape(*even.shape[:2], *[n for place in places for n in (place, step)])
    inner, outer = range(3, split.ndim, 2), range(2, split.ndim, 2)
    return split.permute(0, 1, *inner, *outer).flatten(1, 1 + len(places))
