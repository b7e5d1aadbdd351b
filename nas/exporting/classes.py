"""The classes of a network's source: blocks that differ only in sizes are one, sizes arguments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from nas.exporting.operations import Role, Size
from nas.exporting.tree import Item, Unit, singular, unit_of

FAMILIES: dict[Role, str] = {"in": "channels", "out": "channels", "both": "channels"}
"""Roles of numbers that can be one argument; each other role is a family of its own."""

NAMES: dict[Role, str] = {
    "kernel": "kernel_size",
    "stride": "stride",
    "padding": "padding",
    "dilation": "dilation",
    "groups": "groups",
    "size": "size",
    "repeats": "repeats",
    "classes": "num_classes",
    "heads": "heads",
    "length": "length",
    "vocabulary": "vocabulary",
}


@dataclass
class Argument:
    """An argument of a class, and its value in every block."""

    name: str
    role: Role
    values: tuple[int, ...]


@dataclass
class Class:
    """Blocks with the same parts on the same inputs."""

    name: str
    blocks: list[Unit]
    sizes: list[Size] = field(default_factory=list)
    """The sizes of the first block, in the order in which they are written."""
    arguments: list[Argument] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    """What is written for each size: a number, an argument, or a product of one."""
    ports: list[int] = field(default_factory=list)
    """The places in a block's `sites` that are the inputs of its `forward`."""
    port_of: list[int] = field(default_factory=list)
    """The input that each place in a block's `sites` reads."""

    def place(self, unit: Unit) -> int:
        return next(place for place, block in enumerate(self.blocks) if block is unit)


class Classes:
    """All classes of a network, the inner ones first."""

    def __init__(self, root: Unit, name: str, classes: bool) -> None:
        self.classes = classes
        """Whether the number of outputs of the last linear layer is an argument."""
        groups: dict[object, list[Unit]] = {}
        for unit in root.blocks():
            groups.setdefault(unit.key, []).append(unit)
        self.of: dict[int, Class] = {}
        self.all: list[Class] = []
        self.last = root.outputs[-1]
        for units in groups.values():  # a block's parts come before it
            made = Class("", units)
            self.all.append(made)
            self.of |= {id(unit): made for unit in units}
        self._name(root, name)
        for each in self.all:
            self._ports(each)
            self._sizes(each)

    def _ports(self, made: Class) -> None:
        """Places that read the same layer in all blocks are one input."""
        read = zip(*(unit.sites for unit in made.blocks), strict=True)
        first: dict[tuple[int, ...], int] = {}
        for place, layers in enumerate(read):
            if layers not in first:
                first[layers] = len(made.ports)
                made.ports.append(place)
            made.port_of.append(first[layers])

    def sizes(self, unit: Unit) -> Iterator[Size]:
        """All sizes in a block, in the order in which they are written."""
        for item in unit.items:
            if item.op is not None:
                last = self.classes and item.outputs == [self.last] and item.op.layer
                for size in item.op.sizes:
                    ends = last == "nn.Linear" and size.role == "out"
                    yield Size("classes", size.value) if ends else size
            else:
                yield from self.given(unit_of(item))

    def given(self, unit: Unit) -> Iterator[Size]:
        """The sizes in the expression that makes a unit."""
        if unit.items:
            made = self.of[id(unit)]
            place = made.place(unit)
            for argument in made.arguments:
                yield Size(argument.role, argument.values[place])
        for part, times in unit.runs:
            yield from self.given(part)
            if times > 1:
                yield Size("repeats", times)

    def _sizes(self, made: Class) -> None:
        """Which sizes are numbers, and which follow from arguments."""
        rows = [[*self.sizes(unit)] for unit in made.blocks]
        made.sizes = rows[0]
        values = [*zip(*([size.value for size in row] for row in rows), strict=True)]
        groups: dict[tuple[str, tuple[int, ...]], list[int]] = {}
        for place, (size, column) in enumerate(zip(made.sizes, values, strict=True)):
            if len({*column}) > 1 or size.role == "classes":
                family = FAMILIES.get(size.role, size.role)
                groups.setdefault((family, column), []).append(place)
        roles = {key: _role(made.sizes, places) for key, places in groups.items()}
        own = self._own(made.blocks[0])
        derived = _derived([*groups], {key for key, places in groups.items() if own & {*places}})
        kept = [key for key in groups if key not in derived]
        argument_names = _names([roles[key] for key in kept])
        made.arguments = [
            Argument(name, roles[key], key[1])
            for key, name in zip(kept, argument_names, strict=True)
        ]
        texts = dict(zip(kept, argument_names, strict=True))
        for key, (source, text) in derived.items():
            texts[key] = text.format(texts[source])
        made.texts = [str(column[0]) for column in values]
        for key, places in groups.items():
            for place in places:
                made.texts[place] = texts[key]

    def _own(self, unit: Unit) -> set[int]:
        """The places of the sizes that a block's own layers have, and not its parts."""
        own: set[int] = set()
        place = 0
        for item in unit.items:
            many = len(item.op.sizes) if item.op else len([*self.given(unit_of(item))])
            own |= {*range(place, place + many)} if item.op else set()
            place += many
        return own

    def _name(self, root: Unit, name: str) -> None:
        taken = Counter(_called(each, root) for each in self.all)
        numbers: Counter[str] = Counter()
        for each in self.all:
            if each.blocks[0] is root:
                each.name = name
                continue
            called = _called(each, root)
            numbers[called] += 1
            each.name = called if taken[called] == 1 else f"{called}{numbers[called]}"
            each.name += "Block" * (each.name == name)


