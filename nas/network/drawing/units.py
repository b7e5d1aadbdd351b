"""Finds the blocks of a network and their repeats, from the names of its layers.

The names are paths, so the layers make a tree of scopes. A *unit* is what the picture of the whole
network shows as one box: a cell, a residual block, a stem.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from math import log2

from nas.network.drawing.fusing import fused
from nas.network.drawing.parts import Part

LONGEST_PERIOD = 4
"""Of how many different blocks in a row a repeat may be made."""
LARGE = 4
"""A scope that is a chain of parts is opened if one of them has so many layers."""


@dataclass(frozen=True)
class Unit:
    """Consecutive layers that are one box of the whole picture."""

    path: tuple[str, ...]
    indices: tuple[int, ...]
    repeat: int = 1
    others: tuple[tuple[int, ...], ...] = ()
    """The layers of its repeats."""


@dataclass(frozen=True)
class Scope:
    """Units that belong together."""

    path: tuple[str, ...]
    children: tuple[Tree, ...]
    repeat: int = 1
    others: tuple[tuple[Unit, ...], ...] = ()
    """The units of its repeats."""


Tree = Unit | Scope


def units_of(tree: Tree) -> Iterator[Unit]:
    """The units of a tree in order, repeats left out."""
    if isinstance(tree, Unit):
        yield tree
    else:
        for child in tree.children:
            yield from units_of(child)


@dataclass(frozen=True)
class Structure:
    """The parts of a network with its tree of units."""

    parts: Sequence[Part]
    blocks: frozenset[int] = frozenset()
    """The layers that end a main block."""

    @cached_property
    def paths(self) -> list[tuple[str, ...]]:
        """The scope of every part. Parts without names are in the scope of their block."""
        if any("." in part.name for part in self.parts) or not self.blocks:
            return [tuple(part.name.split(".")[:-1]) for part in self.parts]
        paths: list[tuple[str, ...]] = []
        block = 0
        last = max(self.blocks)
        for index in range(len(self.parts)):
            paths.append(("blocks", str(block)) if 0 < index <= last else ())
            block += index in self.blocks
        return paths

    @cached_property
    def tree(self) -> Scope:
        """The units, equal neighbours collapsed."""
        first = tuple(range(len(self.parts)))
        whole = Scope((), tuple(self._children((), first)))
        place = {
            index: number for number, unit in enumerate(units_of(whole)) for index in unit.indices
        }
        return Scope((), tuple(self._collapsed(whole.children, place)))

    def _children(self, path: tuple[str, ...], indices: tuple[int, ...]) -> list[Tree]:
        """The trees of a scope's own children, in order."""
        depth = len(path)
        found: list[Tree] = []
        for below, run in groupby(indices, key=lambda index: self.paths[index][: depth + 1]):
            inside = tuple(run)
            if len(below) == depth:
                found += self._loose(path, inside)
            elif self._is_list(below):
                found += self._children(below, inside)
            elif _pattern(below) in self._opened:
                found.append(Scope(below, tuple(self._children(below, inside))))
            else:
                found.append(Unit(below, inside))
        return found

    def _loose(self, path: tuple[str, ...], indices: tuple[int, ...]) -> list[Tree]:
        """Units of layers that are in a scope itself and in none of its inner scopes."""
        first = [index for index in indices if self.parts[index].kind == "input"]
        others = [index for index in indices if self.parts[index].kind != "input"]
        units: list[Tree] = [Unit((*path, "input"), (index,)) for index in first]
        if not any(self.paths) and others:  # nothing has a name: all of it is one graph
            return [*units, Unit((), tuple(others))]
        boxes = fused(self.parts, others)
        return units + [Unit((*path, ""), box.indices) for box in boxes]

    @cached_property
    def _inside(self) -> dict[tuple[str, ...], list[int]]:
        """The layers in every scope."""
        found: dict[tuple[str, ...], list[int]] = {}
        for index, path in enumerate(self.paths):
            for depth in range(1, len(path) + 1):
                found.setdefault(path[:depth], []).append(index)
        return found

    def _is_list(self, path: tuple[str, ...]) -> bool:
        """Whether all that is in a scope has a number next, as in cells.2."""
        depth = len(path)
        below = [self.paths[index] for index in self._inside[path]]
        numbered = all(len(each) > depth and each[depth].isdecimal() for each in below)
        return numbered and not path[-1][-1].isdecimal()

    @cached_property
    def _opened(self) -> frozenset[tuple[str, ...]]:
        """The scopes that are shown as what is in them, and not as one box; * is any number."""
        return frozenset(
            _pattern(path) for path, inside in self._inside.items() if self._opens(path, inside)
        )

    def _opens(self, path: tuple[str, ...], indices: Sequence[int]) -> bool:
        if self.blocks:
            return sum(index in self.blocks for index in indices) > 1
        depth = len(path) + 1
        runs = [
            (below, [*run]) for below, run in groupby(indices, key=lambda i: self.paths[i][:depth])
        ]
        large = any(len(below) == depth and len(run) >= LARGE for below, run in runs)
        return large and self._is_chain([run for _, run in runs])

    def _is_chain(self, runs: Sequence[Sequence[int]]) -> bool:
        """Whether each of several runs of layers reads only the two runs before it."""
        place = {index: number for number, run in enumerate(runs) for index in run}
        return len(runs) > 1 and all(
            place[index] - place.get(source, -1) <= 2
            for index in place
            for source in self.parts[index].inputs
        )

    # Repeats

    def _collapsed(self, children: Sequence[Tree], place: dict[int, int]) -> Iterator[Tree]:
        """The children with equal neighbours as one, also where several in a row repeat."""
        keys = [self._key(child, place) for child in children]
        at = 0
        while at < len(children):
            period, times = _repeats(keys, at)
            chosen = children[at : at + period]
            copies = [children[at + n * period : at + (n + 1) * period] for n in range(1, times)]
            at += period * times
            if times == 1 or period == 1:
                yield self._one(chosen[0], [copy[0] for copy in copies], place)
            else:
                others = tuple(tuple(_units(copy)) for copy in copies)
                inner = [self._one(child, [], place) for child in chosen]
                yield Scope((), tuple(inner), times, others)

    def _one(self, tree: Tree, copies: Sequence[Tree], place: dict[int, int]) -> Tree:
        if isinstance(tree, Unit):
            others = tuple(copy.indices for copy in copies if isinstance(copy, Unit))
            return Unit(tree.path, tree.indices, 1 + len(copies), others)
        units = tuple(tuple(units_of(copy)) for copy in copies)
        inner = tuple(self._collapsed(tree.children, place))
        return Scope(tree.path, inner, 1 + len(copies), units)

    def _key(self, tree: Tree, place: dict[int, int]) -> object:
        """What is equal for two trees that do the same to what came before them."""
        return tuple(self.exact(unit, place) for unit in units_of(tree))

    def exact(self, unit: Unit, place: dict[int, int]) -> object:
        """Equal for two units with equal operations and sizes that read what is before alike."""
        inside = {index: number for number, index in enumerate(unit.indices)}
        own = place[unit.indices[0]]
        return tuple(
            (
                self.parts[index].label,
                self.parts[index].op,
                self.parts[index].shape,
                tuple(inside.get(i, place[i] - own) for i in self.parts[index].inputs),
            )
            for index in unit.indices
        )

    def loose(self, unit: Unit, sources: Mapping[int, int]) -> object:
        """Equal for two units that differ only in the width that they work at.

        `sources` has a number for each layer of other units that it reads.
        """
        inside = {index: number for number, index in enumerate(unit.indices)}
        sizes = [self.parts[index].widths for index in unit.indices]
        end = max(1, next((each[1] for each in reversed(sizes) if each), 1))

        def ratio(part: Part) -> int:
            return round(4 * log2(max(1, part.widths[1]) / end)) if part.widths else 0

        return tuple(
            (
                part.label,
                part.details,
                ratio(part),
                tuple(inside[i] if i in inside else -1 - sources[i] for i in part.inputs),
            )
            for part in (self.parts[index] for index in unit.indices)
        )

    def _read(self, unit: Unit) -> list[int]:
        return [source for index in unit.indices for source in self.parts[index].inputs]

    def sources(self, unit: Unit) -> list[int]:
        """The parts outside of a unit that it reads, without repeats."""
        inside = {*unit.indices}
        return list(dict.fromkeys(i for i in self._read(unit) if i not in inside))


