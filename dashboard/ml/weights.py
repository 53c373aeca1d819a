"""Pretrained weights, read by value: what a file holds is judged before it is read, and nothing in it is ever run."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from dashboard.core.errors import WeightsError
from dashboard.core.recipe import Recipe
from dashboard.data import weights as weights_files
from dashboard.ml import backbone
from dashboard.ml.cut import snake_case

OBJECTS = 100_000  # groups and datasets in a file; the largest backbone has some 3,000
DEPTH = 32
# EfficientNetB0-B7 with ImageNet weights hold the standard deviations where the variances belong, see `_repair`.
IMAGENET_DEVIATION = np.array(backbone.TORCH_DEVIATION, "float32")


@dataclass(frozen=True)
class Tensor:
    """One variable of a network, and which layer it belongs to."""

    layer: str
    path: str  # where a Keras 3 file keeps it
    variable: Any

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.variable.shape)


def load(model: keras.Model, recipe: Recipe) -> None:
    """Give a fresh classifier, or a fresh backbone, the starting weights its recipe names; nothing for random ones.

    Raises:
        WeightsError: `weights-absent`, `weights-file-unknown`, or what `read` refuses.
    """
    weights_files.require(recipe)
    if recipe.weights == "none":
        return
    tensors = _tensors(model, within=_backbone_layers(model))
    _assign(tensors, read(_path(recipe), tensors, recipe.network_name))
    _repair(model, recipe)


def check(recipe: Recipe) -> None:
    """Refuse weights that do not fit the recipe's backbone, before a run exists; raises as `load`."""
    weights_files.require(recipe)
    if recipe.weights != "none":
        images = keras.Input((recipe.image_size, recipe.image_size, 3))
        network = backbone.build(recipe.backbone_row, recipe.alpha, recipe.image_size, images)
        read(_path(recipe), _tensors(network, within=network.layers), recipe.network_name)


def read(path: Path, tensors: list[Tensor], network_name: str) -> list[np.ndarray]:
    """The values for these tensors, in their order.

    Args:
        path: an HDF5 file, as Keras 2 wrote it (`layer_names`, `weight_names`) or as Keras 3 does (`layers/...`).
        tensors: what is expected.
        network_name: for the message, e.g. `MobileNetV2 1.0`.

    Raises:
        WeightsError: `weights-unreadable`, `weights-unsafe` (links out of the file, data kept elsewhere),
            `weights-other-backbone` (names the first difference), `weights-not-finite`.
    """
    with _opened(path) as file:
        _check_structure(file)
        datasets = _keras_2(file) if _root(file) is not None else _keras_3(file, tensors)
        _compare(tensors, datasets, network_name)
        return [_values(tensor, dataset) for tensor, (_, dataset) in zip(tensors, datasets, strict=True)]


Found = tuple[str, h5py.Dataset]  # layer name in the file, values not yet read


def _path(recipe: Recipe) -> Path:
    if recipe.weights == "file":
        return weights_files.weights_file_path(recipe.weights_file or "")
    return weights_files.imagenet_file(recipe.backbone_row, recipe.alpha, recipe.image_size).path


