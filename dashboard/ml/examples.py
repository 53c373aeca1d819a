"""What augmentation makes of a few training pictures, by the very code training uses."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from dashboard.core import files
from dashboard.core.errors import DatasetError
from dashboard.core.recipe import Recipe
from dashboard.data import images
from dashboard.data.datasets import picture_path
from dashboard.ml import material
from dashboard.ml.pictures import Augmentation, Reader
from dashboard.runs import examples

Progress = Callable[[int, int, str], None]


def write(recipe: Recipe, progress: Progress) -> None:
    """Make the examples of a recipe that are not there yet; see `runs.examples`.

    Args:
        recipe: says dataset, image size, seed and augmentation.
        progress: called with changed pictures done, in all, and a text.

    Raises:
        DatasetError: `dataset-unknown`, `split-empty` or `pictures-missing`.
    """
    lacking = {name: each for name, each in examples.rows_of(recipe).items() if examples.known(each) is None}
    if not lacking:
        return
    shown = _shown(recipe)
    reader = Reader(recipe.image_size)
    pictures = reader.batch([picture_path(sha) for sha in shown["sha256"]])
    reader.threads.shutdown()
    total, done = len(lacking) * len(shown), 0
    for name, each in lacking.items():
        augmentation = Augmentation(each)
        versions = []
        for sha, picture in zip(shown["sha256"], pictures, strict=True):
            progress(done, total, f"changing pictures ({name})")
            changed = [augmentation.view(picture, sha, view) for view in range(1, examples.CHANGED + 1)]
            versions.append([picture, *changed])
            done += 1
        _keep(each, shown, versions)
        progress(done, total, f"changing pictures ({name})")


def _shown(recipe: Recipe) -> pd.DataFrame:
    shown = examples.pick(material.of_recipe(recipe).manifest, recipe.seed)
    if shown.empty:
        raise DatasetError("split-empty", "No picture is in the train split, so there is none to change. Split anew.")
    missing = [sha for sha in shown["sha256"] if not picture_path(sha).is_file()]
    if missing:
        raise DatasetError(
            "pictures-missing",
            f"{len(missing)} of the {len(shown)} pictures to show are no longer in the workspace. "
            "Import the dataset again.",
        )
    return shown


def _keep(recipe: Recipe, shown: pd.DataFrame, versions: list[list[np.ndarray]]) -> None:
    with files.replacing_folder(examples.folder(recipe)) as aside:
        for number, row in enumerate(versions):
            for view, picture in enumerate(row):
                (aside / f"{number}-{view}.jpg").write_bytes(small(picture))
        files.write_json(aside / examples.PICTURES, shown[["sha256", "class_name"]].to_dict("records"))


def small(picture: np.ndarray) -> bytes:
    """A picture of 0..255, float32 and as it went into the network, as a JPEG of at most `SIDE` pixels a side."""
    return images.encoded(images.shrunk(picture.round().clip(0, 255).astype("uint8"), examples.SIDE))
