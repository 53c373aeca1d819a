"""One filter on one picture, by Keras' own layer: what goes in, what comes out, and every product of a place."""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import keras
import numpy as np

from dashboard.core import filters
from dashboard.core.errors import LessonError
from dashboard.core.packing import EXACT, pack
from dashboard.core.sliding import Size, Sliding, convolution_weights, dense_weights, sliding
from dashboard.ml import cut, specimens

KEPT = 8  # filtered pictures; one of 224 pixels takes 1 to 10 MB
FIRST = 6  # layers of a network whose filters are shown number by number
GREY = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


@dataclass(frozen=True)
class Filtered:
    """A filter's input, shape (height, width, channels), its weights of the same channels, and its output."""

    values: np.ndarray
    weights: np.ndarray
    bias: float
    sliding: Sliding
    output: np.ndarray  # shape (height, width), before any activation
    filters: int = 1  # of its layer
    in_all: int = 1  # channels of its layer's input

    @property
    def size(self) -> Size:
        return self.values.shape[0], self.values.shape[1]


def convolve(values: np.ndarray, weights: np.ndarray, bias: float, how: Sliding) -> np.ndarray:
    """What `keras.layers.Conv2D` with this one filter makes of an input.

    In float64, so that a sum of products done by hand is the same to the last digit that is shown; a network computes
    in float32 and differs from it by rounding.

    Args:
        values: shape (height, width, channels).
        weights: shape (kernel height, kernel width, channels).
        bias: added to every place.
        how: the window moves.

    Returns:
        float64, shape (height, width) of `how.output`.

    Raises:
        LessonError: as of `Sliding.refuse`.
    """
    how.refuse((values.shape[0], values.shape[1]))
    layer = keras.layers.Conv2D(
        1,
        how.kernel,
        strides=how.stride,
        padding=how.padding,
        dilation_rate=how.dilation,
        dtype="float64",
        name="filter",  # of one name each time: other networks' layers are numbered
    )
    layer.build((1, *values.shape))
    layer.set_weights([weights[..., np.newaxis], np.array([bias])])
    return np.asarray(layer(values[np.newaxis].astype("float64")))[0, ..., 0]


def grey(sha: str, image_size: int) -> np.ndarray:
    """A stored picture in whole levels of grey 0..255, float64, shape (image_size, image_size, 1)."""
    picture = specimens.picture(sha, image_size)[0].astype("float64")
    levels: np.ndarray = (picture @ GREY).round().clip(0, 255)[..., np.newaxis]
    return levels


def layers(of: dict[str, Any]) -> list[dict[str, Any]]:
    """The convolutions of a network, from the input on.

    Returns:
        A record each: name; filters and channels (numbers of them; channels of the input that one filter looks at);
        kernel, sliding (as records of `Sliding`); shown, whether its filters are shown number by number.
    """
    found: list[dict[str, Any]] = []
    for layer in specimens.network(of).layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
            kernel = _kernel(layer)
            is_wide = max(kernel.shape[:2]) > 1
            found.append(
                {
                    "name": layer.name,
                    "filters": _filters(layer),
                    "channels": 1 if isinstance(layer, keras.layers.DepthwiseConv2D) else kernel.shape[2],
                    "sliding": _sliding(layer).as_record(),
                    "shown": is_wide and sum(each["shown"] for each in found) < FIRST,
                }
            )
    return found


def _kernel(layer: Any) -> np.ndarray:
    """float32, shape (height, width, channels, filters), or for depthwise layers (…, multiplier)."""
    return np.asarray(layer.kernel)


def _filters(layer: Any) -> int:
    shape = _kernel(layer).shape
    return int(shape[2] * shape[3] if isinstance(layer, keras.layers.DepthwiseConv2D) else shape[3])


def _sliding(layer: Any) -> Sliding:
    return sliding(
        {"kernel": layer.kernel_size, "stride": layer.strides, "dilation": layer.dilation_rate}
        | {"padding": layer.padding}
    )


