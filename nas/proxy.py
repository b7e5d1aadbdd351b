"""What a proxy is: it scores a candidate that was never trained."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from functools import partial
from types import CodeType
from typing import TYPE_CHECKING, Any, ClassVar

from nas.candidate import Candidate
from nas.registry import Registry

if TYPE_CHECKING:
    from nas.batch import Batch
    from nas.space import Space


class NoScore(float):
    """The score of a candidate that has none: NaN with the reason."""

    reason: str
    failed: bool
    """Whether the proxy raised an error instead of giving a score."""

    def __new__(cls, reason: str, failed: bool = False) -> NoScore:
        """NaN that carries `reason`, a short phrase for the summary."""
        score = super().__new__(cls, "nan")
        score.reason, score.failed = reason, failed
        return score

    def __reduce__(self) -> tuple[type[NoScore], tuple[str, bool]]:
        """Keep the reason when the score is sent to another process."""
        return NoScore, (self.reason, self.failed)


class Proxy(ABC):
    """Scores candidates; higher is better."""

    by_function: ClassVar[bool] = False
    """Whether the score depends only on the function that the architecture computes when all
    weights are equal. A search then scores only one architecture of each `Space.canonical`."""
    faster_on_cpu: ClassVar[bool] = False
    """Whether a score takes less time on the CPU than on CUDA: then `device=auto` is the CPU where
    all proxies of a run say so."""

    from_file: ClassVar[bool] = False
    """Whether the scores come from a file that an option names, and not from the network."""
    decides: ClassVar[bool] = False
    """Whether the score is what a search wants to know, such as an accuracy after training, and no
    guess at it: a search by such proxies alone has no finals unless they are asked for."""

    def preparing(self, batch: Batch) -> str:
        """What the first score on the batch waits for, in a few words; empty if for nothing."""
        return ""

    def check_space(self, space: Space) -> None:  # noqa: B027
        """Raise UsageError if it has no scores for this space: nothing is scored then."""

    def fitted_to(self, space: Space) -> Collection[tuple[int, ...]]:
        """The architectures whose true figures have made it: on these it is not tested."""
        return ()

    @abstractmethod
    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The candidate's score on the batch; NaN, preferably a `NoScore`, if it has none.

        The proxy may change all that the candidate builds: it is built for this call. With an
        error there is no score. Raise NotApplicableError if it cannot score this kind of model.
        """


ScoreFunction = Callable[[Candidate, "Batch"], float]
"""A function that scores as `Proxy.score` does; its options are keywords with defaults."""


class FunctionProxy(Proxy):
    """A proxy that is a function; `class_of` makes the class of each function."""

    function: ClassVar[Callable[..., float]]

    def __init__(self, **options: Any) -> None:
        self.options, self.identity = options, identity(type(self).function)

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """What the function gives."""
        return type(self).function(candidate, batch, **self.options)

    def __reduce__(self) -> tuple[Callable[..., Proxy], tuple[object, ...]]:
        """How another process makes it: its class has no name there."""
        return _made, (type(self).function, self.options)


def class_of(function: Callable[..., float]) -> type[FunctionProxy]:
    """The class of a proxy that is a function; its keyword-only arguments are its options.

    Raises TypeError if the function does not take a candidate and a batch.
    """
    parameters = [*inspect.signature(function).parameters.values()]
    options = [each for each in parameters if each.kind is each.KEYWORD_ONLY]
    try:
        inspect.signature(function).replace(
            parameters=[each for each in parameters if each not in options]
        ).bind(None, None)
    except TypeError:
        raise TypeError(
            f"a proxy that is a function takes (candidate, batch, *, options), and "
            f"{title(function)} takes {inspect.signature(function)}"
        ) from None

    def __init__(self: FunctionProxy, **options: Any) -> None:  # noqa: N807
        FunctionProxy.__init__(self, **options)

    __init__.__wrapped__ = function  # type: ignore[attr-defined]  # whose hints the options have
    inner = function.func if isinstance(function, partial) else function
    content = {
        "function": staticmethod(function),
        "__init__": __init__,
        "__signature__": inspect.Signature(options),
        "__doc__": function.__doc__,
        "__module__": inner.__module__,
        "__qualname__": getattr(inner, "__qualname__", title(inner)),
    }
    return type(title(function), (FunctionProxy,), content)


def title(function: object) -> str:
    """The name of a function, also of one with options that `partial` has fixed."""
    inner = function.func if isinstance(function, partial) else function
    return str(getattr(inner, "__name__", type(inner).__name__))


def identity(function: object) -> tuple[object, ...]:
    """What a function depends on beside its file: its code, and the values that it holds."""
    if isinstance(function, partial):
        return (*identity(function.func), function.args, function.keywords)
    code = getattr(function, "__code__", None)
    if code is None:
        return (title(function), vars(function) if hasattr(function, "__dict__") else {})
    constants = [str(each) for each in code.co_consts if not isinstance(each, CodeType)]
    held = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    return (title(function), code.co_code.hex(), code.co_names, constants, held)


def _made(function: Callable[..., float], options: dict[str, Any]) -> Proxy:
    return class_of(function)(**options)


PROXIES: Registry[Proxy] = Registry("proxy", "proxies", Proxy, of_function=class_of)
