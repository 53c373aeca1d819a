"""ONNX, by tf2onnx."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dashboard.ml import portable

FILE = "model.onnx"
OPSET = 18
INPUT, OUTPUT = "images", "probabilities"
LARGE = 4096  # numbers in a weight


def write(model: keras.Model, folder: Path, labels: dict[str, Any]) -> None:
    """Write the classifier for pictures of any size; class names and the rest of the labels are in its metadata."""
    import onnx
    import tf2onnx

    exported = portable.of_any_size(model)
    large = {f"weight_{number}": each for number, each in enumerate(exported.variables) if np.prod(each.shape) >= LARGE}
    function, signature = _without(exported, large)
    converted, _ = tf2onnx.convert.from_function(function, signature, opset=OPSET)
    _put_in(converted.graph, {name: each.numpy() for name, each in large.items()})
    sides = converted.graph.input[0].type.tensor_type.shape.dim
    for name, side in zip(("batch", "height", "width"), sides, strict=False):
        side.dim_param = name
    converted.graph.output[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    for key, value in labels.items():
        converted.metadata_props.add(key=key, value=value if isinstance(value, str) else json.dumps(value))
    onnx.save(converted, folder / FILE)


def _without(model: keras.Model, large: dict[str, keras.Variable]) -> tuple[Any, list[tf.TensorSpec]]:
    """The network as a function of pictures and of its large weights; the small ones are constants.

    tf2onnx copies the graph again and again and frees nothing: with the weights in it, ConvNeXtTiny took 18 GB.
    """
    kept_out = {id(each) for each in large.values()}
    small = [(each, each.numpy()) for each in model.variables if id(each) not in kept_out]

    def compute(images: tf.Tensor, *weights: tf.Tensor) -> dict[str, tf.Tensor]:
        given = [*zip(large.values(), weights, strict=True), *((each, tf.constant(value)) for each, value in small)]
        with keras.StatelessScope(state_mapping=given):
            return {OUTPUT: model(images, training=False)}

    shapes = [tf.TensorSpec(each.shape, "float32", name=name) for name, each in large.items()]
    images = tf.TensorSpec(model.inputs[0].shape, "float32", name=INPUT)
    return tf.function(compute, autograph=False), [images, *shapes]


def _put_in(graph: Any, values: dict[str, np.ndarray]) -> None:
    """Give the graph its large weights, as constants in place of inputs."""
    from onnx import numpy_helper

    inputs = {each.name: each for each in graph.input}
    for name, value in values.items():
        graph.input.remove(inputs[name])
        graph.initializer.append(numpy_helper.from_array(value, name))
