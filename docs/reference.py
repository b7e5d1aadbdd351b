"""The option reference and the list of public names, as Markdown made from the code."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterable, Iterator

from nas.cli.commands.help import _combined
from nas.cli.config_files import GROUPS, combinations, configs
from nas.cli.help import Line, groups_of, options, plugin_options
from nas.cli.kinds import registries
from nas.cli.main import COMMANDS, MORE

MODULES = ("nas", "nas.network", "nas.testing")
"""The modules whose names are public."""


def settings() -> str:
    """All options: those of each command, then those of each plugin of every kind."""
    parts = ["", "## Commands", ""]
    for command, about in COMMANDS.items():
        parts += [
            f"### nas {command}",
            "",
            f"{about[0].upper()}{about[1:]}.",
            "",
            *of_command(command),
            "",
        ]
    for command, about in MORE.items():
        parts += [f"### nas {command}", "", f"{about[0].upper()}{about[1:]}.", ""]
    for kind, registry in registries().items():
        parts += [f"## {kind}= {{#kind-{kind}}}", ""]
        for name in sorted({*registry, *(combinations() if kind == "proxy" else ())}):
            parts += [*plugin(kind, name), ""]
    parts += ["## finals= {#kind-finals}", ""]
    for name in sorted(configs("finals")):
        parts += [f"### finals={name}", "", *options_of("finals", name, "finals"), ""]
    return "\n".join(parts)


def of_command(command: str) -> list[str]:
    """The rows of a command's options; a name that chooses a plugin leads to its kind."""
    chosen = groups_of(command)
    rows = []
    for line in options(command):
        link = f"[{line.name}](#kind-{line.name})" if line.name in chosen else cell(line.takes)
        rows.append(f"| `{line.name}` | {default(line)} | {cell(line.text)} | {link} |")
    return table(rows)


def plugin(kind: str, name: str) -> list[str]:
    """A heading, what the docstring begins with, and the options of a plugin."""
    if name not in registries()[kind]:
        return [f"### {kind}={name}", "", f"{_combined(name)}."]
    about = (inspect.getdoc(registries()[kind][name]) or "").partition("\n\n")[0]
    prefix = f"metric.{name}" if kind == "metric" else kind if kind in GROUPS else name
    return [f"### {kind}={name}", "", about, "", *options_of(kind, name, prefix)]


def options_of(kind: str, name: str, prefix: str) -> list[str]:
    """The rows of a plugin's options, or that it has none."""
    rows = [
        f"| `{line.name}` | {default(line)} | {cell(line.text)} | {cell(line.takes)} |"
        for line in plugin_options(kind, name, prefix, types=kind != "finals")
    ]
    return table(rows) or ["No options."]


def table(rows: list[str]) -> list[str]:
    """A Markdown table of options; nothing without rows."""
    head = ["| option | default | what it is | takes |", "| --- | --- | --- | --- |"]
    return [*head, *rows] if rows else []


def default(line: Line) -> str:
    """The default as the help page of a command shows it."""
    shown = str(Line("_", line.default, "_")).strip()[2:-1]
    return f"`{' '.join(shown.split())}`" if shown.strip() else ""


def cell(text: str) -> str:
    """A text within a cell of a table, where bars, stars and angles are no marks."""
    return re.sub(r"([|*])", r"\\\1", text).replace("<", "&lt;")


def public_names() -> str:
    """Every public name with its signature and its docstring, by module."""
    parts: list[str] = []
    for module in map(importlib.import_module, MODULES):
        parts += ["", f"## {module.__name__} {{#{module.__name__.replace('.', '-')}}}", ""]
        for name in sorted(module.__all__, key=str.lower):
            parts += described(module.__name__, name, getattr(module, name))
    return "\n".join(parts)


def described(module: str, name: str, thing: object) -> list[str]:
    """A heading, the signature and the docstring of a name, and its methods."""
    heading = f"### {module}.{name}"
    if not (inspect.isclass(thing) or inspect.isroutine(thing)):
        return [] if name == "__version__" else [heading, "", *code(f"{name}: {typed(thing)}")]
    lines = [heading, "", *code(signature(name, thing)), "", *docs(thing), ""]
    if inspect.isclass(thing) and module != "nas.network":
        for method, each in methods(thing):
            shown = code(signature(method, each))
            lines += [f"#### {name}.{method}", "", *shown, "", *docs(each), ""]
    return lines


def methods(kind: type) -> Iterator[tuple[str, object]]:
    """The public methods that a class defines itself, with a docstring."""
    for name, each in vars(kind).items():
        plain = getattr(each, "__func__", each)
        if not name.startswith("_") and inspect.isfunction(plain) and plain.__doc__:
            yield name, plain


def signature(name: str, thing: object) -> str:
    """The name with its arguments, one a line where they are many."""
    assert callable(thing)
    try:
        text = str(inspect.signature(thing))
    except ValueError:  # a type that is written in C
        return name
    text = re.sub(r"^\((?:self|cls)(?:, )?", "(", text)
    text = re.sub(r"(: |-> )'([^']*)'", r"\1\2", text)  # annotations that are texts
    if len(name + text) <= 88:
        return name + text
    arguments, arrow, result = text.partition(") -> ")
    listed = ",\n    ".join(split(arguments.removeprefix("(").removesuffix(")")))
    return f"{name}(\n    {listed},\n)" + (f" -> {result}" if arrow else "")


def split(arguments: str) -> Iterable[str]:
    """The arguments of a signature, cut at the commas that no bracket encloses."""
    depth, found = 0, [""]
    for letter in arguments:
        depth += {"[": 1, "(": 1, "{": 1, "]": -1, ")": -1, "}": -1}.get(letter, 0)
        if letter == "," and not depth:
            found.append("")
        else:
            found[-1] += letter
    return [each.strip() for each in found]


def typed(thing: object) -> str:
    """A public value that is neither a class nor a function."""
    return type(thing).__name__ if hasattr(thing, "register") else str(thing)


def docs(thing: object) -> list[str]:
    """A docstring; what it indents is code in Markdown too, and its examples become code."""
    text = f"{inspect.getdoc(thing) or ''}\n"
    return re.sub(
        r"^>>> (?:.+\n)+", r"```pycon\n\g<0>```\n", text, flags=re.MULTILINE
    ).splitlines()


def code(text: str) -> list[str]:
    return ["```python", text, "```"]
