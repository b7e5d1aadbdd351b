"""Layers that a picture shows as one box: a convolution with its norm and activation."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from nas.network.drawing.diagram import Kind
from nas.network.drawing.parts import Part

CORES = ("conv", "linear")
SMALL = ("norm", "activation")


@dataclass(frozen=True)
class Fused:
    """Layers one after the other that are one box."""

    indices: tuple[int, ...]
    label: str
    kind: Kind
    details: tuple[str, ...]
    recipe: tuple[str, ...]
    """What the layers are, one word each."""
    repeat: int = 1

    @property
    def core(self) -> str:
        """The label without numbers: what a note about the recipe is about."""
        return " ".join(word for word in self.label.split() if not word[0].isdigit())


def fused(parts: Sequence[Part], indices: Sequence[int]) -> list[Fused]:
    """The boxes of some layers, in the order of their last layers."""
    inside = {*indices}
    readers: dict[int, list[int]] = {}
    for index, part in enumerate(parts):
        for source in part.inputs:
            readers.setdefault(source, []).append(index)

    def following(index: int) -> int | None:
        """The layer that alone reads this one, and reads nothing else."""
        read_by = readers.get(index, [])
        alone = len(read_by) == 1 and read_by[0] in inside
        if not alone or parts[read_by[0]].inputs != (index,):
            return None
        return read_by[0] if _scope(parts[index]) == _scope(parts[read_by[0]]) else None

    after = {index: following(index) for index in indices}
    continued: Collection[int | None] = {*after.values()}
    boxes: list[Fused] = []
    for start in indices:
        if start not in continued:
            chain: list[int] = []
            at: int | None = start
            while at is not None:
                chain.append(at)
                at = after[at]
            boxes += _repeated(parts, [_box(parts, part) for part in _split(parts, chain)])
    return sorted(boxes, key=lambda box: box.indices[-1])


def _scope(part: Part) -> str:
    return part.name.rpartition(".")[0]


def _split(parts: Sequence[Part], chain: Sequence[int]) -> Iterator[list[int]]:
    """The chain in pieces of one convolution or linear layer with what is around it.

    If the chain begins with an activation or a norm, these come before the convolution, else
    after it.
    """
    first = parts[chain[0]].kind
    piece: list[int] = []
    for index in chain:
        kind = parts[index].kind
        core = any(parts[i].kind in CORES for i in piece)
        ends = piece and (
            kind not in (*CORES, *SMALL)
            or parts[piece[-1]].kind not in (*CORES, *SMALL)
            or (kind in CORES and core and not _separable(parts, piece[-1], index))
            or (first in SMALL and kind == first and core)
        )
        if ends:
            yield piece
            piece = []
        piece.append(index)
    yield piece


def _separable(parts: Sequence[Part], one: int, other: int) -> bool:
    """Whether a depthwise convolution and the one after it are a separable convolution."""
    return parts[one].label.startswith("depthwise") and parts[other].label in (
        "conv 1×1",
        "conv 1",
    )


def _box(parts: Sequence[Part], piece: Sequence[int]) -> Fused:
    chosen = [parts[index] for index in piece]
    cores = [part for part in chosen if part.kind in CORES]
    recipe = tuple(
        part.label.rpartition(" ")[0] if part.kind == "conv" else part.label for part in chosen
    )
    details = tuple(detail for part in chosen for detail in part.details)
    if len(cores) == 2:
        label = cores[0].label.replace("depthwise", "separable")
        recipe = tuple(
            "conv 1×1" if part is cores[1] else word
            for part, word in zip(chosen, recipe, strict=True)
        )
    elif cores:
        label = cores[0].label
    else:
        label = ", ".join(part.label for part in chosen)
    return Fused(tuple(piece), label, (cores or chosen)[0].kind, details, recipe)


def _repeated(parts: Sequence[Part], boxes: Sequence[Fused]) -> Iterator[Fused]:
    """The boxes of a chain with equal neighbours as one."""
    waiting: list[Fused] = []
    for box in boxes:
        if waiting and _key(parts, waiting[0]) != _key(parts, box):
            yield _together(waiting)
            waiting = []
        waiting.append(box)
    if waiting:
        yield _together(waiting)


def _key(parts: Sequence[Part], box: Fused) -> object:
    return [(parts[i].label, parts[i].op, parts[i].shape) for i in box.indices]


def _together(boxes: Sequence[Fused]) -> Fused:
    first = boxes[0]
    indices = tuple(index for box in boxes for index in box.indices)
    return Fused(indices, first.label, first.kind, first.details, first.recipe, len(boxes))
