"""From what `data=` names to examples: folders, arrays, tables, text, and data sets of code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from nas.batch import Batch
from nas.data.numpy_files import ONLY, opened_arrays
from nas.errors import UsageError
from nas.one_module import OneModule
from nas.space import Space
from nas.storage.files import path_of
from nas.training.examples import Data, Examples, Given, InMemory, Part
from nas.training.fitting import resized, split

CODE = "python:"
"""How the name of a function begins that gives data sets."""
Names = tuple[str | Sequence[str] | None, str | None]
"""Of the inputs, an array or columns, and of the labels; None: the usual ones."""
TEXTS = (".txt", ".txt.gz", ".tokens", ".tokens.gz")


def read_data(
    space: Space,
    data: str,
    valid: float,
    valid_data: str | None = None,
    workers: int = 0,
    seed: int = 0,
    named: Callable[[str], Any] | None = None,
    names: Names = (None, None),
) -> Data:
    """The examples of a file, a folder, or a function, parted into two.

    The share `valid` is kept apart to measure on, drawn from the seed; of a text it is the end.
    With `valid_data` the parts are two files. `python:module:function` is called, by way of
    `named`, and gives one data set or two. `names` are those of the inputs and of the labels in a
    file of arrays or a table. Raises UsageError for what cannot be read, or is not of the shape of
    the space's inputs.
    """
    if data.startswith(CODE):
        if names != (None, None):
            raise UsageError(f"inputs= and labels= are for files: data={data} gives both itself")
        found = _called(data, named)
        return of_sets(space, found, data, valid, workers, seed)
    own = _examples(space, data, "data", names)
    if valid_data is None:
        return replace(_one(own.examples, valid, seed, data, own.is_text), remarks=own.remarks)
    other = _examples(space, valid_data, "valid_data", names, own)
    _check_labels({f"data={data}": own, f"valid_data={valid_data}": other})
    both = (data, valid_data), (*own.remarks, *other.remarks)
    return _two(own.examples, other.examples, *both)


def of_sets(space: Space, found: Any, name: str, valid: float, workers: int, seed: int) -> Data:
    """The examples of one data set, or of a tuple of two; UsageError for what is none."""
    sets = found if isinstance(found, tuple) else (found,)
    if len(sets) > 2 or not all(hasattr(e, "__len__") and _gives(e) for e in sets):
        raise UsageError(
            f"data={name} must give one data set, or two, to train on and to measure on, each "
            f"with len(data) and data[i]"
        )
    each = [Given(one, _shape(space, one, name), name, workers) for one in sets]
    if len(each) == 2:
        return _two(each[0], each[1], (f"the first of {name}", f"the second of {name}"))
    return _one(each[0], valid, seed, name)


def of_batches(space: Space, data: Batch, other: Batch | None, valid: float, seed: int) -> Data:
    """The examples of a batch, or of two, in the shape of the space's inputs."""
    train = _of_batch(space, data, "data")
    if other is None:
        return _one(train, valid, seed, "data")
    return _two(train, _of_batch(space, other, "valid_data"), ("data", "valid_data"))


def _of_batch(space: Space, batch: Batch, name: str) -> InMemory:
    if isinstance(space, OneModule) and space.example is None:
        return InMemory(batch.inputs, batch.labels)
    inputs = resized(batch.inputs, space.inputs)
    if tuple(inputs.shape[1:]) != space.inputs:
        raise UsageError(
            f"{name} has examples of shape {tuple(inputs.shape[1:])}, and {space.title} takes "
            f"{space.inputs}"
        )
    return InMemory(inputs, batch.labels)


def _one(examples: Examples, valid: float, seed: int, what: str, ordered: bool = False) -> Data:
    """Examples parted into two; `ordered` ones, such as windows of a text, without a draw."""
    train, rest = split(len(examples), valid, seed, what)
    if ordered:
        train, rest = torch.arange(len(examples)).tensor_split([len(train)])
    return Data(Part(examples, train), Part(examples, rest))


def _two(
    train: Examples, valid: Examples, what: tuple[str, str], remarks: tuple[str, ...] = ()
) -> Data:
    for each, name in zip((train, valid), what, strict=True):
        if len(each) < 2:
            count = f"{len(each)} example{'' if len(each) == 1 else 's'}"
            raise UsageError(f"{name} has {count}, and a training needs 2 in each part")
    numbers = torch.arange(len(train)), torch.arange(len(valid))
    return Data(Part(train, numbers[0]), Part(valid, numbers[1]), remarks)


def _called(data: str, named: Callable[[str], Any] | None) -> Any:
    if named is None:
        raise UsageError(f"data={data} names code, and only the command line may do that")
    return named(data.removeprefix(CODE))


def _gives(data: object) -> bool:
    return hasattr(data, "__getitem__")


def _shape(space: Space, data: Any, name: str) -> tuple[int, ...]:
    """The shape of the space's inputs; for a module of a user's, that of the first example."""
    from nas.data.loaders import first
    from nas.training.examples import given

    if not isinstance(space, OneModule) or space.example is not None:
        return space.inputs
    inputs, _ = first([given(data, 0, name)], 1, 0) if len(data) else (torch.empty(0), None)
    return tuple(inputs.shape[1:])


