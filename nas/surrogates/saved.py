"""A surrogate's folder: JSON and arrays of numbers, which are read without running anything."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.arch import Arch
from nas.errors import UsageError
from nas.space import SPACES, Space
from nas.storage.files import replace_file, working_in
from nas.storage.reading import content
from nas.surrogates.features import KINDS, Encoding, Kind
from nas.surrogates.forest import LEAVES, Forest
from nas.surrogates.model import Ensemble
from nas.surrogates.surrogate import Range, Surrogate, Target

if TYPE_CHECKING:
    from numpy.typing import NDArray

ABOUT, TREES = "surrogate.json", "trees.npz"
FORMAT = 3
ARRAYS = {"feature": np.int32, "threshold": np.float64, "left": np.uint8, "value": np.float32}
"""The arrays of a forest, and what they hold."""
ADDRESS = re.compile(r"<[^<>]* at 0x[0-9a-fA-F]+>")
"""An object without a text of its own, as Python shows it."""
FILED = (*ARRAYS, "rows")
"""The arrays of a target: its forest, and which of `archs` it was fitted to."""
SHAPE = {
    **dict.fromkeys(("space", "targets", "source"), dict),
    **{"proxies": list, "trees_sha256": str},
}
TARGET = {
    **{"sign": int, "encoding": str, "sees": str, "members": int, "quality": dict, "range": dict},
    **dict.fromkeys(("centre", "scale"), (int, float)),
}
SPACE = {"name": str, "options": dict, "is": str, "hash": str}
"""What a description has, and of what kind it is."""


def save(surrogate: Surrogate, folder: str | Path) -> list[str]:
    """Write a surrogate into a folder, which is made; the names of its files.

    Raises UsageError if that cannot be.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for place, target in enumerate(surrogate.targets.values()):
        forest = target.model.forest
        arrays |= {f"{name}{place}": getattr(forest, name) for name in ARRAYS}
    arrays |= _rows(surrogate)
    packed = BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **arrays)
    trees = packed.getvalue()
    about = {**_about(surrogate), "trees_sha256": sha256(trees).hexdigest()}
    text = json.dumps({**about, "check": _check(about)}, indent=1, ensure_ascii=False)
    there = Path(folder).expanduser()
    with working_in(there):
        replace_file(there / TREES, trees)
        replace_file(there / ABOUT, text + "\n")
    return [ABOUT, TREES]


def load(folder: str | Path, space: Space | None = None) -> Surrogate:
    """The surrogate in a folder; without a space, of the registered space that it names.

    Raises UsageError for what is no surrogate's folder, is damaged, or is of another space or of
    one with other options.
    """
    return Saved.of(folder).surrogate(space)


@dataclass(frozen=True)
class Saved:
    """The folder of a surrogate, and what it held; other processes read it again."""

    path: Path = field(repr=False)
    sha256: str
    """Of its description, which has that of the trees."""
    _known: list[Surrogate] = field(default_factory=list, init=False, repr=False, compare=False)
    """The surrogate of the space that was asked for last."""

    @classmethod
    def of(cls, folder: str | Path) -> Saved:
        """The surrogate's folder; raises UsageError if it is none."""
        path = Path(folder).expanduser()
        if not (path / ABOUT).is_file():
            raise UsageError(
                f"{folder} holds no surrogate: give the folder that nas fit out=FOLDER wrote"
            )
        return cls(path.resolve(), sha256(_content(path / ABOUT)).hexdigest())

    @property
    def about(self) -> Mapping[str, Any]:
        """What the description says; raises UsageError if it is damaged."""
        raw = _content(self.path / ABOUT)
        if sha256(raw).hexdigest() != self.sha256:
            raise UsageError(f"the surrogate in {self.path} was changed meanwhile: start anew")
        return _read(raw, self.path / ABOUT)

    @property
    def targets(self) -> dict[str, int]:
        """The columns, with -1 for those of which lower is better."""
        found = self.about["targets"]
        return {str(name): int(each["sign"]) for name, each in found.items()}

    def surrogate(self, space: Space | None = None) -> Surrogate:
        """The surrogate; UsageError if it is of another space, or of one with other options."""
        if self._known and (space is None or self._known[0].space is space):
            return self._known[0]
        about = self.about
        there = _space(about["space"], self.path) if space is None else space
        _check_space(there, about["space"], self.path)
        raw = _content(self.path / TREES)
        if sha256(raw).hexdigest() != about["trees_sha256"]:
            raise _damaged(self.path / TREES, "it is not the one that its description names")
        self._known[:] = [_made(about, _arrays(self.path / TREES), there, self.path)]
        return self._known[0]

    def __getstate__(self) -> dict[str, Any]:
        """The state without the surrogate: another process reads the folder."""
        return {**vars(self), "_known": []}


