"""Compiled code that runs a `Program`: one call for each network, one thread, no Python inside.

A map lies in memory as (block, height, width, images of the block), so that every loop runs over
neighbours, and a few rows of large images fit the caches. A node is a view of a buffer:
max(p * values + q, least), times exp(scale). ReLU, batch norms and weights change these four
numbers only. Sums, windows, gates, products and the spatial mean make new values; each of them is
one pass over memory, which reads its sources through their views.

Two savings:

- Up to the first sum of several terms the values do not depend on the weight. They are computed
  once for all weights.
- Nodes are computed on demand, from the output back. A node that is not computed yet has a bound
  on its size. A term that must lie below the last digit of its sum is left out, and so are the
  nodes that only this term needs.

All compiled functions are in this file, because Numba compiles them again only when this file
changes. How long that takes depends on how they are cut:

- Numba optimises a function once for itself and once more within every function that calls it. So
  calls are three deep at most for what loops over maps: `run`, a pass, a loop.
- `prepare` and what chooses the next node know nothing of the program's dtype. They are compiled
  once for both.
- What only programs with gates, sigmoids or products need is compiled with the first of them.
- Python calls `prepare` and `run` only; the others have no wrappers for it, and no file each.
- Nothing makes an array, so that references need not be counted. This makes calls cheaper, too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import exp, hypot, inf, isnan, ldexp, log, log1p, log2, nan, sqrt
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit, types
from numba.extending import overload
from numpy.typing import NDArray

from nas.collapse.program import (
    BOX,
    GATE,
    MEAN,
    MIX,
    MOST,
    NORM,
    PLANE,
    POOL,
    RELU,
    SCALE,
    SIGMOID,
    Program,
)

Function = TypeVar("Function", bound=Callable[..., Any])
Values = NDArray[Any]
"""Numbers of the program's dtype, in one dimension unless another shape is given."""

GIVEN = "kind kernel stride padding dilation height width first last"
INTEGERS = f"{GIVEN} vector same three uses done slot"
NUMBERS = "stretch p q least mean spread scale bound"
STATE = np.dtype(
    [
        *((name, np.int64) for name in INTEGERS.split()),
        *((name, np.float64) for name in NUMBERS.split()),
    ]
)
"""The state of a node under one weight.

- `kind` to `width`: from `Program.nodes`; `first`, `last`: the places of its sources there.
- `vector`: whether it has the shape (batch,) and is float64.
- `same`: whether its values are the same under all weights. They then stand in the first weight's
  state, and every weight has only its own `scale` and `bound`.
- `uses`: how many nodes still wait for it.
- `done`: whether it is computed.
- `slot`: the index of its buffer. Numbers from the count of buffers on are channels of the input;
  -1 is a map of zeros.
- `p`, `q`, `least`, `scale`: its view of the buffer.
- `mean`, `spread`: mean and standard deviation of the view; NaN where they are not measured.
- `bound`: an upper bound on the logarithm of its size, which is the root mean square times
  exp(scale); the exact size where mean and spread are measured.
- `stretch`: an upper bound on how many times larger than its largest source it can be, apart from
  the weight, as a logarithm; for a norm log(eps).
"""

START = cast(int, np.int64(0))
"""A count begins with it: the literal 0 has a type of its own, and so each function twice."""

CHUNK = 4096
"""How many values a sum handles at a time, so that they stay in the first-level cache."""

NOTHING, FULL = -1, -2
"""In place of the index of a node or buffer: there is none; all buffers are taken."""


# Sums may be taken in any order. NaN and infinity behave as in PyTorch. Nothing here makes arrays,
# so `_nrt`, the counting of references to them, is off.
_compiler = partial(
    njit,
    nogil=True,
    error_model="numpy",
    fastmath={"reassoc", "contract"},
    _nrt=False,
    no_cfunc_wrapper=True,
)


def inner(function: Function) -> Function:
    """Compile a function as a part of those that call it. Python cannot call it."""
    return cast(Function, _compiler(no_cpython_wrapper=True)(function))


def compiled(function: Function) -> Function:
    """Compile a function at its first call, and keep it on disk if a folder can be written to."""
    try:
        return cast(Function, _compiler(cache=True)(function))
    except RuntimeError:  # neither the package's folder nor the user's can be written to
        return cast(Function, _compiler()(function))


# Loops over neighbours. `floor if x < floor else x` keeps NaN, as ReLU does.


@inner
def _view(out: Values, a: Values, p: float, q: float, least: float) -> None:
    scale, shift, floor = a.dtype.type(p), a.dtype.type(q), a.dtype.type(least)
    for i in range(out.size):
        x = a[i] * scale + shift
        out[i] = floor if x < floor else x


@inner
def _become_view(out: Values, p: float, q: float, least: float) -> None:
    scale, shift, floor = out.dtype.type(p), out.dtype.type(q), out.dtype.type(least)
    for i in range(out.size):
        x = out[i] * scale + shift
        out[i] = floor if x < floor else x


@inner
def _add(out: Values, a: Values, p: float, q: float, least: float) -> None:
    scale, shift, floor = a.dtype.type(p), a.dtype.type(q), a.dtype.type(least)
    for i in range(out.size):
        x = a[i] * scale + shift
        out[i] += floor if x < floor else x


