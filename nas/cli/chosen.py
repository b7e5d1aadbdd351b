"""The plugins that a config names: one plugin, or several proxies under one option."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nas.errors import UsageError
from nas.registry.options import Choice

SEVERAL = "several"
"""Name of the config that proxy=[one,other] uses."""


@dataclass(frozen=True)
class Proxies:
    """The proxies that `proxy=` names."""

    name: str
    """Name of the config: of one proxy, of a combination, or `several`."""
    members: Mapping[str, Choice]
    """The proxies by name, also those in combinations; only one if `together` is false."""
    together: bool = False
    """Whether they count as several; this is true even for a list of one proxy."""
    combinations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """With `several`: the names of the proxies in each combination of the list."""
    rankings: Mapping[str, Choice] = field(default_factory=dict)
    """With `several`: the ranking of each combination that says one in its config."""
    parts: tuple[str, ...] = ()
    """With `several`: the names in the list; a combination has one name."""

    def within(self, combination: str) -> Proxies:
        """The proxies of a combination in the list, alone."""
        members = {part: self.members[part] for part in self.combinations[combination]}
        return Proxies(combination, members, together=True)

    @property
    def label(self) -> str:
        """The name as it is shown; for proxy=[one,other] it is the names of all."""
        return " + ".join(self.parts) if self.name == SEVERAL else self.name


def chosen(key: str, value: Any) -> Choice:
    """The plugin that a config names; UsageError where it names none."""
    _name(key, value)
    options = {str(option): content for option, content in value.items() if option != "name"}
    return Choice(str(value["name"]), options)


def space_words(space: Choice) -> list[str]:
    """A space as it is typed: its name, and those of its options that are not the defaults."""
    from nas.space import SPACES

    usual = {name: json.dumps(value) for name, value in SPACES.defaults(space.name).items()}
    given = {name: json.dumps(value) for name, value in space.options.items()}
    own = [f"space.{name}={value}" for name, value in given.items() if value != usual.get(name)]
    return [f"space={space.name}", *own]


def proxies(key: str, value: Any) -> Proxies:
    """The proxies that a config names, or whose configs it contains.

    If it contains the config of a combination, the proxies of the combination count.
    """
    name, inside = _name(key, value), _members(value)
    if name == SEVERAL and (lost := {*value} - {*inside, "name"}):
        other = min(lost)
        raise UsageError(
            f"the config proxy/{other}.yaml does not say whose it is: add name: {other}"
        )
    if not inside and name == SEVERAL:
        raise UsageError("proxy=several is what proxy=[one,other] stands for: write that")
    if not inside:
        return Proxies(name, {name: chosen(key, value)})
    members: dict[str, Choice] = {}
    combinations, rankings = {}, {}
    for part, config in inside.items():
        found = proxies(key, config)
        inner = found.members if found.together else {part: found.members[found.name]}
        for other, choice in inner.items():
            if members.setdefault(other, choice) != choice:
                raise UsageError(
                    f"the proxy {other} is there twice with different options: give one of them "
                    f"another name, +proxy@proxy.NAME={choice.name}"
                )
        if found.together:
            combinations[part] = tuple(_members(config))
            if "ranking" in config:
                options = {**config["ranking"]}
                rankings[part] = Choice(str(options.pop("of")), options)
    return Proxies(name, members, True, combinations, rankings, tuple(inside))


def _name(key: str, value: Any) -> str:
    """The name in a config; UsageError where it is a list, a mapping or not there."""
    name = value.get("name") if isinstance(value, Mapping) else None
    if name is None or isinstance(name, list | Mapping):
        raise UsageError(f"{key}={value} must be the name of a {key}, or a config with name:")
    return str(name)


def _members(config: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The configs of proxies inside a config, by name."""
    return {
        name: member
        for name, member in config.items()
        if isinstance(member, Mapping) and "name" in member
    }