def fingerprint(space: Space) -> str:
    """What stands for a space with its options: a hash of its fields and decisions.

    Raises UsageError for a space that has another one in another process.
    """
    if at := ADDRESS.search(repr(space)):
        raise UsageError(
            f"a surrogate cannot know {space.title} again, because it holds {at[0]}, which is "
            f"another text in every process: make the space a frozen dataclass without it, or "
            f"give the class of that object a __repr__ with its options"
        )
    options = [[name, [str(each) for each in found]] for name, found in space.decisions.items()]
    parts = [repr(space), list(space.choices), options]
    return sha256(json.dumps(parts).encode()).hexdigest()


def _rows(surrogate: Surrogate) -> dict[str, NDArray[Any]]:
    """The architectures that models were fitted to (rows, decisions), and to which each was."""
    archs = sorted(frozenset().union(*(each.rows for each in surrogate.targets.values())))
    most = max(surrogate.space.choices, default=0)
    found = {"archs": np.array(archs, np.min_scalar_type(most)).reshape(len(archs), -1)}
    for place, target in enumerate(surrogate.targets.values()):
        found[f"rows{place}"] = np.array([arch in target.rows for arch in archs], np.bool_)
    return found


def _about(surrogate: Surrogate) -> dict[str, Any]:
    space = surrogate.space
    name = next((each for each in SPACES if SPACES[each] is type(space)), "")
    own: dict[str, Any] = {}
    if is_dataclass(space):
        own = {each.name: getattr(space, each.name) for each in fields(space)}
    return {
        "format": FORMAT,
        "space": {"name": name, "options": own, "is": repr(space), "hash": fingerprint(space)},
        "proxies": [*surrogate.proxies],
        "targets": {
            name: {
                "sign": target.sign,
                "encoding": target.kind,
                "sees": seen(space, target.kind),
                "members": target.model.members,
                "centre": target.model.centre,
                "scale": target.model.scale,
                "range": {
                    "options": [[*each] for each in target.range.options],
                    "low": target.range.low.tolist(),
                    "high": target.range.high.tolist(),
                },
                "quality": target.quality,
            }
            for name, target in surrogate.targets.items()
        },
        "source": dict(surrogate.source),
    }


def _check(about: Mapping[str, Any]) -> str:
    """What protects a description: a hash of it."""
    return sha256(json.dumps(about, ensure_ascii=False).encode()).hexdigest()


def _content(path: Path) -> bytes:
    try:
        return content(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error


def _damaged(path: Path, why: str) -> UsageError:
    return UsageError(f"{path} is damaged, or no surrogate's: {why}; fit it again with nas fit")


def _read(raw: bytes, path: Path) -> dict[str, Any]:
    """The description; raises UsageError if it is not as it was written."""
    try:
        about = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"it is no JSON ({type(error).__name__})") from error
    if not isinstance(about, dict) or "format" not in about:
        raise _damaged(path, "it is no description of a surrogate")
    if about["format"] != FORMAT:
        raise UsageError(
            f"{path} has the format {about['format']!r:.40}, and this version reads {FORMAT}: fit "
            f"it again with nas fit"
        )
    if about.pop("check", None) != _check(about):
        raise _damaged(path, "it was changed after it was written")
    _check_shape(about, SHAPE, path)
    for each in about["targets"].values():
        _check_shape(each, TARGET, path)
    _check_shape(about["space"], SPACE, path)
    return about


def _check_shape(found: object, shape: Mapping[str, Any], path: Path) -> None:
    """Raise UsageError if a part of a description is not as it is written."""
    for name, kind in shape.items():
        if not isinstance(found, dict) or not isinstance(found.get(name), kind):
            raise _damaged(path, f"it has no {name}, or one of another kind")


def _space(about: Mapping[str, Any], folder: Path) -> Space:
    """The registered space that a surrogate names."""
    if not about["name"]:
        raise UsageError(f"the surrogate in {folder} is of a space without a name: give space=")
    options = {name: _tuples(value) for name, value in about["options"].items()}
    try:
        return SPACES.build(about["name"], **options)
    except (UsageError, TypeError) as error:
        raise UsageError(f"{folder / ABOUT} names a space that cannot be: {error}") from error


def _tuples(value: Any) -> Any:
    """A value with tuples in place of lists, which JSON has instead."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _check_space(space: Space, about: Mapping[str, Any], folder: Path) -> None:
    if fingerprint(space) != about["hash"]:
        raise UsageError(
            f"the surrogate in {folder} is of {about['is']}, and it knows nothing of {space!r}"
        )


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file; nothing in them is unpickled."""
    from nas.data.numpy_files import opened_arrays

    with opened_arrays(path) as arrays:
        return {name: arrays[name] for name in arrays}


