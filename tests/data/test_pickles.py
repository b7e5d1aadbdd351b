"""Pickles as data: what is read is what was written, and nothing in it runs."""

from __future__ import annotations

import builtins
import os
import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nas.data import pickles

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
KEYS = st.text() | st.integers() | st.tuples(st.text(), st.integers())
CONTENTS = st.recursive(
    SCALARS | st.binary(min_size=1) | st.sets(st.integers()),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(KEYS, inner),
    max_leaves=15,
)


class Calls:
    """Calls a function when pickle loads it."""

    def __init__(self, function: Callable[..., Any], *args: object) -> None:
        self.call = function, args

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return self.call


def read(content: object, protocol: int = 4) -> Any:
    return pickles.read(BytesIO(pickle.dumps(content, protocol)))


@given(content=CONTENTS, protocol=st.sampled_from(PROTOCOLS[1:]))
def test_plain_content_is_what_it_was(content: object, protocol: int) -> None:
    found = read([content, OrderedDict(one=content)], protocol)
    assert found == [content, OrderedDict(one=content)]
    assert type(found[1]) is OrderedDict


@pytest.mark.parametrize("protocol", PROTOCOLS[1:])
@pytest.mark.parametrize("kind", ["f8", "f4", "i8", "i4"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_numpys_scalars_are_numbers(protocol: int, kind: str, order: str) -> None:
    value = np.dtype(kind).type(-1234.5)
    swapped = np.array(value, np.dtype(order + kind)).tobytes()
    scalar: Any = value.__reduce__()[0]
    for written in (value, Calls(scalar, np.dtype(order + kind), swapped)):
        found = read(written, protocol)
        assert found == value
        assert type(found) is type(value.item())


def test_other_scalars_arrays_and_tensors_stay_as_they_are() -> None:
    state = read(np.arange(3, dtype=np.uint8)).state
    assert (state[1], state[4]) == ((3,), b"\0\1\2")
    for content in (np.float16(1), np.bool_(True), torch.zeros(2)):
        assert isinstance(read(content), pickles.Inert)


@pytest.mark.parametrize("function", ["system", "eval", "exec", "savetxt", "save"])
def test_nothing_that_is_named_runs(function: str, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    command = f"__import__('pathlib').Path({str(marker)!r}).touch()"
    call = {
        "system": Calls(os.system, f"echo > '{marker}'"),
        "eval": Calls(builtins.eval, command),
        "exec": Calls(builtins.exec, command),
        "savetxt": Calls(np.savetxt, str(marker), [1]),
        "save": Calls(torch.save, [1], str(marker)),
    }[function]
    for protocol in PROTOCOLS:
        content = pickle.dumps({"hidden": [call]}, protocol)
        if function in ("savetxt", "save"):
            assert isinstance(pickles.read(BytesIO(content))["hidden"][0], pickles.Inert)
        else:
            with pytest.raises(pickle.UnpicklingError, match=rf"it names \w+\.{function}"):
                pickles.read(BytesIO(content))
        assert not marker.exists()
        pickle.loads(content)
        assert marker.exists(), "the test's own pickle does nothing"
        marker.unlink()


def test_a_scalar_of_the_wrong_length_is_an_error() -> None:
    scalar: Any = np.float64(1).__reduce__()[0]
    content = pickle.dumps(Calls(scalar, np.dtype("f8"), b"\0" * 7))
    with pytest.raises(struct.error):
        pickles.read(BytesIO(content))
