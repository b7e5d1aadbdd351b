"""The folders of our configs and of the plugins' configs, and the names in them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from nas.cli.chosen import SEVERAL
from nas.errors import UsageError
from nas.registry.configs import conf_dir as conf_dir
from nas.registry.configs import entries, placed
from nas.registry.options import Choice
from nas.registry.plugins import origin, plugins
from nas.storage.files import is_there
from nas.storage.yaml_files import checked_text, read_yaml

GROUPS = ("space", "proxy", "strategy", "batch", "ranking", "executor", "tracker", "finals")
"""The config groups: an option with such a name chooses a plugin."""


def conf_dirs(argv: Sequence[str] = ()) -> dict[Path, str]:
    """Every folder of configs with its owner: epsilon-nas, a plugin, or --config-dir."""
    folders = {conf_dir(): "nas"}
    for plugin in plugins():
        if plugin.conf is not None:
            folders.setdefault(plugin.conf, plugin.module)
    for argument, following in pairwise([*argv, ""]):
        flag, _, value = argument.partition("=")
        if flag in ("--config-dir", "-cd"):
            folders.setdefault(Path(value or following).absolute(), flag)
    return folders


def check_names(folders: Mapping[Path, str]) -> None:
    """Raise UsageError if two configs have the same name: Hydra would silently take the first."""
    found: dict[tuple[str, str], Path] = {}
    for folder in folders:
        for group in GROUPS:
            for path in sorted((folder / group).glob("*.yaml")):
                other = found.setdefault((group, path.stem), path)
                if other.resolve() != path.resolve():
                    owners = [folders[each.parent.parent] for each in (other, path)]
                    one, two = (origin(owner) or owner for owner in owners)
                    raise UsageError(
                        f"{group}={path.stem} has two configs: {other} ({one}) and {path} ({two})"
                    )


def content(path: Path) -> Any:
    """The content of a config file; raises UsageError if it is not YAML."""
    try:
        return read_yaml(path)
    except FileNotFoundError:
        raise UsageError(f"{path} cannot be read: there is no such file") from None


def check_files(folder: Path) -> None:
    """UsageError where Hydra could not read a config of the folder, or would never be done."""
    if not is_there(folder):
        raise UsageError(f"--config-dir={folder} is no folder: give one with configs")
    for path in sorted(folder.rglob("*.yaml")):
        try:
            config = yaml.safe_load(checked_text(path))
        except (yaml.YAMLError, ValueError, TypeError, OverflowError) as error:
            if isinstance(error, UsageError):
                raise
            raise UsageError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
        defaults = config.get("defaults", []) if isinstance(config, dict) else []
        if not isinstance(defaults, list):
            raise UsageError(f"{path} has defaults: {defaults}, which must be a list")


def parts_of(name: str, argv: Sequence[str]) -> dict[str, str]:
    """The proxies that the config `name` combines, by the place it gives them."""
    return placed("proxy", _defaults_of(name, argv))


def configs(group: str, argv: Sequence[str] = ()) -> dict[str, Path]:
    """The configs of a group by their names, but for the one that proxy=[one,other] uses."""
    files = [path for folder in conf_dirs(argv) for path in (folder / group).glob("*.yaml")]
    return {path.stem: path for path in sorted(files) if path.stem != SEVERAL}


def combinations(argv: Sequence[str] = ()) -> dict[str, dict[str, str]]:
    """The parts of every config that combines proxies, by its name."""
    found = {}
    for name in configs("proxy", argv):
        with suppress(UsageError):  # whoever chooses a config that cannot be read is told so
            found[name] = parts_of(name, argv)
    return {name: parts for name, parts in found.items() if parts}


def ranking_of(name: str, argv: Sequence[str]) -> Choice | None:
    """The ranking that the config `name` of a combination asks for, with its options."""
    asked = [value for key, value in _defaults_of(name, argv) if key == "override /ranking"]
    options = _proxy_config(name, argv)
    own = options.get("ranking") if isinstance(options, dict) else None
    return Choice(asked[-1], own if isinstance(own, dict) else {}) if asked else None


def combined_by(name: str) -> str:
    """How the config `name` of a combination ranks its proxies, as it is typed."""
    ranking = ranking_of(name, ())
    if ranking is None:
        return "ranking=score"
    options = [each.removeprefix("+") for each in leaves("ranking", ranking.options)]
    return " ".join([f"ranking={ranking.name}", *options])


def leaves(key: str, value: Any) -> list[str]:
    """A value as overrides that add it to a config, one for each of its parts."""
    if not isinstance(value, Mapping):
        return [f"+{key}={value}"]
    return [line for name, part in value.items() for line in leaves(f"{key}.{name}", part)]


def _defaults_of(name: str, argv: Sequence[str]) -> list[tuple[str, str]]:
    """The entries of the defaults list of a proxy's config."""
    return entries(_proxy_config(name, argv))


def _proxy_config(name: str, argv: Sequence[str]) -> Any:
    files = [folder / "proxy" / f"{name}.yaml" for folder in conf_dirs(argv)]
    return next((content(path) for path in files if path.is_file()), None)


def options_of(command: str) -> list[str]:
    """The names of a command's options, including its config groups."""
    found: list[str] = []
    for path in files_of(command):
        config = content(path)
        defaults = config.pop("defaults")
        found += [key for entry in defaults if isinstance(entry, dict) for key in entry]
        found += [key for key in config if key != "hydra"]
    return list(dict.fromkeys(found))


def files_of(command: str) -> list[Path]:
    """The config of a command, after that of the command whose options it has, too."""
    path = conf_dir() / f"{command}.yaml"
    names = [entry for entry in content(path)["defaults"] if isinstance(entry, str)]
    others = [name for name in names if name not in ("common", "_self_")]
    return [*(file for name in others for file in files_of(name)), path]


def quoted(value: str) -> str:
    """A text in Hydra's grammar, in quotes if it needs them."""
    return value if re.fullmatch(r"[\w./:-]+", value, re.ASCII) else literal(value)


def literal(value: str) -> str:
    """A text in quotes, which Hydra's grammar always reads as a text.

    Backslashes are doubled only before a quote or the end; elsewhere Hydra takes them literally.
    """
    return "'" + re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + ("\\'" if m[2] else ""), value) + "'"
