"""A network as a tree of blocks: what is one class, one sequence or one call in its source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby

from nas.exporting.operations import Written
from nas.exporting.rules import written
from nas.network import Network
from nas.network.names import names

Ref = tuple[int, int]
"""A value inside a block: the place of the item that makes it, and which of its outputs it is."""

OUTSIDE: Ref = (-1, -1)


@dataclass
class Scope:
    """The layers whose names begin alike, and the scopes inside."""

    path: tuple[str, ...] = ()
    scopes: dict[str, Scope] = field(default_factory=dict)
    leaves: dict[int, str] = field(default_factory=dict)
    """Layers that lie directly here: their index and the last part of their name."""
    layers: set[int] = field(default_factory=set)
    """All layers inside."""

    @property
    def listed(self) -> bool:
        """Whether its parts are numbered: a list of modules."""
        return bool(self.scopes) and not self.leaves and all(map(str.isdigit, self.scopes))


@dataclass
class Item:
    """What a block's `forward` calls: a layer, a function, or a unit of further layers."""

    access: tuple[str, ...]
    """The names that lead from the block's `self` to it; empty for a function."""
    sites: list[int]
    """The layers that it reads, once for every place that reads them."""
    outputs: list[int]
    """The layers inside that others read."""
    first: int
    """The index of its first layer."""
    op: Written | None = None
    unit: Unit | None = None
    hint: str = ""
    """A name for its output."""


@dataclass
class Unit:
    """A scope that is run as a whole: a block, which is a class, or a chain of units."""

    scope: Scope
    sites: list[int]
    outputs: list[int]
    items: list[Item] = field(default_factory=list)
    chain: list[Unit] = field(default_factory=list)
    alone: bool = False
    """Whether it is a part of a chain: it then takes one tensor."""

    @cached_property
    def refs(self) -> dict[int, Ref]:
        """Where the layers that others read are made."""
        return {
            layer: (place, number)
            for place, item in enumerate(self.items)
            for number, layer in enumerate(item.outputs)
        }

    def ref(self, layer: int) -> Ref:
        """Where a layer that the block reads is made; `OUTSIDE` if not in the block."""
        return self.refs.get(layer, OUTSIDE)

    @cached_property
    def runs(self) -> list[tuple[Unit, int]]:
        """The parts of a chain, with how often each comes one after the other."""
        return [(next(each), 1 + len([*each])) for _, each in groupby(self.chain, _exact)]

    @cached_property
    def key(self) -> object:
        """What two units have in common that can be one class: all but sizes."""
        return _key(self, sizes=False)

    @cached_property
    def exact(self) -> object:
        """What equal units have in common."""
        return _key(self, sizes=True)

    def blocks(self) -> Iterator[Unit]:
        """All blocks inside, and itself if it is one."""
        for unit in (*self.chain, *(item.unit for item in self.items if item.unit)):
            yield from unit.blocks()
        if self.items:
            yield self


def _exact(unit: Unit) -> object:
    return unit.exact


def _key(unit: Unit, *, sizes: bool) -> object:
    if not unit.items:
        runs = ((_key(part, sizes=sizes), n if sizes else n > 1) for part, n in unit.runs)
        return "chain", tuple(runs)
    parts = []
    for item in unit.items:
        inner: object = item.unit and _key(item.unit, sizes=sizes)
        if item.op is not None:
            op = item.op
            numbers = tuple((s.role, s.keyword, s.value if sizes else None) for s in op.sizes)
            dummies = [str(place) for place in range(len(numbers))]
            text = op.call and op.call(["a"] * len(item.sites), dummies)
            inner = op.layer, op.rest, numbers, text
        parts.append((item.access, inner, tuple(map(unit.ref, item.sites))))
    return "block", unit.alone, tuple(parts), tuple(map(unit.ref, unit.outputs))


def unit_of(item: Item) -> Unit:
    """The unit of an item that is neither a layer nor a function."""
    assert item.unit is not None
    return item.unit


