"""What a person does at home with what was downloaded: `python -m tests.browser.reopen FOLDER PICTURES...`.

FOLDER holds `model.keras`, `model.weights.h5` and the zip with everything, as they were downloaded. Prints one JSON
object: the class names, and the probabilities of every picture by the whole model and by the rebuilt one.
"""

import json
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from dashboard.core.recipe import Recipe, recipe_from
from dashboard.ml import classifier


def recipe_and_labels(folder: Path) -> tuple[Recipe, list[str]]:
    (path,) = folder.glob("*.zip")
    with zipfile.ZipFile(path) as archive:
        (recipe,) = [name for name in archive.namelist() if name.endswith("/recipe.json")]
        (labels,) = [name for name in archive.namelist() if name.endswith("/labels.json")]
        values = json.loads(archive.read(recipe))["recipe"]
        class_names = json.loads(archive.read(labels))["class_names"]
    return recipe_from({**values, "weights": "none", "weights_file": None}), class_names


def probabilities(model: keras.Model, pictures: list[Path]) -> list[list[float]]:
    """Of each picture as its file decodes to RGB, 0 to 255."""
    pixels = [np.asarray(Image.open(path).convert("RGB"), dtype="float32") for path in pictures]
    return [np.asarray(model(each[None], training=False))[0].tolist() for each in pixels]


def main(folder: Path, pictures: list[Path]) -> None:
    whole = keras.saving.load_model(folder / "model.keras")
    recipe, class_names = recipe_and_labels(folder)
    rebuilt = classifier.build(recipe, class_names)
    before = probabilities(rebuilt, pictures[:1])
    rebuilt.load_weights(folder / "model.weights.h5")
    answer = {
        "class_names": class_names,
        "whole": probabilities(whole, pictures),
        "before": before,
        "rebuilt": probabilities(rebuilt, pictures),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(each) for each in sys.argv[2:]])
