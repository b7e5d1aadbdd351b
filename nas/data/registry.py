"""The sources of batches by the names of the config group `batch`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.registry import Registry

if TYPE_CHECKING:
    from nas.batch import Batch

SOURCES: Registry[Batch] = Registry("batch", "nas.data.sources", given=1)
"""The sources by name; a source takes the space, and its options as keyword arguments."""
