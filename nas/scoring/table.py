"""The figures of one module: a row for each proxy and each metric, printed as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from html import escape
from math import isnan
from typing import Any

from nas.trial import nullable


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
        right = "text-align: right"
        body = "".join(
            f"<tr><td>{escape(name)}</td>"
            f'<td style="{right}" title="{escape(row.unit)}">{row.shown}</td>'
            f'<td style="{right}">{row.seconds:.4f}</td><td>{escape(row.remark)}</td></tr>'
            for name, row in self.items()
        )
        head = f'<th></th><th style="{right}">value</th><th style="{right}">seconds</th><th></th>'
        return (
            f"<table><caption>{escape(self.heading)}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """The rows as plain values; a value that is not there is None."""
        return {name: asdict(row) | {"value": nullable(row.value)} for name, row in self.items()}
