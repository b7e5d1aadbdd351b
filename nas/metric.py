"""What a metric is: it measures what a candidate costs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from nas.candidate import Candidate
from nas.registry import Registry

if TYPE_CHECKING:
    from nas.batch import Batch


class Metric(ABC):
    """Measures candidates; lower is better."""

    unit: ClassVar[str] = ""
    """The unit as it is shown beside the figure."""
    title: ClassVar[str] = ""
    """The name as it is shown; if empty, the registered name is shown."""
    measured: ClassVar[bool] = False
    """Whether two measurements of the same candidate differ, as of a time."""
    width: ClassVar[int] = 12
    """Width of its column in a table, in characters."""

    @abstractmethod
    def measure(self, candidate: Candidate, batch: Batch) -> float:
        """The candidate's figure for inputs like the batch's; NaN if it has none."""


METRICS: Registry[Metric] = Registry("metric", "nas.metrics", Metric)
