"""A batch as the kernels read it, and the buffers that they work in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nas.collapse.kernels import STATE, Values, Work, prepare, run
from nas.collapse.program import PLANE, Program, has_gates

ROW = 2**16
"""Bytes of a row of all of a block's images: some rows together fit the second-level cache."""
WHOLE = 2**22
"""A map of more numbers is measured piece by piece, so that no copy of it is made."""
BUFFERS = 8
"""How many buffers there are at first."""

Rooms = list[NDArray[np.uint8]]
"""Memory that no thread uses; buffers of any dtype are made of it."""


class Planes:
    """A batch (channel, height, width, batch) for the kernels, and buffers to work in.

    The values are finite, in any order in memory; they are read as `dtype`, float32 or float64, by
    default their own. `rooms` may be those of another dtype's planes.
    """

    def __init__(
        self, values: Values, dtype: DTypeLike | None = None, rooms: Rooms | None = None
    ) -> None:
        _, _, width, self.batch = values.shape
        self.dtype = np.dtype(values.dtype if dtype is None else dtype)
        fitting = ROW // (width * self.dtype.itemsize) // 16 * 16
        self.block = min(self.batch, max(16, fitting))
        """How many images a block has; the last block may have fewer."""
        if width * self.batch * self.dtype.itemsize <= ROW:
            self.block = self.batch
        self.channels = values
        self.rooms: Rooms = [] if rooms is None else rooms
        row, moments = self._row(0), []
        total = row.copy()
        moments.append(_moments(row))
        for channel in range(1, len(values)):
            row = self._row(channel, row)
            moments.append(_moments(row))
            total += row
        self.values: Values = total[np.newaxis]
        """The sum of all channels; once a program needs them also the channels, the last first."""
        self.moments = np.array([*moments, _moments(total)])

    def _row(self, channel: int, out: Values | None = None) -> Values:
        """A channel as the kernels read it, written to `out` if that is given."""
        values = self.channels[channel]
        out = np.empty(values.size, self.dtype) if out is None else out
        for start, end, part in self.blocks(out):
            part.reshape(*values.shape[:2], -1)[...] = values[:, :, start:end]
        return out

    def blocks(self, line: Values) -> Iterator[tuple[int, int, Values]]:
        """For every block its first image, the one after its last, and its part of a map."""
        pixels = line.shape[-1] // self.batch
        for start in range(0, self.batch, self.block):
            end = min(start + self.block, self.batch)
            yield start, end, line[..., pixels * start : pixels * end]

    def outputs(
        self, program: Program, weights: Sequence[float]
    ) -> Iterator[tuple[Values, Values]]:
        """The program's outputs under one weight after the other: values and their scales.

        The values have the shape (output, height * width * batch), image by image, and are
        float64; the scales are logarithms, one an output. A pass is computed when it is asked
        for. Several threads may call this: each takes its own buffers.
        """
        shapes = program.nodes[program.outputs, 5:]
        size = self.batch * int(shapes.prod(axis=1).max())
        results = np.empty((len(weights), len(shapes), size))
        scales = np.empty(results.shape[:2])
        if len(self.values) == 1 and _needs_channels(program, len(self.channels)):
            channels = [self._row(channel) for channel in range(len(self.channels))]
            self.values = np.stack([self.values[0], *channels[::-1]])
        try:
            room = self.rooms.pop()
        except IndexError:
            room = np.empty(0, np.uint8)
        arena = self.arena(program, BUFFERS, room)
        del room
        gates = True if has_gates(program) else None
        work, begun = self.work(program, weights, arena), 0
        try:
            for number in range(len(weights)):
                while not run(work, results, scales, gates, begun, number + 1):
                    buffers, begun = 2 * len(arena), 0
                    del work  # first, so that there are never both
                    arena = np.empty((0, 0), self.dtype)
                    arena = self.arena(program, buffers)
                    work = self.work(program, weights, arena)
                begun = number + 1
                yield self._by_image(results[number]), scales[number]
        finally:
            self.rooms.append(arena.reshape(-1).view(np.uint8))

    def _by_image(self, results: Values) -> Values:
        pixels = results.shape[-1] // self.batch
        if pixels == 1:
            return results
        parts = [
            part.reshape(len(results), pixels, end - start).swapaxes(1, 2)
            for start, end, part in self.blocks(results)
        ]
        return np.concatenate(parts, axis=1).reshape(results.shape)

    def arena(
        self, program: Program, buffers: int, room: NDArray[np.uint8] | None = None
    ) -> Values:
        """Buffers (number, size), each large enough for any map; `buffers` or more of the room."""
        size = _room(program, self.batch)
        fitting = 0 if room is None else room.nbytes // (size * self.dtype.itemsize)
        if room is None or fitting < buffers:
            return np.empty((buffers, size), self.dtype)
        return room[: fitting * size * self.dtype.itemsize].view(self.dtype).reshape(fitting, size)

    def work(self, program: Program, weights: Sequence[float], arena: Values) -> Work:
        """What the kernels need to compute the program."""
        count, places, buffers = len(program.nodes), len(program.sources), arena[1:]
        state = np.empty((len(weights), count), STATE)
        given = state.view(np.int64).reshape(*state.shape, -1)  # the fields of `kernels.GIVEN`
        given[..., :7] = program.nodes
        given[..., 7], given[..., 8] = program.first[:-1], program.first[1:]
        settled = np.empty(len(weights), np.int64)
        logarithms = np.log(np.array(weights, np.float64))
        slots = len(buffers)
        prepare(state, program, logarithms, self.moments, settled, slots, self.batch)
        return Work(
            program,
            state,
            logarithms,
            self.values,
            buffers,
            buffers.view(np.float64),
            np.zeros(slots, np.int64),
            arena[0],
            np.empty(places),
            np.empty(count + places + 1, np.int64),
            settled,
            self.batch,
            self.block,
            float(np.finfo(arena.dtype).eps),
        )


def _needs_channels(program: Program, total: int) -> bool:
    """Whether anything but the sum of the input's channels is read."""
    planes = np.flatnonzero(program.nodes[:, 0] == PLANE)
    channels = planes[program.sources[program.first[planes]] < total]
    read = np.ones(len(program.sources), bool)
    read[program.first[planes]] = False
    return bool(np.isin(channels, [*program.sources[read], *program.outputs]).any())


def _moments(row: Values) -> tuple[float, float]:
    """Mean and standard deviation."""
    if row.size <= WHOLE:
        return float(row.mean(dtype=np.float64)), float(row.std(dtype=np.float64))
    pieces = [row[start : start + WHOLE] for start in range(0, row.size, WHOLE)]
    mean = sum(float(piece.sum(dtype=np.float64)) for piece in pieces) / row.size
    squares = sum(float(np.square(piece - mean).sum(dtype=np.float64)) for piece in pieces)
    return mean, sqrt(squares / row.size)


def _room(program: Program, batch: int) -> int:
    """The size of a buffer: it holds a map, or a row with its padding.

    It is even, so that the same memory can be read as float64.
    """
    heights, widths = program.nodes[:, 5], program.nodes[:, 6]
    size = batch * max(int((heights * widths).max()), int(widths.max()) + 2)
    return size + size % 2
