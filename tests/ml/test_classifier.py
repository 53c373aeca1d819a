"""The classifier as one flat model."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from dashboard.core.errors import BackboneError
from dashboard.core.recipe import Recipe, recipe_from
from dashboard.ml import backbone, classifier
from dashboard.ml.resizing import resize

NAMES = ["ash", "birch", "cedar"]
RESIZED_WITHIN = 2e-4  # of 255; what tests/ml/test_resizing.py holds the two ways of resizing to


def recipe(name: str = "MobileNetV2", size: int = 64, **fields: object) -> Recipe:
    return recipe_from({"dataset": "-", "backbone": name, "weights": "none", "image_size": size, **fields})


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return classifier.build(recipe(alpha=0.35, head_width=8), NAMES)


@pytest.mark.parametrize("height, width", [(64, 64), (201, 133), (30, 47)])
def test_a_picture_of_any_size_means_the_same_to_the_whole_model_and_to_the_part_that_was_trained(
    model: keras.Model, enliven: Any, height: int, width: int
) -> None:
    part = classifier.trainable_part(model)
    enliven(part, 64)
    rng = np.random.default_rng(1)
    raw = rng.uniform(0, 255, (2, height, width, 3)).astype("float32")
    whole = np.asarray(model(raw, training=False))
    assert np.abs(whole[0] - whole[1]).max() > 1e-5, "outputs must vary, or equality proves nothing"
    resized_within = keras.Model(model.input, model.get_layer(classifier.RESIZING).output)(raw, training=False)
    np.testing.assert_allclose(part(resized_within, training=False), whole, atol=1e-6)
    # Pictures are resized for training by another way to the same pixels. What rounding leaves of a difference moves
    # the answer less than grey levels moved by that much do; how far that is depends on the processor.
    resized = np.stack([resize(each, 64) for each in raw])
    np.testing.assert_allclose(resized, resized_within, atol=RESIZED_WITHIN)
    answer = np.asarray(part(resized, training=False))
    moved = resized + rng.choice([-RESIZED_WITHIN, RESIZED_WITHIN], resized.shape).astype("float32")
    assert np.abs(answer - whole).max() <= max(1e-6, np.abs(part(moved, training=False) - answer).max())


def test_a_plain_call_of_the_model_predicts_and_learns_nothing(
    model: keras.Model, enliven: Any, tmp_path: Path
) -> None:
    """`model(pictures)`, as people write it: no dropout, no BatchNormalization that follows the batch."""
    enliven(classifier.trainable_part(model), 64)  # leaves BatchNormalization thawed
    raw = np.random.default_rng(1).uniform(0, 255, (2, 80, 64, 3)).astype("float32")
    model.save(tmp_path / "model.keras")
    for each in (model, keras.models.load_model(tmp_path / "model.keras")):
        before = [weight.numpy() for weight in each.weights]
        np.testing.assert_allclose(np.asarray(each(raw)), each.predict_on_batch(raw), atol=1e-6)
        assert all((old == new.numpy()).all() for old, new in zip(before, each.weights, strict=True))


def test_the_model_is_flat_so_that_heatmaps_reach_every_layer(model: keras.Model) -> None:
    assert not [layer.name for layer in model.layers if isinstance(layer, keras.Model)]


def test_a_frozen_backbone_learns_nothing_and_the_head_does(model: keras.Model) -> None:
    classifier.freeze(model, None)
    assert {weight.path.split("/")[0] for weight in model.trainable_weights} == {"head", "probabilities"}


def test_thawing_from_a_block_thaws_everything_above_it_but_batch_normalization(model: keras.Model) -> None:
    classifier.freeze(model, "block_16")
    thawed = {weight.path.split("/")[0] for weight in model.trainable_weights}
    assert thawed == {"block_16_expand", "block_16_depthwise", "block_16_project", "Conv_1", "head", "probabilities"}
    classifier.freeze(model, "block_16", train_batch_normalization=True)
    assert "block_16_project_BN" in {weight.path.split("/")[0] for weight in model.trainable_weights}


def test_an_unknown_block_is_refused_with_the_names_of_all_blocks(model: keras.Model) -> None:
    with pytest.raises(
        BackboneError, match="no block 'block_99'. Its blocks are stem, expanded_conv, block_1, "
    ) as refusal:
        classifier.freeze(model, "block_99")
    assert refusal.value.code == "block-unknown"


def test_dropout_sleeps_in_frozen_blocks_and_wakes_when_they_are_thawed() -> None:
    model = classifier.build(recipe("EfficientNetB0", 32), NAMES)
    asleep, awake = model.get_layer("block4b_drop"), model.get_layer("block6b_drop")
    rates = asleep.rate, awake.rate
    classifier.freeze(model, "block6a")
    assert (asleep.rate, awake.rate) == (0.0, rates[1])
    classifier.freeze(model, "block1a")
    assert (asleep.rate, awake.rate) == rates


@pytest.mark.parametrize(
    "name, module",
    [
        ("MobileNetV2", keras.applications.mobilenet_v2),
        ("DenseNet121", keras.applications.densenet),
        ("VGG16", keras.applications.vgg16),
        ("MobileNetV3Small", keras.applications.mobilenet_v3),
    ],
)
def test_preprocessing_inside_the_model_equals_that_of_keras(name: str, module: object) -> None:
    images = keras.Input((8, 8, 3))
    row = recipe(name).backbone_row
    pictures = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype("float32")
    ours = keras.Model(images, keras.layers.Identity()(backbone.preprocess(row, images))).predict_on_batch(pictures)
    np.testing.assert_allclose(ours, module.preprocess_input(pictures.copy()), atol=2e-5)


def test_a_random_network_gives_features_that_vary_once_it_is_settled() -> None:
    model = classifier.build(recipe(alpha=0.35), NAMES)
    part = classifier.trainable_part(model)
    resized = model.get_layer(classifier.RESIZING).output
    features = keras.Model(resized, model.get_layer(classifier.POOLING).output)
    pictures = np.random.default_rng(0).uniform(0, 255, (3, 8, 64, 64, 3)).astype("float32")

    def spread() -> float:
        return float(np.std(features(pictures[0], training=False), axis=0).mean())

    before = spread()
    classifier.settle(part, pictures)
    assert before < 1e-3 < 0.05 < spread()
    normalization = part.get_layer("bn_Conv1")
    assert normalization.momentum == 0.999
    entering = keras.Model(resized, part.get_layer("Conv1").output)
    means = np.mean([entering(batch).numpy().mean(axis=(0, 1, 2)) for batch in pictures], axis=0)
    np.testing.assert_allclose(normalization.moving_mean, means, rtol=1e-3, atol=1e-4)
