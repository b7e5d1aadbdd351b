"""The command that makes a recorded search again: its options that differ from the defaults."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from nas.cli.arguments import FORMULAS
from nas.cli.chosen import SEVERAL
from nas.cli.config_files import GROUPS, conf_dir, conf_dirs, literal, quoted
from nas.cli.used_plugins import setting
from nas.errors import UsageError
from nas.registry.configs import entries
from nas.runs.folder import OWN
from nas.runs.truth import DIGESTS
from nas.storage.yaml_files import read_yaml

NO_OPTIONS = {"out", "inputs_sha256", DIGESTS, "executor"}
"""Entries of a record that say where a search ran, not what it did."""
PLAIN = re.compile(
    r"(?!(?:true|false|null|nan|inf)$)-?[a-z_/][\w./:-]*|\d[\d.]*(?:ms|s|m|h)",
    re.ASCII | re.IGNORECASE,
)
"""A text that Hydra's grammar reads as one without quotes."""


def go_on(command: str, words: Sequence[str], out: str, record: Mapping[str, Any]) -> str:
    """The command with the words that were typed, which goes on in its folder from any shell."""
    kept = [word for word in words if not word.startswith("out=")]
    return setting(record) + shlex.join(["nas", command, *kept, f"out={quoted(out)}"])


def again(record: Mapping[str, Any]) -> str:
    """The command that makes the search of a record again, in a folder of its own.

    The record is complete (`nas.cli.questions.recorded`). Empty for a search from Python, and
    where an option has a value that no word can give.
    """
    if OWN in record:
        return ""
    try:
        return setting(record) + shlex.join(["nas", "search", *_words(record)])
    except (UsageError, KeyError, TypeError, OSError):
        return ""


def _words(record: Mapping[str, Any]) -> list[str]:
    usual = read_yaml(conf_dir() / "search.yaml")
    groups = dict(entries(usual))
    words: list[str] = []
    order = [name for name in (*groups, *usual) if name in record]  # not that of the record
    for name in order:
        value = record[name]
        if name in NO_OPTIONS or (name == "data_dir" and record.get("table") is None):
            continue  # where nothing is read from there
        if name in GROUPS:
            words += _group(name, value, groups[name])
        elif name in ("warmup", "metric"):
            words += _nested(name, value, usual[name])
        elif json.dumps(value) != json.dumps(_seen(usual.get(name))):
            written = _formulas(value) if name in FORMULAS else _written(value)
            words.append(f"{name}={written}")
    return words


def _formulas(value: Any) -> str:
    """Formulas as they are typed: quotes are for the shell alone."""
    if value is None:
        return "null"
    return f"[{','.join(value)}]" if isinstance(value, list) else str(value)


def _seen(value: Any) -> Any:
    """A default; one that depends on the environment is null where nothing is set."""
    return None if isinstance(value, str) and value.startswith("${") else value


def _group(group: str, value: Mapping[str, Any], usual: str) -> list[str]:
    """The plugin of a group, and its options that are not its config's."""
    name = str(value["name"])
    if group == "proxy" and name == SEVERAL:
        parts = [key for key, each in value.items() if isinstance(each, Mapping)]
        words = [f"proxy=[{','.join(parts)}]"]
        for part in parts:
            words += _options(f"proxy.{part}", value[part], _config("proxy", part))
        return words
    words = [] if name == usual and group != "proxy" else [f"{group}={name}"]
    return words + _options(group, value, _config(group, name))


def _config(group: str, name: str) -> Mapping[str, Any]:
    """The config of a plugin, with the members that it combines; empty where there is none."""
    for folder in conf_dirs():
        path = folder / group / f"{name}.yaml"
        if path.is_file():
            config = read_yaml(path)
            found = {key: value for key, value in config.items() if key != "defaults"}
            for key, member in entries(config):
                place = key.rpartition(".")[2]
                found[place] = {**_config(group, member), **found.get(place, {})}
            return found
    return {}


def _options(prefix: str, value: Mapping[str, Any], usual: Mapping[str, Any]) -> list[str]:
    words: list[str] = []
    for name, option in value.items():
        if name == "name" or json.dumps(option) == json.dumps(_seen(usual.get(name, _MISSING))):
            continue
        if isinstance(option, Mapping) and isinstance(usual.get(name), Mapping):
            words += _options(f"{prefix}.{name}", option, usual[name])
        else:
            words.append(f"{'' if name in usual else '++'}{prefix}.{name}={_written(option)}")
    return words


_MISSING = "no such option"


def _nested(name: str, value: Mapping[str, Any], usual: Mapping[str, Any]) -> list[str]:
    """The options inside an option, such as warmup.size."""
    words: list[str] = []
    for key, option in value.items():
        if isinstance(option, Mapping):
            words += [f"{name}.{key}.{each}={_written(v)}" for each, v in option.items()]
        elif option != usual.get(key):
            words.append(f"{name}.{key}={_written(option)}")
    return words


def _written(value: Any) -> str:
    """A value in Hydra's grammar."""
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, str):
        return value if PLAIN.fullmatch(value) else literal(value)
    if isinstance(value, list):
        return f"[{','.join(map(_written, value))}]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}: {_written(each)}" for key, each in value.items()) + "}"
    raise UsageError(f"{value} is no value of an option")
