"""What came of a search in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nas.candidate import Candidate
from nas.errors import UsageError
from nas.metric import METRICS
from nas.network.drawing.drawing import draw_layers
from nas.notebook import heading, shown, table
from nas.ranking import Ranking, by_score, valued
from nas.runs.summary import metric_lines
from nas.runs.truth import TrueFigure
from nas.scoring.attempt import described
from nas.searching.finals import Standings
from nas.space import Space
from nas.trial import Trial

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nas.data.lookup import Figures
    from nas.searching.pareto import Front

SHOWN = 10
"""How many of the best a notebook shows."""


@dataclass(frozen=True, repr=False)
class Found:
    """What came of a search."""

    space: Space
    trials: Sequence[Trial]
    favourite: Trial
    """The first of the trials that rank highest; its score is NaN if no trial has a score."""
    finals: Standings | None = None
    """The places of the finalists, from the winner down."""
    ranking: Ranking = field(default=by_score)
    """How the trials compare."""
    ended: str = ""
    """Why the search ended, in words that follow "the search ended"."""
    folder: str | Path | None = None
    """Where the search is kept, so that `nas report` prints it."""
    true: Figures | None = field(default=None, repr=False)
    """The true figures of the table that the search had at hand."""

    @property
    def best(self) -> Trial:
        """The winner of the finals, or without finals the favourite."""
        if self.finals is None or not self.finals.decisive:
            return self.favourite
        first = self.finals.finalists[0].arch
        return next(trial for trial in self.trials if trial.arch == first)

    @property
    def arch(self) -> str:
        """The best architecture in the space's notation."""
        return self.space.format(self.best.arch)

    @property
    def truth(self) -> TrueFigure | None:
        """What the table at hand says of the best; None without a table or a score."""
        if self.true is None or not self.top:
            return None
        return TrueFigure.of_arch(self.true, self.best.arch)

    @property
    def top(self) -> list[tuple[Trial, float]]:
        """The distinct trials with a score, each with its value, from the best down."""
        return valued(self.trials, self.ranking)

    def front(self, reference: Sequence[float] | None = None) -> Front:
        """The Pareto front of a search with several objectives, and its hypervolume.

        `reference`: the point that the hypervolume is measured from, a number an objective; None:
        the worst of the scored trials in each. Raises UsageError if there is one objective.
        """
        from nas.searching.pareto import front

        found = front(self.trials, self.ranking, reference)
        if found is None:
            raise UsageError(
                "a front is of several objectives: give objective=[epsilon,-flops] to the search"
            )
        return found

    def to_dataframe(self, library: Literal["polars", "pandas"] = "polars") -> Any:
        """The trials as a table with one row each: polars, or pandas if it is installed.

        Columns: number, arch in the space's notation, score, one for every proxy and metric,
        seconds, reason, note, copy_of. Raises UsageError for pandas where it is missing.
        """
        rows = self._rows()
        if library == "polars":
            import polars

            whole = {"copy_of": polars.Int64}  # where there are no copies, too
            return polars.DataFrame(rows, infer_schema_length=None, schema_overrides=whole)
        if library != "pandas":
            raise UsageError(f"library={library} must be polars or pandas")
        try:
            pandas = import_module("pandas")
        except ImportError:
            raise UsageError(
                "pandas is not installed: to_dataframe() gives a table of polars, and "
                "pip install 'epsilon-nas[pandas]' brings pandas"
            ) from None
        return pandas.DataFrame(rows)

    def _rows(self) -> list[dict[str, Any]]:
        proxies = dict.fromkeys(name for trial in self.trials for name in trial.scores)
        metrics = dict.fromkeys(name for trial in self.trials for name in trial.metrics)
        return [
            {
                "number": trial.number,
                "arch": described(self.space, trial.arch),
                "score": float(trial.score),
                **{name: float(trial.scores.get(name, "nan")) for name in proxies},
                **{name: float(trial.metrics.get(name, "nan")) for name in metrics},
                "seconds": trial.seconds,
                "reason": trial.reason,
                "note": trial.note,
                "copy_of": trial.copy_of,
            }
            for trial in self.trials
        ]

    def plot(self) -> Figure:
        """A picture: the value of every trial, and the best so far; `.savefig("run.png")`."""
        from nas.runs.picture import scores_over_trials

        return scores_over_trials(self.top, self.best, len(self.trials))

    def __repr__(self) -> str:
        """The best architecture, and what became of the trials."""
        named = described(self.space, self.best.arch)
        return f"<Found {named}: {self._value_line()}; {self._counts()}>"

    def _counts(self) -> str:
        copies = sum(trial.copy_of is not None for trial in self.trials)
        scored = sum(trial.copy_of is None for trial, _ in self.top)
        lost = len(self.trials) - copies - scored
        ended = f"; ended {self.ended}" * bool(self.ended)
        return (
            f"{len(self.trials)} trials, {scored} scored, {copies} repeated, "
            f"{lost} without a score{ended}"
        )

    def _repr_html_(self) -> str:
        """The best with its cell, and the ten best of the search, for a notebook."""
        lines = [self._value_line()]
        if self.finals is not None and self.finals.decisive:
            lines.append(f"the winner of the finals of {len(self.finals.finalists)}")
        titles = {name: METRICS.build(name) for name in self.best.metrics if name in METRICS}
        lines += metric_lines(dict(self.best.metrics), titles, width=0)
        lines.append(self._counts())
        rows = [self._row(trial, value) for trial, value in self.top[:SHOWN]]
        return shown(
            heading(described(self.space, self.best.arch), lines),
            self._cell(),
            table(rows, ["architecture"], "the ten best distinct architectures of the search"),
        )

    def _value_line(self) -> str:
        values = {trial.number: value for trial, value in self.top}
        value = values.get(self.best.number)
        return "no score" if value is None else f"score {value:.6g}"

    def _cell(self) -> str:
        """The picture of the best's cell; empty where its space has no networks as data."""
        network = Candidate(self.space, self.best.arch).network
        if network is None:
            return ""
        layers = network.layers, network.shapes, network.blocks
        return draw_layers(*layers, title=type(self.space).__name__, what="cell").svg

    def _row(self, trial: Trial, value: float) -> Mapping[str, str]:
        return {
            "trial": str(trial.number),
            "score": f"{value:.6g}",
            **{name: f"{figure:,.6g}" for name, figure in trial.metrics.items()},
            "architecture": described(self.space, trial.arch),
        }
