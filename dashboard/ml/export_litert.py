"""LiteRT, which was TensorFlow Lite: in float32, with weights of 16 bits, or computed in 8 bits."""

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from dashboard.ml import portable

FILE = "model.tflite"
OUTPUT = "probabilities"

Precision = Literal["float32", "float16", "int8"]


def write(model: keras.Model, folder: Path, precision: Precision, pictures: Callable[[], Iterator[np.ndarray]]) -> None:
    """Write the classifier for one picture at the network's size, with operations of LiteRT alone.

    Args:
        model: as of `classifier.build`.
        folder: to write into.
        precision: of the weights; with int8 of what is computed too, though input and output stay float32.
        pictures: gives some as the network sees them, float32, shape (image_size, image_size, 3); their range at every
            layer is what the 8 bits are spread over. Called for int8 alone.
    """
    module, traced = _traced(portable.of_fixed_size(model))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], module)
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if precision == "int8":
        eight_bits = tf.lite.OpsSet.TFLITE_BUILTINS_INT8
        converter.target_spec.supported_ops = [eight_bits, tf.lite.OpsSet.TFLITE_BUILTINS]
        seen = [picture[np.newaxis] for picture in pictures()]
        converter.representative_dataset = lambda: ([each] for each in seen)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the converter warns of what was meant: input and output stay float32
        (folder / FILE).write_bytes(converter.convert())


def _traced(model: keras.Model) -> tuple[tf.Module, Any]:
    """The network as one function of a module that holds its variables, which the converter makes constants of.

    As constants from the beginning they would be copied many times: 6 GB for ConvNeXtTiny instead of 2.
    """
    module = tf.Module()
    module.held = [each.value for each in model.variables]
    module.compute = tf.function(lambda images: {OUTPUT: model(images, training=False)}, autograph=False)
    shape = tf.TensorSpec(model.inputs[0].shape, "float32", name="images")
    return module, module.compute.get_concrete_function(shape)
