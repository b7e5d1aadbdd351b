"""`nas draw`: the picture of an architecture, or of the best one that a search found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nas.cli.arguments import is_notation, names_a_path
from nas.cli.build import build_space
from nas.cli.composition import positional, run_hydra
from nas.cli.config_files import options_of
from nas.cli.settings import DrawSettings
from nas.cli.winners import with_winners
from nas.errors import UsageError, unknown
from nas.network.drawing.drawing import FORMATS, SUFFIXES
from nas.storage.files import is_there, path_of


def main(argv: Sequence[str]) -> None:
    """Draw the architecture or the run that the arguments name."""
    options = {*options_of("draw"), "hydra"}
    words, rest = positional(argv, lambda word: names_a_path(word) or is_notation(word, options))
    names = [path_of(word).resolve().stem for word in words if names_a_path(word)]
    words, rest = with_winners(words, rest)

    def task(settings: DrawSettings) -> None:
        for option in (word.partition("=")[0] for word in words if "=" in word):
            if option in ("module", "file", "inputs"):
                raise UsageError(
                    f"nas draw has no {option}=, for it draws architectures of spaces: a network "
                    f"of your own is drawn in Python, nas.draw(module, inputs=(3, 32, 32))"
                )
            if len(words) > 1 and option.isidentifier():
                raise unknown("option of nas draw", option, options - {"hydra"})
        if len(words) != 1:
            raise UsageError(
                f"draw needs one architecture or one run's folder, not {len(words)}: "
                f"nas draw ARCH|RUN"
            )
        run(settings, words[0], *names)

    run_hydra("draw", DrawSettings, task, rest)


def run(settings: DrawSettings, word: str, name: str | None = None) -> None:
    """Write the picture of an architecture into a file, named after the run, and say which."""
    format = _format(settings)
    space = build_space(settings.space)
    arch = space.read(word)
    out = path_of(settings.out or f"{name or settings.space.name}.{FORMATS[format]}", "out=")
    if is_there(out) and out.is_dir():
        raise UsageError(f"{out} is a folder")
    if is_there(out) and not settings.replace:
        raise UsageError(f"{out} is there already: replace=true replaces it, or give out=FILE")
    from nas.drawing import draw

    drawing = draw(
        space,
        arch,
        what=settings.what,
        live=settings.live,
        theme=settings.theme,
        title=settings.space.name,
    )
    drawing.save(out, format)
    print(f"arch     {space.format(arch)}")
    print(f"shows    {', '.join(diagram.title for diagram in drawing.diagrams)}")
    print(f"file     {out}")


def _format(settings: DrawSettings) -> str:
    """The format that is asked for, or that the file's suffix names."""
    if settings.out is None:
        return settings.format or "svg"
    suffix = Path(settings.out).suffix.removeprefix(".").lower()
    found = SUFFIXES.get(suffix)
    if settings.format is not None:
        if found not in (None, settings.format):
            raise UsageError(
                f"out={settings.out} is a name for format={found}, and format={settings.format} "
                f"is asked for: end it in .{FORMATS[settings.format]}, or leave format= out"
            )
        return settings.format
    if found is None:
        known = ", ".join(f".{each}" for each in FORMATS.values())
        raise UsageError(f"out={settings.out} names no format: end it in {known}, or give format=")
    return found
