"""What no command takes: text that is none, options that run code, a folder that is gone."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

from nas.errors import UsageError

RERUN = "--experimental-rerun"
"""Hydra's option that unpickles a file, and runs what the file says."""
DIGITS = 1000
"""No option's value has a number of so many."""
CODE = re.compile(
    r"[+~]*(?P<key>[^=]*?\b(?:_target_|_partial_)(?:[.@]\w*)*|hydra[./](?:callbacks|job_logging|"
    r"hydra_logging)\b[^=]*)(?:=.*)?",
    re.DOTALL,
)
"""An override that has Hydra call something by its name."""
HOMES = ("hydra_plugins.", "hydra._internal.core_plugins.")
"""The packages whose launchers and sweepers a config may name; they are installed as such."""


def check_arguments(argv: Sequence[str]) -> None:
    """UsageError for arguments that are no text, or have code run; before anything is opened."""
    for argument in argv:
        if "\0" in argument:
            raise UsageError(f"the argument {argument!r} has a NUL: leave it out")
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise UsageError(
                f"the argument {argument!a} is no text in UTF-8: rename it, or set PYTHONUTF8=1"
            ) from None
        digits = re.search(rf"\d{{{DIGITS},}}", argument)
        if digits:
            raise UsageError(f"'{argument[:40]}…' has a number of {len(digits[0])} digits")
        flag = argument.partition("=")[0]
        if len(flag) > 2 and RERUN.startswith(flag):
            raise UsageError(f"{flag} runs what a file says, and nas has no such option")
        code = CODE.fullmatch(argument)
        if code:
            raise UsageError(f"{code['key']} names code, which no option of nas does")
        if re.match(r"[+~]*hydra\.mode\b", argument):
            raise UsageError(f"{argument} is not for nas: -m runs several searches")
        if re.match(r"[+~]*hydra\.searchpath=.*\bpkg:", argument, re.DOTALL):
            raise UsageError(f"{argument} names a package: hydra.searchpath takes file://FOLDER")


def check_folder() -> None:
    """UsageError where the current folder is not there any more."""
    try:
        os.getcwd()  # noqa: PTH109  (no path is wanted)
    except OSError:
        raise UsageError("the current folder is not there any more: change to another") from None


def check_config(config: Any) -> None:
    """UsageError where a config that Hydra composed names code; only what is installed is run."""
    from omegaconf import DictConfig, ListConfig

    def named(node: Any, place: str) -> None:
        if not isinstance(node, DictConfig | ListConfig) or node._is_none() or node._is_missing():
            return
        if node._is_interpolation():
            return
        keys = node if isinstance(node, DictConfig) else range(len(node))
        for key in [*keys]:
            where = f"{place}.{key}".lstrip(".")
            child = node._get_node(key)
            value = getattr(child, "_value", lambda: None)()
            if key in ("_target_", "()") and not _installed(where, value):
                raise UsageError(f"{where}={value} names code, which no config of nas does")
            named(child, where)

    named(config, "")
    hydra = config.get("hydra")
    if hydra is not None and hydra.get("callbacks"):
        raise UsageError("hydra.callbacks names code, which no config of nas does")
    for kind in ("job_logging", "hydra_logging"):
        if hydra is not None and (hydra.get(kind) or {}).get("handlers"):
            raise UsageError(f"hydra.{kind} has handlers, which no config of nas does")


def _installed(place: str, value: object) -> bool:
    """Whether it is the launcher or the sweeper of an installed package."""
    return place in ("hydra.launcher._target_", "hydra.sweeper._target_") and str(
        value
    ).startswith(HOMES)
