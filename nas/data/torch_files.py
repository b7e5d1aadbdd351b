"""The arrays of files that torch.save wrote, by name; no code in them can run."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nas.data.folders import reason
from nas.data.numpy_files import ONLY
from nas.errors import UsageError
from nas.storage.reading import check_size

SAVE = "torch.save((inputs, labels), path)"


def tensors(path: Path) -> Mapping[str, NDArray[Any]]:
    """The tensors of a file by name, and lists of numbers or of tensors of one shape.

    UsageError for a file with anything but tensors, texts and numbers.
    """
    content = _content(path)
    if isinstance(content, Tensor):
        content = {ONLY: content}
    elif isinstance(content, tuple | list) and len(content) in (1, 2):
        content = dict(zip(("inputs", "labels"), content, strict=False))
    if not isinstance(content, dict):
        raise UsageError(
            f"{path} holds a {type(content).__name__}: save a tensor, (inputs, labels) or a "
            "dictionary of tensors"
        )
    found = {str(name): _array(path, str(name), each) for name, each in content.items()}
    inner = [name for name, each in content.items() if isinstance(each, dict)]
    if inner and all(each is None for each in found.values()):
        raise UsageError(
            f"{path} holds dictionaries in a dictionary, {', '.join(map(str, inner))}: save one "
            f"of them, torch.save(content[{inner[0]!r}], path)"
        )
    return {name: each for name, each in found.items() if each is not None}


def _content(path: Path) -> Any:
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                check_size(path, sum(each.file_size for each in archive.infolist()))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the error says the same
            return torch.load(path, map_location="cpu", weights_only=True)
    except (UsageError, OSError):
        raise
    except Exception as error:  # a damaged pickle may raise any class
        raise UsageError(
            f"{path} cannot be read as tensors alone ({_why(error)}): save them as {SAVE}"
        ) from error


def _why(error: Exception) -> str:
    """What is wrong, without torch's advice to run what is in the file."""
    text = str(error)
    if "TorchScript" in text:
        return "it is a TorchScript archive"
    if found := re.search(r"Unsupported (?:global: GLOBAL|class) ([\w.]+)", text):
        is_array = found[1].startswith("numpy")
        return "it holds an array of numpy" if is_array else f"it holds a {found[1]}"
    if "weights_only" in text or "Weights only" in text:
        return "it holds other objects, or is damaged"
    return reason(error)


def _array(path: Path, name: str, value: Any) -> NDArray[Any] | None:
    """A tensor or a list as an array; None for what is neither."""
    if isinstance(value, tuple | list) and value:
        return _listed(path, name, value)
    if not isinstance(value, Tensor):
        return None
    if value.layout != torch.strided or value.is_quantized:
        raise UsageError(
            f"{path} holds a tensor that is {value.layout}, {value.dtype}: give others"
        )
    if value.is_meta:
        raise UsageError(
            f"{path} holds a tensor '{name}' on the device meta, which has no numbers: save one "
            "that is on the CPU"
        )
    if value.dtype == torch.bfloat16:
        value = value.float()
    array: NDArray[Any] = value.detach().numpy()
    return array


def _listed(path: Path, name: str, values: Any) -> NDArray[Any] | None:
    """A list of numbers, texts, such lists or tensors as an array; None for other lists."""
    try:
        if all(isinstance(each, Tensor) for each in values):
            return _array(path, name, torch.stack([*values]))
        array = np.array(values)
    except (ValueError, TypeError, RuntimeError) as error:
        raise UsageError(
            f"the list '{name}' of {path} has entries of different shapes or kinds: make it one "
            f"tensor"
        ) from error
    return array if array.dtype.kind in "biufU" else None
