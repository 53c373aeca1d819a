"""Pooling of one picture by Keras' own layers, and how much of the result a shift of the picture changes."""

from typing import Any, Literal

import keras
import numpy as np

from dashboard.core import filters
from dashboard.core.errors import LessonError
from dashboard.core.packing import EXACT, pack
from dashboard.core.sliding import Sliding, sliding
from dashboard.ml import convolution, specimens

Kind = Literal["max", "average", "global max", "global average"]
LAYERS = {
    "max": keras.layers.MaxPooling2D,
    "average": keras.layers.AveragePooling2D,
    "global max": keras.layers.GlobalMaxPooling2D,
    "global average": keras.layers.GlobalAveragePooling2D,
}
EDGES = ("sobel-upright", "sobel-level")


def pool(values: np.ndarray, kind: Kind, how: Sliding) -> np.ndarray:
    """What Keras' pooling layer makes of one channel, float64, shape (height, width); (1, 1) where it is global.

    Args:
        values: shape (height, width).
        kind: of pooling.
        how: the window moves; of no matter where it is global.

    Raises:
        LessonError: as of `Sliding.refuse`.
    """
    if kind.startswith("global"):
        layer = LAYERS[kind](dtype="float64", name="pooling", keepdims=True)
    else:
        how.refuse((values.shape[0], values.shape[1]))
        layer = LAYERS[kind](
            pool_size=how.kernel, strides=how.stride, padding=how.padding, dtype="float64", name="pooling"
        )
    return np.asarray(layer(values[np.newaxis, ..., np.newaxis].astype("float64")))[0, ..., 0]


def edges(levels: np.ndarray) -> np.ndarray:
    """How strong the edges of a picture are, as a first layer of a network may have it: Sobel's filters both ways.

    Args:
        levels: shape (height, width, 1).

    Returns:
        The larger magnitude of both at each place, float64, shape (height, width).
    """
    around = np.pad(levels, ((1, 1), (1, 1), (0, 0)), mode="edge")  # zeros would draw a frame around the picture
    how = Sliding((3, 3))
    both = [convolution.convolve(around, filters.FILTERS[name].values[..., np.newaxis], 0.0, how) for name in EDGES]
    strongest: np.ndarray = np.maximum(np.abs(both[0]), np.abs(both[1]))
    return strongest


def shifted(values: np.ndarray, pixels: int) -> np.ndarray:
    """A picture moved to the right; its first column is repeated where nothing is left of it.

    Args:
        values: shape (height, width).
        pixels: 0 up to the width, itself left out.

    Raises:
        LessonError: `shift-too-far`.
    """
    if not 0 <= pixels < values.shape[1]:
        raise LessonError(
            "shift-too-far", f"A picture of {values.shape[1]} pixels is shifted by 0 to {values.shape[1] - 1}."
        )
    return np.pad(values, ((0, 0), (pixels, 0)), mode="edge")[:, : values.shape[1]]


def change(before: np.ndarray, after: np.ndarray) -> float:
    """The mean difference of two maps, as a share of the mean difference of two of their values taken at random.

    0: the same. 1: as different as if nothing of the places were left. Of one value alone, over that value.
    """
    difference = float(np.abs(after - before).mean())
    ordered = np.sort(before.ravel())
    count = len(ordered)
    if count == 1:
        return difference / abs(float(ordered[0])) if ordered[0] else float(difference > 0)
    ranks = 2 * np.arange(count) - count + 1
    spread = 2 * float((ranks * ordered).sum()) / count**2  # Gini's mean difference
    return difference / spread if spread else float(difference > 0)


def whole(of: dict[str, Any], sha: str, source: str, kind: Kind, how: dict[str, Any], shift: int) -> dict[str, Any]:
    """A picture, pooled, and both once more for the picture moved to the right.

    Args:
        of: as `specimens.network`; only for its image size.
        sha: of the picture.
        source: "grey" for its levels, "edges" for `edges` of them.
        kind: as `pool`.
        how: a record of `Sliding`.
        shift: pixels.

    Returns:
        values, pooled (exactly), values_shifted, pooled_shifted: as of `pack`. values_change and pooled_change: as of
        `change`. kept: share of the pooled values that are within 1 % of the picture's range of what they were.

    Raises:
        LessonError: as `pool` and `shifted`.
    """
    levels = convolution.grey(sha, specimens.image_size(of))
    values = edges(levels) if source == "edges" else levels[..., 0]
    moved = shifted(levels[..., 0], shift)
    values_moved = edges(moved[..., np.newaxis]) if source == "edges" else moved
    pooled, pooled_moved = pool(values, kind, sliding(how)), pool(values_moved, kind, sliding(how))
    return {
        "values": pack(values, EXACT),
        "pooled": pack(pooled, EXACT),
        "values_shifted": pack(values_moved),
        "pooled_shifted": pack(pooled_moved),
        "values_change": change(values, values_moved),
        "pooled_change": change(pooled, pooled_moved),
        "values_kept": _kept(values, values_moved, values),
        "pooled_kept": _kept(pooled, pooled_moved, values),
    }


def _kept(before: np.ndarray, after: np.ndarray, values: np.ndarray) -> float:
    return float((np.abs(after - before) <= 0.01 * float(np.ptp(values))).mean())
