"""How long a pass takes on this machine: warmed up, repeated, without outliers."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from statistics import median, quantiles
from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Any, NamedTuple

from nas.candidate import Candidate
from nas.errors import UsageError
from nas.metric import METRICS, Measured, Metric
from nas.seeding import full_precision, on_threads

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from nas.batch import Batch

FEW = 5
"""A slow network is measured so often, also where that takes longer than `seconds`."""
STEADY = 0.05
"""Warm-up ends when two rounds of passes in a row have medians that differ by less than this."""
ROUNDS = 10
"""Warm-up has at most so many rounds."""
AGAIN = 2
"""Disturbed passes are repeated until there were so many times `repeats` passes in all."""
WAITED = 0.02, 0.02
"""A pass is disturbed if its thread had no processor for a larger share, and more milliseconds."""
OFTEN = 0.1
"""Other load is said if a larger share of the passes was disturbed."""
FAR = 3.5
"""Passes so many deviations from the median are outliers (Iglewicz and Hoaglin 1993)."""

REPEATED = "other programs ran while it was measured, so disturbed passes were repeated"
WORKED = "other programs ran all the while, so it is the time that the processor worked"
CROWDED = "other programs ran while it was measured, so it may be too high"


class Pass(NamedTuple):
    """One pass: how long it took, and how long its thread waited meanwhile, in milliseconds."""

    taken: float
    waited: float = 0.0

    @property
    def disturbed(self) -> bool:
        """Whether something else had the thread's processor for a part of the pass."""
        share, least = WAITED
        return self.waited > max(share * self.taken, least)


@METRICS.register("latency")
class Latency(Metric):
    """Milliseconds of a pass through the architecture's module, measured here.

    The module is in evaluation mode and in float32, and has the weights of its seed. It first runs
    until it is as fast as it gets: rounds of `warmup` passes, until the medians of two rounds
    differ by less than 5 %. Then it runs `repeats` times, each time on a fresh copy of the inputs.
    Copying is not timed, and Python collects no garbage meanwhile. The figure is the median
    without outliers, which are more than 3.5 robust deviations (1.4826 times the median absolute
    deviation) from the median. The interquartile range of what is left is a further figure, `iqr`.

    On one thread of a CPU, a pass during which the thread waited for a processor is repeated, up
    to twice `repeats` passes in all. If fewer than 5 were undisturbed, the figure is the time of
    all passes without that waiting. With more threads and on CUDA the load average of the machine
    tells of other load. The note says it. On CUDA the time is that between two events.

    `device`: `cpu`, `cuda` or `cuda:1`; null: where the proxies run. `batch`: examples in a pass.
    `threads`: threads of a CPU. `seconds`: a slow network runs fewer times, so that warming up
    and measuring end after about so long each; it runs 5 times at least, or `repeats` times.
    """

    unit = "ms"
    measured = True

    def __init__(
        self,
        device: str | None = None,
        batch: int = 1,
        threads: int = 1,
        warmup: int = 5,
        repeats: int = 30,
        seconds: float = 3.0,
    ) -> None:
        for name, value, least in (
            *(("batch", batch, 1), ("threads", threads, 1)),
            *(("warmup", warmup, 0), ("repeats", repeats, 1)),
        ):
            if value < least:
                raise UsageError(f"metric.latency.{name}={value} must be at least {least}")
        if not seconds > 0:
            raise UsageError(f"metric.latency.seconds={seconds} must be more than 0")
        if device is not None:
            _check_device(device)
        self.device, self.batch, self.threads = device, batch, threads
        self.warmup, self.repeats, self.seconds = warmup, repeats, seconds

    def refusal(self) -> str:
        """What the device lacks; empty if it is here, or wherever the proxies run."""
        return _lacking(self.device) if self.device else ""

    def measure(self, candidate: Candidate, batch: Batch) -> Measured:
        """The median in milliseconds, with the interquartile range and a note of other load.

        Raises UsageError for a device that this machine does not have.
        """
        from nas.network.passes import plain

        device = self.device or candidate.device
        _check_device(device)
        if lacking := _lacking(device):
            raise UsageError(lacking)
        model = plain(candidate.model(as_built=True)).eval().to(device)
        inputs = batch.inputs[[place % len(batch.inputs) for place in range(self.batch)]]
        with ExitStack() as stack:
            for setting in (on_threads(self.threads), full_precision(), _no_denormals()):
                stack.enter_context(setting)
            stack.enter_context(_no_gradients(model, inputs.to(device)))
            stack.enter_context(_no_garbage_collection())
            watched = device == "cpu" and self.threads == 1
            run = _timer(model, inputs.to(device), device, watched)
            _warm_up(run, self.warmup, self.seconds)
            passes = self._passes(run)
        return summed_up(passes, self.repeats, watched or not _crowded())

    def _passes(self, run: Callable[[], Pass]) -> list[Pass]:
        """Passes until enough of them were not disturbed, or until there were enough of them."""
        passes: list[Pass] = []
        good, start = 0, perf_counter()
        while good < self.repeats and len(passes) < AGAIN * self.repeats:
            hopeless = len(passes) == self.repeats and good < min(FEW, self.repeats)
            if hopeless or (len(passes) >= FEW and perf_counter() - start > self.seconds):
                break
            passes.append(run())
            good += not passes[-1].disturbed
        return passes


