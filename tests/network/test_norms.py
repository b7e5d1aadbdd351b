"""A norm over a single value is refused in a sentence, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from random import Random

import pytest
import torch
from torch import nn

from nas import PROXIES, SPACES, NotApplicableError
from nas.data.sources import make_batch
from nas.network.norms import explain
from nas.scoring.objective import ProxyObjective
from tests.support.proxies import LOOKING

TINY = {
    "nasbench201": {"channels": 2, "cells": 1, "resolution": 4},
    "nats_size": {"resolution": 4},
    "transnas_micro": {"channels": 2, "classes": 5, "resolution": 32},
    "mnasnet": {"channels": 4, "classes": 3, "resolution": 32},
}
"""Sizes that leave a norm a single pixel."""
NORMS = {
    "BatchNorm2d": nn.BatchNorm2d(4),
    "without statistics": nn.BatchNorm2d(4, track_running_stats=False),
    "InstanceNorm2d": nn.InstanceNorm2d(4),
    "with statistics": nn.InstanceNorm2d(4, track_running_stats=True),
    "GroupNorm": nn.GroupNorm(4, 4),
    "of two": nn.GroupNorm(2, 4),
}


def cases() -> Iterator[tuple[str, bool, tuple[int, ...]]]:
    for name, training in product(NORMS, (True, False)):
        for shape in ((1, 4, 1, 1), (2, 4, 1, 1), (1, 4, 1, 2), (2, 4, 3, 3)):
            yield name, training, shape


@pytest.mark.parametrize(("name", "training", "shape"), list(cases()))
def test_what_pytorch_refuses_is_refused(
    name: str, training: bool, shape: tuple[int, ...]
) -> None:
    norm = NORMS[name].train(training)
    norm._forward_pre_hooks.clear()
    inputs = torch.ones(shape)
    try:
        expected = norm(inputs)
    except ValueError:
        expected = None
    explain(nn.Sequential(norm))
    if expected is None:
        with pytest.raises(NotApplicableError, match=r"of \d x 4 x 1 x 1 .* use (a|larger) "):
            norm(inputs)
    else:
        assert norm(inputs).shape == expected.shape


@pytest.mark.long
@pytest.mark.parametrize("space", TINY)
@pytest.mark.parametrize("size", [1, 2, 3])
def test_every_proxy_says_which_batch_it_needs(space: str, size: int) -> None:
    made = SPACES.build(space, **TINY[space])
    arch = made.sample(Random(1))
    batch = make_batch(made, size=size)
    for name in LOOKING:
        found = ProxyObjective(made, PROXIES.build(name), batch).evaluate(arch)
        assert "Error" not in found.reason, f"{name}: {found.reason}"
        assert "Expected" not in found.reason, f"{name}: {found.reason}"
        if size == 1 and name in ("grad_norm", "swap", "zen", "expressivity"):
            assert "one per channel" in found.reason
            assert "use a batch of 2 or more" in found.reason