def _backbone_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a classifier below its head; all layers of a bare backbone."""
    names = [layer.name for layer in model.layers]
    return list(model.layers[: names.index("pooling")] if "pooling" in names else model.layers)


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, KeyError, RuntimeError, ValueError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise WeightsError(
            "weights-unreadable",
            f"The weights file cannot be read ({str(error)[:120]}). Expected a whole file of weights saved by Keras; "
            "save or copy it again.",
        ) from error


def _check_structure(file: h5py.File) -> None:
    """Raise unless everything in the file lies in the file: hard links and ordinary datasets only."""
    waiting: list[tuple[h5py.Group, int]] = [(file, 0)]
    count, seen = 0, set()
    while waiting:
        group, depth = waiting.pop()
        for name in group:
            count += 1
            if count > OBJECTS or depth > DEPTH:
                raise _unsafe(f"more than {OBJECTS} entries or {DEPTH} levels")
            # Asked of the library itself: h5py's own `get` looks every name up twice, which takes longer than reading.
            if group.id.links.get_info(name.encode("utf-8", "surrogateescape")).type != h5py.h5l.TYPE_HARD:
                raise _unsafe(f"the link '{name}' that leads elsewhere")
            member = group[name]
            address = h5py.h5o.get_info(member.id).addr
            if isinstance(member, h5py.Group) and address not in seen:
                seen.add(address)
                waiting.append((member, depth + 1))
            elif isinstance(member, h5py.Dataset) and (member.is_virtual or member.external):
                raise _unsafe(f"the dataset '{name}' whose values lie elsewhere")


def _unsafe(what: str) -> WeightsError:
    return WeightsError(
        "weights-unsafe",
        f"The weights file holds {what}. Expected plain groups and arrays; save the weights with Keras again.",
    )


def _root(file: h5py.File) -> h5py.Group | None:
    """The group with `layer_names`: the file, or `model_weights` of a whole saved model; None in a Keras 3 file."""
    for group in (file, file.get("model_weights")):
        if isinstance(group, h5py.Group) and ("layer_names" in group.attrs or "layer_names0" in group.attrs):
            return group
    return None


def _keras_2(file: h5py.File) -> list[Found]:
    root = _root(file) or file
    return [
        (layer, root[layer][name])
        for layer in _names(root, "layer_names")
        for name in _names(root[layer], "weight_names")
    ]


def _names(group: h5py.Group, attribute: str) -> list[str]:
    """A list of names; lists too long for one attribute are kept as `name0`, `name1`, ..."""
    parts = [attribute] if attribute in group.attrs else []
    while not (parts and parts[0] == attribute) and f"{attribute}{len(parts)}" in group.attrs:
        parts.append(f"{attribute}{len(parts)}")
    return [name.decode() if isinstance(name, bytes) else str(name) for part in parts for name in group.attrs[part]]


def _keras_3(file: h5py.File, tensors: list[Tensor]) -> list[Found]:
    """Values in the order of `tensors`; where one is not at its place, all there are, so that the comparison tells."""
    if all(isinstance(file.get(tensor.path), h5py.Dataset) for tensor in tensors) and len(_all(file)) == len(tensors):
        return [(tensor.layer, file[tensor.path]) for tensor in tensors]
    return _all(file)


def _all(file: h5py.File) -> list[Found]:
    """Every array of a Keras 3 file but the states of random generators and of an optimizer."""
    found: list[Found] = []

    def collect(path: str, member: Any) -> None:
        if isinstance(member, h5py.Dataset) and path.startswith("layers/") and "seed_generator" not in path:
            found.append((str(member.parent.attrs.get("name", path)), member))

    file.visititems(collect)
    return found


def _tensors(model: keras.Model, within: list[keras.layers.Layer]) -> list[Tensor]:
    """The variables of these layers in Keras' order, with their place in a Keras 3 file."""
    found: list[Tensor] = []
    _collect(within, "layers", found)
    return found


def _collect(layers: list[keras.layers.Layer], place: str, found: list[Tensor]) -> None:
    used: dict[str, int] = {}
    for layer in layers:
        name = snake_case(type(layer).__name__)
        number = used[name] = used.get(name, -1) + 1
        path = f"{place}/{name}_{number}" if number else f"{place}/{name}"
        if inner := getattr(layer, "layers", None):
            _collect(inner, f"{path}/layers", found)
            continue
        for position, variable in enumerate(layer.weights):
            found.append(Tensor(layer.name, f"{path}/vars/{position}", variable))


def _compare(tensors: list[Tensor], datasets: list[Found], network_name: str) -> None:
    """Raise unless there is one array for each tensor, of its shape. Nothing is read yet."""
    difference = next(
        (
            f"first difference: layer {tensor.layer}: expected {tensor.shape}, received {dataset.shape} ({layer})"
            for tensor, (layer, dataset) in zip(tensors, datasets, strict=False)
            if tensor.shape != dataset.shape
        ),
        None,
    )
    if difference is None and len(tensors) != len(datasets):
        longer = [tensor.layer for tensor in tensors] + [layer for layer, _ in datasets[len(tensors) :]]
        difference = f"first difference: layer {longer[min(len(tensors), len(datasets))]}, which only one of them has"
    if difference:
        raise WeightsError(
            "weights-other-backbone",
            f"The weights belong to another network: expected {network_name} without its classifier "
            f"({len(tensors)} tensors), received {len(datasets)} tensors; {difference}. "
            "Choose the backbone these weights were saved from, or another file.",
        )


def _values(tensor: Tensor, dataset: h5py.Dataset) -> np.ndarray:
    """The values of one array whose shape is known to be right.

    Raises:
        WeightsError: `weights-unsafe` when they are no real numbers, `weights-not-finite`.
    """
    integer = "int" in str(tensor.variable.dtype)
    if dataset.dtype.kind not in ("iuf" if integer else "f"):
        raise _unsafe(f"values of type {dataset.dtype} in layer {tensor.layer}")
    values = np.asarray(dataset[()])
    if not np.isfinite(values).all():
        raise WeightsError(
            "weights-not-finite",
            f"The weights of layer {tensor.layer} hold values that are not finite (NaN or infinity); "
            "the training they come from has failed. Choose an earlier file.",
        )
    return values


def _assign(tensors: list[Tensor], values: list[np.ndarray]) -> None:
    for tensor, value in zip(tensors, values, strict=True):
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
