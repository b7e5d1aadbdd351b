"""The diagrams of a network: the whole as one column of blocks, and each kind of block inside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from nas.network.drawing.diagram import Arrow, Box, Diagram, Group, size
from nas.network.drawing.fusing import Fused, fused
from nas.network.drawing.parts import Part
from nas.network.drawing.units import Scope, Structure, Tree, Unit, singular, spoken, units_of

LONG = 6
"""A chain of more boxes than these has a diagram of its own."""


@dataclass(frozen=True)
class BlockKind:
    """Blocks that differ only in their width."""

    title: str
    units: tuple[Unit, ...]


@dataclass
class Pictured:
    """A network's parts with all that its diagrams need."""

    structure: Structure
    title: str
    _names: dict[int, str] = field(default_factory=dict)
    """The title of the kind of every unit that has a diagram, by its first layer."""

    @cached_property
    def units(self) -> list[Unit]:
        """All boxes of the whole, the inputs too."""
        return list(units_of(self.structure.tree))

    @cached_property
    def flat(self) -> bool:
        """Whether there are no blocks, so that the whole is one graph."""
        return not any(unit.path for unit in self.units if not self._is_input(unit))

    @cached_property
    def place(self) -> dict[int, int]:
        """The unit of every layer, by its place among the units; repeats count as the first."""
        found: dict[int, int] = {}
        for unit, row in self._walked(self.structure.tree, [0]):
            for index in unit:
                found[index] = row
        return found

    def _walked(self, tree: Tree, row: list[int]) -> list[tuple[tuple[int, ...], int]]:
        """The layers of every unit with its row, in the order of the layers."""
        if isinstance(tree, Unit):
            row[0] += 1
            return [(each, row[0] - 1) for each in (tree.indices, *tree.others)]
        found = [pair for child in tree.children for pair in self._walked(child, row)]
        rows = [each for _, each in found]
        for copy in tree.others:
            found += zip((unit.indices for unit in copy), rows, strict=True)
        return found

    def _is_input(self, unit: Unit) -> bool:
        return self.structure.parts[unit.indices[0]].kind == "input"

    @cached_property
    def kinds(self) -> list[BlockKind]:
        """The kinds of blocks that have a diagram of their own, in order."""
        lone = [unit for unit in self.units if unit.path and unit.path[-1] not in ("", "input")]
        names = {singular(unit.path) for unit in lone if not self._short(unit)}
        names |= self._frequent(lone)
        found: dict[tuple[str, object], list[Unit]] = {}
        shown = [unit for unit in lone if singular(unit.path) in names]
        alike: dict[object, tuple[str, object]] = {}
        for unit in sorted(shown, key=lambda unit: -len(self.structure.sources(unit))):
            sources = {source: n for n, source in enumerate(self.structure.sources(unit))}
            key = singular(unit.path), self.structure.loose(unit, sources)
            blind = self.structure.loose(unit, dict.fromkeys(sources, 0))
            if len(sources) == 1:  # a first cell, whose two inputs are the same stem
                key = alike.get(blind, key)
            else:
                alike.setdefault(blind, key)
            found.setdefault(key, []).append(unit)
        ordered = sorted(found.items(), key=lambda each: min(u.indices[0] for u in each[1]))
        count = Counter(name for name, _ in found)
        seen: Counter[str] = Counter()
        kinds = []
        for (name, _), units in ordered:
            title = f"{name} {_letter(seen[name])}" if count[name] > 1 else name
            seen[name] += 1
            kinds.append(BlockKind(title, tuple(units)))
            self._names |= {unit.indices[0]: title for unit in units}
        return kinds

    def _frequent(self, units: Sequence[Unit]) -> set[str]:
        """What the items of lists are called that are most of the units: cell, layer."""
        items = [unit for unit in units if unit.path[-1].isdecimal()]
        count: Counter[str] = Counter()
        for unit in items:
            count[singular(unit.path)] += unit.repeat
        return {name for name, number in count.most_common(1) if number > 1}

    @property
    def main(self) -> list[BlockKind]:
        """Of the kinds those of the most frequent blocks: the cells of a cell space."""
        if not self.kinds:
            return []
        units = [unit for kind in self.kinds for unit in kind.units]
        names = self._frequent(units) or {singular(units[0].path)}
        return [kind for kind in self.kinds if singular(kind.units[0].path) in names]

    def _boxes(self, unit: Unit) -> list[Fused]:
        return fused(self.structure.parts, unit.indices)

    def _short(self, unit: Unit) -> bool:
        """Whether a unit is a chain of few boxes, which one line can tell."""
        read = Counter(i for each in unit.indices for i in self.structure.parts[each].inputs)
        chain = all(len(self.structure.parts[index].inputs) <= 1 for index in unit.indices)
        alone = max(read.values(), default=1) <= 1 and len(self.structure.sources(unit)) <= 1
        return chain and alone and len(self._boxes(unit)) <= LONG

    # The whole

    def whole(self) -> Diagram:
        """The network as a column of blocks."""
        if self.flat:
            unit = next((unit for unit in self.units if not self._is_input(unit)), None)
            if unit is None:
                return self._passed_on()
            return self.inside(BlockKind(self.title, (unit,)))
        assert self.kinds is not None  # the names of the blocks come with them
        parts = self.structure.parts
        boxes = [self._row(unit) for unit in self.units]
        place = self.place
        arrows = dict.fromkeys(
            Arrow(place[source], place[index], size(parts[source].shape))
            for index, part in enumerate(parts)
            for source in part.inputs
            if place[source] < place[index]
        )
        last = len(boxes)
        output = len(parts) - 1
        boxes.append(Box("output", "output", shape=parts[output].shape))
        ends = Arrow(place[output], last, size(parts[output].shape))
        groups = tuple(self._groups(self.structure.tree, 0))
        return Diagram(self.title, tuple(boxes), (*arrows, ends), groups, chain=True)

    def _passed_on(self) -> Diagram:
        """A network without an operation: its output is its input."""
        part = self.structure.parts[0]
        boxes = (
            Box(part.label, "input", shape=part.shape),
            Box("output", "output", shape=part.shape),
        )
        return Diagram(self.title, boxes, (Arrow(0, 1, size(part.shape)),), chain=True)

    def _row(self, unit: Unit) -> Box:
        parts = self.structure.parts
        shape = parts[unit.indices[-1]].shape
        title = _tooltip([parts[index] for index in unit.indices])
        if self._is_input(unit):
            return Box(parts[unit.indices[0]].label, "input", shape=shape, title=title)
        if unit.indices[0] in self._names:
            name = self._names[unit.indices[0]]
            return Box(name, "block", "", shape, unit.repeat, title)
        boxes = self._boxes(unit)
        labels = [_heading(box) for box in boxes]
        kind = boxes[0].kind if len(boxes) == 1 else "other"
        if unit.path[-1] == "":
            recipe = ", ".join(boxes[0].recipe) if len(boxes) == 1 < len(boxes[0].recipe) else ""
            details = ", ".join([*([recipe] if recipe else []), *boxes[0].details])
            return Box(", ".join(labels), kind, details, shape, unit.repeat, title)
        return Box(spoken(unit.path), kind, _wrapped(labels), shape, unit.repeat, title)

    def _groups(self, tree: Scope, first: int, depth: int = 0) -> list[Group]:
        """The groups of the rows from `first` on, which is a tree's first row."""
        found = []
        for child in tree.children:
            rows = sum(1 for _ in units_of(child))
            if isinstance(child, Scope):
                label = spoken(child.path) if child.repeat == 1 else singular(child.path)
                found.append(Group(label, first, first + rows - 1, child.repeat, depth))
                found += self._groups(child, first, depth + 1)
            first += rows
        return found

    # Inside a block

    def inside(self, kind: BlockKind) -> Diagram:
        """The operations of a kind of block."""
        parts, unit = self.structure.parts, kind.units[0]
        every = [self._boxes(each) for each in kind.units]
        sources = self.structure.sources(unit)
        boxes = [self._source(source, unit, len(sources)) for source in sources]
        recipes = _recipes(every[0])
        place = {source: number for number, source in enumerate(sources)}
        every = [each for each in every if len(each) == len(every[0])]
        used = self._used(unit)
        for number, box in enumerate(every[0]):
            place |= dict.fromkeys(box.indices, len(boxes))
            same = [each[number] for each in every]
            boxes.append(self._operation(same, recipes[box.core], box.indices[-1] in used))
        arrows = Counter(
            (place[source], place[index])
            for index in unit.indices
            for source in parts[index].inputs
            if place[source] != place[index]
        )
        boxes.append(Box("output", "output", shape=parts[unit.indices[-1]].shape))
        if len({parts[each.indices[-1]].shape for each in kind.units}) > 1:  # at several widths
            boxes = [replace(box, shape=()) for box in boxes]
        arrows[place[unit.indices[-1]], len(boxes) - 1] += 1
        joined = tuple(Arrow(*ends, f"{n}×" if n > 1 else "") for ends, n in arrows.items())
        notes = [note for core, found in recipes.items() if (note := _note(core, found))]
        if len(sources) > 1 and any(box.label.startswith("k −") for box in boxes):
            notes.append("k − 1: output of the previous block, k − 2: of the one before it")
        return Diagram(kind.title, tuple(boxes), joined, notes=tuple(notes))

    def _used(self, unit: Unit) -> set[int]:
        """The layers of a unit that lead to its end."""
        inside, found = {*unit.indices}, set[int]()
        pending = [unit.indices[-1]]
        while pending:
            index = pending.pop()
            if index in inside and index not in found:
                found.add(index)
                pending += self.structure.parts[index].inputs
        return found

    def _source(self, source: int, unit: Unit, count: int) -> Box:
        part = self.structure.parts[source]
        if part.kind == "input" or count == 1:
            return Box("input", "input", shape=part.shape, title=_tooltip([part]))
        order = [each for each, _ in self._walked(self.structure.tree, [0])]
        number = {index: place for place, each in enumerate(order) for index in each}
        back = number[unit.indices[0]] - number[source]
        return Box(f"k − {back}", "input", shape=part.shape, title=_tooltip([part]))

    def _operation(self, same: Sequence[Fused], recipes: set[tuple[str, ...]], used: bool) -> Box:
        """The box of the same layers in all blocks of a kind."""
        box, parts = same[0], self.structure.parts
        details = list(box.details)
        if box.kind in ("conv", "linear"):
            details += self._widths(same)
        title = _tooltip([parts[index] for index in box.indices])
        shape = parts[box.indices[-1]].shape
        recipe = ", ".join(box.recipe) if len(recipes) > 1 and len(box.recipe) > 1 else ""
        detail = "\n".join(text for text in (recipe, ", ".join(details)) if text)
        return Box(box.label, box.kind, detail, shape, box.repeat, title, unused=not used)

    def _widths(self, same: Sequence[Fused]) -> list[str]:
        """How many channels become how many, as far as that is the same in all blocks."""
        parts = self.structure.parts
        sizes = [[each for index in box.indices if (each := parts[index].widths)] for box in same]
        pairs = {(each[0][0], each[-1][1]) for each in sizes if each}
        if not pairs:
            return []
        ((before, after), *others) = pairs
        if before == after:
            return []
        if not others:
            return [f"{before} → {after}"]
        if all(b % a == 0 and b // a == after // before for a, b in pairs):
            return [f"width ×{after // before}"]
        if all(a % b == 0 and a // b == before // after for a, b in pairs):
            return [f"width ÷{before // after}"]
        return []


def _recipes(boxes: Sequence[Fused]) -> dict[str, set[tuple[str, ...]]]:
    """For every kind of box, the layers that such boxes are made of."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for box in boxes:
        found.setdefault(box.core, set()).add(box.recipe)
    return found


def _note(core: str, recipes: set[tuple[str, ...]]) -> str:
    """What every box of a kind is made of; empty if that is clear or differs."""
    recipe = next(iter(recipes))
    if len(recipes) > 1 or len(recipe) == 1 or core not in recipe:
        separable = len(recipes) == 1 and "depthwise conv" in recipe and core not in recipe
        return f"{core}: {', '.join(recipe)}" if separable else ""
    at = recipe.index(core)
    before, after = ", ".join(recipe[:at]), ", ".join(recipe[at + 1 :])
    told = [*([f"{before} before"] if before else []), *([f"{after} after"] if after else [])]
    return f"{core}: {', '.join(told)}"


def _heading(box: Fused) -> str:
    return f"{box.label} ×{box.repeat}" if box.repeat > 1 else box.label


def _wrapped(labels: Sequence[str], most: int = 34) -> str:
    """Labels joined by commas, in lines of about `most` letters."""
    lines = [""]
    for number, label in enumerate(labels):
        word = label + ("," if number < len(labels) - 1 else "")
        if lines[-1] and len(lines[-1]) + len(word) > most:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)


def _tooltip(parts: Sequence[Part]) -> str:
    """What a pointer over a box shows: every layer with its name and output."""
    lines = [
        f"{part.name or part.label}: {part.label}{''.join(f', {d}' for d in part.details)}"
        + (f" → {size(part.shape)}" if part.shape else "")
        for part in parts[:8]
    ]
    more = len(parts) - len(lines)
    return "\n".join([*lines, *([f"and {more} more layers"] if more else [])])


def _letter(number: int) -> str:
    """A, B, …, Z, AA, AB, …"""
    first, second = divmod(number, 26)
    return (chr(64 + first) if first else "") + chr(65 + second)
