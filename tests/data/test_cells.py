"""Tables as programs and people write them: read, or refused in a sentence."""

from __future__ import annotations

import gzip
import os
import resource
from pathlib import Path
from time import process_time

import polars
import pytest

from nas import UsageError
from nas.compare.conversion import converted
from nas.data.cells import MISSING
from nas.data.tables import Truth, first_figure, read, truth
from nas.storage.reading import VARIABLE
from tests.support import tables
from tests.support.command_line import SMALL, check_mistake, nas
from tests.support.small import small

SPACE = small("nasbench201")
ARCHS = [(index, 1, 2, 3, 4, 0) for index in range(5)]
NAMES = [SPACE.format(arch) for arch in ARCHS]
ACCURACIES = ["1.5", "2.5", "3", "4.25", "5.5"]
WANTED = [float(each) for each in ACCURACIES]


def table(path: Path, cells: list[str], separator: str = ",", end: str = "\n") -> Path:
    """Architectures, the accuracies in `cells` and latencies."""
    rows = [("arch", "acc", "latency")]
    rows += [
        (name, cell, str(7 - i)) for i, (name, cell) in enumerate(zip(NAMES, cells, strict=True))
    ]
    path.write_text(
        "".join(separator.join(row) + end for row in rows), encoding="utf-8", newline=""
    )
    return path


def facts(path: Path) -> Truth:
    """What `nas compare` takes without being told a target."""
    found = read(path)
    return truth(found, SPACE, first_figure(found, SPACE), "error", "error")


