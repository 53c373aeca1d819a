"""Blocks: what can be frozen and thawed."""

import functools

import keras
import numpy as np
import pytest

from dashboard.core.backbones import BACKBONES
from dashboard.core.recipe import recipe_from
from dashboard.ml import backbone, classifier, cut

NASNET = "NASNet"  # its cells reach back over one another


@functools.cache
def network(name: str) -> keras.Model:
    """Built once for all tests, for nothing here changes it."""
    row = BACKBONES[name]
    images = keras.Input((row.smallest_image_size, row.smallest_image_size, 3))
    return backbone.build(row, 1.0, row.smallest_image_size, images)


EXPECTED = {
    "MobileNetV2": (["stem", "expanded_conv", *(f"block_{n}" for n in range(1, 17)), "top"], "block_12"),
    "MobileNet": (["stem", *(f"conv_{n}" for n in range(1, 14))], "conv_10"),
    "MobileNetV3Small": (
        ["stem", "expanded_conv", *(f"expanded_conv_{n}" for n in range(1, 11)), "top"],
        "expanded_conv_8",
    ),
    "VGG16": ([f"block{n}" for n in range(1, 6)], "block5"),
    "ResNet50": (
        [
            "stem",
            *(f"conv{stage}_block{n + 1}" for stage, count in ((2, 3), (3, 4), (4, 6), (5, 3)) for n in range(count)),
        ],
        "conv4_block5",
    ),
    "InceptionV3": (["stem", *(f"mixed{n}" for n in range(11))], "mixed7"),
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.soak] if name in ("ResNet50", "InceptionV3") else []) for name in EXPECTED],
)
def test_blocks_read_like_the_paper(name: str) -> None:
    found = cut.blocks(network(name))
    names, upper_third = EXPECTED[name]
    assert [block.name for block in found] == names
    assert cut.default_unfreeze_from(found) == upper_third


def test_cells_of_a_network_without_single_tensor_between_them_are_blocks_all_the_same() -> None:
    names = [block.name for block in cut.blocks(network("NASNetMobile"))]
    assert names[:4] == ["stem", "stem_1", "stem_2", "cell_0"]
    assert names[-2:] == ["cell_11", "cell_12"]


@pytest.mark.parametrize("name", ["MobileNetV2", "NASNetMobile", "ConvNeXtTiny", "EfficientNetV2B0"])
def test_every_layer_and_every_parameter_is_in_exactly_one_block(name: str) -> None:
    model = network(name)
    found = cut.blocks(model)
    inside = [layer for block in found for layer in block.layers]
    assert sorted(inside) == sorted(each.name for each in model.layers if not isinstance(each, keras.layers.InputLayer))
    assert sum(block.parameters for block in found) == model.count_params()


def test_a_block_tells_its_output_in_words() -> None:
    assert cut.blocks(network("MobileNetV2"))[0].output_shape == "16 x 16 x 32"


@pytest.mark.soak
def test_networks_of_very_many_blocks_are_told_in_runs() -> None:
    found = cut.blocks(network("DenseNet169"))
    assert len(found) <= cut.MANY
    assert "conv4_block1-2" in [block.name for block in found]


def differences(name: str, blocks: int) -> dict[str | None, tuple[int, float]]:
    """For some of the cuts of a backbone: tensors at the cut, and by how much both parts together miss the whole."""
    row = BACKBONES[name]
    size = row.smallest_image_size
    recipe = recipe_from({"dataset": "-", "backbone": name, "weights": "none", "image_size": size})
    model = classifier.build(recipe, ["ash", "birch"])
    pictures = np.random.default_rng(0).uniform(0, 255, (4, size, size, 3)).astype("float32")
    whole = classifier.trainable_part(model)
    classifier.settle(whole, [pictures])
    head = model.get_layer("probabilities")
    features = np.asarray(classifier.split(model, None)[0](pictures, training=False))
    head.kernel.assign(head.kernel / features.std())  # some random networks shout: their probabilities are 0 and 1
    expected = np.asarray(whole(pictures, training=False))
    assert np.ptp(expected, axis=0).max() > 1e-4, "outputs must vary, or equality proves nothing"
    names = [block.name for block in cut.blocks(classifier.backbone_of(model))][1:]
    found: dict[str | None, tuple[int, float]] = {}
    for block in (None, *names[:: max(1, len(names) // blocks)]):
        prefix, suffix = classifier.split(model, block)
        both = np.asarray(suffix(prefix(pictures, training=False), training=False))
        found[block] = (len(prefix.outputs), float(np.abs(both - expected).max()))
    return found


def test_prefix_and_suffix_together_are_the_network() -> None:
    found = differences("MobileNetV2", blocks=3)
    assert len(found) >= 4
    assert max(difference for _, difference in found.values()) <= 1e-5
    assert {tensors for tensors, _ in found.values()} == {1}


@pytest.mark.soak
@pytest.mark.parametrize("name", BACKBONES)
def test_prefix_and_suffix_together_are_every_network(name: str) -> None:
    keras.utils.clear_session()
    found = differences(name, blocks=8)
    assert max(difference for _, difference in found.values()) <= 1e-5
    assert {tensors for tensors, _ in found.values()} == ({1, 2} if NASNET in name else {1})


def test_a_cut_below_everything_is_the_picture_itself() -> None:
    model = classifier.build(
        recipe_from({"dataset": "-", "weights": "none", "image_size": 32, "alpha": 0.35}), ["a", "b"]
    )
    prefix, suffix = classifier.split(model, "stem")
    assert prefix.output_shape == [(None, 32, 32, 3)] or prefix.output_shape == (None, 32, 32, 3)
    assert len(suffix.weights) == len(model.weights)
