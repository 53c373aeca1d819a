"""Bias and variance, measured: many heads on training sets drawn from the training pictures, and how they differ.

The features are those a run would use, from the same store. The test pictures are not read: what is changed because
of this measurement can still be tested on them. Each head is judged by what it has not seen: the validation pictures,
and the training pictures it has not drawn (out of bag: Breiman, "Bagging predictors", 1996).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pandas as pd

from dashboard.core import resampling
from dashboard.core.decomposition import Decomposition, decompose, shares
from dashboard.core.errors import DatasetError
from dashboard.core.recipe import Recipe
from dashboard.core.verdict import AGREE
from dashboard.data.labels import TRAIN
from dashboard.ml import classifier, cut, features, finder, heads, material
from dashboard.ml.features import Work
from dashboard.ml.heads import Trained
from dashboard.ml.material import Material
from dashboard.ml.train import check_pictures
from dashboard.runs import cache

HEADS = 24
FEWER = 8  # heads, where no picture's spread is looked at
WIDTHS = (0, 32, 256)  # hidden units
FRACTIONS = (0.125, 0.25, 0.5, 0.75, 0.9)  # of the training pictures
DEPTHS = (0.25, 0.5, 0.75)  # of the way through the backbone
LONGER = 4  # times as many epochs
MOST = 3000  # pictures; of more, so many are drawn
LONGEST = 3000  # steps of the longest training that is begun
SHOWN = 24  # pictures of each kind
TEXT = "training heads, per mille"

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Table:
    """Pictures as a head sees them: features of each depth, float32, (pictures, channels), the last one the top's."""

    features: dict[str, np.ndarray]
    labels: np.ndarray  # class indices, (pictures,)
    training: np.ndarray  # bool, (pictures,): those heads may be trained on
    num_classes: int

    @property
    def top(self) -> str:
        return list(self.features)[-1]


def bias_variance(recipe: Recipe, progress: Progress) -> dict[str, Any]:
    """Measure a recipe's head on its pictures; JSON-safe, as `core.verdict` reads it.

    Args:
        recipe: of a run that need not exist.
        progress: called with done, total and what is done; what it raises ends the work.

    Raises:
        DatasetError: the dataset is unknown, its pictures are gone, or as of `checked`.
        WeightsError: as of `weights.load`.
        RunError: `disk-full`.
    """
    own = material.of_recipe(recipe.replace(augmentation=(), keep_head=False))  # pictures as they are
    manifest = checked(own.manifest)
    own = Material(own.recipe, manifest)
    check_pictures(own)
    keras.utils.clear_session(free_memory=False)
    progress(0, 0, "building the network")
    try:
        table = _table(own, progress)
    finally:
        cache.give_back()
    record = measure(table, own.recipe, progress)
    return {**record, "classes": own.class_names, "pictures": _named(record["pictures"], manifest)}


def checked(manifest: pd.DataFrame) -> pd.DataFrame:
    """The pictures that are measured, training pictures first: at most `MOST`, no test picture.

    Raises:
        DatasetError: `measure-one-class`, `measure-class-too-small`.
    """
    known = manifest[manifest["split"] != "test"]
    counts = known.loc[known["split"] == TRAIN, "class_name"].value_counts()
    if len(counts) < 2:
        raise DatasetError("measure-one-class", "To measure bias and variance there must be two classes. Add another.")
    if counts.min() < 2:
        raise DatasetError(
            "measure-class-too-small",
            f"Class '{counts.idxmin()}' has one training picture; to draw training sets that differ it needs two. "
            "Add pictures of it, or leave the class out on the Data page.",
        )
    known = known[known["class_name"].isin(counts.index)]
    if len(known) > MOST:
        known = known.groupby(["class_name", "split"]).sample(frac=MOST / len(known), random_state=0)
    return known.sort_values("split", key=lambda split: split != TRAIN, kind="stable", ignore_index=True)


def _table(own: Material, progress: Progress) -> Table:
    """Features at the top, as a run has them, and pooled ones of three blocks below."""
    model = finder.begin(own, progress)

    def say(done: int, total: int) -> None:
        progress(done, total, "seeing pictures")

    data = material.cached(own, model, None, say)
    found = {}
    shas = list(own.manifest["sha256"])
    for name, tensor in zip((chosen := _depths(model)), _below(own, model, chosen, shas, say), strict=True):
        found[name] = tensor
    rows = [each.inputs(np.arange(len(each.shas)), 0)[0] for each in (data.train, data.validation) if each.shas]
    found["the whole backbone"] = np.concatenate(rows)
    names = own.class_names
    labels = np.array([names.index(name) for name in own.manifest["class_name"]])
    return Table(found, labels, (own.manifest["split"] == TRAIN).to_numpy(), len(names))


