"""Arrays of any shape from files: .npz, .npy, .pt, and tables of numbers as CSV or Parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from nas.data.examples import Raw
from nas.data.loaders import INPUTS, LABELS
from nas.data.numpy_files import opened_arrays
from nas.errors import UsageError, unknown
from nas.storage.reading import check_regular

NUMPY, TORCH = (".npz", ".npy"), (".pt", ".pth")
TABLES = (".csv", ".csv.gz", ".tsv", ".txt", ".parquet")


def read(path: Path, inputs: str | Sequence[str] | None, labels: str | None) -> Raw:
    """The inputs and the labels of a file.

    `inputs` is the name of an array, or names of columns; `labels` the name of an array or column.
    `auto`, and None for the inputs, are the usual names (`nas.data.loaders`), or in an .npz two
    arrays without names; None are no labels. Code in a file cannot run. UsageError for what is not
    there or not clear.
    """
    try:
        if not path.exists():
            raise UsageError(f"there is no file {path}")
        check_regular(path)
        if path.is_dir():
            raise UsageError(f"{path} is a folder: batch=images takes one of pictures")
        name = path.name.lower()
        if name.endswith(TABLES):
            from nas.data.columns import read as read_columns

            return read_columns(path, inputs, labels)
        if inputs is not None and not isinstance(inputs, str):
            raise UsageError(f"batch.inputs={inputs} must be the name of one array of {path}")
        if name.endswith(NUMPY):
            with opened_arrays(path) as arrays:
                return _chosen(path, arrays, inputs, labels)
        if name.endswith(TORCH):
            from nas.data.torch_files import tensors

            return _chosen(path, tensors(path), inputs, labels)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    raise UsageError(
        f"{path} must be a file that ends with one of {', '.join((*NUMPY, *TORCH, *TABLES))}"
    )


def _chosen(
    path: Path, arrays: Mapping[str, NDArray[Any]], inputs: str | None, labels: str | None
) -> Raw:
    """The arrays of these names, or of the usual ones."""
    names = [*arrays]
    if not names:
        raise UsageError(f"{path} holds no array")
    x = _named(path, names, "inputs", inputs, INPUTS)
    if x is None and len(names) == 1:
        x = names[0]
    pair = x is None and len(names) == 2 and names == sorted(names)
    if pair and all(name.startswith("arr_") for name in names):  # np.savez(path, x, y)
        x = names[0]
        labels = names[1] if labels == "auto" else labels
    if x is None:
        raise UsageError(
            f"{path} has the arrays {', '.join(names)}: say which one by batch.inputs=NAME"
        )
    y = None if labels is None else _named(path, names, "labels", labels, LABELS)
    if y == x:
        raise UsageError(f"batch.labels={y} is the array of the inputs already")
    return Raw(arrays[x], None if y is None else arrays[y])


def _named(
    path: Path, names: Sequence[str], option: str, wanted: str | None, usual: Sequence[str]
) -> str | None:
    """The name that is wanted, or the usual one, in capitals or not; UsageError for several."""
    if wanted not in (None, "auto"):
        if wanted not in names:
            raise unknown(f"array in {path}", str(wanted), names)
        return wanted
    known = [*usual, *(f"{name}_train" for name in usual), *(f"train_{name}" for name in usual)]
    found = [name for name in names if name.lower() in known]
    if len(found) > 1:
        raise UsageError(
            f"{path} has the arrays {', '.join(found)}: say which one by batch.{option}=NAME"
        )
    return found[0] if found else None
