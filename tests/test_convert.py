"""Tables made of files and of official releases, and the tables that `nas list` shows.

The releases here are written by the test, in the layout that the official interfaces read; where
those are installed (nas-bench-201, nats-bench) they are asked about the same files.
"""

from __future__ import annotations

import bz2
import gzip
import os
import pickle
import re
import shlex
import subprocess
import sys
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
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nas import SPACES, UsageError
from nas.compare.conversion import content, converted
from nas.compare.tables import Table, read, truth
from tests.test_cli import SMALL, check_mistake, full_beyond, nas, snapshot

SPACE = SPACES.build("nasbench201")
ARCHS = list(dict.fromkeys(SPACE.sample(Random(seed)) for seed in range(30)))[:20]
NAMES = [SPACE.format(arch) for arch in ARCHS]


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working folder, and `data` for the tables, which is not there yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NAS_DATA", "data")


def written(path: Path, frame: polars.DataFrame) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    else:
        text = frame.write_csv().encode()
        path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def plain(path: Path, column: str = "arch") -> polars.DataFrame:
    """A file with twenty cells and figures of several kinds."""
    rng = Random(0)
    frame = polars.DataFrame(
        {
            "note": ["x"] * 20,
            column: [str(arch) if place % 2 else NAMES[place] for place, arch in enumerate(ARCHS)],
            "acc": [rng.random() * 100 for _ in ARCHS],
            "-steps": range(20),
            "gaps": [None if place % 3 else place / 8 for place in range(20)],
        }
    )
    written(path, frame)
    return frame


# Files with columns


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "parquet"])
def test_a_column_of_any_file_becomes_the_architectures(suffix: str, tmp_path: Path) -> None:
    frame = plain(tmp_path / f"a=b.{suffix}", "cell")
    done = nas("convert", f"a=b.{suffix}", "arch=cell", "columns={acc: acc, steps: '-steps'}")
    assert (done.code, done.err) == (0, "")
    found = read(tmp_path / "data" / "nasbench201.csv.gz")
    assert found.frame.columns == ["arch", "acc", "steps"]
    assert found.frame["arch"].to_list() == NAMES
    assert found.frame["acc"].to_list() == frame["acc"].to_list()
    assert found.frame["steps"].to_list() == frame["-steps"].to_list()
    assert {path.name for path in (tmp_path / "data").iterdir()} == {"nasbench201.csv.gz"}


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        ("[gaps,acc]", ["gaps", "acc"]),
        ("{108: acc}", ["108"]),
        ("{one: acc, two: acc}", ["one", "two"]),
    ],
)
def test_columns_are_picked_and_renamed(columns: str, names: list[str], tmp_path: Path) -> None:
    plain(tmp_path / "file.csv")
    assert nas("convert", "file.csv", f"columns={columns}").code == 0
    assert read(tmp_path / "data" / "nasbench201.csv.gz").frame.columns == ["arch", *names]


def test_all_columns_of_numbers_are_the_default(tmp_path: Path) -> None:
    frame = plain(tmp_path / "file.csv").rename({"-steps": "steps"})
    written(tmp_path / "file.csv", frame)
    done = nas("convert", "file.csv", "out=deep/er/table.csv.gz")
    found = read(tmp_path / "deep" / "er" / "table.csv.gz").frame
    assert found.columns == ["arch", "acc", "steps", "gaps"]
    assert found["gaps"].to_list() == frame["gaps"].to_list()
    for line in (
        "rows     20 of the space's 15,625",
        "columns  acc, steps, gaps",
        "file     deep/er/table.csv.gz",
    ):
        assert f"{line}\n" in done.out


