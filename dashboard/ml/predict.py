"""A finished run's classifier, kept ready to name pictures."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from dashboard.ml import classifier
from dashboard.ml.pictures import Reader
from dashboard.ml.prefix import Engine, open_engine
from dashboard.runs.run import Run

MANY = 256  # pictures from which on the engine's two seconds of conversion are made up for
TOLERANCE = 1e-4  # of a probability, between the engine and Keras


class Classifier:
    """The whole model over picture files. Resizing happens picture by picture, the rest in batches."""

    def __init__(self, model: keras.Model, image_size: int, batch_size: int = 32) -> None:
        self.model = model
        self.image_size = image_size
        self.part = classifier.trainable_part(model)
        self.reader = Reader(image_size)
        self.batch_size = batch_size
        # Traced once for batches of every size; Keras traces a new size anew, for a second.
        pictures = tf.TensorSpec((None, image_size, image_size, 3), "float32")
        self._keras = tf.function(lambda batch: self.part(batch, training=False), input_signature=[pictures])
        self._engine: Engine | None = None
        self._engine_fits: bool | None = None  # None until it was tried

    def answers(self, batches: Iterator[np.ndarray], count: int) -> Iterator[np.ndarray]:
        """Probabilities of pictures the network's size, batch by batch in order, float32, shape (batch, num_classes).

        By the engine of `ml.prefix`, several times faster than Keras on a CPU, where there are enough pictures to be
        worth the seconds it takes to begin, or where it is there already; and only if it gives what Keras gives for the
        first batch.

        Args:
            batches: each of shape (batch, image_size, image_size, 3), RGB 0..255, float32.
            count: pictures in all of them, about.
        """
        if self._engine_fits is False or (self._engine is None and count < MANY):
            yield from map(self.by_keras, batches)
            return
        for first in itertools.islice(batches, 1):
            engine = self._engine = self._engine or open_engine(self.part, "float32")
            if self._engine_fits is None:
                (found,) = next(engine.outputs([first]))
                self._engine_fits = bool(np.abs(found - self.by_keras(first)).max() <= TOLERANCE)
            again = itertools.chain([first], batches)
            if self._engine_fits:
                yield from (each for (each,) in engine.outputs(again))
            else:
                yield from map(self.by_keras, again)

    def by_keras(self, batch: np.ndarray) -> np.ndarray:
        """As `answers`, one batch by Keras itself."""
        return np.asarray(self._keras(tf.convert_to_tensor(batch)))

    def batches(self, paths: list[Path]) -> Iterator[np.ndarray]:
        """Probabilities of the pictures in order, float32, batch by batch, shape (batch, num_classes)."""
        for pictures in self.reader.batches(paths, self.batch_size):
            yield np.asarray(self.part.predict_on_batch(pictures))


def open_classifier(run: Run) -> Classifier:
    """Rebuild a run's network by its recipe and give it its final weights; no pretrained file is needed.

    Raises:
        RunError: `run-unknown`, or `run-unfinished` when there is no model yet.
    """
    recipe = run.recipe
    run.require_model()
    model = classifier.build(recipe, run.class_names)
    model.load_weights(run.weights_path)
    return Classifier(model, recipe.image_size)
