"""`nas export`: a network as source, weights, a program of torch.export, ONNX or JSON."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from nas.cli.arguments import is_notation, names_a_path
from nas.cli.composition import positional, run_hydra
from nas.cli.config_files import options_of
from nas.cli.settings import ExportSettings
from nas.cli.winners import with_winners
from nas.errors import UsageError
from nas.storage.files import is_there, path_of, replace_file, working_in


def main(argv: Sequence[str]) -> None:
    """Export the architecture, or the winner of the run, that the arguments name."""
    options = {*options_of("export"), "hydra"}
    words, rest = positional(argv, lambda word: names_a_path(word) or is_notation(word, options))
    if len(words) == 1 and "/" in words[0] and not is_there(path_of(words[0])):
        raise UsageError(f"there is no run or file {words[0]}")
    words, rest = with_winners(words, rest)

    def task(settings: ExportSettings) -> None:
        if len(words) != 1:
            raise UsageError(
                f"export needs one run's folder or one architecture, not {len(words)}: "
                f"nas export RUN format=source"
            )
        run(words[0], settings)

    run_hydra("export", ExportSettings, task, rest)


def run(text: str, settings: ExportSettings) -> None:
    """Write the file; if anything is wrong, nothing is written."""
    from nas.candidate import Candidate
    from nas.cli.build import build_space
    from nas.exporting import Model, content, format_of, suffix

    if settings.out:
        _check_free(path_of(settings.out, "out="), settings)
    format = format_of(settings.format, settings.out)
    space = build_space(settings.space)
    candidate = Candidate(space, space.read(text), settings.seed, live=settings.live)
    model = Model(candidate, settings.space.name, settings.space.options)
    name = settings.out or f"{settings.space.name}{suffix(format)}"
    out = path_of(name, "out=")
    _check_free(out, settings)
    if format == "onnx":
        print("exporting to ONNX, which may take a minute or more", file=sys.stderr, flush=True)
    made = content(model, format)
    with working_in(out.parent):
        _check_free(out, settings)
        replace_file(out, made)
    print(f"{out}  {len(made):,} bytes  {format} of {model.arch}")


def _check_free(out: Path, settings: ExportSettings) -> None:
    if is_there(out) and out.is_dir():
        raise UsageError(f"{out} is a folder: give out= the name of a file")
    if is_there(out) and not settings.replace:
        raise UsageError(f"{out} is there already: replace=true replaces it, or give out=FILE")
