"""A model of another machine, built anew: topology by name, values by place, every file of it written here."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from dashboard.core.errors import WeightsError
from dashboard.core.recipe import Recipe
from dashboard.ml import classifier, train, weights
from dashboard.ml.weights import Tensor
from dashboard.runs.run import Run


def expected(recipe: Recipe, num_classes: int) -> list[tuple[str, str, tuple[int, ...], str]]:
    """Layer, place in a Keras 3 file, shape and type of every weight of a classifier, in the network's order."""
    keras.utils.clear_session(free_memory=False)
    model = classifier.build(recipe, [str(number) for number in range(num_classes)])
    return [(each.layer, each.path, each.shape, each.dtype) for each in weights.tensors(model.layers)]


def write_model(folder: Path, values: Path) -> None:
    """Write the model files of a run whose recipe and class names are there.

    Args:
        folder: the directory of the run.
        values: what `data.model_files` read: the arrays of `expected`, one behind the other.

    Raises:
        WeightsError: `weights-not-finite` where the network gives no numbers.
    """
    run = Run(folder)
    keras.utils.clear_session(free_memory=False)
    model = classifier.build(run.recipe, run.class_names)
    tensors = weights.tensors(model.layers)
    weights.assign(tensors, _arrays(values, tensors))
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()
    _refuse_silence(model, run.recipe.image_size)
    train.save(run, model)


def _arrays(values: Path, tensors: list[Tensor]) -> Iterator[np.ndarray]:
    with values.open("rb") as file:
        for tensor in tensors:
            yield np.fromfile(file, tensor.dtype, tensor.bytes // np.dtype(tensor.dtype).itemsize).reshape(tensor.shape)
        if file.tell() != os.fstat(file.fileno()).st_size:
            raise ValueError("There are more values than weights.")


def _refuse_silence(model: keras.Model, image_size: int) -> None:
    """Finite weights may still be so large that what comes out is none: no picture could ever be classified."""
    noise = np.random.default_rng(0).uniform(0, 255, (1, image_size, image_size, 3)).astype("float32")
    found: Any = classifier.trainable_part(model).predict_on_batch(noise)
    if not np.isfinite(found).all():
        raise WeightsError(
            "weights-not-finite",
            "The network with these weights gives no numbers (NaN or infinity) for a picture; "
            "the training they come from has failed. Choose an earlier file.",
        )
