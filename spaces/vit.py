"""Vision transformers as in AutoFormer's smallest space."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas import SPACES, Arch, Space
from spaces._images import Resolution, check_images, sides

if TYPE_CHECKING:
    from torch import nn


WIDTHS = (8, 9, 10)
"""The embedding widths, in units of `ViT.unit`."""
DEPTHS = (12, 13, 14)
HEADS = (3, 4)
RATIOS = (3.5, 4.0)
DEEPEST = max(DEPTHS)
LISTS = ("embed_dim", "num_heads", "mlp_ratio")
EXAMPLE = (
    '{"mlp_ratio": [4.0, ...], "num_heads": [3, ...], "embed_dim": [192, ...], "layer_num": 12}'
)


@SPACES.register("vit")
@dataclass(frozen=True)
class ViT(Space):
    """Vision transformers: AutoFormer's space "tiny" (Chen et al. 2021, arXiv:2107.00651).

    Decisions: embedding width (192, 216 or 240), number of layers (`DEPTHS`), then for each of 14
    layers its attention heads (`HEADS`), then for each its hidden width as a multiple of the
    embedding's (`RATIOS`). Decisions about layers beyond the depth do not matter and are 0 in a
    canonical form; `size` counts them, because all such tuples are members. The notation is the
    dictionary that configures a network in the reference code, as JSON: `mlp_ratio`, `num_heads`
    and `embed_dim` have one number a layer, `layer_num` is the depth; lists of 14 also say the
    options of layers beyond the depth.

    Macro: `resolution` and `patch` in pixels, `classes`, `unit` (the embedding's widths are 8, 9
    and 10 times `unit`), and `head_width`, the width of every head (64, as published; it does not
    depend on the embedding's width). The network is a pre-norm transformer with biases, class
    token and absolute positions. The reference can add relative positions; this network has none.
    So the smallest heads and the ratio 4 at width 192 and depth 12 are DeiT-tiny, with 5,717,416
    parameters at `resolution=224 patch=16`. The default is 32 pixels with patches of 4: it has 65
    tokens instead of 197, so that a batch of 256 needs less memory and time.

    Attention is not a fixed operation on equal channels, so there are modules and no layers. FLOPs
    also count the two products of attention. **Epsilon does not exist here**, by theory: a layer
    norm's output has mean 0 over its channels, and a linear layer of equal weights depends only on
    this mean, so everything after a norm is 0, also the logits. Proxies of ReLUs do not apply
    either; proxies of weights and gradients do.
    """

    resolution: Resolution = 32
    patch: int = 4
    classes: int = 1000
    unit: int = 24
    head_width: int = 64
    input_channels: int = 3

    shared_weights = None
    choices = (len(WIDTHS), len(DEPTHS), *[len(HEADS)] * DEEPEST, *[len(RATIOS)] * DEEPEST)
    release = (
        "no table of accuracies is published for it; the supernet's weights are at "
        "https://github.com/microsoft/Cream/tree/main/AutoFormer."
    )

    def __post_init__(self) -> None:
        for name in ("patch", "classes", "unit", "head_width"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)} must be at least 1")
        check_images(self, self.patch, f"patch={self.patch}")

    @property
    def _widths(self) -> tuple[int, ...]:
        return tuple(width * self.unit for width in WIDTHS)

    def parse(self, text: str) -> Arch:
        config = _config(text)
        depth = config["layer_num"]
        if type(depth) is not int or depth not in DEPTHS:
            raise ValueError(f"layer_num={depth} must be one of {_listed(DEPTHS)}")
        widths, heads, ratios = (
            _options(config, key, depth, values)
            for key, values in zip(LISTS, (self._widths, HEADS, RATIOS), strict=True)
        )
        if len(set(widths)) > 1:
            raise ValueError("embed_dim must be the same in every layer")
        beyond = [0] * DEEPEST
        return (
            widths[0],
            DEPTHS.index(depth),
            *(heads + beyond)[:DEEPEST],
            *(ratios + beyond)[:DEEPEST],
        )

    def format(self, arch: Arch) -> str:
        depth = DEPTHS[arch[1]]
        count = depth if arch == self.canonical(arch) else DEEPEST
        heads, ratios = _layers(arch)
        values = {
            "mlp_ratio": [RATIOS[option] for option in ratios[:count]],
            "num_heads": [HEADS[option] for option in heads[:count]],
            "embed_dim": [self._widths[arch[0]]] * count,
            "layer_num": depth,
        }
        return json.dumps(values)

    def canonical(self, arch: Arch) -> Arch:
        depth = DEPTHS[arch[1]]
        beyond = (0,) * (DEEPEST - depth)
        heads, ratios = _layers(arch)
        return (*arch[:2], *heads[:depth], *beyond, *ratios[:depth], *beyond)

    @property
    def inputs(self) -> tuple[int, ...]:
        return self.input_channels, *sides(self.resolution)

    def build(self, arch: Arch) -> nn.Module:
        from spaces._vision_transformer import VisionTransformer

        width, depth = self._widths[arch[0]], DEPTHS[arch[1]]
        heads, ratios = _layers(arch)
        layers = [
            (HEADS[head], int(RATIOS[ratio] * width))
            for head, ratio in zip(heads[:depth], ratios[:depth], strict=True)
        ]
        return VisionTransformer(
            width,
            layers,
            inputs=self.inputs,
            patch=self.patch,
            classes=self.classes,
            head_width=self.head_width,
        )


def _layers(arch: Arch) -> tuple[Arch, Arch]:
    """The options of all layers' heads, and the options of all layers' ratios."""
    return arch[2 : 2 + DEEPEST], arch[2 + DEEPEST :]


def _config(text: str) -> dict[str, object]:
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict) or set(config) != {"layer_num", *LISTS}:
        raise ValueError(f"'{text[:60]}' is no vision transformer: write JSON such as {EXAMPLE}")
    return config


def _options(
    config: dict[str, object], key: str, depth: int, values: Sequence[float]
) -> list[int]:
    """The options that a list names: one for each layer, or one for each of the 14 layers."""
    found = config[key]
    if not isinstance(found, list) or len(found) not in (depth, DEEPEST):
        raise ValueError(f"{key} must be a list of {depth} numbers, one a layer")
    for value in found:
        if isinstance(value, bool) or value not in values:
            raise ValueError(f"{key} must be made of {_listed(values)}, and not of {value!r:.20}")
    return [values.index(value) for value in found]


def _listed(values: Sequence[float]) -> str:
    return ", ".join(map(str, values))
