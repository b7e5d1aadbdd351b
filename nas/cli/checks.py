"""Checks of settings that name tables, columns and figures: each gives the typed value.

Each takes an option's name and value, and raises UsageError for a wrong one; help pages show the
first line of its docstring.
"""

from __future__ import annotations

from typing import Any

from nas.errors import UsageError
from nas.storage.files import path_of


def for_spaces(key: str, value: Any) -> dict[str, str]:
    """A name for each of some spaces, or null for none."""
    if value is None:
        return {}
    if not isinstance(value, dict) or any(
        isinstance(each, list | dict) for each in value.values()
    ):
        raise UsageError(f"{key}={value} must be like {{nasbench201: NAME, mnasnet: NAME}}")
    return {str(space): str(name) for space, name in value.items() if name is not None}


def table(key: str, value: Any) -> str | None:
    """A name or a file, or null for no table."""
    if value is not None and not isinstance(value, str):
        raise UsageError(f"{key}={value} must be a name or a file")
    if value is not None:
        path_of(value, f"{key}=")
    return value


def column(key: str, value: Any) -> str | None:
    """The name of a column, or null."""
    if isinstance(value, bool | list | dict):
        raise UsageError(f"{key}={value} must be the name of a column")
    return None if value is None else str(value)


def objective(key: str, value: Any) -> tuple[str, ...]:
    """A formula, or a list of them, such as [epsilon,-latency]; null for what the ranking says."""
    texts = value if isinstance(value, list) else [] if value is None else [value]
    if value == [] or any(isinstance(each, bool | list | dict) for each in texts):
        raise UsageError(f"{key}={value} must be a formula, or a list such as [epsilon,-latency]")
    return tuple(dict.fromkeys(" ".join(str(each).split()) for each in texts))


def constraints(key: str, value: Any) -> tuple[str, ...]:
    """A list of sentences, such as [params<=2M,latency<=5ms]; it may be empty."""
    texts = value if isinstance(value, list) else [] if value is None else [value]
    if any(not isinstance(each, str) for each in texts):
        raise UsageError(f"{key}={value} must be a list such as [params<=2M,latency<=5ms]")
    return tuple(dict.fromkeys(texts))


def options_of_metrics(key: str, value: Any) -> dict[str, dict[str, Any]]:
    """Options of metrics by their names, as metric.latency.threads=2."""
    there = {} if value is None else value
    if not isinstance(there, dict) or not all(isinstance(each, dict) for each in there.values()):
        raise UsageError(f"{key}={value} must have options: {key}.NAME.OPTION=VALUE")
    return {str(name): dict(options) for name, options in there.items()}
