"""What augmentation makes of a few training pictures, kept as small files until their dataset version changes.

cache/examples/<key>/          one folder for what decides how the pictures look changed, written at once
    shown.json                 sha256 and class name of each picture, in order
    <picture>-<view>.jpg       view 0 as it is, from 1 changed
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dashboard.core import files
from dashboard.core.augmentations import AUGMENTATIONS
from dashboard.core.recipe import Recipe
from dashboard.core.settings import workspace
from dashboard.data import images
from dashboard.data.labels import TRAIN

CLASSES = 3  # at most, a picture of each
CHANGED = 3  # versions of each picture beside the one as it is
SIDE = 128  # pixels, at most
PICTURES = "shown.json"


@dataclass(frozen=True)
class Examples:
    """One row of the grid: the same few pictures, as they are and changed."""

    folder: Path
    class_names: list[str]

    def files(self, picture: int) -> list[Path]:
        """Of a picture's number: as it is, then its changed versions."""
        return [self.folder / f"{picture}-{view}.jpg" for view in range(CHANGED + 1)]


def pick(members: pd.DataFrame, seed: int) -> pd.DataFrame:
    """A training picture of each of a few classes, in the order of their names; decided by the seed.

    Args:
        members: columns sha256, class_name and split.
        seed: the recipe's.
    """
    rng = np.random.default_rng(seed)
    training = members[members["split"] == TRAIN].sort_values(["class_name", "sha256"])
    names = sorted(training["class_name"].unique())
    chosen = sorted(rng.permutation(len(names))[:CLASSES])
    groups = [training[training["class_name"] == names[index]] for index in chosen]
    rows = [group.iloc[[int(rng.integers(len(group)))]] for group in groups]
    return pd.concat(rows, ignore_index=True) if rows else training.head(0)


def rows_of(recipe: Recipe) -> dict[str, Recipe]:
    """The recipes whose examples are shown: one with each augmentation alone, and the recipe's own where it has more
    than one; by the name of the row."""
    found = {name: recipe.replace(augmentation=(name,)) for name in AUGMENTATIONS}
    if len(recipe.augmentation) > 1:
        found["all chosen"] = recipe
    return found


def folder(recipe: Recipe) -> Path:
    """Where the examples of a recipe's own augmentation lie, or would."""
    key = {
        "dataset": [recipe.dataset, recipe.dataset_version],
        "changes": changes(recipe),
        "image_size": recipe.image_size,
        "seed": recipe.seed,
        "decoder": images.DECODER,
        "shown": [CLASSES, CHANGED, SIDE],
    }
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
    return workspace("cache", "examples", name)


def changes(recipe: Recipe) -> list[list[Any]]:
    """Layer and arguments of each augmentation, in the order they are applied."""
    rows = [AUGMENTATIONS[name] for name in recipe.augmentation]
    return [[row.layer, dict(row.arguments)] for row in rows]


def known(recipe: Recipe) -> Examples | None:
    """The examples of a recipe's own augmentation; None where they were not made yet."""
    found = folder(recipe)
    try:
        records = files.read_json(found / PICTURES)
    except (OSError, ValueError):
        return None
    return Examples(found, [record["class_name"] for record in records])