@pytest.mark.parametrize("sign", [*MISSING, "N/A", "NaN", "NULL", "None", " n/a ", "  ", '""'])
def test_a_sign_for_a_missing_figure_is_none(sign: str, tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", [*ACCURACIES[:2], sign, *ACCURACIES[3:]])
    found = facts(path)
    assert (found.target, found.values) == ("acc", [1.5, 2.5, 4.25, 5.5])
    assert found.notes == ["1 row is without acc"]
    assert converted(read(path), SPACE).frame.columns == ["arch", "acc", "latency"]


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
@pytest.mark.parametrize("cell", ["failed", "93.1%", "9 3", "1e", "0x10", "12ms"])
def test_a_cell_that_is_no_number_is_named(cell: str, name: str, tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", [*ACCURACIES[:2], cell, *ACCURACIES[3:]])
    if name == "t.parquet":
        path = tmp_path / name
        polars.read_csv(tmp_path / "t.csv").write_parquet(path)
    wrong = rf"column 'acc' of .*{name} has '{cell}' in row 3, which is no number"
    with pytest.raises(UsageError, match=wrong + r".*target=COLUMN takes another"):
        facts(path)
    with pytest.raises(UsageError, match=wrong):
        truth(read(path), SPACE, "-acc", "error", "error")
    with pytest.raises(UsageError, match=wrong + r".*columns=\[…\] takes other"):
        converted(read(path), SPACE)
    with pytest.raises(UsageError, match=wrong):
        converted(read(path), SPACE, columns=["acc"])
    assert truth(read(path), SPACE, "latency", "error", "error").values == [7, 6, 5, 4, 3]
    assert converted(read(path), SPACE, columns=["latency"]).frame.columns == ["arch", "latency"]


@pytest.mark.parametrize(
    "cells", [[f"{each}%" for each in ACCURACIES], ["1,234.5"] * 5, ["−1.5"] * 5]
)
def test_a_column_in_another_notation_is_named(cells: list[str], tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", cells, separator="\t")
    with pytest.raises(UsageError, match=r"column 'acc' .* in row 1 \(and 4 more such cells\)"):
        facts(path)


def test_columns_of_text_are_no_figures(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", ["a1", "7", "b", "c", "d e"])
    table(tmp_path / "u.csv", ["3fa", "77", "b4", "c5c", "d6"])
    assert facts(path).target == facts(tmp_path / "u.csv").target == "latency"


def test_the_command_line_never_takes_another_target(here: Path) -> None:
    words = ["compare", *SMALL, "proxy=params", "resamples=20", "pictures=false", "out=a"]
    table(here / "t.csv", [*ACCURACIES[:2], "failed", *ACCURACIES[3:]])
    check_mistake(nas(*words, "table=t.csv"), ["'failed' in row 3", "target=COLUMN"])
    assert not (here / "a").exists()
    done = nas("list", f"data_dir={here}")
    assert "column 'acc' of" in done.out


def test_another_target_is_said(here: Path) -> None:
    words = ["compare", *SMALL, "proxy=params", "resamples=20", "pictures=false", "table=t.csv"]
    rows = [f"{name},N/A,{place % 7}" for place, name in enumerate(tables.NAMES)]
    (here / "t.csv").write_text("\n".join(["arch,acc,latency", *rows]), encoding="utf-8")
    done = nas(*words, "out=a")
    assert done.code == 0, done.err
    assert "note: latency is the target, because acc of t.csv has no numbers" in done.err
    assert "note: latency" not in nas(*words, "target=latency", "out=b").err


SEPARATED = {
    "semicolons": (";", "\n", ACCURACIES),
    "decimal commas": (";", "\n", [each.replace(".", ",") for each in ACCURACIES]),
    "tabs": ("\t", "\n", ACCURACIES),
    "a blank after the comma": (", ", "\n", ACCURACIES),
    "Windows": (",", "\r\n", ACCURACIES),
    "old Macs": (",", "\r", ACCURACIES),
    "an empty line after each": (",", "\n\n", ACCURACIES),
    "of Windows": (";", "\r\n\r\n", ACCURACIES),
    "empty lines with blanks": (",", "\n  \n", ACCURACIES),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("kind", SEPARATED)
@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_every_way_to_separate_cells(kind: str, encoding: str, name: str, tmp_path: Path) -> None:
    separator, end, cells = SEPARATED[kind]
    text = table(tmp_path / "x", cells, separator, end).read_bytes().decode()
    raw = text.encode(encoding)
    (tmp_path / name).write_bytes(gzip.compress(raw) if name.endswith("gz") else raw)
    found = facts(tmp_path / name)
    assert (found.target, found.values, found.notes) == ("acc", WANTED, [])
    assert len(found.archs) == 5


def test_quotes_after_blanks_and_tables_for_excel(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = [f'"{name}", "a, b", "{i}.5"' for i, name in enumerate(NAMES)]
    path.write_text("\n".join(['"arch", "note", "acc"', *rows, "", ""]))
    assert facts(path).values == [0.5, 1.5, 2.5, 3.5, 4.5]
    path.write_text("sep=;\narch;acc\n" + "".join(f"{name};1,5\n" for name in NAMES))
    assert facts(path).values == [1.5] * 5


def test_whole_numbers_of_any_length(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = [f"{name},{i}.5,{10**38 + i}" for i, name in enumerate(NAMES)]
    path.write_text("\n".join(["arch,acc,hash", *rows]))
    assert facts(path).values == [0.5, 1.5, 2.5, 3.5, 4.5]
    assert read(path).frame["hash"][0] == 1e38


def test_another_encoding_is_said(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("arch,précision\n".encode("latin-1"))
    with pytest.raises(UsageError, match="no text in UTF-8 or UTF-16"):
        read(tmp_path / "t.csv")


@pytest.mark.parametrize("row", ["a,1\n", "\n", ",,,,,,,\n", "1;2;3\n", "x" * 100, '"', "a\t"])
def test_a_small_file_of_a_great_many_rows_is_refused(row: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("arch,acc\n")
        for _ in range(150):
            file.write(row * (2**20 // len(row)))
    assert path.stat().st_size < 2**20
    start, before = process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UsageError, match=rf"more than 100,000,000 bytes, .*{VARIABLE}=NUMBER"):
        read(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000
    assert process_time() - start < 10


def test_a_parquet_file_of_a_great_many_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    polars.select(polars.repeat(1, 30_000_000).alias("acc")).write_parquet(path)
    assert path.stat().st_size < 2**20
    with pytest.raises(UsageError, match="more than 100,000,000 bytes, counting 8 a cell"):
        read(path)


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.parquet"])
def test_a_device_or_a_pipe_is_no_table(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(UsageError, match=f"{name} is a device or a pipe"):
        read(tmp_path / name)


def test_wrong_rows_are_counted_up_to_a_thousand(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("arch,acc\n" + "".join(f"x{number},1\n" for number in range(5000)))
    with pytest.raises(UsageError, match="1,000 rows or more are not in this space"):
        facts(path)
    path.write_text("arch,acc\n" + f"{NAMES[0]},1.5\n" * 5000)
    with pytest.raises(UsageError, match="1,000 rows or more are of an architecture"):
        facts(path)
