"""The settings of `nas fit`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from nas.cli.checks import table
from nas.cli.chosen import chosen
from nas.cli.settings import Settings, data_folder, flag, name_of, names, one_of, optional, whole
from nas.errors import UsageError
from nas.registry.options import Choice


def columns(key: str, value: Any) -> tuple[str | None, ...]:
    """A column, -column if lower is better, or a list of them, or null."""
    given = value if isinstance(value, list) else [value]
    if not given or any(isinstance(each, bool | list | dict) for each in given):
        raise UsageError(f"{key}={value} must be a column, or a list such as [acc,-latency]")
    return tuple(None if each is None else str(each) for each in given)


def share(key: str, value: Any) -> float:
    """A share between 0 and 1, such as 0.1."""
    if type(value) not in (int, float) or not 0 < value < 1:
        raise UsageError(f"{key}={value} must be a share between 0 and 1, such as 0.1")
    return float(value)


@dataclass(frozen=True)
class FitSettings(Settings):
    """The settings of `nas fit`."""

    space: Annotated[Choice, chosen]
    executor: Annotated[Choice, chosen]
    table: Annotated[str | None, table]
    target: Annotated[tuple[str | None, ...], columns]
    features: Annotated[tuple[str, ...] | None, optional(names("proxies, as [params]", least=0))]
    encoding: Annotated[
        Literal["auto", "onehot", "ordinal", "layers"],
        one_of("auto", "onehot", "ordinal", "layers"),
    ]
    rows: Annotated[int | None, optional(whole(1))]
    splits: Annotated[int, whole(0)]
    held_out: Annotated[float, share]
    curve: Annotated[bool, flag]
    seed: Annotated[int, whole(0)]
    duplicates: Annotated[str, one_of("error", "mean")]
    foreign: Annotated[str, one_of("error", "drop")]
    data_dir: Annotated[str | None, data_folder]
    out: Annotated[str, name_of("a folder")]
    replace: Annotated[bool, flag]
