"""The trainings of a space's architectures on one data set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from nas.arch import Arch
from nas.batch import Batch
from nas.candidate import Candidate
from nas.one_module import OneModule
from nas.scoring.attempt import described
from nas.scoring.modules import suited
from nas.space import Space
from nas.training.course import Course, Plan, as_sentence
from nas.training.examples import Data
from nas.training.reading import Names, read_data


@dataclass(frozen=True)
class Job:
    """What every architecture of a space is trained on, and how.

    It can go to another process, which reads the data again.
    """

    space: Space
    """With the recipe's resolution and width."""
    title: str
    """The space's registered name, for records."""
    source: str
    """What `data=` says."""
    valid: float
    valid_source: str | None
    plan: Plan
    live: bool = True
    device: str = "cpu"
    workers: int = 0
    names: Names = (None, None)
    named: Callable[[str], Any] | None = None
    """Calls the function of `data=python:…`; None where no code may be named."""
    read: dict[str, Data] = field(default_factory=dict, repr=False)
    """The data, as soon as it was read."""

    @property
    def data(self) -> Data:
        """The data, which is read once a process."""
        if "data" not in self.read:
            self.read["data"] = read_data(
                *(self.space, self.source, self.valid, self.valid_source),
                workers=self.workers,
                seed=self.plan.seed,
                named=self.named,
                names=self.names,
            )
        return self.read["data"]

    def __getstate__(self) -> dict[str, Any]:
        """The state without the data, which another process reads itself."""
        return {**vars(self), "read": {}}

    def fitting(self) -> Job:
        """The job of a module, whose inputs are those of the data."""
        assert isinstance(self.space, OneModule)
        train = self.data.train
        few, _ = next(train.examples.batches([train.numbers[:2]], ()))
        inputs = suited(self.space.make, Batch(few)).inputs
        data = self.data.as_real() if inputs.is_floating_point() else self.data
        return replace(self, space=OneModule(self.space.make, inputs), read={"data": data})

    def course(self, arch: Arch) -> Course:
        """The training of an architecture, which has not begun; errors as of `Course`."""
        candidate = Candidate(self.space, arch, self.plan.seed, self.device, self.live)
        with as_sentence("the network cannot be made"):
            model = candidate.model(dropout=True, as_built=True)
        return Course(model, self.data, self.plan, self.space.vocabulary, self.device)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What was done to the data, and a share of it that leaves less than a batch."""
        remark = self.plan.recipe.remark(len(self.data.train.numbers))
        return (*self.data.remarks, *([remark] if remark else []))

    def about(self, arch: Arch) -> dict[str, Any]:
        """What is trained on what, as plain values."""
        return {
            "space": self.title,
            "arch": described(self.space, arch),
            "tuple": list(arch),
            "data": self.source,
        }
