"""Inputs and labels as people have them, checked and made into tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nas.errors import UsageError

SHOWN = 5
"""Names of classes that are shown."""
DIGITS = 19
"""A whole number with fewer is an int64."""


def inputs_of(values: Any, what: str = "inputs") -> Tensor:
    """Inputs (batch, …) as a tensor.

    A tensor stays as it is, but for whole numbers of other types, which become int64. Of other
    arrays real numbers become float32 and whole numbers int64. Raises UsageError for bytes, for
    what is no array of numbers, for no example, and for numbers that are not finite.
    """
    found = values if isinstance(values, Tensor) else tensor_of(values, what)
    if found.ndim == 0 or not len(found):
        shown = f"of shape {tuple(found.shape)}" if found.ndim else "a single number"
        raise UsageError(f"{what} must be one example or more, and are {shown}")
    if found.dtype in (torch.uint8, torch.bool):
        raise UsageError(
            f"{what} are {str(found.dtype).removeprefix('torch.')}: give float32 numbers, such as "
            "images / 255, or int64 tokens"
        )
    if found.is_complex() or found.is_quantized or found.layout != torch.strided:
        raise UsageError(f"{what} are {found.dtype}, {found.layout}: give real numbers, dense")
    if not found.is_floating_point():
        found = found.long()
    elif not isinstance(values, Tensor):
        found = found.float()
    check_finite(found, what)
    return found.detach() if found.requires_grad else found


def tensor_of(values: Any, what: str) -> Tensor:
    """A tensor of an array's numbers, in its own type; UsageError for what is no array of them."""
    if not hasattr(values, "__array__"):
        raise UsageError(
            f"{what} are a {type(values).__name__}: give a tensor or an array of numpy"
        )
    array: NDArray[Any] = np.asarray(values)
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise UsageError(f"{what} are {kind_of(array)}, and must be real or whole numbers")
    if array.dtype.kind == "u" and array.dtype.itemsize == 8:
        if array.size and array.max() > np.iinfo(np.int64).max:
            raise UsageError(f"{what} have the number {array.max()}, which is too large")
        array = array.astype(np.int64)
    elif array.dtype.kind == "u" and array.dtype.itemsize > 1:
        array = array.astype(np.int64)
    return torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("="), order="C"))


def kind_of(array: NDArray[Any]) -> str:
    """What an array holds, in words."""
    kinds = {"U": "texts", "S": "texts", "O": "objects", "M": "dates", "m": "times"}
    return kinds.get(array.dtype.kind, str(array.dtype))


def check_finite(values: Tensor, what: str) -> None:
    """UsageError if a number is NaN or infinite."""
    if not values.is_floating_point() or values.device.type == "meta":
        return
    if bool(values.sum().isfinite()):  # quicker, and nearly always so
        return
    bad = values.isfinite().logical_not()
    if count := int(bad.sum()):
        first = values[bad][0].item()
        raise UsageError(
            f"{what} hold numbers that are not finite, {count:,} of them, the first is {first}: "
            "replace them, or leave their examples out"
        )


def labels_of(
    values: Any, count: int, what: str = "labels", known: Sequence[str] | None = None
) -> tuple[Tensor, tuple[str, ...]]:
    """Labels (count, …), and the names of the classes if the labels are texts.

    Whole numbers of any type become int64, true and false 1 and 0, and other real numbers, which
    are measurements and no classes, float32. A column (count, 1) becomes a row; classes of texts
    are numbered in sorted order, or as `known` says (`numbered`). UsageError for other shapes, and
    for rows of one 1 among zeros.
    """
    names: tuple[str, ...] = ()
    if not isinstance(values, Tensor):
        array = np.asarray(values)
        if known is not None and array.size:
            names, array = tuple(known), numbered(array, known, what)
        elif array.dtype.kind in "US" and array.size:
            texts = array.astype(str)
            found, places = np.unique(texts, return_inverse=True)
            names, array = tuple(map(str, found)), places.reshape(texts.shape).astype(np.int64)
        values = tensor_of(array, what)
    shape, kind = tuple(values.shape), str(values.dtype).removeprefix("torch.")
    if not shape or shape[0] != count:
        raise UsageError(
            f"{what} are {kind} of shape {shape}, and must be {count}, one for each example"
        )
    if values.is_complex():
        raise UsageError(f"{what} are {kind}, and must be whole or real numbers")
    if len(shape) == 2 and shape[1] == 1:
        values = values[:, 0]
    if values.device.type == "meta":
        return values, names
    if _one_of_many(values):
        raise UsageError(
            f"{what} are of shape {shape}, one row of zeros and a one for each example: give the "
            "number of its class, labels.argmax(1)"
        )
    if values.is_floating_point() and values.numel():
        check_finite(values, what)
        whole = bool((values == values.round()).all()) and float(values.abs().max()) < 2**53
        return (values.long() if whole else values.float()), names
    return values.long(), names


def numbered(array: NDArray[Any], known: Sequence[str], what: str) -> NDArray[Any]:
    """Labels by the numbers that the classes `known` have in other data; none: numbers are these.

    Whole numbers stand for the class that is called so. UsageError for a class that is not known.
    """
    texts = array.dtype.kind in "US"
    if not known:
        if not texts:
            return array
        names = array.astype(str)
        if not all(name.isdecimal() and len(name) < DIGITS for name in map(str, names.flat)):
            raise UsageError(
                f"{what} are names of classes such as '{names.flat[0]}', and those of the data to "
                f"train on are numbers: give both the same kind"
            )
        return names.astype(np.int64)
    if array.dtype.kind == "f" and bool((array == array.round()).all()):
        array = array.astype(np.int64)
    names, places = np.unique(array.astype(str), return_inverse=True)
    numbers = {name: number for number, name in enumerate(known)}
    for name in map(str, names):
        if name not in numbers:
            more = f", … ({len(known)} classes)" if len(known) > SHOWN else ""
            raise UsageError(
                f"{what} have the class '{name:.80}', and the data to train on has only "
                f"{', '.join(known[:SHOWN])}{more}"
            )
    own = np.array([numbers[str(name)] for name in names], np.int64)
    return own[places].reshape(array.shape)


def _one_of_many(values: Tensor) -> bool:
    """Whether every row has one 1 among zeros."""
    if values.ndim != 2 or not values.numel():
        return False
    return bool((values != 0).sum(1).eq(1).all()) and bool((values.amax(1) == 1).all())


def check_classes(labels: Tensor, outputs: int) -> None:
    """UsageError for labels that are no classes of so many outputs."""
    least, most = labels.min().item(), labels.max().item()
    if labels.is_floating_point() or least < 0:
        fractions = labels[labels != labels.round()] if labels.is_floating_point() else labels[:0]
        wrong = fractions[0].item() if len(fractions) else least
        raise UsageError(
            f"labels must be classes here, whole numbers from 0 on, and one is {wrong:g}"
        )
    if most >= outputs:
        raise UsageError(
            f"the label {most} needs at least {int(most) + 1} outputs; the network has {outputs}"
        )


def described_labels(labels: Tensor, names: tuple[str, ...], where: str) -> str:
    """Which labels these are: the names of their classes, or their least and largest number."""
    if names:
        more = f", … ({len(names)} classes)" if len(names) > SHOWN else ""
        return f"labels {where}: {', '.join(names[:SHOWN])}{more}"
    least, most = labels.min().item(), labels.max().item()
    return f"labels {where}: " + (
        f"all {least:g}" if least == most else f"from {least:g} to {most:g}"
    )
