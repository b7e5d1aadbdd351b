"""Batches: of tensors, arrays and loaders; what is wrong with inputs and labels."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import nas
from nas import UsageError
from nas.batch import Batch
from tests.support.small import small


def test_a_batch_moves_with_its_labels() -> None:
    batch = Batch(torch.zeros(2, 3), torch.tensor([4, 5])).to("meta")
    assert batch.labels is not None
    assert batch.inputs.device.type == batch.labels.device.type == "meta"
    assert Batch(torch.zeros(2, 3)).to("meta").labels is None


def test_a_moved_batch_makes_its_own_results() -> None:
    batch = Batch(torch.zeros(2, 3))
    assert batch.once("key", lambda: 1) == 1
    assert batch.fresh().once("key", lambda: 2) == 1
    assert batch.to("meta").once("key", lambda: 2) == 2


@pytest.mark.parametrize("dtype", ["float64", "float16", ">f4", "int8", "int64", "uint16"])
def test_arrays_become_float32_or_int64(dtype: str) -> None:
    values = np.arange(12).reshape(4, 3).astype(dtype)
    inputs = Batch(values).inputs
    assert inputs.dtype == (torch.float32 if "f" in dtype else torch.int64)
    assert inputs.tolist() == values.tolist()


def test_tensors_keep_their_type() -> None:
    for dtype in (torch.float64, torch.float32, torch.bfloat16, torch.int64):
        inputs = torch.ones(2, 3, dtype=dtype)
        assert Batch(inputs).inputs is inputs
    assert Batch(torch.ones(2, 3, dtype=torch.int32)).inputs.dtype == torch.int64
    assert not Batch(torch.ones(2, 3, requires_grad=True)).inputs.requires_grad


@pytest.mark.parametrize(
    "labels", [[[0], [2], [1]], [0, 2, 1], [0.0, 2.0, 1.0], [[0.0], [2], [1]]]
)
@pytest.mark.parametrize("kind", [np.array, torch.tensor])
def test_labels_of_any_kind(labels: list[Any], kind: Any) -> None:
    found = Batch(torch.zeros(3, 2), kind(labels)).labels
    assert found is not None
    assert found.dtype == torch.int64
    assert found.tolist() == [0, 2, 1]


def test_texts_are_classes() -> None:
    batch = Batch(np.zeros((3, 2)), np.array(["ship", "cat", "ship"]))
    assert batch.labels is not None
    assert batch.labels.tolist() == [1, 0, 1]
    assert batch.fresh().labels_for(2).tolist() == [1, 0, 1]
    asked = batch.fresh()
    asked.labels_for(2)
    assert asked.notes == {"labels of the data: cat, ship"}


WRONG: list[tuple[Any, Any, str]] = [
    ([[1, 2]], None, "inputs are a list: give a tensor or an array"),
    (np.array(["a"]), None, "inputs are texts"),
    (np.zeros(3, complex), None, "inputs are complex128"),
    (torch.zeros(3, dtype=torch.complex64), None, "complex64"),
    (np.zeros((3, 2), np.uint8), None, "inputs are uint8: give float32 numbers, such as images"),
    (torch.zeros(3, 2, dtype=torch.bool), None, "inputs are bool"),
    (torch.zeros(0, 2), None, r"one example or more, and are of shape \(0, 2\)"),
    (torch.tensor(3.0), None, "are a single number"),
    (torch.tensor([[1.0, torch.nan]]), None, "not finite, 1 of them, the first is nan"),
    (np.array([[np.inf, 1.0]]), None, "the first is inf"),
    (torch.zeros(3, 2).to_sparse(), None, "sparse"),
    (torch.zeros(3, 2), torch.zeros(2), r"of shape \(2,\), and must be 3, one for each"),
    (torch.zeros(3, 2), torch.eye(3), r"labels.argmax\(1\)"),
    (torch.zeros(3, 2), torch.tensor([0, 1, torch.nan]), "labels hold numbers that are not f"),
    (torch.zeros(3, 2), "abc", "of shape"),
]


@pytest.mark.parametrize(("inputs", "labels", "message"), WRONG)
def test_what_is_wrong_is_one_sentence(inputs: Any, labels: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        Batch(inputs, labels)
    assert "\n" not in str(caught.value)


def test_remarks_and_origins_go_with_every_copy() -> None:
    batch = Batch(torch.zeros(4, 2), torch.arange(4), remarks=("one was left out",), origin="mine")
    copies = [batch.fresh(3), pickle.loads(pickle.dumps(batch)).fresh(), batch.to("cpu").fresh()]
    part = replace(batch, inputs=batch.inputs[:2], labels=torch.arange(2))
    for copy in [*copies, part.fresh()]:
        assert copy.notes == {"one was left out"}
        copy.labels_for(9)
        assert copy.notes == {"one was left out", "mine"}
    assert batch.notes == set()


def test_random_labels_are_said() -> None:
    batch = Batch(torch.zeros(4, 2)).fresh()
    batch.labels_for(3)
    assert batch.notes == {"random labels, for the batch has none"}


# loaders

X, Y = torch.arange(60.0).view(30, 2), torch.arange(30) % 4


def loader(**options: Any) -> DataLoader[Any]:
    return DataLoader(TensorDataset(X, Y), batch_size=8, **options)


def test_the_first_examples_of_a_loader() -> None:
    batch = Batch.from_loader(loader(), 20)
    assert torch.equal(batch.inputs, X[:20])
    assert batch.labels is not None
    assert torch.equal(batch.labels, Y[:20])
    assert Batch.from_loader(loader(), 30).inputs.shape == (30, 2)


def test_a_loader_that_shuffles_does_so_under_the_seed() -> None:
    state = torch.random.get_rng_state()
    one, again, other = (Batch.from_loader(loader(shuffle=True), 20, seed) for seed in (1, 1, 2))
    assert torch.equal(one.inputs, again.inputs)
    assert not torch.equal(one.inputs, other.inputs)
    assert one.labels is not None
    assert torch.equal((one.inputs[:, 0] / 2).long() % 4, one.labels)
    assert torch.equal(torch.random.get_rng_state(), state)


def pairs() -> Iterator[Any]:
    yield from zip(parts(X), parts(Y), strict=True)


def parts(values: torch.Tensor) -> list[torch.Tensor]:
    return [values[start : start + 8] for start in range(0, len(values), 8)]


LOADERS: dict[str, Any] = {
    "pairs": pairs(),
    "lists": [[x, y] for x, y in pairs()],
    "arrays": [(x.numpy(), y.numpy()) for x, y in pairs()],
    "columns": [(x.numpy().astype("f8"), y[:, None].float()) for x, y in pairs()],
    "dictionaries": [{"image": x, "label": y} for x, y in pairs()],
    "more names": [{"id": 3, "pixel_values": x, "labels": y} for x, y in pairs()],
    "examples": TensorDataset(X, Y),
    "examples of arrays": list(zip(X.numpy(), Y.tolist(), strict=True)),
    "tuples of labels": [(x, tuple(y.tolist())) for x, y in pairs()],
}


@pytest.mark.parametrize("kind", LOADERS)
def test_whatever_gives_examples(kind: str) -> None:
    batch = Batch.from_loader(LOADERS[kind], 20)
    assert torch.equal(batch.inputs, X[:20])
    assert batch.inputs.dtype == torch.float32
    assert batch.labels is not None
    assert torch.equal(batch.labels, Y[:20])


@pytest.mark.parametrize("kind", ["plain", "alone", "dictionary"])
def test_inputs_without_labels(kind: str) -> None:
    given: dict[str, Any] = {
        "plain": parts(X),
        "alone": [[x] for x in parts(X)],
        "dictionary": [{"x": x} for x in parts(X)],
    }
    batch = Batch.from_loader(given[kind], 20)
    assert batch.labels is None
    assert torch.equal(batch.inputs, X[:20])


MORE = ("gives 30 examples", "labels with some batches", "different shapes")
BROKEN: list[tuple[Any, str]] = [
    (loader(), "gives 30 examples: take size=30 or fewer, not 31"),
    ([], "gives no example"),
    (iter([]), "used up before"),
    (X, "a Tensor is no loader"),
    (3, "a int is no loader"),
    ({"x": X}, "a dict is no loader"),
    ([(X, Y, Y)], "gives 3 parts"),
    ([{"pictures": X}], "a dictionary of pictures: name the inputs one of"),
    ([(X, Y[:3])], "30 inputs with 3 labels"),
    ([(X, Y), X], "labels with some batches"),
    ([X, X[:, :1]], r"different shapes, \(2,\) and \(1,\)"),
    ([("a", 3)], "inputs are a str"),
    ([(X, Y / 0)], "labels hold numbers that are not finite"),
    ([X * torch.nan], "not finite"),
    ([X.byte()], "are uint8"),
]


@pytest.mark.parametrize("kind", [tuple, list, np.array])
def test_labels_of_a_loader_may_be_texts(kind: Any) -> None:
    batches = [(X, kind(["dog", "cat"] * (len(X) // 2))), (X, kind(["ship"] * len(X)))]
    batch = Batch.from_loader(batches, len(X) + 2)
    assert batch.labels is not None
    assert batch.labels.tolist() == [1, 0] * (len(X) // 2) + [2, 2]
    assert "cat, dog, ship" in batch.origin
    single = Batch.from_loader([(X[0], "dog"), (X[1], "cat")], 2)
    assert single.labels is not None
    assert single.labels.tolist() == [1, 0]
    with pytest.raises(UsageError, match="texts and labels that are numbers"):
        Batch.from_loader([(X, kind(["a"] * len(X))), (X, torch.zeros(len(X)))], 2 * len(X))


def test_inputs_without_numbers_are_one_sentence() -> None:
    with pytest.raises(UsageError, match="inputs are on the device meta"):
        nas.score(torch.nn.Linear(2, 2), torch.zeros(4, 2, device="meta"), proxies=["params"])


@pytest.mark.parametrize(("given", "message"), BROKEN)
def test_a_wrong_loader_is_one_sentence(given: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        Batch.from_loader(given, 31 if message.startswith(MORE) else 30)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [0, -1, 1.5, True])
def test_a_wrong_size_is_named(size: Any) -> None:
    with pytest.raises(UsageError, match=f"size={size} must be a whole number of at least 1"):
        Batch.from_loader(loader(), size)


def test_a_batch_of_arrays_is_scored() -> None:
    space = small("nasbench201")
    rng = np.random.default_rng(0)
    batch = Batch(rng.normal(size=(8, 3, 8, 8)), rng.integers(0, 10, (8, 1)))
    (found,) = nas.score(space, [(3,) * 6], "grad_norm", batch=batch)
    assert found.score > 0
    assert not found.note
