"""Measurements in the workspace, without a process that measures."""

import json
from collections.abc import Callable
from dataclasses import asdict

import pytest

from dashboard.core import machine
from dashboard.core.errors import RecipeError
from dashboard.core.recipe import Recipe
from dashboard.core.settings import workspace as in_workspace
from dashboard.data import datasets
from dashboard.data.datasets import Dataset
from dashboard.runs import cache, measures
from dashboard.runs.run import versions
from tests.core.test_promise import BLOCKS, WHOLE, part

Measured = Callable[..., Recipe]


@pytest.fixture
def measured(take_shapes: Callable[..., Dataset]) -> Measured:
    """A recipe on a small dataset, measured at its head and upper third; arguments are fields of both parts."""
    dataset = take_shapes()
    recipe = Recipe(dataset=dataset.id, dataset_version=dataset.version, augmentation=("flip",), views=3)
    path = in_workspace("cache", "topology", f"MobileNetV2-1-224-keras{versions()['keras']}.json")
    path.write_text(json.dumps([{"name": name} for name in BLOCKS]))

    def measured(**values: object) -> Recipe:
        parts = [asdict(part(cut, **values)) for cut in (None, "block_8")]
        measures.keep(recipe, {"whole": asdict(WHOLE), "parts": parts})
        return recipe

    return measured


def test_what_changes_no_step_needs_no_new_measurement_and_what_does_needs_one(measured: Measured) -> None:
    recipe = measured()
    for same in ({"epochs": 3}, {"views": 7}, {"seed": 4}, {"fine_tune_epochs": 2}, {"learning_rate": 0.1}):
        assert measures.read(recipe.replace(**same)) is not None, same
    for other in (
        {"batch_size": 16},
        {"optimizer": "SGD"},
        {"augmentation": ()},
        {"head_width": 8},
        {"mixup": 0.2},
        {"precision": "float32"},
        {"cache": False},
        {"alpha": 0.5},
        {"fine_tune_epochs": 2, "unfreeze_from": "block_3"},
        {"rate_decay": 0.5},
    ):
        assert measures.read(recipe.replace(**other)) is None, other


def test_pictures_with_features_are_counted_by_view(measured: Measured) -> None:
    key, changed = {"weights": "a", "view": 0}, {"weights": "a", "view": {"number": 1, "seed": 0, "changes": []}}
    recipe = measured(features=key, view=changed)
    known = measures.read(recipe)
    assert known is not None
    there = measures.pictures(recipe, known)
    assert there.missing(None, 0) == there.train + there.validation
    members = datasets.members(datasets.get(recipe.dataset))
    train = list(members.loc[members["split"] == "train", "sha256"])
    second = {**changed, "view": {"number": 2, "seed": 0, "changes": []}}
    for folder, of, shas in (("plain", key, train[:5]), ("view", second, train[:2])):
        (cache.root() / folder).mkdir()
        (cache.root() / folder / "key.json").write_text(json.dumps(of))
        (cache.root() / folder / "shard.txt").write_text("\n".join([*shas, "of another dataset"]))
    there = measures.pictures(recipe, known)
    assert there.missing(None, 0) == there.train + there.validation - 5
    assert (there.missing(None, 1), there.missing(None, 2)) == (there.train, there.train - 2)
    other_seed = measures.pictures(recipe.replace(seed=1), known)
    assert other_seed.missing(None, 2) == other_seed.train, "another seed draws other views"


def test_a_recipe_that_cannot_fit_is_refused_with_the_way_on(measured: Measured) -> None:
    recipe = measured()
    measures.require(recipe)
    recipe = measured(memory=10**15)
    with pytest.raises(RecipeError, match="do not fit this machine.*Nothing near them fits") as refusal:
        measures.require(recipe)
    assert refusal.value.code == "does-not-fit"
    a_picture = (machine.available_memory() or 10**9) // 4
    recipe = measured(memory=32 * a_picture, memory_a_picture=a_picture)
    with pytest.raises(RecipeError, match="The nearest that fit: batch size 2 instead of 32"):
        measures.require(recipe)
    measures.require(recipe.replace(batch_size=16))  # nobody measured that
