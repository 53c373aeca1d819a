"""What a phase trains: the part of the network that learns, and its pictures, or what the frozen part makes of them."""

import shutil
from dataclasses import dataclass
from functools import cached_property
from math import prod

import keras
import pandas as pd

from dashboard.core.errors import RunError
from dashboard.core.recipe import Recipe
from dashboard.data import datasets
from dashboard.data.labels import TRAIN, VALIDATION
from dashboard.ml import classifier, cut, features
from dashboard.ml import prefix as engine
from dashboard.ml.features import Features, Work
from dashboard.ml.pictures import Pictures, Rows
from dashboard.ml.prefix import Precision
from dashboard.runs import cache
from dashboard.runs.run import Run

SETTLING_BATCHES = 8


@dataclass(frozen=True)
class Material:
    """A recipe with its pictures; `manifest` has the columns of a run's."""

    recipe: Recipe
    manifest: pd.DataFrame

    @cached_property
    def class_names(self) -> list[str]:
        """Names in index order."""
        return sorted(self.manifest["class_name"].unique())

    @cached_property
    def train(self) -> pd.DataFrame:
        return self.manifest[self.manifest["split"] == TRAIN]

    @cached_property
    def validation(self) -> pd.DataFrame:
        return self.manifest[self.manifest["split"] == VALIDATION]

    @property
    def views(self) -> int:
        """How many different features there are of one training picture."""
        return self.recipe.views if self.recipe.augmentation else 1

    @property
    def precision(self) -> Precision:
        return engine.best_precision() if self.recipe.precision == "auto" else self.recipe.precision

    @property
    def class_weight(self) -> dict[int, float] | None:
        if not self.recipe.class_weights:
            return None
        counts = [max(1, int((self.train["class_name"] == name).sum())) for name in self.class_names]
        return {index: len(self.train) / (len(counts) * count) for index, count in enumerate(counts)}


@dataclass(frozen=True)
class Data:
    """What a phase trains, on which two splits, and how much a picture of each class counts (None: all the same)."""

    part: keras.Model
    train: Rows
    validation: Rows
    class_weight: dict[int, float] | None


def of_run(run: Run) -> Material:
    return Material(run.recipe, run.manifest)


def of_recipe(recipe: Recipe) -> Material:
    """The material a run of this recipe would have if it began now.

    Raises:
        DatasetError: the dataset or its version does not exist.
    """
    dataset = datasets.get(recipe.dataset, recipe.dataset_version)
    return Material(recipe, datasets.members(dataset))


def pictures(material: Material, model: keras.Model) -> Data:
    """The whole network on the pictures themselves, computed anew in every epoch."""
    names, recipe = material.class_names, material.recipe
    return Data(
        part=classifier.trainable_part(model),
        train=Pictures(material.train, names, recipe, training=True),
        validation=Pictures(material.validation, names, recipe, training=False),
        class_weight=material.class_weight,
    )


def cached(material: Material, model: keras.Model, unfreeze_from: str | None, on_progress: features.OnProgress) -> Data:
    """What learns of the network, on what the rest made of the pictures; computes what is not kept yet.

    Args:
        material: the recipe and its pictures.
        model: what `classifier.build` returned.
        unfreeze_from: name of the lowest block that learns; None where only the head does.
        on_progress: as of `features.fill`.

    Raises:
        RunError: `disk-full`.
    """
    names, recipe, precision = material.class_names, material.recipe, material.precision
    prefix, suffix = classifier.split(model, unfreeze_from)
    stores = [features.open_store(prefix, unfreeze_from, recipe, precision, view) for view in range(material.views)]
    train, validation = list(material.train["sha256"]), list(material.validation["sha256"])
    works = [Work(stores[0], [*train, *validation]), *(Work(store, train, view) for view, store in _later(stores))]
    _make_room(sum(len(work.store.missing(work.shas)) for work in works) * bytes_of(prefix))
    features.fill(works, prefix, recipe, precision, on_progress)
    return Data(
        part=suffix,
        train=Features(material.train, names, recipe, stores, training=True),
        validation=Features(material.validation, names, recipe, stores[:1], training=False),
        class_weight=material.class_weight,
    )


def _later(stores: list[features.Store]) -> list[tuple[int, features.Store]]:
    return list(enumerate(stores))[1:]


def settle(material: Material, model: keras.Model) -> None:
    """Set the statistics of a network with random weights by its first batches; see `classifier.settle`."""
    data = pictures(material, model)
    count = min(SETTLING_BATCHES, len(data.train))
    classifier.settle(data.part, (data.train[index][0] for index in range(count)))


def nothing_frozen(material: Material, model: keras.Model, unfreeze_from: str | None) -> bool:
    """Whether a phase has nothing that could be computed once and kept, or is told to keep nothing."""
    return not material.recipe.cache or unfreeze_from == cut.blocks(classifier.backbone_of(model))[0].name


def bytes_of(prefix: keras.Model) -> int:
    """Disk that the features of one picture take."""
    return sum(prod(tensor.shape[1:]) * 2 for tensor in prefix.outputs)  # float16


def _make_room(needed: int) -> None:
    if not needed:
        return
    cache.make_room(needed)
    free = shutil.disk_usage(cache.root()).free
    if free < needed + cache.SPARE:
        raise RunError(
            "disk-full",
            f"What stays frozen would take {needed / 1e9:.1f} GB on the disk, of which {free / 1e9:.1f} GB are free. "
            "Thaw less, take fewer views or a smaller image size, or compute it anew in every epoch (cache off).",
        )
