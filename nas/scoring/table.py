"""The figures of one module: a row for each proxy and each metric, printed as a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isnan
from typing import Any

from nas.notebook import shown, table
from nas.trial import Evaluation, nullable

SHOWN = 50
"""How many architectures a notebook shows."""


@dataclass(frozen=True)
class Row:
    """What one proxy or metric says of a module."""

    value: float
    """The score or figure; NaN if there is none."""
    seconds: float
    reason: str = ""
    """Why there is no value, in a sentence; empty if there is one."""
    failed: bool = False
    """Whether there is no value because of an error."""
    note: str = ""
    """What the proxy got instead of what it asked for, such as random labels."""
    unit: str = ""
    """The unit of a metric; a score has none."""

    @property
    def shown(self) -> str:
        """The value as a table has it."""
        if isnan(self.value):
            return "none"
        return f"{self.value:,}" if isinstance(self.value, int) else f"{self.value:.6g}"

    @property
    def remark(self) -> str:
        """The reason, or the note after the unit, if this is a word and no sentence."""
        word = "" if " " in self.unit else self.unit
        return self.reason or "; ".join(filter(None, [word, self.note]))


class Scores(Mapping[str, Row]):
    """The rows by the names of proxies and metrics; it prints itself as a table.

    >>> scores = Scores("Net", (3, 8, 8), {"params": Row(1200, 0.0012, unit="parameters")})
    >>> print(scores)
    Net on inputs of shape (3, 8, 8)
            value  seconds
    params  1,200   0.0012  parameters
    >>> scores["params"].value, scores.to_dict()["params"]["seconds"]
    (1200, 0.0012)
    """

    def __init__(self, title: str, inputs: tuple[int, ...], rows: Mapping[str, Row]) -> None:
        self.title, self.inputs = title, inputs
        self._rows = dict(rows)

    def __getitem__(self, name: str) -> Row:
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def heading(self) -> str:
        """The name of the module and the shape of an example."""
        return f"{self.title} on inputs of shape {self.inputs}"

    def __repr__(self) -> str:
        """The table as text, a line for each row."""
        cells = [("", "value", "seconds", "")]
        for name, row in self.items():
            cells.append((name, row.shown, f"{row.seconds:.4f}", row.remark))
        one, two, three, _ = (max(map(len, column)) for column in zip(*cells, strict=True))
        lines = [
            f"{name:<{one}}  {value:>{two}}  {seconds:>{three}}  {remark}".rstrip()
            for name, value, seconds, remark in cells
        ]
        return "\n".join([self.heading, *lines])

    def _repr_html_(self) -> str:
        """The table in a notebook."""
        rows = [
            {
                "": name,
                "value": row.shown,
                "seconds": f"{row.seconds:.4f}",
                "remark": row.reason or "; ".join(filter(None, [row.unit, row.note])),
            }
            for name, row in self.items()
        ]
        return shown(table(rows, ["", "remark"], self.heading))

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """The rows as plain values; a value that is not there is None."""
        return {name: asdict(row) | {"value": nullable(row.value)} for name, row in self.items()}


class Evaluations(list[Evaluation]):
    """Evaluations in the order of their architectures, which a notebook shows as a table."""

    def __init__(self, names: Sequence[str], found: Iterable[Evaluation]) -> None:
        super().__init__(found)
        self.names = names
        """The architectures in their space's notation."""

    def _repr_html_(self) -> str:
        """The first architectures with their scores, metrics and reasons."""
        rows = [
            {
                "score": "none" if isnan(each.score) else f"{each.score:.6g}",
                **{proxy: f"{score:.6g}" for proxy, score in each.scores.items()},
                **{metric: f"{figure:,.6g}" for metric, figure in each.metrics.items()},
                "seconds": f"{each.seconds:.4f}",
                "architecture": name,
                "reason": each.reason,
            }
            for name, each in zip(self.names[:SHOWN], self, strict=False)
        ]
        rest = len(self) - len(rows)
        caption = f"the first {len(rows)} of {len(self)} architectures" if rest else ""
        return shown(table(rows, ["architecture", "reason"], caption))
