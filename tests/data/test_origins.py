"""A table that `nas table` wrote is of the networks that its settings name, and of no others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import nas
from nas import Space, UsageError
from nas.compare.conversion import converted
from nas.data.lookup import Column
from nas.data.tables import read, truth
from nas.storage.yaml_files import as_yaml
from tests.support.command_line import check_mistake
from tests.support.command_line import nas as command
from tests.support.small import SMALL
from tests.support.surrogates import SPACE, rows

OTHER: Any = replace(SPACE, channels=6)  # type: ignore[type-var]
SIZES = {**SMALL["nasbench201"], "classes": 10, "input_channels": 3}


def trained(folder: Path, **changes: object) -> Path:
    """A table as `nas table` leaves it, with its settings beside it."""
    folder.mkdir(exist_ok=True)
    space = {"name": "nasbench201", **SIZES, **changes}
    (folder / "config.yaml").write_text(as_yaml({"command": "table", "space": space}))
    return rows(folder / "table.csv")


def readers(path: Path, space: Space) -> list[Any]:
    """All that read the architectures of a table."""
    return [
        lambda: truth(read(path), space, "acc", "error", "error"),
        lambda: Column.of(path, "acc").figures(space),
        lambda: converted(read(path), space),
        lambda: nas.fit(space, path, "acc", proxies=[], splits=0),
        lambda: nas.search(space, "table", "random", budget=2, table=path, target="acc"),
    ]


def test_the_networks_that_were_trained_have_the_figures(tmp_path: Path) -> None:
    path = trained(tmp_path / "t")
    for reader in readers(path, SPACE)[:3]:
        reader()


def test_other_options_and_spaces_are_refused(tmp_path: Path) -> None:
    path = trained(tmp_path / "t")
    for reader in readers(path, OTHER):
        with pytest.raises(UsageError, match=r"space.channels=4.* give space.channels=4$"):
            reader()
    with pytest.raises(UsageError, match="NATS"):
        truth(read(trained(tmp_path / "t")), nas.SPACES.build("nats_size"), "acc", "mean", "drop")


def test_a_link_to_the_table_is_the_table(tmp_path: Path) -> None:
    link = tmp_path / "link.csv"
    link.symlink_to(trained(tmp_path / "t"))
    with pytest.raises(UsageError, match=r"space\.channels=4"):
        truth(read(link), OTHER, "acc", "error", "error")


@pytest.mark.parametrize(
    "beside",
    ["command: search\nspace: {name: nasbench201, channels: 99}\n", "[]", "&a [*a]", "space: 3"],
)
def test_what_is_no_such_settings_says_nothing(tmp_path: Path, beside: str) -> None:
    (tmp_path / "config.yaml").write_text(beside)
    assert truth(read(rows(tmp_path / "table.csv")), OTHER, "acc", "error", "error").archs


def test_another_file_beside_the_settings_is_not_theirs(tmp_path: Path) -> None:
    trained(tmp_path)
    assert truth(read(rows(tmp_path / "own.csv")), OTHER, "acc", "error", "error").archs
    gone = trained(tmp_path, name="of_a_plugin_that_is_gone")
    assert truth(read(gone), OTHER, "acc", "error", "error").archs


@pytest.mark.parametrize(
    "words",
    [
        ["compare", "table=t/table.csv", "target=acc", "proxy=params", "pictures=false"],
        ["fit", "table=t/table.csv", "target=acc", "features=[]", "splits=0"],
        ["search", "table=t/table.csv", "target=acc", "proxy=table", "budget=3"],
        ["search", "table=t/table.csv", "target=acc", "proxy=params", "budget=3"],
        ["score", "1,1,1,1,1,1", "proxy=table", "proxy.table=t/table.csv", "proxy.target=acc"],
        ["convert", "t/table.csv"],
    ],
)
def test_commands_say_it_in_a_sentence(here: Path, words: list[str]) -> None:
    trained(here / "t")
    name, *rest = words
    out = "out=a.csv.gz" if name == "convert" else "out=a"
    given = [*rest, *([] if name == "score" else [out])]
    check_mistake(command(name, *given, *(["space=nasbench201"])), ["space.channels=4"])
    assert not (here / "a").exists()
