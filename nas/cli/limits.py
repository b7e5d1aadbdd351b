"""The checks of `under=` and `limits=` of a comparison."""

from __future__ import annotations

from math import isfinite
from typing import Any

from nas.errors import UsageError


def under(key: str, value: Any) -> tuple[str, ...]:
    """A column of the table or a metric, a list of them, or null."""
    if value is None:
        return ()
    each = value if isinstance(value, list) else [value]
    if not each or any(isinstance(name, bool | list | dict) or name is None for name in each):
        raise UsageError(f"{key}={value} must be a column or metric, or a list such as [ms,flops]")
    return tuple(dict.fromkeys(map(str, each)))


def limits(key: str, value: Any) -> int | tuple[float, ...]:
    """A number of limits, or a list of limits."""
    if type(value) is int and value >= 1:
        return value
    numbers = value if isinstance(value, list) else []
    if not numbers or any(type(n) not in (int, float) or not isfinite(n) for n in numbers):
        raise UsageError(f"{key}={value} must be 1 or more, or a list of limits such as [5,7.5]")
    return tuple(map(float, numbers))