class Tree:
    """Makes the units of a network."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.readers: dict[int, set[int]] = {index: set() for index in range(len(network.layers))}
        for index, layer in enumerate(network.layers):
            for earlier in layer.inputs:
                self.readers[earlier].add(index)
        self.open: set[tuple[str, ...]] = set()
        """Scopes that cannot be run as a whole."""
        self.root = self._scopes()

    def _scopes(self) -> Scope:
        root = Scope()
        last = len(self.network.layers) - 1
        paths = [tuple(name.split(".")) for name in names(self.network.layers)]
        weighted = [layer.op.params() > 0 for layer in self.network.layers]
        self.hints = {}
        for index in (i for i in range(1, last + 1) if weighted[i]):
            self._put(root, index, paths[index], len(paths[index]) - 1)
        lists = {scope.path for scope in _all(root) if scope.listed}
        there = {scope.path for scope in _all(root)}
        for index in (i for i in range(1, last + 1) if not weighted[i]):
            depth = len(paths[index]) - 1
            while paths[index][:depth] not in there or paths[index][:depth] in lists:
                depth -= 1
            if len(paths[index]) - depth >= 3:
                self.hints[index] = _hint(paths[index][-3:-1])
            self._put(root, index, paths[index], depth)
        return root

    def _put(self, scope: Scope, index: int, path: tuple[str, ...], depth: int) -> None:
        scope.layers.add(index)
        for part in path[:depth]:
            scope = scope.scopes.setdefault(part, Scope((*scope.path, part)))
            scope.layers.add(index)
        scope.leaves[index] = path[-1]

    def whole(self) -> Unit:
        """The network as a block."""
        return self._block(self.root)

    def _outputs(self, layers: set[int]) -> list[int]:
        """The layers that others read; the last one if none is read: such a part is not run."""
        last = len(self.network.layers) - 1
        read = [i for i in layers if i == last or self.readers[i] - layers]
        return sorted(read) or [max(layers)]

    def _at_once(self, layers: set[int]) -> bool:
        """Whether the layers can be run one after the other, without others in between."""
        between: set[int] = set()
        for index in range(min(layers), max(layers) + 1):
            inputs = {*self.network.layers[index].inputs}
            if index in layers:
                if inputs & between:
                    return False
            elif inputs & (layers | between):
                between.add(index)
        return True

    def _unit(self, scope: Scope, *, alone: bool = False) -> Unit | None:
        """The scope as a block or a chain; None if its parts must be called one by one."""
        if scope.path in self.open:
            return None
        if scope.listed:
            return self._chain(scope)
        return self._block(scope, alone=alone) if self._at_once(scope.layers) else None

    def _block(self, scope: Scope, *, alone: bool = False) -> Unit:
        items: list[Item] | None = None
        while items is None:
            items = self._ordered([*self._items(scope, ())])
        sites = [i for item in items for i in item.sites if i not in scope.layers]
        return Unit(scope, sites, self._outputs(scope.layers), items, alone=alone)

    def _chain(self, scope: Scope) -> Unit | None:
        if [*scope.scopes] != [str(number) for number in range(len(scope.scopes))]:
            return None
        parts: list[Unit] = []
        for each in scope.scopes.values():
            unit = self._unit(each, alone=True)
            if unit is None or len({*unit.sites}) != 1 or len(unit.outputs) != 1:
                return None
            if parts and (
                parts[-1].outputs != unit.sites[:1]
                or self.readers[unit.sites[0]] - parts[-1].scope.layers - each.layers
            ):
                return None
            parts.append(unit)
        if self._outputs(scope.layers) != parts[-1].outputs:
            return None
        return Unit(scope, parts[0].sites[:1], parts[-1].outputs, chain=parts)

    def _items(self, scope: Scope, access: tuple[str, ...]) -> Iterator[Item]:
        layers, shapes = self.network.layers, self.network.shapes
        for index, name in scope.leaves.items():
            layer = layers[index]
            op = written(layer.op, *(shapes[earlier] for earlier in layer.inputs))
            place = (*access, name) if op.layer else ()
            hint = self.hints.get(index, "")
            yield Item(place, [*layer.inputs], self._outputs({index}), index, op, hint=hint)
        for name, each in scope.scopes.items():
            place = (*access, name)
            unit = self._unit(each)
            if unit is None:
                yield from self._items(each, place)
            else:
                first, hint = min(each.layers), _hint(place[-2:])
                yield Item(place, unit.sites, unit.outputs, first, unit=unit, hint=hint)

    def _ordered(self, items: list[Item]) -> list[Item] | None:
        """The items so that each comes after those that it reads.

        None if two units read each other: the parts of one are then called one by one.
        """
        waiting = sorted(items, key=lambda item: item.first)
        made = {layer for item in items for layer in item.outputs}
        found: list[Item] = []
        while waiting:
            ready = next((item for item in waiting if not {*item.sites} & made), None)
            if ready is None:
                self.open.add(next(item.unit.scope.path for item in waiting if item.unit))
                return None
            waiting.remove(ready)
            made -= {*ready.outputs}
            found.append(ready)
        return found


def _all(scope: Scope) -> Iterator[Scope]:
    yield scope
    for each in scope.scopes.values():
        yield from _all(each)


def _hint(path: tuple[str, ...]) -> str:
    """A variable's name for one of several parts, as node3 for ("nodes", "3")."""
    if len(path) == 2 and path[0].isidentifier() and path[1].isdigit():
        return singular(path[0]) + path[1]
    return ""


def singular(word: str) -> str:
    """One of several, as a cell of cells.

    >>> singular("vertices"), singular("stages"), singular("branches"), singular("output")
    ('vertex', 'stage', 'branch', 'output')
    """
    for end, one in (("rtices", "rtex"), ("ches", "ch"), ("ies", "y"), ("ss", "ss"), ("s", "")):
        if word.endswith(end):
            return word.removesuffix(end) + one
    return word
