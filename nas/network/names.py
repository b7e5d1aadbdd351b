"""Names of layers: the scope in which a layer was added, and a short word for its operation."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, lru_cache

from nas.network.layers import Layer
from nas.network.ops import Op

SHORT = {
    "BatchNorm": "bn",
    "AvgPool": "pool",
    "MaxPool": "pool",
    "GlobalAvgPool": "pool",
    "ReLU": "relu",
    "SiLU": "silu",
    "GELU": "gelu",
}
"""Short words for operations; others are called by their class, as `layer_norm`."""

PART = re.compile(r"[A-Za-z]\w*|\d+")
WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def word(op: Op) -> str:
    """A short word for an operation.

    >>> from nas.network import BatchNorm, Conv
    >>> word(Conv(3, 4, kernel=1)), word(BatchNorm(4))
    ('conv', 'bn')
    """
    return _word(type(op).__name__)


@cache
def _word(kind: str) -> str:
    return SHORT.get(kind) or WORDS.sub("_", kind).lower()


@lru_cache(4096, typed=True)
def prefix(*parts: str | int) -> str:
    """What a scope puts before names; ValueError if a part is neither a number nor an identifier.

    >>> prefix("stages", 0), prefix("cells.2")
    ('stages.0.', 'cells.2.')
    """
    found = ".".join(map(str, parts)).split(".") if parts else []
    for part in found:
        if PART.fullmatch(part) is None:
            raise ValueError(f"the scope '{part}' must be a number or a name such as 'stages'")
    return "".join([f"{part}." for part in found])


def named(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """The layers with different names: where two share one, or a scope has it, they are numbered.

    >>> from nas.network import ReLU
    >>> [layer.name for layer in named([Layer(ReLU(), (), name) for name in ("a", "b", "a")])]
    ['a1', 'b', 'a2']
    """
    scopes = {scope for layer in layers for scope in _scopes(layer.name)}
    names = Counter(layer.name for layer in layers)
    taken = scopes | {name for name, times in names.items() if times == 1}
    numbers: Counter[str] = Counter()
    found = []
    for layer in layers:
        name = layer.name
        if names[name] > 1 or name in scopes:
            while name == layer.name or name in taken:
                numbers[layer.name] += 1
                name = f"{layer.name}{numbers[layer.name]}"
        found.append(layer if name == layer.name else Layer(layer.op, layer.inputs, name))
    return tuple(found)


def names(layers: Sequence[Layer]) -> list[str]:
    """A name for every layer of a network; a layer that has none is called by its index."""
    full = (
        layer if layer.name else replace(layer, name=f"layers.{index}")
        for index, layer in enumerate(layers)
    )
    return [layer.name for layer in named(list(full))]


@lru_cache(4096)  # the networks of a space have the same names
def _scopes(name: str) -> tuple[str, ...]:
    """The scopes that a name is in.

    >>> _scopes("cells.0.relu")
    ('cells', 'cells.0')
    """
    return tuple(name[:place] for place, letter in enumerate(name) if letter == ".")
