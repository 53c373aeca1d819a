"""Which pictures are shown changed, and where the changed ones lie."""

from pathlib import Path

import pandas as pd
import pytest

from dashboard.core.augmentations import AUGMENTATIONS
from dashboard.core.recipe import Recipe
from dashboard.data import datasets
from dashboard.data.datasets import Dataset
from dashboard.runs import examples


@pytest.fixture
def recipe(workspace: Path) -> Recipe:
    return Recipe(dataset="shapes", weights="none", image_size=32)


def test_a_training_picture_of_each_of_at_most_three_classes_is_picked_by_the_seed(dataset: Dataset) -> None:
    members = datasets.members(dataset)
    picked = [examples.pick(members, seed) for seed in range(6)]
    for rows in picked:
        assert len(rows) == rows["class_name"].nunique() == 3
        assert (rows["split"] == "train").all() and rows["class_name"].is_monotonic_increasing
    pd.testing.assert_frame_equal(picked[0], examples.pick(members.sample(frac=1, random_state=1), 0))
    assert len({tuple(rows["sha256"]) for rows in picked}) > 1
    assert len(examples.pick(members[members["class_name"] == "star"], 0)) == 1
    assert examples.pick(members[members["split"] != "train"], 0).empty


def test_all_chosen_is_a_row_of_its_own_only_beside_others(recipe: Recipe) -> None:
    assert list(examples.rows_of(recipe)) == list(AUGMENTATIONS)
    assert list(examples.rows_of(recipe.replace(augmentation=("flip",)))) == list(AUGMENTATIONS)
    both = examples.rows_of(recipe.replace(augmentation=("zoom", "flip")))
    assert list(both) == [*AUGMENTATIONS, "all chosen"]
    assert both["all chosen"].augmentation == ("zoom", "flip") and both["zoom"].augmentation == ("zoom",)


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"image_size": 64}, {"dataset_version": 2}, {"augmentation": ("flip", "zoom")}],
    ids=lambda change: next(iter(change)),
)
def test_what_changes_the_pictures_has_another_place_and_what_does_not_has_none(
    recipe: Recipe, change: dict[str, object]
) -> None:
    alone = recipe.replace(augmentation=("flip",))
    assert examples.folder(alone) == examples.folder(alone.replace(views=9, epochs=3, batch_size=4, cache=False))
    assert examples.folder(alone) != examples.folder(alone.replace(**change))


def test_examples_that_are_not_whole_are_not_known(recipe: Recipe) -> None:
    assert examples.known(recipe) is None
    folder = examples.folder(recipe)
    folder.mkdir(parents=True)
    assert examples.known(recipe) is None
    (folder / examples.PICTURES).write_text("[{")
    assert examples.known(recipe) is None
