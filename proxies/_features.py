"""Feature maps of a network: the outputs of its main blocks, and its last feature map."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from nas import NotApplicableError
from nas.network import (
    Attention,
    Embedding,
    GlobalAvgPool,
    LayerNorm,
    Linear,
    Network,
    Permute,
    Positions,
    RMSNorm,
)
from nas.network.initialisation import Init
from nas.network.module import NetworkModule
from proxies._activations import watching
from proxies._passes import Look, Pass, Run

ON_FEATURES = (Attention, Embedding, LayerNorm, Linear, Positions, RMSNorm)
"""Operations on the last axis."""


def each_feature(
    model: nn.Module, inputs: Tensor, visit: Callable[[Tensor], None], proxy: str
) -> None:
    """Run the model and visit the output of every main block, in order; see `features`."""
    with features(model, inputs, visit, proxy) as check:
        model(inputs)
    check()


@contextmanager
def features(
    model: nn.Module, inputs: Tensor, visit: Callable[[Tensor], None], proxy: str
) -> Iterator[Callable[[], None]]:
    """Visit the output of every main block of a model that runs inside, in order.

    A feature is (batch, channels, …); a sequence is turned round, for its channels are last. Main
    blocks are marked in the network's layers; a block that changes nothing is visited with the
    same tensor again. Without marks, the features are what ReLUs return, if it has as many
    dimensions as the inputs or more: of images only maps. What it gives raises
    NotApplicableError, which names the proxy, if there was nothing to visit.
    """
    if isinstance(model, NetworkModule) and model.network.blocks:
        turned = sequences(model.network)
        hooks = [
            model.in_order[index].register_forward_hook(
                partial(_visit, visit, times, index in turned)
            )
            for index, times in Counter(model.network.blocks).items()
        ]
        yield lambda: None
        for hook in hooks:
            hook.remove()
        return

    def maps(output: Tensor) -> None:
        if output.ndim >= inputs.ndim:
            visit(output)

    with watching(len(inputs), maps, proxy) as relus:
        yield relus.check


def _visit(
    visit: Callable[[Tensor], None],
    times: int,
    turned: bool,
    _: nn.Module,
    __: object,
    output: Tensor,
) -> None:
    for _again in range(times):
        visit(output.transpose(1, 2) if turned else output)


def sequences(network: Network) -> set[int]:
    """The layers whose outputs are sequences (length, features), not 1-d maps."""
    found: set[int] = set()
    for index, ((op, inputs), shape) in enumerate(
        zip(network.layers, network.shapes, strict=True)
    ):
        before = bool(inputs) and inputs[0] in found
        if isinstance(op, Permute):
            before = not before
        elif isinstance(op, ON_FEATURES):
            before = True
        elif op.params():  # convolutions and norms of channels
            before = False
        if before and len(shape) == 2:
            found.add(index)
    return found


@dataclass(frozen=True)
class Entropies(Look):
    """AZ-NAS's expressivity of each feature; NaN for a constant feature."""

    @contextmanager
    def watch(self, run: Run) -> Iterator[tuple[list[float], Callable[[], None]]]:
        """The entropies of the features so far."""
        values: list[float] = []

        def visit(feature: Tensor) -> None:
            values.append(entropy(feature.detach()))

        with features(run.model, run.inputs, visit, self.proxy) as check:
            yield values, check

    def result(self, run: Run, found: tuple[list[float], Callable[[], None]]) -> list[float]:
        """The entropies of all features; NotApplicableError if there is none."""
        values, check = found
        check()
        return values


def entropies(init: Init, input: Literal["gaussian", "batch"], proxy: str) -> Sequence[Entropies]:
    """What `expressivity` and `progressivity` look at."""
    return [Entropies(Pass(init, input, by_block=True), proxy)]


def entropy(feature: Tensor) -> float:
    """Entropy of the principal components' shares of the variance over batch and pixels."""
    centred = feature - feature.mean(dim=(0, *range(2, feature.ndim)), keepdim=True)
    covariance = gram(centred, centred).double()
    if not covariance.isfinite().all():
        return float("nan")
    variances = torch.linalg.eigvalsh(covariance).clamp(min=0)
    shares = variances / variances.sum()
    return -float((shares * (shares + 1e-8).log()).sum())


def gram(one: Tensor, other: Tensor) -> Tensor:
    """Mean over batch and pixels of the products of one's channels and the other's channels."""
    if one.ndim == 2:
        return one.T @ other / len(one)
    products = one.flatten(2) @ other.flatten(2).transpose(1, 2)
    return products.sum(dim=0) / (one.numel() // one.shape[1])


def needs_maps(found: int, needed: int, proxy: str) -> None:
    """Raise NotApplicableError, which names the proxy, if a model has too few feature maps."""
    if found < needed:
        raise NotApplicableError(
            f"{proxy} needs {needed} feature maps or more, and this model has {found}"
        )


class _LastMap(TorchFunctionMode):
    """Keeps the last feature map that any function returns, if possible of several pixels.

    A feature map has as many dimensions as the inputs. Vectors have none: for them it keeps what
    the last linear layer reads.
    """

    def __init__(self, inputs: Tensor) -> None:
        super().__init__()
        self.size, self.ndim = len(inputs), inputs.ndim
        self.found: Tensor | None = None
        self.read: Tensor | None = None
        self.pixels = 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        if func is F.linear:
            self.read = args[0]
        maps = isinstance(output, Tensor) and output.ndim == self.ndim > 2
        maps = maps and func is not Tensor.to  # which copies the inputs of a pass
        if maps and len(output) == self.size:
            pixels = output.shape[2:].numel()
            if pixels > 1 or self.pixels < 2:
                self.found, self.pixels = output, pixels
        return output


def last_map(model: nn.Module, inputs: Tensor, proxy: str) -> Tensor:
    """Run the model and return the feature map before the global pooling.

    If no layer is a global pooling, it is the last map of more than one pixel, else the last map,
    else what the last linear layer reads.
    """
    if isinstance(model, NetworkModule):
        layers = model.network.layers
        pools = [i for i, layer in enumerate(layers) if isinstance(layer.op, GlobalAvgPool)]
        if pools:
            kept: list[Tensor] = []
            pool = model.in_order[pools[-1]]
            with pool.register_forward_pre_hook(lambda _, given: kept.append(given[0])):
                model(inputs)
            return kept[0]
    mode = _LastMap(inputs)
    with mode:
        model(inputs)
    last = mode.read if mode.found is None else mode.found
    if last is None or (last.shape == inputs.shape and torch.equal(last, inputs)):
        raise NotApplicableError(
            f"{proxy} looks at feature maps or what a linear layer reads, and this model has none"
        )
    return last
