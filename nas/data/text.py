"""Real text from a file, as tokens."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from io import BufferedReader, TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any

from nas.errors import UsageError
from nas.storage.reading import MARKS, opened

END = "<eos>"
"""The token after every line."""
PIECE = 2**20
"""Characters that are read at once: a line may be as long as the file."""


def read(path: Path, count: int | None) -> list[int]:
    """The first `count` tokens (None: all) of a text file, plain or gzipped (.gz).

    Every line is split at white space, and `<eos>` follows each line; an empty line gives only
    `<eos>`. Tokens are numbered in the order in which they first occur. Raises UsageError if the
    file is not text or has fewer tokens.
    """
    numbers: dict[str, int] = {}
    try:
        tokens = [numbers.setdefault(word, len(numbers)) for word in islice(_words(path), count)]
    except UnicodeError as error:
        raise UsageError(f"{path} is no text in UTF-8 or UTF-16: save it in UTF-8") from error
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{path} cannot be read: {reason}") from error
    if count is not None and len(tokens) < count:
        raise UsageError(
            f"{path} holds {len(tokens):,} tokens, and the batch needs {count:,}: take a smaller "
            "batch.size"
        )
    return tokens


def _decoded(stream: BufferedReader[Any]) -> TextIOWrapper:
    """The text of a stream, in UTF-8 or in what its byte-order mark tells; any line ends."""
    start = stream.peek(4)
    encoding = next((name for mark, name in MARKS.items() if start.startswith(mark)), "utf-8")
    return TextIOWrapper(stream, encoding=encoding)


def _words(path: Path) -> Iterator[str]:
    packing = "gz" if path.suffix == ".gz" else ""
    with opened(path, packing) as stream, _decoded(stream) as lines:
        rest, inside = "", False  # a word that may go on, of a line whose end is still to come
        while piece := lines.readline(PIECE):
            if "\0" in piece:
                raise UsageError(f"{path} is no text: it has a zero byte")
            words = (rest + piece).split()
            inside = not piece.endswith("\n")
            rest = words.pop() if words and not piece[-1].isspace() else ""
            if len(rest) > PIECE:
                raise UsageError(f"{path} is no text: it has a word of over {PIECE:,} characters")
            yield from words
            if not inside:
                yield END
        if rest:
            yield rest
        if inside:
            yield END
