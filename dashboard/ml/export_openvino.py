"""OpenVINO's intermediate representation: a graph (.xml) and its numbers (.bin)."""

from pathlib import Path

import keras

from dashboard.ml import portable, prefix

FILE = "model.xml"
INPUT, OUTPUT = "images", "probabilities"


def write(model: keras.Model, folder: Path) -> None:
    """Write the classifier for pictures of any size, in float32: by itself OpenVINO would keep 16 bits of a number."""
    import openvino as ov  # there is no wheel for every platform

    converted = prefix.converted(portable.of_any_size(model))
    converted.set_friendly_name("classifier")
    converted.inputs[0].tensor.set_names({INPUT})
    converted.outputs[0].tensor.set_names({OUTPUT})
    ov.save_model(converted, folder / FILE, compress_to_fp16=False)
