"""Compiled code that runs a `Program`: one call for each network, one thread, no Python inside.

A map lies in memory as (height, width, batch), so that every loop runs over neighbours. A node is
a view of a buffer: max(p * values + q, least), times exp(scale). ReLU, batch norms and weights
change these four numbers only. Sums, windows and the spatial mean make new values; each of them is
one pass over memory, which reads its sources through their views.

Two savings:

- Up to the first sum of several terms the values do not depend on the weight. They are computed
  once for all weights.
- Nodes are computed on demand, from the output back. A node that is not computed yet has a bound
  on its size. A term that must lie below the last digit of its sum is left out, and so are the
  nodes that only this term needs.

All compiled functions are in this file, because Numba compiles them again only when this file
changes. A call costs two atomic operations for every array among its arguments, arrays within a
`Work` included. Functions that are called often therefore take only the arrays that they need.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import exp, hypot, inf, isnan, log, log1p, log2, nan, sqrt
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from nas.collapse.program import BOX, MEAN, MIX, MOST, NORM, PLANE, POOL, RELU, Program

Function = TypeVar("Function", bound=Callable[..., Any])
Values = NDArray[Any]
"""Numbers of the program's dtype, in one dimension unless another shape is given."""

INTEGERS = "kind kernel stride padding dilation height width first last vector same uses done slot"
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

CHUNK = 4096
"""How many values a sum handles at a time, so that they stay in the first-level cache."""

NOTHING, FULL = -1, -2
"""In place of the index of a node or buffer: there is none; all buffers are taken."""


