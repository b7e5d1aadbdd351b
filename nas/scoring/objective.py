"""From an architecture to its figures: the objective that a search calls, made of proxies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import inf, isfinite, isnan, nan
from statistics import fmean, pstdev
from time import perf_counter
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from nas.arch import Arch
from nas.candidate import Candidate
from nas.errors import UsageError
from nas.metric import METRICS, Metric
from nas.proxy import NoScore, Proxy
from nas.scoring.attempt import finite, measured, reason, scored
from nas.scoring.constraints import Constraints
from nas.scoring.names import beside, check_names
from nas.seeding import full_precision, one_thread
from nas.space import Space
from nas.trial import NONE, Evaluation

if TYPE_CHECKING:
    from nas.batch import Batch

METRICS_SHOWN = ("params", "flops")
"""The metrics of every trial by default."""


@runtime_checkable
class Objective(Protocol):
    """What a search calls. Architectures of the same form share the score of the first."""

    def form(self, arch: Arch) -> Arch:
        """The architecture that is scored instead of this one; it may be `arch` itself."""

    def evaluate(self, arch: Arch) -> Evaluation:
        """The score of the architecture's form, and the metrics of the architecture itself."""

    def metrics(self, arch: Arch) -> Mapping[str, float]:
        """The figures that belong to this architecture and not to its form, such as params."""


def default_metrics() -> dict[str, Metric]:
    """The metrics of every trial by name."""
    return {name: METRICS.build(name) for name in METRICS_SHOWN}