@pytest.mark.parametrize(
    ("words", "table"),
    [
        ([], "nasbench201"),
        (["out=data/other.csv.gz"], "other"),
        (["out='elsewhere/a b.csv.gz'"], "'elsewhere/a b.csv.gz'"),
        (["data_dir=elsewhere"], "elsewhere/nasbench201.csv.gz"),
    ],
    ids=str,
)
def test_the_command_that_it_prints_uses_the_table(
    words: list[str], table: str, tmp_path: Path
) -> None:
    plain(tmp_path / "file.csv")
    done = nas("convert", "file.csv", "columns={it is: acc}", *words)
    assert done.code == 0, done.err
    *_, says, command = done.out.splitlines()
    assert says == "use it with"
    name, *argv = shlex.split(command)
    assert (name, *argv[:-1]) == ("nas", "compare", "space=nasbench201", f"table={table}")
    (tmp_path / "data").mkdir(exist_ok=True)
    quick = [*SMALL, "proxy=params", "resamples=20", "sample=all", "pictures=false", "out=run"]
    used = nas(*argv, *quick)
    assert used.code == 0, used.err
    scores = polars.read_csv(tmp_path / "run" / "scores.csv")
    assert sorted(scores["arch"].to_list()) == sorted(NAMES)


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(range(4)),
            st.booleans(),
            st.none() | st.floats(-1e9, 1e9) | st.sampled_from([float("nan"), float("inf")]),
        ),
        min_size=1,
    )
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_conversion_keeps_what_a_table_says(
    rows: list[tuple[int, bool, float | None]], tmp_path: Path
) -> None:
    texts = [str(ARCHS[place]) if tupled else NAMES[place] for place, tupled, _ in rows]
    frame = polars.DataFrame({"arch": texts, "n": [value for *_, value in rows]}, strict=False)
    frame = frame.with_columns(polars.col("n").cast(polars.Float64))
    table = Table("t", Path("t"), frame)
    made = converted(table, SPACE, duplicates="mean")
    (tmp_path / "t.csv.gz").write_bytes(content(made.frame))
    again = read(tmp_path / "t.csv.gz")
    if not again.figures:  # a column without any number is no column of numbers
        assert all(value is None or not np.isfinite(value) for *_, value in rows)
        return
    before = truth(table, SPACE, "n", "mean", "error")
    after = truth(again, SPACE, "n", "error", "error")
    assert after.archs == before.archs
    assert after.values == pytest.approx(before.values, rel=1e-12, abs=1e-9)


def test_duplicate_and_foreign_rows(tmp_path: Path) -> None:
    names = [NAMES[0], str(ARCHS[1]), str(ARCHS[0]), "|odd|", "(0, 1)", NAMES[0]]
    frame = polars.DataFrame({"arch": names, "n": [1, 20, 4, 7, 8, 4], "m": [None, 1, 2, 3, 4, 3]})
    written(tmp_path / "file.csv", frame)
    before = snapshot(tmp_path)
    check_mistake(nas("convert", "file.csv"), ["2 rows are not in this space", "'|odd|'"])
    foreign = nas("convert", "file.csv", "foreign=drop")
    check_mistake(foreign, ["2 rows are of an arch", f"'{ARCHS[0]}'"])
    assert snapshot(tmp_path) == before
    done = nas("convert", "file.csv", "foreign=drop", "duplicates=mean")
    assert "note     2 rows are not in the space\n" in done.out
    assert re.search("^note     2 rows are of an arch.* the mean is taken$", done.out, re.M)
    found = read(tmp_path / "data" / "nasbench201.csv.gz").frame
    assert found.rows() == [(NAMES[0], 3.0, 2.5), (NAMES[1], 20.0, 1.0)]


def test_a_file_that_is_there_is_not_replaced_unasked(tmp_path: Path) -> None:
    plain(tmp_path / "file.csv")
    words = ("convert", "file.csv", "columns=[acc]")
    assert nas(*words).code == 0
    before = snapshot(tmp_path)
    check_mistake(
        nas(*words, "arch=arch"), ["nasbench201.csv.gz is there already", "replace=true"]
    )
    assert snapshot(tmp_path) == before
    assert nas(*words, "replace=true").code == 0
    contents = {path: state and state[1] for path, state in snapshot(tmp_path).items()}
    assert contents == {path: state and state[1] for path, state in before.items()}
    itself = nas("convert", "data/nasbench201.csv.gz", "columns={other: acc}", "replace=true")
    assert itself.code == 0, itself.err
    assert read(tmp_path / "data" / "nasbench201.csv.gz").figures == ["other"]


