"""The entries of a record for what Python gave: plain values under the names of `nas search`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from nas.arch import CACHED
from nas.proxy import PROXIES
from nas.registry import Registry
from nas.scoring.executors import Executor
from nas.scoring.keys import keys
from nas.scoring.objective import Objective, ProxyObjective
from nas.searching.judging import Judging
from nas.space import SPACES, Space


def space_entry(space: Space) -> dict[str, Any]:
    """Its registered name and options, if they make it again; else its module and class."""
    name = name_of(SPACES, space)
    own = {key: value for key, value in vars(space).items() if key not in CACHED}
    try:
        plain = json.loads(json.dumps(own))
        if name in SPACES and repr(SPACES.build(name, **plain)) == repr(space):
            return {"name": name, **plain}
    except (TypeError, ValueError):
        pass  # options that are no plain values
    return {"name": f"{type(space).__module__}.{type(space).__qualname__}"}


def proxies_entry(objective: Objective) -> dict[str, Any]:
    if not isinstance(objective, ProxyObjective):
        return {"name": name_of(None, objective)}
    names = {label: name_of(PROXIES, proxy) for label, proxy in objective.named.items()}
    if not isinstance(objective.proxies, Mapping):
        return {"name": names[""]}
    return {"name": "several", **{label: {"name": name} for label, name in names.items()}}


def name_of(registry: Registry[Any] | None, thing: object) -> str:
    """The registered name of a thing's class, or the class's own."""
    known = {} if registry is None else registry
    return next((n for n in known if known[n] is type(thing)), type(thing).__qualname__)


def keys_entry(objective: Objective) -> dict[str, str]:
    """The keys of the scores by proxy; a single one has no name there.

    Of an objective that is no proxy its name.
    """
    if not isinstance(objective, ProxyObjective):
        return {"objective": name_of(None, objective)}
    return {name or "proxy": key for name, key in keys(objective).items()}


def executor_entry(executor: Executor) -> dict[str, str]:
    return {"name": getattr(executor, "__name__", type(executor).__name__)}


def function_name(registry: Registry[Any], made: object) -> str:
    """The registered name of a function, whose options may be fixed."""
    if isinstance(made, Judging):
        made = made.ranking
    bare = made.func if isinstance(made, partial) else made
    return next((name for name in registry if registry[name] is bare), repr(bare))
