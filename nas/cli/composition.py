"""From arguments to settings: Hydra composes them, and its errors become sentences."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from traceback import walk_tb
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar
from urllib.parse import quote

from nas.cli.arguments import for_hydra, positional
from nas.cli.config_files import check_files, check_names, conf_dir, conf_dirs
from nas.cli.launchers import end_workers_with_command
from nas.cli.refusals import check_config
from nas.cli.settings import Settings, typed
from nas.errors import NothingFoundError, UsageError
from nas.registry.plugins import unreadable
from nas.runs.stopping import ending
from nas.scoring.attempt import is_lack_of_memory

if TYPE_CHECKING:
    from omegaconf import DictConfig

S = TypeVar("S", bound=Settings)

__all__ = ["composed_again", "positional", "run_hydra"]


def run_hydra(
    command: str, kind: type[S], task: Callable[[S], None], argv: Sequence[str]
) -> str | None:
    """Compose the command's settings from the arguments, and run the task once for each job.

    Hydra's errors about grammar and names become a UsageError. Returns the folder of a sweep
    (`-m`), and None of a single job.
    """
    words, rest = positional(for_hydra(argv))
    if words:
        raise UsageError(
            f"'{words[0]}' is no option of nas {command}: options are written name=value"
        )
    _prepare(rest)
    import yaml
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from nas.cli.mistakes import explained

    failures: list[Exception] = []
    verbose = "HYDRA_FULL_ERROR" in os.environ
    known = (HydraException, OmegaConfBaseException, yaml.YAMLError)
    with _as_a_program(command):
        try:
            swept = _run(command, _job(command, kind, task, failures), rest)
            if failures:
                raise failures[0]
            return swept
        except (UsageError, NothingFoundError, BrokenPipeError):
            raise
        except Exception as error:  # Hydra raises many kinds over what was typed
            if verbose or not (isinstance(error, known) or _is_hydras(error)):
                raise
            raise explained(error, command, rest) from error


def composed_again(
    command: str, kind: type[S], changes: Sequence[str], given: Sequence[str] | None = None
) -> S:
    """The settings of the job that runs, with changed options: for a task of `run_hydra`.

    With `given`, these options stand in place of those of the job.

    Errors of Hydra are for `run_hydra` to explain.
    """
    from hydra import compose
    from hydra.core.hydra_config import HydraConfig

    from nas.cli.mistakes import plain

    own = HydraConfig.get().overrides
    options = own.task if given is None else given
    config = compose(command, overrides=[*own.hydra, *options, *changes])
    return typed(kind, plain(config, command))


def _prepare(rest: Sequence[str]) -> None:
    """Let Hydra find the configs of plugins and the resolvers that our configs use."""
    from omegaconf import OmegaConf

    from nas.cli.search_path import add_plugins

    if unreadable():  # PyTorch asks every distribution for backends, and one of these stops it
        os.environ.setdefault("TORCH_DEVICE_BACKEND_AUTOLOAD", "0")
    folders = conf_dirs(rest)
    for folder, owner in folders.items():
        if owner.startswith("-"):
            check_files(folder)
    check_names(folders)
    add_plugins()
    OmegaConf.register_new_resolver(
        "nas_folder", lambda text: quote(text, safe="=,+@:") or "all", replace=True
    )


def _run(command: str, job: Callable[[DictConfig], None], rest: list[str]) -> str | None:
    import hydra

    seen: list[str] = []
    entry = hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name=command)
    arguments = _checked(command, rest)
    sys.argv += arguments
    with _watched(seen), _composed_once() if arguments is rest else nullcontext():
        entry(job)()
    return seen[0] if seen else None


@contextmanager
def _watched(seen: list[str]) -> Iterator[None]:
    """Have every config that Hydra composes checked before anything comes of it.

    `seen` gets the folders of sweeps: with a launcher the jobs run in other processes.
    """
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from hydra.types import RunMode
    from omegaconf.errors import OmegaConfBaseException

    load = ConfigLoaderImpl.load_configuration

    def checked(*args: Any, **options: Any) -> DictConfig:
        config = load(*args, **options)
        check_config(config)
        if config.hydra.mode == RunMode.MULTIRUN:
            with suppress(OmegaConfBaseException):  # its errors come up where it is used
                seen.append(str(config.hydra.sweep.dir))
        return config

    # Hydra has no hook between composing a config and using it
    ConfigLoaderImpl.load_configuration = checked  # type: ignore[method-assign]
    try:
        yield
    finally:
        ConfigLoaderImpl.load_configuration = load  # type: ignore[method-assign]


@contextmanager
def _composed_once() -> Iterator[None]:
    """Have Hydra run one job with the config from which it learns whether there are several.

    It composes one for that alone, and the same again for the job, a tenth of a second each.
    """
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from hydra._internal.hydra import Hydra
    from hydra.types import RunMode

    load, get_mode = ConfigLoaderImpl.load_configuration, Hydra.get_mode
    made: list[DictConfig | Exception] = []

    def mode_of(self: Hydra, config_name: str | None, overrides: list[str]) -> RunMode | None:
        config: DictConfig | Exception
        try:
            config = self.compose_config(config_name, overrides, RunMode.RUN)
            if config.hydra.mode != RunMode.MULTIRUN:
                made.append(config)
                return RunMode.RUN
        except Exception as error:  # for the job, unless it turns out that there are several
            config = error
        mode: RunMode | None = get_mode(self, config_name, overrides)
        if mode != RunMode.MULTIRUN:
            made.append(config)
        return mode

    def known(*args: Any, **options: Any) -> DictConfig:
        if not made:
            return load(*args, **options)
        config = made.pop()
        if isinstance(config, Exception):
            raise config
        return config

    # Hydra has no option for this, and no hook: these two methods are replaced for one command
    ConfigLoaderImpl.load_configuration = known  # type: ignore[method-assign]
    Hydra.get_mode = mode_of  # type: ignore[method-assign]
    try:
        yield
    finally:
        ConfigLoaderImpl.load_configuration = load  # type: ignore[method-assign]
        Hydra.get_mode = get_mode  # type: ignore[method-assign]


def _is_hydras(error: BaseException) -> bool:
    """Whether an error came up while Hydra worked, and not in a job."""
    if type(error.__cause__).__name__ == "_RemoteTraceback":
        return False
    return not any(
        frame.f_code.co_name == "job" and frame.f_globals.get("__name__") == __name__
        for frame, _ in walk_tb(error.__traceback__)
    )


def _job(
    command: str, kind: type[S], task: Callable[[S], None], failures: list[Exception]
) -> Callable[[DictConfig], None]:
    """The function that Hydra calls with a config.

    It puts UsageErrors into `failures`, because Hydra prints every error that is raised.
    """
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode
    from omegaconf.errors import OmegaConfBaseException

    from nas.cli.mistakes import plain

    def job(config: DictConfig) -> None:
        try:
            task(typed(kind, plain(config, command)))
        except (UsageError, NothingFoundError, OmegaConfBaseException, BrokenPipeError) as error:
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                raise  # Hydra says which job failed
            failures.append(error)
        except Exception as error:
            if (end := ending(error)) is not None:
                raise end from error
            too_large = "Storage size calculation over" in str(error)
            if not (is_lack_of_memory(error) or too_large):
                raise
            failures.append(UsageError(f"there is not enough memory for this: {_short(error)}"))

    return job


@contextmanager
def _as_a_program(command: str) -> Iterator[None]:
    """Give Hydra the name of the command, and make it raise errors instead of exiting."""
    argv, full = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv = [f"nas {command}"]
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    finally:
        sys.argv = argv
        if full is None:
            os.environ.pop("HYDRA_FULL_ERROR", None)
        else:
            os.environ["HYDRA_FULL_ERROR"] = full


def _checked(command: str, arguments: list[str]) -> list[str]:
    """The arguments for Hydra; with -m a job's folder is named after the swept options."""
    from hydra._internal.utils import get_args_parser
    from hydra.core.override_parser.overrides_parser import OverridesParser

    def refuse(message: str) -> NoReturn:
        raise UsageError(f"{message}: nas {command} --help lists what there is")

    parser = get_args_parser()
    parser.error = refuse  # type: ignore[method-assign]  # Hydra's own prints many lines
    parsed = parser.parse_args(arguments)
    _check_modes(parsed, command)
    if not parsed.multirun:
        return arguments
    if command != "search":
        raise UsageError(f"-m runs several searches, and does not go with nas {command}")
    end_workers_with_command()
    overrides = OverridesParser.create().parse_overrides(parsed.overrides)
    swept = {item.key_or_group for item in overrides if item.is_sweep_override()}
    fixed = [f"'{key}'" for item in overrides if (key := item.key_or_group) not in swept]
    exclude = f"hydra.job.config.override_dirname.exclude_keys=[{','.join(fixed)}]"
    return [exclude, *arguments]


def _check_modes(parsed: Namespace, command: str) -> None:
    """UsageError for options of Hydra's that do not go together."""
    modes = {
        "--run": parsed.run,
        "-m": parsed.multirun,
        "--cfg": parsed.cfg is not None,
        "--info": parsed.info is not None,
        "-sc": parsed.shell_completion,
    }
    given = [mode for mode, there in modes.items() if there]
    if len(given) > 1:
        raise UsageError(f"{given[0]} and {given[1]} do not go together: give one of them")
    if parsed.resolve and parsed.cfg is None and not parsed.help:
        raise UsageError(f"--resolve goes with --cfg: nas {command} --cfg job --resolve")
    asked = [word for word in parsed.overrides if word.startswith(("install=", "uninstall="))]
    if parsed.shell_completion and "COMP_LINE" not in os.environ and not asked:
        raise UsageError("-sc is for a shell: nas search -sc install=bash says how to set it up")


def _short(error: BaseException) -> str:
    """The part of an error's first line that a user can read."""
    text = str(error).strip()
    return (text.splitlines()[0][-120:] if text else type(error).__name__).rstrip(".")
