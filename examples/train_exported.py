"""Train an exported network: python train_exported.py [net.py [images.npz [steps]]].

The file is what `nas export format=source` or `nas_export.py` wrote. Torch is all that is needed.
The images are those of the .npz (arrays `images` and `labels`), or of cifar10_images.npz in the
folder $NAS_DATA; if there is no such file, stripes in four directions are drawn here.
"""

from __future__ import annotations

import os
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIZE = 16


def exported(file: Path) -> Any:
    """The exported file as a module of Python."""
    spec = spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def images(file: Path, generator: torch.Generator) -> tuple[Tensor, Tensor, str]:
    """Images of SIZE x SIZE pixels, their labels, and what they are."""
    if file.is_file():
        import numpy as np  # torch needs it for .npz files, too

        with np.load(file, allow_pickle=False) as arrays:
            pixels = torch.from_numpy(arrays["images"]).float().div(255)
            labels = torch.from_numpy(arrays["labels"]).long()
        if pixels.shape[-1] == 3:
            pixels = pixels.permute(0, 3, 1, 2)
        pixels = F.interpolate(pixels, (SIZE, SIZE), mode="area")
        return (pixels - pixels.mean()) / pixels.std(), labels, file.name
    labels = torch.arange(1024) % 4
    angle = labels * torch.pi / 4
    rows, columns = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    along = angle.cos()[:, None, None] * rows + angle.sin()[:, None, None] * columns
    shift = 6.3 * torch.rand(len(labels), 1, 1, generator=generator)
    stripes = torch.sin(along + shift)[:, None].repeat(1, 3, 1, 1)
    return stripes + torch.randn(stripes.shape, generator=generator), labels, "stripes"


def accuracy(model: nn.Module, inputs: Tensor, labels: Tensor) -> float:
    """The share of right answers, in evaluation mode."""
    model.eval()
    with torch.no_grad():
        right = model(inputs).argmax(dim=1) == labels
    model.train()
    return float(right.float().mean())


if __name__ == "__main__":
    net, *more = sys.argv[1:] or ["net.py"]
    folder = Path(os.environ.get("NAS_DATA", ""))
    data = Path(more[0]) if more else folder / "cifar10_images.npz"
    steps = int(more[1]) if len(more) > 1 else 50
    with torch.random.fork_rng():
        torch.manual_seed(0)
        inputs, labels, name = images(data, torch.default_generator)
        order = torch.randperm(len(inputs))
        test, train = order[:256], order[256:]
        model: nn.Module = exported(Path(net)).create_model(int(labels.max()) + 1)
        optimiser = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=5e-4)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.2, total_steps=steps)
        print(f"{name}: {len(train)} images to train with, {len(test)} to test with")
        for step in range(steps + 1):
            if step % 10 == 0 or step == steps:
                print(f"step {step:3}: accuracy {accuracy(model, inputs[test], labels[test]):.3f}")
            if step < steps:
                part = train[torch.randint(len(train), (64,))]
                loss = F.cross_entropy(model(inputs[part]), labels[part])
                optimiser.zero_grad()
                torch.autograd.backward(loss)
                optimiser.step()
                schedule.step()