@inner
def _add_rows(
    out: Values, a: Values, b: Values, c: Values, p: float, q: float, least: float
) -> None:
    """The sum of three views: most windows need it."""
    scale, shift, floor = a.dtype.type(p), a.dtype.type(q), a.dtype.type(least)
    for i in range(out.size):
        x = a[i] * scale + shift
        y = b[i] * scale + shift
        z = c[i] * scale + shift
        x = floor if x < floor else x
        y = floor if y < floor else y
        z = floor if z < floor else z
        out[i] = x + y + z


@inner
def _add_columns(
    out: Values, a: Values, b: Values, c: Values, factor: float, about: float
) -> tuple[float, float]:
    """(a + b + c) * factor.

    Returns the sums of its distances from `about` and of their squares.
    """
    scale, centre = a.dtype.type(factor), a.dtype.type(about)
    total = squares = a.dtype.type(0)
    for i in range(out.size):
        x = (a[i] + b[i] + c[i]) * scale
        out[i] = x
        distance = x - centre
        total += distance
        squares += distance * distance
    return float(total), float(squares)


@inner
def _most(out: Values, a: Values, p: float, q: float, least: float) -> None:
    scale, shift, floor = a.dtype.type(p), a.dtype.type(q), a.dtype.type(least)
    for i in range(out.size):
        x = a[i] * scale + shift
        x = floor if x < floor else x
        if x > out[i] or x != x:
            out[i] = x


@inner
def _distances(a: Values, p: float, q: float, least: float, about: float) -> tuple[float, float]:
    """The sums of the view's distances from `about` and of their squares."""
    scale, shift, floor = a.dtype.type(p), a.dtype.type(q), a.dtype.type(least)
    centre = a.dtype.type(about)
    total = squares = a.dtype.type(0)
    for i in range(a.size):
        x = a[i] * scale + shift
        x = floor if x < floor else x
        distance = x - centre
        total += distance
        squares += distance * distance
    return float(total), float(squares)


def _exponential(x: Any) -> Any:
    """exp(x) for x <= 0, right to two units of the last digit; a loop of it is vectorised."""
    raise NotImplementedError  # Python never calls it: Numba compiles the overload below instead


def _exponential32(x: Any) -> Any:
    x = np.float32(-87.0) if x < np.float32(-87.0) else x
    n = np.floor(x * np.float32(1.4426950408889634) + np.float32(0.5))
    r = x - n * np.float32(0.693359375) - n * np.float32(-2.12194440e-4)  # x = n log(2) + r
    y = np.float32(1 / 5040)
    y = y * r + np.float32(1 / 720)
    y = y * r + np.float32(1 / 120)
    y = y * r + np.float32(1 / 24)
    y = y * r + np.float32(1 / 6)
    y = y * r + np.float32(1 / 2)
    y = y * r + np.float32(1)
    y = y * r + np.float32(1)
    return y * np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)


def _exponential64(x: Any) -> Any:
    x = -708.0 if x < -708.0 else x
    n = np.floor(x * 1.4426950408889634 + 0.5)
    r = x - n * 6.93145751953125e-1 - n * 1.42860682030941723212e-6
    y = 1 / 6227020800
    y = y * r + 1 / 479001600
    y = y * r + 1 / 39916800
    y = y * r + 1 / 3628800
    y = y * r + 1 / 362880
    y = y * r + 1 / 40320
    y = y * r + 1 / 5040
    y = y * r + 1 / 720
    y = y * r + 1 / 120
    y = y * r + 1 / 24
    y = y * r + 1 / 6
    y = y * r + 0.5
    y = y * r + 1.0
    y = y * r + 1.0
    return y * np.int64((np.int64(n) + np.int64(1023)) << np.int64(52)).view(np.float64)


@overload(_exponential, jit_options={"error_model": "numpy"})
def _exponential_of(x: Any) -> Any:
    """The one for the dtype; sums in it keep their order, or it would lose digits."""
    return _exponential32 if x == types.float32 else _exponential64


@inner
def _become_gate(out: Values, p: float, q: float, least: float, size: float) -> None:
    """The view times the sigmoid of `size` times the view."""
    scale, shift, floor = out.dtype.type(p), out.dtype.type(q), out.dtype.type(least)
    true, one = out.dtype.type(size), out.dtype.type(1)
    for i in range(out.size):
        x = out[i] * scale + shift
        x = floor if x < floor else x
        e = _exponential(-abs(x * true))
        out[i] = x * ((e if x < 0 else one) / (one + e))


@inner
def _become_product(out: Values, b: Values, p: float, q: float, least: float) -> None:
    """The view times `b`."""
    scale, shift, floor = out.dtype.type(p), out.dtype.type(q), out.dtype.type(least)
    for i in range(out.size):
        x = out[i] * scale + shift
        out[i] = (floor if x < floor else x) * b[i]


# Passes over a whole map. A pass that makes values measures them, too: it adds up the distances
# from a value near their mean, and the squares of these. A large mean then costs no digits.


