"""Help pages of commands: every option in one line, made without importing a plugin's library."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any, get_type_hints

from nas.cli import fit_settings, proxify_settings, settings, study_settings, training_settings
from nas.cli.comments import comments
from nas.cli.config_files import (
    GROUPS,
    check_names,
    conf_dir,
    conf_dirs,
    configs,
    content,
    files_of,
    options_of,
    parts_of,
)
from nas.cli.kinds import registries
from nas.errors import unknown
from nas.registry.options import described

WIDTH, INDENT = 99, 31
MODES = {
    "-m": "one search for each combination of values with commas, as in seed=0,1,2",
    "--cfg job": "the settings as they would be, as yaml; nothing runs",
    "--config-dir FOLDER": "a folder with configs of your own",
    "--hydra-help": "further options, which are Hydra's",
}
"""Options that are no settings."""
PLACES = (settings, study_settings, training_settings, proxify_settings, fit_settings)
"""The modules of settings."""


@dataclass(frozen=True)
class Line:
    """One option of a help page."""

    name: str
    default: Any
    text: str
    takes: str = ""
    """What values it takes, in words."""

    def __str__(self) -> str:
        value = self.default if isinstance(self.default, str) else json.dumps(self.default)
        shown = re.sub(r"\$\{oc\.env:(\w+),.*\}", r"$\1", value)
        # an option of the command, which this page is not of
        shown = re.sub(r"\$\{oc\.select:\w+,(.*)\}", r"\1", shown)
        shown = re.sub(r"\$\{now:.*\}", "TIME", shown).replace('"', "")
        takes = f" ({self.takes})" if self.takes else ""
        return written(f"{self.name}={shown}", f"{self.text}{takes}")


def written(name: str, text: str) -> str:
    """A name and what it means, beside it or below it."""
    start = f"  {name}".ljust(INDENT)
    first = start if len(start) == INDENT else ""
    whole = fill(
        text,
        WIDTH,
        initial_indent=first or " " * INDENT,
        subsequent_indent=" " * INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return whole if first else f"{start}\n{whole}"


def page(command: str, argv: Sequence[str] = ()) -> str:
    """The help page of a command; `argv` may choose the plugins whose options are on it.

    Raises UsageError for a plugin that there is not, and for two configs of one name.
    """
    check_names(conf_dirs(argv))
    config = content(conf_dir() / f"{command}.yaml")
    lines = [config["hydra"]["help"]["header"], ""]
    groups = groups_of(command)
    if groups:
        lines += ["what is chosen by a name, and the options of that (nas help space=NAME: all)"]
        for group, name in {**groups, **_chosen(groups, argv)}.items():
            lines += map(str, _group(command, group, name, argv))
        lines += [""]
    own = [line for line in options(command) if line.name not in groups]
    if own:
        lines += ["options", *map(str, own), ""]
    modes = MODES.items() if command == "search" else [*MODES.items()][1:]
    return "\n".join([*lines, "besides", *(written(*mode) for mode in modes)])


def groups_of(command: str) -> dict[str, str]:
    """The names that a command chooses by default, by the options that choose them."""
    every = [content(path)["defaults"] for path in files_of(command)]
    entries = [entry.items() for each in every for entry in each if isinstance(entry, dict)]
    return {str(group): str(name) for entry in entries for group, name in entry if group in GROUPS}


def options(command: str) -> list[Line]:
    """The options of a command, without those of plugins."""
    config: dict[str, Any] = {}
    texts: dict[str, str] = {}
    for path in files_of(command):
        config |= content(path)
        texts |= comments(path)
    name = f"{command.title()}Settings"
    kind = next(getattr(place, name) for place in PLACES if hasattr(place, name))
    hints = get_type_hints(kind, include_extras=True)
    found = []
    for name in options_of(command):
        check = hints[name].__metadata__[0]
        words = (check.__doc__ or "any value").splitlines()[0].rstrip(".")
        default = groups_of(command).get(name, config.get(name))
        found.append(Line(name, default, texts.get(name, ""), words[:1].lower() + words[1:]))
    return found


def choices(command: str, option: str) -> list[str]:
    """The words that an option of a command can be; none where it takes others too."""
    takes = next((line.takes for line in options(command) if line.name == option), "")
    if takes == "true or false":
        return takes.split(" or ")
    words = takes.removesuffix(" or null").removeprefix("one of ").split(", ")
    return words if takes.startswith("one of ") else []


def _chosen(groups: Mapping[str, str], argv: Sequence[str]) -> dict[str, str]:
    """The plugins that the arguments name; several proxies are joined by commas."""
    found = {}
    for word in argv:
        group, equals, name = word.partition("=")
        if group in groups and equals and re.fullmatch(r"[\w.,\[\] -]+", name):
            found[group] = name.strip("[]").replace(" ", "")
    return found


def _group(command: str, group: str, names: str, argv: Sequence[str]) -> Iterator[str]:
    """The line of a config group, and those of the options of what it chooses."""
    known = sorted(configs(group, argv))
    (own,) = (line for line in options(command) if line.name == group)
    yield str(Line(group, names, f"{own.text}: {', '.join(known)}"))
    several = "," in names
    for name in names.split(","):
        parts = parts_of(name, argv)
        for part, plugin in (parts or {name: name}).items():
            prefix = f"{group}.{part}" if parts or several else group
            yield from map(str, plugin_options(group, plugin, prefix, argv))


def plugin_options(
    group: str, name: str, prefix: str, argv: Sequence[str] = (), types: bool = False
) -> list[Line]:
    """The options of a plugin with their texts; `types` of its signature need its import.

    Raises UsageError if there is no such plugin.
    """
    path = configs(group, argv).get(name)
    registry = registries().get(group)
    if path is None and (registry is None or name not in registry):
        raise unknown(group, name, {*configs(group, argv), *(registry or ())})
    texts = {} if path is None else comments(path)
    values = {} if path is None else content(path)
    values = values if isinstance(values, dict) else {}
    words: dict[str, str] = {}
    if registry is not None and (path is None or types):
        values = {**registry.defaults(name), **values}
        words = registry.types(name)
    return [
        Line(
            f"{prefix}.{option}",
            value,
            text := texts.get(option, ""),
            words.get(option, "" if "[" in text else _taken(value)),
        )
        for option, value in values.items()
        if option not in ("name", "defaults")
    ]


def _taken(value: object) -> str:
    """What an option takes, judged by its default; empty if that says nothing."""
    kinds = (bool, int, float)
    return described(type(value)) if isinstance(value, kinds) else ""


def completed(command: str, argv: Sequence[str]) -> list[str]:
    """All options of a command with the plugins that are chosen, as `name=`."""
    groups = groups_of(command)
    chosen = {**groups, **_chosen(groups, argv)}
    found = [f"{line.name}=" for line in options(command)]
    for group, names in chosen.items():
        for name in names.split(","):
            parts = parts_of(name, argv)
            for part, plugin in (parts or {name: name}).items():
                if plugin in configs(group, argv):
                    prefix = f"{group}.{part}" if parts or "," in names else group
                    found += [f"{line.name}=" for line in plugin_options(group, plugin, prefix)]
    return found
