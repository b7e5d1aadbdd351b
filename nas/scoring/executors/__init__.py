"""Where architectures are scored: in this process, in several, or on a Dask cluster."""

from nas.scoring.executors.executor import EXECUTORS, Executor

__all__ = ["EXECUTORS", "Executor"]
