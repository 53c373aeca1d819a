"""The feature store: nothing that is there is computed again."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from dashboard.core.recipe import Recipe, recipe_from
from dashboard.ml import classifier, features

RECIPE = {"dataset": "-", "backbone": "MobileNet", "alpha": 0.25, "weights": "none", "image_size": 32}
FLOAT32 = "float32"


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return recipe_from(RECIPE)


@pytest.fixture(scope="module")
def prefix(recipe: Recipe) -> keras.Model:
    model = classifier.build(recipe, ["ash", "birch"])
    noise = np.random.default_rng(1).uniform(0, 255, (16, 32, 32, 3)).astype("float32")
    classifier.settle(classifier.trainable_part(model), [noise])  # random networks tell every picture the same
    return classifier.split(model, "conv_12")[0]


@pytest.fixture
def shas(store: Callable[..., pd.DataFrame]) -> list[str]:
    return list(store(a_class=8)["sha256"])


def filled(prefix: keras.Model, shas: list[str], recipe: Recipe) -> tuple[features.Store, int]:
    found = features.open_store(prefix, "conv_12", recipe, FLOAT32)
    return found, features.fill([features.Work(found, shas)], prefix, recipe, FLOAT32, lambda *_: None)


def test_adding_ten_pictures_computes_ten(prefix: keras.Model, recipe: Recipe, shas: list[str]) -> None:
    assert filled(prefix, shas[:22], recipe)[1] == 22
    assert filled(prefix, shas, recipe)[1] == 10
    assert filled(prefix, shas[::-1], recipe)[1] == 0


def test_rows_come_in_the_order_they_are_asked_for(prefix: keras.Model, recipe: Recipe, shas: list[str]) -> None:
    found, _ = filled(prefix, shas, recipe)
    (forth,), (back,) = found.read(shas), found.read(shas[::-1])
    np.testing.assert_array_equal(forth, back[::-1])
    assert np.unique(forth.reshape(len(shas), -1), axis=0).shape[0] == len(shas)


def test_whole_shards_of_a_computation_that_was_ended_stay(
    prefix: keras.Model, recipe: Recipe, store: Callable[..., pd.DataFrame]
) -> None:
    shas = list(store(a_class=72)["sha256"])

    def stop(done: int, _total: int) -> None:
        if done > features.SHARD:
            raise KeyboardInterrupt

    found = features.open_store(prefix, "conv_12", recipe, FLOAT32)
    with pytest.raises(KeyboardInterrupt):
        features.fill([features.Work(found, shas)], prefix, recipe, FLOAT32, stop)
    assert filled(prefix, shas, recipe)[1] == len(shas) - features.SHARD > 0


def test_a_shard_without_its_list_does_not_count(prefix: keras.Model, recipe: Recipe, shas: list[str]) -> None:
    found, _ = filled(prefix, shas, recipe)
    next(found.folder.glob("*.txt")).unlink()
    assert filled(prefix, shas, recipe)[1] == len(shas)


def test_other_weights_another_cut_another_size_another_precision_are_other_features(
    workspace: Path, prefix: keras.Model, recipe: Recipe
) -> None:
    other = classifier.build(recipe.replace(seed=1), ["ash", "birch"])
    folders = [
        features.open_store(prefix, "conv_12", recipe, "float32"),
        features.open_store(prefix, "conv_12", recipe, "bfloat16"),
        features.open_store(classifier.split(other, "conv_12")[0], "conv_12", recipe, "float32"),
        features.open_store(classifier.split(other, None)[0], None, recipe, "float32"),
        features.open_store(prefix, "conv_12", recipe.replace(image_size=64), "float32"),
    ]
    assert len({each.folder for each in folders}) == len(folders)


def test_the_head_the_labels_and_the_order_of_building_are_no_part_of_the_key(workspace: Path, recipe: Recipe) -> None:
    again = classifier.build(recipe.replace(head_width=16, epochs=3, learning_rate=0.1), ["x", "y", "z"])
    again.set_weights([*classifier.build(recipe, ["x"]).get_weights()[:-2], *again.get_weights()[-4:]])
    prefix = classifier.split(classifier.build(recipe, ["ash", "birch"]), "conv_12")[0]
    ours, theirs = (
        features.open_store(each, "conv_12", recipe, FLOAT32)
        for each in (prefix, classifier.split(again, "conv_12")[0])
    )
    assert ours.folder == theirs.folder


def test_in_as_many_epochs_as_there_are_views_every_picture_shows_each_of_them_once(
    prefix: keras.Model, store: Callable[..., pd.DataFrame]
) -> None:
    rows = store(a_class=4)
    shas = list(rows["sha256"])
    recipe = recipe_from({**RECIPE, "augmentation": ["flip", "brightness"], "views": 3, "batch_size": 6})
    stores = [features.open_store(prefix, "conv_12", recipe, FLOAT32, view) for view in range(3)]
    works = [features.Work(each, shas, view) for view, each in enumerate(stores)]
    assert features.fill(works, prefix, recipe, FLOAT32, lambda *_: None) == 3 * len(shas)
    assert features.fill(works, prefix, recipe, FLOAT32, lambda *_: None) == 0
    names = sorted(rows["class_name"].unique())
    data = features.Features(rows, names, recipe, stores, training=True)
    seen: dict[str, set[bytes]] = {sha: set() for sha in shas}
    for epoch in range(3):
        data.start_at(epoch)
        for index in range(len(data)):
            found, _ = data[index]
            for sha, each in zip((shas[i] for i in data.chosen(index)), found, strict=True):
                seen[sha].add(each.tobytes())
    assert {len(each) for each in seen.values()} == {3}
    (originals,) = stores[0].read(shas)
    assert all(each.tobytes() in seen[sha] for sha, each in zip(shas, originals, strict=True))


def test_another_change_is_another_view_and_the_picture_as_it_is_stays_the_same(
    workspace: Path, prefix: keras.Model
) -> None:
    flip, zoom = (recipe_from({**RECIPE, "augmentation": [name]}) for name in ("flip", "zoom"))
    folders = [
        features.open_store(prefix, "conv_12", recipe, FLOAT32, view).folder
        for recipe, view in ((flip, 1), (zoom, 1), (flip, 2), (flip.replace(seed=1), 1), (flip, 0))
    ]
    assert len(set(folders)) == len(folders)
    assert features.open_store(prefix, "conv_12", zoom, FLOAT32, 0).folder == folders[-1]
