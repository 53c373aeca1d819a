"""A network as plain rows: its layers, what each is computed from, and what a unit of it sees of that."""

from collections.abc import Sequence
from typing import Any

import keras

from dashboard.core.receptive_field import POINT, Layer, Window, same_padding
from dashboard.ml.cut import nodes

# One place of the output from the same place of every input. Normalizations of `keras.applications` go across channels,
# and BatchNormalization is meant as it predicts. Names, because Keras does not export all of these.
POINTWISE = {
    *("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax", "Relu", "Relu6", "Sigmoid", "HardSigmoid"),
    *("BatchNormalization", "LayerNormalization", "Normalization", "Rescaling", "LayerScale", "CustomScaleLayer"),
    *("Dropout", "SpatialDropout2D", "StochasticDepth", "Dense", "Flip"),
    *("Add", "Subtract", "Multiply", "Concatenate", "Maximum", "Average"),
    *("Square", "Sqrt", "Rsqrt", "Pad", "Split", "GetItem"),  # of channels: AlexNet's normalisation and its halves
}
Size = tuple[int, int]  # height and width


def layers(model: keras.Model) -> list[Layer]:
    """The layers and operations of a network for pictures of one size, in the order in which they are computed.

    What is known to look at more than its own place, and is no convolution, pooling, padding or cropping, is taken to
    see all: a field may then be too large, never too small. Chains inside a layer are rows of their own.

    Args:
        model: a flat functional model with one input, shape (batch, height, width, channels), both sizes fixed.
    """
    placed, found = nodes(model), list[Layer]()
    for operation in model.operations:
        node = placed[id(operation)]
        sources = tuple(dict.fromkeys(tensor._keras_history.operation.name for tensor in node.input_tensors))
        sizes = [_size(tensor.shape) for tensor in node.input_tensors]
        if isinstance(operation, keras.Sequential):
            found += _chain(operation, sources, sizes[0])
        else:
            found.append(_layer(operation, operation.name, sources, sizes, _size(node.output_tensors[0].shape)))
    return found


def _chain(chain: keras.Sequential, sources: tuple[str, ...], size: Size) -> list[Layer]:
    """The layers of a Sequential; the last has its name, the others `name/layer`."""
    found: list[Layer] = []
    for each in chain.layers:
        name = chain.name if each is chain.layers[-1] else f"{chain.name}/{each.name}"
        after = _size(each.output.shape)
        found.append(_layer(each, name, sources, [size], after))
        sources, size = (name,), after
    return found


def _size(shape: Sequence[int | None]) -> Size:
    return (shape[1] or 1, shape[2] or 1) if len(shape) == 4 else (1, 1)


def _layer(operation: Any, name: str, sources: tuple[str, ...], before: list[Size], after: Size) -> Layer:
    windows = _windows(operation, before, after) if sources else (POINT, POINT)
    if windows is None:
        return Layer(name, sources, *after, sees_all=True)
    return Layer(name, sources, *after, *windows)


def _windows(operation: Any, before: list[Size], after: Size) -> tuple[Window, Window] | None:
    """Windows over rows and columns; None where a unit sees everything."""
    match operation:
        case keras.layers.Conv2D() | keras.layers.DepthwiseConv2D() | keras.layers.SeparableConv2D():
            return _sliding(operation, operation.kernel_size, operation.dilation_rate, before[0])
        case keras.layers.MaxPooling2D() | keras.layers.AveragePooling2D():
            return _sliding(operation, operation.pool_size, (1, 1), before[0])
        case keras.layers.ZeroPadding2D():
            (top, _), (left, _) = operation.padding
            return Window(before=top), Window(before=left)
        case keras.layers.Cropping2D():
            (top, _), (left, _) = operation.cropping
            return Window(before=-top), Window(before=-left)
        case keras.layers.Reshape() | keras.layers.Flatten() if before[0] == after:
            return POINT, POINT
    same_places = all(size in ((1, 1), after) for size in before)
    return (POINT, POINT) if type(operation).__name__ in POINTWISE and same_places else None


def _sliding(operation: Any, kernel: Size, dilation: Sequence[int], size: Size) -> tuple[Window, Window]:
    rows, columns = (
        Window(
            kernel[axis],
            operation.strides[axis],
            dilation[axis],
            same_padding(size[axis], kernel[axis], operation.strides[axis], dilation[axis])
            if operation.padding == "same"
            else 0,
        )
        for axis in (0, 1)
    )
    return rows, columns