@_compiler(inline="always")  # without counting references no function can return an array
def _source(planes: Values, arena: Values, slot: int) -> Any:
    """A buffer of the program's dtype, or a channel of the input."""
    return arena[slot] if slot < len(arena) else planes[slot - len(arena)]


@inner
def _three(
    out: Values, a: Values, line: Values, batch: int, block: int, node: Any, view: Any
) -> None:
    """Windows of 3x3 with stride 1 and padding 1: sums / 8, or means * 9 / 8."""
    height, about, total, squares = view.height, nan, 0.0, 0.0
    for start in range(0, batch, block):
        images = block if start + block < batch else batch - start
        width, begin = view.width * images, start * height * view.width
        inner, right = line[images : images + width], line[images + width : 2 * images + width]
        line[:images] = 0
        right[:] = 0
        for h in range(height):
            place = begin + h * width
            row = a[place : place + width]
            above, below = a[place - width :], a[place + width :]
            if 0 < h < height - 1:
                _add_rows(inner, above, row, below, view.p, view.q, view.least)
            else:  # the sum of the rows h - 1 to h + 1 without those outside the image
                _view(inner, row, view.p, view.q, view.least)
                if h > 0:
                    _add(inner, above, view.p, view.q, view.least)
                if h < height - 1:
                    _add(inner, below, view.p, view.q, view.least)
            if node.kind == POOL:  # a column outside the image: the mean of the two inside
                _view(line[:images], inner, 0.5, 0.0, -inf)
                _add(line[:images], inner[images:], 0.5, 0.0, -inf)
                _view(right, inner[width - images :], 0.5, 0.0, -inf)
                _add(right, inner[width - 2 * images :], 0.5, 0.0, -inf)
            factor = 0.125
            if node.kind == POOL:  # more where the window has fewer rows inside the image
                factor = 0.375 / (1 + (h > 0) + (h < height - 1))
            target = out[place : place + width]
            sums = _add_columns(target, line, inner, line[2 * images :], factor, about)
            if place == 0:
                about = float(target[0])
                sums = _distances(target, 1.0, 0.0, -inf, about)
            total += sums[0]
            squares += sums[1]
    _moments(node, about, total, squares, out.size)


@inner
def _windows(
    out: Values, a: Values, line: Values, batch: int, block: int, node: Any, view: Any
) -> None:
    """Windows of any kind: means, maxima, or sums divided by a power of two near their area."""
    initial = -inf if node.kind == MOST else 0.0
    about, total, squares = nan, 0.0, 0.0
    for start in range(0, batch, block):
        images = block if start + block < batch else batch - start
        before, width = view.width * images, node.width * images
        source, result = view.height * view.width * start, node.height * node.width * start
        row = line[:before]
        for h in range(node.height):
            row[:] = initial
            top, rows = h * node.stride - node.padding, START
            for j in range(node.kernel):
                y = top + j * node.dilation
                if 0 <= y < view.height:
                    rows += 1
                    if node.kind == MOST:
                        _most(row, a[source + y * before :], view.p, view.q, view.least)
                    else:
                        _add(row, a[source + y * before :], view.p, view.q, view.least)
            place = result + h * width
            target = out[place : place + width]
            target[:] = initial
            _columns(target, row, images, rows, node, view)
            if node.kind == BOX:
                _become_view(target, 1 / _power(2 * log2(node.kernel)), 0.0, -inf)
            if place == 0:
                about = float(target[0])
            sums = _distances(target, 1.0, 0.0, -inf, about)
            total += sums[0]
            squares += sums[1]
    _moments(node, about, total, squares, out.size)


@inner
def _columns(target: Values, row: Values, images: int, rows: int, node: Any, view: Any) -> None:
    """Add up the columns of every window in a row, which is made of so many rows.

    With stride 1 all pixels that have a certain column of their window are a run in memory.
    """
    step = 1 if node.stride > 1 else node.width
    for first in range(0, node.width, step):
        for j in range(node.kernel):
            x = first * node.stride - node.padding + j * node.dilation
            begin = -x if x < 0 else 0
            end = step if x + step < view.width else view.width - x
            if begin < end:
                part = target[(first + begin) * images : (first + end) * images]
                if node.kind == MOST:
                    _most(part, row[(x + begin) * images :], 1.0, 0.0, -inf)
                else:
                    _add(part, row[(x + begin) * images :], 1.0, 0.0, -inf)
    if node.kind == POOL:
        for w in range(node.width):
            columns = 0
            for j in range(node.kernel):
                columns += 0 <= w * node.stride - node.padding + j * node.dilation < view.width
            pixel = target[w * images : (w + 1) * images]
            _become_view(pixel, 1 / (rows * columns), 0.0, -inf)


@inner
def _gates(out: Values, a: Values, own: bool, node: Any, view: Any, size: float) -> None:
    """The view times the sigmoid of `size` times the view; with `own`, `out` has the values."""
    about, total, squares = nan, 0.0, 0.0
    for start in range(0, out.size, CHUNK):
        piece = out[start : (start + CHUNK if start + CHUNK < out.size else out.size)]
        if not own:
            _view(piece, a[start:], 1.0, 0.0, -inf)
        _become_gate(piece, view.p, view.q, view.least, size)
        if start == 0:
            about = float(piece[0])
        sums = _distances(piece, 1.0, 0.0, -inf, about)
        total += sums[0]
        squares += sums[1]
    _moments(node, about, total, squares, out.size)


