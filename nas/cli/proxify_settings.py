"""The settings of `nas proxify`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf, isfinite
from typing import Annotated, Any

from nas.cli.checks import column, table
from nas.cli.chosen import chosen
from nas.cli.settings import Settings, data_folder, flag, name_of, one_of, whole
from nas.errors import UsageError
from nas.registry.options import Choice


def numbers(least: float, most: float, whole: bool = False, optional: bool = False) -> Any:
    """A check of a list of numbers over `least` and at most `most`."""
    kind = "whole numbers of at least 1" if whole else "numbers over 0"
    text = f"{kind} and at most {most:g}" if isfinite(most) else kind

    def check(key: str, value: Any) -> tuple[float, ...] | None:
        if optional and value is None:
            return None
        good: Callable[[Any], bool] = lambda x: (  # noqa: E731
            (type(x) is int or (type(x) is float and not whole)) and least < x <= most
        )
        if not isinstance(value, list) or not value or not all(map(good, value)):
            raise UsageError(f"{key}={value} must be a list of {text}, such as [1]")
        return tuple(dict.fromkeys(value))

    check.__doc__ = f"A list of {text}{', or null' if optional else ''}."
    return check


def share(key: str, value: Any) -> float:
    """A number over 0 and at most 1."""
    if type(value) not in (int, float) or not 0 < value <= 1:
        raise UsageError(f"{key}={value} must be a number over 0 and at most 1")
    return float(value)


def columns(key: str, value: Any) -> tuple[str, ...]:
    """A list of columns, or null."""
    if value is None:
        return ()
    good = isinstance(value, list) and value
    if not good or any(isinstance(each, bool | list | dict) for each in value):
        raise UsageError(f"{key}={value} must be a list of columns, such as [valid_12_epochs]")
    return tuple(dict.fromkeys(map(str, value)))


def costs(key: str, value: Any) -> Mapping[str, float]:
    """A number over 0 for each of some columns, or null."""
    if value is None:
        return {}
    if not isinstance(value, dict) or any(
        type(each) not in (int, float) or not 0 < each < inf for each in value.values()
    ):
        raise UsageError(f"{key}={value} must be like {{COLUMN: 12, OTHER: 200}}, numbers over 0")
    return {str(name): float(cost) for name, cost in value.items()}


@dataclass(frozen=True)
class ProxifySettings(Settings):
    """The settings of `nas proxify`."""

    space: Annotated[Choice, chosen]
    proxy: Annotated[Choice, chosen]
    batch: Annotated[Choice, chosen]
    executor: Annotated[Choice, chosen]
    epochs: Annotated[tuple[int, ...] | None, numbers(0, inf, whole=True, optional=True)]
    share: Annotated[tuple[float, ...], numbers(0, 1)]
    resolution: Annotated[tuple[int, ...] | None, numbers(0, inf, whole=True, optional=True)]
    width: Annotated[tuple[float, ...], numbers(0, inf)]
    tau: Annotated[float, share]
    sample: Annotated[int, whole(3)]
    ceiling: Annotated[bool, flag]
    table: Annotated[str | None, table]
    full: Annotated[str | None, column]
    columns: Annotated[tuple[str, ...], columns]
    costs: Annotated[Mapping[str, float], costs]
    duplicates: Annotated[str, one_of("error", "mean")]
    foreign: Annotated[str, one_of("error", "drop")]
    data_dir: Annotated[str | None, data_folder]
    repeats: Annotated[int, whole(1)]
    seed: Annotated[int, whole(0)]
    strict: Annotated[bool, flag]
    live: Annotated[bool, flag]
    device: Annotated[str, one_of("auto", "cpu", "cuda")]
    out: Annotated[str, name_of("a folder")]
