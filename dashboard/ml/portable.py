"""The finished network as other runtimes can compute it, from raw pixels to probabilities."""

import keras
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


def of_any_size(model: keras.Model) -> keras.Model:
    """A classifier, as of `classifier.build`, that takes pictures of any size by plain operations."""
    part = classifier.trainable_part(model)
    images = keras.Input((None, None, 3), name=classifier.IMAGES)
    return keras.Model(images, part(PlainResizing(part.inputs[0].shape[1])(images), training=False), name="classifier")


def of_fixed_size(model: keras.Model) -> keras.Model:
    """A classifier that takes one picture at a time, at the network's own size."""
    part = classifier.trainable_part(model)
    images = keras.Input(batch_shape=(1, *part.inputs[0].shape[1:]), name=classifier.IMAGES)
    return keras.Model(images, part(images, training=False), name="classifier")