def _depths(model: keras.Model) -> list[str]:
    """Names of blocks a quarter, half and three quarters of the way through the backbone."""
    blocks = [block for block in cut.blocks(classifier.backbone_of(model)) if block.layers]
    flat = [block.name for block in blocks if len(model.get_layer(block.layers[-1]).output.shape) == 4]
    return list(dict.fromkeys(flat[round(depth * (len(flat) - 1))] for depth in DEPTHS if len(flat) > 2))


def _below(
    own: Material, model: keras.Model, chosen: list[str], shas: list[str], say: features.OnProgress
) -> list[np.ndarray]:
    """What some blocks give out, averaged over the picture as the top's is; kept like all features."""
    if not chosen:
        return []
    backbone = classifier.backbone_of(model)
    ends = {block.name: block.layers[-1] for block in cut.blocks(backbone)}
    placed = cut.nodes(backbone)  # a layer's own `output` is that of the first graph it was in
    tensors = [placed[id(backbone.get_layer(ends[name]))].output_tensors[0] for name in chosen]
    pooled = [keras.layers.GlobalAveragePooling2D()(tensor) for tensor in tensors]
    prefix = keras.Model(backbone.input, pooled, name="depths")
    store = features.open_store(prefix, f"pooled {' '.join(chosen)}", own.recipe, own.precision)
    features.fill([Work(store, shas)], prefix, own.recipe, own.precision, say)
    return store.read(shas)


@dataclass(frozen=True)
class _Setting:
    """One point of an axis: how the heads are trained."""

    axis: str
    value: float | str
    recipe: Recipe
    features: str
    drawn: np.ndarray  # indices among all pictures, (heads, pictures of a training set)


def measure(table: Table, recipe: Recipe, progress: Progress) -> dict[str, Any]:
    """All axes, one after the other. The same table and recipe give the same record.

    Args:
        table: with at least two classes, and two training pictures in each.
        recipe: how heads are trained.
        progress: as of `bias_variance`.
    """
    settings = _settings(table, _affordable(recipe, int(table.training.sum())))
    costs = [each.drawn.size * each.recipe.epochs * (1 + each.recipe.head_width / 16) for each in settings]
    rows = []
    record: dict[str, Any] = {}
    for number, setting in enumerate(settings):

        def say(done: int, total: int, before: float = sum(costs[:number]), cost: float = costs[number]) -> None:
            progress(round(1000 * (before + cost * done / total) / sum(costs)), 1000, TEXT)

        trained = _train(table, setting, say)
        judged = _Judged.of(table, setting, trained)
        rows.append(judged.row(setting, trained))
        if setting.axis == "own":
            record |= judged.pictures(table)
    progress(1000, 1000, TEXT)
    return {**record, "rows": rows, "counts": np.bincount(table.labels[table.training]).tolist()}


def _affordable(recipe: Recipe, count: int) -> Recipe:
    """The recipe with fewer epochs where the longest training would take too many steps; one that never trains a
    frozen phase gets the advised epochs of one."""
    epochs = recipe.epochs or int(Recipe.model_fields["epochs"].default)
    most = LONGEST // (LONGER * math.ceil(count / recipe.batch_size))
    return recipe.replace(epochs=max(1, min(epochs, most)))


def _settings(table: Table, recipe: Recipe) -> list[_Setting]:
    pictures = np.flatnonzero(table.training)
    labels = table.labels[pictures]
    rng = np.random.default_rng([recipe.seed, 7])
    drawn = pictures[resampling.bootstraps(labels, HEADS, rng)]
    few, top = drawn[:FEWER], table.top
    found = [_Setting("own", recipe.head_width, recipe, top, drawn)]
    found += [
        _Setting("width", width, recipe.replace(head_width=width), top, drawn)
        for width in WIDTHS
        if width != recipe.head_width
    ]
    for fraction in FRACTIONS:
        part = pictures[resampling.subsets(labels, fraction, HEADS, rng)]
        found.append(_Setting("data", part.shape[1], recipe, top, part))
    found += [_Setting("depth", name, recipe, name, drawn) for name in table.features if name != top]
    slower = recipe.replace(learning_rate=recipe.learning_rate / 10)
    longer = recipe.replace(epochs=LONGER * recipe.epochs)
    return [*found, _Setting("rate", 0.1, slower, top, few), _Setting("longer", LONGER, longer, top, few)]


