"""Recipe files in `search` and `compare` by `proxy=training`."""

from __future__ import annotations

import csv
import signal
from pathlib import Path

import numpy as np
import pytest

from nas.training.recipe import Recipe
from tests.support.command_line import (
    SMALL,
    best,
    check_mistake,
    history,
    nas,
    paused,
    started,
)
from tests.support.image_files import pixels

RECIPE = Recipe(epochs=2, batch_size=16, share=0.5)
WORDS = [
    *(word for word in SMALL if not word.startswith("batch.")),
    *("batch=images", "batch.path=x.npz", "batch.size=60"),
]
SEARCH = [
    *("search", *WORDS, "proxy=training", "proxy.recipe=recipe.yaml", "finals=none"),
    *("strategy.population=5", "strategy.tournament=2", "budget=14"),
]


@pytest.fixture(autouse=True)
def files(here: Path) -> None:
    np.savez(here / "x.npz", images=pixels(60), labels=np.arange(60) % 4)
    (here / "recipe.yaml").write_text(RECIPE.text)


@pytest.mark.long
def test_a_killed_search_by_a_recipe_goes_on(here: Path) -> None:
    assert nas(*SEARCH, "out=whole").code == 0
    with started(*SEARCH, "out=cut", pause=(here / "cut" / "history.jsonl", 300)) as process:
        paused(process)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    assert not (here / "cut" / "best.json").exists()
    (here / "recipe.yaml").write_text("# the same\n" + RECIPE.text)
    assert nas(*SEARCH, "out=cut").code == 0
    assert history(here / "cut") == history(here / "whole")
    options = RECIPE.options

    plain = [f"proxy.{name}={options[name]}" for name in ("epochs", "batch_size", "share")]
    words = [word for word in SEARCH if not word.startswith("proxy.recipe")]
    assert nas(*words, *plain, "out=plain").code == 0
    assert best(here / "plain")["score"] == best(here / "whole")["score"]


def test_a_search_goes_on_by_the_same_recipe_only(here: Path) -> None:
    """A search's scores would be of two trainings."""
    assert nas(*SEARCH, "budget=6", "out=run").code == 0
    (here / "recipe.yaml").write_text(Recipe(epochs=9).text)
    check_mistake(nas(*SEARCH, "budget=7", "out=run"), ["run with other settings", "sha256"])


@pytest.mark.long
def test_a_comparison_trains_again_by_another_recipe(here: Path) -> None:
    words = ["compare", *WORDS, "proxy=[training,params]", "proxy.training.recipe=recipe.yaml"]
    words += ["proxy.training.metric=loss", "sample=10", "pictures=false", "resamples=10"]
    assert nas(*words, "out=run").code == 0
    first = scores(here / "run")
    assert nas(*words, "out=run").code == 0
    assert scores(here / "run") == first
    (here / "recipe.yaml").write_text(Recipe(epochs=3).text)
    assert nas(*words, "out=run").code == 0
    assert not {*scores(here / "run")} & {*first}


def scores(folder: Path) -> list[str]:
    with (folder / "scores.csv").open() as file:
        return [row["training"] for row in csv.DictReader(file)]


def test_a_recipe_of_too_few_examples(here: Path) -> None:
    (here / "recipe.yaml").write_text(Recipe(epochs=2, share=0.01).text)
    done = nas(*SEARCH, "out=run")
    last = done.err.splitlines()[-1]
    assert done.code == 2
    assert last.startswith("nas: share=0.01 of 45 examples leaves 0, and a training needs 2")
    (here / "recipe.yaml").write_text(Recipe(epochs=2, batch_size=16, share=0.1).text)
    done = nas(*SEARCH, "budget=5", "out=few")
    assert "note    share=0.1 of 45 examples leaves 4, so an epoch is a single step" in done.out
