"""A run that ends without training: a drawn network whose answers vary, with a head that fits its pictures."""

import keras
import numpy as np

from dashboard.data.datasets import picture_path
from dashboard.ml import classifier, evaluate, train
from dashboard.ml.pictures import Reader
from dashboard.runs.run import Run

STRENGTH = 6.0  # of the answers, as of logits
BRANCHES = 0.3  # factor of what residual blocks add
DAMPING = 10.0  # of the least squares: a head that fits the training pictures by heart says noise of others


def finish(run: Run) -> keras.Model:
    """Give a prepared run its model, its labels and its predictions, as training does at its end."""
    model = classifier.build(run.recipe, run.class_names)
    _tame(model)
    reader = Reader(run.recipe.image_size)
    pictures = reader.batch([picture_path(sha) for sha in run.manifest["sha256"]])
    classifier.settle(classifier.trainable_part(model), [pictures])
    features = np.asarray(classifier.split(model, None)[0](pictures, training=False))
    features = features.mean(axis=(1, 2)) if features.ndim == 4 else features
    labels = np.array([run.class_names.index(name) for name in run.manifest["class_name"]])
    _fit_head(model.get_layer(classifier.PROBABILITIES), features, np.eye(len(run.class_names))[labels])
    train.save(run, model)
    evaluate.predictions(model, run)
    return model


def _tame(model: keras.Model) -> None:
    """Let residual branches say little, as those of trained networks do.

    Of a deep network that was only drawn, every block makes the difference between two pictures larger: of two that
    differ by one grey level the answers have nothing in common, and rounding decides.
    """
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization) and layer.scale and _is_added(layer):
            layer.gamma.assign(BRANCHES * np.ones(layer.gamma.shape))


def _is_added(layer: keras.layers.Layer) -> bool:
    following = [node.operation for node in layer._outbound_nodes]
    return any(
        isinstance(each, keras.layers.Add) or (isinstance(each, keras.layers.Dropout) and _is_added(each))
        for each in following
    )


def _fit_head(head: keras.layers.Dense, features: np.ndarray, labels: np.ndarray) -> None:
    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-3 * np.abs(features).max()
    known = (features - mean) / deviation
    gram = known @ known.T + DAMPING * np.eye(len(known))
    kernel = (known.T @ np.linalg.solve(gram, STRENGTH * (labels - labels.mean(axis=0)))) / deviation[:, np.newaxis]
    head.kernel.assign(kernel)
    head.bias.assign(-(mean @ kernel))
