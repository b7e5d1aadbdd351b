"""A converted table has the same figures as its source."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

import numpy as np
import polars
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nas import SPACES
from nas.compare.conversion import content, converted
from nas.data.tables import Table, read, truth
from tests.support.tables import ARCHS, NAMES, SPACE

pytestmark = pytest.mark.usefixtures("tables_folder")


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(range(4)),
            st.booleans(),
            st.none() | st.floats(-1e9, 1e9) | st.sampled_from([float("nan"), float("inf")]),
        ),
        min_size=1,
    )
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_conversion_keeps_what_a_table_says(
    rows: list[tuple[int, bool, float | None]], tmp_path: Path
) -> None:
    texts = [str(ARCHS[place]) if tupled else NAMES[place] for place, tupled, _ in rows]
    frame = polars.DataFrame({"arch": texts, "n": [value for *_, value in rows]}, strict=False)
    frame = frame.with_columns(polars.col("n").cast(polars.Float64))
    table = Table("t", Path("t"), frame)
    made = converted(table, SPACE, duplicates="mean")
    (tmp_path / "t.csv.gz").write_bytes(content(made.frame))
    again = read(tmp_path / "t.csv.gz")
    if not again.figures:  # a column without any number is no column of numbers
        assert all(value is None or not np.isfinite(value) for *_, value in rows)
        return
    before = truth(table, SPACE, "n", "mean", "error")
    after = truth(again, SPACE, "n", "error", "error")
    assert after.archs == before.archs
    assert after.values == pytest.approx(before.values, rel=1e-12, abs=1e-9)


def test_the_columns_of_an_architecture_are_no_figures() -> None:
    space = SPACES.build("mnasnet")
    rows = [space.sample(Random(seed)) for seed in (0, 1, 1)]
    numbers = [list(map(int, re.findall(r"\d+", space.format(arch)))) for arch in rows]
    blocks = dict(zip(space.columns, zip(*numbers, strict=True), strict=True))
    table = Table("t", Path("t"), polars.DataFrame({**blocks, "top1": [0.25, 0.5, 0.75]}))
    made = converted(table, space, duplicates="mean").frame
    assert made.columns == ["arch", "top1"]
    assert made["top1"].to_list() == [0.25, 0.625]
    assert [space.read(text) for text in made["arch"]] == rows[:2]
