"""The `forward` of a class: short statements on the outputs of its parts."""

from __future__ import annotations

import re
from collections import Counter

from nas.exporting.classes import Class, Classes
from nas.exporting.code import Call, laid_out, numbered, parsed
from nas.exporting.tree import OUTSIDE, Item, Ref, singular

LETTERS = ("x", "y", "z", "u", "v", "w")
LONGEST = 64
"""An expression that would be longer gets its parts from variables."""
DEEPEST = 4
"""So many brackets may be open in an expression."""


def forward(made: Class, classes: Classes, calls: dict[int, list[str]]) -> list[str]:
    """The lines of a class's `forward`; `calls` has the sizes of the functions among its items."""
    writer = _Writer(made, classes)
    looped: set[int] = set()
    for place, item in enumerate(made.blocks[0].items):
        if item.access[1:] == ("0",):
            looped |= writer.loop(place, item.access[0])
        if place in writer.run - looped:
            writer.add(place, item, calls.get(place, []))
    outputs = [writer.text(made.blocks[0].ref(layer)) for layer in made.blocks[0].outputs]
    kind = "Tensor" if len(outputs) == 1 else f"tuple[{', '.join(['Tensor'] * len(outputs))}]"
    inputs = [f"{name}: Tensor" for name in writer.inputs]
    head = laid_out(Call("def forward(", ["self", *inputs], f") -> {kind}:"), 1)
    return [*head, *writer.lines, *laid_out(parsed(", ".join(outputs)), 2, "return ")]


