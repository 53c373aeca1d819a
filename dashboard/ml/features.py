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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from dashboard.core import files
from dashboard.core.augmentations import AUGMENTATIONS
from dashboard.core.recipe import Recipe
from dashboard.data import images
from dashboard.data.datasets import picture_path
from dashboard.ml import prefix as engine
from dashboard.ml.pictures import Augmentation, Reader, Rows
from dashboard.ml.prefix import Precision
from dashboard.runs import cache

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

    def row(self, sha: str) -> list[np.ndarray]:
        """Features of a picture that is there, float16, one array a tensor of the cut, each without a batch axis."""
        shard, row = self._places[sha]
        return [tensor[row] for tensor in self._shards[shard]]

    def read(self, shas: list[str]) -> list[np.ndarray]:
        """Features of pictures that are there, float32, one array a tensor of the cut, rows in the order of `shas`."""
        rows = [self.row(sha) for sha in shas]
        return [np.stack(tensors).astype("float32") for tensors in zip(*rows, strict=True)]


def open_store(
    prefix: keras.Model, unfreeze_from: str | None, recipe: Recipe, precision: Precision, view: int = 0
) -> Store:
    """The features of a prefix with the weights it has now.

    Args:
        prefix: as of `classifier.split`.
        unfreeze_from: the block it was split at. (The names Keras gives tensors and layers are no key: they count what
            a process has built before.)
        recipe: says how pictures are resized and, for views, changed.
        precision: what they are computed in.
        view: 0 for the pictures as they are, from 1 for their changed views.
    """
    key = {
        "backbone": recipe.backbone,
        "weights": _digest(prefix),
        "cut": unfreeze_from or "pooling",
        "shapes": [list(tensor.shape[1:]) for tensor in prefix.outputs],
        "image_size": recipe.image_size,
        "preprocessing": recipe.backbone_row.preprocessing,
        "decoder": images.DECODER,
        "engine": engine.engine_name(),
        "precision": precision,
        "view": _view(recipe, view) if view else 0,
    }
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
    folder = cache.take(name)
    if not (folder / "key.json").exists():
        files.write_json(folder / "key.json", key)
    return Store(folder)


def _digest(prefix: keras.Model) -> str:
    digest = hashlib.sha256()
    for weight in prefix.weights:
        digest.update(str(weight.shape).encode())
        digest.update(np.ascontiguousarray(weight.numpy()).tobytes())
    return digest.hexdigest()


def _view(recipe: Recipe, number: int) -> dict[str, Any]:
    """Everything that decides how a view of a number is changed."""
    rows = [AUGMENTATIONS[name] for name in recipe.augmentation]
    return {"number": number, "seed": recipe.seed, "changes": [[row.layer, dict(row.arguments)] for row in rows]}


@dataclass(frozen=True)
class Work:
    """Pictures a store shall have, seen in one view."""

    store: Store
    shas: list[str]
    view: int = 0


def fill(
    works: Sequence[Work], prefix: keras.Model, recipe: Recipe, precision: Precision, on_progress: OnProgress
) -> int:
    """Compute what stores of one prefix lack, a shard at a time; returns how many pictures that were, over all views.

    Args:
        works: the stores and what they shall have.
        prefix: as of `classifier.split`.
        recipe: as of `open_store`.
        precision: as of `open_store`.
        on_progress: called with pictures done and pictures wanted, after every batch; what it raises ends the work, and
            whole shards stay.
    """
    lacking = [(work, wanted) for work in works if (wanted := work.store.missing(work.shas))]
    total = sum(len(wanted) for _, wanted in lacking)
    if not total:
        return 0
    reader, augmentation = Reader(recipe.image_size), Augmentation(recipe)
    first = lacking[0]
    started = seen(reader, augmentation, first[1], first[0].view)  # reads pictures while the engine is made ready
    running = engine.open_engine(prefix, precision)
    done = 0
    for work, wanted in lacking:
        pictures = started if work is first[0] else seen(reader, augmentation, wanted, work.view)
        made = running.outputs(pictures)
        for start in range(0, len(wanted), SHARD):
            shard = wanted[start : start + SHARD]
            parts: list[list[np.ndarray]] = []
            for part in itertools.islice(made, -(-len(shard) // engine.BATCH)):
                parts.append([tensor.astype("float16") for tensor in part])
                done += len(part[0])
                on_progress(done, total)
            work.store.add(shard, [np.concatenate(tensors) for tensors in zip(*parts, strict=True)])
    return total


def seen(reader: Reader, augmentation: Augmentation, shas: list[str], view: int) -> Iterator[np.ndarray]:
    """Batches of pictures as a view shows them."""
    batches = reader.batches([picture_path(sha) for sha in shas], engine.BATCH)
    if not view:
        return batches
    waiting = iter(shas)
    return (np.stack([augmentation.view(each, next(waiting), view) for each in batch]) for batch in batches)


class Features(Rows):
    """As `Pictures`, of what the prefix made of them: in every epoch another view, in turn, where there are several."""

    def __init__(
        self, rows: pd.DataFrame, class_names: list[str], recipe: Recipe, stores: Sequence[Store], *, training: bool
    ) -> None:
        super().__init__(rows, class_names, recipe, training=training)
        self.stores = stores
        # Not all pictures in the same view at once: an epoch of originals would follow one of changed ones.
        self.first = np.random.default_rng(recipe.seed).integers(len(stores), size=len(self.shas))

    def inputs(self, chosen: np.ndarray, index: int) -> list[np.ndarray]:
        views = (self.first[chosen] + self.epoch) % len(self.stores)
        rows = [self.stores[view].row(self.shas[each]) for view, each in zip(views, chosen, strict=True)]
        return [np.stack(tensors).astype("float32") for tensors in zip(*rows, strict=True)]
