"""Written formulas of a trial's figures, such as epsilon*latency^-0.07; none of it is executed."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from keyword import iskeyword
from math import isfinite, isnan, nan
from typing import Any
from unicodedata import normalize

from nas.errors import UsageError

LONGEST = 500
"""Characters of a formula."""
SIGNS_OF_A_FORMULA = re.compile(r"[\w\s.,+*/()-]+")
NO_NUMBER = re.compile(r"(?<![\w.])(?!\d+\.?\d*(?:e[+-]?\d+)?(?![\w.]))\d", re.IGNORECASE)
"""A digit that begins something else than a decimal number."""
BINARY: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,
}
SIGNS: Mapping[type[ast.unaryop], Callable[[float], float]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
FUNCTIONS: Mapping[str, Callable[..., float]] = {
    "log": math.log,
    "exp": math.exp,
    "sqrt": math.sqrt,
    "abs": abs,
    "min": min,
    "max": max,
}
SEVERAL = ("min", "max")
"""The functions of two values or more; the others have one."""
GRAMMAR = f"names, numbers, + - * / ^, parentheses, {', '.join(FUNCTIONS)}"


@dataclass(frozen=True)
class Formula:
    """A value of a trial, made of its figures; higher is better.

    >>> Formula.parse("epsilon*(latency/5)^-0.07").names
    ('epsilon', 'latency')
    >>> Formula.parse("-latency").value({"latency": 4.0})
    -4.0
    """

    text: str
    """As it was written."""
    names: tuple[str, ...]
    """The figures in it, each once, in the order in which they occur."""
    tree: ast.expr = field(repr=False, compare=False)

    @staticmethod
    def parse(text: str, known: Iterable[str] = ()) -> Formula:
        """The formula of a text; raises UsageError for anything that is none.

        Of the `known` names those count that are not one word, such as my-metric: it is otherwise
        a subtraction.
        """
        written = " ".join(str(text).split())
        try:
            if not written or len(written) > LONGEST:
                raise SyntaxError
            spelled, others = _spelled(written, known)
            if not SIGNS_OF_A_FORMULA.fullmatch(spelled) or NO_NUMBER.search(spelled):
                raise SyntaxError
            tree = ast.parse(spelled, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise _no_formula(text) from None
        names: dict[str, None] = {}
        checked = _checked(tree, text, others, names)
        if not names:
            raise UsageError(f"the formula '{written:.80}' has no figure of a trial in it")
        return Formula(written, tuple(names), checked)

    @property
    def single(self) -> str | None:
        """The name if the formula is one, or one with a minus before it; else None."""
        bare = self.tree.operand if isinstance(self.tree, ast.UnaryOp) else self.tree
        return bare.id if isinstance(bare, ast.Name) else None

    def value(self, figures: Mapping[str, float]) -> float:
        """The value of a trial's figures; NaN if one of them is missing or it does not exist."""
        if any(isnan(figures.get(name, nan)) for name in self.names):
            return nan  # min, max and the power 0 would pass over it
        try:
            found = _value(self.tree, figures)
        except (ArithmeticError, ValueError, RecursionError):
            return nan
        return found if isfinite(found) else nan


def _spelled(text: str, known: Iterable[str]) -> tuple[str, dict[str, str]]:
    """The text in Python's spelling, and the names that it has other words for."""
    others: dict[str, str] = {}
    odd = {name for name in known if not name.isidentifier() or iskeyword(name)}
    odd |= {name for name in known if normalize("NFKC", name) != name}  # as Python reads them
    for name in sorted(odd, key=len, reverse=True):
        word = f"name_{len(others)}_"
        found = re.compile(rf"(?<![\w.]){re.escape(name)}(?![\w.])")
        if name and word not in text and found.search(text):
            text, others[word] = found.sub(word, text), name
    return text.replace("^", "**"), others


def _no_formula(text: object) -> UsageError:
    said = " ".join(str(text).split())
    return UsageError(f"'{said:.80}' is no formula: write it with {GRAMMAR}")


def _checked(
    node: ast.expr, text: object, others: Mapping[str, str], names: dict[str, None]
) -> ast.expr:
    """The tree with its own names; raises UsageError for what a formula does not have."""

    def again(part: ast.expr) -> ast.expr:
        return _checked(part, text, others, names)

    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            if not -1e300 < number < 1e300:
                raise UsageError(f"the number {number!s:.20} in '{text!s:.80}' is too large")
            return ast.Constant(float(number))
        case ast.Name(id=name):
            name = others.get(name, name)
            names.setdefault(name)
            return ast.Name(name)
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in SIGNS:
            return ast.UnaryOp(sign, again(operand))
        case ast.BinOp(left=left, op=operation, right=right) if type(operation) in BINARY:
            return ast.BinOp(again(left), operation, again(right))
        case ast.Call(func=ast.Name(id=name), args=parts, keywords=[]) if name in FUNCTIONS:
            if len(parts) < 1 or (len(parts) == 1) == (name in SEVERAL):
                count = "two values or more" if name in SEVERAL else "one value"
                raise UsageError(f"{name} in '{text!s:.80}' takes {count}")
            return ast.Call(ast.Name(name), [again(part) for part in parts], [])
    raise _no_formula(text)


def _value(node: Any, figures: Mapping[str, float]) -> float:
    match node:
        case ast.Constant(value=float() as number):
            return number
        case ast.Name():
            return float(figures[node.id])
        case ast.UnaryOp():
            return SIGNS[type(node.op)](_value(node.operand, figures))
        case ast.BinOp():
            left, right = _value(node.left, figures), _value(node.right, figures)
            return BINARY[type(node.op)](left, right)
    return FUNCTIONS[node.func.id](*(_value(part, figures) for part in node.args))
