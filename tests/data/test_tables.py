"""Tables of true figures: what is read, and what is refused in one sentence."""

from __future__ import annotations

import gzip
import pickle
from pathlib import Path
from random import Random

import polars
import pytest

from nas import UsageError
from nas.cli import settings
from nas.compare.conversion import converted
from nas.data.lookup import Column
from nas.data.tables import (
    Table,
    Truth,
    data_folder,
    find,
    first_figure,
    read,
    tables_in,
    truth,
)
from tests.support.small import small

SPACE = small("nasbench201")
ARCHS = [(0, 1, 2, 3, 4, 0), (1, 1, 1, 1, 1, 1), (3, 3, 3, 3, 3, 3)]
NAMES = [SPACE.format(arch) for arch in ARCHS]


def written(path: Path, names: list[str] = NAMES, **columns: list[object]) -> Path:
    frame = polars.DataFrame({"arch": names, **columns})
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    else:
        text = frame.write_csv()
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def facts(path: Path, target: str, duplicates: str = "error", foreign: str = "error") -> Truth:
    return truth(read(path), SPACE, target, duplicates, foreign)


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.parquet"])
def test_every_format_is_read(name: str, tmp_path: Path) -> None:
    path = written(tmp_path / name, acc=[1.5, None, 3.0], note=["a", "b", "c"], steps=[1, 2, 3])
    table = read(path)
    assert (table.name, table.figures) == ("t", ["acc", "steps"])
    found = truth(table, SPACE, "acc", "error", "error")
    assert found.archs == [ARCHS[0], ARCHS[2]]
    assert found.values == [1.5, 3.0]
    assert found.notes == ["1 row is without acc"]
    assert facts(path, "-steps").values == [-1, -2, -3]
    assert find("t", tmp_path) == path
    assert find(str(path), Path("elsewhere")) == path
    assert find("u", tmp_path) is None


def test_the_first_suffix_counts(tmp_path: Path) -> None:
    for name in ("t.parquet", "t.csv", "u.csv.gz", "notes.txt"):
        written(tmp_path / name, acc=[1, 2, 3])
    assert tables_in(tmp_path) == {"t": tmp_path / "t.csv", "u": tmp_path / "u.csv.gz"}
    assert tables_in(tmp_path / "none") == {}


def test_tuples_are_architectures_too(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", [str(arch) for arch in ARCHS], acc=[1, 2, 3])
    assert facts(path, "acc").archs == ARCHS


def test_what_is_no_number_counts_as_missing(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = zip(NAMES, ("inf", "NaN", "2"), strict=True)
    path.write_text("arch,acc\n" + "".join(f"{name},{value}\n" for name, value in rows))
    found = facts(path, "acc")
    assert (found.archs, found.values) == ([ARCHS[2]], [2.0])
    assert found.notes == [
        "1 row is without acc",
        "1 row is left out for acc of 1e+150 or more, or infinite",
    ]


def test_numbers_too_large_are_counted_apart(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", acc=["-inf", "1e301", "2"])
    for target in ("acc", "-acc"):
        assert facts(path, target).notes == [
            "2 rows are left out for acc of 1e+150 or more, or infinite"
        ]
        figures = Column.of(path, target).figures(SPACE)
        assert figures.notes == facts(path, target).notes
    frame = converted(read(written(tmp_path / "u.csv", acc=["inf", "1", "2"])), SPACE)
    assert frame.notes == ["1 cell of acc left empty: infinite"]


def test_duplicates_and_strangers_are_counted_and_the_first_is_shown(tmp_path: Path) -> None:
    names = [*NAMES, NAMES[1], NAMES[1], "|odd|", "|odder|"]
    path = written(tmp_path / "t.csv", names, acc=[1, 2, 3, 4, None, 6, 7])
    with pytest.raises(UsageError, match=r"2 rows are not in this space, the first is '\|odd\|'"):
        facts(path, "acc")
    with pytest.raises(UsageError, match=r"2 rows are of an architecture that was .*'\|skip_c"):
        facts(path, "acc", foreign="drop")
    found = facts(path, "acc", "mean", "drop")
    assert found.values == [1, 3, 3]
    assert found.notes == [
        "2 rows are not in the space",
        "2 rows are of an architecture that was there before, of which the mean is taken",
        "1 row is without acc",
    ]


def test_a_table_without_architectures_or_the_target_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("cell,acc\na,1\n")
    with pytest.raises(UsageError, match=r"no column 'arch' .* its columns: cell, acc"):
        facts(path, "acc")
    path = written(tmp_path / "u.csv", acc=[1, 2, 3], loss=[1, 2, 3], who=["a", "b", "c"])
    with pytest.raises(UsageError, match=r"no column of numbers .* 'ac'; did you mean 'acc'"):
        facts(path, "ac")
    with pytest.raises(UsageError, match=r"no column of numbers .* 'who'.* acc, loss"):
        facts(path, "-who")
    numbers = polars.DataFrame({"arch": [1, 2], "acc": [1, 2]})
    with pytest.raises(UsageError, match=r"column 'arch' of .* holds Int64, no text"):
        truth(Table("n", Path("n.csv"), numbers), SPACE, "acc", "error", "error")


def test_objects_in_a_column_are_no_numbers(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    frame = polars.DataFrame(
        {"arch": NAMES, "acc": [[1], [2], [3]], "code": [pickle.dumps(print)] * 3}
    )
    frame.write_parquet(path)
    for column in ("acc", "code"):
        with pytest.raises(
            UsageError, match=f"no column of numbers .* '{column}'; there are none"
        ):
            facts(path, column)


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.parquet"])
@pytest.mark.parametrize("content", [b"", b"\x80\x04\x95\xff\x00pickle", b"\x1f\x8b\x08broken"])
def test_what_is_no_table_is_refused(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"cannot be read as a table|no column 'arch'"):
        facts(path, "acc")


def test_a_folder_or_another_file_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "t.pkl").write_bytes(b"")
    with pytest.raises(UsageError, match=r"t.pkl is no table: it must end in .csv"):
        find(str(tmp_path / "t.pkl"), tmp_path)
    with pytest.raises(UsageError, match="is a folder"):
        find(str(tmp_path), tmp_path)
    with pytest.raises(UsageError, match="is no folder"):
        data_folder(str(tmp_path / "none"))
    with pytest.raises(UsageError, match="data_dir=3 must be"):
        settings.data_folder("data_dir", 3)
    assert data_folder(str(tmp_path)) == tmp_path
    assert data_folder(None).name == "epsilon-nas"


def test_an_architecture_in_several_columns(tmp_path: Path) -> None:
    """NAS-Bench-101's matrix and operations; the first figure is no number of the row."""
    space = small("nasbench101")
    rows = [space.format(space.sample(Random(seed))) for seed in range(5)]
    matrices, ops = zip(*(row.split(" ") for row in rows), strict=True)
    columns = {"index": [3, 5, 6, 9, 11], "matrix": matrices, "ops": ops, "acc": [3, 1, 2, 5, 4]}
    polars.DataFrame(columns).write_csv(tmp_path / "t.csv")
    table = read(tmp_path / "t.csv")
    assert first_figure(table, space) == "acc"
    found = truth(table, space, "acc", "error", "error")
    assert [space.format(arch) for arch in found.archs] == rows
    one = converted(table, space).frame
    assert one["arch"].to_list() == rows
    assert one.columns == ["arch", "index", "acc"]
    with pytest.raises(UsageError, match="no column 'arch' with architectures"):
        truth(table, SPACE, "acc", "error", "error")
