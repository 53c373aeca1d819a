"""Picture files as batches: decoded, resized by the network's own operation, in an order that repeats."""

import hashlib
import itertools
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from dashboard.core.augmentations import AUGMENTATIONS
from dashboard.core.recipe import Recipe
from dashboard.data.datasets import picture_path
from dashboard.data.images import decode
from dashboard.ml import allocator
from dashboard.ml.resizing import resize

THREADS = os.cpu_count() or 2
AHEAD = 32_000_000  # bytes of pictures read before they are asked for; a picture of 224 pixels has 600,000
MIXUP = 1  # tells the random numbers of mixing from others of the same batch


class Reader:
    """Decodes and resizes picture files in threads."""

    def __init__(self, image_size: int) -> None:
        self.image_size = image_size
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="decode")

    def read(self, path: Path) -> np.ndarray:
        """One picture as the network sees it: float32 RGB 0..255, shape (image_size, image_size, 3)."""
        return resize(decode(path, at_least=self.image_size), self.image_size)

    def batch(self, paths: list[Path]) -> np.ndarray:
        """Pictures in the order of `paths`, shape (batch, image_size, image_size, 3)."""
        return np.stack(list(self.threads.map(self.read, paths)))

    def batches(self, paths: list[Path], batch_size: int) -> Iterator[np.ndarray]:
        """All pictures in order. Reading begins with the call, not with the first batch that is asked for, and goes on
        while the caller works on what it has."""
        starts = iter(range(0, len(paths), batch_size))
        coming: deque[list[Future[np.ndarray]]] = deque()

        def read_on() -> None:
            for start in itertools.islice(starts, 1):
                coming.append([self.threads.submit(self.read, path) for path in paths[start : start + batch_size]])

        for _ in range(max(2, AHEAD // (batch_size * self.image_size**2 * 3 * 4))):
            read_on()

        def take() -> Iterator[np.ndarray]:
            while coming:
                batch = np.stack([each.result() for each in coming.popleft()])
                read_on()
                yield batch

        return take()


class Rows(keras.utils.PyDataset):
    """One split of a run's manifest in batches, in an order decided by seed and epoch alone."""

    def __init__(self, rows: pd.DataFrame, class_names: list[str], recipe: Recipe, *, training: bool) -> None:
        super().__init__()  # one worker: the batches stay in order, the threads are inside a batch
        allocator.keep_freed_memory()
        self.shas = list(rows["sha256"])
        self.labels = np.eye(len(class_names), dtype="float32")[
            [class_names.index(name) for name in rows["class_name"]]
        ]
        self.recipe = recipe
        self.training = training
        self.epoch = 0
        self._ordered, self._order = -1, np.arange(0)

    def inputs(self, chosen: np.ndarray, index: int) -> list[np.ndarray]:
        """What the network is given for the pictures of these indices, float32, one array an input.

        Args:
            chosen: indices of pictures, shape (batch,).
            index: of the batch in its epoch.
        """
        raise NotImplementedError

    def __getitem__(self, index: int) -> tuple[Any, np.ndarray]:
        chosen = self.chosen(index)
        inputs, labels = self.inputs(chosen, index), self.labels[chosen]
        if self.training and self.recipe.mixup:
            inputs, labels = self._mixed(inputs, labels, index)
        return (inputs[0] if len(inputs) == 1 else tuple(inputs)), labels

    def _mixed(self, inputs: list[np.ndarray], labels: np.ndarray, index: int) -> tuple[list[np.ndarray], np.ndarray]:
        """Every example becomes a mixture of two, and so does its label (Zhang et al., "mixup", 2018)."""
        rng = np.random.default_rng([self.recipe.seed, self.epoch, index, MIXUP])
        share = rng.beta(self.recipe.mixup, self.recipe.mixup, len(labels)).astype("float32")
        other = rng.permutation(len(labels))

        def mix(values: np.ndarray) -> np.ndarray:
            shares = share.reshape(-1, *[1] * (values.ndim - 1))
            mixture: np.ndarray = shares * values + (1 - shares) * values[other]
            return mixture

        return [mix(each) for each in inputs], mix(labels)

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
        if self._ordered != self.epoch:
            self._order = np.random.default_rng([self.recipe.seed, self.epoch]).permutation(len(self.shas))
            self._ordered = self.epoch
        return self._order

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

    def inputs(self, chosen: np.ndarray, index: int) -> list[np.ndarray]:
        pictures = self.reader.batch([picture_path(self.shas[each]) for each in chosen])
        if self.augmentation:
            pictures = self.augmentation.apply(pictures, self.epoch, index)
        return [pictures]


class Augmentation:
    """Random changes, decided by seed and epoch and batch, or by seed and picture and view, and by nothing else."""

    def __init__(self, recipe: Recipe) -> None:
        rows = [AUGMENTATIONS[name] for name in recipe.augmentation]
        self.layers = [getattr(keras.layers, row.layer)(**row.arguments, seed=recipe.seed) for row in rows]
        self.seed = recipe.seed
        self.changed = tf.function(self._changed, reduce_retracing=True)

    def apply(self, pictures: np.ndarray, epoch: int, batch: int) -> np.ndarray:
        """A batch of pictures, changed as it is in this epoch and in no other."""
        self._draw(epoch, batch)
        changed: np.ndarray = self.changed(tf.convert_to_tensor(pictures)).numpy()
        return changed

    def view(self, picture: np.ndarray, sha: str, number: int) -> np.ndarray:
        """A picture's changed view of a number; the same whenever and beside whatever it is computed.

        Args:
            picture: shape (image_size, image_size, 3).
            sha: the picture's digest.
            number: of the view, from 1.
        """
        self._draw(number, int(hashlib.sha256(sha.encode()).hexdigest()[:8], 16))
        changed: np.ndarray = self.changed(tf.convert_to_tensor(picture[np.newaxis])).numpy()[0]
        return changed

    def _draw(self, *what: int) -> None:
        for position, layer in enumerate(self.layers):
            drawn = np.random.default_rng([self.seed, *what, position]).integers(2**31, size=2)
            layer.generator.state.assign(drawn.astype(layer.generator.state.dtype))

    def _changed(self, pictures: tf.Tensor) -> tf.Tensor:
        for layer in self.layers:
            pictures = layer(pictures, training=True)
        return pictures