def _train(table: Table, setting: _Setting, on_step: Callable[[int, int], None]) -> Trained:
    weights = np.ones(table.num_classes)
    if setting.recipe.class_weights:
        counts = np.maximum(1, np.bincount(table.labels[table.training], minlength=table.num_classes))
        weights = table.training.sum() / (table.num_classes * counts)
    found = table.features[setting.features]
    return heads.train(setting.recipe, found, table.labels, setting.drawn, weights, on_step)


@dataclass(frozen=True)
class _Judged:
    """What heads say of pictures they have not seen."""

    unseen: np.ndarray  # bool, (heads, pictures)
    guesses: np.ndarray  # class indices, (heads, pictures)
    mean: np.ndarray  # probabilities averaged over the heads that have not seen a picture, (pictures, classes)
    shares: np.ndarray  # of those heads that name each class, (pictures, classes)
    parts: Decomposition
    wrong: np.ndarray  # bool, (heads, pictures)
    num_classes: int
    labels: np.ndarray

    @classmethod
    def of(cls, table: Table, setting: _Setting, trained: Trained) -> "_Judged":
        unseen = resampling.unseen(setting.drawn, len(table.labels))
        probabilities = np.nan_to_num(trained.probabilities)
        guesses = probabilities.argmax(axis=2)
        guessed = shares(guesses, unseen, table.num_classes)
        judges = unseen.sum(axis=0)
        mean = np.einsum("hp,hpc->pc", unseen, probabilities) / np.maximum(judges, 1)[:, None]
        true = np.eye(table.num_classes)[table.labels]
        wrong = guesses != table.labels
        parts = decompose(guessed, true, judges)
        return cls(unseen, guesses, mean, guessed, parts, wrong, table.num_classes, table.labels)

    def row(self, setting: _Setting, trained: Trained) -> dict[str, Any]:
        """Figures of one point of an axis, shares in 0..1: None where no picture could be judged twice."""
        each = [float(wrong[~seen].mean()) for wrong, seen in zip(self.wrong, ~self.unseen, strict=True)]
        by_class = [_mean(self.parts.error[self.labels == index]) for index in range(self.num_classes)]
        return {
            "axis": setting.axis,
            "value": setting.value,
            "error": _mean(self.parts.error),
            "bias": _mean(self.parts.bias),
            "variance": _mean(self.parts.variance),
            "low": float(np.quantile(each, 0.1)),
            "high": float(np.quantile(each, 0.9)),
            "training_error": float(self.wrong[~self.unseen].mean()),
            "losses": [float(loss) if math.isfinite(loss) else None for loss in trained.losses.mean(axis=0)],
            "by_class": by_class,
        }

    def pictures(self, table: Table) -> dict[str, Any]:
        """Training pictures whose label the heads deny, pictures they differ on, and how sure they are of either."""
        judged = table.training & (self.unseen.sum(axis=0) >= 3)
        others = self.shares.copy()
        others[np.arange(len(others)), table.labels] = 0.0
        against = judged & (np.nan_to_num(others).max(axis=1) >= AGREE)
        ordered = np.sort(self.mean, axis=1)
        margin = ordered[:, -1] - ordered[:, -2]
        kept = judged & ~against
        denied = _largest(np.where(against, margin, -1), int(against.sum()))
        unsteady = _largest(np.nan_to_num(self.parts.variance), SHOWN)
        said = others.argmax(axis=1)
        return {
            "against": float(against.sum() / max(1, judged.sum())),
            "sure_against": _median(margin[against]),
            "sure_else": _median(margin[kept]),
            "pictures": {
                "against": [[int(row), int(said[row])] for row in denied],
                "unsteady": [[int(row), int(np.nan_to_num(others[row]).argmax())] for row in unsteady],
            },
        }


def _largest(values: np.ndarray, most: int) -> np.ndarray:
    """Positions of the largest values, the largest first, none that is 0 or less."""
    order = np.argsort(-values, kind="stable")[: min(most, SHOWN)]
    return order[values[order] > 0]


def _mean(values: np.ndarray) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def _median(values: np.ndarray) -> float | None:
    return float(np.median(values)) if len(values) else None


def _named(found: dict[str, list[list[int]]], manifest: pd.DataFrame) -> dict[str, list[list[Any]]]:
    """Pictures by their digest in place of their row: sha256, class index of another class that heads name."""
    shas = list(manifest["sha256"])
    return {kind: [[shas[row], said] for row, said in rows] for kind, rows in found.items()}
