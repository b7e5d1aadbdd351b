"""Official releases, and the tables that are made of them.

The releases here are written by the test, in the layout that the official interfaces read: that of
`ArchResults.state_dict()` and of what holds it. Where those interfaces are installed
(nas-bench-201, nats-bench) they are asked about the same files.
"""

from __future__ import annotations

import bz2
import os
import pickle
import re
import tarfile
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import polars
import pytest
import torch

from nas import UsageError
from nas.data.tables import read
from tests.support.command_line import check_mistake, nas, snapshot
from tests.support.tables import NAMES, SPACE

pytestmark = pytest.mark.usefixtures("tables_folder")


SPLITS = {
    "cifar10-valid": ("x-valid", "ori-test"),
    "cifar10": ("ori-test",),
    "cifar100": ("ori-test", "x-valid", "x-test"),
    "ImageNet16-120": ("ori-test", "x-valid", "x-test"),
}
COLUMNS = {
    "cifar10_test": ("cifar10", "ori-test"),
    "cifar10valid_valid": ("cifar10-valid", "x-valid"),
    "cifar10valid_test": ("cifar10-valid", "ori-test"),
    "cifar100_valid": ("cifar100", "x-valid"),
    "cifar100_test": ("cifar100", "x-test"),
    "ImageNet16_120_valid": ("ImageNet16-120", "x-valid"),
    "ImageNet16_120_test": ("ImageNet16-120", "x-test"),
}
EPOCHS = {"200": 200, "12": 12}
TRIALS = {"200": [(777,), (777, 888), (777, 888, 999)], "12": [(777,), (111, 777), (777,)]}
CELLS = 3
State = dict[str, Any]


def trained(rng: Random, place: int, dataset: str, seed: int, epochs: int) -> State:
    """The state of a `ResultsCount`: one network, trained once."""
    each = [rng.random() * 100 for _ in range(epochs)]
    keys = [f"{split}@{epoch}" for split in SPLITS[dataset] for epoch in range(epochs)]
    return {
        "name": dataset,
        "net_state_dict": None,
        "train_acc1es": dict(enumerate(each)),
        "train_acc5es": dict(enumerate(each)),
        "train_losses": dict(enumerate(each)),
        "train_times": OrderedDict(enumerate(each)),
        "arch_config": {"channel": 16, "num_cells": 5, "arch_str": NAMES[place], "class_num": 10},
        "params": np.float64(0.1 + place),
        "flop": 15.5 + place,
        "seed": f"{seed:04d}",
        "epochs": epochs,
        "latency": [0.01, 0.02],
        "eval_names": list(SPLITS[dataset]),
        "eval_acc1es": {key: rng.random() * 100 for key in keys},
        "eval_losses": {key: rng.random() for key in keys},
        "eval_times": {key: rng.random() for key in keys},
    }


def cell(place: int) -> dict[str, State]:
    """What a release holds of a cell: the state of an `ArchResults` for either schedule."""
    rng = Random(place)
    states: dict[str, State] = OrderedDict()
    for schedule, epochs in EPOCHS.items():
        seeds = TRIALS[schedule][place]
        states[schedule] = {
            "arch_index": place,
            "arch_str": NAMES[place],
            "all_results": {
                (dataset, seed): trained(rng, place, dataset, seed, epochs)
                for dataset in SPLITS
                for seed in seeds
            },
            "dataset_seed": {dataset: list(seeds) for dataset in SPLITS},
            "clear_net_done": True,
        }
    return states


@cache
def cells() -> bytes:
    """All the cells, pickled, so that every test has its own."""
    return pickle.dumps([cell(place) for place in range(CELLS)])


def whole(states: Sequence[Mapping[str, State]], names: Mapping[str, str]) -> dict[str, Any]:
    """The cells in one file; `names` are what it calls the schedules."""
    return {
        "meta_archs": NAMES[: len(states)],
        "total_archs": len(states),
        "arch2infos": {
            place: {names.get(key, key): state for key, state in each.items()}
            for place, each in enumerate(states)
        },
        "evaluated_indexes": set(range(len(states))),
    }


def pth(path: Path, states: Sequence[Any], *, zipped: bool = False) -> Path:
    """As NAS-Bench-201 is released: by torch.save, in 2020 not yet as a zip file."""
    file = path / "NAS-Bench-201-v1_1-096897.pth"
    content = whole(states, {"200": "full", "12": "less"})
    torch.save(content, file, _use_new_zipfile_serialization=zipped)
    return file


def zipped_pth(path: Path, states: Sequence[Any]) -> Path:
    return pth(path, states, zipped=True)


def single(path: Path, states: Sequence[Any]) -> Path:
    file = path / "NATS-tss-v1_0-3ffb9.pickle.pbz2"
    file.write_bytes(bz2.compress(pickle.dumps(whole(states, {}), 4)))
    return file


