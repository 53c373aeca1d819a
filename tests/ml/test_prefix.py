"""The frozen engine gives what Keras gives, in the order it was asked."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from dashboard.core.backbones import BACKBONES
from dashboard.core.recipe import recipe_from
from dashboard.core.settings import ROOT
from dashboard.ml import classifier, prefix, weights
from dashboard.ml.pictures import Reader


def network(name: str, size: int) -> keras.Model:
    recipe = recipe_from({"dataset": "-", "backbone": name, "weights": "none", "image_size": size})
    model = classifier.build(recipe, ["ash", "birch"])
    noise = np.random.default_rng(1).uniform(0, 255, (8, size, size, 3)).astype("float32")
    classifier.settle(classifier.trainable_part(model), [noise])
    return model


def batches(size: int, counts: tuple[int, ...]) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(0)
    for count in counts:
        yield rng.uniform(0, 255, (count, size, size, 3)).astype("float32")


@pytest.mark.parametrize(
    ("name", "unfreeze_from", "tensors"),
    [
        ("MobileNet", None, 1),
        ("MobileNet", "conv_12", 1),
        pytest.param("NASNetMobile", "cell_12", 2, marks=pytest.mark.soak),
    ],
)
def test_it_gives_what_keras_gives_in_order(name: str, unfreeze_from: str | None, tensors: int) -> None:
    below, _ = classifier.split(network(name, 32), unfreeze_from)
    counts = (8, 8, 8, 8, 8, 8, 3)
    found = list(prefix.open_engine(below, "float32").outputs(batches(32, counts)))
    assert [len(made[0]) for made in found] == list(counts)
    for made, batch in zip(found, batches(32, counts), strict=True):
        expected = below(batch, training=False)
        expected = expected if isinstance(expected, list) else [expected]
        assert len(made) == len(expected) == tensors
        for ours, keras_own in zip(made, expected, strict=True):
            assert np.std(keras_own) > 1e-3, "outputs must vary, or equality proves nothing"
            np.testing.assert_allclose(ours, np.asarray(keras_own), rtol=1e-3, atol=1e-3)


LOOSE_ENDS = "EfficientNetV2B0"  # each of its swishes leaves one in the graph


@pytest.mark.parametrize(
    "name",
    [name if name == LOOSE_ENDS else pytest.param(name, marks=pytest.mark.soak) for name in BACKBONES],
)
def test_it_gives_one_tensor_that_is_what_keras_gives_whatever_the_builder(name: str) -> None:
    """Networks as they are drawn: settled ones of this depth amplify the last digit of float32 a thousand times.

    One (EfficientNetV2L) does so even then; what it makes of the last digit of its input bounds the difference as well.
    """
    size = max(64, BACKBONES[name].smallest_image_size)
    recipe = recipe_from({"dataset": "-", "backbone": name, "weights": "none", "image_size": size})
    below, _ = classifier.split(classifier.build(recipe, ["ash", "birch"]), None)
    (batch,) = batches(size, (3,))
    (made,) = prefix.open_engine(below, "float32").outputs([batch])
    (ours,), keras_own = made, np.asarray(below(batch, training=False))
    scale = np.abs(keras_own).max()
    assert np.std(keras_own) > 1e-3 * scale, "outputs must vary, or equality proves nothing"
    last_digit = np.abs(np.asarray(below(batch * np.float32(1 + 1e-6), training=False)) - keras_own).max()
    np.testing.assert_allclose(ours, keras_own, atol=max(1e-4 * scale, last_digit))


def test_bfloat16_is_near_on_real_pictures_with_real_weights(keras_home: Path, shared_data: Path) -> None:
    if prefix.best_precision() != "bfloat16":
        pytest.skip("this processor does not compute in bfloat16")
    recipe = recipe_from({"dataset": "-", "alpha": 0.35})
    model = classifier.build(recipe, ["ash", "birch"])
    weights.load(model, recipe)
    below, _ = classifier.split(model, None)
    files = [min(folder.iterdir()) for folder in sorted((shared_data / "flowers_small").iterdir()) if folder.is_dir()]
    pictures = Reader(224).batch(files)
    (exact,), (rough,) = (next(prefix.open_engine(below, each).outputs([pictures])) for each in ("float32", "bfloat16"))
    assert 0 < np.abs(exact - rough).mean() < 0.15 * np.abs(exact).mean()
    assert np.corrcoef(exact.ravel(), rough.ravel())[0, 1] > 0.98


GIVEN_UP = """
import os, sys
os.fork = None  # whoever reports what is computed here does it from a fork
import keras, numpy as np
from dashboard.ml import prefix

images = keras.Input((32, 32, 3))
network = keras.Model(images, keras.layers.GlobalAveragePooling2D()(images))
for _ in range(8):
    assert len(list(prefix.open_engine(network, "float32").outputs([np.zeros((8, 32, 32, 3), "float32")]))) == 1
assert not [name for name, module in sys.modules.items() if name.startswith("openvino_telemetry") and module]
"""


@pytest.mark.slow
def test_an_engine_can_be_given_up_at_once_after_its_last_batch_and_reports_to_nobody() -> None:
    """In a process of its own: what goes wrong here is that nothing goes on."""
    subprocess.run([sys.executable, "-c", GIVEN_UP], cwd=ROOT, check=True, timeout=120)


def test_a_cut_of_two_tensors_gives_both_in_the_order_of_the_prefix() -> None:
    images = keras.Input((32, 32, 3))
    wide = keras.layers.Conv2D(4, 3, strides=2)(images)
    below = keras.Model(images, [keras.layers.ReLU()(wide), keras.layers.GlobalAveragePooling2D()(wide)])
    found = list(prefix.open_engine(below, "float32").outputs(batches(32, (8, 3))))
    for made, batch in zip(found, batches(32, (8, 3)), strict=True):
        for ours, keras_own in zip(made, below(batch), strict=True):
            np.testing.assert_allclose(ours, np.asarray(keras_own), rtol=1e-3, atol=1e-3)
