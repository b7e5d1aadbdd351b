"""`nas convert`: tables made of files."""

from __future__ import annotations

import re
import shlex
import tarfile
from pathlib import Path

import polars
import pytest
import torch

from nas.data.tables import read
from tests.support.command_line import SMALL, check_mistake, full_beyond, nas, snapshot
from tests.support.tables import ARCHS, NAMES, plain, written

pytestmark = pytest.mark.usefixtures("tables_folder")


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
    ("file.csv data_dir=[3]", ["data_dir=[3] must be"]),
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
