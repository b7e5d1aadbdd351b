"""Keys of kept scores: each proxy's key is a hash of everything that its scores depend on."""

from __future__ import annotations

import inspect
import sys
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import nas
from nas.scoring.objective import ProxyObjective

ABOVE = {"api", "cli", "compare", "export", "report", "runs", "searching", "surrogates"}
"""Rooms of `nas` that use the scoring: no score depends on them."""


def keys(objective: ProxyObjective) -> dict[str, str]:
    """The key of every proxy of the objective: a hash of everything that its scores depend on.

    The device does not count, because a score is the same on every device. The sources of whole
    packages count: after a change of one line all scores are computed again.
    """
    shared = [
        *(repr(objective.space), _source(type(objective.space)), objective.batch.digest()),
        *(str(objective.batch.seed), str(objective.seed), str(objective.repeats)),
        *(_core(), version("torch"), version("numpy")),
    ]
    return {
        name: _digest(*shared, _source(type(proxy)), repr(sorted(vars(proxy).items())))
        for name, proxy in objective.named.items()
    }


def _digest(*parts: str) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()[:16]


@cache
def _core() -> str:
    """A hash of the rooms of `nas` that scores depend on."""
    here = Path(nas.__file__).parent
    files = here.rglob("*.py")
    return _digest(*(_text(path) for path in sorted(files) if not _above(path, here)))


def _above(path: Path, here: Path) -> bool:
    return path.relative_to(here).with_suffix("").parts[0] in ABOVE


def _source(plugin: type) -> str:
    """A plugin's name and a hash of its package, or else of its file and the `_*.py` beside it."""
    try:
        file = Path(inspect.getfile(plugin))
    except (OSError, TypeError):  # typed in an interactive session
        return plugin.__qualname__
    top = sys.modules.get(plugin.__module__.partition(".")[0])
    folders = [Path(place) for place in getattr(top, "__path__", ())]
    inside = [folder for folder in folders if file.is_relative_to(folder)]
    files = inside[0].rglob("*.py") if inside else [file, *file.parent.glob("_*.py")]
    return plugin.__qualname__ + _digest(*(_text(path) for path in sorted(files)))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
