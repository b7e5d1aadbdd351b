"""`nas convert`: makes a table of true figures from another table or an official release."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nas.cli.arguments import names_a_path
from nas.cli.composition import positional, run_hydra
from nas.cli.config_files import quoted
from nas.cli.settings import ConvertSettings
from nas.errors import UsageError
from nas.space import SPACES
from nas.storage.files import is_there, path_of, replace_file, working_in

if TYPE_CHECKING:
    from nas.compare import Table
    from nas.compare.conversion import Converted
    from nas.space import Space


def main(argv: Sequence[str]) -> None:
    """Convert the file or folder that the arguments name."""
    words, rest = positional(argv, names_a_path)  # its name may contain =

    def task(settings: ConvertSettings) -> None:
        if len(words) != 1:
            raise UsageError(f"convert needs one file, not {len(words)}: nas convert FILE")
        run(path_of(words[0]), settings)

    run_hydra("convert", ConvertSettings, task, rest)


def run(source: Path, settings: ConvertSettings) -> None:
    """Convert as the settings say; if anything is wrong, nothing is written."""
    from nas.compare.conversion import content, converted

    space = SPACES.configured(settings.space)
    out = _out(settings)
    _check_free(out, settings)
    table = _opened(source, space)
    made = converted(
        table, space, settings.arch, settings.columns, settings.duplicates, settings.foreign
    )
    with working_in(out.parent):
        _check_free(out, settings)
        replace_file(out, content(made.frame))
    print(_report(made, space, out, settings))


def _opened(source: Path, space: Space) -> Table:
    """The table in a file, or the table of an official release; no code in it runs."""
    from nas.compare.conversion import table_of
    from nas.data.tables import SUFFIXES, read
    from nas.runs.progress import Progress

    if not is_there(source):
        raise UsageError(f"there is no file {source}")
    if source.is_file() and source.name.endswith(SUFFIXES):
        return read(source)
    with Progress(space.size, comparable=False, unit="architectures") as progress:

        def watched() -> Iterator[tuple[str, dict[str, float]]]:
            for row in space.released(source):
                yield row
                progress.advance()

        return table_of(source, watched())


def _out(settings: ConvertSettings) -> Path:
    """The file to write."""
    from nas.data.tables import data_folder

    out = settings.out
    if out is None:
        folder = data_folder(settings.data_dir, there=False)
        return folder / f"{settings.space.name}.csv.gz"
    if not out.endswith(".csv.gz"):
        raise UsageError(f"out={out} must be the name of a file that ends in .csv.gz")
    return path_of(out, "out=")


def _check_free(out: Path, settings: ConvertSettings) -> None:
    if is_there(out) and out.is_dir():
        raise UsageError(f"{out} is a folder")
    if is_there(out) and not settings.replace:
        raise UsageError(f"{out} is there already: replace=true replaces it, or give out=FILE")


def _report(made: Converted, space: Space, out: Path, settings: ConvertSettings) -> str:
    """The text that says what was written, and the command that uses it."""
    _, *figures = made.frame.columns
    return "\n".join(
        [
            f"file     {out}",
            f"rows     {len(made.frame):,} of the space's {space.size:,}",
            f"columns  {', '.join(figures)}",
            *(f"note     {note}" for note in made.notes),
            "use it with",
            f"  {_use(out, figures[0], settings)}",
        ]
    )


def _use(out: Path, target: str, settings: ConvertSettings) -> str:
    """The command that compares with the table; it gives a file only if the name is not enough."""
    from nas.data.tables import data_folder, find

    name = out.name.removesuffix(".csv.gz")
    folder = data_folder(os.environ.get("NAS_DATA"), there=False)
    found = None if Path(name).exists() else find(name, folder)
    by_name = found is not None and found.resolve() == out.resolve()
    words = [
        "nas",
        "compare",
        f"space={settings.space.name}",
        f"table={quoted(name if by_name else str(out))}",
        f"target={quoted(target)}",
    ]
    return shlex.join(words)
