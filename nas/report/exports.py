"""How a reader makes a network, or a picture, of the architecture that a search returns."""

from __future__ import annotations

import shlex

from nas.exporting.formats import suffix
from nas.report.page import Html, command, mono, paragraph
from nas.report.run import Run
from nas.space import SPACES

FORMATS = ("source", "weights", "pt2", "onnx", "json")


def export_parts(run: Run) -> list[str]:
    """The commands that make a network of the winner, or the calls where no command can."""
    folder = shlex.quote(str(run.folder))
    name, first = str(run.summary["space"]), _format(run)
    if run.space is None:
        told = "Its space is known to the program that searched: space.build(arch) makes it."
        return [paragraph(told)]
    if name not in SPACES:
        return _from_python(first)
    told = "As Python source that needs PyTorch alone:"
    if first != "source":
        told = "As a program of torch.export, which needs PyTorch alone:"
    more = [each for each in FORMATS[FORMATS.index("weights") :] if each != first]
    return [
        paragraph(told),
        command(f"{run.before}nas export {folder} format={first} out={name}{suffix(first)}"),
        paragraph(
            Html(f"Other formats: {', '.join(map(mono, more))}. As a picture in a file:"),
        ),
        command(f"{run.before}nas draw {folder} out={name}.svg"),
    ]


def export_command(run: Run) -> str:
    """The one command that exports the winner; empty where only a program can."""
    if run.space is None or run.summary["space"] not in SPACES:
        return ""
    return f"{run.before}nas export {shlex.quote(str(run.folder))} format={_format(run)}"


def _format(run: Run) -> str:
    """The format that needs nothing but PyTorch: source is written from layers alone."""
    if run.space is None or run.winner is None or run.space.network(run.winner) is not None:
        return "source"
    return "pt2"


def _from_python(format: str) -> list[str]:
    """The calls for a space that no command knows by its name."""
    told = (
        f"Its space is known to its own program alone, so no command exports it. The program "
        f"does, where {mono('found')} is what nas.search returned:"
    )
    return [
        paragraph(Html(told)),
        command(
            "import nas\n\n"
            f'nas.export(found.space, found.best.arch, out="net{suffix(format)}")\n'
            'nas.draw(found.space, found.best.arch).save("net.svg")'
        ),
    ]