def _called(made: Class, root: Unit) -> str:
    """A name for a class: after its operations if they are a short chain, or its scope."""
    unit = made.blocks[0]
    if unit is root:
        return ""
    path = unit.scope.path
    words = [item.op.word if item.op else "" for item in unit.items]
    several = len(made.blocks) > 1 or path[-1].isdigit()
    if several and all(words) and len(words) <= 4 and _straight(unit.items):
        return "".join(words)
    if len(path) > 1 and path[-1].isdigit() and path[-2].isdigit():
        return "Block"
    named = next((part for part in reversed(path) if not part.isdigit()), "part")
    one = singular(named) if path[-1].isdigit() else named
    return "".join(word.capitalize() for word in one.split("_"))


def _straight(items: Sequence[Item]) -> bool:
    """Whether each item reads only the one before."""
    return all(after.sites == before.outputs for before, after in pairwise(items))


def _role(sizes: Sequence[Size], places: Iterable[int]) -> Role:
    roles = {sizes[place].role for place in places}
    if len(roles) > 1:
        return "both" if not roles <= {"out", "both"} or "in" in roles else "out"
    return roles.pop()


Group = tuple[str, tuple[int, ...]]


def _derived(groups: Sequence[Group], own: set[Group]) -> dict[Group, tuple[Group, str]]:
    """Groups of sizes that follow from an earlier group in every block.

    Numbers of channels that a block's `own` layers have are arguments in any case.
    """
    found: dict[Group, tuple[Group, str]] = {}
    for place, group in enumerate(groups):
        for source in groups[:place]:
            channels = group[0] == "channels" and group in own
            text = None if source in found or channels else _follows(group, source)
            if text is not None:
                found[group] = source, text
                break
    return found


def _follows(group: Group, source: Group) -> str | None:
    """A group as an expression of another, or None."""
    (family, values), (other, others) = group, source
    pairs = [*zip(values, others, strict=True)]
    if (family, other) == ("padding", "kernel"):
        for times, text in ((1, "{} // 2"), (2, "{} // 2 * 2")):
            if all(value == before // 2 * times for value, before in pairs):
                return text
    if family == other == "channels":
        for times in (2, 3, 4, 6):
            if all(value == times * before for value, before in pairs):
                return f"{times} * {{}}"
        for times in (2, 4):
            if all(value * times == before for value, before in pairs):
                return f"{{}} // {times}"
    return None


def _names(roles: Sequence[Role]) -> list[str]:
    """Names for the arguments with these roles."""
    wanted = []
    mixed = roles.count("both")
    for role in roles:
        if role == "in":
            wanted.append("in_channels")
        elif role == "out" or (role == "both" and mixed == 1 and "in" in roles):
            alone = "in" not in roles and role == "out" and mixed == 0
            wanted.append("channels" if alone else "out_channels")
        elif role == "both":
            first = "channels" not in wanted and "in" not in roles
            wanted.append("channels" if first else "hidden_channels")
        else:
            wanted.append(NAMES[role])
    times, numbers, found = Counter(wanted), Counter[str](), []
    for name in wanted:
        numbers[name] += 1
        found.append(name if times[name] == 1 else f"{name}{numbers[name]}")
    return found
