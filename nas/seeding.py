"""The one place that seeds: generators named by what they are for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import torch


def number(*parts: object) -> int:
    """A 63-bit seed from anything printable, the same on every machine and run."""
    digest = sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(*parts: object) -> torch.Generator:
    """A CPU generator seeded by its parts."""
    import torch

    return torch.Generator().manual_seed(number(*parts))


def numpy_generator(*parts: object) -> np.random.Generator:
    """A NumPy generator seeded by its parts."""
    import numpy as np

    return np.random.default_rng(number(*parts))


@contextmanager
def seeded(*parts: object) -> Iterator[None]:
    """Seed torch's own CPU generator by the parts, for initialisations that know no other.

    The generator's state is put back afterwards.
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(number(*parts))
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch's operations on one thread, then on as many as before."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
