"""What a metric is: it measures what a candidate costs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from nas.candidate import Candidate
from nas.registry import Registry

if TYPE_CHECKING:
    from nas.batch import Batch
    from nas.space import Space


class Measured(float):
    """A figure with what else was seen while it was measured."""

    more: Mapping[str, float]
    """Further figures: a trial has them as NAME_KEY beside the metric NAME."""
    note: str
    """What was wrong, such as other load; empty if nothing. A trial's note says it, and a summary
    has every note once: so it has no figures."""

    def __new__(cls, value: float, more: Mapping[str, float], note: str = "") -> Measured:
        """The figure, with further figures by name and a note."""
        figure = super().__new__(cls, value)
        figure.more, figure.note = more, note
        return figure

    def __reduce__(self) -> tuple[type[Measured], tuple[float, Mapping[str, float], str]]:
        """Keep all of it when the figure is sent to another process."""
        return Measured, (float(self), dict(self.more), self.note)


class Metric(ABC):
    """Measures candidates; `objective=` looks for more of what it names, so -latency for less."""

    unit: ClassVar[str] = ""
    """The unit as it is shown beside the figure."""
    title: ClassVar[str] = ""
    """The name as it is shown; if empty, the registered name is shown."""
    measured: ClassVar[bool] = False
    """Whether two measurements of the same candidate differ, as of a time."""
    sign: int = 0
    """-1 if the user has said that lower is better: no objective may look for more of it then."""
    width: ClassVar[int] = 12
    """Width of its column in a table, in characters."""

    def refusal(self) -> str:
        """Why this machine cannot measure it, in a sentence; empty if it can."""
        return ""

    def check_space(self, space: Space) -> None:  # noqa: B027
        """Raise UsageError if it has no figures for this space: nothing is measured then."""

    @abstractmethod
    def measure(self, candidate: Candidate, batch: Batch) -> float:
        """The candidate's figure for inputs like the batch's; NaN if it has none.

        It may be a `Measured`, which has further figures and a note.
        """


METRICS: Registry[Metric] = Registry("metric", "nas.metrics", Metric)
