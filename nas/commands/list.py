"""`nas list`: the spaces, proxies and strategies there are, and where they come from."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nas.composition import run_hydra
from nas.proxy import PROXIES
from nas.registry import Registry
from nas.space import SPACES
from nas.strategy import STRATEGIES


def main(argv: Sequence[str]) -> None:
    """Print every registered plugin with the first line of its docstring and its source."""

    def task(_: Mapping[str, Any]) -> None:
        blocks = [
            _block("spaces", SPACES),
            _block("proxies", PROXIES),
            _block("strategies", STRATEGIES),
        ]
        print("\n\n".join(blocks))

    run_hydra("list", task, argv)


def _block(title: str, registry: Registry[Any]) -> str:
    width = max(len(name) for name in registry)
    lines = [title]
    for name, plugin in registry.items():
        summary = (inspect.getdoc(plugin) or "").partition("\n")[0]
        lines.append(f"  {name:<{width}}  {summary}")
        lines.append(f"  {'':<{width}}  from {source(plugin)}")
    return "\n".join(lines)


def source(plugin: type) -> str:
    """The distribution that a plugin comes from, and its file there."""
    path = Path(inspect.getfile(plugin))
    return f"epsilon-nas {version('epsilon-nas')}, {path.parent.name}/{path.name}"
