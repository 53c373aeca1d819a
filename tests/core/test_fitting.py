"""What does not fit is refused with the nearest that does."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dashboard.core.backbones import BACKBONES
from dashboard.core.fitting import Room, nearest, refusal, too_much
from dashboard.core.promise import Measurements, Pictures, promise
from dashboard.core.recipe import Recipe
from tests.core.test_promise import BLOCKS, MEASURED, NETWORKS, PICTURES, RECIPES, WHOLE

ROOMS = st.builds(Room, st.none() | st.integers(0, 8 * 10**9), st.none() | st.integers(0, 2 * 10**9))
SMALL = Pictures(140, 30, 30)
RECIPE = Recipe(dataset="d", batch_size=64, fine_tune_epochs=5)


@given(RECIPES, NETWORKS, PICTURES, ROOMS)
def test_the_nearest_that_fits_really_fits_and_is_the_recipe_itself_where_that_does(
    recipe: Recipe, known: Measurements, pictures: Pictures, room: Room
) -> None:
    found = nearest(recipe, known, pictures, room)
    fits = not too_much(promise(recipe, known, pictures), room)
    assert fits == (refusal(promise(recipe, known, pictures), room) is None)
    if fits:
        assert found is not None and found.recipe == recipe and found.changed == ""
    elif found is not None:
        assert not too_much(promise(found.recipe, known, pictures), room)
        assert found.promise == promise(found.recipe, known, pictures)
        assert found.recipe != recipe and found.changed


@given(RECIPES, NETWORKS, PICTURES, ROOMS)
def test_where_nothing_is_found_not_even_the_smallest_fits(
    recipe: Recipe, known: Measurements, pictures: Pictures, room: Room
) -> None:
    smallest = BACKBONES[recipe.backbone].smallest_image_size
    least = recipe.replace(
        batch_size=1, views=1, fine_tune_epochs=0, epochs=recipe.epochs or 1, unfreeze_from=None, image_size=smallest
    )
    if nearest(recipe, known, pictures, room) is None:
        assert too_much(promise(least, known, pictures), room)


def test_batches_are_halved_before_anything_else_and_no_more_than_needed() -> None:
    needed = promise(RECIPE.replace(batch_size=16), MEASURED, SMALL).memory
    found = nearest(RECIPE, MEASURED, SMALL, Room(int(needed / 0.9) + 1, None))
    assert found is not None
    assert found.recipe == RECIPE.replace(batch_size=16)
    assert found.changed == "batch size 16 instead of 64"


def test_a_full_disk_takes_views_and_not_the_batch() -> None:
    recipe = RECIPE.replace(augmentation=("flip",), views=10)
    room = Room(10**12, promise(recipe.replace(views=3), MEASURED, SMALL).disk)
    found = nearest(recipe, MEASURED, SMALL, room)
    assert found is not None and found.recipe == recipe.replace(views=3)
    assert found.changed == "3 views of a picture instead of 10"


def test_less_is_thawed_where_that_is_what_takes_the_disk() -> None:
    room = Room(None, promise(RECIPE.replace(fine_tune_epochs=0), MEASURED, SMALL).disk)
    found = nearest(RECIPE, MEASURED, SMALL, room)
    assert found is not None
    assert (found.recipe.fine_tune_epochs, found.recipe.image_size) == (0, 224)
    assert found.changed == "nothing thawed"


def test_pictures_get_smaller_at_last_in_steps_of_32_and_the_batch_stays_where_halving_it_was_no_use() -> None:
    """The memory is that of the finished model, which no batch size of training changes."""
    whole = replace(WHOLE, memory=2_000_000_000, memory_a_picture=50_000_000)
    heavy = Measurements(BLOCKS, whole, MEASURED.parts)
    room = Room(int(promise(RECIPE.replace(image_size=160), heavy, SMALL).memory / 0.9) + 1, None)
    found = nearest(RECIPE, heavy, SMALL, room)
    assert found is not None and found.recipe == RECIPE.replace(image_size=160)
    assert found.changed == "image size 160 instead of 224 pixels"


def test_a_refusal_names_what_is_lacking_and_how_much_there_is() -> None:
    promised = promise(RECIPE, MEASURED, SMALL)
    said = refusal(promised, Room(1_000_000_000, 2_000_000))
    assert said == (
        "These settings do not fit this machine: they need about 1.29 GB of memory, of which 1 GB are free, "
        "and 2.57 MB of disk for features, of which 2 MB are free."
    )
