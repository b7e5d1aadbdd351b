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
from nas.seeding import generator
from nas.space import Space

SHOWN = 6
"""Columns that a sentence lists."""


def wanted(
    space: Space,
    path: Path,
    size: int,
    *,
    names: tuple[str | Sequence[str] | None, str | None] = (None, "auto"),
    scaling: Scaling = "auto",
    draw: int | None = None,
) -> Examples:
    """`size` examples of a file for a space: the first, or those drawn from the seed `draw`.

    `names` are those of the inputs and of the labels (`nas.data.arrays.read`).
    """
    raw = read(path, *names)
    example = space.batch(1, generator("shape")).inputs
    shape, what = tuple(example.shape[1:]), f"the inputs of {path}"
    if space.vocabulary is not None and raw.inputs.ndim == 1 and len(shape) == 1:
        raw = _streams(raw, shape[0])
    if raw.inputs.ndim == 0 or (raw.inputs.ndim == 1 and shape):
        raise UsageError(
            f"{what} are {raw.inputs.dtype} of shape {raw.inputs.shape}: their first dimension "
            f"must be the example, as in (examples, {', '.join(map(str, shape))})"
        )
    count = len(raw.inputs)
    if raw.inputs.shape == shape and count < size:
        raise UsageError(f"{what} are one example of shape {shape}: give them as (1, …)")
    check_count(path, count, size, "examples")
    chosen = taken(count, size, draw)
    some = raw.inputs[: len(chosen)] if draw is None else raw.inputs[chosen]
    inputs, done = _fitted(space, tensor_of(np.asarray(some), what), shape, raw, what)
    if space.vocabulary is not None:
        inputs = tokens(inputs, space.vocabulary, what)
    elif example.is_floating_point():
        check_finite(inputs, what)
        inputs = scaled(inputs, scaling, what)
        check_finite(inputs, f"{what} as float32")
    remarks = tuple(map(remark, (*raw.remarks, *done)))
    if raw.labels is None:
        return Examples(inputs, None, "", remarks)
    every, classes = labels_of(raw.labels, count, f"the labels of {path}")
    own = every[torch.from_numpy(chosen)]
    origin = remark(described_labels(every, classes, "of the data"))
    return Examples(inputs, own, origin, remarks + one_class(own, every))


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