def simple(path: Path, states: Sequence[Any]) -> Path:
    folder = path / "NATS-tss-v1_0-3ffb9-simple"
    folder.mkdir()
    meta = {"meta_archs": NAMES, "total_archs": 20, "arch2infos": None, "evaluated_indexes": set()}
    contents = {"meta": meta} | {f"{place:06d}": state for place, state in enumerate(states)}
    for name, each in contents.items():
        file = folder / f"{name}.pickle.pbz2"
        file.write_bytes(bz2.compress(pickle.dumps(each, 4)))
    return folder


def tarred(path: Path, states: Sequence[Any]) -> Path:
    folder = simple(path, states)
    with tarfile.open(f"{folder}.tar", "w") as archive:
        archive.add(folder, folder.name)
    return Path(f"{folder}.tar")


WRITERS = [pth, zipped_pth, single, simple, tarred]
Writer = Callable[[Path, Sequence[Any]], Path]


def expected(states: Mapping[str, State]) -> dict[str, float]:
    """The figures of a cell: accuracies after the last epoch, and costs, as means over seeds."""
    figures = {}
    for schedule, ending in (("200", ""), ("12", "_12ep")):
        results = states[schedule]["all_results"]
        for column, (dataset, split) in COLUMNS.items():
            key = f"{split}@{EPOCHS[schedule] - 1}"
            figures[column + ending] = float(
                np.mean(
                    [run["eval_acc1es"][key] for (of, _), run in results.items() if of == dataset]
                )
            )
    place = states["200"]["arch_index"]
    return figures | {"params_M": 0.1 + place, "flops_M": 15.5 + place}


def released(path: Path) -> polars.DataFrame:
    """The table that is made of a release."""
    done = nas("convert", path, "out=made.csv.gz", "replace=true")
    assert done.code == 0, done.err
    return read(Path("made.csv.gz")).frame


@pytest.mark.parametrize("write", WRITERS)
def test_a_release_becomes_the_table_of_its_means(write: Writer, tmp_path: Path) -> None:
    states = pickle.loads(cells())
    found = released(write(tmp_path, states))
    assert found["arch"].to_list() == NAMES[:CELLS]
    for row, each in zip(found.iter_rows(named=True), states, strict=True):
        assert row.pop("arch") == each["12"]["arch_str"]
        wanted = expected(each)
        assert list(row) == list(wanted)
        assert row == pytest.approx(wanted, rel=1e-12)


def test_the_columns_are_those_of_the_table_from_other_sources(data: Path) -> None:
    there = read(data / "nasbench201.csv.gz").figures
    made = list(expected(pickle.loads(cells())[0]))
    assert {name for name in there if not name.startswith("lat_ms_")} <= set(made)


@pytest.mark.parametrize("write", [pth, simple])
def test_figures_that_a_release_does_not_have_are_left_out(write: Writer, tmp_path: Path) -> None:
    """As in version 1.0, whose short schedule is of cifar10-valid alone."""
    states = pickle.loads(cells())
    for each in states:
        less = each["12"]
        less["dataset_seed"] = {"cifar10-valid": less["dataset_seed"]["cifar10-valid"]}
        runs = less["all_results"].items()
        less["all_results"] = {key: run for key, run in runs if key[0] == "cifar10-valid"}
    first = states[0]["200"]
    seed = first["dataset_seed"]["cifar100"][-1]
    del first["all_results"]["cifar100", seed]["eval_acc1es"]["x-test@199"]
    found = released(write(tmp_path, states))
    short = [name for name in found.columns if name.endswith("_12ep")]
    assert short == ["cifar10valid_valid_12ep", "cifar10valid_test_12ep"]
    assert found["cifar100_test"].is_null().to_list() == [True, *[False] * (CELLS - 1)]
    assert not found["cifar100_valid"].has_nulls()


def test_where_seeds_disagree_on_costs_one_of_them_is_right(tmp_path: Path) -> None:
    states = pickle.loads(cells())[:2]
    for each, seeds in zip(states, [(777, 888, 999), (777, 999)], strict=True):
        full = each["200"]
        run = full["all_results"]["cifar10", 777]
        full["dataset_seed"]["cifar10"] = list(seeds)
        for seed, params in zip(seeds, (1.0, 2.0, 6.0), strict=False):
            full["all_results"]["cifar10", seed] = {**run, "params": params, "flop": 3 * params}
    found = released(single(tmp_path, states))
    assert found["params_M"].to_list() == [2.0, 1.5]
    assert found["flops_M"].to_list() == [6.0, 4.5]


@pytest.mark.filterwarnings("ignore")
def test_the_official_interface_of_nasbench201_says_the_same(tmp_path: Path) -> None:
    official = pytest.importorskip("nas_201_api")
    states = pickle.loads(cells())
    content = whole(states, {"200": "full", "12": "less"})
    api = official.NASBench201API(content, verbose=False)
    agree(released(pth(tmp_path, states)), api)