def summed_up(passes: Sequence[Pass], repeats: int, alone: bool = True) -> Measured:
    """The median of the undisturbed passes without outliers, their spread, what disturbed them.

    With fewer undisturbed passes than `FEW` and `repeats`, all passes count without the time that
    they waited. `alone`: whether the machine had a processor left.

    >>> figure = summed_up([Pass(2.0), Pass(2.1), Pass(2.2), Pass(9.0), Pass(5.0, 3.0)], 4)
    >>> figure, figure.more["iqr"], figure.note == REPEATED
    (2.1, 0.1, True)
    """
    good = [each.taken for each in passes if not each.disturbed]
    note = "" if alone else CROWDED
    if len(good) < min(FEW, repeats):
        good, note = [each.taken - each.waited for each in passes], WORKED
    elif len(passes) - len(good) > OFTEN * len(passes):
        note = REPEATED
    kept = without_outliers(good)
    first, _, third = quantiles(kept, n=4, method="inclusive") if len(kept) > 1 else (0, 0, 0)
    return Measured(_rounded(median(kept)), {"iqr": _rounded(third - first)}, note)


def without_outliers(figures: Sequence[float]) -> list[float]:
    """The figures that are within `FAR` robust deviations of the median, in their order.

    >>> without_outliers([1.0, 1.1, 0.9, 1.0, 7.0])
    [1.0, 1.1, 0.9, 1.0]
    """
    middle = median(figures)
    deviation = 1.4826 * median([abs(figure - middle) for figure in figures])
    return [figure for figure in figures if abs(figure - middle) <= FAR * deviation] or [middle]


def _rounded(milliseconds: float) -> float:
    """To nanoseconds, which is finer than a clock."""
    return round(milliseconds, 6)


def _warm_up(run: Callable[[], Pass], number: int, seconds: float) -> None:
    """Rounds of so many passes, until the time of a pass is steady."""
    start, before = perf_counter(), 0.0
    for _ in range(ROUNDS if number else 0):
        taken: list[float] = []
        while len(taken) < number and (not taken or perf_counter() - start < seconds):
            taken.append(run().taken)
        now = median(taken)
        if abs(now - before) < STEADY * before or perf_counter() - start > seconds:
            break
        before = now


def _timer(model: nn.Module, inputs: Tensor, device: str, watched: bool) -> Callable[[], Pass]:
    """A function that runs one pass and times it; `watched`: whether its thread may not wait."""
    from torch import cuda

    from nas.network.passes import own_inputs

    def on_cpu() -> Pass:
        given = own_inputs(model, (inputs,))
        worked = thread_time()
        start = perf_counter()
        model(*given)
        taken = perf_counter() - start
        worked = thread_time() - worked
        return Pass(1000 * taken, 1000 * (taken - worked) if watched else 0.0)

    def on_cuda() -> Pass:
        with cuda.device(device):
            given = own_inputs(model, (inputs,))
            event: Any = cuda.Event  # PyTorch says nothing of its types
            start, end = (event(enable_timing=True) for _ in range(2))
            cuda.synchronize()
            start.record()
            model(*given)
            end.record()
            end.synchronize()
            return Pass(start.elapsed_time(end))

    return on_cpu if device == "cpu" else on_cuda


@contextmanager
def _no_gradients(model: nn.Module, inputs: Tensor) -> Iterator[None]:
    """Inference mode, or at least no gradients for a module whose pass refuses inference mode."""
    import torch

    from nas.network.passes import own_inputs

    mode: Callable[[], torch.inference_mode | torch.no_grad] = torch.inference_mode
    try:
        with torch.inference_mode():
            model(*own_inputs(model, (inputs,)))
    except RuntimeError:  # one that is not about the mode comes again
        mode = torch.no_grad
    with mode():
        yield


@contextmanager
def _no_denormals() -> Iterator[None]:
    """Have this thread take numbers below 1.2e-38 for zero; afterwards as before.

    A processor is up to a hundred times slower with them. Untrained networks have some in layers
    that are deep enough, trained ones do not.
    """
    import torch

    # PyTorch does not tell its setting, so it is read off a product that is such a number
    before = (torch.tensor([1e-38]) * 0.1).item() == 0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Python collects no garbage meanwhile; afterwards as before."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _crowded() -> bool:
    """Whether more programs want to run than the machine has cores; no if nobody can tell."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0  # Windows has none
    return load > (os.cpu_count() or 1) + 0.5


def _check_device(device: str) -> None:
    """UsageError for a device that cannot be measured."""
    kind, colon, number = device.partition(":")
    if kind not in ("cpu", "cuda") or (colon and not (kind == "cuda" and number.isdigit())):
        raise UsageError(f"metric.latency.device={device} must be cpu, cuda, or such as cuda:1")


def _lacking(device: str) -> str:
    """Why a device cannot be measured on this machine; empty if it can."""
    from torch import cuda

    count = cuda.device_count() if cuda.is_available() else 0
    if device == "cpu" or int(device.partition(":")[2] or 0) < count:
        return ""
    there = f"{count} such devices" if count else "no such device"
    return f"latency cannot be measured on {device}: this machine has {there}"
