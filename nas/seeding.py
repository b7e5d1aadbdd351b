"""The only module that seeds; each generator is named after its purpose."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING

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
    """Seed torch's global CPU generator by the parts, for code that can use no other generator.

    The generator's earlier state is restored afterwards.
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(number(*parts))
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch's operations on one thread; afterwards on as many as before."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
