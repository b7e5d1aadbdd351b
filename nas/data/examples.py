"""What is read of a file or folder, and which of its examples are taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from nas.errors import UsageError
from nas.seeding import numpy_generator


class Raw(NamedTuple):
    """All examples of a file as they are there, and their labels or None."""

    inputs: NDArray[Any]
    labels: NDArray[Any] | None = None
    remarks: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    """The columns of a table that the inputs are."""
    label: str | None = None
    """The column of a table that the labels are."""


class Examples(NamedTuple):
    """Inputs (size, …), and labels (size,) if there are any."""

    inputs: Tensor
    labels: Tensor | None = None
    origin: str = ""
    """Which labels they are, in words."""
    remarks: tuple[str, ...] = ()
    """What was done to the data that a user may not expect."""
    classes: tuple[str, ...] = ()
    """The names of the classes by their numbers, if the labels are names."""
    columns: tuple[str, ...] = ()
    """The columns of a table that the inputs are."""
    label: str | None = None
    """The column of a table that the labels are."""


def taken(count: int, size: int, seed: int | None) -> NDArray[np.int64]:
    """The numbers of `size` of `count` examples: drawn from the seed, or without one the first."""
    if seed is None:
        return np.arange(min(size, count))
    return numpy_generator("batch", seed).permutation(count)[:size]


def check_count(path: Path, count: int, size: int, what: str, why: str = "") -> None:
    """UsageError where there are fewer examples than wanted; `why` says more of it."""
    if count < size:
        raise UsageError(
            (
                f"{path} holds {count} {what}: take batch.size={count} or fewer, not {size}"
                if count
                else f"{path} holds no {what}"
            )
            + why
        )


def remark(text: str) -> str:
    """A remark without what separates remarks from each other."""
    return text.replace("; ", ", ").replace("\n", " ")


def one_class(labels: Tensor, every: Tensor) -> tuple[str, ...]:
    """The remark that all examples have one label, and whether the data have others."""
    if labels.ndim > 1 or labels.is_floating_point() or bool((labels != labels[0]).any()):
        return ()
    label = int(labels[0])
    if bool((every == labels[0]).all()):
        return (f"all examples have the label {label}, and the data have no other",)
    return (f"all {len(labels)} examples have the label {label}: batch.shuffle=true draws them",)