class _Writer:
    """Writes statements; an expression that is read once is written where it is read."""

    def __init__(self, made: Class, classes: Classes) -> None:
        self.unit, self.classes = made.blocks[0], classes
        self.port_of, number = made.port_of, len(made.ports)
        self.inputs = [*LETTERS[:number], *(f"x{place}" for place in range(len(LETTERS), number))]
        self.lines: list[str] = []
        self.texts: dict[Ref, str] = {(-1, port): name for port, name in enumerate(self.inputs)}
        self.loose: dict[Ref, bool] = {}
        """Expressions that are not in a variable yet; whether they need parentheses."""
        self.accesses: dict[tuple[str, ...], list[str]] = {}
        """The names of the modules in each list of modules."""
        for item in self.unit.items:
            for depth in range(1, len(item.access)):
                inner = self.accesses.setdefault(item.access[:depth], [])
                if item.access[depth] not in inner:
                    inner.append(item.access[depth])
        self.reads: dict[int, list[Ref]] = {}
        site = 0
        for place, item in enumerate(self.unit.items):
            refs = []
            for layer in item.sites:
                ref = self.unit.ref(layer)
                if ref == OUTSIDE:
                    ref = (-1, self.port_of[site])
                    site += 1
                refs.append(ref)
            self.reads[place] = self._at_ports(item, refs)
        self.left = Counter(self.unit.ref(layer) for layer in self.unit.outputs)
        self.run: set[int] = set()
        """The items that the outputs depend on."""
        for place in reversed(range(len(self.unit.items))):
            if any(
                self.left[place, number] for number in range(len(self.unit.items[place].outputs))
            ):
                self.run.add(place)
                self.left.update(self.reads[place])

    def _at_ports(self, item: Item, refs: list[Ref]) -> list[Ref]:
        """What is given to each input of an item."""
        if item.unit is not None and item.unit.items:
            return [refs[place] for place in self.classes.of[id(item.unit)].ports]
        return refs

    def text(self, ref: Ref) -> str:
        """A value as it stands in the code."""
        return self.texts[ref]

    def add(self, place: int, item: Item, sizes: list[str]) -> None:
        """Add an item; its expression waits until it is read if that happens once."""
        refs = self.reads[place]
        expression = self._expression(item, refs, sizes)
        waiting = [ref for ref in dict.fromkeys(refs) if ref in self.loose]
        while waiting and (len(expression) > LONGEST or _depth(expression) > DEEPEST):
            longest = max(waiting, key=lambda ref: len(self.texts[ref]))
            waiting.remove(longest)
            self._assign([longest], self.unit.items[longest[0]], self.texts[longest])
            expression = self._expression(item, refs, sizes)
        for ref in refs:
            self.left[ref] -= 1
            self.loose.pop(ref, None)
        made = [(place, number) for number in range(len(item.outputs))]
        self.texts[made[0]] = expression
        if len(made) == 1 and self.left[made[0]] == 1:
            self.loose[made[0]] = item.op is not None and item.op.loose
        else:
            self._assign(made, item, expression)

    def loop(self, first: int, name: str) -> set[int]:
        """Add a list of parts that read the two outputs before them; returns their places.

        Nothing is added if they do not: each part is then called by itself.
        """
        names = self.accesses[name,]
        places = range(first, first + len(names))
        items = self.unit.items[first : places.stop]
        if len(names) < 3 or [item.access for item in items] != [(name, each) for each in names]:
            return set()
        start = self.reads[first][0]
        before = last = start
        for place in places:
            once = place == places[-1] or self.left[place, 0] == 1 + (place < places[-2])
            if self.reads[place] != [before, last] or not once or place not in self.run:
                return set()
            before, last = last, (place, 0)
        if start in self.loose:
            self._assign([start], self.unit.items[start[0]], self.texts[start])
        for place in places:
            self.left.subtract(self.reads[place])
        given = self.text(start)
        one = singular(name)
        kept = self.left[start] > 0
        running = self._free("", ["before", one], [last]) if kept else given
        self.lines.append(f"        before = {f'{running} = ' if kept else ''}{given}")
        self.lines.append(f"        for {one} in self.{name}:")
        self.lines.append(f"            before, {running} = {running}, {one}(before, {running})")
        self.texts[last] = running
        return {*places}

    def _expression(self, item: Item, refs: list[Ref], sizes: list[str]) -> str:
        inputs = [self.text(ref) for ref in refs]
        if item.op is None or item.op.call is None:
            return f"{self._path(item.access)}({', '.join(inputs)})"
        if not _enclosed(item.op.call(["\0"] * len(refs), sizes)):
            inputs = [
                f"({text})" if self.loose.get(ref) and (place or not item.op.loose) else text
                for place, (ref, text) in enumerate(zip(refs, inputs, strict=True))
            ]
        return item.op.call(inputs, sizes)

    def _path(self, access: tuple[str, ...]) -> str:
        """How a module is reached from `self`, as in self.edges[0]."""
        first = access[0]
        text = f"self.{first}" if first.isidentifier() else f'getattr(self, "{first}")'
        for depth in range(1, len(access)):
            inner = self.accesses[access[:depth]]
            part = access[depth]
            text += f"[{part}]" if numbered(inner) else f'["{part}"]'
        return text

    def _assign(self, refs: list[Ref], item: Item, expression: str) -> None:
        for ref in refs:
            self.loose.pop(ref, None)
        names: list[str] = []
        for _ in refs:
            names.append(self._free(item.hint, names, refs))
        self.lines += laid_out(parsed(expression), 2, f"{', '.join(names)} = ")
        for ref, name in zip(refs, names, strict=True):
            self.texts[ref] = name

    def _free(self, hint: str, taken: list[str], new: list[Ref]) -> str:
        """A name that no value has that is still read, other than the new ones."""
        used = {
            word
            for ref, text in self.texts.items()
            if self.left[ref] > 0 and ref not in new
            for word in re.findall(r"(?<![.\w])[a-z]\w*", text)
        } | {*taken}
        names = [*([hint] if hint else []), *LETTERS, *(f"x{n}" for n in range(len(used) + 1))]
        return next(name for name in names if name not in used)


def _depth(expression: str) -> int:
    deepest = depth = 0
    for letter in expression:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        deepest = max(deepest, depth)
    return deepest


def _enclosed(text: str) -> bool:
    """Whether every input, a zero byte in the text, stands alone in brackets or after a comma."""
    alone = re.findall(r"(?:[(\[]|, )\0(?=[)\],])", text)
    return len(alone) == text.count("\0")
