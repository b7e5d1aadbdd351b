"""The settings of `nas train` and `nas table`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from nas.cli.chosen import chosen
from nas.cli.settings import (
    Settings,
    flag,
    limit,
    name_of,
    one_of,
    optional,
    sample,
    whole,
)
from nas.errors import UsageError
from nas.registry.options import Choice


def share(key: str, value: Any) -> float:
    """A share between 0 and 1."""
    if type(value) not in (int, float) or not 0 < value < 1:
        raise UsageError(f"{key}={value} must be a share between 0 and 1")
    return float(value)


def names(key: str, value: Any) -> str | tuple[str, ...] | None:
    """The name of an array, a list of columns, or null."""
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return tuple(value)
    if value is not None and (not isinstance(value, str) or not value):
        raise UsageError(f"{key}={value} must be the name of an array, or a list of columns")
    return value


def number(key: str, value: Any) -> float | None:
    """A number, or null."""
    if value is not None and type(value) not in (int, float):
        raise UsageError(f"{key}={value} must be a number")
    return None if value is None else float(value)


@dataclass(frozen=True)
class TrainingSettings(Settings):
    """The settings of every command that trains: what with, and how."""

    space: Annotated[Choice, chosen]
    data: Annotated[str | None, name_of("a file or a folder", optional=True)]
    inputs: Annotated[str | tuple[str, ...] | None, names]
    labels: Annotated[str | None, name_of("an array or a column", optional=True)]
    valid: Annotated[float, share]
    valid_data: Annotated[str | None, name_of("a file or a folder", optional=True)]
    task: Annotated[Literal["auto", "classes", "numbers"], one_of("auto", "classes", "numbers")]
    recipe: Annotated[str | None, name_of("a file", optional=True)]
    epochs: Annotated[int | None, limit]
    steps: Annotated[int | None, limit]
    batch_size: Annotated[int | None, limit]
    optimizer: Annotated[str | None, optional(one_of("sgd", "adamw"))]
    lr: Annotated[float | None, number]
    weight_decay: Annotated[float | None, number]
    schedule: Annotated[str | None, optional(one_of("cosine", "constant"))]
    label_smoothing: Annotated[float | None, number]
    augment: Annotated[bool | None, optional(flag)]
    share: Annotated[float | None, number]
    resolution: Annotated[int | None, limit]
    width: Annotated[float | None, number]
    patience: Annotated[int | None, limit]
    workers: Annotated[int, whole(0)]
    precision: Annotated[str, one_of("auto", "full", "bf16")]
    checkpoint: Annotated[int | None, limit]
    seed: Annotated[int, whole(0)]
    live: Annotated[bool, flag]
    device: Annotated[str, one_of("auto", "cpu", "cuda")]
    out: Annotated[str, name_of("a folder")]


@dataclass(frozen=True)
class TrainSettings(TrainingSettings):
    """The settings of `nas train`."""

    tracker: Annotated[Choice, chosen]
    arch: Annotated[str | None, name_of("an architecture", optional=True)]
    file: Annotated[str | None, name_of("a network in a file, net.py:function", optional=True)]
    pictures: Annotated[bool, flag]


@dataclass(frozen=True)
class TableSettings(TrainingSettings):
    """The settings of `nas table`."""

    sample: Annotated[int | None, sample]
    archs: Annotated[str | None, name_of("a file", optional=True)]
    executor: Annotated[Choice, chosen]
    weights: Annotated[bool, flag]
    retry: Annotated[bool, flag]


__all__ = ["TableSettings", "TrainSettings", "TrainingSettings"]
