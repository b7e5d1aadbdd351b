"""The command line: finds the command, hands the rest to Hydra, turns mistakes into sentences."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import nas
from nas.cli import streams
from nas.cli.refusals import check_arguments, check_folder
from nas.errors import NothingFoundError, UsageError, unknown

COMMANDS = {
    "search": "find the best architecture of a space by a proxy, training nothing",
    "compare": "how well proxies agree with true figures, with coverage and uncertainty",
    "convert": "a table of true figures out of a file or an official release",
    "score": "score architectures given by name",
    "report": "the summary of a search again, from its folder",
    "new": "a package with a space, a proxy or a strategy of your own, ready to change",
    "list": "the plugins of every kind and the tables there are",
}


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command that the arguments name, and exit.

    Exit code 2 for what the user can put right, 1 for a search without any score, 130 after
    Ctrl-C.
    """
    streams.prepare()
    try:
        try:
            _run(sys.argv[1:] if argv is None else list(argv))
        finally:  # what was printed before is written in any case
            sys.stdout.flush()
    except UsageError as error:
        streams.fail(f"nas: {error}", 2)
    except NothingFoundError as error:
        streams.fail(f"nas: {error}", 1)
    except BrokenPipeError:
        streams.drop(sys.stdout)
        sys.exit(1)
    except KeyboardInterrupt:
        streams.fail("nas: interrupted", 130)
    sys.exit(0)


def _run(argv: Sequence[str]) -> None:
    """Run the command that the arguments name."""
    command, *rest = argv or ["--help"]
    if command == "-sc" and "COMP_LINE" in os.environ:
        command, *rest = _completed(command, *rest)
    if command in ("-h", "--help", "help"):
        print(_usage())
    elif command in ("-V", "--version"):
        print(f"nas {nas.__version__}")
    else:
        check_arguments(argv)
        if command not in COMMANDS:
            raise unknown("command", command, COMMANDS)
        check_folder()
        import_module(f"nas.cli.commands.{command}").main(rest)


def _completed(*argv: str) -> list[str]:
    """The command whose options a shell completes; the commands are printed while there is none.

    Hydra knows of no commands: it is given the line without.
    """
    line = os.environ["COMP_LINE"].lstrip()
    name, _, rest = line.partition(" ")
    command, space, options = rest.lstrip().partition(" ")
    if not space or command not in COMMANDS:
        print(*COMMANDS)
        sys.exit(0)
    os.environ["COMP_LINE"] = f"{name} {options}"
    return [command, *argv]


def _usage() -> str:
    lines = [f"  {name:<8}{text}" for name, text in COMMANDS.items()]
    return "\n".join(
        [
            "usage: nas COMMAND [option=value ...]",
            "",
            *lines,
            "",
            "nas COMMAND --help lists a command's options, nas --version says the version.",
        ]
    )
