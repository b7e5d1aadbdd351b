"""Plugins as a config names them: one, or several proxies in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nas.errors import UsageError
from nas.registry.options import Choice

SEVERAL = "several"
"""The config that proxy=[one,other] stands for."""


@dataclass(frozen=True)
class Proxies:
    """The proxies that `proxy=` names."""

    name: str
    """Of the config: one proxy's, a combination's, or `several`."""
    members: Mapping[str, Choice]
    """By name, those within combinations too; one where `together` is false."""
    together: bool = False
    """Whether they are several, however many are listed."""
    combinations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The names in each combination that is one of several."""
    parts: tuple[str, ...] = ()
    """What `several` lists, combinations by their own names."""

    @property
    def label(self) -> str:
        """The name as it is shown: of proxy=[one,other] the names of all."""
        return " + ".join(self.parts) if self.name == SEVERAL else self.name


def chosen(key: str, value: Any) -> Choice:
    """The plugin that a config names; UsageError where it names none."""
    _name(key, value)
    options = {str(option): content for option, content in value.items() if option != "name"}
    return Choice(str(value["name"]), options)


def proxies(key: str, value: Any) -> Proxies:
    """The proxies that a config names, or holds configs of.

    A config of proxies inside such a config counts as what it holds.
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
    combinations = {}
    for part, config in inside.items():
        found = proxies(key, config)
        if found.together:
            members |= found.members
            combinations[part] = tuple(_members(config))
        else:
            members[part] = found.members[found.name]
    return Proxies(name, members, True, combinations, tuple(inside))


def _name(key: str, value: Any) -> str:
    """The name in a config; UsageError where it is a list, a mapping or not there."""
    name = value.get("name") if isinstance(value, Mapping) else None
    if name is None or isinstance(name, list | Mapping):
        raise UsageError(f"{key}={value} must be the name of a {key}, or a config with name:")
    return str(name)


def _members(config: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The configs of proxies that a proxy's config holds, by name."""
    return {
        name: member
        for name, member in config.items()
        if isinstance(member, Mapping) and "name" in member
    }