@inner
def _products(
    out: Values, a: Values, own: bool, node: Any, view: Any,
    factors: Values, other: Any, line: Values, batch: int, block: int,
) -> None:  # fmt: skip
    """A map times a number for each image; with `own`, `out` has the map's values."""
    about, total, squares = nan, 0.0, 0.0
    for start in range(0, batch, block):
        images = block if start + block < batch else batch - start
        times = line[:images]
        for n in range(images):
            x = factors[start + n] * other.p + other.q
            times[n] = other.least if x < other.least else x
        width, begin = node.width * images, start * node.height * node.width
        for place in range(begin, begin + node.height * width, width):
            row = out[place : place + width]
            if not own:
                _view(row, a[place:], 1.0, 0.0, -inf)
            for w in range(0, width, images):
                _become_product(row[w : w + images], times, view.p, view.q, view.least)
            if place == 0:
                about = float(row[0])
            sums = _distances(row, 1.0, 0.0, -inf, about)
            total += sums[0]
            squares += sums[1]
    _moments(node, about, total, squares, out.size)


@inner
def _sigmoids(out: Values, a: Values, view: Any, scale: float) -> float:
    """The sigmoids of a vector, divided by the largest; returns the logarithm of that one."""
    top, size = -inf, exp(scale if scale < 700 else 700.0)
    for n in range(out.size):
        x = 0.0
        if scale > -inf:
            x = a[n] * view.p + view.q
            x = size * (view.least if x < view.least else x)
        out[n] = x - log1p(exp(x)) if x < 0 else -log1p(exp(-x))
        top = out[n] if out[n] > top else top
    for n in range(out.size):
        out[n] = exp(out[n] - top)
    return top


@inner
def _power(logarithm: float) -> float:
    """The power of two nearest to 2^logarithm: to multiply by it is exact.

    OverflowError for NaN and infinity: the squares of a node's numbers are too large.
    """
    if not abs(logarithm) < inf:
        raise OverflowError
    return ldexp(1.0, round(logarithm))


@inner
def _spatial_mean(out: Values, a: Values, batch: int, block: int, view: Any) -> None:
    """The mean over height and width, in float64."""
    pixels = view.height * view.width
    for start in range(0, batch, block):
        images = block if start + block < batch else batch - start
        mean = out[start : start + images]
        mean[:] = 0
        for pixel in range(pixels):
            _add(mean, a[pixels * start + pixel * images :], view.p, view.q, view.least)
        for n in range(images):
            mean[n] *= 1 / pixels


# The states of the nodes.


class Work(NamedTuple):
    """What one call of `run` reads and writes."""

    program: Program
    state: Any
    """(weight, node), of dtype `STATE`, as `prepare` fills it in."""
    log_weights: Values
    planes: Values
    """The sum of all channels, and if any is needed the channels, the last first."""
    arena: Values
    """(buffer, size), of the program's dtype."""
    wide: Values
    """The same memory as float64."""
    held: Values
    """How many nodes view each buffer."""
    line: Values
    """Room for a row of an image with its padding."""
    shares: Values
    """Room for the shares of the terms of a sum, each at the place of its term."""
    todo: Values
    """Room for the indices of nodes that wait during a walk through the graph."""
    settled: Values
    """For every weight, an index: no node before it waits to be computed."""
    batch: int
    block: int
    """How many images a block has; the last block may have fewer."""
    eps: float
    """The machine epsilon of the program's dtype."""


@inner
def _row(state: Any, weight: int, i: int) -> int:
    """The row of `state`, a weight, in which a node's values stand."""
    return 0 if state[0, i].same else weight


@inner
def _at(state: Any, sources: Values, weight: int, k: int) -> Any:
    """The state with the values of the source at place k."""
    j = sources[k]
    return state[_row(state, weight, j), j]


@compiled
def prepare(
    state: Any,
    program: Program,
    log_weights: Values,
    moments: Values,
    settled: Values,
    slots: int,
    batch: int,
) -> None:
    """Fill the states in, before anything is computed; from `kind` to `last` they are given.

    `moments` are mean and standard deviation of every plane, `slots` is the number of buffers.
    """
    sources = program.sources
    settled[:] = 0
    for i in range(state.shape[1]):
        _describe(state, program, moments, slots, batch, i)
        for weight in range(1, len(state)):
            state[weight, i] = state[0, i]
    for weight in range(len(state)):
        for i in program.outputs:
            state[_row(state, weight, i), i].uses += 1
        for i in range(state.shape[1] - 1, -1, -1):
            node = state[weight, i]
            if node.uses and not node.done:
                for k in range(node.first, node.last):
                    _at(state, sources, weight, k).uses += 1
    for weight in range(len(state)):
        _renew(state, sources, log_weights, settled, weight, state.shape[1])


