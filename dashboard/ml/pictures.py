"""Picture files as batches: decoded, resized by the network's own operation, in an order that repeats."""

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from dashboard.core.augmentations import AUGMENTATIONS
from dashboard.core.recipe import Recipe
from dashboard.data.datasets import picture_path
from dashboard.data.images import decode
from dashboard.ml import classifier

THREADS = os.cpu_count() or 2


class Reader:
    """Decodes and resizes picture files in threads."""

    def __init__(self, image_size: int) -> None:
        self.image_size = image_size
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="decode")

    def read(self, path: Path) -> np.ndarray:
        """One picture as the network sees it: float32 RGB 0..255, shape (image_size, image_size, 3)."""
        return classifier.resize(decode(path), self.image_size)

    def batch(self, paths: list[Path]) -> np.ndarray:
        """Pictures in the order of `paths`, shape (batch, image_size, image_size, 3)."""
        return np.stack(list(self.threads.map(self.read, paths)))

    def batches(self, paths: list[Path], batch_size: int) -> Iterator[np.ndarray]:
        """All pictures in order; the next batch is decoded while the caller works on one."""
        coming: list[Future[np.ndarray]] = []
        for start in range(0, len(paths), batch_size):
            following = [self.threads.submit(self.read, path) for path in paths[start : start + batch_size]]
            if coming:
                yield np.stack([each.result() for each in coming])
            coming = following
        if coming:
            yield np.stack([each.result() for each in coming])


class Rows(keras.utils.PyDataset):
    """One split of a run's manifest in batches, in an order decided by seed and epoch alone."""

    def __init__(self, rows: pd.DataFrame, class_names: list[str], recipe: Recipe, *, training: bool) -> None:
        super().__init__()  # one worker: the batches stay in order, the threads are inside a batch
        self.shas = list(rows["sha256"])
        self.labels = np.eye(len(class_names), dtype="float32")[
            [class_names.index(name) for name in rows["class_name"]]
        ]
        self.recipe = recipe
        self.training = training
        self.epoch = 0

    def start_at(self, epoch: int) -> None:
        """The epoch that comes next, counted from 0 over all phases; Keras' own `on_epoch_end` also counts trials."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.shas) // self.recipe.batch_size)

    def size(self, index: int) -> int:
        """Pictures in a batch; the last one may be smaller."""
        return min(self.recipe.batch_size, len(self.shas) - index * self.recipe.batch_size)

    def order(self) -> np.ndarray:
        """Indices of pictures in this epoch's order."""
        if not self.training:
            return np.arange(len(self.shas))
        return np.random.default_rng([self.recipe.seed, self.epoch]).permutation(len(self.shas))

    def chosen(self, index: int) -> np.ndarray:
        """Indices of the pictures of a batch."""
        return self.order()[index * self.recipe.batch_size :][: self.recipe.batch_size]


class Pictures(Rows):
    """Batches of (pictures, one-hot labels).

    Training pictures are, if the recipe says so, changed at random, decided by seed, epoch and batch: an epoch that is
    repeated after a resume is the same to the last bit.
    """

    def __init__(self, rows: pd.DataFrame, class_names: list[str], recipe: Recipe, *, training: bool) -> None:
        super().__init__(rows, class_names, recipe, training=training)
        self.reader = Reader(recipe.image_size)
        self.augmentation = Augmentation(recipe) if training and recipe.augmentation else None

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = self.chosen(index)
        pictures = self.reader.batch([picture_path(self.shas[each]) for each in chosen])
        if self.augmentation:
            pictures = self.augmentation.apply(pictures, self.epoch, index)
        return pictures, self.labels[chosen]


class Augmentation:
    """Random changes to a batch, decided by seed, epoch and batch alone."""

    def __init__(self, recipe: Recipe) -> None:
        rows = [AUGMENTATIONS[name] for name in recipe.augmentation]
        self.layers = [getattr(keras.layers, row.layer)(**row.arguments, seed=recipe.seed) for row in rows]
        self.seed = recipe.seed

    def apply(self, pictures: np.ndarray, epoch: int, batch: int) -> np.ndarray:
        changed = pictures
        for position, layer in enumerate(self.layers):
            state = np.random.default_rng([self.seed, epoch, batch, position]).integers(2**31, size=2)
            layer.generator.state.assign(state.astype(layer.generator.state.dtype))
            changed = layer(changed, training=True)
        return np.asarray(changed)
