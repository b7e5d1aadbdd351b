"""How architectures are written: as tuples, as named decisions, as JSON objects.

A space with `decisions` has a notation by default: `depth=2,width=64`, or as a JSON object
`{"depth": 2, "width": 64}`. Published spaces have their own (`Space.parse` and `Space.format`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from nas.errors import UsageError

Decisions = Mapping[str, Sequence[Any]]
"""The options of every decision, by the decision's name."""

_NUMBERS = r"\s*-?[0-9]+(\s*,\s*-?[0-9]+)*\s*,?\s*"
_FULL_WIDTH = str.maketrans("｜＋～；：", "|+~;:")
_QUOTES = {*zip("'\"`“‘„", "'\"`”’“", strict=True)}
_TUPLE = re.compile(rf"\({_NUMBERS}\)|\[{_NUMBERS}\]|{_NUMBERS}")


def numbers(text: str) -> tuple[int, ...] | None:
    """The tuple that a text contains, with or without brackets; None for any other text."""
    if not _TUPLE.fullmatch(text):
        return None
    try:
        return tuple(int(number) for number in re.findall(r"-?[0-9]+", text))
    except ValueError as error:  # thousands of digits
        raise UsageError(f"'{text[:20]}…' is no architecture: {error}") from error


def tidied(text: str, marks: str = "") -> str:
    """A text without quotes around it and blanks around `marks`; full-width signs are plain.

    >>> tidied("' a | b '", "|")
    'a|b'
    """
    plain = text.translate(_FULL_WIDTH).strip()
    if len(plain) > 1 and (plain[0], plain[-1]) in _QUOTES and plain.count(plain[0]) < 3:
        plain = plain[1:-1].strip()
    return re.sub(rf"\s*([{re.escape(marks)}])\s*", r"\1", plain) if marks else plain


def named(decisions: Decisions, arch: Sequence[int]) -> dict[str, Any]:
    """The option taken at every decision, by the decision's name."""
    return {
        name: options[place]
        for (name, options), place in zip(decisions.items(), arch, strict=True)
    }


def written(decisions: Decisions, arch: Sequence[int]) -> str:
    """The architecture as named decisions.

    >>> written({"depth": (1, 2), "act": ("relu", "gelu")}, (1, 0))
    'depth=2,act=relu'
    """
    return ",".join(f"{name}={_text(option)}" for name, option in named(decisions, arch).items())


def parsed(decisions: Decisions, text: str) -> tuple[int, ...]:
    """The architecture of a text with named decisions or a JSON object, in any order.

    Raises ValueError if a decision is missing, given twice or unknown, or has no such option.

    >>> parsed({"depth": (1, 2), "act": ("relu", "gelu")}, "act=relu,depth=2")
    (1, 0)
    """
    values: object = _pairs(decisions, text)
    if text.lstrip().startswith("{"):
        with suppress(ValueError, RecursionError):
            values = json.loads(text, object_pairs_hook=_once)
    example = written(decisions, [0] * len(decisions))
    if not isinstance(values, dict) or set(values) != set(decisions):
        raise ValueError(f"'{text[:200]}' does not name every decision once: write {example}")
    return tuple(
        _place(name, options, values[name], example) for name, options in decisions.items()
    )


def check(decisions: Decisions) -> None:
    """Raise TypeError if decisions are ambiguous, or cannot be written and read again."""
    for name, options in decisions.items():
        if not isinstance(name, str) or not name.isidentifier():
            raise TypeError(f"the decision {name!r} must be named like a variable")
        if isinstance(options, str) or not isinstance(options, Sequence) or not options:
            raise TypeError(f"the decision '{name}' must have a sequence of options: {options!r}")
        texts = [_text(option) for option in options]
        for text in texts:
            if texts.count(text) > 1:
                raise TypeError(f"the decision '{name}' has the option {text} twice")
            if text != text.strip() or _starts(decisions).search(f",{text}"):
                raise TypeError(
                    f"the option {text!r} of '{name}' cannot be written as name=option"
                )


def _starts(decisions: Decisions) -> re.Pattern[str]:
    """A pattern that matches where a decision's name begins in a text."""
    return re.compile(rf"(?:^|,)\s*({'|'.join(map(re.escape, decisions))})\s*=")


def _pairs(decisions: Decisions, text: str) -> dict[str, str] | None:
    first, *parts = _starts(decisions).split(text)
    names, values = parts[::2], parts[1::2]
    if first.strip() or len(set(names)) < len(names):
        return None
    return {name: value.strip() for name, value in zip(names, values, strict=True)}


def _place(name: str, options: Sequence[Any], value: object, example: str) -> int:
    texts = [_text(option) for option in options]
    for same in (_text, str, _number):  # as written, as Python writes it, as a number
        found = [same(option) for option in options]
        if same(value) is not None and same(value) in found:
            return found.index(same(value))
    raise ValueError(f"{name}={_text(value)[:40]} must be one of {', '.join(texts)}: {example}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name twice")
    return dict(pairs)


def _number(option: object) -> float | None:
    if isinstance(option, bool):
        return None
    with suppress(TypeError, ValueError):
        return float(option)  # type: ignore[arg-type]  # which raises for what is none
    return None


def _text(option: object) -> str:
    if isinstance(option, str):
        return option
    try:
        return json.dumps(option)
    except (TypeError, ValueError):
        return str(option)
