"""Pretrained weights, read by value: what a file holds is judged before it is read, and nothing in it is ever run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from dashboard.core import formula
from dashboard.core.recipe import Recipe
from dashboard.data import hdf5
from dashboard.data import weights as weights_files
from dashboard.data.hdf5 import Expected
from dashboard.ml import backbone, classifier
from dashboard.ml.cut import snake_case

# EfficientNetB0-B7 with ImageNet weights hold the standard deviations where the variances belong, see `_repair`.
IMAGENET_DEVIATION = np.array(backbone.TORCH_DEVIATION, "float32")


@dataclass(frozen=True)
class Tensor(Expected):
    """One variable of a network, and which layer it belongs to."""

    variable: Any


def load(model: keras.Model, recipe: Recipe) -> None:
    """Give a fresh classifier, or a fresh backbone, the starting weights its recipe names; nothing for random ones.

    Of a classifier's own file the head is taken too where the recipe says so, else left unread.

    Raises:
        WeightsError: `weights-absent`, `weights-file-unknown`, or what `hdf5.values` refuses.
    """
    weights_files.require(recipe)
    if recipe.weights == "none":
        return
    wanted = tensors(model.layers if recipe.keep_head else _backbone_layers(model))
    assign(wanted, _read(recipe, wanted))
    _repair(model, recipe)


def check(recipe: Recipe) -> None:
    """Refuse weights that do not fit the recipe's network, before a run exists; raises as `load`."""
    weights_files.require(recipe)
    if recipe.weights == "none":
        return
    if recipe.keep_head:
        network = classifier.build(recipe, weights_files.classes_of(recipe.weights_file or ""))
    else:
        images = keras.Input((recipe.image_size, recipe.image_size, 3))
        network = backbone.build(recipe.backbone_row, recipe.alpha, recipe.image_size, images)
    _read(recipe, tensors(network.layers))


def _read(recipe: Recipe, wanted: Sequence[Tensor]) -> list[np.ndarray]:
    """The values for these tensors, in their order; raises as `hdf5.values`."""
    name = f"{recipe.network_name} {'with its head' if recipe.keep_head else 'without its classifier'}"
    spare = () if recipe.keep_head else _head_places(wanted)
    return list(hdf5.values(_path(recipe), wanted, name, spare))


def _head_places(wanted: Sequence[Tensor]) -> list[str]:
    """Where the file of a classifier has its head: one or two Dense layers behind those of the backbone."""
    places = {tensor.path.split("/")[1] for tensor in wanted}
    first = sum(1 for place in places if place == "dense" or place.startswith("dense_"))
    names = [f"dense_{number}" if number else "dense" for number in (first, first + 1)]
    return [f"layers/{name}/vars/{position}" for name in names for position in (0, 1)]


def _path(recipe: Recipe) -> Path:
    if recipe.weights == "file":
        return weights_files.weights_file_path(recipe.weights_file or "")
    if recipe.weights == "formula":
        return formula.FILE
    return weights_files.imagenet_file(recipe.backbone_row, recipe.alpha, recipe.image_size).path


def _backbone_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a classifier below its head; all layers of a bare backbone."""
    names = [layer.name for layer in model.layers]
    return list(model.layers[: names.index(classifier.POOLING)] if classifier.POOLING in names else model.layers)


def tensors(within: Sequence[keras.layers.Layer]) -> list[Tensor]:
    """The variables of these layers in Keras' order, with their place in a Keras 3 file."""
    found: list[Tensor] = []
    _collect(within, "layers", found)
    return found


def _collect(layers: Sequence[keras.layers.Layer], place: str, found: list[Tensor]) -> None:
    used: dict[str, int] = {}
    for layer in layers:
        name = snake_case(type(layer).__name__)
        number = used[name] = used.get(name, -1) + 1
        path = f"{place}/{name}_{number}" if number else f"{place}/{name}"
        if inner := getattr(layer, "layers", None):
            _collect(inner, f"{path}/layers", found)
            continue
        for position, variable in enumerate(layer.weights):
            shape, dtype = tuple(variable.shape), str(variable.dtype)
            found.append(Tensor(layer.name, f"{path}/vars/{position}", shape, dtype, variable))


def assign(wanted: Iterable[Tensor], values: Iterable[np.ndarray]) -> None:
    for tensor, value in zip(wanted, values, strict=True):
        tensor.variable.assign(value)


def _repair(model: keras.Model, recipe: Recipe) -> None:
    """Make built-in normalization right after values have been assigned.

    With `weights="imagenet"` Keras gives EfficientNetB0-B7 a further division by the square root of the deviations.
    Our network never has that layer; its factor goes into the variances, which gives the same function of a picture:
    (x - mean) / sqrt(variance) / sqrt(deviation) = (x - mean) / sqrt(variance * deviation).
    A file saved from such a network is known by its variances, which are ImageNet's deviations.
    """
    for layer in model.layers:
        if not isinstance(layer, keras.layers.Normalization) or not layer.weights:
            continue
        variance = np.asarray(layer.adapt_variance)
        from_imagenet = recipe.weights == "imagenet" or np.allclose(variance, IMAGENET_DEVIATION, atol=1e-3)
        if recipe.backbone_row.family == "efficientnet" and from_imagenet:
            layer.adapt_variance.assign(variance * IMAGENET_DEVIATION)
        layer.finalize_state()
