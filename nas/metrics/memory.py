"""How much memory the activations of a pass need at once."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from nas.candidate import Candidate
from nas.errors import UsageError
from nas.metric import METRICS, Metric
from nas.metrics._spans import Span, peak
from nas.network import (
    Attention,
    Crop,
    Dropout,
    Flatten,
    Input,
    Narrow,
    Network,
    Permute,
)

if TYPE_CHECKING:
    from nas.batch import Batch

VIEWS = (Crop, Dropout, Flatten, Narrow, Permute)
"""Operations whose output is their input's memory, in evaluation mode."""
ROOMY = (Attention,)
"""Operations that need more memory within than their inputs and outputs have."""
FLOAT = 4
"""Bytes of a number of a layer's output, which is a float32."""


@METRICS.register("memory")
class Memory(Metric):
    """Peak bytes of the activations of a pass in evaluation mode.

    An activation takes memory from the layer that makes it to the last one that reads it; a
    layer's inputs and output are there together. The input counts too, and the weights do not.
    Views, such as a flattened or cropped tensor, share the memory of what they show.

    Where the space gives layers, this is exact and computes nothing: the layers are in the order
    in which they run, float32 numbers have 4 bytes, and tokens as many as the batch's. Networks
    with attention, and modules without layers, run once, on the meta device if they can. Their
    operations are recorded and count alike, also those within a layer. What an operation makes
    beside its first output counts only if it is read, such as the places that max pooling finds.

    `batch`: examples in a pass.
    """

    unit = "bytes"

    def __init__(self, batch: int = 1) -> None:
        if batch < 1:
            raise UsageError(f"metric.memory.batch={batch} must be at least 1")
        self.batch = batch

    def measure(self, candidate: Candidate, batch: Batch) -> int:
        """The most bytes that activations of `self.batch` examples have at once."""
        from nas.metrics._recording import of_module

        network = candidate.network
        if network is not None and not any(isinstance(op, ROOMY) for op, _ in network.layers):
            inputs = batch.inputs
            size = FLOAT if inputs.is_floating_point() else inputs.element_size()
            return self.batch * of_layers(network, size)
        inputs = batch.inputs[[place % len(batch.inputs) for place in range(self.batch)]]
        try:
            return of_module(candidate.skeleton(), inputs.to("meta"))
        except Exception:  # the module reads its numbers; a mistake of its own comes again
            return of_module(candidate.model(as_built=True), inputs.to(candidate.device))


def of_layers(network: Network, size: int = FLOAT) -> int:
    """Peak bytes of one example's activations; `size`: bytes of a number of the input.

    >>> from nas.network import Builder, Conv, GlobalAvgPool, ReLU
    >>> net = Builder((3, 8, 8))
    >>> _ = net.chain(net.input, Conv(3, 4, 1), ReLU(), GlobalAvgPool())
    >>> of_layers(net.build())  # the ReLU's input and output: 2 * 4 * 8 * 8 numbers
    2048
    """
    spans: list[Span] = []
    owners: list[Span] = []
    """Whose memory every layer's output is."""
    for place, (op, inputs) in enumerate(network.layers):
        for read in inputs:
            owners[read].end = place
        if isinstance(op, VIEWS):
            owners.append(owners[inputs[0]])
            continue
        each = size if isinstance(op, Input) else FLOAT
        owners.append(Span(each * prod(network.shapes[place]), place, place))
        spans.append(owners[-1])
    owners[-1].end = len(network.layers)
    return peak(spans)
