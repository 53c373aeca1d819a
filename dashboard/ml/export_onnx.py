"""ONNX, by tf2onnx."""

import json
import warnings
from pathlib import Path
from typing import Any

import keras

from dashboard.ml import portable

FILE = "model.onnx"
OPSET = 18
INPUT, OUTPUT = "images", "probabilities"


def write(model: keras.Model, folder: Path, labels: dict[str, Any]) -> None:
    """Write the classifier for pictures of any size; class names and the rest of the labels are in its metadata."""
    import onnx

    path = folder / FILE
    images = keras.InputSpec("float32", (None, None, None, 3), name=INPUT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # Keras gives tf2onnx a name back that numpy no longer has
        portable.of_any_size(model).export(
            path, format="onnx", opset_version=OPSET, input_signature=[images], verbose=False
        )
    exported = onnx.load(path)
    _name(exported.graph)
    for key, value in labels.items():
        exported.metadata_props.add(key=key, value=value if isinstance(value, str) else json.dumps(value))
    onnx.save(exported, path)


def _name(graph: Any) -> None:
    """Call the one input, the one output and their sides what they are, instead of what the tracing called them."""
    for value, name, sides in (
        (graph.input[0], INPUT, ("batch", "height", "width")),
        (graph.output[0], OUTPUT, ("batch",)),
    ):
        for node in graph.node:
            node.input[:] = [name if each == value.name else each for each in node.input]
            node.output[:] = [name if each == value.name else each for each in node.output]
        value.name = name
        for side, dimension in zip(sides, value.type.tensor_type.shape.dim, strict=False):
            dimension.dim_param = side
