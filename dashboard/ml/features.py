"""The feature store: what a frozen prefix made of each picture, kept on disk and never computed twice.

    cache/features/<key>/   one folder for everything that determines the output and nothing else
        key.json            those things in words
        <digest>.txt        SHA-256 of the pictures of a shard, a line each; written last: then the shard is whole
        <digest>-0.npy      their features, float16, one file a tensor of the cut

A shard's name is the digest of its list of pictures: whoever computes it again, after a kill or beside another run,
writes the same files.
"""

import hashlib
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from dashboard.core import files
from dashboard.core.recipe import Recipe
from dashboard.core.settings import workspace
from dashboard.data import images
from dashboard.data.datasets import picture_path
from dashboard.ml import prefix as engine
from dashboard.ml.pictures import Reader, Rows
from dashboard.ml.prefix import Precision

SHARD = 256  # pictures

OnProgress = Callable[[int, int], None]


class Store:
    """The features of one prefix by picture."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._places: dict[str, tuple[str, int]] = {}  # sha -> shard, row
        self._shards: dict[str, list[np.ndarray]] = {}
        self._look()

    def _look(self) -> None:
        for listed in sorted(self.folder.glob("*.txt")):
            if listed.stem not in self._shards:
                self._take(listed.stem, listed.read_text().split())

    def _take(self, shard: str, shas: list[str]) -> None:
        tensors = sorted(self.folder.glob(f"{shard}-*.npy"))
        self._shards[shard] = [np.load(path, mmap_mode="r") for path in tensors]
        self._places.update({sha: (shard, row) for row, sha in enumerate(shas)})

    def missing(self, shas: list[str]) -> list[str]:
        """Pictures without features, each once, in their order."""
        return [sha for sha in dict.fromkeys(shas) if sha not in self._places]

    def add(self, shas: list[str], tensors: list[np.ndarray]) -> None:
        """Keep a shard: the features of some pictures, one array a tensor of the cut."""
        shard = hashlib.sha256("\n".join(shas).encode()).hexdigest()[:32]
        for number, tensor in enumerate(tensors):
            with files.replacing(self.folder / f"{shard}-{number}.npy") as aside:
                np.save(aside, tensor.astype("float16"))
        files.write_text(self.folder / f"{shard}.txt", "".join(f"{sha}\n" for sha in shas))
        self._take(shard, shas)

    def read(self, shas: list[str]) -> list[np.ndarray]:
        """Features of pictures that are there, float32, one array a tensor of the cut, rows in the order of `shas`."""
        places = [self._places[sha] for sha in shas]
        count = len(self._shards[places[0][0]])
        return [
            np.stack([self._shards[shard][tensor][row] for shard, row in places]).astype("float32")
            for tensor in range(count)
        ]


def open_store(prefix: keras.Model, unfreeze_from: str | None, recipe: Recipe, precision: Precision) -> Store:
    """The features of a prefix with the weights it has now.

    Args:
        prefix: as of `classifier.split`.
        unfreeze_from: the block it was split at. (The names Keras gives tensors and layers are no key: they count what
            a process has built before.)
    """
    digest = hashlib.sha256()
    for weight in prefix.weights:
        digest.update(str(weight.shape).encode())
        digest.update(np.ascontiguousarray(weight.numpy()).tobytes())
    key = {
        "backbone": recipe.backbone,
        "weights": digest.hexdigest(),
        "cut": unfreeze_from or "pooling",
        "shapes": [list(tensor.shape[1:]) for tensor in prefix.outputs],
        "image_size": recipe.image_size,
        "preprocessing": recipe.backbone_row.preprocessing,
        "decoder": images.DECODER,
        "engine": engine.engine_name(),
        "precision": precision,
        "view": 0,
    }
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
    folder = workspace("cache", "features", name, "key.json").parent
    if not (folder / "key.json").exists():
        files.write_json(folder / "key.json", key)
    return Store(folder)


def fill(
    store: Store, prefix: keras.Model, shas: list[str], recipe: Recipe, precision: Precision, on_progress: OnProgress
) -> int:
    """Compute what the store lacks of some pictures, a shard at a time; returns how many pictures that were.

    Args:
        on_progress: called with pictures done and pictures wanted, after every batch; what it raises ends the work, and
            whole shards stay.
    """
    wanted = store.missing(shas)
    if not wanted:
        return 0
    batches = Reader(recipe.image_size).batches([picture_path(sha) for sha in wanted], engine.BATCH)
    made = engine.outputs(prefix, batches, precision)
    done = 0
    while done < len(wanted):
        shard = wanted[done : done + SHARD]
        parts: list[list[np.ndarray]] = []
        for part in itertools.islice(made, -(-len(shard) // engine.BATCH)):
            parts.append([tensor.astype("float16") for tensor in part])
            on_progress(done + sum(len(each[0]) for each in parts), len(wanted))
        store.add(shard, [np.concatenate(tensors) for tensors in zip(*parts, strict=True)])
        done += len(shard)
    return done


class Features(Rows):
    """As `Pictures`, of what the prefix made of them."""

    def __init__(
        self, rows: pd.DataFrame, class_names: list[str], recipe: Recipe, store: Store, *, training: bool
    ) -> None:
        super().__init__(rows, class_names, recipe, training=training)
        self.store = store

    def __getitem__(self, index: int) -> tuple[Any, np.ndarray]:
        chosen = self.chosen(index)
        tensors = self.store.read([self.shas[each] for each in chosen])
        return (tensors[0] if len(tensors) == 1 else tuple(tensors)), self.labels[chosen]
