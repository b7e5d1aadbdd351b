"""The options of a training beside the network: what with, how, and in which folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from nas.errors import UsageError
from nas.runs.folder import CONFIG, HISTORY, SCORES, check_same, read_record
from nas.scoring.devices import device_named
from nas.space import Space
from nas.storage.files import check_replaceable, path_of
from nas.training.aim import Kind
from nas.training.course import Plan, Precision
from nas.training.examples import Data, Given
from nas.training.job import Job
from nas.training.recipe import OPTIONS, Recipe, read_recipe

FREE = {
    *("out", "device", "executor", "workers", "checkpoint", "pictures", "recipe", "arch"),
    *("sample", "archs", "weights", "retry", "tracker"),
}
"""Settings that may change when a training goes on; what a recipe holds is recorded by itself."""
CODE = "file_sha256"
"""The key of the hash of the network's code in the record of a training of file=."""
USUAL: Mapping[str, Any] = {"epochs": 20, "optimizer": "sgd"}
"""Options of a recipe where neither the user nor a file says one."""


class Options(Protocol):
    """The options of `nas train` by their names; those of a recipe are among them."""

    @property
    def valid(self) -> float: ...
    @property
    def valid_data(self) -> str | None: ...
    @property
    def inputs(self) -> str | Sequence[str] | None: ...
    @property
    def labels(self) -> str | None: ...
    @property
    def task(self) -> Kind: ...
    @property
    def recipe(self) -> str | None: ...
    @property
    def augment(self) -> bool | None: ...
    @property
    def patience(self) -> int | None: ...
    @property
    def workers(self) -> int: ...
    @property
    def precision(self) -> str: ...
    @property
    def seed(self) -> int: ...
    @property
    def live(self) -> bool: ...
    @property
    def device(self) -> str: ...


def recipe_of(options: Options) -> Recipe:
    """The recipe of the options: those that are given count before those of the file."""
    every = {name: getattr(options, name) for name in OPTIONS}
    given = {name: value for name, value in every.items() if value is not None}
    if options.recipe is not None:
        return read_recipe(path_of(options.recipe, "recipe="), given)
    usual = dict(USUAL)
    if "steps" in given:
        del usual["epochs"]
    return Recipe(**{**usual, **given})


def job_of(
    options: Options,
    space: Space,
    title: str,
    source: str,
    named: Callable[[str], Any] | None = None,
    data: Data | None = None,
) -> Job:
    """What the options train on and how; the data is read, unless it is given.

    Without a word about augmentation images in colour are augmented.
    """
    recipe, device = recipe_of(options), device_named(options.device)
    precision = _precision(options.precision, device)
    job = Job(
        recipe.narrowed(space),
        title,
        source,
        options.valid,
        options.valid_data,
        Plan(recipe, options.seed, options.patience, precision, options.task),
        options.live,
        device,
        options.workers,
        (options.inputs, options.labels),
        named,
        {} if data is None else {"data": data},
    )
    examples = job.data.train.examples
    silent = options.augment is None and options.recipe is None
    if silent and not isinstance(examples, Given):
        shape = tuple(next(examples.batches([job.data.train.numbers[:1]], ()))[0].shape)
        own = replace(recipe, augment=shape[1:2] == (3,) and len(shape) == 4)
        job = replace(job, plan=replace(job.plan, recipe=own))
    return job


def _precision(wanted: str, device: str) -> Precision:
    """`bf16` where it is asked for, or the device multiplies in it."""
    import torch

    if wanted != "auto":
        return "bf16" if wanted == "bf16" else "full"
    if device != "cuda" or torch.cuda.get_device_capability() < (8, 0):
        return "full"
    return "bf16"


def check_folder(folder: Path, record: Mapping[str, Any]) -> None:
    """Raise UsageError unless the folder is free, or holds a part of just what a record says."""
    for name, what in ((HISTORY, "search"), (SCORES, "comparison")):
        if (folder / name).exists():
            raise UsageError(f"{folder} holds a {what}: give another out=")
    check_replaceable(folder / CONFIG)
    if (folder / CONFIG).exists():
        before, _ = read_record(folder)
        command = record["command"]
        if before.get("command") != command:
            raise UsageError(f"{folder} holds another run, no {command}: give another out=")
        check_same(folder, before, record, {*FREE, CODE})
        code = record.get(CODE)
        if before.get(CODE, code) != code:  # version 0.2.0 recorded none
            raise UsageError(
                f"{folder} holds a training of another {record['file']}, which has changed since: "
                f"put back what was there, or give another out="
            )
