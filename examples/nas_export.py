"""A search's winner as a file of plain PyTorch, and a model made from the file by its name.

A training script needs `create_model` alone; it imports torch and nothing of the search.
"""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from torch import nn


def create_model(file: str | Path, num_classes: int) -> nn.Module:
    """The network in an exported file, with fresh weights; as in timm, a call and no class."""
    spec = spec_from_file_location(Path(file).stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    model: nn.Module = module.create_model(num_classes=num_classes)
    return model


if __name__ == "__main__":
    import nas
    from nas import SPACES

    space = SPACES.build("nasbench201", channels=8, cells=1, resolution=16)
    found = nas.search(space, "flops", "evolution", budget=200, finals=None)
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "net.py")
    nas.export(space, found.arch, "source", out, replace=True)
    model = create_model(out, num_classes=4)
    weights = sum(parameter.numel() for parameter in model.parameters())
    print(f"{found.arch}\n{out.name}: {weights:,} weights")
