"""One candidate of a bake-off: how good a linear classifier on its frozen features is, and how quick the backbone is.

The features are those a run would use, from the same store: what is computed here is not computed again there, and the
other way round. Only training and validation pictures are read; the test split stays unseen.
"""

import itertools
import time
import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import asdict

import keras
import numpy as np

from dashboard.core.candidates import Costs, Score, expected_costs
from dashboard.core.errors import DatasetError
from dashboard.core.recipe import Recipe
from dashboard.data import weights as weights_files
from dashboard.data.datasets import picture_path
from dashboard.data.labels import TRAIN, VALIDATION
from dashboard.ml import classifier, material, weights
from dashboard.ml import prefix as engine
from dashboard.ml.material import Data, Material
from dashboard.ml.pictures import Reader
from dashboard.runs import cache

FOLDS = 5
ROUNDS = 5  # timed after one that only warms up
AT_ONCE = engine.BATCH * engine.IN_FLIGHT  # pictures of a round: as many as are computed at the same time
LONGEST = 15.0  # seconds of timing, after which no further round is begun
ITERATIONS = 300  # of the solver; on standardized features the answers stand still long before

Progress = Callable[[int, int, str], None]


def bake_off(recipe: Recipe, on_progress: Progress) -> Score:
    """Measure one backbone on the training and validation pictures of the recipe's dataset.

    Args:
        recipe: names dataset, backbone, image size, precision and starting weights; the rest is left alone.
        on_progress: called with done, total (both about milliseconds) and what is done.

    Raises:
        DatasetError: the dataset does not exist, a class has fewer than two pictures, or there is one class only.
        WeightsError: as of `weights.load`.
        RunError: `disk-full`.
    """
    began = time.monotonic()
    weights_files.require(recipe)  # before anything is built
    given = material.of_recipe(recipe.replace(augmentation=()))  # pictures as they are, which augmentation begins with
    folds = num_folds(given)
    count = len(given.train) + len(given.validation)
    told = _Told(on_progress, recipe.network_name, expected_costs(recipe, count))
    keras.utils.clear_session(free_memory=False)
    model = classifier.build(given.recipe, given.class_names)
    weights.load(model, given.recipe)
    told("building", 1, 1, "getting ready for the pictures")
    try:
        data = material.cached(given, model, None, lambda done, total: told("features", done, total, "seeing pictures"))
        features, labels = table(data)
    finally:
        cache.give_back()
    prefix, _ = classifier.split(model, None)
    told("features", 1, 1, "getting ready to measure the time")
    took = milliseconds(prefix, given, lambda done: told("timing", done, ROUNDS + 1, "measuring the time"))
    found = out_of_fold(
        features, labels, folds, recipe.seed, lambda done: told("fitting", done, folds, "telling the classes apart")
    )
    backbone = classifier.backbone_of(model)
    return Score(
        right=int((found == labels).sum()),
        count=count,
        folds=folds,
        milliseconds=took,
        megabytes=sum(weight.numpy().nbytes for weight in backbone.weights) / 1e6,
        parameters=int(backbone.count_params()),
        precision=given.precision,
        engine=engine.engine_name(),
        seconds=time.monotonic() - began,
    )


class _Told:
    """Progress over pieces of work of different lengths; a piece that was skipped counts as done."""

    def __init__(self, on_progress: Progress, name: str, costs: Costs) -> None:
        self.on_progress, self.name, self.costs = on_progress, name, asdict(costs)

    def __call__(self, piece: str, done: int, total: int, text: str) -> None:
        before = itertools.takewhile(lambda name: name != piece, self.costs)
        seconds = sum(self.costs[name] for name in before) + self.costs[piece] * done / total
        self.on_progress(round(seconds * 1000), round(sum(self.costs.values()) * 1000), f"{self.name}, {text}")


def num_folds(given: Material) -> int:
    """Five, or as many as the smallest class has pictures to train and validate with.

    Raises:
        DatasetError: `bake-off-one-class`, `bake-off-class-too-small`.
    """
    counts = given.manifest[given.manifest["split"].isin([TRAIN, VALIDATION])]["class_name"].value_counts()
    if len(counts) < 2:
        raise DatasetError("bake-off-one-class", "To compare backbones there must be two classes. Add another class.")
    if counts.min() < 2:
        raise DatasetError(
            "bake-off-class-too-small",
            f"Class '{counts.idxmin()}' has one picture outside the test split; to compare backbones it needs two, "
            "one to learn from and one to judge by. Add a picture, or split anew.",
        )
    return min(FOLDS, int(counts.min()))


def table(data: Data) -> tuple[np.ndarray, np.ndarray]:
    """Features and classes of the training pictures, then of the validation pictures.

    Returns:
        Float32, shape (pictures, channels), and class indices, shape (pictures,).
    """
    splits = (data.train, data.validation)
    features = [rows.inputs(np.arange(len(rows.shas)), 0)[0] for rows in splits]
    return np.concatenate(features), np.concatenate([rows.labels.argmax(axis=1) for rows in splits])


def out_of_fold(
    features: np.ndarray, labels: np.ndarray, folds: int, seed: int, on_fold: Callable[[int], None]
) -> np.ndarray:
    """Predict each picture by a linear classifier that was fitted without it: logistic regression on standardized
    features, stratified k-fold (a linear probe: Alain and Bengio, "Understanding intermediate layers using linear
    classifier probes", 2016).

    Args:
        features: shape (pictures, channels).
        labels: class indices, shape (pictures,).
        folds: 2 or more; every class has at least as many pictures.
        seed: decides the folds; the same for every candidate, so that all are judged alike.
        on_fold: called with the number of folds done.

    Returns:
        Predicted class indices, shape (pictures,).
    """
    from sklearn.exceptions import ConvergenceWarning  # seconds of import that no other answer of a worker needs
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    found = np.empty_like(labels)
    parts = StratifiedKFold(folds, shuffle=True, random_state=seed).split(features, labels)
    for number, (fitted, held_out) in enumerate(parts, start=1):
        probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=ITERATIONS))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # what is left to gain does not change an order
            probe.fit(features[fitted], labels[fitted])
        found[held_out] = probe.predict(features[held_out])
        on_fold(number)
    return found


def milliseconds(prefix: keras.Model, given: Material, on_round: Callable[[int], None]) -> float:
    """Time the frozen backbone takes for a picture when it computes many, as a run does: the median of several rounds
    on real pictures, decoded before the clock starts.

    Args:
        prefix: as of `classifier.split`.
        given: the pictures; they are repeated where there are fewer than a round needs.
        on_round: called with the number of rounds done, the first of which only warms up.
    """
    shas = np.resize(given.train["sha256"].to_numpy(), AT_ONCE)
    pictures = list(Reader(given.recipe.image_size).batches([picture_path(sha) for sha in shas], engine.BATCH))
    running = engine.open_engine(prefix, given.precision)
    times: list[float] = []
    while len(times) < 2 or (len(times) <= ROUNDS and sum(times) < LONGEST):
        began = time.perf_counter()
        deque(running.outputs(pictures), maxlen=0)
        times.append(time.perf_counter() - began)
        on_round(len(times))
    return float(np.median(times[1:])) / AT_ONCE * 1000
