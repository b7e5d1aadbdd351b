"""A training that Python asks for: `nas.train`, with the options of the command."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypedDict, TypeGuard, Unpack, get_args

from torch import nn

from nas.arch import Arch
from nas.batch import Batch
from nas.data.checks import labels_of
from nas.errors import NothingFoundError, UsageError, unknown
from nas.one_module import ARCH, OneModule
from nas.runs.entries import space_entry
from nas.runs.folder import write_record
from nas.runs.progress import Progress, is_watched
from nas.scoring.given import flag, space_of, whole
from nas.scoring.scores import read
from nas.space import Space
from nas.storage.files import path_of, working_in
from nas.training.aim import Kind
from nas.training.course import Course
from nas.training.examples import Data
from nas.training.fitting import DivergedError
from nas.training.folder import (
    check_files,
    figures_of,
    read_curve,
    read_figures,
    read_weights,
    restore,
)
from nas.training.folder import train as train_in
from nas.training.job import Job
from nas.training.options import check_folder, job_of
from nas.training.reading import CODE, of_batches, of_sets
from nas.training.recipe import Optimizer, Schedule

COMMAND = "nas.train"
Network = Space | str | nn.Module | Callable[[], nn.Module]
"""A space, its name, a module, or a function that makes one, such as `create_model`."""


class Options(TypedDict, total=False):
    """The options of `nas train`, with the same meaning and the same values where they lack."""

    valid: float
    inputs: str | list[str] | None
    labels: str | None
    task: Kind
    recipe: str | Path | None
    epochs: int | None
    steps: int | None
    batch_size: int | None
    optimizer: Optimizer | None
    lr: float | None
    weight_decay: float | None
    schedule: Schedule | None
    label_smoothing: float | None
    augment: bool | None
    share: float | None
    resolution: int | None
    width: float | None
    patience: int | None
    workers: int
    precision: Literal["auto", "full", "bf16"]
    checkpoint: int | None
    seed: int
    live: bool
    device: Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True)
class _Settings:
    """The options, checked; those of a recipe check themselves."""

    valid_data: str | None = None
    valid: float = 0.2
    inputs: Any = None
    labels: str | None = None
    task: Kind = "auto"
    recipe: str | None = None
    epochs: int | None = None
    steps: int | None = None
    batch_size: int | None = None
    optimizer: Optimizer | None = None
    lr: float | None = None
    weight_decay: float | None = None
    schedule: Schedule | None = None
    label_smoothing: float | None = None
    augment: bool | None = None
    share: float | None = None
    resolution: int | None = None
    width: float | None = None
    patience: int | None = None
    workers: int = 0
    precision: str = "auto"
    checkpoint: int | None = None
    seed: int = 0
    live: bool = True
    device: str = "auto"

    def __post_init__(self) -> None:
        """Raise UsageError for values that an option cannot have."""
        if type(self.valid) not in (int, float) or not 0 < self.valid < 1:
            raise UsageError(f"valid={self.valid!r:.80} must be a share between 0 and 1")
        for name, words in (("task", get_args(Kind)), ("precision", ("auto", "full", "bf16"))):
            if (value := getattr(self, name)) not in words:
                raise UsageError(f"{name}={value!r:.80} must be {', '.join(words)}")
        for name, least in (("workers", 0), ("seed", 0), ("patience", 1), ("checkpoint", 1)):
            if (value := getattr(self, name)) is not None or least == 0:
                object.__setattr__(self, name, whole(name, value, least))
        for name in ("epochs", "steps", "batch_size", "resolution"):  # numbers of numpy, too
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, whole(name, value, 1))
        flag("live", self.live)


@dataclass(frozen=True, repr=False)
class Trained:
    """A network that is trained: what `nas.train` gives."""

    space: Space
    arch: Arch
    model: nn.Module
    """With the weights that are kept, in evaluation mode."""
    metrics: Mapping[str, Any]
    """What the command writes into `metrics.json`."""
    curve: list[dict[str, float | None]]
    """The learning curve, a row for each epoch."""
    path: Path | None
    """The folder, if there is one."""

    @property
    def accuracy(self) -> float | None:
        """On the examples kept apart; None where there are no classes."""
        found: float | None = self.metrics["valid"].get("accuracy")
        return found

    @property
    def loss(self) -> float:
        """On the examples kept apart."""
        return float(self.metrics["valid"]["loss"])

    def __repr__(self) -> str:
        """The figures in one line."""
        accuracy = "" if self.accuracy is None else f"accuracy {self.accuracy:.4f}, "
        place = "" if self.path is None else f" in {self.path}"
        return f"Trained({accuracy}loss {self.loss:.4f} after {len(self.curve)} epochs{place})"


def train(
    space: Network,
    arch: object = None,
    data: object = None,
    *,
    valid_data: object = None,
    out: str | Path | None = None,
    progress: bool | None = None,
    **options: Unpack[Options],
) -> Trained:
    """Train an architecture of a space, or a module without one; options as of `nas train`.

    `space`: a space, its name, or a module or a function that makes it, which needs no `arch`; of
    a module a copy is trained, from new weights. `data`: a folder or a file, a `Batch`, a pair of
    arrays (inputs, labels), a data set with `len(data)` and `data[i]`, or two of these, to train
    on and to measure on. `valid_data`: another of the first three to measure on. With `out` it is
    kept in that folder, and the same call goes on there. `progress`: a bar; None: where somebody
    looks. Raises UsageError for what cannot be trained, and NothingFoundError if the training
    diverges.

    >>> import numpy as np
    >>> from torch import nn
    >>> inputs = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
    >>> make = lambda: nn.Sequential(nn.Linear(1, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> found = train(make, data=(inputs, (inputs[:, 0] > 0) * 1), epochs=30, batch_size=8)
    >>> found.accuracy > 0.8, len(found.curve), found.metrics["parameters"]
    (True, 30, 34)
    """
    settings = _settings(options, valid_data)
    shown = is_watched() if progress is None else flag("progress", progress)
    job, one = _job(space, arch, data, valid_data, settings)
    folder = None if out is None else path_of(str(out), "out=")
    course = job.course(one)
    try:
        if folder is None:
            for _ in _steps(course, shown):
                pass
            return _trained(job, one, course, figures_of(course, job.about(one)), None)
        return _kept(job, one, course, folder, settings, shown)
    except DivergedError as error:
        rate = course.plan.recipe.rate
        raise NothingFoundError(
            f"the training diverged: {error}: give a smaller lr than {rate:g}"
        ) from error


def _settings(options: Mapping[str, Any], valid_data: object) -> _Settings:
    known = {each.name for each in fields(_Settings)} - {"valid_data"}
    for name in options:
        if name not in known:
            raise unknown("option of nas.train", name, known)
    given = {**options, "recipe": _text("recipe", options.get("recipe"))}
    path = valid_data if isinstance(valid_data, str | Path) else None
    return _Settings(**given, valid_data=_text("valid_data", path))


def _text(name: str, value: object) -> str | None:
    if value is not None and (not isinstance(value, str | Path) or not str(value)):
        raise UsageError(f"{name}={value!r:.80} must be the name of a file")
    return None if value is None else str(value)


def _job(
    space: Network, arch: object, data: object, valid_data: object, settings: _Settings
) -> tuple[Job, Arch]:
    """What is trained on what."""
    if data is None:
        raise UsageError("training needs data=: a folder, a file, arrays, or a data set")
    if isinstance(data, str) and data.startswith(CODE):
        raise UsageError(f"data={data}: in Python give the data set itself")
    there: Space
    if isinstance(space, Space | str):
        there = space_of(space)
    elif callable(space):
        there = OneModule(space)
    else:
        raise UsageError(f"{space!r:.80} must be a space, its name, or a module")
    is_space = not isinstance(there, OneModule)
    if is_space == (arch is None):
        more = "needs arch=, one of its architectures" if is_space else "has no arch="
        raise UsageError(f"{there.title} {more}")
    one = read(there, [arch])[0] if is_space else ARCH
    source = str(data) if isinstance(data, str | Path) else type(data).__qualname__
    is_file = isinstance(data, str | Path)
    if is_file and not isinstance(valid_data, str | Path | None):
        raise UsageError("valid_data= must be a file or a folder, as data= is")
    examples = None if is_file else _data(there, data, valid_data, settings)
    entry = space_entry(there)["name"] if is_space else there.title
    job = job_of(settings, there, entry, source, data=examples)
    return (job if is_space else job.fitting()), one


def _data(space: Space, data: object, valid_data: object, settings: _Settings) -> Data:
    """The examples that objects of Python give."""
    if settings.inputs is not None or settings.labels is not None:
        raise UsageError("inputs= and labels= are names in a file, and data= is none")
    two = isinstance(data, tuple) and len(data) == 2 and all(map(_is_batch, data))
    if two and valid_data is not None:
        raise UsageError("data= has the part to measure on, its second: leave valid_data out")
    first, second = data if two and isinstance(data, tuple) else (data, valid_data)
    batch, other = _batches(first, second)
    if valid_data is not None and other is None:
        raise UsageError("valid_data= must be a Batch or a pair of arrays, as data= is")
    if batch is not None:
        return of_batches(space, batch, other, settings.valid, settings.seed)
    if valid_data is not None:
        raise UsageError("two data sets are given as data=(train, valid): leave valid_data out")
    name = type(data).__qualname__
    return of_sets(space, data, name, settings.valid, settings.workers, settings.seed)


def _is_pair(data: object) -> TypeGuard[tuple[Any, Any]]:
    return (
        isinstance(data, tuple) and len(data) == 2 and all(hasattr(e, "__array__") for e in data)
    )


def _is_batch(data: object) -> bool:
    return isinstance(data, Batch) or _is_pair(data)


def _batches(data: object, other: object) -> tuple[Batch | None, Batch | None]:
    """Two batches, or those of pairs of arrays; None for anything else.

    Classes that are texts have the numbers of the first.
    """
    known, found = None, []
    for each in (data, other):
        if not _is_pair(each):
            found.append(each if isinstance(each, Batch) else None)
            continue
        labels, names = labels_of(each[1], len(each[0]), known=known)
        known = names if known is None else known
        found.append(Batch(each[0], labels))
    return found[0], found[1]


def _kept(
    job: Job, arch: Arch, course: Course, folder: Path, settings: _Settings, shown: bool
) -> Trained:
    """Train in a folder, or give what is there if the training is over."""
    record = {"command": COMMAND, **_record(job, arch, settings)}
    check_files(folder)
    with working_in(folder):
        check_folder(folder, record)
        figures = read_figures(folder, course.data.digest)
        if figures is None:
            write_record(folder, record)
            restore(course, folder)
            with _bar(course, shown) as told:
                figures = train_in(course, folder, job.about(arch), settings.checkpoint, told)
            assert figures is not None
        else:
            read_weights(course.model, folder)
        return _trained(job, arch, course, figures, folder)


def _record(job: Job, arch: Arch, settings: _Settings) -> dict[str, Any]:
    """The settings as plain values, with the options that the recipe had."""
    own = {**vars(settings), **job.plan.recipe.options, "data": job.source}
    if own["inputs"] is not None and not isinstance(own["inputs"], str):
        own["inputs"] = list(own["inputs"])
    space = {"name": job.title} if isinstance(job.space, OneModule) else space_entry(job.space)
    return {"space": space, **own, "trained": job.about(arch)["arch"]}


def _trained(
    job: Job, arch: Arch, course: Course, figures: Mapping[str, Any], folder: Path | None
) -> Trained:
    rows = course.state.rows if folder is None else read_curve(folder)
    return Trained(job.space, arch, course.model.eval(), figures, [*rows], folder)


def _steps(course: Course, shown: bool) -> Iterator[bool]:
    with _bar(course, shown) as told:
        for ended in course.go():
            told()
            yield ended


@contextmanager
def _bar(course: Course, shown: bool) -> Iterator[Callable[[], None]]:
    """What is called after each step."""
    if not shown:
        yield lambda: None
        return
    with Progress(course.steps, course.state.step, False, "steps") as progress:
        yield progress.advance
