"""A window that slides over a picture: how many places it has, what lies under it, and what that costs in weights.

Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016 (https://arxiv.org/abs/1603.07285).
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from dashboard.core.errors import LessonError
from dashboard.core.receptive_field import Box, Window, same_padding

Padding = Literal["valid", "same"]
VALID: Padding = "valid"
SAME: Padding = "same"
PADDINGS = (VALID, SAME)
Size = tuple[int, int]  # height and width


@dataclass(frozen=True)
class Sliding:
    """How a window of `kernel` rows and columns moves: every `stride` pixels, with `dilation` from tap to tap."""

    kernel: Size
    stride: Size = (1, 1)
    padding: Padding = "valid"
    dilation: Size = (1, 1)

    def as_record(self) -> dict[str, Any]:
        """JSON-safe; `sliding` reads it back."""
        return asdict(self)

    @property
    def extent(self) -> Size:
        """Pixels from the first tap to the last, both counted."""
        height, width = ((size - 1) * step + 1 for size, step in zip(self.kernel, self.dilation, strict=True))
        return height, width

    def refuse(self, size: Size) -> None:
        """
        Raises:
            LessonError: `stride-and-dilation`, both are above 1; `window-too-large` for a picture of this size.
        """
        if max(self.stride) > 1 and max(self.dilation) > 1:
            raise LessonError(
                "stride-and-dilation",
                "Keras takes a stride above 1 or a dilation above 1, not both at once. Set one of them back to 1.",
            )
        if self.extent[0] > size[0] or self.extent[1] > size[1]:
            raise LessonError(
                "window-too-large",
                f"The window reaches over {self.extent[0]} x {self.extent[1]} pixels, and what it slides over has "
                f"{size[0]} x {size[1]}. Choose a smaller one.",
            )

    def windows(self, size: Size) -> tuple[Window, Window]:
        """How rows and columns of the output reach into an input of this size."""
        rows, columns = (
            Window(
                self.kernel[axis],
                self.stride[axis],
                self.dilation[axis],
                same_padding(size[axis], self.kernel[axis], self.stride[axis], self.dilation[axis])
                if self.padding == "same"
                else 0,
            )
            for axis in (0, 1)
        )
        return rows, columns

    def output(self, size: Size) -> Size:
        """Height and width of what comes out of an input of this size."""
        room = size if self.padding == "same" else (size[0] - self.extent[0] + 1, size[1] - self.extent[1] + 1)
        return -(-room[0] // self.stride[0]), -(-room[1] // self.stride[1])

    def patch(self, values: np.ndarray, row: int, column: int) -> np.ndarray:
        """What lies under the window for one place of the output, NaN where that is padding.

        Args:
            values: shape (height, width, channels).
            row: of the output, from 0.
            column: likewise.

        Returns:
            float64, shape (kernel height, kernel width, channels).
        """
        size = (values.shape[0], values.shape[1])
        rows, columns = (
            window.taps(np.array([at])) for window, at in zip(self.windows(size), (row, column), strict=True)
        )
        found = np.full((len(rows), len(columns), values.shape[2]), np.nan)
        inside = np.ix_((rows >= 0) & (rows < size[0]), (columns >= 0) & (columns < size[1]))
        found[inside] = values[np.ix_(rows[inside[0].ravel()], columns[inside[1].ravel()])]
        return found

    def box(self, size: Size, row: int, column: int) -> Box:
        """The pixels between the window's outer taps for one place of the output, clipped to the input."""
        top, left = (
            int(window.taps(np.array([at]))[0]) for window, at in zip(self.windows(size), (row, column), strict=True)
        )
        bottom, right = min(top + self.extent[0], size[0]), min(left + self.extent[1], size[1])
        return Box(max(top, 0), max(left, 0), bottom, right)

    def over(self, size: Size, row: int, column: int) -> Size:
        """The place of the output whose window lies most nearly around a pixel of the input."""
        most = self.output(size)
        places = []
        for axis, at in enumerate((row, column)):
            window = self.windows(size)[axis]
            middle = (self.extent[axis] - 1) / 2
            nearest = round((at + window.before - middle) / window.stride)
            places.append(min(max(nearest, 0), most[axis] - 1))
        return places[0], places[1]


def sliding(record: dict[str, Any]) -> Sliding:
    """What `Sliding.as_record` wrote."""
    pairs = {name: (int(record[name][0]), int(record[name][1])) for name in ("kernel", "stride", "dilation")}
    return Sliding(**pairs, padding=record["padding"])


def convolution_weights(kernel: Size, channels: int, filters: int = 1) -> int:
    """Weights of a convolution, a bias for each filter included, however large the picture is."""
    return (kernel[0] * kernel[1] * channels + 1) * filters


def dense_weights(size: Size, channels: int, output: Size, filters: int = 1) -> int:
    """Weights of a fully connected layer between the same numbers of inputs and outputs, biases included."""
    return (size[0] * size[1] * channels + 1) * output[0] * output[1] * filters
