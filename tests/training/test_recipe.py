"""Recipes: their values, their files, and what they make of a space."""

from __future__ import annotations

from math import cos, pi
from pathlib import Path
from typing import Any

import pytest

from nas import PROXIES, UsageError
from nas.training.recipe import Recipe, read_recipe
from tests.support.small import small


def test_a_recipe_is_a_file_and_back(tmp_path: Path) -> None:
    recipe = Recipe(epochs=3, optimizer="sgd", lr=0.1, share=0.5, resolution=16, width=0.25)
    (tmp_path / "recipe.yaml").write_text(recipe.text)
    found = read_recipe(tmp_path / "recipe.yaml")
    assert found == recipe
    assert found.options == recipe.options
    assert read_recipe(tmp_path / "recipe.yaml", {"steps": 7, "lr": 1.0}).options == {
        **{name: value for name, value in recipe.options.items() if name != "epochs"},
        **{"steps": 7, "lr": 1.0},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs: 0", "epochs=0 must be a whole number of at least 1"),
        ("epochs: true", "epochs=True must be a whole number"),
        ("lr: .nan", "lr=nan must be a number over 0"),
        ("share: 1.5", "share=1.5 must be a share"),
        ("optimizer: adam", "optimizer=adam must be sgd or adamw"),
        ("augment: 1", "augment=1 must be true or false"),
        ("epoch: 3", "no option of a recipe, in .*'epoch'; did you mean 'epochs'"),
        ("lr: fast", "lr=fast must be a number over 0"),
        ("lr: -1e-3", "lr=-0.001 must be a number over 0"),
        ("epochs: 1\nlr: 0.1\nepochs: 2", "line 3 has epochs a second time: leave one out"),
        ("- 3", "is no recipe: it must be a mapping"),
        ("epochs: !!python/name:os.system x", "cannot be read"),
    ],
)
def test_wrong_files(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "recipe.yaml").write_text(text)
    with pytest.raises(UsageError, match=message):
        read_recipe(tmp_path / "recipe.yaml")


def test_numbers_with_an_exponent(tmp_path: Path) -> None:
    """YAML 1.1 takes them for texts."""
    (tmp_path / "x.yaml").write_text("lr: 1e-3\nweight_decay: 5E-4\nwidth: 1.e+0\nshare: 5.0e-1\n")
    found = read_recipe(tmp_path / "x.yaml")
    assert (found.lr, found.weight_decay, found.width, found.share) == (1e-3, 5e-4, 1.0, 0.5)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no recipe"):
        read_recipe(tmp_path / "none.yaml")


def test_steps_and_rates() -> None:
    recipe = Recipe(epochs=2, batch_size=10, share=0.5, lr=0.3)
    assert (recipe.examples_of(90), recipe.batches_in(45), recipe.steps_for(90)) == (45, 4, 8)
    assert Recipe(steps=5).steps_for(1000) == 5
    assert recipe.rate_at(2, 8) == pytest.approx(0.15 * (1 + cos(pi / 4)))
    assert Recipe(schedule="constant", lr=0.3).rate_at(2, 8) == 0.3


def test_a_narrower_space() -> None:
    space: Any = Recipe(resolution=16, width=0.5).narrowed(small("nasbench201"))
    assert (space.resolution, space.channels, space.cells) == (16, 2, 1)
    assert Recipe().narrowed(space) is space
    with pytest.raises(UsageError, match="NATSSize has none"):
        Recipe(width=2.0).narrowed(small("nats_size"))
    with pytest.raises(UsageError, match="no option resolution"):
        Recipe(resolution=16).narrowed(small("nasbench_nlp"))
    with pytest.raises(UsageError, match="resolution=16 must be a multiple of 32"):
        Recipe(resolution=16).narrowed(small("mnasnet"))


def test_the_proxy_takes_a_recipe(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("epochs: 2\nwidth: 0.5\noptimizer: sgd\n")
    found: Any = PROXIES.build("training", recipe=str(path), batch_size=8)
    assert found.recipe == Recipe(epochs=2, width=0.5, optimizer="sgd", batch_size=8)
    with pytest.raises(UsageError, match="NATSSize has none"):
        found.check_space(small("nats_size"))
