"""A batch as the kernels read it, and the buffers that they work in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nas.collapse.kernels import STATE, Values, Work, prepare, run
from nas.collapse.program import Program


class Planes:
    """A batch (channel, height, width, batch) for the kernels, and buffers to work in.

    The values are contiguous, finite, and float32 or float64.
    """

    def __init__(self, values: Values) -> None:
        self.batch = values.shape[-1]
        flat = values.reshape(len(values), -1)
        self.values = np.concatenate([flat, flat.sum(0, dtype=flat.dtype)[None]])
        self.moments = np.stack(
            [self.values.mean(1, np.float64), self.values.std(1, np.float64)], axis=1
        )
        self.arenas: list[Values] = []

    def outputs(self, program: Program, weights: Sequence[float]) -> tuple[Values, Values]:
        """The program's outputs under every weight: values and the logarithms of their scales.

        Values have the shape (weight, output, height * width * batch) and are float64; scales have
        the shape (weight, output). Several threads may call this: each takes its own buffers.
        """
        shapes = program.nodes[program.outputs, 5:]
        size = self.batch * int(shapes.prod(axis=1).max())
        results = np.empty((len(weights), len(shapes), size))
        scales = np.empty(results.shape[:2])
        try:
            arena = self.arenas.pop()
        except IndexError:
            arena = self.arena(program, 8)
        if arena.shape[1] < _room(program, self.batch):
            arena = self.arena(program, len(arena))
        while not run(self.work(program, weights, arena), results, scales):
            arena = self.arena(program, 2 * len(arena))
        self.arenas.append(arena)
        return results, scales

    def arena(self, program: Program, buffers: int) -> Values:
        """Buffers (number, size), each large enough for any map of the program."""
        return np.empty((buffers, _room(program, self.batch)), self.values.dtype)

    def work(self, program: Program, weights: Sequence[float], arena: Values) -> Work:
        """What the kernels need to compute the program."""
        count, places, buffers = len(program.nodes), len(program.sources), arena[1:]
        state = np.empty((len(weights), count), STATE)
        given = state.view(np.int64).reshape(*state.shape, -1)  # the fields of `kernels.GIVEN`
        given[..., :7] = program.nodes
        given[..., 7], given[..., 8] = program.first[:-1], program.first[1:]
        settled = np.empty(len(weights), np.int64)
        logarithms = np.log(np.array(weights, np.float64))
        prepare(state, program, logarithms, self.moments, settled, len(buffers))
        return Work(
            program,
            state,
            logarithms,
            self.values,
            buffers,
            buffers.view(np.float64),
            np.zeros(len(buffers), np.int64),
            arena[0],
            np.empty(places),
            np.empty(count + places + 1, np.int64),
            settled,
            self.batch,
            float(np.finfo(arena.dtype).eps),
        )


def _room(program: Program, batch: int) -> int:
    """The size of a buffer: it holds a map, or a row with its padding.

    It is even, so that the same memory can be read as float64.
    """
    heights, widths = program.nodes[:, 5], program.nodes[:, 6]
    size = batch * max(int((heights * widths).max()), int(widths.max()) + 2)
    return size + size % 2