@dataclass(frozen=True)
class ProxyObjective:
    """Scores architectures of a space by proxies on a batch; can be sent to other processes.

    `proxies` is one proxy, or several by name. The score of several is the sum of their scores
    times their `factors` (1 by default); it is missing if one of them is missing. With `repeats`
    every proxy's score is the mean over that many draws of weights, and its standard deviation is
    among the metrics. If a proxy raises an error, the score is missing and the error is the
    reason; with `strict` the error is raised.
    """

    space: Space
    proxies: Proxy | Mapping[str, Proxy]
    batch: Batch
    seed: int = 0
    device: str = "cpu"
    repeats: int = 1
    factors: Mapping[str, float] = field(default_factory=dict)
    measures: Mapping[str, Metric] = field(default_factory=default_metrics)
    strict: bool = False
    live: bool = True
    """Whether proxies and metrics see a network without layers that cannot change its output."""
    constraints: Constraints = field(default_factory=Constraints)
    """An architecture that breaks one has no score, and a proxy that comes later is not asked."""
    others: Mapping[str, Proxy] = field(default_factory=dict)
    """Proxies with their options that score no trial, for what asks by name, such as `move`."""

    def __post_init__(self) -> None:
        """Raise UsageError if a proxy or metric has nothing for the space, or another's name."""
        for proxy in self.named.values():
            proxy.check_space(self.space)
        for metric in self.measures.values():
            metric.check_space(self.space)
        check_names(self.measures, self.named, self.repeats)

    @property
    def named(self) -> Mapping[str, Proxy]:
        """The proxies by name; a single proxy has an empty name."""
        return self.proxies if isinstance(self.proxies, Mapping) else {"": self.proxies}

    @property
    def preparing(self) -> str:
        """What the first score waits for; empty if for nothing."""
        return next(filter(None, (p.preparing(self.batch) for p in self.named.values())), "")

    def form(self, arch: Arch, names: Sequence[str] | None = None) -> Arch:
        """The canonical form if all proxies (of `names`) are `by_function`, else the architecture.

        So equal functions have equal scores under such proxies (`Proxy.by_function`).
        """
        proxies = self.named if names is None else {name: self.named[name] for name in names}
        functions = all(proxy.by_function for proxy in proxies.values())
        return self._canonical(arch) if functions else arch

    def _canonical(self, arch: Arch) -> Arch:
        """The canonical form; raises UsageError if the space gives something else."""
        try:
            form = self.space.canonical(arch)
            if form in self.space:
                return form
            found = f"gives {form!r:.100}, which is not in the space"
        except Exception as error:  # a mistake of the space
            if self.strict:
                raise
            found = f"raises {reason(error)}"
        raise UsageError(f"{self.space.title}.canonical({arch}) {found}")

    def evaluate(self, arch: Arch) -> Evaluation:
        """The figures of one architecture, on one thread and in full precision.

        The metrics are its own, the score is its form's. With more threads the order of sums
        would change, and the score would depend on the machine. To use more cores, score several
        architectures at once.
        """
        start = perf_counter()
        candidate = self._candidate(arch)
        with one_thread(), full_precision():
            metrics = self._measured(candidate)
            reason = self.constraints.refusal(metrics)
            found: dict[str, Evaluation] = {}
            if not reason:
                form = self.form(arch)
                scored = candidate if form == arch else self._candidate(form)
                reason, found = self._found(scored)
        together = self._refused(reason, found) if reason else self._together(found)
        if reason and not found:
            together = replace(together, failed=self.constraints.failed(metrics))
        metrics.update(together.metrics)
        return replace(together, metrics=metrics, seconds=perf_counter() - start)

    def _found(self, candidate: Candidate) -> tuple[str, dict[str, Evaluation]]:
        """What each proxy says; if one breaks a constraint, the reason, and no later proxy."""
        limits = self.constraints
        found: dict[str, Evaluation] = {}
        limited = [name for name in self.named if (name or limits.score) in limits.names]
        rest = [name for name in self.named if name not in limited]
        for name in [*limited, *rest]:
            candidate.memo["company"] = [
                self.named[each] for each in (limited if name in limited else rest)
            ]
            found[name] = self._scored(self.named[name], candidate)
            score = {} if isnan(found[name].score) else {name or limits.score: found[name].score}
            if reason := limits.refusal(score):
                return reason, found
        return "", {name: found[name] for name in self.named}

    def _refused(self, reason: str, found: Mapping[str, Evaluation]) -> Evaluation:
        """The evaluation of an architecture that breaks a constraint, with what is known of it."""
        scores = {name: found[name].score if name in found else nan for name in self.named}
        own = {f"{name}_sd" if name else "sd": nan for name in self.named if self.repeats > 1}
        if not isinstance(self.proxies, Mapping):
            if "" in found:
                own[self.constraints.score] = found[""].score
            return Evaluation(nan, own, 0.0, reason)
        return Evaluation(nan, own, 0.0, reason, scores)

    def screen(self, arch: Arch) -> Mapping[str, float]:
        """The metrics that constraints are about and that are quick to get."""
        limited = self.constraints.names
        quick = {n: m for n, m in self.measures.items() if n in limited and not m.measured}
        with one_thread():
            return replace(self, measures=quick)._measured(self._candidate(arch))

    def each(self, task: tuple[Arch, Sequence[str]]) -> list[Evaluation]:
        """The evaluation of an architecture by each named proxy alone, without metrics.

        The seconds are the time of one draw, including making the layers. What several proxies
        share is divided equally among them.
        """
        arch, names = task
        with one_thread(), full_precision():
            start = perf_counter()
            candidate = self._candidate(arch)
            with suppress(Exception):  # a proxy that needs the layers raises it again
                _ = candidate.network
            layers = perf_counter() - start
            proxies = [self.named[name] for name in names]
            candidate.memo["company"] = proxies
            found = [self._scored(proxy, candidate) for proxy in proxies]
        return [replace(each, seconds=layers + each.seconds) for each in found]

    def metrics(self, arch: Arch) -> Mapping[str, float]:
        """The metrics of an architecture; this does not score it."""
        with one_thread():
            return self._measured(self._candidate(arch))

    def _candidate(self, arch: Arch) -> Candidate:
        return Candidate(self.space, arch, self.seed, self.device, self.live)

    def _measured(self, candidate: Candidate) -> dict[str, float]:
        """The metrics; a metric that fails is a `NoScore`, NaN with the reason."""
        batch = self.batch.fresh(self.seed)
        found: dict[str, float] = {}
        for name, metric in self.measures.items():
            with batch.unchanged():
                figure = found[name] = measured(metric, candidate, batch, self.strict)
            found |= beside(name, figure, {*found, *self.measures, *self.named})
        return found

    def _scored(self, proxy: Proxy, candidate: Candidate) -> Evaluation:
        """One proxy's score, which is the mean over the draws of weights; the first NaN ends it.

        If the proxy draws nothing from the seed, there is one draw.
        """
        batch = self.batch.fresh(self.seed)
        start = perf_counter()
        draws: list[float] = []
        for repeat in range(self.repeats):
            drawn = candidate.under(f"{self.seed}/{repeat}" if repeat else self.seed)
            with batch.unchanged():
                draws.append(scored(proxy, drawn, batch, self.strict))
            if isnan(draws[-1]) or not drawn.drawn:
                break
        seconds = (perf_counter() - start + candidate.memo.pop("owed", 0.0)) / len(draws)
        last, note = draws[-1], "; ".join(sorted(batch.notes))
        seeded = drawn.drawn or any(part.startswith("random") for part in batch.notes)
        plain = tuple(float(score) for score in draws)
        if isnan(last):
            why = last if isinstance(last, NoScore) else NoScore("the proxy returned NaN")
            rest = NONE, note, why.failed, plain
            return Evaluation(nan, NONE, seconds, why.reason, *rest, seeded=seeded)
        score = finite(mean(plain))
        lost = score.reason if isinstance(score, NoScore) else ""
        return Evaluation(score, NONE, seconds, lost, note=note, draws=plain, seeded=seeded)

    def _together(self, found: Mapping[str, Evaluation]) -> Evaluation:
        """One evaluation for all proxies, with their scores, reasons and notes."""
        spreads = {
            f"{name}_sd" if name else "sd": nan if isnan(each.score) else _spread(each.draws)
            for name, each in found.items()
            if self.repeats > 1
        }
        if not isinstance(self.proxies, Mapping):
            return replace(found[""], metrics=spreads)
        total = sum(self.factors.get(name, 1.0) * each.score for name, each in found.items())
        lacking = [(name, each) for name, each in found.items() if isnan(each.score)]
        why = "" if isfinite(total) else f"the sum of the scores is {total}"
        notes = {part for each in found.values() for part in each.note.split("; ") if part}
        return Evaluation(
            total if isfinite(total) else nan,
            spreads,
            0.0,
            next((f"{name}: {each.reason}" for name, each in lacking), why),
            {name: each.score for name, each in found.items()},
            "; ".join(sorted(notes)),
            bool(lacking) and lacking[0][1].failed,
            reasons={name: each.reason for name, each in lacking},
        )


def mean(draws: Sequence[float]) -> float:
    """The mean of scores; of one it is that one, of too large ones infinity."""
    try:
        return fmean(draws) if len(draws) > 1 else draws[0]
    except OverflowError:
        return inf


def _spread(draws: Sequence[float]) -> float:
    """The standard deviation of scores; NaN if they are too large."""
    try:
        return pstdev(draws)
    except OverflowError:
        return nan
