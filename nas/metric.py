"""What a metric is: it measures what a candidate costs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from nas.candidate import Candidate
from nas.registry import Registry

if TYPE_CHECKING:
    from nas.batch import Batch


class Metric(ABC):
    """Measures candidates, lower is better."""

    unit: ClassVar[str] = ""
    """What is counted or measured, as it is shown beside the figure."""
    title: ClassVar[str] = ""
    """The name as it is shown; empty: the registered one."""
    width: ClassVar[int] = 12
    """Of its column in a table, in characters."""

    @abstractmethod
    def measure(self, candidate: Candidate, batch: Batch) -> float:
        """The candidate's figure for inputs like the batch's; NaN where it has none."""


METRICS: Registry[Metric] = Registry("metric", "nas.metrics", Metric)
