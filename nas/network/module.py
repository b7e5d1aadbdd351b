"""The `nn.Module` of a network."""

from __future__ import annotations

from torch import Tensor, nn

from nas.network import Network
from nas.network.modules import module

__all__ = ["NetworkModule", "module"]


class NetworkModule(nn.Module):
    """A network's layers as modules, run in order; a tensor is freed after its last use."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        self.layers = nn.ModuleList(module(layer.op) for layer in network.layers)
        self._last_use = {
            earlier: index
            for index, layer in enumerate(network.layers)
            for earlier in (*layer.inputs, index)
        }

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (batch, classes) of inputs (batch, channels, height, width)."""
        values: dict[int, Tensor] = {}
        for index, layer in enumerate(self.network.layers):
            arguments = [values[earlier] for earlier in layer.inputs] or [inputs]
            output: Tensor = self.layers[index](*arguments)
            for earlier in set(layer.inputs):
                if self._last_use[earlier] == index:
                    del values[earlier]
            if self._last_use[index] > index:
                values[index] = output
        return output
