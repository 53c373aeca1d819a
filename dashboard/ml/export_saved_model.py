"""SavedModel: what TensorFlow and TensorFlow Serving open, without Keras."""

from pathlib import Path

import keras

FOLDER = "saved_model"


def write(model: keras.Model, folder: Path) -> None:
    """Write the classifier with its own resizing; its endpoint `serve` takes `images`."""
    model.export(folder / FOLDER, format="tf_saved_model", verbose=False)