@pytest.mark.filterwarnings("ignore")
def test_the_official_interface_of_nats_bench_says_the_same(tmp_path: Path) -> None:
    official = pytest.importorskip("nats_bench")
    folder = simple(tmp_path, pickle.loads(cells()))
    agree(released(folder), official.create(str(folder), "tss", fast_mode=True, verbose=False))


def agree(found: polars.DataFrame, api: Any) -> None:
    """Every figure of the table is the one that the interface gives."""
    for place, row in enumerate(found.iter_rows(named=True)):
        assert api.query_index_by_arch(row.pop("arch")) == place
        cost = api.get_cost_info(place, "cifar10", hp="200")
        assert row.pop("params_M") == pytest.approx(cost["params"], rel=1e-12)
        assert row.pop("flops_M") == pytest.approx(cost["flops"], rel=1e-12)
        for column, value in row.items():
            name = column.removesuffix("_12ep")
            schedule = "200" if name == column else "12"
            options = {"hp": schedule, "is_random": False}
            info = api.get_more_info(place, COLUMNS[name][0], **options)
            figure = info["valid-accuracy" if name.endswith("_valid") else "test-accuracy"]
            assert value == pytest.approx(figure, rel=1e-12), column


def test_another_space_of_the_same_benchmark_is_foreign(tmp_path: Path) -> None:
    states = pickle.loads(cells())
    for each in states:
        for state in each.values():
            state["arch_str"] = "64:64:64:64:64"
    folder = simple(tmp_path, states)
    check_mistake(nas("convert", folder), ["3 rows are not in this space", "'64:64:64:64:64'"])


class Command:
    """Unpickles by running a command of the system."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"echo > '{self.marker}'",)


@pytest.mark.parametrize("where", ["file", "cell", "accuracy", "key"])
@pytest.mark.parametrize("write", WRITERS)
def test_a_release_that_would_run_something_is_refused(
    write: Writer, where: str, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    evil = Command(marker)
    states = pickle.loads(cells())[:2]
    run = states[1]["200"]["all_results"]["cifar10", 777]
    if where == "file":
        states[0] = states[1] = evil if write in (simple, tarred) else {"200": evil}
    elif where == "cell":
        states[1]["more"] = evil
    elif where == "accuracy":
        run["eval_acc1es"]["ori-test@199"] = evil
    else:
        run["eval_acc1es"][evil] = 1.0
    path = write(tmp_path, states)
    before = snapshot(tmp_path)
    done = nas("convert", path)
    assert not marker.exists()
    check_mistake(done, [path.name, "names", "system"])
    assert snapshot(tmp_path) == before
    pickle.loads(pickle.dumps(states))
    assert marker.exists(), "the test's own pickle does nothing"


@pytest.mark.parametrize("name", ["x.pth", "x.pickle.pbz2"])
def test_a_bare_pickle_under_the_name_of_a_release(name: str, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    content = pickle.dumps(Command(marker))
    (tmp_path / name).write_bytes(content if name == "x.pth" else bz2.compress(content))
    check_mistake(nas("convert", name), [name, "names", "system"])
    assert not marker.exists()


@pytest.mark.parametrize("write", WRITERS)
def test_a_release_cut_anywhere_is_refused(write: Writer, tmp_path: Path) -> None:
    path = write(tmp_path, pickle.loads(cells())[:2])
    file = sorted(path.iterdir())[0] if path.is_dir() else path
    sound = file.read_bytes()
    rng = Random(0)
    end = len(sound.rstrip(b"\0"))  # a tar file ends in zeros, some of them only to fill it up
    for length in (0, 1, 3, *(rng.randrange(end) for _ in range(12))):
        file.write_bytes(sound[:length])
        with pytest.raises(UsageError, match=re.escape(path.name)):
            list(SPACE.released(path))


@pytest.mark.parametrize("write", WRITERS)
def test_what_a_release_lacks_is_a_sentence(write: Writer, tmp_path: Path) -> None:
    damages: list[Callable[[State], object]] = [
        lambda state: state.clear(),
        lambda state: state.update(arch_str=NAMES[7]),
        lambda state: state["all_results"].clear(),
        lambda state: state["all_results"]["cifar10", 777].pop("epochs"),
        lambda state: state["all_results"]["cifar10", 777].update(params="many"),
        lambda state: state["all_results"]["cifar10", 777].update(eval_acc1es=[1.0]),
    ]
    for number, damage in enumerate(damages):
        states = pickle.loads(cells())[:2]
        damage(states[1]["200"])
        folder = tmp_path / str(number)
        folder.mkdir()
        path = write(folder, states)
        with pytest.raises(UsageError, match="no release of NAS-Bench-201"):
            list(SPACE.released(path))


def test_a_large_file_is_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = pth(tmp_path, pickle.loads(cells())[:2])
    monkeypatch.setattr("spaces._nasbench201_release.LARGE", path.stat().st_size)
    assert len(list(SPACE.released(path))) == 2
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("spaces._nasbench201_release.LARGE", path.stat().st_size - 1)
    assert len(list(SPACE.released(path))) == 2
    assert "is read as a whole" in capsys.readouterr().err
