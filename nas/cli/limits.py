"""The checks of `under=` and `limits=` of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from nas.errors import UsageError
from nas.scoring.constraints import NUMBER, number


def under(key: str, value: Any) -> tuple[str, ...]:
    """A column of the table or a metric, a list of them, or null."""
    if value is None:
        return ()
    each = value if isinstance(value, list) else [value]
    if not each or any(isinstance(name, bool | list | dict) or name is None for name in each):
        raise UsageError(f"{key}={value} must be a column or metric, or a list such as [ms,flops]")
    return tuple(dict.fromkeys(map(str, each)))


def limits(key: str, value: Any) -> int | tuple[float | str, ...]:
    """A number of limits, or a list of limits; one with a unit, such as 5ms, is a text."""
    if type(value) is int and value >= 1:
        return value
    every = value if isinstance(value, list) else []
    if not every or not all(map(_limit, every)):
        raise UsageError(
            f"{key}={value} must be 1 or more, or a list of limits such as [5,7.5] or [2k,1M]"
        )
    return tuple(each if isinstance(each, str) else float(each) for each in every)


def _limit(value: Any) -> bool:
    if isinstance(value, str):
        return NUMBER.fullmatch(value) is not None
    return type(value) in (int, float) and isfinite(value)


def in_unit(limits: int | Sequence[float | str], name: str, unit: str) -> int | tuple[float, ...]:
    """The limits as numbers in the unit of the figure of this name, empty if it has none.

    Raises UsageError for a unit that does not fit.
    """
    if isinstance(limits, int):
        return limits
    return tuple(
        number(each, unit, f"the limit {each} of {name}") if isinstance(each, str) else each
        for each in limits
    )
