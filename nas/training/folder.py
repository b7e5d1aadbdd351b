"""The folder of a training: its checkpoint, its learning curve, its weights and its figures."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nas.errors import UsageError
from nas.storage.files import check_replaceable, remove_file, replace_file
from nas.training.course import Course

CHECKPOINT, CURVE, WEIGHTS, METRICS = (
    *("checkpoint.safetensors", "curve.csv", "trained.safetensors", "metrics.json"),
)
PICTURE = "curve"
HASH = "sha256"
"""The key of the hash of a checkpoint's content."""
FILES = (CHECKPOINT, CURVE, WEIGHTS, METRICS, f"{PICTURE}.png", f"{PICTURE}.svg")
COLUMNS = (
    *("epoch", "step", "lr", "train_loss", "train_accuracy", "valid_loss", "valid_accuracy"),
)


def train(
    course: Course,
    folder: Path,
    about: Mapping[str, Any],
    every: int | None = None,
    told: Callable[[], None] = lambda: None,
    stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any] | None:
    """Train in a folder, from its checkpoint if it has one; returns the figures.

    A checkpoint is written at the end of each epoch, and after every `every` steps. `told` is
    called after each step. None if `stop` asked for the end: then the checkpoint is the last step.
    Raises DivergedError, and UsageError where a file cannot be read or written.
    """
    digest = course.data.digest
    if course.state.step == 0:
        restore(course, folder)
    for ended in course.go():
        told()
        stopped = stop()
        if ended or stopped or (every is not None and course.state.step % every == 0):
            _write_checkpoint(course, folder / CHECKPOINT, digest)
        if ended:
            replace_file(folder / CURVE, as_csv(course.state.rows))
        if stopped and not course.state.over:
            return None
    figures = figures_of(course, about)
    replace_file(folder / CURVE, as_csv(course.state.rows))
    said = json.dumps(dict(about), ensure_ascii=False)  # one entry, for their order is not fixed
    replace_file(folder / WEIGHTS, _content(course.model.state_dict(), {"about": said}))
    replace_file(folder / METRICS, json.dumps(figures, indent=2, ensure_ascii=False) + "\n")
    remove_file(folder / CHECKPOINT)
    return figures


def read_figures(folder: Path, digest: str | None = None) -> dict[str, Any] | None:
    """The figures of a training that is over; None if it is not.

    Raises UsageError for other files, and if the training was on data with another `digest`.
    """
    path = folder / METRICS
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not {"train", "valid", "epochs"} <= {*found}:
        raise UsageError(f"{path} is not what a training writes: remove it, or give another out=")
    if digest is not None and found.get("digest", digest) != digest:
        raise UsageError(
            f"{folder} holds a training on other data: put back what was there, or give another "
            f"out="
        )
    return found


def read_curve(folder: Path) -> list[dict[str, float | None]]:
    """The learning curve of a training that is over; UsageError where it cannot be read."""
    path = folder / CURVE
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if reader.fieldnames is None or {*reader.fieldnames} != {*COLUMNS}:
                raise ValueError("its columns are others")
            return [
                {name: float(row[name]) if row[name] else None for name in COLUMNS}
                for row in reader
            ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _lost(path, error) from error


def read_weights(model: nn.Module, folder: Path) -> None:
    """Give a model the weights of a training that is over; UsageError where they do not fit."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = folder / WEIGHTS
    try:
        model.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise _lost(path, error) from error


def _lost(path: Path, error: Exception) -> UsageError:
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return UsageError(
        f"{path} is not what the training wrote ({' '.join(why.split())[:160]}): put back what "
        f"was there, or give another out="
    )


def check_files(folder: Path) -> None:
    """Raise UsageError where the files of a training cannot be written into a folder."""
    for name in FILES:
        check_replaceable(folder / name)


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """A learning curve, one row an epoch; empty cells where there are no classes."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow("" if row[name] is None else repr(row[name]) for name in COLUMNS)
    return text.getvalue()


def figures_of(course: Course, about: Mapping[str, Any]) -> dict[str, Any]:
    """What came of a training, and what it was."""
    state, kept = course.state, course.finish()
    return {
        **about,
        **kept,
        "epochs": len(state.rows),
        "steps": state.step,
        "planned_steps": course.steps,
        "best_epoch": state.best_epoch,
        "kept_epoch": state.best_epoch if course.best else len(state.rows),
        "parameters": sum(each.numel() for each in course.model.parameters()),
        "seed": course.plan.seed,
        "recipe": course.plan.recipe.options,
        "precision": course.plan.precision,
        "digest": course.data.digest,
        "device": course.device,
        "seconds": round(state.seconds, 3),
    }


def _content(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """Tensors as safetensors, a format that holds no code; each with memory of its own."""
    from safetensors.torch import save

    own = {name: each.detach().cpu().clone().contiguous() for name, each in tensors.items()}
    return save(own, metadata=dict(metadata))


def _write_checkpoint(course: Course, path: Path, digest: str) -> None:
    tensors, state = course.saved()
    own = {name: each.detach().cpu().contiguous() for name, each in tensors.items()}
    said = {"state": json.dumps(state), "data": digest, "plan": _plan(course)}
    replace_file(path, _content(own, {**said, HASH: _hash(own, said)}))


def _plan(course: Course) -> str:
    """How the training goes, for a checkpoint of another one cannot be gone on with."""
    values = {**asdict(course.plan), "recipe": course.plan.recipe.options}
    return json.dumps(values, sort_keys=True)


def _hash(tensors: Mapping[str, Tensor], said: Mapping[str, str]) -> str:
    """A hash of all that a checkpoint holds but itself."""
    content = sha256(json.dumps(said, sort_keys=True).encode())
    for name, each in sorted(tensors.items()):
        content.update(f"{name} {each.dtype} {tuple(each.shape)};".encode())
        content.update(each.reshape(-1).view(torch.uint8).numpy().data)
    return content.hexdigest()


def _check_whole(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Raise ValueError unless the content of a checkpoint is what was written."""
    said = {name: value for name, value in metadata.items() if name != HASH}
    if HASH not in metadata:
        raise ValueError("it has no hash of its content, as those of version 0.2.0")
    if metadata[HASH] != _hash(tensors, said):
        raise ValueError("it is damaged: it is not as it was written")


def restore(course: Course, folder: Path) -> None:
    """Put a course into the state of the folder's checkpoint, if there is one.

    Raises UsageError for a checkpoint that is damaged, or of another training.
    """
    from safetensors import SafetensorError, safe_open

    path, digest = folder / CHECKPOINT, course.data.digest
    if not path.exists():
        return
    try:
        with safe_open(path, "pt", device="cpu") as file:  # AdamW counts its steps there
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        _check_whole(tensors, metadata)
        if metadata["data"] != digest:
            raise UsageError(
                f"{path} is of a training on other data: put back what was there, or give another "
                f"out="
            )
        if metadata["plan"] != _plan(course):
            raise ValueError("it is of a training with other settings")
        course.restore(tensors, json.loads(metadata["state"]))
    except UsageError:
        raise
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        why = " ".join(str(error).split())[:160]
        raise UsageError(
            f"{path} cannot be gone on with ({why}): remove it to begin again"
        ) from error
