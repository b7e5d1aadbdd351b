"""What Hydra's errors mean to the user, in one sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf

from nas.errors import UsageError, unknown

GROUPS = ("space", "proxy", "strategy", "batch")


def explained(error: Exception, command: str, overrides: Sequence[str]) -> UsageError:
    """The UsageError that says what a Hydra or OmegaConf error is about."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options:
        group, _, name = error.missing_cfg_file.rpartition("/")
        return unknown(group, name, error.options)
    if isinstance(error, OverrideParseException):
        return UsageError(f"'{error.override}' cannot be read: write name=value ({_first(error)})")
    missing = re.search(r"(?:Could not override|Key) '([\w./@-]+)'", _chain(error))
    if missing:
        return _unknown_option(missing[1], command, overrides)
    return UsageError(_first(error))


def _unknown_option(key: str, command: str, overrides: Sequence[str]) -> UsageError:
    """The error for an option that is not in the config, with those that are."""
    from nas.cli import conf_dir

    chosen = [item for item in overrides if item.partition("=")[0] in GROUPS]
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose(command, overrides=[item for item in chosen if "," not in item])
    group = key.partition(".")[0]
    if "." in key and isinstance(config.get(group), DictConfig):
        part = config[group]
        options = [f"{group}.{option}" for option in part if option != "name"]
        return unknown(f"option of {group}={part.get('name')}", key, options)
    return unknown(f"option of nas {command}", key, [str(option) for option in config])


def _chain(error: BaseException | None) -> str:
    """The messages of an error and of its causes."""
    texts = []
    while error is not None:
        texts.append(str(error))
        error = error.__cause__ or error.__context__
    return "\n".join(texts)


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def plain(config: DictConfig) -> dict[str, object]:
    """The config as plain values: no DictConfig goes further than the command."""
    missing = sorted(OmegaConf.missing_keys(config))
    if missing:
        raise UsageError(f"{missing[0]} has no value: give {missing[0]}=…")
    values = OmegaConf.to_container(config, resolve=True)
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}