def _made(
    about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], space: Space, folder: Path
) -> Surrogate:
    """The surrogate of a description and its arrays; UsageError if they do not fit."""
    with _sentence(folder / ABOUT):
        if not about["targets"] or not all(isinstance(name, str) for name in about["proxies"]):
            raise ValueError("it has no target, or proxies that are no names")
        ranges = [_range(each, space, about["proxies"]) for each in about["targets"].values()]
        for each in about["targets"].values():
            _check_target(each, space)
    with _sentence(folder / TREES):
        names = [f"{name}{place}" for place in range(len(about["targets"])) for name in FILED]
        if lost := [name for name in ("archs", *names) if name not in arrays]:
            raise ValueError(f"it has no {lost[0]}, of which {ABOUT} speaks")
        archs = _archs(arrays["archs"], space)
        targets = {
            name: _target(each, {key: arrays[f"{key}{place}"] for key in FILED}, inside, archs)
            for place, ((name, each), inside) in enumerate(
                zip(about["targets"].items(), ranges, strict=True)
            )
        }
        made = Surrogate(space, tuple(about["proxies"]), targets, about["source"])
        for target in targets.values():
            _check_columns(made, target)
    return made


@contextmanager
def _sentence(path: Path) -> Iterator[None]:
    """Turn what is wrong with the content of a file into a UsageError that names the file."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        if isinstance(error, UsageError):
            raise
        why = " ".join(str(error).split())
        said = why if type(error) is ValueError else f"{type(error).__name__}: {why}"
        raise _damaged(path, said) from error


def _range(about: Mapping[str, Any], space: Space, proxies: Sized) -> Range:
    """The range of a target; raises ValueError if it is of another space or proxies."""
    inside = about["range"]
    low, high = (np.array(inside[end], np.float64) for end in ("low", "high"))
    taken = tuple(tuple(map(int, each)) for each in inside["options"])
    if len(taken) != len(space.choices) or not low.shape == high.shape == (len(proxies),):
        raise ValueError("its range is of other decisions or proxies")
    return Range(taken, low, high)


def _check_target(about: Mapping[str, Any], space: Space) -> None:
    """Raise ValueError for a target that cannot be, UsageError for one of other features."""
    if about["encoding"] not in KINDS or about["sign"] not in (1, -1):
        raise ValueError(f"the encoding {about['encoding']} with the sign {about['sign']}")
    numbers = float(about["centre"]), float(about["scale"])
    if not np.isfinite(numbers).all():
        raise ValueError(f"its centre and scale are {numbers}")
    if type(about["members"]) is not int or about["members"] < 1:
        raise ValueError(f"it has {about['members']} members")
    if about["sees"] != seen(space, about["encoding"]):
        raise UsageError(
            f"a surrogate was fitted to other formulas of the layers of {space.title} than this "
            f"version has: fit it again with nas fit"
        )


def seen(space: Space, kind: Kind) -> str:
    """What stands for an encoding: a hash of what it makes of some architectures."""
    archs = [space.sample(Random(seed)) for seed in range(3)]
    return sha256(Encoding(space, kind)(archs).tobytes()).hexdigest()


def _archs(rows: NDArray[Any], space: Space) -> list[Arch]:
    """The rows of all fits; raises ValueError for what are no architectures of the space."""
    if rows.ndim != 2 or rows.shape[1] != len(space.choices) or rows.dtype.kind not in "iu":
        raise ValueError(f"archs has the shape {rows.shape} and the type {rows.dtype}")
    if (rows < 0).any() or (rows >= np.array(space.choices)).any():
        raise ValueError("archs has options that the space does not have")
    return [*map(tuple, rows.tolist())]


def _target(
    about: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
    inside: Range,
    archs: Sequence[Arch],
) -> Target:
    """The model of a column; raises ValueError for arrays that are none."""
    trees = len(arrays["value"])
    members = about["members"]
    if trees % members or not trees:
        raise ValueError(f"it has {trees} trees, and {ABOUT} says {members} members share them")
    for name, kind in ARRAYS.items():
        shape = trees, LEAVES if name == "value" else LEAVES - 1
        _check_array(name, arrays[name], shape, kind)
        if not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} has numbers that are not finite")
    _check_array("rows", arrays["rows"], (len(archs),), np.bool_)
    forest = Forest(*(arrays[name] for name in ARRAYS))
    model = Ensemble(forest, members, float(about["centre"]), float(about["scale"]), np.empty(0))
    rows = frozenset(arch for arch, own in zip(archs, arrays["rows"], strict=True) if own)
    return Target(about["sign"], about["encoding"], model, inside, rows, about["quality"])


def _check_array(name: str, found: NDArray[Any], shape: tuple[int, ...], kind: type) -> None:
    """Raise ValueError for an array of another type or shape."""
    if found.dtype != kind:
        raise ValueError(f"{name} has numbers of the type {found.dtype}, not {np.dtype(kind)}")
    if found.shape != shape:
        raise ValueError(f"{name} has the shape {found.shape}, not {shape}")


def _check_columns(surrogate: Surrogate, target: Target) -> None:
    """Raise ValueError if a tree looks at a feature that is not there."""
    columns = Encoding(surrogate.space, target.kind)([]).shape[1] + len(surrogate.proxies)
    feature = target.model.forest.feature
    wrong = feature[(feature < -1) | (feature >= columns)]
    if len(wrong):
        raise ValueError(
            f"a tree looks at the feature {wrong[0]}, and there are 0 to {columns - 1}"
        )
