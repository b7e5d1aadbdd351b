"""From an architecture to its figures: the proxy's score and the counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import isfinite, isnan, nan
from statistics import fmean, pstdev
from time import perf_counter
from typing import TYPE_CHECKING, Any

from nas.counts import counts
from nas.errors import UsageError, at_least, unknown
from nas.proxy import PROXIES, Candidate, NoScore, Proxy
from nas.space import SPACES, Arch, Space

if TYPE_CHECKING:
    from nas.batch import Batch


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What scoring an architecture gave; the fields are those of a `Trial`."""

    score: float
    metrics: Mapping[str, float]
    seconds: float
    reason: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    note: str = ""

    def owned(self, metrics: Mapping[str, float]) -> Evaluation:
        """The same of another architecture of the same form, whose own figures these are."""
        return replace(self, metrics={**self.metrics, **metrics})


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


def make_objective(settings: Mapping[str, Any]) -> Objective:
    """The objective that plain settings name: space, proxies, batch, seed, device, weights."""
    seed = at_least(settings, "seed", 0)
    repeats = at_least(settings, "repeats", 1)
    space = SPACES.configured(settings["space"])  # first, for it needs no torch
    from nas.batch import make_batch

    proxies = make_proxies(settings["proxy"])
    device = device_named(settings["device"])
    weights = _weights(settings["ranking"].get("weights"), proxies)
    batch = replace(make_batch(space, **settings["batch"]).to(device), seed=seed)
    return Objective(space, proxies, batch, seed, device, repeats, weights)


def make_proxies(config: Mapping[str, Any]) -> Proxy | dict[str, Proxy]:
    """The proxy that a config names, or, where it holds configs of proxies, those by name.

    A config of proxies inside such a config counts as what it holds.
    """
    inside = members(config)
    if config["name"] == "several" and (lost := {*config} - {*inside, "name"}):
        name = min(lost)
        raise UsageError(
            f"the config proxy/{name}.yaml does not say whose it is: add name: {name}"
        )
    if not inside and config["name"] == "several":
        raise UsageError("proxy=several is what proxy=[one,other] stands for: write that")
    if not inside:
        return PROXIES.configured(config)
    proxies: dict[str, Proxy] = {}
    for name, member in inside.items():
        made = make_proxies(member)
        proxies |= made if isinstance(made, dict) else {name: made}
    return proxies


def members(config: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The configs of proxies that a proxy's config holds, by name."""
    return {
        name: member
        for name, member in config.items()
        if isinstance(member, Mapping) and "name" in member
    }


def _weights(weights: object, proxies: Proxy | Mapping[str, Proxy]) -> dict[str, float]:
    """The weights of several proxies; UsageError if they are none, or name another proxy."""
    if weights is None:
        return {}
    names = list(proxies) if isinstance(proxies, Mapping) else []
    if not isinstance(weights, Mapping):
        raise UsageError(f"ranking.weights={weights} must be like {{epsilon: 1, naswot: 0.01}}")
    for name, weight in weights.items():
        if name not in names:
            raise unknown("proxy in this search", str(name), names)
        if isinstance(weight, bool) or not isinstance(weight, int | float):
            raise UsageError(f"ranking.weights.{name}={weight} must be a number")
    return {str(name): float(weight) for name, weight in weights.items()}


def device_named(name: str) -> str:
    """`cpu` or `cuda`; `auto` is cuda where there is one."""
    import torch

    if name not in ("auto", "cpu", "cuda"):
        raise UsageError(f"device={name} must be auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise UsageError("device=cuda needs a CUDA device, and PyTorch sees none: use device=cpu")
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch's operations on one thread, then on as many as before."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
