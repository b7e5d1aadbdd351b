"""REINFORCE."""

from __future__ import annotations

from collections import deque
from math import exp, inf, isnan, log
from random import Random

from nas import STRATEGIES, Arch, Space, Strategy, Trial
from nas.ranking import Ranking, by_score


@STRATEGIES.register("reinforce")
class Reinforce(Strategy):
    """Policy gradient with one softmax per decision (Williams 1992; Zoph & Le 2017).

    Logits climb the gradient of log-probability times advantage, plus `entropy` times the
    gradient of the policy's entropy. The advantage is the score minus a moving average of the
    scores, in units of their moving mean absolute deviation (the papers do not have this; so one
    `rate` suits proxies of any scale). A trial without a score counts as the worst so far; before
    the first score nothing is learned. With `move` the best of 10 draws of the policy by that
    proxy is tried.
    """

    moves = True

    def __init__(
        self,
        space: Space,
        ranking: Ranking = by_score,
        *,
        rate: float = 0.05,
        decay: float = 0.95,
        entropy: float = 0.01,
    ) -> None:
        super().__init__(space, ranking)
        if not 0 < rate <= 10:
            raise ValueError(f"rate={rate} must be over 0 and at most 10")
        if not 0 <= decay < 1:
            raise ValueError(f"decay={decay} must be at least 0 and less than 1")
        if not 0 <= entropy <= 10:
            raise ValueError(f"entropy={entropy} must be from 0 to 10")
        self.rate, self.decay, self.entropy = rate, decay, entropy
        self.recent: deque[Trial] = deque(maxlen=64)
        self.logits = [[0.0] * count for count in space.choices]
        self.baseline = self.deviation = self.worst = float("nan")

    def ask(self, rng: Random) -> Arch:
        policy = [softmax(row) for row in self.logits]
        return self.proposed(lambda: self._drawn(policy, rng))

    def _drawn(self, policy: list[list[float]], rng: Random) -> Arch:
        """An architecture of the policy, or a random one if the policy draws only invalid ones."""
        for _ in range(1000):
            arch = tuple(rng.choices(range(len(row)), row)[0] for row in policy)
            if self.space.valid(arch):
                return arch
        return self.space.sample(rng)

    def tell(self, trial: Trial) -> None:
        self.recent.append(trial)
        value = self.ranking(self.recent)[-1]
        reward = self.worst if value == -inf else value
        if isnan(reward):
            return
        advantage = self._advantage(reward)
        for logits, option in zip(self.logits, trial.arch, strict=True):
            row = softmax(logits)
            surprise = -sum(p * log(p) for p in row if p > 0)
            for index, p in enumerate(row):
                slope = advantage * ((index == option) - p)
                bonus = -p * (log(p) + surprise) if p > 0 else 0.0
                logits[index] += self.rate * (slope + self.entropy * bonus)

    def _advantage(self, reward: float) -> float:
        """How much the reward exceeds the moving average, in deviations; this updates both."""
        if isnan(self.baseline):
            self.baseline, self.deviation, self.worst = reward, 0.0, reward
        self.worst = min(self.worst, reward)
        difference = reward - self.baseline
        self.baseline += (1 - self.decay) * difference
        self.deviation = self.deviation or abs(difference)  # the first one that is not 0
        self.deviation += (1 - self.decay) * (abs(difference) - self.deviation)
        return difference / self.deviation if self.deviation > 0 else 0.0


def softmax(logits: list[float]) -> list[float]:
    """Probabilities proportional to the exponentials."""
    top = max(logits)
    weights = [exp(logit - top) for logit in logits]
    total = sum(weights)
    return [weight / total for weight in weights]
