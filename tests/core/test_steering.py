"""The levers take what they say and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.core.errors import RecipeError
from dashboard.core.recipe import Recipe, recipe_from
from dashboard.core.steering import LEVERS, Steer


@given(
    lever=st.sampled_from(sorted(LEVERS)),
    value=st.one_of(st.none(), st.floats(-1e4, 1e4), st.integers(-10, 2000).map(float)),
)
def test_a_value_is_taken_where_its_row_says_so_and_refused_with_its_range_elsewhere(
    lever: str, value: float | None
) -> None:
    row = LEVERS[lever]
    if row.least is None or row.most is None:
        fits = value is None
    else:
        fits = value is not None and row.least <= value <= row.most and (not row.whole or value == int(value))
    if fits:
        assert Steer(lever=lever, value=value).words.endswith(".")
        return
    with pytest.raises(RecipeError, match="takes") as refusal:
        Steer(lever=lever, value=value)
    assert refusal.value.code == "steer-value"


def test_an_unknown_lever_is_refused_with_those_there_are() -> None:
    with pytest.raises(RecipeError, match="learning rate, patience, thaw, last epoch, more epochs; received 'speed'"):
        Steer(lever="speed")


def test_steering_is_part_of_a_recipe_and_of_what_makes_two_the_same() -> None:
    plain = Recipe(dataset="d")
    steered = plain.replace(steering=[{"lever": "more epochs", "value": 5, "step": 40}])
    assert recipe_from(steered.model_dump(mode="json")) == steered
    assert steered.digest != plain.digest == Recipe(dataset="d").digest
    assert steered.most_epochs == plain.most_epochs + 5
