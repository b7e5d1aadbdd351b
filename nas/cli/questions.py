"""What a search has to find, from its settings: the present ones, or those in its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nas.cli.settings import SearchSettings, typed
from nas.errors import UsageError
from nas.runs.folder import OWN, OWN_FIGURES
from nas.runs.summary import Question
from nas.scoring.objective import METRICS_SHOWN
from nas.searching.loop import GIVE_UP
from nas.searching.warmup import WarmUp
from nas.space import SPACES

ADDED = {
    "metrics": [*METRICS_SHOWN],
    "give_up": GIVE_UP,
    "count": "trials",
    "timeout": None,
    "patience": None,
    "strict": False,
    "live": False,
    "finals": {"name": "none"},
    "warmup": {"size": 0, "proxy": WarmUp.proxy, "keep": None},
    "move": None,
    "metric": {},
    "objective": None,
    "constraints": [],
    "reference": None,
    "surrogate": None,
    "table": None,
    "target": None,
    "duplicates": "error",
    "foreign": "error",
    "data_dir": None,
    "tracker": {"name": "none"},
}
"""Values that searches used before these options existed."""

OPTIONS_ADDED = {("strategy", "evolution"): {"survival": "ageing"}}
"""The same for options of plugins."""


def question(settings: SearchSettings, warmup: Mapping[str, Any] | None = None) -> Question:
    """The question of a search with these settings, and what came of its warm-up."""
    return Question(
        space=settings.space.name,
        proxy=settings.proxy.label,
        strategy=settings.strategy.name,
        batch=settings.batch.name,
        ranking=settings.ranking.name,
        seed=settings.seed,
        repeats=settings.repeats,
        block=settings.block,
        budget=settings.budget,
        count=settings.count,
        timeout=settings.timeout,
        patience=settings.patience,
        live=settings.live,
        warmup=warmup,
        move=settings.move,
        objective=settings.objective,
        constraints=settings.constraints,
        reference=settings.reference,
    )


def recorded(record: Mapping[str, Any], file: Path) -> SearchSettings:
    """The settings in a search's folder; raises UsageError if they are not from a search."""
    if OWN in record and not record.get("metrics"):  # of an objective that is no proxy
        return replace(recorded({**record, "metrics": [*METRICS_SHOWN]}, file), metrics=())
    try:
        return typed(SearchSettings, {**ADDED, **_with_options(_renamed(record))})
    except (KeyError, TypeError, AttributeError):
        raise UsageError(f"{file} is not the config of a search") from None


def _renamed(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The record with the present names: in format 1 `give_up` was called patience."""
    if "give_up" in record:
        return record
    return {**record, "give_up": record.get("patience", GIVE_UP), "patience": None}


def _with_options(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The record with the options that plugins of ours got later, as they were before."""
    whole = dict(record)
    for (kind, name), options in OPTIONS_ADDED.items():
        if record[kind]["name"] == name:
            whole[kind] = {**options, **record[kind]}
    return whole


def is_of_program(record: Mapping[str, Any]) -> bool:
    """Whether only the program that searched knows the space, or a figure that is looked for."""
    own = OWN in record and record["space"]["name"] not in SPACES
    return own or bool(record.get(OWN_FIGURES))


def completed(record: Mapping[str, Any], file: Path) -> Mapping[str, Any]:
    """The record of a search's folder, with the settings that earlier formats lack."""
    return recorded(record, file).record
