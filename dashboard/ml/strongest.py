"""The patches of a data set that excite a filter most: what the filter has become a detector of.

Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014 (https://arxiv.org/abs/1311.2901).
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dashboard.core import receptive_field
from dashboard.core.errors import LessonError
from dashboard.core.packing import pack
from dashboard.data import datasets
from dashboard.data.datasets import picture_path
from dashboard.ml import cut, layer_graph, specimens
from dashboard.ml.pictures import Reader

Progress = Callable[[int, int, str], None]
BATCH = 16  # pictures
KEPT = 4  # layers whose peaks are at hand
FOLLOW = ("BatchNormalization", "Activation", "ReLU", "LeakyReLU", "PReLU", "ELU")


def _end(network: keras.Model, layer: str) -> Any:
    """The last operation that only normalizes or activates what a layer hands on, and the layer itself if none does.

    Normalization may turn signs round, so the largest output of the layer itself need not be what excites.
    """
    placed = cut.nodes(network)
    followers: dict[int, list[Any]] = {}
    for operation in network.operations:
        for tensor in placed[id(operation)].input_tensors:
            followers.setdefault(id(tensor), []).append(operation)
    end = network.get_layer(layer)
    while True:
        after = followers.get(id(placed[id(end)].output_tensors[0]), [])
        if len(after) != 1 or type(after[0]).__name__ not in FOLLOW:
            return end
        end = after[0]


def peaks(
    network: keras.Model, layer: str, pictures: Sequence[str], image_size: int, progress: Progress
) -> tuple[np.ndarray, np.ndarray]:
    """How strongly each filter of a layer is excited by each picture, and where.

    Returns:
        The largest value over all places, float32, and that place counted row by row; both of shape
        (pictures, filters).
    """
    placed, end = cut.nodes(network), _end(network, layer)
    part = keras.Model(network.inputs[0], placed[id(end)].output_tensors[0])
    spec = tf.TensorSpec((None, image_size, image_size, 3), "float32")
    compute = tf.function(lambda batch: _largest(part(batch, training=False)), input_signature=[spec])
    reader, values, places = Reader(image_size), list[np.ndarray](), list[np.ndarray]()
    try:
        progress(0, len(pictures), "looking at your pictures")
        for batch in reader.batches([picture_path(sha) for sha in pictures], BATCH):
            value, place = compute(tf.convert_to_tensor(batch))
            values.append(value.numpy())
            places.append(place.numpy())
            progress(sum(map(len, values)), len(pictures), "looking at your pictures")
    finally:
        reader.threads.shutdown()
    return np.concatenate(values), np.concatenate(places)


def _largest(outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    shape = tf.shape(outputs)
    flat = tf.reshape(outputs, (shape[0], shape[1] * shape[2], shape[3]))
    return tf.reduce_max(flat, axis=1), tf.argmax(flat, axis=1, output_type="int32")


_peaks: dict[tuple[keras.Model, str, tuple[str, ...]], tuple[np.ndarray, np.ndarray]] = {}


def patches(
    of: dict[str, Any], layer: str, channel: int, dataset: tuple[str, int], most: int, count: int, progress: Progress
) -> list[dict[str, Any]]:
    """The patches that excite one filter of a network most, at most one of each picture, the strongest first.

    Args:
        of: as `specimens.network`.
        layer: a convolution of it.
        channel: number of its filter.
        dataset: id and version.
        most: pictures to look at; of more, so many spread evenly over the classes.
        count: patches.
        progress: pictures done, in all, a text.

    Returns:
        Records of sha256, class_name, value (after normalization and activation), box (top, left, bottom, right:
        the pixels that can reach the unit, clipped to the picture) and patch, as of `pack`, RGB 0..1.

    Raises:
        LessonError: `filter-unknown`, `pictures-none`.
    """
    network, side = specimens.network(of), specimens.image_size(of)
    shown = chosen(dataset, most)
    key = (network, layer, tuple(shown["sha256"]))
    if key not in _peaks:
        _peaks[key] = peaks(network, layer, list(shown["sha256"]), side, progress)
        while len(_peaks) > KEPT:
            del _peaks[next(iter(_peaks))]
    values, places = _peaks[key]
    if not 0 <= channel < values.shape[1]:
        raise LessonError("filter-unknown", f"{layer} has {values.shape[1]} filters, counted from 0.")
    graph, end = _graph(network), _end(network, layer)
    width = {each.name: each.width for each in graph}[end.name]
    found = []
    for number in np.argsort(-values[:, channel], kind="stable")[:count]:
        row, column = divmod(int(places[number, channel]), width)
        box = receptive_field.field(graph, end.name, row, column, through_global=False)
        picture = specimens.picture(shown["sha256"].iloc[number], side)[0]
        found.append(
            {
                "sha256": shown["sha256"].iloc[number],
                "class_name": shown["class_name"].iloc[number],
                "value": float(values[number, channel]),
                "box": [box.top, box.left, box.bottom, box.right],
                "patch": pack(picture[box.top : box.bottom, box.left : box.right] / 255),
            }
        )
    return found


@lru_cache(maxsize=2)
def _graph(network: keras.Model) -> list[receptive_field.Layer]:
    return layer_graph.layers(network)


def chosen(dataset: tuple[str, int], most: int) -> Any:
    """At most so many pictures of a dataset version, as many of each class as there are places and pictures.

    Returns:
        Columns sha256 and class_name; the same every time.

    Raises:
        LessonError: `pictures-none`.
    """
    members = datasets.members(datasets.get(*dataset))[["sha256", "class_name"]]
    there = members[[picture_path(sha).is_file() for sha in members["sha256"]]].sort_values("sha256")
    if there.empty:
        raise LessonError("pictures-none", "No picture of this dataset is in the workspace any more. Add it again.")
    turn = there.groupby("class_name").cumcount()
    return there.assign(turn=turn).sort_values(["turn", "class_name"]).head(most).drop(columns="turn")
