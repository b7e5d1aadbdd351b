"""From an architecture to its figures: the proxy's score and the counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import isnan
from time import perf_counter
from typing import TYPE_CHECKING, Any

from nas.counts import counts
from nas.errors import UsageError, at_least
from nas.proxy import PROXIES, Candidate, Proxy
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


@dataclass(frozen=True)
class Objective:
    """Scores architectures of a space by a proxy on a batch; can be sent to other processes."""

    space: Space
    proxy: Proxy
    batch: Batch
    seed: int = 0
    device: str = "cpu"

    def __call__(self, arch: Arch) -> Evaluation:
        """The figures of one architecture, on one thread.

        One thread, because sums are split differently over two: a score would then depend on the
        machine. Cores are for several architectures at once.
        """
        start = perf_counter()
        candidate = Candidate(self.space, arch, self.seed, self.device)
        with one_thread():
            score = self.proxy.score(candidate, self.batch)
            metrics = counts(candidate, self.batch)
        reason = getattr(score, "reason", "the proxy returned NaN") if isnan(score) else ""
        return Evaluation(float(score), metrics, perf_counter() - start, reason)


def make_objective(settings: Mapping[str, Any]) -> Objective:
    """The objective that plain settings name: space, proxy, batch, seed and device."""
    from nas.batch import make_batch

    seed = at_least(settings, "seed", 0)
    space = SPACES.configured(settings["space"])
    proxy = PROXIES.configured(settings["proxy"])
    device = device_named(settings["device"])
    batch = make_batch(space, **settings["batch"]).to(device)
    return Objective(space, proxy, batch, seed, device)


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
