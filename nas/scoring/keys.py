"""Keys of kept scores: each proxy's key is a hash of everything that its scores depend on."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

import nas
from nas.metric import Metric
from nas.proxy import Proxy
from nas.scoring.objective import ProxyObjective

ABOVE = {
    *("api", "cli", "compare", "drawing", "exporting", "report", "runs", "searching", "study"),
    "testing",
}
"""Rooms of `nas` that use the scoring: no score depends on them."""


def keys(objective: ProxyObjective) -> dict[str, str]:
    """The key of every proxy of the objective: a hash of everything that its scores depend on.

    The device does not count, because a score is the same on every device. The sources of whole
    packages count: after a change of one line all scores are computed again.
    """
    shared = [
        *(repr(objective.space), *map(_source, _own_classes(type(objective.space)))),
        objective.batch.digest(),
        *(str(objective.seed), str(objective.repeats), str(objective.live)),
        *(_core(), version("torch"), version("numpy")),
    ]
    return {
        name: _digest(*shared, *map(_source, _classes(proxy)), _text_of(vars(proxy)))
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


def _classes(proxy: Proxy) -> list[type]:
    """The proxy's own classes, and those of a metric that it is made of."""
    metrics = [type(held) for held in vars(proxy).values() if isinstance(held, Metric)]
    return [each for kind in (type(proxy), *metrics) for each in _own_classes(kind)]


def _own_classes(plugin: type) -> list[type]:
    """The plugin's class and those that it inherits from, but for those of `nas` and Python."""
    foreign = ("builtins", "abc", "typing", "nas")
    return [c for c in plugin.__mro__ if c.__module__.partition(".")[0] not in foreign]


def _text_of(value: object) -> str:
    """A value as text: equal for equal values, in every process; a tensor by all its entries."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{value.shape}{sha256(value.tobytes()).hexdigest()}"
    if isinstance(value, Mapping):
        parts = sorted(f"{_text_of(key)}: {_text_of(each)}" for key, each in value.items())
        return f"{{{', '.join(parts)}}}"
    if isinstance(value, list | tuple | set | frozenset):
        parts = [_text_of(each) for each in value]
        ordered = sorted(parts) if isinstance(value, set | frozenset) else parts
        return f"[{', '.join(ordered)}]"
    if type(value).__repr__ is object.__repr__ and hasattr(value, "__dict__"):  # with an address
        return f"{type(value).__qualname__}{_text_of(vars(value))}"
    if isinstance(value, Callable) and hasattr(value, "__qualname__"):  # type: ignore[arg-type]
        return f"{value.__module__}.{value.__qualname__}"
    return repr(value)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
