"""What a proxy is: it scores a candidate that was never trained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from nas.candidate import Candidate
from nas.registry import Registry

if TYPE_CHECKING:
    from nas.batch import Batch


class NoScore(float):
    """A score that does not exist: NaN, with the reason why."""

    reason: str
    failed: bool
    """Whether an error was raised in place of a score."""

    def __new__(cls, reason: str, failed: bool = False) -> NoScore:
        """NaN that carries `reason`, a short phrase for the summary."""
        score = super().__new__(cls, "nan")
        score.reason, score.failed = reason, failed
        return score

    def __reduce__(self) -> tuple[type[NoScore], tuple[str, bool]]:
        """So that the reason goes along to other processes."""
        return NoScore, (self.reason, self.failed)


class Proxy(ABC):
    """Scores candidates, higher is better."""

    by_function: ClassVar[bool] = False
    """Whether a score depends on the function alone that the architecture computes where all
    weights are equal (`Space.canonical`): then a search scores one of all that compute it."""

    faster_on_cpu: ClassVar[bool] = False
    """Whether a score takes less time on the CPU than on CUDA: then `device=auto` is the CPU where
    all proxies of a run say so."""

    @abstractmethod
    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The candidate's score on the batch; NaN (best a `NoScore`) where it has none.

        Whatever the candidate builds may be changed at will: it is built for this call. An error
        that is raised counts as no score of this candidate. Of errors, NotApplicableError says
        that the proxy cannot score such a model.
        """


PROXIES: Registry[Proxy] = Registry("proxy", "proxies", Proxy)
