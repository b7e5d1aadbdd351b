"""Python code in the layout of the usual formatters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill

WIDTH = 88
INDENT = "    "
CLOSED = ("]", "}")


@dataclass(frozen=True)
class Call:
    """A call or a bracket with arguments, which may be calls."""

    start: str
    arguments: Sequence[str | Call]
    end: str = ")"

    def __str__(self) -> str:
        return f"{self.start}{', '.join(map(str, self.arguments))}{self.end}"


def laid_out(code: str | Call, indent: int, before: str = "", after: str = "") -> list[str]:
    """The code on one line if it fits, or with one argument a line."""
    margin = INDENT * indent
    line = f"{margin}{before}{code}{after}"
    if isinstance(code, str) or len(line) <= WIDTH:
        return [line]
    inside = f"{margin}{INDENT}{', '.join(map(str, code.arguments))}"
    start, end = f"{margin}{before}{code.start}", f"{margin}{code.end}{after}"
    if len(inside) <= WIDTH and (code.end not in CLOSED or len(code.arguments) == 1):
        return [start, inside, end]
    lines = [start]
    alone = len(code.arguments) == 1
    for argument in code.arguments:
        lines += laid_out(argument, indent + 1, "", "" if alone else ",")
    return [*lines, end]


def docstring(text: str, indent: int) -> list[str]:
    """A docstring: a line, or paragraphs."""
    margin = INDENT * indent
    text = text.replace("\\", "\\\\").replace('"""', "'''")
    if "\n" not in text and len(margin) + len(text) + 6 <= WIDTH:
        return [f'{margin}"""{text}"""']
    lines = [line for each in text.split("\n") for line in _filled(each, len(margin) + 3)]
    lines = [f'"""{lines[0]}', *lines[1:], '"""']
    return [f"{margin}{line}" if line else "" for line in lines]


def _filled(line: str, margin: int) -> list[str]:
    if not line:
        return [""]
    lead = line[: len(line) - len(line.lstrip())]
    text = fill(
        line.strip(),
        WIDTH - margin,
        initial_indent=lead,
        subsequent_indent=lead,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return text.split("\n")


def numbered(names: Sequence[str]) -> bool:
    """Whether the names are 0, 1, 2, …: those of a list."""
    return [*names] == [str(number) for number in range(len(names))]


def parsed(text: str) -> str | Call:
    """An expression that is one call as a `Call`, and any other as it is.

    >>> parsed("f(a, g(b, c))").arguments, parsed("f(a) + g(b)")
    (['a', 'g(b, c)'], 'f(a) + g(b)')
    """
    start = text.find("(") + 1
    if not start or not text.endswith(")"):
        return text
    arguments, depth, last = [], 0, start
    for place, letter in enumerate(text[start:-1], start):
        depth += (letter in "([") - (letter in ")]")
        if depth < 0:
            return text
        if letter == "," and not depth:
            arguments.append(text[last:place].strip())
            last = place + 1
    return Call(text[:start], [*arguments, text[last:-1].strip()])
