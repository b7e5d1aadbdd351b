"""The kinds of plugins by the names of their config groups."""

from __future__ import annotations

from functools import cache
from typing import Any

from nas.registry import Registry


@cache
def registries() -> dict[str, Registry[Any]]:
    """Every registry by its kind; no module of a plugin is imported."""
    from nas.data.registry import SOURCES
    from nas.metric import METRICS
    from nas.proxy import PROXIES
    from nas.ranking import RANKINGS
    from nas.runs.trackers import TRACKERS
    from nas.scoring.executors import EXECUTORS
    from nas.space import SPACES
    from nas.strategy import STRATEGIES

    plugins = (SPACES, PROXIES, STRATEGIES, METRICS, SOURCES, RANKINGS, EXECUTORS, TRACKERS)
    return {registry.kind: registry for registry in plugins}
