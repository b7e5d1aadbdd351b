"""From an architecture to its figures: the proxy's score and the counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite, isnan, nan
from statistics import fmean, pstdev
from time import perf_counter
from typing import TYPE_CHECKING

from nas.candidate import Candidate
from nas.errors import UsageError
from nas.metrics.counts import counts
from nas.proxy import NoScore, Proxy
from nas.seeding import one_thread
from nas.space import Arch, Space
from nas.trial import Evaluation

if TYPE_CHECKING:
    from nas.batch import Batch


@dataclass(frozen=True)
class Objective:
    """Scores architectures of a space by proxies on a batch; can be sent to other processes.

    `proxies` is one proxy, or several by name: then the score is their sum, each times its weight
    in `weights` (1 where there is none), and does not exist where one of them does not. With
    `repeats` every proxy's score is the mean over that many draws of weights, and its standard
    deviation is among the metrics.
    """

    space: Space
    proxies: Proxy | Mapping[str, Proxy]
    batch: Batch
    seed: int = 0
    device: str = "cpu"
    repeats: int = 1
    weights: Mapping[str, float] = field(default_factory=dict)

    def __call__(self, arch: Arch) -> Evaluation:
        """The figures of one architecture, on one thread.

        One thread, because sums are split differently over two: a score would then depend on the
        machine. Cores are for several architectures at once.
        """
        start = perf_counter()
        candidate = Candidate(self.space, arch, self.seed, self.device)
        self.batch.notes.clear()
        several = isinstance(self.proxies, Mapping)
        scores: dict[str, float] = {}
        with one_thread():
            metrics = counts(candidate, self.batch)
            reason = ""
            for name, proxy in self._named.items():
                score, spread = self._repeated(proxy, candidate)
                scores[name] = score
                if self.repeats > 1:
                    metrics[f"{name}_sd" if several else "sd"] = spread
                if isnan(score) and not reason:
                    why = getattr(score, "reason", "the proxy returned NaN")
                    reason = f"{name}: {why}" if several else why
        total = sum(self.weights.get(name, 1.0) * float(score) for name, score in scores.items())
        note = "; ".join(sorted(self.batch.notes))
        plain = {name: float(score) for name, score in scores.items()} if several else {}
        return Evaluation(total, metrics, perf_counter() - start, reason, plain, note)

    @property
    def _named(self) -> Mapping[str, Proxy]:
        return self.proxies if isinstance(self.proxies, Mapping) else {"": self.proxies}

    def form(self, arch: Arch) -> Arch:
        """What to score for an architecture: its canonical form where the function is all.

        So equal functions have equal scores under proxies that see no more (`Proxy.by_function`).
        """
        if all(proxy.by_function for proxy in self._named.values()):
            return self.space.canonical(arch)
        return arch

    def metrics(self, arch: Arch) -> dict[str, float]:
        """Parameters and FLOPs of an architecture, which is not scored."""
        return counts(Candidate(self.space, arch, self.seed, self.device), self.batch)

    def _repeated(self, proxy: Proxy, candidate: Candidate) -> tuple[float, float]:
        """Mean and standard deviation over the draws of weights; the first NaN is the mean."""
        found = draws(proxy, candidate, self.batch, self.repeats)
        if isnan(found[-1]):
            return found[-1], nan
        return fmean(found) if len(found) > 1 else found[0], pstdev(found)


def draws(proxy: Proxy, candidate: Candidate, batch: Batch, repeats: int) -> list[float]:
    """A candidate's scores under as many seeds, the first of which is its own.

    One where the proxy draws nothing from the seed; a score that does not exist is the last.
    """
    scores: list[float] = []
    for repeat in range(repeats):
        seed = f"{candidate.seed}/{repeat}" if repeat else candidate.seed
        drawn: set[str] = set()
        scores.append(_score(proxy, replace(candidate, seed=seed, drawn=drawn), batch))
        if isnan(scores[-1]) or not drawn:
            break
    return scores


def _score(proxy: Proxy, candidate: Candidate, batch: Batch) -> float:
    """The proxy's score; without one where it is infinite, UsageError where it is no number."""

    def what() -> str:
        return f"{type(proxy).__name__} on {candidate.space.format(candidate.arch)}"

    try:
        score: object = proxy.score(candidate, batch)
    except Exception as error:  # whatever it is, it goes on with the place it comes from
        error.add_note(f"While scoring: {what()}")
        raise
    if not isinstance(score, float | int) or isinstance(score, bool):
        raise UsageError(
            f"{what()} gives {score!r:.100}: a score is a float, NaN where there is none"
        )
    return score if isfinite(score) or isnan(score) else NoScore(f"the score is {score}")
