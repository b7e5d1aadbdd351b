"""The language model of recurrent cells, as a module."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas.network.drawing import Diagram
from spaces._recipes import STATES, Recipe, X

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "activation_tanh": torch.tanh,
    "activation_sigm": torch.sigmoid,
    "activation_leaky_relu": F.leaky_relu,
}


class LanguageModel(nn.Module):
    """Embedding, layers of cells, and a decoder that shares the embedding's weights.

    It maps tokens (batch, time) to the last layer's h_new_0 (batch, time, embedding); `logits`
    maps these to the vocabulary. Weights are drawn as in the benchmark.
    """

    def __init__(self, recipe: Recipe, widths: Sequence[tuple[int, int]], vocabulary: int) -> None:
        super().__init__()
        self.recipe, self.widths = recipe, tuple(widths)
        self.embedding = Embedding(vocabulary, widths[0][0])
        self.layers = nn.Sequential(*(Layer(recipe, *width) for width in widths))
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, tokens: Tensor) -> Tensor:
        """The features of every token."""
        features: Tensor = self.layers(self.embedding(tokens))
        return features

    def diagrams(self) -> tuple[Diagram, ...]:
        """The model and its cell: a graph of `forward` would repeat the cell at every step."""
        from spaces._recipe_diagrams import cell, whole

        return whole(self.widths), cell(self.recipe)

    def logits(self, features: Tensor) -> Tensor:
        """The decoder: (…, vocabulary) of features (…, embedding)."""
        return F.linear(features, self.embedding.weight, self.bias)


class Embedding(nn.Embedding):
    """An embedding with entries from U(-0.1, 0.1)."""

    def reset_parameters(self) -> None:
        nn.init.uniform_(self.weight, -0.1, 0.1)


class Matrix(nn.Linear):
    """A linear map; its entries are from U(-1, 1) / sqrt(outputs)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, bias=False)

    def reset_parameters(self) -> None:
        nn.init.uniform_(self.weight, -(self.out_features**-0.5), self.out_features**-0.5)

    def forward(self, x: Tensor, offset: Tensor | None = None) -> Tensor:
        return F.linear(x, self.weight, offset)


class Affine(nn.Module):
    """A matrix for each of several inputs, and one offset.

    The offset is not called bias, because epsilon sets biases to 0, but not the offsets of cells.
    """

    def __init__(self, sizes: Sequence[int], outputs: int) -> None:
        super().__init__()
        self.matrices = nn.ModuleList(Matrix(size, outputs) for size in sizes)
        self.offset = nn.Parameter(torch.empty(outputs))
        nn.init.uniform_(self.offset, -(outputs**-0.5), outputs**-0.5)

    def first(self, x: Tensor) -> Tensor:
        """The first input's term, and the offset."""
        result: Tensor = self.matrices[0](x, self.offset)
        return result

    def forward(self, start: Tensor, others: Sequence[Tensor]) -> Tensor:
        """The whole sum: `start`, which `first` returned, and the terms of the other inputs."""
        for matrix, x in zip(islice(self.matrices, 1, None), others, strict=True):
            start = start + matrix(x)
        return start


class Layer(nn.Module):
    """One cell, run over time: (batch, time, inputs) to (batch, time, hidden).

    Every node of the recipe has its weights; only nodes on which h_new_0 depends are computed.
    `initial` are the hidden states (states, hidden) at the start. They are 0 and not trained; they
    are parameters so that epsilon can set them to its constant.
    """

    def __init__(self, recipe: Recipe, inputs: int, hidden: int) -> None:
        super().__init__()
        affine = {
            value: Affine([inputs if v == X else hidden for v in node.inputs], hidden)
            for value, node in enumerate(recipe.nodes, STATES)
            if node.op == "linear"
        }
        self.affine = nn.ModuleList(affine.values())
        self.initial = nn.Parameter(torch.zeros(len(recipe.states), hidden), requires_grad=False)
        needed = recipe.needed()
        self.states = {s: node for s, node in enumerate(recipe.states) if s in needed or not s}
        self.nodes = [
            (value, node, affine.get(value))
            for value, node in enumerate(recipe.nodes, STATES)
            if value in needed
        ]

    def forward(self, x: Tensor) -> Tensor:
        """h_new_0 at every step."""
        steps = {
            value: affine.first(x).unbind(1)
            for value, node, affine in self.nodes
            if affine and X in node.inputs
        }
        shape = x.shape[0], self.initial.shape[1]
        values = {state: self.initial[state].expand(shape) for state in self.states}
        outputs = []
        for time in range(x.shape[1]):
            values |= {value: each[time] for value, each in steps.items()}
            for value, node, affine in self.nodes:
                inputs = [values[v] for v in node.inputs if v != X]
                if affine is None:
                    values[value] = _combined(node.op, inputs)
                elif value in steps:
                    values[value] = affine(values[value], inputs)
                else:
                    values[value] = affine(affine.first(inputs[0]), inputs[1:])
            values |= {state: values[STATES + node] for state, node in self.states.items()}
            outputs.append(values[0])
        return torch.stack(outputs, 1)


def _combined(op: str, inputs: list[Tensor]) -> Tensor:
    if op == "blend":
        return inputs[0] * inputs[1] + (1 - inputs[0]) * inputs[2]
    if op == "elementwise_prod":
        return inputs[0] * inputs[1]
    if op == "elementwise_sum":
        return inputs[0] + inputs[1]
    return ACTIVATIONS[op](inputs[0])
