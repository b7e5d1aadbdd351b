"""`nas list`: every plugin with where it is from, and the tables that there are."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import polars
import pytest

from nas import SPACES
from nas.cli.kinds import registries
from tests.support.command_line import check_mistake, nas
from tests.support.tables import NAMES, plain, written

pytestmark = pytest.mark.usefixtures("tables_folder")


def test_list_names_every_plugin_and_where_it_is_from() -> None:
    done = nas("list")
    assert (done.code, done.err) == (0, "")
    blocks = done.out.split("\n\n")
    titles = ["spaces", "proxies", "strategies", "metrics", "batches", "rankings"]
    titles += ["executors", "trackers"]
    assert [block.splitlines()[0] for block in blocks] == [*titles, "tables"]
    for registry, block in zip(registries().values(), blocks[:8], strict=True):
        assert len(registry) > 1
        for name, plugin in registry.items():
            first = re.escape((inspect.getdoc(plugin) or "").splitlines()[0])
            file = plugin.__module__.replace(".", "/")
            origin = rf"from epsilon-nas [\d.]+, {file}\.py"
            assert re.search(rf"^  {name} +{first}\n +{origin}$", block, re.MULTILINE), name


def test_list_names_combinations_of_proxies() -> None:
    (block,) = nas("list", "proxy").out.split("\n\n")
    assert block.startswith("proxies\n")
    _, _, combined = block.partition("combinations of proxies, chosen by proxy= like one\n")
    assert re.search(r"^  az_nas +expressivity \+ .*, ranking=rank_sum\n +from ", combined, re.M)
    weighted = (
        r"^  quintet .*, ranking=rank_sum ranking.weights.meco_image=4 ranking.missing=last$"
    )
    assert re.search(weighted, combined, re.M)
    for name in ("trio", "vkdnw_agg", "freerea"):
        assert f"\n  {name} " in f"\n{combined}"


def test_list_takes_kinds() -> None:
    done = nas("list", "strategies", "metric")
    assert [block.split("\n")[0] for block in done.out.split("\n\n")] == ["strategies", "metrics"]
    check_mistake(nas("list", "proxis"), ["proxis", "proxies"])


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
