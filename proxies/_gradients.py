"""Functions that the proxies of gradients share: weights, loss, gradients, sums."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from math import isfinite
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas import NoScore, NotApplicableError, UsageError
from nas.batch import Batch

N = TypeVar("N", bound=nn.Module)
Layer = nn.modules.conv._ConvNd | nn.Linear
WHOLE = slice(None)


Precision = Literal["float32", "float64"]


def in_precision(model: nn.Module, batch: Batch, dtype: Precision) -> tuple[nn.Module, Batch]:
    """The model and the batch in float64, or as they are: a space builds float32."""
    if dtype != "float64":
        return model, batch
    inputs = batch.inputs.double() if batch.inputs.is_floating_point() else batch.inputs
    return model.double(), replace(batch, inputs=inputs)


def layers(model: nn.Module) -> list[Layer]:
    """The convolutions and linear layers of a model; raises NotApplicableError for none."""
    found = [part for part in model.modules() if isinstance(part, Layer)]
    if not found:
        raise NotApplicableError(
            "this proxy is a sum over the weights of convolutions and linear layers, "
            "and the model has none"
        )
    return found


def weights(model: nn.Module) -> list[Tensor]:
    """The weights of convolutions and linear layers; this freezes every other parameter."""
    found: list[Tensor] = [layer.weight for layer in layers(model)]
    model.requires_grad_(False)
    for weight in found:
        weight.requires_grad_(True)
    return found


def cross_entropy(model: nn.Module, batch: Batch, examples: slice = WHOLE) -> Tensor:
    """The mean loss over some examples; see `mean_loss`."""
    with torch.enable_grad():
        return mean_loss(model(batch.inputs[examples]), batch, examples)


def mean_loss(maps: Tensor, batch: Batch, examples: slice = WHOLE) -> Tensor:
    """The mean loss of the outputs of some examples: all outputs of one are its logits.

    If the batch has a label for every place, as in segmentation, then so does the network: outputs
    (batch, classes, …) for labels (batch, …). Raises NotApplicableError if there is one output,
    because the loss is constant then.
    """
    places = None if batch.labels is None else batch.labels.shape[1:]
    if places and maps.shape[2:] == places:
        return F.cross_entropy(maps, batch.labels_for(maps.shape[1])[examples])
    outputs = maps.flatten(1)
    classes = outputs.shape[1]
    if classes < 2:
        raise NotApplicableError(
            "this proxy needs a network of two outputs or more: "
            "the cross entropy of a single one is constant"
        )
    return F.cross_entropy(outputs, batch.labels_for(classes)[examples])


def gradients(
    value: Tensor, variables: Sequence[Tensor], *, graph: bool = False, keep: bool = False
) -> tuple[Tensor, ...]:
    """d value / d variables; zeros if the value does not depend on a variable.

    `graph`: the gradients can be differentiated again; `keep`: the value can.
    """
    if not value.requires_grad:
        return tuple(torch.zeros_like(variable) for variable in variables)
    return torch.autograd.grad(
        value,
        variables,
        create_graph=graph,
        retain_graph=graph or keep,
        allow_unused=True,
        materialize_grads=True,
    )


def replace_parts(
    model: nn.Module, kind: type[N] | tuple[type[N], ...], make: Callable[[N], nn.Module]
) -> None:
    """Replace every part of the given kind by `make(part)`."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, kind):
                setattr(parent, name, make(child))


def first(batch: Batch, samples: int) -> Batch:
    """The first `samples` examples, or all if fewer; raises UsageError for a single example."""
    if len(batch.inputs) < 2:
        raise UsageError("this proxy compares examples: it needs a batch of 2 or more")
    labels = None if batch.labels is None else batch.labels[:samples]
    return replace(batch, inputs=batch.inputs[:samples], labels=labels)


def total(parts: Iterable[Tensor]) -> float:
    """The sum of scalars; a `NoScore` if it is not finite."""
    terms = list(parts)
    value = float(torch.stack(terms).sum()) if terms else 0.0
    return value if isfinite(value) else NoScore("not finite")
