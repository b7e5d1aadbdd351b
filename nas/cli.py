"""The command line: finds the command, hands the rest to Hydra, turns mistakes into sentences."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from nas.errors import NothingFoundError, UsageError, unknown

if TYPE_CHECKING:
    from omegaconf import DictConfig

COMMANDS = {
    "search": "find the best architecture of a space by a proxy, training nothing",
    "score": "score architectures given by name",
    "report": "the summary of a search again, from its folder",
    "list": "the spaces, proxies and strategies there are",
}
TAKES_VALUE = {
    *("--config-dir", "-cd", "--config-path", "-cp", "--config-name", "-cn"),
    *("--package", "-p", "--cfg", "-c", "--info", "-i", "--experimental-rerun"),
}
OVERRIDE = re.compile(r"[+~]{0,2}[\w./@-]+=.*|~[\w./@-]+", re.DOTALL)


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command that the arguments name, and exit.

    Exit code 2 for what the user can put right, 1 for a search without any score, 130 after
    Ctrl-C.
    """
    command, *rest = (sys.argv[1:] if argv is None else list(argv)) or ["--help"]
    try:
        if command in ("-h", "--help", "help"):
            print(_usage())
            sys.exit(0)
        if command not in COMMANDS:
            raise unknown("command", command, COMMANDS)
        import_module(f"nas.commands.{command}").main(rest)
        sys.stdout.flush()
    except UsageError as error:
        _fail(f"nas: {error}", 2)
    except NothingFoundError as error:
        _fail(f"nas: {error}", 1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)


def _usage() -> str:
    lines = [f"  {name:<8}{text}" for name, text in COMMANDS.items()]
    return "\n".join(
        [
            "usage: nas COMMAND [option=value ...]",
            "",
            *lines,
            "",
            "nas COMMAND --help lists a command's options.",
        ]
    )


def _fail(message: str, code: int) -> NoReturn:
    sys.stdout.flush()
    print(" ".join(message.splitlines()), file=sys.stderr)
    sys.exit(code)


def positional(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Arguments that are no options and no overrides, and the others, which are Hydra's.

    Options come last there: Hydra takes none between two overrides.
    """
    words: list[str] = []
    overrides: list[str] = []
    options: list[str] = []
    arguments = iter(argv)
    for argument in arguments:
        if argument in TAKES_VALUE:
            options += [argument, *([value] if (value := next(arguments, None)) else [])]
        elif argument.startswith("-"):
            options.append(argument)
        elif OVERRIDE.fullmatch(argument):
            overrides.append(argument)
        else:
            words.append(argument)
    return words, overrides + options


def conf_dir() -> Path:
    """The configs' folder: `nas/conf` where installed, `conf` in a checkout."""
    here = Path(__file__).resolve().parent
    return here / "conf" if (here / "conf").is_dir() else here.parent / "conf"


def run_hydra(
    command: str, task: Callable[[Mapping[str, Any]], None], argv: Sequence[str]
) -> None:
    """Compose the command's settings from its overrides and run the task with them, once a job.

    Errors of Hydra's grammar and of names become a UsageError.
    """
    words, rest = positional(argv)
    if words:
        raise UsageError(
            f"'{words[0]}' is no option of nas {command}: options are written name=value"
        )
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.errors import HydraException
    from hydra.types import RunMode
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from nas.mistakes import NO_NAME, explained, plain

    OmegaConf.register_new_resolver(
        "nas_folder", lambda text: re.sub(r"[^\w.,=-]", "_", text) or "default", replace=True
    )
    failures: list[Exception] = []

    def job(config: DictConfig) -> None:
        try:
            task(plain(config, command))
        except (UsageError, NothingFoundError, OmegaConfBaseException, BrokenPipeError) as error:
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                raise  # Hydra says which of the jobs it was
            failures.append(error)

    verbose = "HYDRA_FULL_ERROR" in os.environ
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises instead of printing and exiting
    sys.argv = [f"nas {command}", *rest]
    entry = hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name=command)
    try:
        entry(job)()
        if failures:
            raise failures[0]
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        ours = isinstance(error, HydraException | OmegaConfBaseException) or NO_NAME in str(error)
        if verbose or not ours:
            raise
        raise explained(error, command, rest) from error