def _units(trees: Sequence[Tree]) -> Iterator[Unit]:
    for tree in trees:
        yield from units_of(tree)


def _pattern(path: tuple[str, ...]) -> tuple[str, ...]:
    """A path with * for numbers: what scopes of the same list, and layer1 and layer2, share."""
    return tuple(re.sub(r"\d+$", "*", word) for word in path)


def _repeats(keys: Sequence[object], at: int) -> tuple[int, int]:
    """The period and the number of repeats that cover most of the keys from `at` on."""
    best = (1, 1)
    for period in range(1, LONGEST_PERIOD + 1):
        first = keys[at : at + period]
        times = 1
        while keys[at + times * period : at + (times + 1) * period] == first:
            times += 1
        if times > 1 and period * times > best[0] * best[1]:
            best = (period, times)
    return best


def singular(path: tuple[str, ...]) -> str:
    """A scope's name without its number: cell for stages.0.cells.2."""
    words = [word for word in path if word and not word.isdecimal()]
    if not words:
        return "layer" if path else ""
    if len(path) > 1 and path[-1].isdecimal() and path[-2][-1].isdecimal():
        return "block"  # an item of a list in a list has no name of its own
    word = words[-1].replace("_", " ")
    if not path[-1].isdecimal() or not word.endswith("s") or word.endswith("ss"):
        return word
    return word[:-2] if word.endswith(("ches", "xes", "sses", "shes")) else word[:-1]


def spoken(path: tuple[str, ...]) -> str:
    """A scope's name as a reader says it: stage 0 for stages.0."""
    number = path[-1] if path and path[-1].isdecimal() else ""
    return f"{singular(path)} {number}".strip()