@inner
def _describe(
    state: Any, program: Program, moments: Values, slots: int, batch: int, i: int
) -> None:
    """Fill in the rest of a node's state under the first weight."""
    node, gains = state[0, i], program.gains
    node.uses, node.p, node.q, node.least = 0, 1.0, 0.0, -inf
    node.mean = node.spread = nan
    if node.kind == PLANE:
        channel = program.sources[node.first]
        node.done, node.same, node.vector = 1, 1, 0
        node.slot = slots + len(moments) - 1 - channel
        node.mean, node.spread = moments[channel, 0], moments[channel, 1]
        node.scale, node.bound = 0.0, log(hypot(node.mean, node.spread))
        return
    source = state[0, program.sources[node.first]]
    node.slot, node.done = NOTHING, 0
    node.same = source.same and node.last - node.first == 1 and node.kind < GATE
    node.vector = source.vector or node.kind == MEAN
    node.stretch = gains[node.first]
    if node.kind == SCALE:  # no number of a vector is larger than its size times this
        node.stretch = log(batch) / 2
    elif node.last - node.first > 1:
        total = 0.0
        for k in range(node.first, node.last):
            total += exp(gains[k])
        node.stretch = log(total)
    if node.kind == NORM:
        node.stretch = log(program.eps[i])
    three = node.kernel == 3 and node.stride == 1 and node.padding == 1 and node.dilation == 1
    node.three = three and (node.kind == BOX or (node.kind == POOL and node.width > 1))
    if node.kind == BOX or node.kind == POOL or node.kind == MOST:
        node.stretch += _stretch(node, source)


# Bounds on sizes, and the choice of the next node.


@inner
def _bound(state: Any, sources: Values, log_weight: float, weight: int, i: int) -> float:
    """An upper bound on a node's size, from the bounds on its sources."""
    node, most = state[weight, i], -inf
    if node.kind == SIGMOID:
        return 0.0
    if node.kind == SCALE:
        factor = state[weight, sources[node.first + 1]].bound
        return float(state[weight, sources[node.first]].bound + factor + node.stretch)
    for k in range(node.first, node.last):
        size = state[weight, sources[k]].bound
        most = size if size > most else most
    if node.kind == NORM:
        doubt = node.stretch - 2 * most
        return log_weight - (0.0 if doubt < 0 else doubt) / 2
    if node.kind == MIX or node.kind == BOX:
        most += log_weight
    return float(most + node.stretch)


@inner
def _stretch(node: Any, source: Any) -> float:
    """An upper bound on size(result) / size(source) for windows, as a logarithm.

    Sums: the result is a sum of shifted images, one for each pixel of the window; each image is a
    part of the source. Means and maxima: the square of a mean is at most the mean of the squares,
    the square of a maximum at most their sum; a pixel is in at most as many windows as a window
    has pixels.
    """
    ratio = source.height * source.width / (node.height * node.width)
    area = node.kernel * node.kernel
    if node.kind == BOX:
        return log(area) + log(ratio) / 2
    inside = node.kernel - node.padding if node.kind == POOL else 1
    rows = inside if inside < source.height else source.height
    columns = inside if inside < source.width else source.width
    return log(area / (rows * columns) * ratio) / 2


@inner
def _renew(
    state: Any, sources: Values, log_weights: Values, settled: Values, weight: int, end: int
) -> None:
    """Renew the bounds of the nodes before `end` that still wait to be computed."""
    waiting = False
    for i in range(settled[weight], end):
        node = state[_row(state, weight, i), i]
        if node.uses and not node.done:
            state[weight, i].bound = _bound(state, sources, log_weights[weight], weight, i)
            waiting = True
        elif not waiting:
            settled[weight] = i + 1


@inner
def _next(
    state: Any,
    sources: Values,
    gains: Values,
    log_weights: Values,
    settled: Values,
    todo: Values,
    negligible: float,
    weight: int,
    depth: int,
) -> tuple[int, int]:
    """The depth in `todo` and the node to compute next, or to measure if it is computed.

    It goes depth first from where it was. The depth is -1 when all is computed.
    """
    i = todo[depth]
    while depth >= 0:
        i = todo[depth]
        node = state[_row(state, weight, i), i]
        if node.done:
            depth -= 1
            continue
        if node.last - node.first > 1:
            _renew(state, sources, log_weights, settled, weight, i)
        j = _missing(state, sources, gains, negligible, weight, i)
        if j == NOTHING:
            return depth, i
        if state[_row(state, weight, j), j].done:
            return depth, j
        depth += 1
        todo[depth] = j
    return depth, i


@inner
def _missing(
    state: Any, sources: Values, gains: Values, negligible: float, weight: int, i: int
) -> int:
    """The source to compute before a node, or to measure if it is computed; NOTHING if none."""
    node = state[weight, i]
    if node.kind == SCALE:  # all are needed
        for k in range(node.first, node.last):
            if not _at(state, sources, weight, k).done:
                return int(sources[k])
        return NOTHING
    top, most = node.first, -inf
    for k in range(node.first, node.last):
        size = state[weight, sources[k]].bound + gains[k]
        if size > most:
            top, most = k, size
    best, needed = _at(state, sources, weight, top), node.kind == NORM and most > -inf
    if not best.done:
        return int(sources[top])
    for k in range(node.first, node.last):
        size = state[weight, sources[k]].bound + gains[k]
        if size <= most + negligible:
            needed |= size > -inf
        elif not _at(state, sources, weight, k).done:
            return int(sources[k])
    # A norm reads the moments of its source. And the small terms of a sum can be left out only if
    # the largest is really as large as its bound.
    return int(sources[top]) if needed and isnan(best.spread) else NOTHING


