"""Each example's derivatives by the first element of a network's parameter tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas import NotApplicableError
from nas.network import BatchNorm, Conv, Linear, Network
from nas.network.module import NetworkModule
from proxies._gradients import gradients

CONVS: Sequence[Callable[..., Tensor]] = (F.conv1d, F.conv2d, F.conv3d)
CHUNK = 32
"""Examples at a time: more need more memory and are not faster."""


def jacobian(
    model: nn.Module, inputs: Tensor, parameters: list[nn.Parameter], left_out: int = 0
) -> tuple[Tensor, Tensor]:
    """Every example's outputs, and their derivatives by the parameters' first elements.

    These are (examples, outputs) and (examples, outputs - left_out, parameters), in float64: the
    last `left_out` outputs have no derivatives. The model must treat the examples of a batch
    apart, as in evaluation. Its weights are frozen afterwards.

    In a network of convolutions, batch norms and linear layers on vectors the examples go through
    together, and one backward pass is needed for each output. Other models may use a parameter
    anywhere, so each example goes through alone. Raises NotApplicableError if
    there is one output.
    """
    layers = isinstance(model, NetworkModule) and _all_known(model.network)
    of, size = (_of_layers, CHUNK) if layers else (_of_example, 1)
    parts = [of(model, part, parameters, left_out) for part in torch.split(inputs, size)]
    outputs, slopes = zip(*parts, strict=True)
    return torch.cat(outputs).double(), torch.cat(slopes).double()


def _all_known(network: Network) -> bool:
    """Whether all weights belong to layers that `_effect` knows."""
    return all(
        isinstance(op, Conv | BatchNorm) or (isinstance(op, Linear) and len(shape) == 1)
        for (op, _), shape in zip(network.layers, network.shapes, strict=True)
        if op.params()
    )


def _outputs(model: nn.Module, inputs: Tensor) -> Tensor:
    outputs: Tensor = model(inputs).flatten(1)
    if outputs.shape[1] < 2:
        raise NotApplicableError(
            "this proxy needs a network of two outputs or more: "
            "the probability of a single one is constant"
        )
    return outputs


def _of_example(
    model: nn.Module, example: Tensor, parameters: list[nn.Parameter], left_out: int
) -> tuple[Tensor, Tensor]:
    with torch.enable_grad():
        outputs = _outputs(model, example)
        rows = []
        for number in range(outputs.shape[1] - left_out):
            slopes = gradients(outputs[0, number], parameters, keep=True)
            rows.append(torch.stack([slope.flatten()[0] for slope in slopes]))
    return outputs.detach(), torch.stack(rows)[None]


def _of_layers(
    model: nn.Module, inputs: Tensor, parameters: list[nn.Parameter], left_out: int
) -> tuple[Tensor, Tensor]:
    """The chain rule at the layers that own the parameters.

    A first element moves the first channel of its layer's output only. So its derivative is the
    gradient at this channel times the channel's own derivative, summed over pixels. No gradient of
    a whole weight is computed.
    """
    columns = {id(parameter): column for column, parameter in enumerate(parameters)}
    layers: list[Tensor] = []  # the outputs of the layers that own a parameter
    effects: list[tuple[int, int, Tensor]] = []  # place in `layers`, column, derivative

    def hook(layer: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        own = [
            (len(layers), columns[id(parameter)], _effect(layer, name, given[0]))
            for name, parameter in layer.named_parameters(recurse=False)
            if id(parameter) in columns
        ]
        if own:
            effects.extend(own)
            layers.append(output.requires_grad_())  # weights are frozen: the graph begins here

    model.requires_grad_(False)
    hooks = [part.register_forward_hook(hook) for part in model.modules()]
    with torch.enable_grad():
        outputs = _outputs(model, inputs)
        found = outputs.shape[1] - left_out
        rows = outputs.detach().new_zeros(len(inputs), found, len(parameters))
        for number in range(found):
            slopes = gradients(outputs[:, number].sum(), layers, keep=True)
            for place, column, effect in effects:
                channel = slopes[place][:, :1].flatten(1)
                rows[:, number, column] = (channel * effect).sum(dim=1)
    for handle in hooks:
        handle.remove()
    return outputs.detach(), rows


def _effect(layer: nn.Module, name: str, given: Tensor) -> Tensor:
    """Derivative (examples, pixels or 1) of a layer's first channel by a first element."""
    first = given.detach()[:, :1]
    if name == "bias":
        return first.new_ones(len(first), 1)
    if isinstance(layer, nn.modules.conv._ConvNd):
        corner = torch.zeros_like(layer.weight[:1, :1])
        corner.view(-1)[0] = 1
        conv = CONVS[corner.ndim - 3]
        first = conv(first, corner, None, layer.stride, layer.padding, layer.dilation)
    elif isinstance(layer, nn.modules.batchnorm._BatchNorm):
        assert layer.running_mean is not None
        assert layer.running_var is not None
        first = F.batch_norm(first, layer.running_mean[:1], layer.running_var[:1], eps=layer.eps)
    elif not isinstance(layer, nn.Linear):
        raise TypeError(f"no derivative by the weight of {layer}")
    return first.flatten(1)
