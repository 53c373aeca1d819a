"""The finished network as other runtimes can compute it, from raw pixels to probabilities."""

import functools

import keras
import numpy as np
import tensorflow as tf

from dashboard.ml import classifier


class PlainResizing(keras.layers.Layer):
    """What the network's own `Resizing` layer does, by operations that every runtime has: two products of matrices.

    TensorFlow resizes with antialiasing by one operation of its own, which neither ONNX nor LiteRT knows. The matrices
    are those of `dashboard.ml.resizing`, worked out inside the graph from the size of the picture that comes.
    """

    def __init__(self, image_size: int) -> None:
        super().__init__(name=classifier.RESIZING)
        self.image_size = image_size

    def call(self, pictures: tf.Tensor) -> tf.Tensor:
        """From shape (batch, height, width, 3) to (batch, image_size, image_size, 3)."""
        size = self.image_size
        batch, height, width = (tf.shape(pictures)[axis] for axis in range(3))
        rows = tf.reshape(pictures, tf.stack([batch, height, width * 3]))
        rows = tf.reshape(self._weights(height) @ rows, tf.stack([batch, size, width, 3]))
        return tf.ensure_shape(self._weights(width) @ rows, (None, size, size, 3))

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return shape[0], self.image_size, self.image_size, 3

    def _weights(self, before: tf.Tensor) -> tf.Tensor:
        """As `resizing._weights`: shape (image_size, before), every row with sum 1."""
        side, after = tf.cast(before, "float32"), tf.constant(self.image_size, "float32")
        scale = 1.0 / (after / side)
        narrowing = 1.0 / tf.maximum(scale, 1.0)
        centres = (tf.range(self.image_size, dtype="float32") + 0.5) * scale
        places = tf.cast(tf.range(before), "float32") + 0.5 - centres[:, tf.newaxis]
        weights = tf.maximum(0.0, 1.0 - tf.abs(places * narrowing))
        return weights * (1.0 / tf.reduce_sum(weights, axis=1, keepdims=True))


def gelu(x: tf.Tensor) -> tf.Tensor:
    """The exact one. Keras computes it by the complementary error function, which ONNX has not."""
    return 0.5 * x * (1.0 + tf.math.erf(x * np.float32(0.5**0.5)))


def depthwise(layer: keras.layers.Conv2D, pictures: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """A convolution with a group for each channel. Keras leaves it to XLA, which no other runtime has."""
    kernel = tf.transpose(kernel, (0, 1, 3, 2))
    strides, dilations = (1, *layer.strides, 1), layer.dilation_rate
    return tf.nn.depthwise_conv2d(pictures, kernel, strides, layer.padding.upper(), dilations=dilations)


def simplify(model: keras.Model) -> None:
    """Have every layer of a classifier compute what it computes by operations that other runtimes have."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            # As tensors they would be taken for further inputs.
            layer.mean, layer.variance = np.asarray(layer.mean), np.asarray(layer.variance)
        elif isinstance(layer, keras.layers.Activation) and layer.activation is keras.activations.gelu:
            layer.activation = gelu
        elif type(layer) is keras.layers.Conv2D and layer.groups > 1 and layer.kernel.shape[2] == 1:
            layer.convolution_op = functools.partial(depthwise, layer)


def of_any_size(model: keras.Model) -> keras.Model:
    """A classifier, as of `classifier.build`, that takes pictures of any size by plain operations.

    It shares the layers of the given one, which are simplified.
    """
    simplify(model)
    part = classifier.trainable_part(model)
    images = keras.Input((None, None, 3), name=classifier.IMAGES)
    return keras.Model(images, part(PlainResizing(part.inputs[0].shape[1])(images), training=False), name="classifier")


def of_fixed_size(model: keras.Model) -> keras.Model:
    """A classifier that takes one picture at a time, at the network's own size; else as `of_any_size`."""
    simplify(model)
    part = classifier.trainable_part(model)
    images = keras.Input(batch_shape=(1, *part.inputs[0].shape[1:]), name=classifier.IMAGES)
    return keras.Model(images, part(images, training=False), name="classifier")
