"""From an architecture to its figures: what a search calls, and what it is made of proxies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import isnan, nan
from statistics import fmean, pstdev
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

from nas.arch import Arch
from nas.candidate import Candidate
from nas.metric import METRICS, Metric
from nas.proxy import NoScore, Proxy
from nas.scoring.attempt import described, reason, scored
from nas.seeding import full_precision, one_thread
from nas.space import Space
from nas.trial import NONE, Evaluation

if TYPE_CHECKING:
    from nas.batch import Batch

METRICS_SHOWN = ("params", "flops")
"""The metrics of every trial unless others are asked for."""


class Objective(Protocol):
    """What a search calls. Architectures of one form share the score of the first."""

    def form(self, arch: Arch) -> Arch:
        """The architecture that is scored in this one's place; the architecture itself if none."""

    def evaluate(self, arch: Arch) -> Evaluation:
        """The figures of one architecture."""

    def metrics(self, arch: Arch) -> Mapping[str, float]:
        """The figures that are this architecture's own and not its form's, such as params."""


def default_metrics() -> dict[str, Metric]:
    """The metrics of every trial by name."""
    return {name: METRICS.build(name) for name in METRICS_SHOWN}


@dataclass(frozen=True)
class ProxyObjective:
    """Scores architectures of a space by proxies on a batch; can be sent to other processes.

    `proxies` is one proxy, or several by name: then the score is their sum, each times its factor
    in `factors` (1 where there is none), and does not exist where one of them does not. With
    `repeats` every proxy's score is the mean over that many draws of weights, and its standard
    deviation is among the metrics. A proxy that raises an error has no score there, with the
    error as the reason; with `strict` the error is raised.
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

    @property
    def named(self) -> Mapping[str, Proxy]:
        """The proxies by name; the name of a single one is empty."""
        return self.proxies if isinstance(self.proxies, Mapping) else {"": self.proxies}

    def form(self, arch: Arch, names: Sequence[str] | None = None) -> Arch:
        """The canonical form where all proxies (those of `names`) see the function alone.

        So equal functions have equal scores under such proxies (`Proxy.by_function`).
        """
        proxies = self.named if names is None else {name: self.named[name] for name in names}
        functions = all(proxy.by_function for proxy in proxies.values())
        return self.space.canonical(arch) if functions else arch

    def evaluate(self, arch: Arch) -> Evaluation:
        """The figures of one architecture, on one thread and in full precision.

        One thread, because sums are split differently over two: a score would then depend on the
        machine. Cores are for several architectures at once.
        """
        start = perf_counter()
        candidate = Candidate(self.space, arch, self.seed, self.device)
        with one_thread(), full_precision():
            measured = self._measured(candidate)
            found = {name: self._scored(proxy, candidate) for name, proxy in self.named.items()}
        together = self._together(found)
        note = "; ".join(part for part in (together.note, measured.note) if part)
        metrics = {**measured.metrics, **together.metrics}
        return replace(together, metrics=metrics, seconds=perf_counter() - start, note=note)

    def each(self, task: tuple[Arch, Sequence[str]]) -> list[Evaluation]:
        """What each of the named proxies makes of an architecture by itself, without metrics.

        The seconds are what a proxy takes alone for one draw, with the making of the layers.
        """
        arch, names = task
        with one_thread(), full_precision():
            start = perf_counter()
            candidate = Candidate(self.space, arch, self.seed, self.device)
            with suppress(Exception):  # it comes again when a proxy asks for the layers
                _ = candidate.network
            layers = perf_counter() - start
            found = [self._scored(self.named[name], candidate.apart()) for name in names]
        return [replace(each, seconds=layers + each.seconds) for each in found]

    def metrics(self, arch: Arch) -> Mapping[str, float]:
        """The metrics of an architecture, which is not scored."""
        candidate = Candidate(self.space, arch, self.seed, self.device)
        return self._measured(candidate).metrics

    def complete(self, arch: Arch) -> Evaluation:
        """The figures as a search has them: the score of the form, the architecture's metrics."""
        form = self.form(arch)
        found = self.evaluate(form)
        return found if form == arch else found.with_metrics(self.metrics(arch))

    def _measured(self, candidate: Candidate) -> Evaluation:
        """The metrics; NaN with a note where one raises an error."""
        figures: dict[str, float] = {}
        notes = []
        for name, metric in self.measures.items():
            try:
                figures[name] = metric.measure(candidate, self.batch)
            except Exception as error:  # one architecture without a figure ends no search
                if self.strict:
                    error.add_note(f"While measuring {name} of {described(candidate)}")
                    raise
                figures[name] = nan
                notes.append(f"{name} could not be measured ({reason(error)})")
        return Evaluation(nan, figures, 0.0, note="; ".join(notes))

    def _scored(self, proxy: Proxy, candidate: Candidate) -> Evaluation:
        """One proxy's score, the mean over the draws of weights; the first NaN ends it.

        There is one draw where the proxy draws nothing from the seed.
        """
        batch = self.batch.fresh()
        start = perf_counter()
        draws: list[float] = []
        for repeat in range(self.repeats):
            drawn = candidate.under(f"{self.seed}/{repeat}" if repeat else self.seed)
            draws.append(scored(proxy, drawn, batch, self.strict))
            if isnan(draws[-1]) or not drawn.drawn:
                break
        seconds = (perf_counter() - start) / len(draws)
        last, note = draws[-1], "; ".join(sorted(batch.notes))
        plain = tuple(float(score) for score in draws)
        if isnan(last):
            why = last if isinstance(last, NoScore) else NoScore("the proxy returned NaN")
            return Evaluation(nan, NONE, seconds, why.reason, NONE, note, why.failed, plain)
        mean = fmean(plain) if len(plain) > 1 else plain[0]
        return Evaluation(mean, NONE, seconds, note=note, draws=plain)

    def _together(self, found: Mapping[str, Evaluation]) -> Evaluation:
        """The score of all proxies, with what each of them says."""
        spreads = {
            f"{name}_sd" if name else "sd": nan if isnan(each.score) else pstdev(each.draws)
            for name, each in found.items()
            if self.repeats > 1
        }
        if not isinstance(self.proxies, Mapping):
            return replace(found[""], metrics=spreads)
        lacking = [(name, each) for name, each in found.items() if isnan(each.score)]
        notes = {part for each in found.values() for part in each.note.split("; ") if part}
        return Evaluation(
            sum(self.factors.get(name, 1.0) * each.score for name, each in found.items()),
            spreads,
            0.0,
            next((f"{name}: {each.reason}" for name, each in lacking), ""),
            {name: each.score for name, each in found.items()},
            "; ".join(sorted(notes)),
            bool(lacking) and lacking[0][1].failed,
        )
