"""What a proxy is: it scores a candidate that was never trained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from nas.candidate import Candidate
from nas.registry import Registry

if TYPE_CHECKING:
    from nas.batch import Batch


class NoScore(float):
    """The score of a candidate that has none: NaN with the reason."""

    reason: str
    failed: bool
    """Whether the proxy raised an error instead of giving a score."""

    def __new__(cls, reason: str, failed: bool = False) -> NoScore:
        """NaN that carries `reason`, a short phrase for the summary."""
        score = super().__new__(cls, "nan")
        score.reason, score.failed = reason, failed
        return score

    def __reduce__(self) -> tuple[type[NoScore], tuple[str, bool]]:
        """Keep the reason when the score is sent to another process."""
        return NoScore, (self.reason, self.failed)


class Proxy(ABC):
    """Scores candidates; higher is better."""

    by_function: ClassVar[bool] = False
    """Whether the score depends only on the function that the architecture computes when all
    weights are equal. A search then scores only one architecture of each `Space.canonical`."""

    faster_on_cpu: ClassVar[bool] = False
    """Whether a score takes less time on the CPU than on CUDA: then `device=auto` is the CPU where
    all proxies of a run say so."""

    @abstractmethod
    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The candidate's score on the batch; NaN, preferably a `NoScore`, if it has none.

        The proxy may change all that the candidate builds, because it is built for this call. If
        the proxy raises an error, this candidate has no score. Raise NotApplicableError if the
        proxy cannot score this kind of model.
        """


PROXIES: Registry[Proxy] = Registry("proxy", "proxies", Proxy)
