"""Which searches are of one variant, and what that is called."""

from __future__ import annotations

from typing import Any

from nas.study.variants import comparable, flat, variants

RANDOM = {"name": "random"}
EVOLUTION = {"name": "evolution", "population": 8}


def test_a_variant_is_named_by_what_differs() -> None:
    records: list[dict[str, Any]] = [
        {"seed": seed, "out": f"x{seed}", "budget": 10, "strategy": strategy}
        for seed in (0, 1)
        for strategy in (RANDOM, EVOLUTION)
    ]
    assert variants(records) == ["strategy=random", "strategy=evolution"] * 2


def test_an_option_of_a_plugin_is_named_where_it_differs() -> None:
    records: list[dict[str, Any]] = [
        {"strategy": RANDOM},
        {"strategy": EVOLUTION},
        {"strategy": {**EVOLUTION, "population": 16}},
    ]
    assert variants(records) == [
        "strategy=random",
        "strategy=evolution strategy.population=8",
        "strategy=evolution strategy.population=16",
    ]


def test_what_is_not_there_is_left_out_unless_nothing_else_is_said() -> None:
    warm = {"size": 3000, "proxy": "epsilon"}
    both: list[dict[str, Any]] = [
        {"strategy": RANDOM, "warmup": None},
        {"strategy": EVOLUTION, "warmup": warm},
    ]
    assert variants(both) == [
        "strategy=random",
        "strategy=evolution warmup=3000 warmup.proxy=epsilon",
    ]
    assert variants([{"move": None}, {"move": "epsilon"}]) == ["move=null", "move=epsilon"]


def test_one_variant_is_named_by_its_strategy() -> None:
    assert {*variants([{"seed": 0, "budget": 5}, {"seed": 1, "budget": 5}])} == {"the search"}
    assert variants([{"seed": 0, "strategy": EVOLUTION}]) == ["strategy=evolution"]


def test_a_list_is_one_value() -> None:
    records: list[dict[str, Any]] = [
        {"metrics": ["params"]},
        {"metrics": ["params", "flops"]},
        {"metrics": []},
    ]
    assert variants(records) == ["metrics=[params]", "metrics=[params,flops]", "metrics=[]"]


def test_settings_have_the_names_of_the_command_line() -> None:
    several = {"name": "several", "a": {"name": "a"}, "b": {"name": "c", "size": 2}}
    assert flat({"seed": 3, "strategy": EVOLUTION, "proxy": several}) == {
        "strategy": "evolution",
        "strategy.population": 8,
        "proxy": ["a", "b"],
        "proxy.b": "c",
        "proxy.b.size": 2,
    }


def test_no_warmup_has_no_proxy() -> None:
    no = {"keep": None, "proxy": "naswot", "size": 0}
    warm = {"size": 30, "proxy": "naswot", "keep": 8}
    assert variants([{"warmup": no}, {"warmup": {**no, "proxy": "epsilon"}}]) == ["the search"] * 2
    assert variants([{"warmup": no}, {"warmup": warm}]) == [
        "warmup=0",
        "warmup=30 warmup.proxy=naswot",
    ]


def test_the_content_of_files_is_no_option_and_makes_figures_incomparable() -> None:
    one = {"strategy": RANDOM, "tables_sha256": ["a"]}
    other = {"strategy": EVOLUTION, "tables_sha256": ["b"]}
    assert variants([one, other]) == ["strategy=random", "strategy=evolution"]
    assert comparable([one, other]) == "what their tables hold"


def test_scores_of_different_proxies_do_not_compare() -> None:
    one, other = {"proxy": {"name": "a"}, "seed": 0}, {"proxy": {"name": "b"}, "seed": 0}
    assert comparable([one, other]) == "proxy"
    assert not comparable([one, {**one, "seed": 1, "strategy": EVOLUTION}])
