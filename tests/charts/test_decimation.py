import time

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from dashboard.charts.decimation import kept

numbers = st.floats(allow_nan=True, allow_infinity=True)


def test_a_short_series_is_kept_whole() -> None:
    assert kept(pd.Series(np.zeros(2000))).tolist() == list(range(2000))


def test_one_peak_among_a_million_values_survives() -> None:
    values = pd.Series(np.zeros(1_000_000))
    values[123_456], values[765_432] = 9.0, -9.0
    assert {0, 123_456, 765_432, 999_999} <= set(kept(values))


@given(st.lists(numbers, min_size=1, max_size=300), st.integers(2, 40))
def test_the_curve_keeps_its_ends_and_its_extremes_and_stays_small(values: list[float], limit: int) -> None:
    series = pd.Series(values, dtype=float)
    positions = kept(series, limit)
    finite = series[np.isfinite(series)]
    assert len(positions) <= limit + 2
    assert (np.diff(positions) > 0).all()
    assert {0, len(series) - 1} <= set(positions)
    if len(finite):
        drawn = series.iloc[positions]
        assert drawn[np.isfinite(drawn)].max() == finite.max()
        assert drawn[np.isfinite(drawn)].min() == finite.min()


def test_a_million_values_take_a_moment() -> None:
    values = pd.Series(np.random.default_rng(0).normal(size=1_000_000))
    seconds = []
    for _ in range(3):  # the fastest counts: other processes share the machine
        start = time.perf_counter()
        kept(values)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.5
