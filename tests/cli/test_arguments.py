"""Arguments as Hydra takes them: texts stay texts, lists are spread out or refused."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from nas.cli.arguments import for_hydra
from nas.cli.config_files import literal, quoted
from tests.support import warm
from tests.support.command_line import SMALL, check_mistake, lines, nas
from tests.support.image_files import pixels

QUICK = [*SMALL, "proxy=params", "budget=2", "finals=none"]


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20))
def test_a_literal_is_read_as_it_was(text: str) -> None:
    for word in (literal(text), quoted(text)):
        override = OverridesParser.create().parse_override(f"key={word}")
        if word != text:
            assert override.value() == text


@pytest.mark.parametrize(
    "name", ["1.10", "1e3", "true", "[x]", "a,b", "it's", "a#b", "x=y", "007"]
)
def test_out_is_the_folder_that_was_written(name: str, here: Path) -> None:
    assert nas("search", *QUICK, f"out={name}").code == 0
    assert [path.name for path in here.iterdir()] == [name]
    again = nas("search", *QUICK, f"out={name}")
    assert "going on in" in again.err
    assert nas("new", "space", "mine_too", f"out={name}/new").code == 0
    assert (here / name / "new" / "pyproject.toml").exists()


@pytest.mark.parametrize("sweep", [[], ["-m"]])
@pytest.mark.parametrize("text", ["~/x", "'~/x'"])
def test_a_home_is_found_in_a_sweep_too(
    text: str, sweep: list[str], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(here / "home"))
    assert nas("search", *sweep, *QUICK, f"out={text}").code == 0
    assert {path.name for path in here.iterdir()} == {"home"}
    found = list((here / "home" / "x").rglob("best.json"))
    assert len(found) == 1


@pytest.mark.parametrize("name", ["bilder_ü.npz", "図.npz", "Ã¼.npz", "каталог/é.npz"])
def test_letters_of_any_language_need_no_quotes(name: str, here: Path) -> None:
    (here / name).parent.mkdir(exist_ok=True)
    np.savez(here / name, images=pixels(4))
    words = ["search", *QUICK, "strategy=random", "batch=images"]
    for _ in range(2):  # and again to go on
        done = nas(*words, f"batch.path={name}", "batch.size=4", f"out=é {name}")
        assert done.code == 0, done.err
    assert (here / f"é {name}" / "best.json").exists()
    quoted = nas(*words, f"batch.path='{name}'", "batch.size=4", f"out=é {name}")
    assert quoted.code == 0, quoted.err


def test_the_home_of_nobody_is_a_sentence() -> None:
    check_mistake(nas("search", *QUICK, "out=~nobody1/x"), ["home of a user who is not there"])


@pytest.mark.parametrize("argument", ['proxy=["params","flops"]', "proxy=[params,flops]"])
def test_a_list_of_proxies_is_all_of_them(argument: str, here: Path) -> None:
    assert nas("search", *SMALL, argument, "budget=3", "out=run").code == 0
    assert all(set(line["scores"]) == {"params", "flops"} for line in lines(here / "run"))


@pytest.mark.parametrize(
    "argument",
    [
        *(f"{group}=[{group},other]" for group in ("space", "strategy", "batch", "executor")),
        *("ranking=[score]", "proxy=[[params,flops]]", "proxy=[]", "proxy={params: 1}"),
    ],
)
def test_other_lists_are_refused(argument: str) -> None:
    group = argument.partition("=")[0]
    article = "an" if group == "executor" else "a"
    done = nas("search", *SMALL, argument, "budget=3", "out=run")
    check_mistake(done, [f"{argument} must be the name of {article} {group}"])


@pytest.mark.parametrize(
    "argument", ["proxy=[params,flops],naswot", "proxy=choice([params],flops)"]
)
def test_a_list_among_what_is_swept_is_refused(argument: str) -> None:
    check_mistake(nas("search", "-m", *SMALL, argument), ["has a list among what is swept"])


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("table=1.10", "table='1.10'"),
        ("table=null", "table=null"),
        ("table=auto", "table=auto"),
        ("batch.path=1e3", "batch.path='1e3'"),
        ("batch.path=a.npz,b.npz", "batch.path=a.npz,b.npz"),
        ("out=null", "out=null"),
        ("seed=1.10", "seed=1.10"),
    ],
)
def test_names_that_look_like_numbers_are_texts(argument: str, expected: str) -> None:
    assert for_hydra([argument]) == [expected]


@pytest.mark.parametrize("indent", ["", "  ", "    "])
def test_a_combination_is_read_as_yaml_whatever_its_layout(indent: str, here: Path) -> None:
    folder = here / "mine" / "proxy"
    folder.mkdir(parents=True)
    (folder / "pair.yaml").write_text(
        f"# @package _global_\ndefaults:\n{indent}- /proxy@proxy.params: params\n"
        f"{indent}- {{'/proxy@proxy.flops': flops}}\n{indent}- _self_\n\nproxy: {{name: pair}}\n"
    )
    argv = [
        "--config-dir",
        str(here / "mine"),
        "proxy=[pair,l2_norm]",
        *SMALL,
        "budget=2",
        "out=r",
    ]
    done = nas("search", *argv)
    assert done.code == 0, done.err
    assert set(lines(here / "r")[0]["scores"]) == {"params", "flops", "l2_norm"}


@pytest.mark.parametrize("weight", ["nan", "inf", "-inf", "1e999"])
def test_weights_are_checked_before_the_first_trial(weight: str, here: Path) -> None:
    argv = ["search", *SMALL, "proxy=[params,naswot]", f"ranking.weights={{naswot: {weight}}}"]
    check_mistake(nas(*argv, "out=run"), ["ranking.weights.naswot=", "must be a finite number"])
    assert not (here / "run").exists()


def test_rank_sum_of_one_proxy_is_refused_before_the_first_trial(here: Path) -> None:
    check_mistake(nas("search", *QUICK, "ranking=rank_sum", "out=run"), ["compares several"])
    assert not (here / "run").exists()


@pytest.mark.parametrize("name", ["proxies", "strategies", "spaces"])
@pytest.mark.parametrize("folder", [False, True])
def test_a_file_or_folder_by_our_name_is_said_to_be_in_the_way(
    name: str, folder: bool, here: Path
) -> None:
    path = here / name / "__init__.py" if folder else here / f"{name}.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text("1 / 0\n")  # it is not run
    done = warm.run(["-m", "nas", "list"], env={**os.environ})
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert f"nas: the package '{name}' was found in" in done.stderr
