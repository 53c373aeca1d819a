"""The range test: what is tried, when it ends, and what its curve suggests."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.core import range_test
from dashboard.core.range_test import SETTLING, STEPS, rates, suggest
from dashboard.core.recipe import FEATURE_EXTRACTION, FINE_TUNING, Recipe

RATES = rates()


def falling(steepest: float = 1e-3, noise: float = 0.0, seed: int = 0, explodes_at: float = 1.0) -> np.ndarray:
    """A loss from 2 to 0.2, steepest at a rate, that explodes above another."""
    decades = np.log10(RATES)
    loss = 0.2 + 1.8 / (1 + np.exp((decades - np.log10(steepest)) * 4)) + (RATES / explodes_at) ** 2
    return np.maximum(loss + np.random.default_rng(seed).normal(0, noise, STEPS), 1e-6)


losses = st.lists(st.floats(1e-6, 1e6), max_size=STEPS) | st.builds(
    lambda at, noise, seed, over: list(falling(10.0**at, noise, seed, explodes_at=10.0 ** (at + over))),
    at=st.floats(-5, 0),
    noise=st.floats(0, 0.2),
    seed=st.integers(0, 99),
    over=st.floats(0.1, 4),
)


def test_rates_grow_by_equal_factors_from_a_ten_millionth_to_ten() -> None:
    assert (RATES[0], RATES[-1], len(RATES)) == (pytest.approx(1e-7), pytest.approx(10), 100)
    np.testing.assert_allclose(RATES[1:] / RATES[:-1], RATES[1] / RATES[0])


def test_an_average_of_equal_values_is_that_value_from_the_first_step_on() -> None:
    np.testing.assert_allclose(range_test.average([3.0] * 20), 3.0)
    assert range_test.average([1.0, 2.0])[1] == pytest.approx((0.15 * 2 + 0.85 * 0.15 * 1) / (1 - 0.85**2))


def test_the_smoothed_curve_of_a_straight_line_is_that_line() -> None:
    line = -np.log10(RATES)
    np.testing.assert_allclose(range_test.average(line), -np.log10(range_test.average_rates(RATES)))


@pytest.mark.parametrize("steepest", [1e-4, 1e-3, 1e-2])
@pytest.mark.parametrize("seed", range(5))
def test_the_steepest_descent_is_found_under_noise(steepest: float, seed: int) -> None:
    found = suggest(RATES, falling(steepest, noise=0.1, seed=seed))
    assert found.learning_rate is not None
    assert steepest / 4 < found.learning_rate < steepest * 4
    assert found.reason in (range_test.FALLS_FASTEST, range_test.STAYS_BELOW)


def test_a_loss_that_falls_only_at_the_edge_is_kept_away_from_it() -> None:
    loss = np.where(RATES < 0.5e-2, 2.0, 0.5) + (RATES / 3e-2) ** 3
    found = suggest(RATES, loss)
    assert found.reason == range_test.STAYS_BELOW
    assert found.learning_rate is not None and found.learning_rate < 0.5e-2


@given(losses)
def test_a_suggestion_lies_in_the_tested_range_and_well_below_the_lowest_loss(values: list[float]) -> None:
    tried = RATES[: len(values)]
    found = suggest(tried, values)
    if found.learning_rate is None:
        assert found.reason.endswith(".")
        return
    lowest = range_test.average_rates(tried)[SETTLING - 1 + np.argmin(range_test.average(values)[SETTLING - 1 :])]
    assert tried[0] * (1 - 1e-9) <= found.learning_rate <= max(lowest / 10, tried[0]) * (1 + 1e-9)
    assert float(f"{found.learning_rate:.2g}") == found.learning_rate


@given(losses, st.integers(-30, 30))
def test_scaling_the_loss_changes_nothing(values: list[float], power: int) -> None:
    scaled = [value * 2.0**power for value in values]  # a power of two rounds nothing
    assert suggest(RATES[: len(values)], scaled) == suggest(RATES[: len(values)], values)


@pytest.mark.parametrize("seed", range(20))
def test_a_loss_that_never_falls_suggests_nothing_and_says_so(seed: int) -> None:
    flat = 1.6 + np.random.default_rng(seed).normal(0, 0.2, STEPS)
    for loss in (np.full(STEPS, 1.6), flat, flat + (RATES / 0.1) ** 2):
        found = suggest(RATES, loss)
        assert found.learning_rate is None
        assert found.reason.startswith("The loss never falls")


def test_too_few_steps_suggest_nothing() -> None:
    for count in (0, 1, SETTLING):
        assert suggest(RATES[:count], np.linspace(2, 1, count)).learning_rate is None


def test_it_ends_at_four_times_the_lowest_loss_or_at_a_loss_that_is_no_number() -> None:
    loss = list(falling(explodes_at=0.1))
    ended = next(step for step in range(1, STEPS + 1) if range_test.exploded(loss[:step]))
    smoothed = range_test.average(loss[:ended])
    assert smoothed[-1] > 4 * smoothed.min() and smoothed[-2] <= 4 * smoothed.min()
    assert range_test.exploded([1.0, float("nan")])
    assert range_test.exploded([float("inf")])
    assert not range_test.exploded([0.1, *[3.0] * 5]), "one lucky batch at the start ends nothing"


def test_curves_are_of_one_recipe_when_only_what_they_do_not_depend_on_differs() -> None:
    recipe = Recipe(dataset="flowers")

    def same(phase: str, **changes: object) -> bool:
        return range_test.relevant(recipe.replace(**changes), phase) == range_test.relevant(recipe, phase)

    for phase in (FEATURE_EXTRACTION, FINE_TUNING):
        assert same(phase, fine_tune_learning_rate=0.5, fine_tune_epochs=3, patience=1, schedule="cosine")
        assert not same(phase, batch_size=8)
        assert not same(phase, seed=1)
        assert not same(phase, dataset_version=2)
    assert same(FEATURE_EXTRACTION, learning_rate=0.5, unfreeze_from="block_3", epochs=2)
    assert not same(FINE_TUNING, learning_rate=0.5)
    assert not same(FINE_TUNING, unfreeze_from="block_3")
    only_fine_tuning = recipe.replace(epochs=0, fine_tune_epochs=4)
    assert range_test.relevant(only_fine_tuning, FINE_TUNING) != range_test.relevant(recipe, FINE_TUNING)
