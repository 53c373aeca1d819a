"""AlexNet as its paper has it, of nothing but Keras."""

import json
from collections import Counter
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from keras.src.backend.common.stateless_scope import StatelessScope

from dashboard.core.backbones import BACKBONES
from dashboard.core.errors import BackboneError
from dashboard.core.recipe import Recipe
from dashboard.data import datasets, samples
from dashboard.ml import alexnet, backbone, classifier, cut, rebuild, train
from dashboard.runs import sources, status
from dashboard.runs.run import prepare

ROW = BACKBONES["AlexNet"]
SMALL = Recipe(dataset="-", backbone="AlexNet", image_size=ROW.smallest_image_size).from_scratch()
# Weights and biases of each layer, counted from the paper's sections 3.2 and 3.5 and its figure 2.
PAPER = {
    "block1": 96 * (11 * 11 * 3 + 1),
    "block2": 256 * (5 * 5 * 48 + 1),
    "block3": 384 * (3 * 3 * 256 + 1),
    "block4": 384 * (3 * 3 * 192 + 1),
    "block5": 256 * (3 * 3 * 192 + 1),
    "block6": 4096 * (6 * 6 * 256 + 1),
    "block7": 4096 * (4096 + 1),
}


@pytest.fixture(scope="module")
def drawn() -> keras.Model:
    """The classifier at the smallest pictures it takes, as it begins."""
    return classifier.build(SMALL, ["ash", "birch"])


def unfilled(size: int) -> keras.Model:
    """AlexNet for pictures of a size, its variables without values."""
    with StatelessScope(initialize_variables=False):
        return backbone.build(ROW, 1.0, size, keras.Input((size, size, 3)))


def test_it_has_the_layers_and_to_the_last_one_the_parameters_of_the_paper() -> None:
    with StatelessScope(initialize_variables=False):
        whole = classifier.build(SMALL.replace(image_size=227), [f"class {number}" for number in range(1000)])
    assert whole.count_params() == 60_965_224 == sum(PAPER.values()) + 1000 * (4096 + 1)
    found = cut.blocks(classifier.backbone_of(whole))
    assert {block.name: block.parameters for block in found} == PAPER
    assert ROW.parameters == round(sum(PAPER.values()) / 1e6, 2)
    assert [block.output_shape for block in found[:5]] == [
        "27 x 27 x 96",
        "13 x 13 x 256",
        "13 x 13 x 384",
        "13 x 13 x 384",
        "6 x 6 x 256",
    ]


def test_below_its_smallest_picture_nothing_is_left_to_pool() -> None:
    smallest = unfilled(ROW.smallest_image_size)
    assert smallest.get_layer("block5_pool").output.shape[1:] == (1, 1, 256)
    assert smallest.output.shape[1:] == (1, 1, 4096)
    with pytest.raises(ValueError, match="Negative dimension|negative"):
        unfilled(ROW.smallest_image_size - 1)
    with pytest.raises(BackboneError, match="at least 67"):
        SMALL.replace(image_size=66)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 40), st.integers(1, 4), st.floats(0.01, 3000), st.integers(0, 2**31))
def test_its_normalisation_is_the_one_of_the_paper(channels: int, side: int, scale: float, seed: int) -> None:
    x = np.random.default_rng(seed).normal(0, scale, (2, side, side, channels)).astype("float32")
    expected = tf.nn.local_response_normalization(x, depth_radius=2, bias=2.0, alpha=1e-4, beta=0.75)
    tensor = keras.Input((side, side, channels))
    found = keras.Model(tensor, alexnet.normalized(tensor, "normalized"))(x)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * scale)


def test_halves_see_nothing_of_each_other() -> None:
    tensor = keras.Input((5, 5, 6))
    model = keras.Model(tensor, alexnet.halves(tensor, "conv", 8, 3))
    x = np.random.default_rng(0).normal(size=(1, 5, 5, 6)).astype("float32")
    other = x.copy()
    other[..., 3:] += 100.0
    before, after = np.asarray(model(x)), np.asarray(model(other))
    np.testing.assert_array_equal(before[..., :4], after[..., :4])
    assert (before[..., 4:] != after[..., 4:]).any()


def test_its_weights_begin_as_the_paper_draws_them(drawn: keras.Model) -> None:
    model = classifier.backbone_of(drawn)
    kernels = {each.path.split("/")[0]: each.numpy() for each in model.weights if each.name == "kernel"}
    assert len(kernels) == 10
    for name, values in kernels.items():
        assert values.std() == pytest.approx(0.01, rel=0.02), name
    biases = {each.path.split("/")[0]: each.numpy() for each in model.weights if each.name == "bias"}
    of_one = {name for name, values in biases.items() if (values == 1).all()}
    assert of_one == {name for name in biases if name[5] in "245"}  # and not the dense ones, see there
    assert all((biases[name] == 0).all() for name in set(biases) - of_one)


def test_its_file_names_nothing_that_keras_has_not_and_describes_the_same(drawn: keras.Model) -> None:
    text = json.dumps(drawn.get_config())
    modules = {each.split('"')[0] for each in text.split('"module": "')[1:]}
    assert modules and all(each.split(".")[0] == "keras" for each in modules), modules
    assert '"registered_name": null' in text and "dashboard" not in text
    with StatelessScope(initialize_variables=False):
        again = keras.Model.from_config(json.loads(text))
    assert [each.shape for each in again.weights] == [each.shape for each in drawn.weights]
    assert Counter(map(type, again.operations)) == Counter(map(type, drawn.operations))


def test_whoever_rebuilds_it_from_its_text_has_the_same_network(drawn: keras.Model, tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text('{"class_names": ["ash", "birch"]}')
    text = rebuild.script(SMALL)
    assert sources.source(ROW) in text and "keras.applications" not in text and "import dashboard" not in text
    space = {"__name__": "rebuild", "__file__": str(tmp_path / "rebuild.py")}
    exec(compile(text, "rebuild.py", "exec"), space)
    rebuilt = space["build"]()
    rebuilt.set_weights(drawn.get_weights())
    pictures = np.random.default_rng(0).uniform(0, 255, (2, 90, 40, 3)).astype("float32")
    np.testing.assert_allclose(rebuilt(pictures), drawn(pictures), atol=1e-6)
    assert sources.source(BACKBONES["MobileNetV2"]) == ""


@pytest.mark.soak
def test_it_learns_to_read_the_demo_digits(workspace: Path) -> None:
    """From nothing, by the recipe of its paper, at the smallest pictures it takes."""
    dataset = samples.import_sample("digits")
    recipe = SMALL.replace(dataset=dataset.id, dataset_version=dataset.version, fine_tune_epochs=20)
    run = prepare("digits", recipe, datasets.members(dataset))
    assert train.train(run) == status.FINISHED
    assert run.report()["validation_accuracy"] >= 0.95
