"""Receptive fields as they are computed against those that gradients measure, on real backbones."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from dashboard.core.receptive_field import Box, Layer, extent, field
from dashboard.core.recipe import find_backbone
from dashboard.ml import backbone, cut, layer_graph

# Image sizes at which units of the middle see part of the picture; odd ones too, which no stride divides.
QUICK = {"MobileNet": (0.25, 97), "MobileNetV2": (0.35, 96)}
SIX_MORE = {
    "VGG16": (1.0, 64),
    "ResNet50": (1.0, 97),
    "DenseNet121": (1.0, 70),
    "Xception": (1.0, 95),
    "InceptionV3": (1.0, 90),
    "AlexNet": (1.0, 163),
}
AROUND = (1.0, 2.0)  # weights


def linear_network(name: str, alpha: float, image_size: int) -> keras.Model:
    """A backbone whose every gradient is positive: weights are, activations are left out, the largest is the mean.

    In float64, scaled by their number, so that nothing becomes zero or infinite on the way.
    """
    keras.backend.clear_session()
    row = find_backbone(name)
    images = keras.Input((image_size, image_size, 3), name="images")
    network = backbone.build(row, alpha if len(row.alphas) > 1 else 1.0, image_size, images)
    keras.config.set_floatx("float64")
    try:
        linear = keras.models.clone_model(network, clone_function=_linear)
    finally:
        keras.config.set_floatx("float32")
    rng = np.random.default_rng(0)
    for each in linear.layers:
        values = [rng.uniform(*AROUND, weight.shape) for weight in each.weights]
        if isinstance(each, keras.layers.BatchNormalization):
            values = [np.ones(weight.shape) for weight in each.weights]
        each.set_weights([value / max(1, value[..., 0].size) if value.ndim > 1 else value for value in values])
    return linear


def _linear(each: Any) -> Any:
    if not isinstance(each, keras.layers.Layer):  # an operation, such as the flip of colours
        return each
    config = each.get_config() | {"dtype": "float64"}
    if isinstance(each, (keras.layers.Activation, keras.layers.ReLU)):
        return keras.layers.Activation("linear", name=each.name, dtype="float64")
    if isinstance(each, keras.layers.MaxPooling2D):
        return keras.layers.AveragePooling2D.from_config(config)
    if "activation" in config:
        config["activation"] = "linear"
    return type(each).from_config(config)


def measured(network: keras.Model, units: list[tuple[str, int, int]]) -> list[Box]:
    """The box around all pixels by which a unit's value changes."""
    wanted = keras.Model(network.inputs[0], [network.get_layer(name).output for name, _, _ in units])
    side = network.inputs[0].shape[1]
    pictures = tf.constant(np.random.default_rng(1).uniform(1, 2, (1, side, side, 3)))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(pictures)
        outputs = wanted(pictures, training=False)
        outputs = outputs if isinstance(outputs, list) else [outputs]
        values = [
            tf.reduce_sum(output[0, row, column]) for output, (_, row, column) in zip(outputs, units, strict=True)
        ]
    return [_box(np.abs(tape.gradient(value, pictures)[0]).sum(axis=2)) for value in values]


def _box(gradient: np.ndarray) -> Box:
    rows, columns = np.flatnonzero(gradient.any(axis=1)), np.flatnonzero(gradient.any(axis=0))
    if not len(rows):
        return Box(0, 0, 0, 0)
    return Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)


def some_units(network: keras.Model, layers: list[Layer], count: int) -> list[tuple[str, int, int]]:
    """The last layer of blocks from the lowest to the highest, each with a corner, an edge and a place inside."""
    blocks = cut.blocks(network)
    chosen = [blocks[index].layers[-1] for index in np.linspace(0, len(blocks) - 1, count).round().astype(int)]
    sizes = {each.name: (each.height, each.width) for each in layers}
    units = []
    for name in dict.fromkeys(chosen):
        height, width = sizes[name]
        units += [(name, 0, width - 1), (name, height // 2, width // 3), (name, height - 1, width // 2)]
    return units


def compare(name: str, alpha: float, image_size: int, count: int, *, least: int = 3) -> None:
    network = linear_network(name, alpha, image_size)
    layers = layer_graph.layers(network)
    units = some_units(network, layers, count)
    computed = [field(layers, *unit) for unit in units]
    assert dict(zip(units, computed, strict=True)) == dict(zip(units, measured(network, units), strict=True))
    part = [box for box in computed if box.height < image_size or box.width < image_size]
    assert len(part) >= least, "too few units see only a part of the picture for this to say anything"


@pytest.mark.parametrize("name", QUICK)
def test_fields_are_those_that_gradients_measure(name: str) -> None:
    compare(name, *QUICK[name], 5)


@pytest.mark.soak
@pytest.mark.parametrize("name", SIX_MORE)
def test_fields_are_those_that_gradients_measure_on_six_more(name: str) -> None:
    compare(name, *SIX_MORE[name], 6)


def plain_network(name: str) -> keras.Model:
    row = find_backbone(name)
    return backbone.build(row, 1.0, 96, keras.Input((96, 96, 3)))


@pytest.mark.parametrize(("name", "pixels"), [("MobileNet", 315), ("MobileNetV2", 491), ("ResNet50", 483)])
def test_extents_are_those_of_the_table_in_the_paper(name: str, pixels: int) -> None:
    """Araujo, Norris and Sim, table 1 and their repository, to the last layer of the backbone."""
    layers = layer_graph.layers(plain_network(name))
    assert extent(layers, layers[-1].name) == (pixels, pixels)


def test_a_unit_of_alexnet_sees_through_its_normalization() -> None:
    """195 pixels before the dense layers: Araujo, Norris and Sim have it too."""
    layers = layer_graph.layers(plain_network("AlexNet"))
    assert extent(layers, "block5_pool") == (195, 195)
    assert {each.name for each in layers if each.sees_all} == set()


def test_squeeze_and_excitation_sees_the_whole_picture_and_nothing_else_is_taken_to() -> None:
    layers = layer_graph.layers(plain_network("MobileNetV3Small"))
    assert {each.name.rpartition("_squeeze_excite_")[2] for each in layers if each.sees_all} == {"avg_pool"}
    name = next(each.name for each in layers if each.name.endswith("squeeze_excite_mul"))
    assert field(layers, name, 0, 0) == Box(0, 0, 96, 96)
    assert field(layers, name, 0, 0, through_global=False).height < 20
