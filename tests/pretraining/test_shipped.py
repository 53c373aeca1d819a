"""The weights that come with the program: whole, known by their fingerprint, and of the network on their card."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest

from dashboard.core.recipe import recipe_from
from dashboard.data.weights import take_file
from dashboard.ml import backbone, classifier, weights
from pretraining import packing, train

FOLDER = Path(__file__).resolve().parents[2] / "dashboard" / "ml" / "shipped"
FILE = FOLDER / "mobilenet_v2_0.35_formula.weights.h5"
CARD = (FOLDER / "README.md").read_text(encoding="utf-8") if FILE.exists() else ""

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="no weights from formulas are shipped yet")


def test_the_file_is_the_one_on_its_card_and_small() -> None:
    assert packing.sha256(FILE) in CARD
    assert FILE.stat().st_size < 2_000_000


def test_the_card_says_what_it_was_made_of_and_what_it_is_bad_at() -> None:
    headings = set(re.findall(r"^## (.+)$", CARD, flags=re.MULTILINE))
    assert headings >= {"Trained on", "Good at", "Bad at", "Figures", "Licence"}
    assert "Apache-2.0" in CARD and "no photograph" in CARD


@pytest.mark.parametrize("size", [32, 96, 224])
def test_it_loads_into_the_backbone_through_the_checks_of_every_upload(size: int, workspace: Path) -> None:
    fields = {"backbone": "MobileNetV2", "alpha": 0.35, "image_size": size, "weights": "file"}
    recipe = recipe_from({"dataset": "-", **fields, "weights_file": take_file(FILE, FILE.name)})
    weights.check(recipe)
    model = classifier.build(recipe, ["ash", "birch"])
    weights.load(model, recipe)

    plain = backbone.build(train.ROW, train.ALPHA, size, keras.Input((size, size, 3)))
    plain.load_weights(FILE)
    loaded = {weight.path: np.asarray(weight) for weight in model.weights}
    assert all(np.array_equal(loaded[weight.path], weight) for weight in plain.weights)


def test_features_in_inference_mode_tell_pictures_apart() -> None:
    # Statistics that were never learned leave every picture with nearly the same features.
    images = keras.Input((96, 96, 3))
    network = backbone.build(train.ROW, train.ALPHA, 96, images)
    network.load_weights(FILE)
    rng = np.random.default_rng(0)
    noise, plain = rng.uniform(0, 255, (2, 96, 96, 3)), np.full((2, 96, 96, 3), 128.0)
    features = np.asarray(network([np.concatenate([noise, plain]).astype("float32")], training=False)).mean(axis=(1, 2))
    assert np.isfinite(features).all() and 0.01 < features.std() < 10
    apart = np.linalg.norm(features[0] - features[2])
    assert apart > 4 * np.linalg.norm(features[0] - features[1])
