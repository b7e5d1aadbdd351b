"""Cells of NAS-Bench-201 in float64, as modules."""

from __future__ import annotations

from torch import nn

from tests.support.nets import OneModule
from tests.support.small import small


class Double(OneModule):
    """Small NAS-Bench-201 in float64, as layers' module."""

    choices = (5,) * 6

    def __init__(self) -> None:
        self.space = small("nasbench201")

    def build(self, arch: tuple[int, ...]) -> nn.Module:
        return self.space.build(arch).double()
