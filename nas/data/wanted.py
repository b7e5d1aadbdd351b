"""The examples of a file of arrays that a batch wants, in the shape of the space's inputs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nas.data.arrays import read
from nas.data.checks import check_finite, described_labels, labels_of, tensor_of
from nas.data.examples import Examples, Raw, check_count, one_class, remark, taken
from nas.data.fitting import Scaling, fitted, misfit, scaled, tokens
from nas.errors import UsageError
from nas.one_module import OneModule
from nas.seeding import generator
from nas.space import Space

SHOWN = 6
"""Columns that a sentence lists."""


def wanted(
    space: Space,
    path: Path,
    size: int | None,
    *,
    names: tuple[str | Sequence[str] | None, str | None] = (None, "auto"),
    scaling: Scaling = "auto",
    draw: int | None = None,
    known: Sequence[str] | None = None,
) -> Examples:
    """`size` examples of a file for a space: the first, or those drawn from the seed `draw`.

    A `size` of None means all. `names` are those of the inputs and of the labels
    (`nas.data.arrays.read`), and `known` the classes that other data has (`numbered`).
    """
    raw = read(path, *names)
    what = f"the inputs of {path}"
    shape, real = _example(space, raw, what)
    if space.vocabulary is not None and raw.inputs.ndim == 1 and len(shape) == 1:
        raw = _streams(raw, shape[0])
    if raw.inputs.ndim == 0 or (raw.inputs.ndim == 1 and shape):
        raise UsageError(
            f"{what} are {raw.inputs.dtype} of shape {raw.inputs.shape}: their first dimension "
            f"must be the example, as in (examples, {', '.join(map(str, shape))})"
        )
    count = len(raw.inputs)
    size = size or count
    if raw.inputs.shape == shape and count < size:
        raise UsageError(f"{what} are one example of shape {shape}: give them as (1, …)")
    check_count(path, count, size, "examples")
    chosen = taken(count, size, draw)
    some = raw.inputs[: len(chosen)] if draw is None else raw.inputs[chosen]
    inputs, done = _fitted(space, tensor_of(np.asarray(some), what), shape, raw, what)
    if space.vocabulary is not None:
        inputs = tokens(inputs, space.vocabulary, what)
    elif real:
        check_finite(inputs, what)
        inputs = scaled(inputs, scaling, what)
        check_finite(inputs, f"{what} as float32")
    remarks = tuple(map(remark, (*raw.remarks, *done)))
    if raw.labels is None:
        return Examples(inputs, None, "", remarks, columns=raw.columns)
    every, classes = labels_of(raw.labels, count, f"the labels of {path}", known)
    own = every[torch.from_numpy(chosen)]
    origin = remark(described_labels(every, classes, "of the data"))
    remarks += one_class(own, every)
    return Examples(inputs, own, origin, remarks, classes, raw.columns, raw.label)


def _example(space: Space, raw: Raw, what: str) -> tuple[tuple[int, ...], bool]:
    """The shape of an example, and whether it has real numbers: of the space's, else of the data.

    Where nobody says a shape, uint8 images get their channels in front, and whole numbers of other
    types may be tokens.
    """
    if not (isinstance(space, OneModule) and space.example is None):
        example = space.batch(1, generator("shape")).inputs
        return tuple(example.shape[1:]), example.is_floating_point()
    found, kind = tuple(raw.inputs.shape[1:]), raw.inputs.dtype
    if not found:
        raise UsageError(
            f"{what} are {kind} of shape {tuple(raw.inputs.shape)}: they must be (examples, …)"
        )
    if kind == np.uint8 and len(found) == 3 and found[2] in (1, 3) and found[0] not in (1, 3):
        found = found[2], *found[:2]
    return found, kind.kind == "f" or kind.itemsize == 1


def _streams(raw: Raw, length: int) -> Raw:
    """One long array of tokens as examples of `length`, one after the other."""
    count = len(raw.inputs) // length
    return raw._replace(inputs=raw.inputs[: count * length].reshape(count, length))


def _fitted(
    space: Space, inputs: Tensor, shape: tuple[int, ...], raw: Raw, what: str
) -> tuple[Tensor, tuple[str, ...]]:
    """The inputs in the shape of the space's; UsageError if they do not fit."""
    found = fitted(inputs, shape)
    if found is not None:
        return found
    if raw.columns:
        more = f", … ({len(raw.columns)} columns)" if len(raw.columns) > SHOWN else ""
        what += f" (columns {', '.join(raw.columns[:SHOWN])}{more})"
    raise misfit(what, tuple(inputs.shape[1:]), shape, space)
