"""A table of trained figures: a sample of architectures, each trained in a folder of its own."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any

from nas.arch import Arch
from nas.errors import DiedTooOftenError, UsageError
from nas.runs.stopping import ending
from nas.scoring.attempt import reason
from nas.scoring.executors import Executor
from nas.seeding import one_thread
from nas.storage.files import remove_file, replace_file
from nas.training.fitting import DivergedError
from nas.training.folder import WEIGHTS, read_figures, train
from nas.training.job import Job

FAILED = "failed.json"
FIGURES = (
    *("valid_accuracy", "valid_loss", "train_accuracy", "train_loss"),
    *("parameters", "epochs", "steps", "seconds"),
)
"""The columns of a table after the architecture, the target first; the last one is the reason."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Trainer:
    """Trains an architecture in a folder of its own, and gives its row of the table."""

    job: Job
    folder: Path
    every: int | None = None
    """Steps between checkpoints, beside one at the end of each epoch."""
    weights: bool = False
    """Whether the trained weights are kept."""
    retry: bool = False
    """Whether a training that failed before is done again."""

    def __call__(self, arch: Arch) -> Row:
        """The row; a training that fails gives one with a reason, and nothing is raised."""
        before = self.known(arch)
        if before is not None and not (self.retry and before["reason"]):
            return before
        folder = self.folder_of(arch)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with one_thread():  # the same figures in every executor
                course = self.job.course(arch)
                figures = train(course, folder, self.job.about(arch), self.every)
            assert figures is not None
        except DivergedError as error:
            return self.failed(arch, f"the training diverged: {error}")
        except Exception as error:  # one failure must not end the table
            if (end := ending(error)) is not None:  # which a library took for a failure
                raise end from error
            return self.failed(arch, reason(error))
        if not self.weights:
            remove_file(folder / WEIGHTS)
        remove_file(folder / FAILED)
        return self._row(arch, figures)

    def folder_of(self, arch: Arch) -> Path:
        """The folder of an architecture; it depends on the architecture alone."""
        return self.folder / sha256(str(arch).encode()).hexdigest()[:12]

    def known(self, arch: Arch) -> Row | None:
        """The row of a training that is over or has failed, from its folder."""
        folder = self.folder_of(arch)
        figures = read_figures(folder, self.job.data.digest)
        if figures is not None:
            return self._row(arch, figures)
        try:
            why = str(json.loads((folder / FAILED).read_text(encoding="utf-8"))["reason"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            raise UsageError(f"{folder / FAILED} cannot be read: remove it") from None
        return self._row(arch, {}, why)

    def failed(self, arch: Arch, why: str) -> Row:
        """The row of a failure, which is written down, too."""
        folder = self.folder_of(arch)
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / FAILED, json.dumps({"reason": why}, ensure_ascii=False) + "\n")
        return self._row(arch, {}, why)

    def _row(self, arch: Arch, figures: Mapping[str, Any], why: str = "") -> Row:
        row = {name: figures.get(name) for name in FIGURES}
        for part in ("valid", "train"):
            for name in ("accuracy", "loss"):
                row[f"{part}_{name}"] = figures.get(part, {}).get(name)
        return {"arch": self.job.about(arch)["arch"], **row, "reason": why}


def rows(trainer: Trainer, archs: Sequence[Arch], executor: Executor) -> Iterator[Row]:
    """The row of each architecture, in order.

    One at which a process died again and again gives a row with that reason.
    """
    left = list(archs)
    while left:
        try:
            for row in executor(trainer, list(left)):
                del left[0]
                yield row
        except DiedTooOftenError as error:
            if not left:
                raise
            yield trainer.failed(left.pop(0), str(error))


def as_csv(found: Sequence[Row]) -> str:
    """The rows as a table; columns that no row has, such as accuracies, are left out."""
    names = [name for name in FIGURES if any(row[name] is not None for row in found)] or [
        "valid_loss"
    ]
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["arch", *names, "reason"])
    for row in found:
        cells = ["" if row[name] is None else repr(row[name]) for name in names]
        writer.writerow([row["arch"], *cells, row["reason"]])
    return text.getvalue()
