"""What a run will take: never less for more, and a plan that keeps its time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.core import promise as promises
from dashboard.core.promise import Measurements, Part, Pictures, Whole, promise
from dashboard.core.recipe import Recipe

BLOCKS = tuple(f"block_{number}" for number in range(12))
GROWING = ("epochs", "fine_tune_epochs", "views")


def part(cut: str | None, **values: object) -> Part:
    """A plausible part: the more blocks learn, the dearer a step."""
    depth = 0 if cut is None else len(BLOCKS) - BLOCKS.index(cut)
    made = {
        "cut": cut,
        "cached": True,
        "image_size": 224,
        "batch_size": 32,
        "ready_seconds": 2.0,
        "pictures_per_second": 100.0,
        "views_per_second": 80.0,
        "feature_bytes": 2_560 if cut is None else 12_544,
        "trace_seconds": 1.0 + depth,
        "step_seconds": 0.005 + 0.02 * depth,
        "validation_step_seconds": 0.004 + 0.01 * depth,
        "epoch_seconds": 0.1,
        "memory": 900_000_000 + 50_000_000 * depth,
        "memory_a_picture": 20_000 + 1_500_000 * depth,
        "parameters": 6_405 + 30_000 * depth,
    }
    return Part(**{**made, **values})


WHOLE = Whole(
    image_size=224,
    start_seconds=4.0,
    begin_seconds=2.0,
    save_seconds=1.0,
    check_ready_seconds=2.0,
    check_pictures_per_second=60.0,
    memory=800_000_000,
    memory_a_picture=3_000_000,
    parameters=416_613,
)
MEASURED = Measurements(BLOCKS, WHOLE, tuple(part(cut) for cut in (None, "block_8", "block_6")))
NETWORKS = st.builds(
    lambda rates, seconds: Measurements(
        BLOCKS,
        WHOLE,
        tuple(
            part(cut, pictures_per_second=rate, views_per_second=rate, step_seconds=step)
            for cut, rate, step in zip((None, "block_8", "block_6"), rates, seconds, strict=True)
        ),
    ),
    st.lists(st.floats(1, 500), min_size=3, max_size=3),
    st.lists(st.floats(1e-3, 5), min_size=3, max_size=3),
)
PICTURES = st.builds(
    lambda train, validation, test, kept: Pictures(train, validation, test, {None: (kept,), "block_8": (kept, kept)}),
    st.integers(1, 100_000),
    st.integers(1, 10_000),
    st.integers(0, 10_000),
    st.integers(0, 120_000),
)
RECIPES = st.builds(
    lambda **values: Recipe(dataset="d", **values),
    epochs=st.integers(1, 100),
    fine_tune_epochs=st.integers(0, 100),
    batch_size=st.sampled_from((1, 8, 32, 64, 512)),
    image_size=st.sampled_from((96, 224, 512)),
    views=st.integers(1, 16),
    augmentation=st.sampled_from(((), ("flip",))),
    unfreeze_from=st.sampled_from((None, "block_6", "block_8")),
    gradual_thawing=st.booleans(),
)


@given(RECIPES, NETWORKS, PICTURES, st.sampled_from(GROWING), st.integers(1, 5))
def test_more_epochs_or_views_are_never_promised_in_less(
    recipe: Recipe, known: Measurements, pictures: Pictures, name: str, more: int
) -> None:
    larger = recipe.replace(**{name: getattr(recipe, name) + more})
    before, after = promise(recipe, known, pictures), promise(larger, known, pictures)
    assert after.total >= before.total
    assert (after.memory, after.disk) >= (before.memory, before.disk)


@given(RECIPES, NETWORKS, PICTURES, st.sampled_from(("train", "validation", "test")), st.integers(1, 1_000))
def test_more_pictures_are_never_promised_in_less(
    recipe: Recipe, known: Measurements, pictures: Pictures, split: str, more: int
) -> None:
    counts = {name: getattr(pictures, name) for name in ("train", "validation", "test")}
    larger = Pictures(**{**counts, split: counts[split] + more}, kept=pictures.kept)
    assert promise(recipe, known, larger).total >= promise(recipe, known, pictures).total
    assert promise(recipe, known, larger).disk >= promise(recipe, known, pictures).disk


def test_a_promise_by_hand() -> None:
    recipe = Recipe(dataset="d", epochs=10, fine_tune_epochs=5)
    promised = promise(recipe, MEASURED, Pictures(140, 30, 30))
    eight = part("block_8")
    assert promised.seconds == {
        promises.PREPARING: 6.0,
        promises.COMPUTING: 2 * (2.0 + 170 / 100),
        promises.FIRST_PHASE: 1.0 + 10 * (0.1 + 5 * 0.005 + 1 * 0.004),
        promises.SECOND_PHASE: 5.0 + 5 * (0.1 + 5 * eight.step_seconds + 1 * eight.validation_step_seconds),
        promises.CHECKING: 1.0 + 2 * 2.0 + (200 + 30) / 60,
    }
    assert promised.disk == 170 * (2_560 + 12_544)
    assert promised.memory == eight.memory


def test_what_is_kept_costs_neither_time_nor_disk() -> None:
    recipe = Recipe(dataset="d", epochs=10, augmentation=("flip",), views=3)
    kept = Pictures(140, 30, 30, {None: (170, 140, 100)})
    promised = promise(recipe, MEASURED, kept)
    assert promised.seconds[promises.COMPUTING] == 2.0 + 40 / 80
    assert promised.disk == 40 * 2_560
    whole = promise(recipe.replace(views=2), MEASURED, kept)
    assert (whole.seconds[promises.COMPUTING], whole.disk) == (0.0, 0)


def test_without_a_cache_nothing_is_computed_before_and_nothing_is_kept() -> None:
    anew = Measurements(BLOCKS, WHOLE, (part(None, cached=False, step_seconds=0.5),))
    promised = promise(Recipe(dataset="d", cache=False, views=9, augmentation=("flip",)), anew, Pictures(140, 30, 30))
    assert (promised.seconds[promises.COMPUTING], promised.disk) == (0.0, 0)


def test_thawing_block_by_block_makes_the_network_ready_again_each_time() -> None:
    recipe = Recipe(dataset="d", fine_tune_epochs=8, patience=4)
    once, often = (
        promise(recipe.replace(gradual_thawing=gradual), MEASURED, Pictures(140, 30, 30)) for gradual in (False, True)
    )
    assert often.total - once.total == pytest.approx(3 * part("block_8").trace_seconds), "four blocks are four stages"
