"""What a lesson is shown on: a network with its weights, and a picture as training sees it."""

import json
from functools import lru_cache
from typing import Any

import keras
import numpy as np

from dashboard.core.errors import DatasetError
from dashboard.core.recipe import Recipe, recipe_from
from dashboard.data import weights as weights_files
from dashboard.data.datasets import picture_path
from dashboard.data.images import decode
from dashboard.ml import backbone, classifier, weights
from dashboard.ml.resizing import resize
from dashboard.runs.run import open_run

KEPT = 2  # networks
DECIDES = ("backbone", "alpha", "image_size", "weights", "weights_file", "seed")  # fields of a recipe, of a backbone


def network(of: dict[str, Any]) -> keras.Model:
    """The network a lesson looks into: flat, from pictures of RGB 0..255, shape (batch, image_size, image_size, 3).

    Kept until its weights are written anew or others were asked for; nobody may change it.

    Args:
        of: `{"run": id}`, the whole classifier of a finished run, or `{"recipe": {...}}`, the bare backbone of a recipe
            with the weights it starts from.

    Raises:
        RunError: `run-unknown`, `run-unfinished`.
        WeightsError: as `ml.weights.load`.
    """
    if "run" in of:
        run = open_run(of["run"])
        run.require_model()
        return _classifier(run.id, run.weights_path.stat().st_mtime_ns)
    recipe = recipe_from(of["recipe"])
    weights_files.require(recipe)
    return _backbone(json.dumps({name: getattr(recipe, name) for name in DECIDES}), _written(recipe))


def image_size(of: dict[str, Any]) -> int:
    """Pixels a side of the pictures this network takes; raises as `network`."""
    return open_run(of["run"]).recipe.image_size if "run" in of else recipe_from(of["recipe"]).image_size


def picture(sha: str, image_size: int) -> np.ndarray:
    """A stored picture as training sees it, float32 RGB 0..255, shape (1, image_size, image_size, 3).

    Raises:
        DatasetError: `picture-unknown`, or `pictures-missing` where it was deleted.
        UploadError: the file is no picture any more.
    """
    path = picture_path(sha)
    if not path.is_file():
        raise DatasetError("pictures-missing", "This picture is no longer in the workspace. Choose another one.")
    return resize(decode(path, at_least=image_size), image_size)[np.newaxis]


def _written(recipe: Recipe) -> int:
    """When the weights file was written; a stored file never changes, and random weights are in none."""
    if recipe.weights != "imagenet":
        return 0
    path = weights_files.imagenet_file(recipe.backbone_row, recipe.alpha, recipe.image_size).path
    return path.stat().st_mtime_ns


@lru_cache(maxsize=KEPT)
def _classifier(run_id: str, written: int) -> keras.Model:
    run = open_run(run_id)
    keras.utils.clear_session(free_memory=False)  # or Keras numbers the layers on over all networks of this process
    model = classifier.build(run.recipe, run.class_names)
    model.load_weights(run.weights_path)
    return classifier.trainable_part(model)


@lru_cache(maxsize=KEPT)
def _backbone(decides: str, written: int) -> keras.Model:
    recipe = recipe_from({"dataset": "-", **json.loads(decides)})
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(recipe.seed)
    images = keras.Input((recipe.image_size, recipe.image_size, 3), name=classifier.IMAGES)
    model = backbone.build(recipe.backbone_row, recipe.alpha, recipe.image_size, images)
    weights.load(model, recipe)
    return keras.Model(images, model.outputs[0], name=model.name)  # the builders' own wants a list of one picture batch
