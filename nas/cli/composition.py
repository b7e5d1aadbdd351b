"""From arguments to settings: Hydra composes them, and its errors become sentences."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote

from nas.cli.config_files import check_names, conf_dir, conf_dirs
from nas.errors import NothingFoundError, UsageError

if TYPE_CHECKING:
    from omegaconf import DictConfig

SEVERAL = re.compile(r"proxy=\[\s*([\w.-]+(?:\s*,\s*[\w.-]+)*)\s*\]")
TAKES_VALUE = {
    *("--config-dir", "-cd", "--config-path", "-cp", "--config-name", "-cn"),
    *("--package", "-p", "--cfg", "-c", "--info", "-i", "--experimental-rerun"),
}
OVERRIDE = re.compile(r"[+~]{0,2}[\w./@-]+=.*|~[\w./@-]+", re.DOTALL)


def positional(
    argv: Sequence[str], known: Callable[[str], bool] = lambda _: False
) -> tuple[list[str], list[str]]:
    """Arguments that are no options and no overrides, and the others, which are Hydra's.

    Those that are `known`, as files may be, are the former whatever they look like. Options come
    last among Hydra's, which takes none between two overrides.
    """
    words: list[str] = []
    overrides: list[str] = []
    options: list[str] = []
    arguments = iter(argv)
    for argument in arguments:
        if argument in TAKES_VALUE:
            options += [argument, *([value] if (value := next(arguments, None)) else [])]
        elif known(argument):
            words.append(argument)
        elif argument.startswith("-"):
            options.append(argument)
        elif OVERRIDE.fullmatch(argument):
            overrides.append(argument)
        else:
            words.append(argument)
    return words, overrides + options


def spread(argv: Sequence[str]) -> list[str]:
    """The arguments with proxy=[one,other] written as Hydra's overrides, a config for each."""
    arguments: list[str] = []
    for argument in argv:
        several = SEVERAL.fullmatch(argument)
        if several is None:
            arguments.append(argument)
            continue
        names = dict.fromkeys(name.strip() for name in several[1].split(","))
        arguments.append("proxy=several")
        for name in names:
            arguments += _member(name, conf_dirs(argv))
    return arguments


def _member(name: str, folders: Iterable[Path]) -> list[str]:
    """What puts a proxy, or all that a combination of proxies holds, at proxy.NAME."""
    paths = [path for folder in folders if (path := folder / "proxy" / f"{name}.yaml").is_file()]
    defaults = re.findall(
        r"^  - /proxy@proxy\.(\w+): (\w+)$", paths[0].read_text() if paths else "", re.M
    )
    if not defaults:
        return [f"+proxy@proxy.{name}={name}"]
    parts = [f"+proxy@proxy.{name}.{place}={part}" for place, part in defaults]
    return [*parts, f"+proxy.{name}.name={name}"]


def _checked(command: str, arguments: list[str]) -> list[str]:
    """The arguments as Hydra takes them; with -m a job's folder is named by what is swept."""
    from hydra._internal.utils import get_args_parser
    from hydra.core.override_parser.overrides_parser import OverridesParser

    def refuse(message: str) -> NoReturn:
        raise UsageError(f"{message}: nas {command} --help lists what there is")

    parser = get_args_parser()
    parser.error = refuse  # type: ignore[method-assign]  # its own prints many lines
    parsed = parser.parse_args(arguments)
    if not parsed.multirun:
        return arguments
    if command != "search":
        raise UsageError(f"-m runs several searches, and does not go with nas {command}")
    overrides = OverridesParser.create().parse_overrides(parsed.overrides)
    swept = {item.key_or_group for item in overrides if item.is_sweep_override()}
    fixed = [f"'{key}'" for item in overrides if (key := item.key_or_group) not in swept]
    exclude = f"hydra.job.config.override_dirname.exclude_keys=[{','.join(fixed)}]"
    return [exclude, *arguments]


def run_hydra(
    command: str, task: Callable[[Mapping[str, Any]], None], argv: Sequence[str]
) -> None:
    """Compose the command's settings from its overrides and run the task with them, once a job.

    Errors of Hydra's grammar and of names become a UsageError.
    """
    words, rest = positional(spread(argv))
    if words:
        raise UsageError(
            f"'{words[0]}' is no option of nas {command}: options are written name=value"
        )
    import hydra
    import yaml
    from hydra.core.hydra_config import HydraConfig
    from hydra.errors import HydraException
    from hydra.types import RunMode
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from nas.cli.mistakes import NO_NAME, explained, plain
    from nas.cli.search_path import add_plugins

    check_names(conf_dirs(rest))
    add_plugins()
    OmegaConf.register_new_resolver(
        "nas_folder", lambda text: quote(text, safe="=,+@:") or "all", replace=True
    )
    failures: list[Exception] = []

    def job(config: DictConfig) -> None:
        try:
            task(plain(config, command))
        except (UsageError, NothingFoundError, OmegaConfBaseException, BrokenPipeError) as error:
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                raise  # Hydra says which of the jobs it was
            failures.append(error)
        except (MemoryError, RuntimeError) as error:
            memory = isinstance(error, MemoryError)
            if not memory and not re.search(r"allocat|out of memory", str(error)):
                raise
            failures.append(UsageError(f"there is not enough memory for this: {_short(error)}"))

    verbose = "HYDRA_FULL_ERROR" in os.environ
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises instead of printing and exiting
    entry = hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name=command)
    try:
        sys.argv = [f"nas {command}"]
        sys.argv += _checked(command, rest)
        entry(job)()
        if failures:
            raise failures[0]
    except (HydraException, OmegaConfBaseException, yaml.YAMLError, ValueError) as error:
        known = HydraException | OmegaConfBaseException | yaml.YAMLError
        ours = isinstance(error, known) or NO_NAME in str(error)
        if verbose or not ours:
            raise
        raise explained(error, command, rest) from error


def _short(error: BaseException) -> str:
    """The part of an error's first line that a user can read."""
    text = str(error).strip()
    return (text.splitlines()[0][-120:] if text else type(error).__name__).rstrip(".")
