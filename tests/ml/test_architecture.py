"""A network as rows: its counts are Keras' own, and its graph leads from the picture to the probabilities."""

import keras
import numpy as np
import pytest

from dashboard.core.receptive_field import field, layer
from dashboard.core.recipe import Recipe, recipe_from
from dashboard.ml import architecture, classifier, fit

NAMES = ["a", "b", "c"]
RECIPES = {
    "head alone": {"backbone": "MobileNet", "alpha": 0.25, "image_size": 32, "fine_tune_epochs": 0},
    "thawed": {"backbone": "MobileNetV2", "alpha": 0.35, "image_size": 32, "unfreeze_from": "block_14"},
    "statistics too": {"backbone": "MobileNet", "alpha": 0.25, "image_size": 32, "train_batch_normalization": True},
}
MANY = {
    name: {"backbone": name, "image_size": 75, "head_width": 16}
    for name in ("ConvNeXtTiny", "EfficientNetB0", "InceptionV3", "DenseNet121", "MobileNetV3Small", "NASNetMobile")
} | {"ResNet50": {"backbone": "ResNet50", "image_size": 64}}


def recipe(fields: dict[str, object]) -> Recipe:
    return recipe_from({"dataset": "-", "weights": "imagenet", "fine_tune_epochs": 2, **fields})


def counts_are_those_of_keras(of: Recipe) -> None:
    found = architecture.architecture(of, NAMES)
    model = classifier.build(of, NAMES)
    lowest = fit.lowest_block(model, of.phases[-1], of)
    classifier.freeze(model, lowest, train_batch_normalization=of.train_batch_normalization)
    learning = sum(int(np.prod(each.shape)) for each in model.trainable_weights)
    resting = sum(int(np.prod(each.shape)) for each in model.non_trainable_weights)
    rows = found["layers"]
    assert sum(row["parameters"] for row in rows) == model.count_params() == learning + resting
    assert sum(row["trainable"] for row in rows) == learning
    at = {row["name"]: number for number, row in enumerate(rows)}
    assert all(at[source] < at[row["name"]] for row in rows for source in row["inputs"])
    assert (rows[0]["kind"], rows[-1]["name"], rows[-1]["shape"]) == ("Picture", classifier.PROBABILITIES, "3")
    seen = [layer(record) for record in found["seen"]]
    assert {row["name"] for row in rows} <= {each.name for each in seen}
    for end in found["ends"].values():
        assert field(seen, end, 0, 0).height > 0


@pytest.mark.parametrize("fields", RECIPES.values(), ids=list(RECIPES))
def test_counts_are_those_of_keras(fields: dict[str, object]) -> None:
    counts_are_those_of_keras(recipe(fields))


@pytest.mark.soak
@pytest.mark.parametrize("fields", MANY.values(), ids=list(MANY))
def test_counts_are_those_of_keras_whatever_the_family(fields: dict[str, object]) -> None:
    counts_are_those_of_keras(recipe(fields))


def test_names_do_not_hang_on_what_was_built_before() -> None:
    of = recipe(RECIPES["thawed"])
    first = architecture.architecture(of, NAMES)
    keras.layers.Rescaling(1.0)
    assert architecture.architecture(of, NAMES) == first
    assert not [row["name"] for row in first["layers"] if row["name"].startswith("keras_tensor")]


def test_the_thawed_blocks_train_and_no_others() -> None:
    found = architecture.architecture(recipe(RECIPES["thawed"]), NAMES)["layers"]
    training = [row["block"] for row in found if row["trainable"]]
    assert list(dict.fromkeys(training)) == ["block_14", "block_15", "block_16", "top", "head"]
    assert not any(row["trainable"] for row in found if row["kind"] == "BatchNormalization")
