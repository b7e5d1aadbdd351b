"""A network as one readable Python file in plain PyTorch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from nas.exporting.classes import Class, Classes
from nas.exporting.code import Call, docstring, laid_out, numbered
from nas.exporting.forward import forward
from nas.exporting.operations import Size
from nas.exporting.tree import Item, Tree, Unit, unit_of
from nas.network import Network

Texts = Iterator[tuple[Size, str]]
"""The sizes of a class with what is written for each."""

Modules = list[tuple[tuple[str, ...], str | Call]]
"""The modules of a class: the names that lead to each, and the expression that makes it."""


def source(network: Network, name: str, about: str) -> str:
    """The text of a Python file with the network as the class `name`.

    The file needs torch alone. Its parameters have the names of `NetworkModule`'s, and its outputs
    are the same. `about` is the file's docstring. UsageError for an operation without a rule in
    `nas.exporting.operations.written`, or for a network without weights.
    """
    tree = Tree(network)
    root = tree.whole()
    outputs = network.shapes[-1]
    classes = Classes(root, name, classes=len(outputs) == 1)
    definitions = dict.fromkeys(
        item.op.definition
        for each in classes.all
        for item in each.blocks[0].items
        if item.op is not None and item.op.definition
    )
    parts = [definition.split("\n") for definition in definitions]
    parts += [_class(each, classes, root) for each in classes.all]
    parts.append(_create_model(classes.all[-1]))
    body = "\n\n\n".join("\n".join(part) for part in parts)
    functional = "from torch.nn import functional as F\n" if re.search(r"\bF\.", body) else ""
    imports = f"import torch\nfrom torch import Tensor, nn\n{functional}"
    if "torch." not in re.sub(r"\"\"\".*?\"\"\"", "", body, flags=re.S):
        imports = imports.removeprefix("import torch\n")
    head = "\n".join(docstring(about, 0))
    return f"{head}\n\n{imports}\n\n{body}\n"


def _class(made: Class, classes: Classes, root: Unit) -> list[str]:
    unit = made.blocks[0]
    whole = unit is root
    lines = [f"class {made.name}(nn.Module):"]
    lines += docstring(_about(made, root), 1)
    lines.append("")
    arguments = [
        f"{each.name}: int = {each.values[0]}" if whole else f"{each.name}: int"
        for each in made.arguments
    ]
    lines += laid_out(Call("def __init__(", ["self", *arguments], ") -> None:"), 1)
    lines.append("        super().__init__()")
    texts = iter(zip(made.sizes, made.texts, strict=True))
    calls: dict[int, list[str]] = {}
    kept: dict[str, str] = {}
    modules: Modules = []
    for place, item in enumerate(unit.items):
        if item.op is not None and not item.op.layer:
            sizes = [next(texts) for _ in item.op.sizes]
            calls[place] = [_argument(size, _kept(size, text, kept)) for size, text in sizes]
        else:
            modules.append((item.access, _made(item, classes, texts)))
    for attribute, text in kept.items():
        lines.append(f"        self.{attribute} = {text}")
    lines += _assigned(modules)
    lines.append("")
    return [*lines, *forward(made, classes, calls)]


def _kept(size: Size, text: str, kept: dict[str, str]) -> str:
    """A size in `forward`: a number, or an attribute that keeps what the class was given."""
    if text.isdigit():
        return text
    name = text if text.isidentifier() else size.role
    while kept.get(name, text) != text:
        name += "_"
    kept[name] = text
    return f"self.{name}"


def _argument(size: Size, text: str) -> str:
    """An argument in a call; empty if it has its default value."""
    if not size.keyword:
        return text
    return "" if text == str(size.default) else f"{size.keyword}={text}"


def _made(item: Item, classes: Classes, texts: Texts) -> Call | str:
    """The expression that makes a module."""
    if item.op is None:
        return _unit(unit_of(item), classes, texts)
    found: list[str | Call] = []
    for _ in item.op.sizes:
        if argument := _argument(*next(texts)):
            found.append(argument)
    return Call(f"{item.op.layer}(", [*found, *([item.op.rest] if item.op.rest else [])])


def _unit(unit: Unit, classes: Classes, texts: Texts) -> Call:
    if unit.items:
        made = classes.of[id(unit)]
        return Call(f"{made.name}(", [next(texts)[1] for _ in made.arguments])
    parts: list[str | Call] = []
    for part, times in unit.runs:
        made_part = _unit(part, classes, texts)
        if times > 1:
            parts.append(Call("*[", [f"{made_part} for _ in range({next(texts)[1]})"], "]"))
        else:
            parts.append(made_part)
    return Call("nn.Sequential(", parts)


def _assigned(modules: Modules) -> list[str]:
    """The lines that give a class its modules; those with longer names are in lists."""
    lines: list[str] = []
    done: set[str] = set()
    for access, made in modules:
        name = access[0]
        if name in done:
            continue
        done.add(name)
        inner = [(path[1:], each) for path, each in modules if path[0] == name]
        whole = made if len(access) == 1 else _nested(inner)
        if name.isidentifier():
            lines += laid_out(whole, 2, f"self.{name} = ")
        else:
            lines += laid_out(Call("self.add_module(", [f'"{name}"', whole]), 2)
    return lines


def _nested(modules: Modules) -> Call:
    """A list of modules if they are numbered from 0, else a dictionary."""
    names = [*dict.fromkeys(path[0] for path, _ in modules)]
    entries: list[str | Call] = []
    listed = numbered(names)
    for name in names:
        inner = [(path[1:], made) for path, made in modules if path[0] == name]
        entry = inner[0][1] if not inner[0][0] else _nested(inner)
        if not listed:
            entry = Call(f'"{name}": {_start(entry)}', _rest(entry), _end(entry))
        entries.append(entry)
    if listed:
        entries = [*_runs(entries)]
    bracket = Call("[", entries, "]") if listed else Call("{", entries, "}")
    return Call("nn.ModuleList(" if listed else "nn.ModuleDict(", [bracket])


def _runs(entries: list[str | Call]) -> Iterator[str | Call]:
    """The entries, with equal ones that follow each other as a loop."""
    for text, group in groupby(entries, str):
        equal = [*group]
        if len(equal) > 2:
            yield Call("*[", [f"{text} for _ in range({len(equal)})"], "]")
        else:
            yield from equal


def _start(entry: str | Call) -> str:
    return entry if isinstance(entry, str) else entry.start


def _rest(entry: str | Call) -> list[str | Call]:
    return [] if isinstance(entry, str) else [*entry.arguments]


def _end(entry: str | Call) -> str:
    return "" if isinstance(entry, str) else entry.end


def _about(made: Class, root: Unit) -> str:
    """What a class is: where its blocks are in the network."""
    unit = made.blocks[0]
    if unit is root:
        return "The whole network; `num_classes` is the number of outputs."
    paths = [each.scope.path for each in made.blocks]
    if len(paths) == 1:
        return f"`{'.'.join(paths[0])}`."
    patterns = dict.fromkeys(
        ".".join("*" if part.isdigit() else part for part in path) for path in paths
    )
    first, *others = patterns
    more = f" and {len(others)} more places" if len(others) > 1 else ""
    more = f" and `{others[0]}`" if len(others) == 1 else more
    return f"`{first}`{more}, {len(paths)} times."


def _create_model(made: Class) -> list[str]:
    arguments = [f"{each.name}: int = {each.values[0]}" for each in made.arguments]
    names = ", ".join(each.name for each in made.arguments)
    return [
        f"def create_model({', '.join(arguments)}) -> {made.name}:",
        '    """The network with fresh weights."""',
        f"    return {made.name}({names})",
    ]
