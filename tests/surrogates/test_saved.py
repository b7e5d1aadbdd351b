"""Surrogates and their folders: what is read is what was written, or one sentence says why not."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas import PROXIES, Candidate, NotApplicableError, Proxy, Space, UsageError, fit, score
from nas.seeding import generator
from nas.surrogates import Surrogate, SurrogateTarget, load, save
from nas.surrogates.saved import ABOUT, TREES, _check
from nas.testing import MetricContract, ProxyContract
from tests.support.small import small
from tests.support.surrogates import ACC, ARCHS, LAT, SPACE, fitted, rows


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Surrogate:
    return fitted(tmp_path_factory.mktemp("rows"))


@pytest.fixture
def folder(made: Surrogate, tmp_path: Path) -> Path:
    save(made, tmp_path / "s")
    return tmp_path / "s"


class TestTheProxy(ProxyContract):
    @pytest.fixture
    def space(self) -> Space:
        return SPACE

    @pytest.fixture
    def proxy(self, folder: Path) -> Proxy:
        return PROXIES.build("surrogate", path=str(folder), target="-lat")


class TestTheMetric(MetricContract):
    @pytest.fixture
    def space(self) -> Space:
        return SPACE

    @pytest.fixture
    def metric(self, folder: Path) -> SurrogateTarget:
        return SurrogateTarget(folder, "lat")


def test_it_predicts_what_it_was_fitted_to(made: Surrogate) -> None:
    found = made.predict(ARCHS)
    assert np.corrcoef(found["acc"].mean, ACC)[0, 1] > 0.95
    assert np.corrcoef(found["lat"].mean, LAT)[0, 1] > 0.95
    assert (found["acc"].spread >= 0).all()


def test_what_is_read_is_what_was_written(made: Surrogate, folder: Path) -> None:
    for read in (load(folder), load(folder, SPACE)):
        assert read.space == SPACE
        assert read.proxies == ("params",)
        for name, (mean, spread) in made.predict(ARCHS).items():
            assert (read.predict(ARCHS)[name].mean == mean).all()
            assert (read.predict(ARCHS)[name].spread == spread).all()


def test_texts_are_architectures_too(made: Surrogate) -> None:
    texts = [SPACE.format(arch) for arch in ARCHS[:3]]
    assert (made.predict(texts)["acc"].mean == made.predict(ARCHS[:3])["acc"].mean).all()
    with pytest.raises(UsageError, match="odd"):
        made.predict(["odd"])
    assert made.predict([])["acc"].mean.shape == (0,)


def test_a_proxy_gives_the_prediction_with_the_sign_of_its_target(folder: Path) -> None:
    expected = load(folder).predict(ARCHS[:4])
    for target, name, sign in ((None, "acc", 1), ("-acc", "acc", -1), ("-lat", "lat", -1)):
        proxy = PROXIES.build("surrogate", path=str(folder), target=target)
        found = [each.score for each in score(SPACE, ARCHS[:4], pickle.loads(pickle.dumps(proxy)))]
        assert found == (sign * expected[name].mean).tolist()


def test_the_first_target_has_the_sign_of_the_fit(tmp_path: Path) -> None:
    made = fit(SPACE, rows(tmp_path / "r.csv"), "-lat", splits=0)
    save(made, tmp_path / "s")
    proxy = PROXIES.build("surrogate", path=str(tmp_path / "s"))
    assert score(SPACE, [ARCHS[0]], proxy)[0].score == -made.predict([ARCHS[0]])["lat"].mean[0]


def test_no_proxy_looks_for_more_of_what_was_fitted_as_less(folder: Path) -> None:
    proxy = PROXIES.build("surrogate", path=str(folder), target="lat")
    with pytest.raises(UsageError, match=r"fitted to -lat.* give proxy.target=-lat$"):
        proxy.check_space(SPACE)
    assert [SurrogateTarget(folder, name).sign for name in ("acc", "lat")] == [1, -1]


def test_what_no_row_was_like_is_noted(tmp_path: Path) -> None:
    path = rows(tmp_path / "r.csv")
    kept = [line for line in path.read_text().splitlines() if "|none~0|+" not in line[:10]]
    path.write_text("\n".join(kept) + "\n")
    save(fit(SPACE, path, "acc", proxies=[], splits=0), tmp_path / "s")
    proxy = PROXIES.build("surrogate", path=str(tmp_path / "s"))
    batch = SPACE.batch(2, generator("surrogate"))
    proxy.score(Candidate(SPACE, (1, 1, 1, 1, 1, 1)), batch)
    assert not batch.notes
    proxy.score(Candidate(SPACE, (0, 1, 1, 1, 1, 1)), batch)
    assert [note for note in batch.notes if "fitted to no architecture" in note]


def test_without_a_folder_there_is_no_score() -> None:
    with pytest.raises(NotApplicableError, match=r"proxy\.path"):
        PROXIES.build("surrogate").check_space(SPACE)


@pytest.mark.parametrize("other", [small("mnasnet"), replace(SPACE, channels=6)])  # type: ignore[type-var]
def test_another_space_and_other_options_are_refused(folder: Path, other: Space) -> None:
    with pytest.raises(UsageError, match="knows nothing of"):
        load(folder, other)
    with pytest.raises(UsageError, match="knows nothing of"):
        score(other, [], PROXIES.build("surrogate", path=str(folder)))


def test_an_unknown_target_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="'ac'"):
        SurrogateTarget(folder, "ac")
    with pytest.raises(UsageError, match="'ac'"):
        PROXIES.build("surrogate", path=str(folder), target="ac").check_space(SPACE)


def changed(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the description as somebody would who knows how it is protected."""
    about = json.loads((folder / ABOUT).read_text())
    del about["check"]
    change(about)
    (folder / ABOUT).write_text(json.dumps({**about, "check": _check(about)}))


