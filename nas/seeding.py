"""The only module that seeds, and that sets threads and precision for the time of a score."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import torch


def number(*parts: object) -> int:
    """A 63-bit seed from printable parts; it is the same on every machine and in every run."""
    digest = sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(*parts: object) -> torch.Generator:
    """A CPU generator that is seeded by the parts."""
    import torch

    return torch.Generator().manual_seed(number(*parts))


def numpy_generator(*parts: object) -> np.random.Generator:
    """A NumPy generator that is seeded by the parts."""
    import numpy as np

    return np.random.default_rng(number(*parts))


@contextmanager
def seeded(*parts: object) -> Iterator[None]:
    """Seed the global generators by the parts, for code that can use no other generator.

    They are torch's, NumPy's and Python's. Their earlier states are restored afterwards.
    """
    import random

    import numpy as np
    import torch

    seed = number(*parts)
    python, arrays = random.getstate(), np.random.get_state()
    started = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    devices = [*range(torch.cuda.device_count())] if started else []
    try:
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(seed)
            np.random.seed(seed % 2**32)
            random.seed(seed)
            yield
    finally:
        random.setstate(python)
        np.random.set_state(arrays)


@contextmanager
def on_threads(number: int) -> Iterator[None]:
    """Run torch's operations on so many threads; afterwards on as many as before."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch's operations on one thread; afterwards on as many as before."""
    with on_threads(1):
        yield


@contextmanager
def full_precision() -> Iterator[None]:
    """Have torch compute float32 as such and alike every time, on every device; then as before.

    By default convolutions on CUDA round their inputs to 10 bits (TF32).
    """
    with _no_rounding(), repeatable():
        yield


@contextmanager
def repeatable() -> Iterator[None]:
    """Have convolutions on CUDA take the same algorithm every time; then as before.

    By default they take whichever is fastest, and some add in an order that changes.
    """
    from torch.backends import cudnn

    flags = cudnn.deterministic, cudnn.benchmark
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    finally:
        cudnn.deterministic, cudnn.benchmark = flags


@contextmanager
def _no_rounding() -> Iterator[None]:
    """Float32 in full: TF32 and bfloat16 are off."""
    import torch
    from torch.backends import cudnn

    kinds = _kinds_of_operation()
    before = [kind.fp32_precision for kind in kinds]
    convolutions: bool | None = None
    products: str | None = None
    with suppress(RuntimeError):  # there is no answer where the kinds of operations differ
        convolutions = cudnn.allow_tf32
    with suppress(RuntimeError):
        products = torch.get_float32_matmul_precision()
    try:
        if convolutions is not None:
            cudnn.allow_tf32 = False
        if products is not None:
            torch.set_float32_matmul_precision("highest")
        for kind in kinds:
            kind.fp32_precision = "ieee"
        yield
    finally:
        if convolutions is not None:
            cudnn.allow_tf32 = convolutions
        if products is not None:
            torch.set_float32_matmul_precision(products)
        for kind, precision in zip(kinds, before, strict=True):  # which those two have changed
            kind.fp32_precision = precision


def _kinds_of_operation() -> list[Any]:
    """Where PyTorch, from 2.9 on, keeps the precision of each kind of operation."""
    from torch.backends import cuda, cudnn, mkldnn

    owners = [(cudnn, "conv"), (cudnn, "rnn"), (cuda, "matmul")]
    owners += [(mkldnn, "matmul"), (mkldnn, "conv"), (mkldnn, "rnn")]
    kinds = [getattr(owner, name, None) for owner, name in owners]
    return [kind for kind in kinds if hasattr(kind, "fp32_precision")]
