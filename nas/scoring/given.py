"""An objective of what a person gives in Python: objects, or names of plugins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeGuard

from nas.batch import Batch
from nas.data.registry import SOURCES
from nas.errors import UsageError
from nas.proxy import PROXIES, Proxy, ScoreFunction, class_of, title
from nas.scoring.objective import ProxyObjective
from nas.space import SPACES, Space

One = Proxy | str | ScoreFunction
"""A proxy, its name, or a function that scores."""
Proxies = One | Sequence[One] | Mapping[str, One]
"""A proxy, several in a sequence, or several by name."""


def objective_of(
    space: Space | str, proxy: Proxies, batch: Batch | None, seed: int, live: bool
) -> ProxyObjective:
    """The objective; a name means the plugin with its default options, None the natural input.

    Raises UsageError for what is neither a plugin nor the name of one.
    """
    there = space_of(space)
    if batch is None:
        batch = SOURCES.build("natural", there)
    if isinstance(proxy, Proxy | str) or is_function(proxy):
        return ProxyObjective(there, built(proxy), batch, seed, live=live)
    proxy = named(proxy)
    if not proxy:
        raise UsageError("proxy= must be a proxy, its name, or several of them")
    several = {name: built(each) for name, each in proxy.items()}
    return ProxyObjective(there, several, batch, seed, live=live)


def space_of(space: Space | str) -> Space:
    """The space itself, or the one of this name with its default options."""
    there = SPACES.build(space) if isinstance(space, str) else space
    if not isinstance(there, Space):
        raise UsageError(f"space={there!r:.80} must be a name or an instance of a Space")
    return there


def named(proxies: object) -> Mapping[str, One]:
    """Several proxies by name; raises UsageError if two have the same name."""
    if isinstance(proxies, Mapping):
        return proxies
    given = [*proxies] if isinstance(proxies, Iterable) and not isinstance(proxies, type) else []
    labels = [_label(each) for each in given]
    if twice := [label for label in labels if labels.count(label) > 1]:
        raise UsageError(f"{twice[0]} is there twice: give the proxies by name, as a mapping")
    return dict(zip(labels, given, strict=True))


def _label(proxy: object) -> str:
    if isinstance(proxy, str):
        return proxy
    return title(proxy) if is_function(proxy) else type(proxy).__name__


def is_function(proxy: object) -> TypeGuard[ScoreFunction]:
    """Whether a proxy is given as a function, or as another object that is called."""
    return callable(proxy) and not isinstance(proxy, type | Proxy)


def built(proxy: object) -> Proxy:
    """The proxy of a name or a function, or the one that is given; raises UsageError for none."""
    made = PROXIES.build(proxy) if isinstance(proxy, str) else proxy
    if is_function(made):
        try:
            made = class_of(made)()
        except (TypeError, ValueError) as error:  # another signature, or none
            raise UsageError(str(error)) from error
    if not isinstance(made, Proxy):
        raise UsageError(f"{made!r:.80} must be a name, a function or an instance of a Proxy")
    return made
