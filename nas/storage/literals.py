"""Literals of Python and JSON as plain values, read without running anything."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

LONGEST = 100_000
"""Most characters of a literal."""
TOKEN = re.compile(
    r"""\s*+(?:
        (?P<text>'[^'"\\\n]*+'|"[^'"\\\n]*+")
      | (?P<value>-?\d++(?:\.\d++)?+(?:[eE][+-]?\d++)?+|(?:True|False|None|true|false|null)\b)
      | (?P<mark>[][(){},:])
    )\s*+""",
    re.VERBOSE,
)
VALUES = {"True": "true", "False": "false", "None": "null"}


def literal(text: str) -> Any:
    """The lists, mappings, texts and numbers that a text writes, in Python's way or as JSON.

    A tuple becomes a list. None where the text writes anything else.

    >>> literal("{'ops': ('input', 'output'), \\"matrix\\": [[0, 1,], [0, 0]]}")
    {'ops': ['input', 'output'], 'matrix': [[0, 1], [0, 0]]}
    >>> literal("__import__('os')") is None
    True
    """
    pieces: list[str] = []
    place = 0
    while place < len(text):
        token = TOKEN.match(text, place)
        if token is None or len(text) > LONGEST:
            return None
        place = token.end()
        piece = token[token.lastgroup or 0]
        if token.lastgroup == "text":
            piece = json.dumps(piece[1:-1])
        elif token.lastgroup == "mark":
            piece = piece.replace("(", "[").replace(")", "]")
            if piece in "]}" and pieces[-1:] == [","]:
                pieces.pop()
        pieces.append(VALUES.get(piece, piece))
    try:
        return json.loads(" ".join(pieces))
    except (ValueError, RecursionError):
        return None


def text_of(given: object) -> str:
    """An object as a literal: lists, mappings, named tuples, arrays, and cells with `ops`.

    A text stays as it is. TypeError for any other object.

    >>> text_of(((0, 1), {"a": None}))
    '[[0, 1], {"a": null}]'
    """
    if isinstance(given, str):
        return given
    if isinstance(given, tuple) and hasattr(given, "_fields"):  # a genotype
        return repr(given)
    return json.dumps(given, default=_plain, ensure_ascii=False)


def _plain(given: Any) -> Any:
    """An object of another library as plain values; TypeError for one that is unknown."""
    if hasattr(given, "tolist"):
        return given.tolist()
    if isinstance(given, Mapping):
        return dict(given)
    if isinstance(given, range):
        return list(given)
    if hasattr(given, "get_dictionary"):  # of ConfigSpace
        return given.get_dictionary()
    if hasattr(given, "matrix") and hasattr(given, "ops"):  # of NAS-Bench-101
        return {"matrix": given.matrix, "ops": given.ops}
    raise TypeError(f"{type(given).__name__} is no literal")
