"""Zen-score: how much a random network's features change with a random input."""

from __future__ import annotations

from math import isfinite
from statistics import fmean

import torch
from torch import Tensor, nn

from nas import PROXIES, Candidate, NoScore, Proxy
from nas.batch import Batch
from nas.network.initialisation import Init
from nas.seeding import number
from proxies._features import last_map
from proxies._inputs import gaussian

STEP = 0.01


@PROXIES.register("zen")
class Zen(Proxy):
    """Expected change of the features by a small change of the input (Zen-NAS, Lin et al. 2021).

    Weights, x and e are from N(0, 1); f is the last feature map, before the global pooling:

        zen = log mean_n sum |f(x) - f(x + 0.01 e)| + sum over norms of log sqrt(mean variance),

    higher is better. The second sum restores the scale that batch norms remove. Source:
    arXiv:2102.01063 and its reference code. As there, the two passes use the batch's variances,
    but the formula takes the norms' *running* variances, which begin at 1 and move a tenth of the
    way in each pass. With `repeats` the score is the mean over new weights and inputs; the running
    variances of one repeat are the start of the next. A norm without running variances gets some.
    The inputs have the batch's shape. It uses no labels and no gradients.
    """

    def __init__(self, repeats: int = 1, init: Init = "normal") -> None:
        if repeats < 1:
            raise ValueError(f"repeats={repeats} must be at least 1")
        self.repeats, self.init = repeats, init

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The mean over the repeats."""
        scores = []
        variances: list[Tensor] = []
        for repeat in range(self.repeats):
            drawn = candidate
            if repeat:
                drawn = candidate.under(number("repeat", candidate.seed, repeat))
            model = drawn.model(self.init)
            variances = running_variances(model, variances)
            generator = drawn.generator("inputs")
            inputs = [gaussian(generator, batch.inputs, "zen") for _ in range(2)]
            scores.append(zen(model, inputs[0], inputs[1]))
        score = fmean(scores)
        return score if isfinite(score) else NoScore("the features do not move, or overflow")


def running_variances(model: nn.Module, before: list[Tensor]) -> list[Tensor]:
    """The batch norms' running variances, set to `before`; a norm without any gets some."""
    variances = []
    for norm in model.modules():
        if isinstance(norm, nn.modules.batchnorm._BatchNorm):
            if norm.running_var is None:
                like = next(model.parameters())
                norm.running_mean = like.new_zeros(norm.num_features)
                norm.running_var = like.new_ones(norm.num_features)
                norm.track_running_stats = True
            variances.append(norm.running_var)
    for variance, earlier in zip(variances, before, strict=False):
        variance.copy_(earlier)
    return variances


@torch.no_grad()
def zen(model: nn.Module, inputs: Tensor, change: Tensor) -> float:
    """Both terms for given inputs, with the model's present running variances."""
    features = last_map(model, inputs, "zen")
    moved = last_map(model, inputs + STEP * change, "zen")
    score = (features - moved).abs().flatten(1).sum(dim=1).mean().log()
    for variance in running_variances(model, []):
        score += variance.mean().sqrt().log()
    return score.item()
