"""Explains Hydra's errors to the user, in one sentence each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nas.cli.config_files import GROUPS, conf_dir, conf_dirs, options_of, quoted
from nas.cli.kinds import registries
from nas.errors import UsageError, unknown
from nas.registry.plugins import failures, plugins, unreadable

NO_NAME = "Config group override must be a string or a list"
"""The start of the message of the ValueError that Hydra raises for space=5 and similar."""


def explained(error: Exception, command: str, overrides: Sequence[str]) -> UsageError:
    """The UsageError that explains an error of Hydra or OmegaConf."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, name = error.missing_cfg_file.rpartition("/")
        if group in GROUPS:
            return _no_config(group, name, error.options or _configs(group, overrides))
    if isinstance(error, yaml.YAMLError):
        return UsageError(f"a config cannot be read: {' '.join(str(error).split())}")
    if NO_NAME in str(error):
        for group, _, name in (item.partition("=") for item in overrides):
            known = {*_configs(group, overrides), *_registered(group)}
            if group in GROUPS and name not in known:
                return _no_config(group, name, _configs(group, overrides))
    if isinstance(error, OverrideParseException):
        return UsageError(
            f"'{error.override}' cannot be read: write name=value, or \"name='value'\" where the "
            f"value has one of [ ] {{ }} ( ) , = # ~ ' \" or a blank ({_first(error)})"
        )
    several = re.match(r"Ambiguous value for argument '(.*)'", str(error))
    if several:
        return UsageError(
            f"{several[1]} is several values: nas search -m takes them one after the other, and "
            f"\"name='value'\" is one value with commas"
        )
    missing = re.search(r"(?:Could not override|Key) '([\w./@-]+)'", _chain(error))
    if missing:
        return _unknown_option(missing[1], command, overrides)
    if "Config group override deletion value" in str(error):
        wrong = next((item for item in overrides if item.startswith("~") and "=" in item), "~")
        return UsageError(f"'{wrong}' takes a name after =, or nothing: {wrong.partition('=')[0]}")
    if isinstance(error, HydraException | OmegaConfBaseException):
        return UsageError(_first(error))
    if into_list := _into_list(error, overrides):
        return into_list
    why = f"{type(error).__name__}: {_first(error)}"
    return UsageError(f"the options or configs cannot be used ({why})")


def _configs(group: str, overrides: Sequence[str]) -> list[str]:
    folders = conf_dirs(overrides)
    return [path.stem for folder in folders for path in (folder / group).glob("*.yaml")]


def _no_config(group: str, name: str, configs: Sequence[str]) -> UsageError:
    """The error for a name without a config; it names plugins whose modules are missing."""
    lost = [plugin for plugin in plugins() if plugin.spec is None]
    notes = [
        f"there is no module '{plugin.module}', which {plugin.origin} names" for plugin in lost
    ]
    if plugins():
        notes += [
            f"the plugin {plugin} cannot be imported: {why}"
            for plugin, why in failures().items()
            if plugin not in lost
        ]
    notes += unreadable()
    known = {*configs, *_registered(group)}
    return UsageError("; ".join([str(unknown(group, name, known)), *notes]))


def _registered(group: str) -> Iterable[str]:
    """The names in a registry if other packages have plugins, whose configs may be absent."""
    return registries()[group] if plugins() and group in registries() else ()


def _unknown_option(key: str, command: str, overrides: Sequence[str]) -> UsageError:
    """The error for an option that is not in the config, with the options that are."""
    known = options_of(command)
    if key.partition(".")[0] not in known:
        return unknown(f"option of nas {command}", key, known)
    chosen = [item for item in overrides if item.partition("=")[0] in {*GROUPS} & {*known}]
    chosen = [item for item in chosen if "," not in item]
    given = [folder for folder, owner in conf_dirs(overrides).items() if owner.startswith("-")]
    chosen += [f"hydra.searchpath=[{quoted(f'file://{folder}')}]" for folder in given]
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose(command, overrides=chosen)
    group = key.partition(".")[0]
    if "." in key and isinstance(config.get(group), DictConfig):
        part = config[group]
        options = [f"{group}.{option}" for option in part if option != "name"]
        return unknown(f"option of {group}={part.get('name')}", key, options)
    return unknown(f"option of nas {command}", key, [str(option) for option in config])


def _into_list(error: Exception, overrides: Sequence[str]) -> UsageError | None:
    """The error for an option inside a list, for which OmegaConf looks by number."""
    known = r"Index '(.+)' \(str\) is not an int|invalid literal for int\(\) .*: '(.+)'"
    found = re.fullmatch(known, _first(error))
    part = found and (found[1] or found[2])
    for key in (item.partition("=")[0].lstrip("+~") for item in overrides):
        outer, dot, inner = key.partition(f".{part}")
        if part and dot and inner[:1] in ("", "."):
            return UsageError(f"{outer} is a list, so there is no {key}: write {outer}=[…]")
    return None


def _chain(error: BaseException | None) -> str:
    """The messages of an error and of its causes."""
    texts = []
    while error is not None:
        texts.append(str(error))
        error = error.__cause__ or error.__context__
    return "\n".join(texts)


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def plain(config: DictConfig, command: str) -> dict[str, Any]:
    """The config as plain values; raises UsageError if one is missing.

    The rest of the program never sees a DictConfig.
    """
    missing = sorted(OmegaConf.missing_keys(config))
    if missing:
        raise UsageError(f"{missing[0]} has no value: give {missing[0]}=…")
    container = OmegaConf.to_container(config, resolve=True)
    assert isinstance(container, dict)
    values = {str(key): value for key, value in container.items()}
    options = options_of(command)
    for key in values:
        if key not in options:
            raise unknown(f"option of nas {command}", key, options)
    for key in options:
        if key not in values or (key in GROUPS and "name" not in (values[key] or {})):
            raise _without(key, command)
    return values


def _without(key: str, command: str) -> UsageError:
    """The error for a missing option, or for a config without the name of its plugin."""
    name = HydraConfig.get().runtime.choices.get(key)
    if name is None:
        return UsageError(f"nas {command} cannot do without {key}: give {key}=…")
    return UsageError(f"the config {key}/{name}.yaml does not say whose it is: add name: {name}")
