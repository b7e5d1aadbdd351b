"""Variants: searches that differ in nothing but their seeds are of one variant."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nas.runs.truth import DIGESTS

CONTENT = {DIGESTS: "what their tables hold", "inputs_sha256": "their input files"}
"""What a record has beside the options: the content of files."""
APART = ("seed", "out", "device", "executor", "strict", "give_up", *CONTENT)
"""What makes no variant: searches that differ only in these are of one variant."""
SCALE = (
    *("space", "proxy", "objective", "ranking", "batch", "repeats", "live", "table", "target"),
    *CONTENT,
)
"""What scores depend on: where one differs, scores do not compare."""
SEVERAL = "several"
"""The name that a record has for a list of proxies."""

Record = Mapping[str, Any]


def variants(records: Sequence[Record]) -> list[str]:
    """The name of every search's variant: the settings that differ, as on the command line.

    >>> variants([{"seed": 0, "budget": 10}, {"seed": 1, "budget": 10}, {"seed": 0, "budget": 20}])
    ['budget=10', 'budget=10', 'budget=20']
    """
    flats = [flat(record) for record in records]
    several = _different(records, flats)
    if not several:
        return [_only(each) for each in flats]
    whole = [_written(each, several) for each in flats]
    short = [_written(each, several, empty=False) for each in flats]
    if len({*short}) == len({*whole}) and all(short):
        return short
    return whole


def _only(settings: Record) -> str:
    """The name of the one variant that there is: its strategy."""
    strategy = settings.get("strategy")
    return "the search" if strategy is None else f"strategy={_text(strategy)}"


def flat(record: Record, prefix: str = "") -> dict[str, Any]:
    """The settings by their names on the command line; `group.name` is called `group`.

    >>> flat({"warmup": {"size": 0, "proxy": "epsilon"}, "proxy": {"name": "params"}})
    {'warmup': 0, 'proxy': 'params'}
    """
    found: dict[str, Any] = {}
    for key, value in record.items():
        name = f"{prefix}{key}"
        if name in APART:
            continue
        if not isinstance(value, Mapping):
            found[name] = value
        elif name == "warmup":
            found |= _warmup(value)
        elif value.get("name") == SEVERAL:
            found |= _several(name, value)
        else:
            own = {name: value["name"]} if "name" in value else {}
            found |= own | flat({k: v for k, v in value.items() if k != "name"}, f"{name}.")
    return found


def _warmup(value: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a warm-up; one of size 0 has no proxy."""
    size = value.get("size") or 0
    rest = flat({k: v for k, v in value.items() if k != "size"}, "warmup.") if size else {}
    return {"warmup": size, **rest}


def _several(name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """A list of proxies with their options; one that has a name of its own says of what kind."""
    members = [key for key, each in value.items() if isinstance(each, Mapping)]
    rest = flat({k: v for k, v in value.items() if k != "name"}, f"{name}.")
    alike = {f"{name}.{key}": key for key in members}
    kept = {key: each for key, each in rest.items() if alike.get(key) != each}
    return {name: members, **kept}


def comparable(records: Iterable[Record], settings: Sequence[str] = SCALE) -> str:
    """The first setting that makes figures of these searches incomparable; empty if none."""
    known: dict[str, Any] = {}
    for record in records:
        for name in settings:
            if known.setdefault(name, record.get(name)) != record.get(name):
                return CONTENT.get(name, name)
    return ""


def _different(records: Sequence[Record], flats: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of the settings that differ, in the order of the record."""
    names = list(dict.fromkeys(name for each in flats for name in each))
    found = {
        name for name in names if len({_text(each[name]) for each in flats if name in each}) > 1
    }
    for top in dict.fromkeys(key for record in records for key in record if key not in APART):
        mixed = len({_text(flat({top: record.get(top)})) for record in records}) > 1
        if mixed and not any(name.split(".")[0] == top for name in found):
            found |= {name for name in names if name.split(".")[0] == top}
    if "warmup" in found:
        found.add("warmup.proxy")  # a warm-up by nothing says little
    return [name for name in names if name in found]


def _written(settings: Mapping[str, Any], names: Sequence[str], empty: bool = True) -> str:
    """The named settings as words; `empty`: those that are null, too."""
    shown = [name for name in names if name in settings]
    return " ".join(
        f"{name}={_text(settings[name])}" for name in shown if empty or settings[name] is not None
    )


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_text, value))}]"
    return json.dumps(value)
