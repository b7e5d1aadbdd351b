"""Writes an exported network to a file."""

from __future__ import annotations

from pathlib import Path

from nas.arch import Arch
from nas.candidate import Candidate
from nas.errors import UsageError
from nas.exporting.formats import content, format_of, model_of, suffix
from nas.space import SPACES, Space
from nas.storage.files import replace_file, working_in


def export(
    space: Space | str,
    arch: Arch | str,
    format: str | None = None,
    out: str | Path | None = None,
    *,
    seed: int = 0,
    live: bool = True,
    replace: bool = False,
) -> Path:
    """Write a network to a file and return the file's path.

    `format`: `source` (one Python file in plain PyTorch), `weights` (safetensors), `pt2`
    (`torch.export`), `onnx`, or `json`; None takes the one that the suffix of `out` names, or
    `source`. `out`: the file; None for the space's name in the current folder. `seed`: of the
    weights. Raises UsageError for a wrong argument, such as a suffix of another format, if the
    file is there and `replace` is false, or if a package is missing (`epsilon-nas[export]` has
    them).
    """
    format = format_of(format, out)
    made = SPACES.build(space) if isinstance(space, str) else space
    read = made.read(arch) if isinstance(arch, str) else made.checked(arch)
    model = model_of(Candidate(made, read, seed, live=live))
    path = Path(out or f"{model.space}{suffix(format)}")
    if path.exists() and not replace:
        raise UsageError(f"{path} is there already: replace=True replaces it, or give out=")
    written = content(model, format)
    with working_in(path.parent):
        replace_file(path, written)
    return path
