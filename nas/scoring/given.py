"""An objective of what a person gives in Python: objects, or names of plugins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from nas.batch import Batch
from nas.data.registry import SOURCES
from nas.errors import UsageError
from nas.proxy import PROXIES, Proxy
from nas.scoring.objective import ProxyObjective
from nas.space import SPACES, Space

Proxies = Proxy | str | Sequence[Proxy | str] | Mapping[str, Proxy | str]
"""A proxy, its name, the names of several, or several by name."""


def objective_of(
    space: Space | str, proxy: Proxies, batch: Batch | None, seed: int, live: bool
) -> ProxyObjective:
    """The objective; a name means the plugin with its default options, None the natural input.

    Raises UsageError for what is neither a plugin nor the name of one.
    """
    there = SPACES.build(space) if isinstance(space, str) else space
    if not isinstance(there, Space):
        raise UsageError(f"space={there!r:.80} must be a name or an instance of a Space")
    if batch is None:
        batch = SOURCES.build("natural", there)
    if isinstance(proxy, Proxy | str):
        return ProxyObjective(there, _built(proxy), batch, seed, live=live)
    if not isinstance(proxy, Mapping):
        names = [*proxy] if isinstance(proxy, Iterable) and not isinstance(proxy, type) else []
        labels = [each if isinstance(each, str) else type(each).__name__ for each in names]
        if twice := [label for label in labels if labels.count(label) > 1]:
            raise UsageError(f"{twice[0]} is there twice: give the proxies by name, as a mapping")
        proxy = dict(zip(labels, names, strict=True))
    if not proxy:
        raise UsageError("proxy= must be a proxy, its name, or several of them")
    named = {name: _built(each) for name, each in proxy.items()}
    return ProxyObjective(there, named, batch, seed, live=live)


def _built(proxy: Proxy | str) -> Proxy:
    made = PROXIES.build(proxy) if isinstance(proxy, str) else proxy
    if not isinstance(made, Proxy):
        raise UsageError(f"{made!r:.80} must be a name or an instance of a Proxy")
    return made
