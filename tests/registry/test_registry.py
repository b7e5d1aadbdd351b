"""Registering plugins, and building them with options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from nas import UsageError
from nas.errors import NameTakenError
from nas.registry import Registry
from nas.registry.options import accepts, construct

if TYPE_CHECKING:
    from nas import Space


class Thing:
    """The base class of the registry's plugins."""


@pytest.fixture
def registry() -> Registry[Thing]:
    return Registry("thing", "strategies", Thing)


def of(module: str, name: str) -> type[Thing]:
    return type(name, (Thing,), {"__module__": module})


def test_a_name_that_exists_is_an_error(registry: Registry[Thing]) -> None:
    registry.register("one")(of("a", "First"))
    with pytest.raises(NameTakenError, match="thing 'one' exists twice: in a and in b"):
        registry.register("one")(of("b", "First"))
    with pytest.raises(NameTakenError, match="thing 'one' exists twice: in a and in a"):
        registry.register("one")(of("a", "Second"))


def test_a_module_may_be_read_again(registry: Registry[Thing]) -> None:
    registry.register("one")(of("a", "First"))
    again = of("a", "First")
    assert registry.register("one")(again) is again


@pytest.mark.parametrize("name", ["", "a b", "a.b", "a/b", "-a", "a-", "a=b", 5, None])
def test_what_is_no_name_is_refused(registry: Registry[Thing], name: Any) -> None:
    with pytest.raises(ValueError, match=r"is no name for a thing"):
        registry.register(name)


@pytest.mark.parametrize("cls", [of, Thing(), int, "Thing"])
def test_what_is_no_class_of_the_kind_is_refused(registry: Registry[Thing], cls: Any) -> None:
    with pytest.raises(TypeError, match=r"thing 'one' is .* class that inherits from Thing"):
        registry.register("one")(cls)


class Measured(Protocol):
    """A type that `isinstance` cannot check."""

    size: int


def make(space: Space, free=1, some: Any = 2, like: Measured | None = None, count: int = 3) -> Any:  # type: ignore[no-untyped-def]
    return space, free, some, like, count


def test_options_of_any_type_and_names_for_a_type_checker_alone() -> None:
    options = {"free": "x", "some": [1], "like": 4, "count": 5}
    assert construct("thing", "one", make, 1, None, **options) == (None, "x", [1], 4, 5)
    with pytest.raises(UsageError, match=r"thing\.count=x must be a whole number"):
        construct("thing", "one", make, 1, None, count="x")
    assert accepts(Any, object())
