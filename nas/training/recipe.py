"""How networks are trained, as plain values that a file can hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from hashlib import sha256
from math import ceil, cos, isfinite, pi
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

from nas.errors import UsageError, unknown
from nas.storage.yaml_files import as_yaml, read_yaml

if TYPE_CHECKING:
    import torch
    from torch import nn

    from nas.space import Space

S = TypeVar("S", bound="Space")
Optimizer = Literal["sgd", "adamw"]
Schedule = Literal["cosine", "constant"]
RATES = {"sgd": 0.05, "adamw": 0.002}
"""Learning rates if none is given."""
DECAYS = {"sgd": 5e-4, "adamw": 0.01}
"""Weight decays if none is given."""
EXPONENT = r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+"
WIDTHS = ("channels", "unit", "embedding", "hidden")
"""The options of spaces that say how wide a network is."""
NUMBERS: dict[str, tuple[str, Callable[[float], bool]]] = {
    "lr": ("a number over 0", lambda value: value > 0),
    "weight_decay": ("a number of at least 0", lambda value: value >= 0),
    "label_smoothing": ("a number from 0 to below 1", lambda value: 0 <= value < 1),
    "share": ("a share, over 0 and at most 1", lambda value: 0 < value <= 1),
    "width": ("a factor over 0", lambda value: value > 0),
}
"""What the numbers of a recipe must be, in words and as a test."""


@dataclass(frozen=True)
class Recipe:
    """How to train a network, and on how much: the options of `proxy=training` and `nas train`.

    `epochs` passes over the examples or, without them, `steps` steps, each on `batch_size`
    examples. The share `share` of the examples is trained on, images are made `resolution` pixels
    large (None: as the space says), and networks `width` times as wide. Raises UsageError for a
    value that an option cannot have.

    >>> recipe = Recipe(epochs=3, batch_size=10, share=0.5)
    >>> recipe.steps_for(80), recipe.examples_of(80)
    (12, 40)
    """

    epochs: int | None = None
    steps: int | None = None
    batch_size: int = 64
    optimizer: Optimizer = "adamw"
    lr: float | None = None
    """None: that of `RATES`."""
    weight_decay: float | None = None
    """None: that of `DECAYS`."""
    schedule: Schedule = "cosine"
    """`cosine`: the learning rate falls to 0 along a half cosine."""
    label_smoothing: float = 0.0
    augment: bool = False
    """Whether images are shifted and mirrored at random."""
    share: float = 1.0
    resolution: int | None = None
    width: float = 1.0
    origin: str = field(default="", compare=False)
    """The file that it was read from; the sentences of errors begin with it."""

    def __post_init__(self) -> None:
        """Check every value."""
        for name, allowed in (("optimizer", Optimizer), ("schedule", Schedule)):
            words = get_args(allowed)
            self._require(name, getattr(self, name) in words, " or ".join(words))
        for name, least in (("epochs", 1), ("steps", 1), ("batch_size", 2), ("resolution", 1)):
            value = getattr(self, name)
            good = value is None or (type(value) is int and value >= least)
            self._require(name, good, f"a whole number of at least {least}")
        if self.epochs is None and self.steps is None:
            object.__setattr__(self, "epochs", 1)
        for name, (text, fits) in NUMBERS.items():
            value = getattr(self, name)
            number = type(value) in (int, float) and isfinite(value)
            optional = name in ("lr", "weight_decay") and value is None
            self._require(name, optional or (number and fits(value)), text)
        self._require("augment", type(self.augment) is bool, "true or false")

    def _require(self, name: str, good: bool, text: str) -> None:
        if not good:
            begin = f"{self.origin}: " if self.origin else ""
            raise UsageError(f"{begin}{name}={getattr(self, name)} must be {text}")

    @property
    def options(self) -> dict[str, Any]:
        """Its options as plain values; those that are None are left out."""
        values = {name: value for name, value in asdict(self).items() if name != "origin"}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def text(self) -> str:
        """The content of a file that `read_recipe` takes."""
        return as_yaml(self.options)

    @property
    def rate(self) -> float:
        """The learning rate at the start."""
        return RATES[self.optimizer] if self.lr is None else self.lr

    def rate_at(self, step: int, steps: int) -> float:
        """The learning rate of a step, counted from 0, of so many."""
        return self.rate * (1 + cos(pi * step / steps)) / 2 if self._falls else self.rate

    @property
    def _falls(self) -> bool:
        return self.schedule == "cosine"

    def examples_of(self, there: int) -> int:
        """How many examples are trained on of those that are there.

        Raises UsageError if the share leaves fewer than two.
        """
        count = there if self.share == 1 else round(self.share * there)
        if count < 2:
            raise UsageError(
                f"share={self.share:g} of {there:,} examples leaves {count}, and a training needs "
                f"2: {self._enough(there)}"
            )
        return count

    def remark(self, there: int) -> str:
        """A sentence where the share leaves less than a batch; else nothing."""
        count = self.examples_of(there)
        if self.share == 1 or count >= min(self.batch_size, there):
            return ""
        return (
            f"share={self.share:g} of {there:,} examples leaves {count}, so an epoch is a single "
            f"step of {count}: {self._enough(there)}"
        )

    def _enough(self, there: int) -> str:
        if there <= self.batch_size:
            return f"share=1 is a batch of {there}"
        least = ceil(1e4 * self.batch_size / there) / 1e4
        return f"share={least:g} fills a batch of {self.batch_size}"

    def batches_in(self, examples: int) -> int:
        """How many batches an epoch has; the rest of the examples, less than one, waits."""
        return max(1, examples // self.batch_size)

    def steps_for(self, there: int) -> int:
        """How many steps a training makes if so many examples are there."""
        if self.epochs is None:
            assert self.steps is not None
            return self.steps
        return self.epochs * self.batches_in(self.examples_of(there))

    def made(self, model: nn.Module) -> torch.optim.Optimizer:
        """The optimizer: SGD with Nesterov momentum .9, or AdamW."""
        import torch

        decay = DECAYS[self.optimizer] if self.weight_decay is None else self.weight_decay
        if self.optimizer == "adamw":
            return torch.optim.AdamW(model.parameters(), self.rate, weight_decay=decay)
        return torch.optim.SGD(
            model.parameters(), self.rate, momentum=0.9, nesterov=True, weight_decay=decay
        )

    def narrowed(self, space: S) -> S:
        """The space with the recipe's resolution and width; itself if the recipe has none.

        Raises UsageError if the space has no such option.
        """
        own: Any = space
        names: set[str] = {each.name for each in fields(own)} if is_dataclass(own) else set()
        changes: dict[str, Any] = {}
        if self.resolution is not None:
            changes["resolution"] = self.resolution
        if self.width != 1:
            found = [name for name in WIDTHS if name in names]
            changes |= {n: max(1, round(self.width * getattr(space, n))) for n in found}
            if not found:
                raise UsageError(
                    f"width={self.width} of a recipe needs a space with the option channels, and "
                    f"{space.title} has none"
                )
        if "resolution" in changes and "resolution" not in names:
            raise UsageError(
                f"resolution={self.resolution} of a recipe needs a space of images, and "
                f"{space.title} has no option resolution"
            )
        try:
            return replace(own, **changes) if changes else space
        except ValueError as error:  # such as a resolution that cannot be halved so often
            raise UsageError(f"the recipe does not fit the space: {error}") from error


@dataclass(frozen=True)
class Content:
    """What a recipe's file holds, for a run's record: it may change and keep its name."""

    sha256: str

    @classmethod
    def of(cls, recipe: Recipe) -> Content:
        """Of the options alone: comments do not matter."""
        return cls(sha256(recipe.text.encode()).hexdigest())


OPTIONS = tuple(each.name for each in fields(Recipe) if each.name != "origin")
"""The names of a recipe's options."""


def _number(name: str, value: Any) -> Any:
    """The number that a text such as 1e-3 is, which YAML takes for one only as 1.0e-3."""
    if name in NUMBERS and isinstance(value, str) and re.fullmatch(EXPONENT, value):
        return float(value)
    return value


def read_recipe(path: Path, given: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe in a YAML file, which is a mapping of options; `given` count before the file's.

    Raises UsageError if there is no such file, or if it is no recipe.
    """
    try:
        values = read_yaml(path)
    except FileNotFoundError:
        raise UsageError(f"there is no recipe {path}") from None
    if not isinstance(values, dict):
        raise UsageError(f"{path} is no recipe: it must be a mapping, such as epochs: 3")
    for name in values:
        if name not in OPTIONS:
            raise unknown(f"option of a recipe, in {path},", str(name), OPTIONS)
    values = {name: _number(name, value) for name, value in values.items()}
    own = dict(given or {})
    if {"epochs", "steps"} & {*own}:
        values = {name: value for name, value in values.items() if name not in ("epochs", "steps")}
    return Recipe(**{**values, **own, "origin": str(path)})
