"""A finished run's classifier, kept ready to name pictures."""

from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np

from dashboard.data.datasets import picture_path
from dashboard.ml import classifier
from dashboard.ml.pictures import Reader
from dashboard.runs.run import Run


class Classifier:
    """The whole model over picture files. Resizing happens picture by picture, the rest in batches."""

    def __init__(self, model: keras.Model, image_size: int, batch_size: int = 32) -> None:
        self.model = model
        self.part = classifier.trainable_part(model)
        self.reader = Reader(image_size)
        self.batch_size = batch_size

    def batches(self, paths: list[Path]) -> Iterator[np.ndarray]:
        """Probabilities of the pictures in order, float32, batch by batch, shape (batch, num_classes)."""
        for pictures in self.reader.batches(paths, self.batch_size):
            yield np.asarray(self.part.predict_on_batch(pictures))

    def stored(self, shas: list[str]) -> Iterator[np.ndarray]:
        """As `batches`, for pictures stored under these digests.

        Raises:
            DatasetError: `picture-unknown`.
            UploadError: a file is no picture any more.
        """
        yield from self.batches([picture_path(sha) for sha in shas])


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