@pytest.mark.parametrize("there", [False, True])
def test_a_full_disk_leaves_what_was_there(there: bool, tmp_path: Path) -> None:
    plain(tmp_path / "file.csv")
    if there:
        assert nas("convert", "file.csv", "columns=[gaps]").code == 0
    before = snapshot(tmp_path)
    with full_beyond(100):
        done = nas("convert", "file.csv", "columns=[acc]", "replace=true")
    check_mistake(done, ["data cannot be written to: File too large"])
    assert snapshot(tmp_path) == before


def test_the_users_data_folder_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NAS_DATA")
    plain(tmp_path / "file.csv")
    done = nas("convert", "file.csv", "columns=[acc]")
    assert done.code == 0, done.err
    assert done.out.endswith("table=nasbench201 target=acc\n")
    assert (tmp_path / "home" / "epsilon-nas" / "nasbench201.csv.gz").is_file()


MISTAKES: list[tuple[str, list[str]]] = [
    ("", ["convert needs one file, not 0", "nas convert FILE"]),
    ("file.csv empty.csv", ["convert needs one file, not 2"]),
    ("none.csv", ["there is no file none.csv"]),
    ("empty.csv", ["empty.csv cannot be read as a table"]),
    ("broken.parquet", ["broken.parquet cannot be read as a table"]),
    ("file.csv arch=cell", ["no column 'cell'", "its columns: note, arch, acc, -steps, gaps"]),
    ("file.csv arch=acc", ["column 'acc'", "Float64"]),
    ("file.csv arch=null", ["arch=None must be the name of a column"]),
    (
        "file.csv arch=note columns=[acc]",
        ["20 rows are not in this space, the first is 'x'", "foreign=drop"],
    ),
    ("file.csv arch=note foreign=drop columns=[acc]", ["no row with an architecture"]),
    ("file.csv", ["cannot be named '-steps'", "columns='{name: -steps}'"]),
    ("file.csv columns=[acs]", ["column of numbers in file.csv 'acs'", "did you mean 'acc'"]),
    ("file.csv columns=[note]", ["column of numbers in file.csv 'note'"]),
    ("file.csv columns={arch:acc}", ["cannot be named 'arch'"]),
    ("file.csv columns=acc", ["columns=acc must be a list"]),
    ("file.csv columns=[]", ["columns=[] names no column"]),
    ("file.csv columns={}", ["columns={} names no column"]),
    ("words.csv", ["words.csv has no column of numbers"]),
    ("file.csv duplicates=drop", ["duplicates=drop must be error or mean"]),
    ("file.csv foreign=mean", ["foreign=mean must be error or drop"]),
    ("file.csv replace=3", ["replace=3 must be true or false"]),
    ("file.csv out=table.csv", ["out=table.csv must be", ".csv.gz"]),
    ("file.csv out=3", ["out=3 must be", ".csv.gz"]),
    ("file.csv out=folder.csv.gz", ["folder.csv.gz is a folder"]),
    ("file.csv out=folder.csv.gz replace=true", ["folder.csv.gz is a folder"]),
    ("file.csv columns=[acc] out=file.csv/x.csv.gz", ["out=file.csv is no folder"]),
    ("file.csv columns=[acc] out=/proc/x/x.csv.gz", ["/proc/x cannot be written to"]),
    (f"file.csv columns=[acc] out={'x' * 300}.csv.gz", ["cannot be written to"]),
    ("x" * 300, ["there is no file xxx"]),
    (f"file.csv columns=[{'x,' * 300}acc]", ["column of numbers in file.csv 'x'"]),
    ("file.csv data_dir=3", ["data_dir=3 must be"]),
    ("file.csv space=nasbench20", ["space 'nasbench20'"]),
    ("file.csv colunms=[acc]", ["option of nas convert 'colunms'", "did you mean 'columns'"]),
    ("text.txt", ["text.txt is no table", "no release of NAS-Bench-201"]),
    ("folder.csv.gz", ["folder.csv.gz has no files 000000.pickle.pbz2"]),
    ("text.pth", ["text.pth is no release of NAS-Bench-201"]),
    ("weights.pth", ["weights.pth is no release of NAS-Bench-201"]),
    ("old.pth", ["old.pth is no release of NAS-Bench-201"]),
    ("text.tar", ["text.tar is no release of NAS-Bench-201"]),
    ("empty.tar", ["empty.tar is no release", "no files .pickle.pbz2"]),
    ("text.pickle.pbz2", ["text.pickle.pbz2"]),
]


