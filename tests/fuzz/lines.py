"""Random command lines: pieces put together at random, and true lines with something changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import numpy as np
import pytest

from tests.support.command_line import SMALL, nas, snapshot
from tests.support.image_files import pixels
from tests.support.tables import NAMES, plain

PIECES = (
    *("out", "seed", "budget", "json", "~", "+", "++", "=", "[", "]", "{", "}", ",", ":", "'"),
    *('"', "space", "proxy", "hydra", ".", "./", "@", "null", "0.1", "-1", "???", "${x}", "\\"),
    *(
        "${oc.env:NOTHING}",
        "\n",
        "\t",
        " ",
        "é",
        "-m",
        "--cfg",
        "job",
        "all",
        "--info",
        "-c",
        "-p",
    ),
    *("--hydra-help", "-sc", "install=bash", "--resolve", "--config-name", "--config-path", "-h"),
    *("choice(1,2)", "range(", "glob(*)", "sort(", "_target_", "a" * 300, "defaults", "--"),
    *("--package", "--config-dir", "\ud800", "\0", "~nobody1/x", "1e400", "9" * 4400, "0x10"),
)
"""Parts of words that mean something to a shell, to Hydra, to YAML or to us."""

VALUES = (
    *("0", "-1", "1.5", "nan", "inf", "1e400", "9" * 30, "9" * 4400, "null", "true", "''", "[]"),
    *("{}", "[1,2]", "{a: 1}", "[[[]]]", "${seed}", "${nothing}", "???", "a" * 300, "é", "\\\\"),
    *("/dev/null", "/dev/zero", "/dev/null/x", ".", "..", "run", "run/history.jsonl", "a.csv"),
    *("~nobody1/x", "a\nb", "'a,b'", "1_000", "0b1", "2020-01-01", "yes", "!!str x", "epsilon"),
)
"""What may stand behind an equals sign."""

LINES = (
    ("search", "proxy=params", "strategy=random", "budget=2", "block=1", "finals=none", *SMALL),
    ("search", "proxy=params", "budget=2", "strategy.population=2", "finals=none"),
    ("search", "proxy=[flops,params]", "ranking=rank_sum", "budget=2", "finals=none"),
    ("search", "proxy=naswot", "batch=noise", "finals.size=2", "budget=2", *SMALL),
    ("search", "proxy=params", "batch=images", "batch.path=a.npz", "batch.size=2", "budget=1"),
    ("score", "1,2,3,4,0,1", "proxy=params", "repeats=1", "metrics=[params]", *SMALL),
    ("score", "archs=archs.txt", "proxy=params", "json=true", *SMALL),
    ("report", "run", "json=true"),
    ("report", "run"),
    ("list", "data_dir=."),
    ("list",),
    ("convert", "a.csv", "space=nasbench201", "arch=arch", "columns={acc: acc}"),
    ("new", "space", "mine", "out=plugin"),
    ("new", "proxy", "mine"),
    ("compare", "table=a.csv", "proxy=params", "target=acc", "sample=10", "pictures=false"),
)
"""True command lines, each of which is quick."""

SENTENCE = re.compile(r"nas: [^\n]+\n\Z")


@contextmanager
def workplace(folder: Path) -> Iterator[Path]:
    """A new current folder inside `folder` with what the lines name."""
    inner = folder / "inner"  # so that out=.. writes into `folder`
    inner.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(inner)
        patch.setenv("NAS_DATA", str(folder / "data"))  # nobody's own tables are written to
        plain(inner / "a.csv")
        np.savez(inner / "a.npz", images=pixels(4))
        (inner / "archs.txt").write_text("\n".join(NAMES[:2]), encoding="utf-8")
        done = nas("search", "out=run", "proxy=params", "strategy=random", "budget=3", *SMALL)
        assert done.code == 0, done.err
        yield inner


def random_line(draw: Random) -> list[str]:
    """One to three words that are no line of anybody."""
    command = draw.choice(("list", "report", "convert", "new", "score", "search"))
    words = [
        "".join(draw.choices(PIECES, k=draw.randint(1, 4))) for _ in range(draw.randint(1, 3))
    ]
    # no search begins: its defaults are larger than a test
    return [command, *words, *([] if command in ("list", "report", "new") else ["device=none"])]


def changed_line(draw: Random) -> list[str]:
    """A true line with one to three words changed, put in or left out."""
    words = list(draw.choice(LINES))
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        place = draw.randrange(1, len(words) + 1)
        word = words[place] if place < len(words) else draw.choice(("seed=1", "out=x", "-m"))
        name, equals, _value = word.partition("=")
        change = draw.randrange(6)
        if change < 3 and equals:
            words[place : place + 1] = [f"{name}={draw.choice(VALUES)}"]
        elif change == 3:
            words[place : place + 1] = []
        elif change == 4:
            words.insert(place, draw.choice(("+", "~", "++", "")) + word)
        else:
            cut = draw.randrange(len(word) + 1)
            words[place : place + 1] = [word[:cut] + draw.choice(PIECES) + word[cut:]]
    return words


def attempt(seed: int, inner: Path) -> str:
    """Call a line in a `workplace`: "done", "no score" or "refused", else AssertionError.

    The folder is afterwards as it was.
    """
    draw = Random(f"line {seed}")
    line = changed_line(draw) if seed % 4 else random_line(draw)
    before = snapshot(inner.parent)
    try:
        done = nas(*line)
        assert done.code in (0, 1, 2), line
        assert "Traceback" not in done.err, line
        if done.code == 2:
            assert SENTENCE.search(done.err), (line, done.err)
            assert snapshot(inner.parent) == before, line
        return ("done", "no score", "refused")[done.code]
    finally:
        _tidy(inner.parent, before)


def _tidy(folder: Path, before: dict[Path, tuple[int, bytes] | None]) -> None:
    """Remove what was not there before, and put back what was changed."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path not in before:
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    for path, found in before.items():
        if found is not None and (not path.exists() or path.read_bytes() != found[1]):
            path.write_bytes(found[1])