class _Read(NamedTuple):
    """All examples of a file or a folder, and what they are called there."""

    examples: InMemory
    remarks: tuple[str, ...] = ()
    """What was done to them."""
    is_text: bool = False
    classes: tuple[str, ...] = ()
    """The names of the classes by their numbers; without them the labels are numbers."""
    columns: tuple[str, ...] = ()
    label: str | None = None
    """The columns of a table that the inputs and the labels are."""

    @property
    def known(self) -> tuple[str, ...] | None:
        """The classes that the labels of other data must be; None without labels."""
        return None if self.examples.labels is None else self.classes


def _examples(
    space: Space, text: str, option: str, names: Names, like: _Read | None = None
) -> _Read:
    """All examples of a file or folder; columns and classes are called as those of `like`."""
    from nas.data.arrays import TABLES
    from nas.data.wanted import wanted

    path = path_of(text, f"{option}=")
    if not path.exists():
        raise UsageError(f"{option}={text} names nothing: there is no file or folder {path}")
    is_text = space.vocabulary is not None and path.name.endswith(TEXTS)
    if names != (None, None) and (is_text or path.is_dir()):
        raise UsageError(
            f"inputs= and labels= are names in a file of arrays or a table, and {option}={text} "
            f"is a {'text' if is_text else 'folder'}"
        )
    if is_text:
        return _Read(_text(space, path), is_text=True)
    known = None if like is None else like.known
    if path.is_dir() or (names == (None, None) and _has_images(path)):
        return _images(space, path, known)
    if like is not None and like.columns and path.name.lower().endswith(TABLES):
        names = like.columns, like.label
    try:
        found = wanted(space, path, None, names=(names[0], names[1] or "auto"), known=known)
    except UsageError as error:  # whose options are a batch's
        sentence = str(error).replace("batch.inputs=", "inputs=")
        raise UsageError(sentence.replace("batch.labels=", "labels=")) from error
    remarks = (*found.remarks, *([found.origin] if found.origin else []))
    examples = InMemory(found.inputs, found.labels)
    return _Read(examples, remarks, False, found.classes, found.columns, found.label)


def _check_labels(parts: Mapping[str, _Read]) -> None:
    """UsageError where one of two parts has labels and the other has none."""
    without = [name for name, each in parts.items() if each.examples.labels is None]
    if len(without) != 1:
        return
    (labelled,) = parts.keys() - {*without}
    path = Path(without[0].partition("=")[2]).expanduser()
    few = "subfolders" if without[0].startswith("valid_data") else "two subfolders or more"
    raise UsageError(
        f"{labelled} has labels, and {without[0]} has none"
        + (f": the pictures of a folder have them in {few}" if path.is_dir() else "")
    )


def _has_images(path: Path) -> bool:
    """Whether a numpy file has uint8 images, in an array of the usual name or the only one."""
    if path.suffix not in (".npz", ".npy") or not path.is_file():
        return False
    with opened_arrays(path) as arrays:
        name = "images" if "images" in arrays else ONLY
        if name not in arrays:
            return False
        array = arrays[name]
        grey = array.ndim == 3 and array.shape[2] != 3
        colours = array.ndim == 4 and {array.shape[1], array.shape[3]} & {1, 3}
        return bool(array.dtype == "uint8" and (grey or colours))


def _images(space: Space, path: Path, known: Sequence[str] | None) -> _Read:
    """Images, of uint8 as long as they have the right size, which takes a quarter of the room."""
    from nas.data.images import read, scaled, shape_in
    from nas.data.sources import image_shape

    unknown = isinstance(space, OneModule) and space.example is None
    shape = shape_in(path) if unknown else image_shape(space)
    found = read(path, None, shape, shuffle=False, known=known)
    remarks = (*found.remarks, *([found.origin] if found.origin else []))
    if found.inputs.shape[2:] == shape[1:]:
        images = InMemory(found.inputs, found.labels, "auto")
    else:
        images = InMemory(resized(scaled(found.inputs, "auto"), shape), found.labels)
    return _Read(images, remarks, False, found.classes)


def _text(space: Space, path: Path) -> InMemory:
    """The tokens of a text in windows as long as the space's inputs, one after the other."""
    from nas.data.text import read

    assert space.vocabulary is not None
    tokens, length = torch.tensor(read(path, None)), space.inputs[0]
    if (most := int(tokens.max()) + 1 if len(tokens) else 0) > space.vocabulary:
        raise UsageError(
            f"the tokens of {path} are {most:,} different ones, and the space's vocabulary has "
            f"{space.vocabulary:,}: take space.vocabulary={most}"
        )
    count = len(tokens) // length
    if count < 3:
        raise UsageError(
            f"{path} holds {len(tokens):,} tokens, and training needs three times the {length} of "
            f"an example"
        )
    return InMemory(tokens[: count * length].reshape(count, length), None)
