"""Draws an architecture, a network or a module."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from nas.arch import Arch
from nas.candidate import Candidate
from nas.errors import UsageError
from nas.network import Network
from nas.network.drawing import Diagram, Drawing
from nas.network.drawing.colours import Theme
from nas.network.drawing.drawing import What, draw_layers, drawn
from nas.space import SPACES, Space

if TYPE_CHECKING:
    from torch import Tensor, nn

THEMES = ("auto", "light", "dark")
WHAT = ("cell", "network", "both")


def draw(
    space: Space | str | Network | nn.Module,
    arch: Arch | str | None = None,
    *,
    what: What = "both",
    live: bool = True,
    theme: Theme = "auto",
    title: str | None = None,
    inputs: Tensor | None = None,
) -> Drawing:
    """The drawing of an architecture of a space, of a network, or of a module with its `inputs`.

    A drawing has `svg`, `png`, `mermaid` and `dot`, is saved by `save(path)`, and shows itself in
    a notebook. `what`: the `network` as blocks, the `cell` that is its most frequent block, or
    `both`. `live`: an architecture without the layers that cannot change its output. `theme`: auto
    (an SVG follows the reader's system, a PNG is light), light or dark. Raises UsageError for what
    is not in the space, or for a module that neither torch.fx nor torch.export can follow.

    >>> from nas import draw
    >>> drawing = draw("nasbench201", (3, 0, 0, 1, 3, 0))
    >>> [diagram.title for diagram in drawing.diagrams]
    ['nasbench201', 'cell', 'reduction']
    >>> [box.label for box in drawing.diagrams[1].boxes]
    ['input', 'conv 3×3', 'conv 3×3', '+', 'output']
    """
    if what not in WHAT:
        raise UsageError(f"what={what} must be cell, network or both")
    if theme not in THEMES:
        raise UsageError(f"theme={theme} must be auto, light or dark")
    if isinstance(space, Network):
        return _layers(space, title or "network", what, theme)
    if isinstance(space, Space | str):
        chosen = SPACES.build(space) if isinstance(space, str) else space
        if arch is None:
            raise UsageError("draw needs an architecture of the space")
        read = chosen.read(arch) if isinstance(arch, str) else chosen.checked(arch)
        name = title or (space if isinstance(space, str) else type(space).__name__)
        drawing = _candidate(Candidate(chosen, read, live=live), name, what, theme)
        return replace(drawing, caption=chosen.format(read))
    from nas.network.drawing.given import copied, tensor

    copy, name = copied(space), type(space).__name__
    if inputs is None:
        raise UsageError(f"draw needs the inputs= of this {name}, a batch of two examples or more")
    return _module(copy, tensor(inputs), title or name, what, theme)


def _candidate(candidate: Candidate, title: str, what: What, theme: Theme) -> Drawing:
    network = candidate.network
    if network is not None:
        return _layers(network, title, what, theme)
    import torch

    space = candidate.space
    kind = torch.float32 if space.vocabulary is None else torch.int64
    try:  # shapes are enough, and no weight is allocated
        inputs = torch.zeros(2, *space.inputs, dtype=kind, device="meta")
        return _module(candidate.skeleton(), inputs, title, what, theme)
    except Exception:  # of any author: some modules read their numbers
        inputs = torch.zeros(2, *space.inputs, dtype=kind)
        return _module(candidate.model(as_built=True), inputs, title, what, theme)


def _layers(network: Network, title: str, what: What, theme: Theme) -> Drawing:
    own = (network.layers, network.shapes, network.blocks)
    return draw_layers(*own, title=title, what=what, theme=theme)


def _module(model: nn.Module, inputs: Tensor, title: str, what: What, theme: Theme) -> Drawing:
    from nas.network.drawing.traced import SelfPictured, traced

    if isinstance(model, SelfPictured):
        return Drawing(title, _chosen(model.diagrams(), what), theme)
    try:
        return drawn(traced(model, inputs), title=title, what=what, theme=theme)
    except UsageError:
        raise
    except Exception as error:  # of a graph that nobody has thought of
        raise UsageError(
            f"this {type(model).__name__} cannot be drawn ({type(error).__name__}: "
            f"{str(error).partition(chr(10))[0][:160]})"
        ) from error


def _chosen(diagrams: Sequence[Diagram], what: What) -> tuple[Diagram, ...]:
    """Of diagrams, the whole first, those that are asked for."""
    if what == "both" or len(diagrams) < 2:
        return tuple(diagrams)
    return tuple(diagrams[:1] if what == "network" else diagrams[1:])
