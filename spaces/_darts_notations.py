"""How others write DARTS cells: pairs of numbers, and the configs of NAS-Bench-301."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nas.storage.literals import literal

Cells = dict[str, list[tuple[str, str]]]
"""The eight edges of each cell, as the texts (operation, source)."""
CELLS = ("normal", "reduce")
KEY = re.compile(r"(?:\w+:darts:)?(edge|inputs_node)_(normal|reduce)_(\d{1,2})")
"""A key of a config of NAS-Bench-301, whose others say how it was trained."""
SOURCES = [(node, source) for node in range(2, 6) for source in range(node)]
"""(node, source) of every edge by its number in such a config."""


def cells(text: str, operations: Sequence[str]) -> Cells | None:
    """The edges of both cells; None for a text in none of these notations.

    Either the normal and the reduction cell, each as eight pairs (source, place of the operation
    in `operations`), or a config of NAS-Bench-301's ConfigSpace. ValueError for wrong ones.
    """
    found = literal(text)
    if isinstance(found, dict) and any(KEY.fullmatch(key) for key in found):
        return {cell: list(_edges(found, cell)) for cell in CELLS}
    if isinstance(found, list) and len(found) == 2 and all(map(_is_compact, found)):
        return {
            cell: [(_operation(place, operations), str(source)) for source, place in edges]
            for cell, edges in zip(CELLS, found, strict=True)
        }
    return None


def _is_compact(edges: Any) -> bool:
    return isinstance(edges, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(type(each) is int for each in pair)
        for pair in edges
    )


def _operation(place: int, operations: Sequence[str]) -> str:
    if not 0 <= place < len(operations):
        raise ValueError(f"{place} must be the place of one of {', '.join(operations)}, from 0 on")
    return operations[place]


def _edges(config: Mapping[str, Any], cell: str) -> Iterator[tuple[str, str]]:
    """The edges of a cell of a config; ValueError where it contradicts itself."""
    own = {
        (match[1], int(match[3])): value
        for key, value in config.items()
        if (match := KEY.fullmatch(key)) and match[2] == cell and value is not None
    }
    numbers = sorted(number for kind, number in own if kind == "edge")
    if numbers and numbers[-1] >= len(SOURCES):
        raise ValueError(f"edge_{cell}_{numbers[-1]} must have a number under {len(SOURCES)}")
    for node in range(2, 6):
        edges = [(number, SOURCES[number][1]) for number in numbers if SOURCES[number][0] == node]
        said = "_".join(str(source) for _, source in edges)
        inputs = own.get(("inputs_node", node), said)
        if len(edges) != 2 or inputs != said:
            raise ValueError(
                f"inputs_node_{cell}_{node} is {inputs} where the node's edges come from "
                f"{said or 'nowhere'}: it must have two, as NAS-Bench-301 numbers them"
            )
        yield from ((str(own["edge", number]), str(source)) for number, source in edges)
