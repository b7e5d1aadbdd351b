"""Real text from a file, as tokens."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from nas.errors import UsageError

END = "<eos>"
"""The token after every line."""


def read(path: Path, count: int) -> list[int]:
    """The first `count` tokens of a text file, plain or gzipped (.gz).

    Every line is split at white space, and `<eos>` follows each line; an empty line gives only
    `<eos>`. Tokens are numbered in the order in which they first occur. Raises UsageError if the
    file is not text or has fewer tokens.
    """
    numbers: dict[str, int] = {}
    try:
        tokens = [numbers.setdefault(word, len(numbers)) for word in islice(_words(path), count)]
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no text in UTF-8") from error
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{path} cannot be read: {reason}") from error
    if len(tokens) < count:
        raise UsageError(
            f"{path} holds {len(tokens):,} tokens, and the batch needs {count:,}: take a smaller "
            "batch.size"
        )
    return tokens


def _words(path: Path) -> Iterator[str]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if "\0" in line:
                raise UsageError(f"{path} is no text: it has a zero byte")
            yield from line.split()
            yield END
