"""The first examples of a DataLoader, or of anything else that gives them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nas.data.checks import inputs_of, tensor_of
from nas.errors import UsageError
from nas.seeding import seeded

INPUTS = (
    *("inputs", "x", "images", "image", "data", "features"),
    *("pixel_values", "input_ids", "input", "img"),
)
"""The names of inputs, in a file's arrays and in batches that are dictionaries."""
LABELS = ("labels", "label", "y", "targets", "target", "class")
"""The names of labels: of arrays, of columns of tables, and in batches that are dictionaries."""


def first(loader: Iterable[Any], size: int, seed: int) -> tuple[Tensor, Any]:
    """The first `size` inputs of a loader, and their labels or None.

    The loader gives batches or single examples: inputs, a pair of inputs and labels, or a
    dictionary. Labels are numbers, or texts, of which an array comes back. What the loader draws
    from torch's global generator, such as an order, depends on the seed, and the generator is
    restored. Raises UsageError if there are fewer.
    """
    if type(size) is not int or size < 1:
        raise UsageError(f"size={size} must be a whole number of at least 1")
    turns = hasattr(loader, "__iter__") or hasattr(loader, "__getitem__")  # a map-style data set
    if isinstance(loader, Mapping | str | Tensor) or not turns:
        raise UsageError(f"a {type(loader).__name__} is no loader, which gives batches in turn")
    inputs: list[Tensor] = []
    labels: list[Any] = []
    count = 0
    with seeded("loader", seed):
        for batch in loader:
            some, theirs = _examples(batch)
            if inputs and some.shape[1:] != inputs[0].shape[1:]:
                raise UsageError(
                    f"the loader gives inputs of different shapes, {tuple(inputs[0].shape[1:])} "
                    f"and {tuple(some.shape[1:])}: resize or pad them"
                )
            inputs.append(some)
            labels += [] if theirs is None else [theirs]
            count += len(some)
            if count >= size:
                break
    if not count:
        raise UsageError("the loader gives no example, or it was used up before")
    if count < size:
        raise UsageError(
            f"the loader gives {count} examples: take size={count} or fewer, not {size}"
        )
    if labels and len(labels) < len(inputs):
        raise UsageError("the loader gives labels with some batches and none with others")
    return torch.cat(inputs)[:size], _joined(labels)[:size] if labels else None


def _joined(labels: Sequence[Tensor | NDArray[np.str_]]) -> Tensor | NDArray[np.str_]:
    """The labels of all batches, which are numbers or texts."""
    texts = [each for each in labels if not isinstance(each, Tensor)]
    numbers = [each for each in labels if isinstance(each, Tensor)]
    if texts and numbers:
        raise UsageError("the loader gives labels that are texts and labels that are numbers")
    return np.concatenate(texts) if texts else torch.cat(numbers)


def _examples(batch: Any) -> tuple[Tensor, Tensor | NDArray[np.str_] | None]:
    """Inputs (batch, …) and labels of what a loader gives, which may be a single example."""
    inputs, labels = _parts(batch)
    if not isinstance(inputs, Tensor):
        inputs = tensor_of(inputs, "the loader's inputs")
    if labels is not None and not isinstance(labels, Tensor):
        whole = labels if hasattr(labels, "__array__") else np.asarray(labels)
        texts = np.asarray(whole)
        is_text = texts.dtype.kind in "US"
        labels = texts.astype(str) if is_text else tensor_of(whole, "the loader's labels")
    if labels is not None and labels.ndim == 0:  # a data set, which gives examples
        inputs, labels = inputs[None], labels[None]
    inputs = inputs_of(inputs, "the loader's inputs")
    if labels is not None and len(labels) != len(inputs):
        raise UsageError(f"the loader gives {len(inputs)} inputs with {len(labels)} labels")
    return inputs.float() if inputs.dtype == torch.float64 else inputs, labels


def _parts(batch: Any) -> tuple[Any, Any]:
    if isinstance(batch, Mapping):
        x, y = (
            next((batch[name] for name in names if name in batch), None)
            for names in (INPUTS, LABELS)
        )
        if x is None:
            raise UsageError(
                f"the loader gives a dictionary of {', '.join(map(str, batch))}: name the inputs "
                f"one of {', '.join(INPUTS)}"
            )
        return x, y
    if isinstance(batch, tuple | list):
        if len(batch) not in (1, 2):
            raise UsageError(
                f"the loader gives {len(batch)} parts, and must give inputs, or inputs and labels"
            )
        return batch[0], batch[1] if len(batch) == 2 else None
    return batch, None