# Computing a node.


@inner
def _measure(node: Any, a: Values, size: int) -> None:
    """Measure mean and standard deviation of a computed node whose buffer is `a`."""
    about = a[0] * node.p + node.q
    about = float(a.dtype.type(node.least if node.least > about else about))
    total = squares = 0.0
    for start in range(0, size, CHUNK):
        piece = a[start : (start + CHUNK if start + CHUNK < size else size)]
        sums = _distances(piece, node.p, node.q, node.least, about)
        total += sums[0]
        squares += sums[1]
    _moments(node, np.float64(about), total, squares, size)
    if isnan(node.spread):  # squares have overflowed; NaN would mean that it is not measured
        node.mean, node.spread = 0.0, inf


@inner
def _moments(node: Any, about: float, total: float, squares: float, size: int) -> None:
    """Write mean and standard deviation, from the sums of distances and of their squares."""
    node.mean = about + total / size
    variance = squares / size - (total / size) ** 2
    node.spread = sqrt(0.0 if variance < 0 else variance)


@inner
def _measured(state: Any, weight: int, i: int) -> None:
    """Make the bounds on a measured node its size."""
    row = _row(state, weight, i)
    node = state[row, i]
    for other in range(len(state)):
        if other == row or node.same:
            state[other, i].bound = state[other, i].scale + log(hypot(node.mean, node.spread))


@inner
def _counts(state: Any, sources: Values, weight: int, k: int) -> bool:
    """Whether a source is computed, and not known to be zeros."""
    done = _at(state, sources, weight, k).done
    return bool(done and state[weight, sources[k]].bound > -inf)


@inner
def _begin(
    state: Any,
    sources: Values,
    gains: Values,
    held: Values,
    shares: Values,
    eps: float,
    weight: int,
    i: int,
) -> tuple[int, int, int, float]:
    """Choose a node's view or buffer, from its sources; those not computed are negligible.

    Returns how many sources count, the place of the last one that does (the first if none does),
    and that of the term whose buffer a sum takes or NOTHING. Last comes a logarithm: with several
    sources that of the whole scale; with one source that of a factor, which comes on top of the
    source's scale and the weight. The buffer is FULL if there are too few.
    """
    node = state[_row(state, weight, i), i]
    count, k, into = 0, node.first, NOTHING
    for place in range(node.first, node.last):
        if _counts(state, sources, weight, place):
            count, k = count + 1, place
    source, gain = _at(state, sources, weight, k), gains[k]
    node.done = 1
    if node.kind == NORM and source.spread <= eps * abs(source.mean):
        count = 0  # only rounding is left
    if count == 1 and node.kind < BOX:
        _alias(node, source)
        return count, k, into, gain
    if node.kind >= GATE:
        first = _at(state, sources, weight, node.first)
        if node.kind == SIGMOID:
            count = 2
        elif node.kind == SCALE:
            count = 2 if count == 2 else 0
            gain = state[weight, sources[node.first]].scale
            gain += state[weight, sources[node.first + 1]].scale
        kept = node.vector or first.uses > 1 or first.slot < 0 or first.slot >= len(held)
        if count and not kept and held[first.slot] == 1:
            into = node.first
    elif count > 1:
        into = _last_use(state, sources, held, weight, i)
        gain = _shares(state, sources, gains, weight, i, shares)
    elif node.kind == BOX:
        gain += log(_power(2 * log2(node.kernel)))
    elif node.kind == POOL and node.three:
        gain += log(8 / 9)
    if into != NOTHING:
        node.slot = _at(state, sources, weight, into).slot
    elif count:
        node.slot = FULL
        for slot in range(len(held)):
            if held[slot] == 0:
                node.slot = slot
                break
    return count, k, into, gain


@inner
def _finish(
    state: Any,
    sources: Values,
    log_weights: Values,
    held: Values,
    todo: Values,
    weight: int,
    i: int,
    count: int,
    k: int,
    gain: float,
) -> None:
    """Scale and bound of a computed node, under every weight that shares its values.

    `count`, `k` and `gain` are those of `_begin`. The node's sources are released.
    """
    row, j = _row(state, weight, i), sources[k]
    node, source = state[row, i], _at(state, sources, weight, k)
    if 0 <= node.slot < len(held):
        held[node.slot] += 1
    for other in range(len(state)):
        if other != row and not node.same:
            continue
        result, log_weight = state[other, i], log_weights[other]
        if count == 0:
            result.scale = result.bound = -inf
            continue
        before = 0.0 if count > 1 else state[other, j].scale
        result.scale = _scale(node, source, log_weight, before, gain)
        if isnan(node.spread):
            result.bound = _bound(state, sources, log_weight, other, i)
        else:
            result.bound = result.scale + log(hypot(node.mean, node.spread))
    for place in range(node.first, node.last):
        _release(state, sources, held, todo, weight, sources[place])


