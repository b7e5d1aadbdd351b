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

    def __new__(cls, reason: str) -> NoScore:
        """NaN that carries `reason`, a short phrase for the summary."""
        score = super().__new__(cls, "nan")
        score.reason = reason
        return score


class Proxy(ABC):
    """Scores candidates, higher is better."""

    by_function: ClassVar[bool] = False
    """Whether a score depends on the function alone that the architecture computes where all
    weights are equal (`Space.canonical`): then a search scores one of all that compute it."""

    @abstractmethod
    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The candidate's score on the batch; NaN (best a `NoScore`) where it has none.

        Whatever the candidate builds may be changed at will: it is built for this call.
        """


PROXIES: Registry[Proxy] = Registry("proxy", "proxies", Proxy)
