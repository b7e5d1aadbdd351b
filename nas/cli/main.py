"""The command line: finds the command, hands the rest to Hydra, turns mistakes into sentences."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from importlib import import_module
from typing import NoReturn

import nas
from nas.cli import streams
from nas.cli.refusals import check_arguments, check_folder
from nas.errors import NothingFoundError, UsageError, unknown
from nas.runs.stopping import EndedError, ending, stoppable, within_limits

COMMANDS = {
    "search": "find the best architecture of a space by a proxy, training nothing",
    "study": "variants of a search over seeds: curves, and one table with paired tests",
    "compare": "how well proxies agree with true figures, with coverage and uncertainty",
    "convert": "a table of true figures out of a file or an official release",
    "fit": "a surrogate: a model of a table's columns, for all architectures of the space",
    "score": "score architectures given by name",
    "draw": "the picture of an architecture or of a search's best: SVG, PNG, Mermaid, DOT",
    "train": "train an architecture or an exported network: weights, figures, learning curve",
    "table": "train a sample of architectures and write a table of their figures",
    "proxify": "the cheapest training that still ranks architectures as a full one does",
    "export": "a network as one Python file, weights, torch.export, ONNX or JSON",
    "report": "the summary of a search again, or the table of a sweep or a study, from its folder",
    "new": "a package with a plugin of your own, ready to change",
    "list": "the plugins of every kind and the tables there are",
}

MORE = {
    "help": "about a command, a plugin with its options (nas help proxy=NAME), or an option",
    "completion": "let the shell complete commands, options and names",
}
"""Commands without settings."""

_stopped: list[int] = []
"""The exit code where a signal ends the command."""


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command that the arguments name, and exit.

    The exit code is 2 for a mistake that the user can correct, 1 for a search without any score,
    130 after Ctrl-C, 143 after a kill (SIGTERM), and 129 if the terminal was closed (SIGHUP).
    """
    alone = argv is None
    if alone:
        atexit.register(_leave)  # before anything is imported, so that it comes last
    streams.prepare()
    # a call from Python must not end the caller's process
    with within_limits(_end) if argv is None else nullcontext(), stoppable():
        try:
            try:
                _run(sys.argv[1:] if argv is None else list(argv), alone)
            finally:  # what was printed before is written in any case
                sys.stdout.flush()
        except Exception as error:
            if (end := ending(error)) is not None:
                _stop(end)
            if isinstance(error, UsageError):
                streams.fail(f"nas: {error}", 2)
            if isinstance(error, NothingFoundError):
                streams.fail(f"nas: {error}", 1)
            if isinstance(error, BrokenPipeError):
                streams.drop(sys.stdout)
                sys.exit(1)
            raise
        except KeyboardInterrupt as error:
            _stop(error)
        except SystemExit as stop:
            if stop.code == 128 + signal.SIGINT:
                _stopped.append(stop.code)
            raise
    sys.exit(0)


def _run(argv: Sequence[str], alone: bool) -> None:
    """Run the command that the arguments name; `alone` means that the process does no more."""
    command, *rest = argv or ["--help"]
    if command == "-sc" and "COMP_LINE" in os.environ:
        command, *rest = _completed(command, *rest)
    if command in MORE and (not rest or {"-h", "--help"} & {*rest}):
        command = "--help"
    if command in ("-h", "--help"):
        print(_usage())
    elif command in ("-V", "--version"):
        print(f"nas {nas.__version__}")
    else:
        check_arguments(argv)
        if command not in {**COMMANDS, **MORE}:
            raise unknown("command", command, [*COMMANDS, *MORE])
        if command in MORE:
            import_module(f"nas.cli.commands.{command}").main(rest, COMMANDS)
        elif {"-h", "--help"} & {*rest}:
            from nas.cli.help import page

            print(page(command, rest))
        else:
            check_folder()
            with _uncollected() if alone else nullcontext():
                module = import_module(f"nas.cli.commands.{command}")
            module.main(rest)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no garbage among what is made here, now and later: imported modules stay.

    Looking at all of PyTorch again and again is a fifth of the time that importing it takes.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


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
    lines = [f"  {name:<12}{text}" for name, text in {**COMMANDS, **MORE}.items()]
    return "\n".join(
        [
            "usage: nas COMMAND [option=value ...]",
            "",
            *lines,
            "",
            "nas COMMAND --help says every option of a command, nas help proxy=NAME those of a",
            "plugin and its source, nas list the names, nas --version the version.",
        ]
    )


def _stop(error: KeyboardInterrupt) -> NoReturn:
    number = error.number if isinstance(error, EndedError) else signal.SIGINT
    _stopped.append(128 + number)
    try:
        message = "nas: interrupted" if number == signal.SIGINT else f"nas: {error}"
        streams.fail(message, 128 + number)
    except OSError:  # the terminal is gone; nothing is left to be written when Python ends
        for stream in (sys.stdout, sys.stderr):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        sys.exit(128 + number)


def _leave() -> None:
    """Exit with the code of an interruption, even if a library has swallowed it."""
    gc.freeze()  # or Python looks for garbage in all modules once more, which takes half a second
    if _stopped:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(_stopped[0])


def _end() -> NoReturn:
    """End this process and its children at once, even where Python is not listening."""
    if not _stopped:
        with suppress(OSError, ValueError):
            os.write(2, b"\nnas: interrupted\n" if os.isatty(2) else b"nas: interrupted\n")
    if (spawning := sys.modules.get("nas.scoring.executors.spawning")) is not None:
        spawning.end_at_once(128 + signal.SIGINT)
    os._exit(128 + signal.SIGINT)