HOSTILE: dict[str, Callable[[dict[str, Any]], object]] = {
    "no targets": lambda about: about.pop("targets"),
    "a target that is a list": lambda about: about["targets"].update(acc=[]),
    "members": lambda about: about["targets"]["acc"].update(members=7),
    "no members": lambda about: about["targets"]["acc"].update(members=0),
    "encoding": lambda about: about["targets"]["acc"].update(encoding="os.system"),
    "proxies": lambda about: about.update(proxies=[]),
    "an unknown proxy": lambda about: about.update(proxies=["os.system"]),
    "format": lambda about: about.update(format=99),
    "range": lambda about: about["targets"]["acc"]["range"].update(options="x"),
    "a short range": lambda about: about["targets"]["lat"]["range"].update(options=[[1]]),
    "low": lambda about: about["targets"]["acc"]["range"].update(low=["x"]),
    "another target": lambda about: about["targets"].update(more=about["targets"]["acc"]),
    "trees": lambda about: about.update(trees_sha256="0"),
    "space": lambda about: about.update(space={"name": "x"}),
    "a huge scale": lambda about: about["targets"]["acc"].update(scale=10**400),
    "no centre": lambda about: about["targets"]["acc"].update(centre=float("nan")),
    "proxies that are numbers": lambda about: about.update(proxies=[5]),
    "empty targets": lambda about: about.update(targets={}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_description_is_refused_in_a_sentence(folder: Path, name: str) -> None:
    changed(folder, HOSTILE[name])
    with pytest.raises(UsageError) as error:
        load(folder).predict(ARCHS[:1])
    assert "\n" not in str(error.value)
    trees_too = name in ("members", "another target", "trees", "proxies", "an unknown proxy")
    assert trees_too or ABOUT in str(error.value)
    assert trees_too or TREES not in str(error.value)


def test_other_formulas_of_layers_are_refused(folder: Path) -> None:
    changed(folder, lambda about: about["targets"]["acc"].update(sees="0"))
    with pytest.raises(UsageError, match="other formulas of the layers"):
        load(folder)


def trees(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the arrays, and the description so that it names them."""
    with np.load(folder / TREES) as file:
        arrays = dict(file)
    change(arrays)
    np.savez(folder / TREES, **arrays)
    digest = sha256((folder / TREES).read_bytes()).hexdigest()
    changed(folder, lambda about: about.update(trees_sha256=digest))


def objects(arrays: dict[str, Any]) -> None:
    arrays["value0"] = np.array([print], dtype=object)


BAD_TREES: dict[str, Callable[[dict[str, Any]], object]] = {
    "a feature too far": lambda arrays: arrays["feature0"].fill(10**6),
    "a feature below": lambda arrays: arrays["feature0"].fill(-7),
    "NaN": lambda arrays: arrays["value1"].fill(np.nan),
    "missing": lambda arrays: arrays.pop("left1"),
    "short": lambda arrays: arrays.update(left1=arrays["left1"][:5]),
    "texts": lambda arrays: arrays.update(threshold0=np.array(["a"])),
    "objects": objects,
    "archs that are texts": lambda arrays: arrays.update(archs=np.array([["a"] * 6])),
    "archs of another space": lambda arrays: arrays["archs"].fill(5),
    "archs with fewer decisions": lambda arrays: arrays.update(archs=arrays["archs"][:, :5]),
    "no archs": lambda arrays: arrays.pop("archs"),
    "rows of others": lambda arrays: arrays.update(rows1=arrays["rows1"][:5]),
    "rows that are numbers": lambda arrays: arrays.update(rows1=arrays["rows1"] * 2.0),
}


@pytest.mark.parametrize("name", BAD_TREES)
def test_hostile_trees_are_refused_in_a_sentence(folder: Path, name: str) -> None:
    trees(folder, BAD_TREES[name])
    with pytest.raises(UsageError) as error:
        load(folder)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda arrays: arrays.update(value0=arrays["value0"].astype(np.float64)),
            "value has numbers of the type float64, not float32",
        ),
        (
            lambda arrays: arrays.update(value0=arrays["value0"][:, :3]),
            r"value has the shape \(1500, 3\), not \(1500, 8\)",
        ),
        (
            lambda arrays: arrays["feature0"].__setitem__((3, 2), -5),
            r"a tree looks at the feature -5, and there are 0 to \d+;",
        ),
        (
            lambda arrays: arrays["feature1"].__setitem__((3, 2), 99),
            "a tree looks at the feature 99, and there are",
        ),
    ],
)
def test_the_reason_is_what_is_wrong(
    folder: Path, change: Callable[[dict[str, Any]], object], reason: str
) -> None:
    trees(folder, change)
    with pytest.raises(UsageError, match=reason):
        load(folder)


class Holding(type(SPACE)):  # type: ignore[misc]
    """A space with an object that has no text of its own."""

    def __init__(self) -> None:
        for name, value in {**vars(SPACE), "tool": object()}.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return Space.__repr__(self)


def test_a_space_that_no_surrogate_could_know_again_is_refused(tmp_path: Path) -> None:
    path = rows(tmp_path / "r.csv")
    with pytest.raises(UsageError, match=r"it holds <object object at 0x\w+>.*frozen dataclass"):
        fit(Holding(), path, "acc", proxies=[], splits=0)


@pytest.mark.long
def test_it_remembers_its_rows_and_their_range_by_column(tmp_path: Path) -> None:
    """Only rows without a figure of the second column have the option 0 at the first decision."""
    path = rows(tmp_path / "r.csv")
    lines = path.read_text().splitlines()
    assert lines[0].startswith("arch,acc,lat")
    head, *rest = (line.split(",") for line in lines)
    for line, arch in zip(rest, ARCHS, strict=True):
        line[2] = "" if arch[0] == 0 else line[2]
    path.write_text("\n".join(",".join(line) for line in (head, *rest)) + "\n")
    made = fit(SPACE, path, ["acc", "-lat"], proxies=["params"], splits=0)
    save(made, tmp_path / "s")
    read = load(tmp_path / "s")
    for each in (made, read):
        assert each.target("acc").rows == {*ARCHS}
        assert each.target("lat").rows == {arch for arch in ARCHS if arch[0] != 0}
        arch = next(arch for arch in ARCHS if arch[0] == 0)
        assert each.judged(arch, "acc")[1] == ""
        assert each.judged(arch, "lat")[1] == "decision 1"
    assert (tmp_path / "s" / TREES).stat().st_size < 1e6


@pytest.mark.parametrize("file", [ABOUT, TREES])
def test_a_damaged_file_is_refused(folder: Path, file: str) -> None:
    whole = (folder / file).read_bytes()
    for bad in (b"", whole[: len(whole) // 2], whole.replace(b"1", b"2", 1), b"\x80\x04."):
        (folder / file).write_bytes(bad)
        with pytest.raises(UsageError):
            load(folder)
    (folder / file).unlink()
    with pytest.raises(UsageError):
        load(folder)


def test_a_folder_that_changes_meanwhile_is_refused(folder: Path, tmp_path: Path) -> None:
    proxy = PROXIES.build("surrogate", path=str(folder))
    save(fit(SPACE, rows(tmp_path / "r.csv"), "acc", proxies=[], splits=0, seed=3), folder)
    with pytest.raises(UsageError, match="changed meanwhile"):
        proxy.check_space(SPACE)
