"""The command line: finds the command, hands the rest to Hydra, turns mistakes into sentences."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import nas
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

    The exit code is 2 for a mistake that the user can correct, 1 for a search without any score,
    and 130 after Ctrl-C.
    """
    command, *rest = (sys.argv[1:] if argv is None else list(argv)) or ["--help"]
    try:
        if command == "-sc" and "COMP_LINE" in os.environ:
            command, *rest = _completed(command, *rest)
        if command in ("-h", "--help", "help"):
            print(_usage())
            sys.exit(0)
        if command in ("-V", "--version"):
            print(f"nas {nas.__version__}")
            sys.exit(0)
        if command not in COMMANDS:
            raise unknown("command", command, COMMANDS)
        import_module(f"nas.cli.commands.{command}").main(rest)
        sys.stdout.flush()
    except UsageError as error:
        _fail(f"nas: {error}", 2)
    except NothingFoundError as error:
        _fail(f"nas: {error}", 1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        _fail("nas: interrupted", 130)
    sys.exit(0)


def _completed(*argv: str) -> list[str]:
    """The command whose options a shell completes; without one, print the commands and exit.

    Hydra does not know our commands: the command is removed from the line that Hydra gets.
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


def _fail(message: str, code: int) -> NoReturn:
    sys.stdout.flush()
    print(" ".join(message.splitlines()), file=sys.stderr)
    sys.exit(code)
