"""The best model in a given time keeps its time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.core.errors import RecipeError
from dashboard.core.fitting import Room, too_much
from dashboard.core.planning import MOST, best_within, candidates
from dashboard.core.promise import Measurements, Pictures, promise
from dashboard.core.recipe import Recipe
from tests.core.test_promise import BLOCKS, MEASURED, NETWORKS, PICTURES, RECIPES

ROOMY = Room(None, None)
SMALL = Pictures(140, 30, 30)
RECIPE = Recipe(dataset="d")


@given(st.floats(0.1, 600), RECIPES, NETWORKS, PICTURES, st.integers(10**8, 10**10))
def test_a_plan_keeps_its_time_and_fits(
    minutes: float, recipe: Recipe, known: Measurements, pictures: Pictures, memory: int
) -> None:
    room = Room(memory, None)
    try:
        plan = best_within(minutes, recipe, known, pictures, room)
    except RecipeError as refusal:
        assert refusal.code == "too-little-time"
        shortest = recipe.replace(epochs=1, fine_tune_epochs=0, views=1)
        promised = promise(shortest, known, pictures)
        assert promised.total > 0.9 * 60 * minutes or too_much(promised, room)
        return
    assert plan.promise == promise(plan.recipe, known, pictures)
    assert plan.promise.total <= 0.9 * 60 * minutes
    assert not too_much(plan.promise, room)
    kept = {"epochs", "fine_tune_epochs", "views", "unfreeze_from"}
    assert plan.recipe.model_dump(exclude=kept) == recipe.model_dump(exclude=kept)
    if not recipe.augmentation:
        assert plan.recipe.views == recipe.views


@given(st.floats(0.5, 60), st.floats(1, 10), NETWORKS)
def test_more_time_never_thaws_less(minutes: float, times: float, known: Measurements) -> None:
    try:
        short = best_within(minutes, RECIPE, known, SMALL, ROOMY).recipe
    except RecipeError:
        return
    long = best_within(minutes * times, RECIPE, known, SMALL, ROOMY).recipe
    cut = lambda recipe: recipe.unfreeze_from if recipe.fine_tune_epochs else None  # noqa: E731
    assert known.depth(cut(long)) >= known.depth(cut(short))


def test_a_minute_thaws_the_upper_third_and_an_hour_the_upper_half() -> None:
    slow = Pictures(2_000, 500, 500)
    third = promise(RECIPE.replace(epochs=5, fine_tune_epochs=5), MEASURED, slow).total
    plan = best_within(third / 0.9 / 60 + 0.01, RECIPE, MEASURED, slow, ROOMY)
    assert plan.recipe.unfreeze_from == "block_8"
    assert "Thawing from block_6 up would take at least" in plan.reason
    plan = best_within(60, RECIPE, MEASURED, slow, ROOMY)
    assert plan.recipe.unfreeze_from == "block_6"
    assert (plan.recipe.epochs, plan.recipe.fine_tune_epochs) == (MOST["epochs"], MOST["fine_tune_epochs"])
    assert "of 60 min 0 s" in plan.reason or "of 1 h 0 min" in plan.reason


def test_epochs_and_views_grow_together() -> None:
    recipe = RECIPE.replace(augmentation=("flip",))
    plan = best_within(1.2, recipe, MEASURED, Pictures(500, 100, 100), ROOMY)
    assert plan.recipe.views > 2 and plan.recipe.epochs > 5
    more = plan.recipe.replace(epochs=plan.recipe.epochs + 1)
    assert plan.recipe.epochs == MOST["epochs"] or promise(more, MEASURED, Pictures(500, 100, 100)).total > 0.9 * 72


def test_too_little_time_is_refused_with_the_least_there_must_be() -> None:
    with pytest.raises(RecipeError, match="the shortest training takes about") as refusal:
        best_within(0.1, RECIPE, MEASURED, SMALL, ROOMY)
    assert refusal.value.code == "too-little-time"


def test_a_random_network_learns_whole() -> None:
    assert candidates(RECIPE.from_scratch(), BLOCKS) == ("block_0", None)