@inner
def _scale(node: Any, source: Any, log_weight: float, before: float, gain: float) -> float:
    """The logarithm of a node's scale; `before` is that of its single source, else 0."""
    if node.kind == NORM:
        doubt = node.stretch - 2 * (before + log(source.spread))  # log(eps / variance)
        larger = doubt if doubt > 0 else 0.0
        half = (larger + log1p(exp(-doubt if doubt > 0 else doubt))) / 2  # log(1 + exp(doubt)) / 2
        return float(log_weight - half - log(node.spread))
    if node.kind == MIX or node.kind == BOX:
        return before + gain + log_weight
    return before + gain


@inner
def _alias(node: Any, source: Any) -> None:
    """Make a node another view of its source's buffer."""
    node.slot, node.p, node.q, node.least = source.slot, source.p, source.q, source.least
    node.mean, node.spread = source.mean, source.spread
    if node.kind == RELU and node.least < 0:
        node.least = 0.0
        node.mean = node.spread = nan
    elif node.kind == NORM:  # the variance comes near 1; a power of two loses no digits
        factor = _power(-log2(source.spread))
        node.p *= factor
        node.q = (node.q - source.mean) * factor
        node.least = (node.least - source.mean) * factor
        node.mean, node.spread = 0.0, source.spread * factor


@inner
def _last_use(state: Any, sources: Values, held: Values, weight: int, i: int) -> int:
    """The place of a term of a sum whose buffer no other node needs, or NOTHING."""
    node = state[weight, i]
    for k in range(node.first, node.last):
        source = _at(state, sources, weight, k)
        last = source.uses == 1 and source.slot < len(held) and not node.vector
        if last and _counts(state, sources, weight, k) and held[source.slot] == 1:
            return k
    return NOTHING


@inner
def _shares(
    state: Any, sources: Values, gains: Values, weight: int, i: int, shares: Values
) -> float:
    """Write every term's share, 0 if it is left out; returns the logarithm of the sum's scale.

    The largest share is a power of two and the total is near 1. So values keep their size over any
    number of layers, and a share is rounded relative to what it adds.
    """
    node, top = state[weight, i], -inf
    for k in range(node.first, node.last):
        scale = state[weight, sources[k]].scale
        if _counts(state, sources, weight, k) and scale > top:
            top = scale
    largest = total = 0.0
    for k in range(node.first, node.last):
        shares[k] = 0.0
        if _counts(state, sources, weight, k):
            share = exp(gains[k] + state[weight, sources[k]].scale - top)
            shares[k] = share
            largest = share if share > largest else largest
            total += share
    factor = _power(-log2(total / largest))
    for k in range(node.first, node.last):
        shares[k] *= factor / largest
    return top + log(largest / factor)


@inner
def _sum(
    state: Any,
    sources: Values,
    shares: Values,
    planes: Values,
    arena: Values,
    size: int,
    weight: int,
    i: int,
    into: int,
) -> None:
    """Compute a sum of several terms; it takes the buffer of the term `into`, if there is one."""
    node = state[_row(state, weight, i), i]
    for start in range(0, size, CHUNK):
        end = start + CHUNK if start + CHUNK < size else size
        out, fresh = arena[node.slot, start:end], into == NOTHING
        if not fresh:
            source, share = _at(state, sources, weight, into), shares[into]
            _become_view(out, share * source.p, share * source.q, share * source.least)
        for k in range(node.first, node.last):
            source, share = _at(state, sources, weight, k), shares[k]
            if share == 0 or k == into:
                continue
            p, q, least = share * source.p, share * source.q, share * source.least
            a = _source(planes, arena, source.slot)[start:end]
            if fresh:
                _view(out, a, p, q, least)
            else:
                _add(out, a, p, q, least)
            fresh = False


@inner
def _sum_of_vectors(
    state: Any, sources: Values, shares: Values, wide: Values, size: int, weight: int, i: int
) -> None:
    """The same for vectors."""
    node = state[_row(state, weight, i), i]
    out = wide[node.slot, :size]
    out[:] = 0
    for k in range(node.first, node.last):
        source, share = _at(state, sources, weight, k), shares[k]
        if share != 0:
            a = wide[source.slot]
            _add(out, a, share * source.p, share * source.q, share * source.least)


@inner
def _applied(
    state: Any,
    sources: Values,
    planes: Values,
    arena: Values,
    wide: Values,
    line: Values,
    batch: int,
    block: int,
    own: bool,
    weight: int,
    i: int,
) -> float:
    """Compute a gate, a product or a sigmoid; returns the logarithm of a sigmoid's scale.

    With `own` the node has the buffer of its first source.
    """
    node = state[_row(state, weight, i), i]
    view, last = _at(state, sources, weight, node.first), sources[node.last - 1]
    scale, size = state[weight, sources[node.first]].scale, node.height * node.width * batch
    if node.kind == SIGMOID:
        return _sigmoids(wide[node.slot, :size], wide[view.slot], view, scale)
    if node.vector:
        true = exp(scale if scale < 700 else 700.0)
        _gates(wide[node.slot, :size], wide[view.slot], own, node, view, true)
        return 0.0
    out, a = arena[node.slot, :size], _source(planes, arena, view.slot)
    if node.kind == SCALE:
        other = state[_row(state, weight, last), last]
        factors = wide[other.slot]
        _products(out, a, own, node, view, factors, other, line, batch, block)
    else:  # beyond this scale a float32's sigmoid is 0 or 1
        largest = 700.0 if arena.itemsize == 8 else 80.0
        _gates(out, a, own, node, view, exp(scale if scale < largest else largest))
    return 0.0