@pytest.mark.parametrize(("line", "fragments"), MISTAKES, ids=[line[:60] for line, _ in MISTAKES])
def test_a_mistake_is_one_sentence_and_writes_nothing(
    line: str, fragments: list[str], tmp_path: Path
) -> None:
    plain(tmp_path / "file.csv")
    written(tmp_path / "words.csv", polars.DataFrame({"arch": NAMES, "word": ["x"] * 20}))
    for name in ("text.txt", "text.pth", "text.tar", "text.pickle.pbz2", "broken.parquet"):
        (tmp_path / name).write_text("neither a table nor a release\n")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "folder.csv.gz").mkdir()
    tarfile.open(tmp_path / "empty.tar", "w").close()
    torch.save({"weight": torch.zeros(3)}, tmp_path / "weights.pth")
    torch.save({"a": 1}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    before = snapshot(tmp_path)
    done = nas("convert", *line.split())
    assert snapshot(tmp_path) == before
    check_mistake(done, fragments)


# Official releases. The layout is that of `ArchResults.state_dict()` and of what holds it.

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


# nas list


def tables(*words: str) -> list[str]:
    """The lines of the block of tables."""
    done = nas("list", *words)
    assert (done.code, done.err) == (0, "")
    title, *lines = done.out.split("\n\n")[-1].splitlines()
    assert title == "tables"
    return lines


def test_list_names_tables_with_their_rows_and_columns(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    plain(folder / "one.csv")
    plain(folder / "second.parquet", "cell")
    numbers = {f"n{number}": [1.5] for number in range(9)}
    written(folder / "wide.csv.gz", polars.DataFrame({"arch": NAMES[:1], **numbers}))
    written(folder / "words.csv", polars.DataFrame({"arch": NAMES, "word": ["x"] * 20}))
    (folder / "broken.csv.gz").write_bytes(b"\x1f\x8b\x08broken")
    (folder / "notes.txt").write_text("no table")
    *lines, origin = tables()
    found = dict(re.split(" +", line.strip(), maxsplit=1) for line in lines)
    assert set(found) == {"broken", "one", "second", "wide", "words"}
    assert origin.strip() == "from data"
    assert found["one"] == "20 rows; acc, -steps, gaps"
    assert found["second"].startswith("20 rows; acc, -steps, gaps; no column 'arch' (nas convert")
    assert found["wide"] == "1 row; n0, n1, n2, n3, n4, n5 and 3 more"
    assert found["words"] == "20 rows; no column of numbers"
    assert "broken.csv.gz cannot be read as a table" in found["broken"]


def test_list_without_tables_says_where_they_are_released(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    first, *rest = tables("data_dir=empty")
    assert first == "  none in empty"
    assert rest == [f"  {name}: {space.release}" for name, space in SPACES.items()]
    assert "nas convert FILE" in SPACES["nasbench201"].release
    (line,) = tables("data_dir=none")
    assert line.startswith("  none: data_dir=none is no folder")


@pytest.mark.parametrize("argv", [["--help"], ["list", "--help"], ["convert", "--help"]])
def test_help_does_not_import_polars(argv: list[str]) -> None:
    program = (
        "import sys\nfrom nas.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as stop: sys.exit(stop.code or 10 * ('polars' in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *argv], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
