"""Which pixels of the picture a unit of a network sees: arithmetic on a plain description of its layers.

Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019
(https://distill.pub/2019/computing-receptive-fields). Their recurrences go from a unit back to the picture; here they
go with every tap of every window, because padding, and windows that step over pixels, take part of a field away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Window:
    """How one axis of a layer's output reaches into its input: unit `i` sees `i * stride - before + tap * dilation`."""

    kernel: int = 1  # taps
    stride: int = 1
    dilation: int = 1
    before: int = 0  # rows or columns of padding above or left; negative where the layer crops

    def taps(self, units: np.ndarray) -> np.ndarray:
        """Places of the input that these units see, padding included, in order and each once."""
        return np.unique(units[:, None] * self.stride - self.before + np.arange(self.kernel) * self.dilation)


POINT = Window()


@dataclass(frozen=True)
class Layer:
    """A layer with one output, and what a unit of it sees of each of its inputs."""

    name: str
    inputs: tuple[str, ...]  # names of layers; none for the picture
    height: int  # of its output; 1 for what has no place any more
    width: int
    rows: Window = POINT
    columns: Window = POINT
    sees_all: bool = False  # a unit sees the whole of every input, as of global pooling

    def as_record(self) -> dict[str, Any]:
        """JSON-safe; `layer` reads it back."""
        return asdict(self)


def layer(record: Mapping[str, Any]) -> Layer:
    """A layer as `Layer.as_record` wrote it."""
    axes = {axis: Window(**record[axis]) for axis in ("rows", "columns")}
    return Layer(**{**record, **axes, "inputs": tuple(record["inputs"])})


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels, `bottom` and `right` left out; empty where a unit sees padding alone."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left


def same_padding(size: int, kernel: int, stride: int, dilation: int = 1) -> int:
    """Padding above or left under `padding="same"`, where TensorFlow puts the odd one below and right."""
    needed = (-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size
    return max(needed, 0) // 2


def field(layers: Sequence[Layer], name: str, row: int, column: int, *, through_global: bool = True) -> Box:
    """The smallest box of pixels around all that one unit sees, clipped to the picture.

    Args:
        layers: in the order in which they are computed; the first is the picture.
        name: of the layer the unit belongs to; all its channels see the same.
        row: of the unit, from 0.
        column: likewise.
        through_global: follow layers that see all of their input too. Without them a network with
            squeeze-and-excitation has the field of its convolutions, with them the whole picture.

    Raises:
        ValueError: there is no such layer, or it has no such unit.
    """
    by_name = {each.name: each for each in layers}
    if name not in by_name:
        raise ValueError(f"There is no layer '{name}'.")
    if not (0 <= row < by_name[name].height and 0 <= column < by_name[name].width):
        raise ValueError(f"'{name}' has {by_name[name].height} x {by_name[name].width} units, none at {row}, {column}.")
    seen = {name: (np.array([row]), np.array([column]))}
    for each in reversed(layers):
        if each.name not in seen or (each.sees_all and not through_global):
            continue
        for source in (by_name[key] for key in each.inputs):
            _join(seen, source.name, _reach(each, source, *seen[each.name]))
    return _box(*seen.get(layers[0].name, (np.array([]), np.array([]))))


def _reach(above: Layer, below: Layer, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if above.sees_all:
        return np.arange(below.height), np.arange(below.width)
    return (
        _axis(rows, above.rows, above.height, below.height),
        _axis(columns, above.columns, above.width, below.width),
    )


def _axis(units: np.ndarray, window: Window, above: int, below: int) -> np.ndarray:
    if below == 1 < above and window == POINT:  # one value for all places, as a channel's gate is
        return np.zeros(1, dtype=int)
    taps = window.taps(units)
    return taps[(taps >= 0) & (taps < below)]


def _join(seen: dict[str, tuple[np.ndarray, np.ndarray]], name: str, found: tuple[np.ndarray, np.ndarray]) -> None:
    rows, columns = found
    if not (len(rows) and len(columns)):  # padding alone
        return
    if name in seen:
        rows, columns = np.union1d(seen[name][0], rows), np.union1d(seen[name][1], columns)
    seen[name] = (rows, columns)


def _box(rows: np.ndarray, columns: np.ndarray) -> Box:
    if not len(rows):
        return Box(0, 0, 0, 0)
    return Box(int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1)


def extent(layers: Sequence[Layer], name: str) -> tuple[int, int]:
    """Height and width in pixels of a unit's field on a picture without edges; the field of the convolutions alone."""
    by_name = {each.name: each for each in layers}
    seen = {name: (0, 0, 0, 0)}  # first and last row, first and last column
    for each in reversed(layers):
        if each.name not in seen or each.sees_all:
            continue
        top, bottom, left, right = seen[each.name]
        reached = (*_ends(each.rows, top, bottom), *_ends(each.columns, left, right))
        for source in each.inputs:
            if (by_name[source].height, by_name[source].width) == (1, 1) != (each.height, each.width):
                continue  # a gate has no place
            old = seen.get(source, reached)
            seen[source] = (
                *(min(old[0], reached[0]), max(old[1], reached[1])),
                *(min(old[2], reached[2]), max(old[3], reached[3])),
            )
    top, bottom, left, right = seen.get(layers[0].name, (0, -1, 0, -1))
    return bottom - top + 1, right - left + 1


def _ends(window: Window, first: int, last: int) -> tuple[int, int]:
    start = first * window.stride - window.before
    return start, last * window.stride - window.before + (window.kernel - 1) * window.dilation