def one_filter(layer: Any, number: int) -> tuple[np.ndarray, float, slice]:
    """Weights of one filter, shape (height, width, channels), its bias, and the channels of the input it looks at.

    Raises:
        LessonError: `filter-unknown`.
    """
    kernel, count = _kernel(layer), _filters(layer)
    if not 0 <= number < count:
        raise LessonError("filter-unknown", f"{layer.name} has {count} filters, counted from 0; received {number}.")
    bias = float(np.asarray(layer.bias)[number]) if layer.use_bias else 0.0
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        at, which = divmod(number, kernel.shape[3])
        return kernel[:, :, at : at + 1, which], bias, slice(at, at + 1)
    start = number // (count // layer.groups) * kernel.shape[2]
    return kernel[..., number], bias, slice(start, start + kernel.shape[2])


@lru_cache(maxsize=KEPT)
def _input(network: keras.Model, name: str, sha: str, image_size: int) -> np.ndarray:
    """What a layer is given for a picture, shape (height, width, channels)."""
    below = cut.nodes(network)[id(network.get_layer(name))].input_tensors[0]
    picture = specimens.picture(sha, image_size)
    if below is network.inputs[0]:
        return np.asarray(picture[0])
    return np.asarray(keras.Model(network.inputs[0], below)(picture, training=False)[0])


def of_network(of: dict[str, Any], sha: str, layer: str, number: int) -> Filtered:
    """A filter of a network at work on a picture, as the network slides it; raises as `one_filter`."""
    network = specimens.network(of)
    found = network.get_layer(layer)
    values = _input(network, layer, sha, specimens.image_size(of))
    weights, bias, channels = one_filter(found, number)
    how, in_all = _sliding(found), values.shape[-1]
    seen = values[..., channels]
    return Filtered(seen, weights, bias, how, convolve(seen, weights, bias, how), _filters(found), in_all)


@lru_cache(maxsize=KEPT)
def _asked(question: str, network: keras.Model | None) -> Filtered:
    """By the network too: a run that was trained longer has another."""
    asked = json.loads(question)
    if "layer" in asked:
        return of_network(asked["of"], asked["sha"], asked["layer"], asked["filter"])
    weights = filters.typed(asked["weights"])[..., np.newaxis]
    how, values = sliding(asked["sliding"]), grey(asked["sha"], specimens.image_size(asked["of"]))
    bias = float(asked["bias"])
    return Filtered(values, weights, bias, how, convolve(values, weights, bias, how))


def filtered(question: dict[str, Any]) -> Filtered:
    """What a page asks, kept.

    Args:
        question: of (as `specimens.network`), sha, and either layer and filter (its number), or weights (rows of a
            typed filter), bias and sliding (a record).

    Raises:
        LessonError: as `filters.typed`, `one_filter` and `Sliding.refuse`.
    """
    network = specimens.network(question["of"]) if "layer" in question else None
    return _asked(json.dumps(question, sort_keys=True), network)


def whole(question: dict[str, Any], channel: int) -> dict[str, Any]:
    """The filtered picture, and what the filter costs.

    Returns:
        values: the given channel of the input, to be looked at. output: exactly. Both as of `pack`. channels: of the
        input that the filter looks at. sliding: a record. weights: of the filter with its bias; layer_weights: of all
        filters of its layer; dense: of a fully connected layer from the same input to the same output as the layer's.
    """
    found = filtered(question)
    depth = found.values.shape[-1]
    size = (int(found.output.shape[0]), int(found.output.shape[1]))
    return {
        "values": pack(found.values[..., min(channel, depth - 1)]),
        "output": pack(found.output, EXACT),
        "channels": depth,
        "sliding": found.sliding.as_record(),
        "weights": convolution_weights(found.sliding.kernel, depth),
        "layer_weights": convolution_weights(found.sliding.kernel, depth, found.filters),
        "dense": dense_weights(found.size, found.in_all, size, found.filters),
        "filters": found.filters,
    }


def at(question: dict[str, Any], row: int, column: int) -> dict[str, Any]:
    """Every number behind one place of the output; all arrays as nested lists.

    Returns:
        patch: shape (height, width, channels), None where it is padding, which counts as 0. weights and products: of
        the same shape. sums: of the products, by channel. bias. value: what Keras' layer has there.
    """
    found = filtered(question)
    patch = found.sliding.patch(found.values, row, column)
    products = np.nan_to_num(patch) * found.weights
    return {
        "patch": [[[None if np.isnan(each) else float(each) for each in place] for place in line] for line in patch],
        "weights": found.weights.astype("float64").tolist(),
        "products": products.tolist(),
        "sums": products.sum(axis=(0, 1)).tolist(),
        "bias": found.bias,
        "value": float(found.output[row, column]),
    }