def compiled(function: Function) -> Function:
    """Compile a function at its first call, and keep it on disk if a folder can be written to.

    Sums may be taken in any order. NaN and infinity behave as in PyTorch.
    """
    compiler = partial(njit, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
    try:
        return cast(Function, compiler(cache=True)(function))
    except RuntimeError:  # neither the package's folder nor the user's can be written to
        return cast(Function, compiler()(function))


# Loops over neighbours. `floor if x < floor else x` keeps NaN, as ReLU does.


@compiled
def _view(out: Values, a: Values, p: float, q: float, least: float) -> None:
    scale, shift, floor = a.dtype.type(p), a.dtype.type(q), a.dtype.type(least)
    for i in range(out.size):
        x = a[i] * scale + shift
        out[i] = floor if x < floor else x


@compiled
def _become_view(out: Values, p: float, q: float, least: float) -> None:
    scale, shift, floor = out.dtype.type(p), out.dtype.type(q), out.dtype.type(least)
    for i in range(out.size):
        x = out[i] * scale + shift
        out[i] = floor if x < floor else x


@compiled
def _add(out: Values, a: Values, p: float, q: float, least: float) -> None:
    scale, shift, floor = a.dtype.type(p), a.dtype.type(q), a.dtype.type(least)
    for i in range(out.size):
        x = a[i] * scale + shift
        out[i] += floor if x < floor else x


@compiled
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


@compiled
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


@compiled
def _mean(out: Values, a: Values, b: Values) -> None:
    half = out.dtype.type(0.5)
    for i in range(out.size):
        out[i] = (a[i] + b[i]) * half


@compiled
def _most(out: Values, a: Values, p: float, q: float, least: float) -> None:
    scale, shift, floor = a.dtype.type(p), a.dtype.type(q), a.dtype.type(least)
    for i in range(out.size):
        x = a[i] * scale + shift
        x = floor if x < floor else x
        if x > out[i] or x != x:
            out[i] = x


@compiled
def _multiply(out: Values, factor: float) -> None:
    scale = out.dtype.type(factor)
    for i in range(out.size):
        out[i] *= scale


@compiled
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


# Passes over a whole map. A pass that makes values returns a value near their mean, and the sums
# of the distances from that value and of their squares: a large mean then costs no digits.


@compiled
def _source(planes: Values, arena: Values, slot: int, size: int) -> Values:
    """A buffer of the program's dtype, or a channel of the input."""
    return arena[slot, :size] if slot < len(arena) else planes[slot - len(arena), :size]


@compiled
def _is_three(node: Any) -> bool:
    """Whether a node has windows of 3x3 with stride 1 and padding 1; most have."""
    three = node.kernel == 3 and node.stride == 1 and node.padding == 1 and node.dilation == 1
    return bool(three and (node.kind == BOX or (node.kind == POOL and node.width > 1)))


@compiled
def _rows(out: Values, a: Values, h: int, view: Any) -> None:
    """The sum of the view's rows h - 1, h and h + 1, without rows outside the image."""
    width = out.size
    row = a[h * width : (h + 1) * width]
    above, below = a[max(h - 1, 0) * width :], a[min(h + 1, view.height - 1) * width :]
    if 0 < h < view.height - 1:
        _add_rows(out, above, row, below, view.p, view.q, view.least)
        return
    _view(out, row, view.p, view.q, view.least)
    if h > 0:
        _add(out, above, view.p, view.q, view.least)
    if h < view.height - 1:
        _add(out, below, view.p, view.q, view.least)


@compiled
def _three(
    out: Values, a: Values, line: Values, batch: int, node: Any, view: Any
) -> tuple[float, float, float]:
    """Windows of 3x3 with stride 1 and padding 1: sums / 8, or means * 9 / 8."""
    height, width = view.height, view.width * batch
    inner, right = line[batch : batch + width], line[batch + width : 2 * batch + width]
    line[:batch] = 0
    right[:] = 0
    about = total = squares = 0.0
    for h in range(height):
        _rows(inner, a, h, view)
        if node.kind == POOL:  # a column outside the image: the mean of the two inside
            _mean(line[:batch], inner, inner[batch:])
            _mean(right, inner[width - batch :], inner[width - 2 * batch :])
        factor = _third(node, h)
        target = out[h * width : (h + 1) * width]
        sums = _add_columns(target, line, inner, line[2 * batch :], factor, about)
        if h == 0:
            about = float(target[0])
            sums = _distances(target, 1.0, 0.0, -inf, about)
        total += sums[0]
        squares += sums[1]
    return about, total, squares


@compiled
def _third(node: Any, h: int) -> float:
    """1 / 8; for a mean, more where the window has fewer than three rows inside the image."""
    return 0.375 / (1 + (h > 0) + (h < node.height - 1)) if node.kind == POOL else 0.125


@compiled
def _windows(
    out: Values, a: Values, line: Values, batch: int, node: Any, view: Any
) -> tuple[float, float, float]:
    """Windows of any kind: sums divided by `_divisor(kernel)`, means or maxima."""
    start = -inf if node.kind == MOST else 0.0
    before, width = view.width * batch, node.width * batch
    row = line[:before]
    about = total = squares = 0.0
    for h in range(node.height):
        row[:] = start
        top, rows = h * node.stride - node.padding, 0
        for y in range(top, top + node.kernel * node.dilation, node.dilation):
            if 0 <= y < view.height:
                rows += 1
                if node.kind == MOST:
                    _most(row, a[y * before :], view.p, view.q, view.least)
                else:
                    _add(row, a[y * before :], view.p, view.q, view.least)
        target = out[h * width : (h + 1) * width]
        target[:] = start
        for w in range(node.width):
            pixel = target[w * batch : (w + 1) * batch]
            left, columns = w * node.stride - node.padding, 0
            for x in range(left, left + node.kernel * node.dilation, node.dilation):
                if 0 <= x < view.width:
                    columns += 1
                    if node.kind == MOST:
                        _most(pixel, row[x * batch :], 1.0, 0.0, -inf)
                    else:
                        _add(pixel, row[x * batch :], 1.0, 0.0, -inf)
            if node.kind == POOL:
                _multiply(pixel, 1 / (rows * columns))
        if node.kind == BOX:
            _multiply(target, 1 / _divisor(node.kernel))
        if h == 0:
            about = float(target[0])
        sums = _distances(target, 1.0, 0.0, -inf, about)
        total += sums[0]
        squares += sums[1]
    return about, total, squares


@compiled
def _divisor(kernel: int) -> float:
    """The power of two nearest to the window's area: dividing by it keeps sizes and is exact."""
    return 2.0 ** round(2 * log2(kernel))


@compiled
def _spatial_mean(out: Values, a: Values, batch: int, view: Any) -> None:
    """The mean over height and width, in float64."""
    mean = out[:batch]
    mean[:] = 0
    for start in range(0, a.size, batch):
        _add(mean, a[start:], view.p, view.q, view.least)
    _multiply(mean, batch / a.size)


# The states of the nodes.


class Work(NamedTuple):
    """What one call of `run` reads and writes."""

    program: Program
    state: Any
    """(weight, node), of dtype `STATE`."""
    log_weights: Values
    planes: Values
    """(channel, height * width * batch), and the sum of the channels."""
    moments: Values
    """Mean and standard deviation of every plane."""
    arena: Values
    """(buffer, size), of the program's dtype."""
    wide: Values
    """The same memory as float64."""
    held: Values
    """How many nodes view each buffer."""
    line: Values
    """Room for a row of an image with its padding."""
    todo: Values
    """Room for the indices of nodes that wait during a walk through the graph."""
    settled: Values
    """For every weight, an index: no node before it waits to be computed."""
    batch: int
    eps: float
    """The machine epsilon of the program's dtype."""


@compiled
def _row(state: Any, weight: int, i: int) -> int:
    """The row of `state`, a weight, in which a node's values stand."""
    return 0 if state[0, i].same else weight


@compiled
def _at(state: Any, sources: Values, weight: int, k: int) -> Any:
    """The state with the values of the source at place k."""
    j = sources[k]
    return state[_row(state, weight, j), j]


@compiled
def _prepare(work: Work) -> None:
    """Fill the states in, before anything is computed."""
    state, sources, outputs = work.state, work.program.sources, work.program.outputs
    work.held[:] = 0
    work.settled[:] = 0
    for i in range(state.shape[1]):
        _describe(work, i)
        for weight in range(1, len(state)):
            state[weight, i] = state[0, i]
    for weight in range(len(state)):
        for i in outputs:
            state[_row(state, weight, i), i].uses += 1
        for i in range(state.shape[1] - 1, -1, -1):
            node = state[weight, i]
            if node.uses and not node.done:
                for k in range(node.first, node.last):
                    _at(state, sources, weight, k).uses += 1
    for weight in range(len(state)):
        _renew(state, sources, work.log_weights, work.settled, weight, state.shape[1])


@compiled
def _describe(work: Work, i: int) -> None:
    """Fill in a node's state under the first weight from the program."""
    program, node = work.program, work.state[0, i]
    number = program.nodes[i]
    node.kind, node.kernel, node.stride = number[0], number[1], number[2]
    node.padding, node.dilation = number[3], number[4]
    node.height, node.width = number[5], number[6]
    node.first, node.last = program.first[i], program.first[i + 1]
    node.uses, node.p, node.q, node.least = 0, 1.0, 0.0, -inf
    node.mean = node.spread = nan
    if node.kind == PLANE:
        channel = program.sources[node.first]
        node.done, node.same, node.vector = 1, 1, 0
        node.slot = len(work.arena) + channel
        node.mean, node.spread = work.moments[channel, 0], work.moments[channel, 1]
        node.scale, node.bound = 0.0, log(hypot(node.mean, node.spread))
        return
    source = work.state[0, program.sources[node.first]]
    node.slot, node.done = NOTHING, 0
    node.same = source.same and node.last - node.first == 1
    node.vector = source.vector or node.kind == MEAN
    node.stretch = program.gains[node.first]
    if node.last - node.first > 1:
        node.stretch = log(np.exp(program.gains[node.first : node.last]).sum())
    if node.kind == NORM:
        node.stretch = log(program.eps[i])
    elif node.kind == BOX or node.kind == POOL or node.kind == MOST:
        node.stretch += _stretch(node, source)


# Bounds on sizes, and the choice of the next node.


@compiled
def _half_log1p_exp(x: float) -> float:
    """log(sqrt(1 + exp(x))) without overflow."""
    return (x + log1p(exp(-x)) if x > 0 else log1p(exp(x))) / 2


@compiled
def _bound(state: Any, sources: Values, log_weight: float, weight: int, i: int) -> float:
    """An upper bound on a node's size, from the bounds on its sources."""
    node, most = state[weight, i], -inf
    for k in range(node.first, node.last):
        most = max(most, state[weight, sources[k]].bound)
    if node.kind == NORM:
        return log_weight - float(max(node.stretch - 2 * most, 0.0)) / 2
    if node.kind == MIX or node.kind == BOX:
        most += log_weight
    return float(most + node.stretch)


@compiled
def _stretch(node: Any, source: Any) -> float:
    """An upper bound on size(result) / size(source) for windows, as a logarithm.

    Sums: the result is a sum of shifted images, one for each pixel of the window; each image is a
    part of the source. Means and maxima: the square of a mean is at most the mean of the squares,
    the square of a maximum at most their sum; a pixel is in at most as many windows as a window
    has pixels.
    """
    ratio = source.height * source.width / (node.height * node.width)
    area = node.kernel**2
    if node.kind == BOX:
        return log(area) + log(ratio) / 2
    inside = node.kernel - node.padding if node.kind == POOL else 1
    least = min(inside, source.height) * min(inside, source.width)
    return log(area / least * ratio) / 2


@compiled
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


@compiled
def _missing(
    state: Any, sources: Values, gains: Values, negligible: float, weight: int, i: int
) -> int:
    """The source to compute before a node, or to measure if it is computed; NOTHING if none."""
    node = state[weight, i]
    top, most = node.first, -inf
    for k in range(node.first, node.last):
        size = state[weight, sources[k]].bound + gains[k]
        if size > most:
            top, most = k, size
    best, small = _at(state, sources, weight, top), False
    if not best.done:
        return int(sources[top])
    for k in range(node.first, node.last):
        size = state[weight, sources[k]].bound + gains[k]
        if size <= most + negligible:
            small |= size > -inf
        elif not _at(state, sources, weight, k).done:
            return int(sources[k])
    # The small terms can be left out only if the largest is really as large as its bound.
    return int(sources[top]) if small and isnan(best.spread) else NOTHING


# Computing a node.


@compiled
def _measure(work: Work, weight: int, i: int) -> None:
    """Measure mean, standard deviation and size of a computed node, if that is not done."""
    state = work.state
    row = _row(state, weight, i)
    node = state[row, i]
    if not isnan(node.spread):
        return
    size = node.height * node.width * work.batch
    if node.vector:
        _distances_all(node, work.wide[node.slot, :size])
    else:
        _distances_all(node, _source(work.planes, work.arena, node.slot, size))
    for other in range(len(state)):
        if other == row or node.same:
            state[other, i].bound = state[other, i].scale + log(hypot(node.mean, node.spread))


@compiled
def _distances_all(node: Any, a: Values) -> None:
    """Measure mean and standard deviation of a node whose buffer is `a`."""
    about = float(a.dtype.type(max(a[0] * node.p + node.q, node.least)))
    total = squares = 0.0
    for start in range(0, a.size, CHUNK):
        piece = a[start : min(start + CHUNK, a.size)]
        sums = _distances(piece, node.p, node.q, node.least, about)
        total += sums[0]
        squares += sums[1]
    _moments(node, about, total, squares, a.size)


@compiled
def _moments(node: Any, about: float, total: float, squares: float, size: int) -> None:
    """Write mean and standard deviation, from the sums of distances and of their squares."""
    node.mean = about + total / size
    node.spread = sqrt(max(squares / size - (total / size) ** 2, 0.0))


@compiled
def _free(held: Values) -> int:
    """The index of a buffer that no node views, or FULL."""
    for slot in range(len(held)):
        if held[slot] == 0:
            return slot
    return FULL


@compiled
def _hold(held: Values, slot: int, count: int) -> None:
    """Add `count` to the number of views of a buffer; channels of the input are not counted."""
    if 0 <= slot < len(held):
        held[slot] += count


@compiled
def _counts(state: Any, sources: Values, weight: int, k: int) -> bool:
    """Whether a source is computed, and not known to be zeros."""
    done = _at(state, sources, weight, k).done
    return bool(done and state[weight, sources[k]].bound > -inf)


@compiled
def _counted(state: Any, sources: Values, weight: int, i: int) -> tuple[int, int]:
    """How many of a node's sources count, and the place of the last one that does.

    The place is that of the first source where none counts.
    """
    node = state[_row(state, weight, i), i]
    count, last = 0, node.first
    for k in range(node.first, node.last):
        if _counts(state, sources, weight, k):
            count, last = count + 1, k
    return count, last


@compiled
def _compute(work: Work, weight: int, i: int) -> bool:
    """Compute a node from its sources; those that are not computed are negligible.

    False if there are too few buffers.
    """
    state, sources = work.state, work.program.sources
    node = state[_row(state, weight, i), i]
    count, k = _counted(state, sources, weight, i)
    source, gain = _at(state, sources, weight, k), work.program.gains[k]
    node.done = 1
    if node.kind == NORM and count:
        _measure(work, weight, sources[k])
        if source.spread <= work.eps * abs(source.mean):  # only rounding is left
            count = 0
    if count == 1 and node.kind < BOX:
        _alias(node, source)
    elif count:
        into = _last_use(state, sources, work.held, weight, i) if count > 1 else NOTHING
        node.slot = _buffer(state, sources, work.held, weight, into)
        if node.slot == FULL:
            return False
        gain = _combine(work, weight, i, into) if count > 1 else gain + _fill(work, node, source)
    _hold(work.held, node.slot, 1)
    _rescale(state, sources, work.log_weights, weight, i, k, count, gain)
    return True


@compiled
def _buffer(state: Any, sources: Values, held: Values, weight: int, into: int) -> int:
    """The buffer of the term `into`; if there is no such term, a free buffer or FULL."""
    return _free(held) if into == NOTHING else _at(state, sources, weight, into).slot


@compiled
def _rescale(
    state: Any,
    sources: Values,
    log_weights: Values,
    weight: int,
    i: int,
    k: int,
    count: int,
    gain: float,
) -> None:
    """Scale and bound of a computed node, under every weight that shares its values.

    `count` of its sources counted, the last of them at place k. `gain` is a logarithm: with
    several sources that of the whole scale; with one source that of a factor, which comes on top
    of the source's scale and the weight.
    """
    row, j = _row(state, weight, i), sources[k]
    node, source = state[row, i], _at(state, sources, weight, k)
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


@compiled
def _scale(node: Any, source: Any, log_weight: float, before: float, gain: float) -> float:
    """The logarithm of a node's scale; `before` is that of its single source, else 0."""
    if node.kind == NORM:
        doubt = node.stretch - 2 * (before + log(source.spread))  # log(eps / variance)
        return float(log_weight - _half_log1p_exp(doubt) - log(node.spread))
    if node.kind == MIX or node.kind == BOX:
        return before + gain + log_weight
    return before + gain


@compiled
def _alias(node: Any, source: Any) -> None:
    """Make a node another view of its source's buffer."""
    node.slot, node.p, node.q, node.least = source.slot, source.p, source.q, source.least
    node.mean, node.spread = source.mean, source.spread
    if node.kind == RELU and node.least < 0:
        node.least = 0.0
        node.mean = node.spread = nan
    elif node.kind == NORM:  # the variance comes near 1; a power of two loses no digits
        factor = 2.0 ** -round(log2(source.spread))
        node.p *= factor
        node.q = (node.q - source.mean) * factor
        node.least = (node.least - source.mean) * factor
        node.mean, node.spread = 0.0, source.spread * factor


@compiled
def _fill(work: Work, node: Any, source: Any) -> float:
    """Compute windows or a spatial mean; returns the logarithm of the factor left out."""
    a = _source(work.planes, work.arena, source.slot, source.height * source.width * work.batch)
    if node.kind == MEAN:
        _spatial_mean(work.wide[node.slot], a, work.batch, source)
        return 0.0
    out = work.arena[node.slot, : node.height * node.width * work.batch]
    if _is_three(node):
        sums = _three(out, a, work.line, work.batch, node, source)
    else:
        sums = _windows(out, a, work.line, work.batch, node, source)
    _moments(node, sums[0], sums[1], sums[2], out.size)
    if node.kind == BOX:
        return log(_divisor(node.kernel))
    return log(8 / 9) if node.kind == POOL and _is_three(node) else 0.0


@compiled
def _last_use(state: Any, sources: Values, held: Values, weight: int, i: int) -> int:
    """The place of a term of a sum whose buffer no other node needs, or NOTHING."""
    node = state[weight, i]
    for k in range(node.first, node.last):
        source = _at(state, sources, weight, k)
        last = source.uses == 1 and source.slot < len(held) and not node.vector
        if last and _counts(state, sources, weight, k) and held[source.slot] == 1:
            return k
    return NOTHING


@compiled
def _combine(work: Work, weight: int, i: int, into: int) -> float:
    """Compute a sum of several terms; returns the logarithm of its scale.

    The sum takes the buffer of the term `into`, unless that is NOTHING. The largest share is a
    power of two and the total is near 1. So values keep their size over any number of layers, and
    a share is rounded relative to what it adds.
    """
    state, sources = work.state, work.program.sources
    node = state[_row(state, weight, i), i]
    shares = np.zeros(node.last - node.first)
    top = _shares(state, sources, work.program.gains, weight, i, shares)
    size = node.height * node.width * work.batch
    for start in range(0, size, CHUNK):
        end = min(start + CHUNK, size)
        out, fresh = work.arena[node.slot, start:end], into == NOTHING
        if not fresh:
            source, share = _at(state, sources, weight, into), shares[into - node.first]
            _become_view(out, share * source.p, share * source.q, share * source.least)
        for k in range(node.first, node.last):
            source, share = _at(state, sources, weight, k), shares[k - node.first]
            if share == 0 or k == into:
                continue
            p, q, least = share * source.p, share * source.q, share * source.least
            if node.vector:
                wide, term = work.wide[node.slot, start:end], work.wide[source.slot, start:end]
                if fresh:
                    wide[:] = 0
                _add(wide, term, p, q, least)
            else:
                a = _source(work.planes, work.arena, source.slot, size)[start:end]
                if fresh:
                    _view(out, a, p, q, least)
                else:
                    _add(out, a, p, q, least)
            fresh = False
    return top


@compiled
def _shares(
    state: Any, sources: Values, gains: Values, weight: int, i: int, shares: Values
) -> float:
    """Write every term's share, 0 if it is left out; returns the logarithm of the sum's scale."""
    node, top = state[weight, i], -inf
    for k in range(node.first, node.last):
        if _counts(state, sources, weight, k):
            top = max(top, state[weight, sources[k]].scale)
    largest = total = 0.0
    for k in range(node.first, node.last):
        if _counts(state, sources, weight, k):
            share = exp(gains[k] + state[weight, sources[k]].scale - top)
            shares[k - node.first] = share
            largest = max(largest, share)
            total += share
    factor = 2.0 ** -round(log2(total / largest))
    for k in range(len(shares)):
        shares[k] *= factor / largest
    return top + log(largest / factor)


# Running a program.


@compiled
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
            _hold(held, node.slot, -1)
            continue
        for k in range(node.first, node.last):
            left += 1
            todo[-left] = sources[k]


@compiled
def run(work: Work, results: Values, scales: Values) -> bool:
    """Write the outputs' values (float64) and the logarithms of their scales, for every weight.

    `results` has the shape (weight, output, height * width * batch), `scales` (weight, output).
    False if there are too few buffers.
    """
    state, held = work.state, work.held
    _prepare(work)
    for weight in range(len(state)):
        for number in range(len(work.program.outputs)):
            i = work.program.outputs[number]
            if not _demand(work, weight, i):
                return False
            scales[weight, number] = state[weight, i].scale
            _copy(work, state[_row(state, weight, i), i], results[weight, number])
            _release(state, work.program.sources, held, work.todo, weight, i)
    return True


@compiled
def _demand(work: Work, weight: int, target: int) -> bool:
    """Compute a node and the nodes that it needs, depth first.

    False if there are too few buffers.
    """
    state, sources, gains = work.state, work.program.sources, work.program.gains
    held, todo, settled, log_weights = work.held, work.todo, work.settled, work.log_weights
    negligible = log(work.eps / 32)
    todo[0], depth = target, 0
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
            if not _compute(work, weight, i):
                return False
            for k in range(node.first, node.last):
                _release(state, sources, held, todo, weight, sources[k])
            depth -= 1
        elif state[_row(state, weight, j), j].done:
            _measure(work, weight, j)
        else:
            depth += 1
            todo[depth] = j
    return True


@compiled
def _copy(work: Work, node: Any, out: Values) -> None:
    """Write a computed node's view to `out`, in float64."""
    out[:] = 0
    if node.slot == NOTHING:
        return
    if node.vector:
        _add(out, work.wide[node.slot], node.p, node.q, node.least)
    else:
        a = _source(work.planes, work.arena, node.slot, out.size)
        _add(out, a, node.p, node.q, node.least)
