"""The entries of a record for what Python gave: plain values under the names of `nas search`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from nas.arch import CACHED
from nas.metric import METRICS
from nas.metrics.table import is_column
from nas.proxy import PROXIES
from nas.registry import Registry
from nas.runs.folder import OWN_FIGURES
from nas.runs.summary import Question
from nas.scoring.executors import Executor
from nas.scoring.keys import keys
from nas.scoring.objective import Objective, ProxyObjective
from nas.searching.judging import Aims, Judging
from nas.space import SPACES, Space

if TYPE_CHECKING:
    from nas.data.lookup import Column


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


def figures_entry(objective: Objective, aims: Aims, table: Column | None) -> dict[str, Any]:
    """The metrics that `nas report` can name: registered ones, and columns of the table.

    Under `OWN_FIGURES` those that objectives and constraints name and that it cannot.
    """
    scoring = objective if isinstance(objective, ProxyObjective) else None
    metrics = [
        name
        for name, metric in (() if scoring is None else scoring.measures.items())
        if name in METRICS or is_column(metric, name, table)
    ]
    scores = [] if scoring is None else [aims.score, *scoring.named]
    own = [name for name in aims.names if name not in {*metrics, *METRICS, *scores}]
    return {"metrics": metrics, **({OWN_FIGURES: own} if own else {})}


def executor_entry(executor: Executor) -> dict[str, str]:
    return {"name": getattr(executor, "__name__", type(executor).__name__)}


def function_name(registry: Registry[Any], made: object) -> str:
    """The registered name of a function, whose options may be fixed."""
    if isinstance(made, Judging):
        made = made.ranking
    bare = made.func if isinstance(made, partial) else made
    return next((name for name in registry if registry[name] is bare), repr(bare))


def asked(record: Mapping[str, Any]) -> Question:
    """What a search has to find, from its record."""
    proxy = record["proxy"]
    several = [name for name, each in proxy.items() if isinstance(each, Mapping)]
    names = {kind: record[kind]["name"] for kind in ("space", "strategy", "batch", "ranking")}
    rest = ("seed", "repeats", "block", "live", "budget", "count", "timeout", "patience")
    label = " + ".join(several) or proxy["name"]
    return Question(
        proxy=label,
        move=record.get("move"),
        objective=tuple(record.get("objective") or ()),
        constraints=tuple(record.get("constraints") or ()),
        **names,
        **{name: record[name] for name in rest},
    )