# Running a program.


@inner
def _release(state: Any, sources: Values, held: Values, todo: Values, weight: int, i: int) -> None:
    """Subtract one from a node's uses.

    A node without uses gives up its buffer; if it was never computed, it releases its sources.
    """
    todo[-1] = i
    left = 1
    while left:
        i = todo[-left]
        left -= 1
        node = state[_row(state, weight, i), i]
        node.uses -= 1
        if node.uses:
            continue
        if node.done:
            if 0 <= node.slot < len(held):  # channels of the input are not counted
                held[node.slot] -= 1
            continue
        for k in range(node.first, node.last):
            left += 1
            todo[-left] = sources[k]


@_compiler(inline="always")  # a part of `run`: one call less between it and the loops
def _filled(
    state: Any, sources: Values, shares: Values, planes: Values, arena: Values, wide: Values,
    line: Values, batch: int, block: int, gates: bool | None,
    weight: int, i: int, count: int, k: int, into: int, gain: float,
) -> float:  # fmt: skip
    """Compute a node's values if they are new ones; `count` to `gain` are those of `_begin`.

    Returns `gain`, or what it is for a sigmoid.
    """
    node = state[_row(state, weight, i), i]
    size = node.height * node.width * batch
    if gates is not None:  # noqa: SIM102  # Numba leaves out what stands under this test alone
        if node.kind >= GATE and count:
            own = into != NOTHING
            made = _applied(
                state, sources, planes, arena, wide, line, batch, block, own, weight, i
            )
            return made if node.kind == SIGMOID else gain
    if count > 1 and node.vector:
        _sum_of_vectors(state, sources, shares, wide, size, weight, i)
    elif count > 1:
        _sum(state, sources, shares, planes, arena, size, weight, i, into)
    elif count and node.kind >= BOX:
        source = _at(state, sources, weight, k)
        a = _source(planes, arena, source.slot)
        out = arena[node.slot, :size]
        if node.kind == MEAN:
            _spatial_mean(wide[node.slot], a, batch, block, source)
        elif node.three:
            _three(out, a, line, batch, block, node, source)
        else:
            _windows(out, a, line, batch, block, node, source)
    return gain


@compiled
def run(
    work: Work, results: Values, scales: Values, gates: bool | None, first: int, last: int
) -> bool:
    """Write the outputs' values (float64) and the logarithms of their scales, for some weights.

    `results` has the shape (weight, output, height * width * batch), `scales` (weight, output).
    The weights from `first` to the one before `last` are taken; those before had their turn.
    `gates` is None where the program has none (`has_gates`): then they are not compiled. False if
    there are too few buffers.
    """
    state, sources, gains = work.state, work.program.sources, work.program.gains
    planes, arena, wide, held, todo = work.planes, work.arena, work.wide, work.held, work.todo
    logs, settled, eps, batch, block = (
        work.log_weights,
        work.settled,
        work.eps,
        work.batch,
        work.block,
    )
    shares, line = work.shares, work.line
    least = log(eps / 32)
    for weight in range(first, last):
        for number in range(len(work.program.outputs)):
            todo[0], depth = work.program.outputs[number], START
            while True:
                depth, i = _next(state, sources, gains, logs, settled, todo, least, weight, depth)
                node = state[_row(state, weight, i), i]
                size = node.height * node.width * batch
                if depth < 0:
                    break
                if node.done:
                    if node.vector:
                        _measure(node, wide[node.slot], size)
                    else:
                        _measure(node, _source(planes, arena, node.slot), size)
                    _measured(state, weight, i)
                    continue
                count, k, into, gain = _begin(state, sources, gains, held, shares, eps, weight, i)
                if node.slot == FULL:
                    return False
                gain = _filled(
                    state, sources, shares, planes, arena, wide, line, batch, block, gates,
                    weight, i, count, k, into, gain,
                )  # fmt: skip
                _finish(state, sources, logs, held, todo, weight, i, count, k, gain)
            scales[weight, number] = state[weight, i].scale
            _copy(results[weight, number], node, planes, arena, wide)
            _release(state, sources, held, todo, weight, i)
    return True


@inner
def _copy(out: Values, node: Any, planes: Values, arena: Values, wide: Values) -> None:
    """Write a computed node's view to `out`, in float64."""
    out[:] = 0
    if node.slot != NOTHING and node.vector:
        _add(out, wide[node.slot], node.p, node.q, node.least)
    elif node.slot != NOTHING:
        _add(out, _source(planes, arena, node.slot), node.p, node.q, node.least)
