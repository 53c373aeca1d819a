"""Times a few real batches of a recipe: what a run of it will cost, measured by the very code that will run.

What the frozen part makes of the measured pictures is kept like any other features: the run need not compute it again.
"""

import itertools
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from dashboard.core import files, machine
from dashboard.core.promise import Part, Whole
from dashboard.core.recipe import FEATURE_EXTRACTION, FINE_TUNING, Phase, Recipe
from dashboard.core.settings import workspace
from dashboard.data.datasets import picture_path
from dashboard.ml import callbacks, classifier, cut, evaluate, features, fit, material, memory, rates, train
from dashboard.ml import prefix as engine
from dashboard.ml.material import Data, Material
from dashboard.ml.pictures import Augmentation, Pictures, Reader
from dashboard.ml.standing import Standing
from dashboard.runs import cache
from dashboard.runs.run import MANIFEST_COLUMNS, Run

# How long a new process takes to come this far: a run's process begins the same way.
START_SECONDS = memory.process_seconds()

SAMPLE = 128  # pictures, at most
FEWEST = 16  # pictures a rate is judged by, where there are as many
TIMED = 2.0  # seconds of computing what is frozen, and of steps, where they are quick
STEPS = 8  # at most
BACKWARD = 2  # every activation is kept for its gradient, which is as large
SAFE = 0.5  # of the free memory that measuring may take

OnProgress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Bench:
    """What parts are measured on: a network with its starting weights, some training pictures and a scratch run."""

    material: Material
    model: keras.Model
    sample: pd.DataFrame
    run: Run
    blocks: tuple[str, ...]

    @property
    def recipe(self) -> Recipe:
        return self.material.recipe


def measure(what: Material, cuts: list[str | None], on_progress: OnProgress) -> tuple[Whole, list[Part]]:
    """Measure a network as a whole, and what training costs at some cuts.

    Memory is the peak of this whole process: only in a fresh one it is what a run will have.

    Args:
        what: a recipe, of which epochs, number of views and cut decide nothing, and its pictures.
        cuts: lowest blocks that learn; None for the head alone.
        on_progress: called with steps done, steps there are, and what comes next.

    Raises:
        BackboneError: `block-unknown`.
        DatasetError: there are no training pictures, or no validation ones.
        WeightsError: as `weights.load`.
    """
    recipe = what.recipe
    total = 2 + 2 * len(cuts)
    steps = itertools.count()

    def say(text: str) -> None:
        on_progress(next(steps), total, text)

    place = workspace("cache", "measures", "scratch").parent
    try:
        with tempfile.TemporaryDirectory(prefix=".", dir=place) as folder:
            run = _scratch(Path(folder), what)
            train.check_pictures(run)
            say("Building the network")
            began = time.monotonic()
            model = classifier.build(recipe, what.class_names)
            train.begin(model, run)
            begin_seconds = time.monotonic() - began
            blocks = tuple(block.name for block in cut.blocks(classifier.backbone_of(model)))
            sample = what.train.sample(min(SAMPLE, len(what.train)), random_state=recipe.seed)
            bench = Bench(what, model, sample, run, blocks)
            parts = [_part(bench, each, say) for each in cuts]
            say("Checking pictures with the whole network")
            return _whole(bench, begin_seconds), parts
    finally:
        cache.give_back()
        keras.utils.clear_session(free_memory=True)


def _scratch(folder: Path, what: Material) -> Run:
    """A run directory that nobody lists: what training writes goes there, and away with it."""
    run = Run(folder)
    files.write_text(folder / "manifest.csv", what.manifest[MANIFEST_COLUMNS].to_csv(index=False))
    files.write_json(folder / "recipe.json", {"recipe": what.recipe.model_dump(mode="json")})
    return run


def _part(bench: Bench, unfreeze_from: str | None, say: Callable[[str], None]) -> Part:
    """One phase at one cut."""
    recipe = bench.recipe
    memory.forget_peak()
    before = memory.resident()
    where = "the head" if unfreeze_from is None else f"{unfreeze_from} and up"
    cached = recipe.cache and unfreeze_from != bench.blocks[0]
    stores: list[features.Store] = []
    frozen = Frozen(0.0, 1.0, 1.0, 0)
    say(f"Computing what stays frozen below {where}")
    if cached:
        prefix, part = classifier.split(bench.model, unfreeze_from)
        frozen, stores = _frozen(bench, prefix, unfreeze_from)
    else:
        part = classifier.trainable_part(bench.model)
    say(f"Training a few batches of {where}")
    classifier.freeze(bench.model, unfreeze_from, train_batch_normalization=recipe.train_batch_normalization)
    a_picture = BACKWARD * _activations(part)
    smaller = safe(recipe, a_picture)
    clock, trace_seconds, parameters = _steps(bench, part, stores, unfreeze_from, smaller)
    taken = memory.peak()
    return Part(
        cut=unfreeze_from,
        cached=cached,
        image_size=recipe.image_size,
        batch_size=smaller.batch_size,
        ready_seconds=frozen.ready_seconds,
        pictures_per_second=frozen.pictures_per_second,
        views_per_second=frozen.views_per_second,
        feature_bytes=frozen.feature_bytes,
        trace_seconds=trace_seconds,
        step_seconds=clock.step,
        validation_step_seconds=clock.validation_step,
        epoch_seconds=clock.beside,
        memory=taken,
        memory_a_picture=min(a_picture, max(0, taken - before) // smaller.batch_size),
        parameters=parameters,
        features=_key(stores, 0),
        view=_key(stores, 1),
    )


@dataclass(frozen=True)
class Frozen:
    """What stays frozen: seconds until it is ready, pictures and changed pictures a second, bytes of disk a picture."""

    ready_seconds: float
    pictures_per_second: float
    views_per_second: float
    feature_bytes: int


def _frozen(bench: Bench, prefix: keras.Model, unfreeze_from: str | None) -> tuple[Frozen, list[features.Store]]:
    """Time the frozen part, and keep what it makes of the sample's pictures; the stores are of the first two views."""
    recipe, precision = bench.recipe, bench.material.precision
    reader = Reader(recipe.image_size)
    shas = list(bench.sample["sha256"])
    began = time.monotonic()
    stores = [features.open_store(prefix, unfreeze_from, recipe, precision)]
    # As in a run, pictures are read meanwhile, and take their share of the processor.
    ahead = reader.batches([picture_path(sha) for sha in shas], engine.BATCH)
    running = engine.open_engine(prefix, precision)
    list(running.outputs([next(ahead)]))
    ready_seconds = time.monotonic() - began
    for _ in ahead:  # nothing is read any more when a rate is timed
        pass

    def compute(chosen: list[str], store: features.Store, view: int) -> float:
        """Pictures a second."""
        since = time.monotonic()
        seen = features.seen(reader, augmentation, chosen, view)
        made = [np.concatenate(tensors) for tensors in zip(*running.outputs(seen), strict=True)]
        rate = len(chosen) / (time.monotonic() - since)
        if store.missing(chosen) == chosen:
            store.add(chosen, made)
        return rate

    augmentation = Augmentation(recipe)
    first = shas[: engine.BATCH]
    rate = compute(first, stores[0], 0)
    count = max(FEWEST, int(rate * TIMED) // engine.BATCH * engine.BATCH)
    timed = shas[engine.BATCH :][:count] or first
    rate = compute(timed, stores[0], 0)
    views_rate = rate
    if recipe.augmentation:
        stores.append(features.open_store(prefix, unfreeze_from, recipe, precision, view=1))
        compute(first, stores[1], 1)
        views_rate = min(rate, compute(timed[: max(FEWEST, count // 2)], stores[1], 1))
    return Frozen(ready_seconds, rate, views_rate, material.bytes_of(prefix)), stores


def _activations(part: keras.Model) -> int:
    """Bytes of everything a network computes from one picture, float32, by the shapes of its layers."""
    tensors = [tensor for each in part.operations for tensor in _outputs(each)]
    return sum(4 * prod(int(side or 1) for side in tensor.shape[1:]) for tensor in tensors)


def _outputs(operation: keras.Operation) -> list[keras.KerasTensor]:
    made = operation.output
    return list(made) if isinstance(made, (list, tuple)) else [made]


def safe(recipe: Recipe, bytes_a_picture: int) -> Recipe:
    """The recipe with a batch that measuring can stand; memory and time are scaled up from it."""
    free = machine.available_memory()
    while free is not None and recipe.batch_size > 1 and recipe.batch_size * bytes_a_picture > SAFE * free:
        recipe = recipe.replace(batch_size=recipe.batch_size // 2)
    return recipe


class Clock(keras.callbacks.Callback):
    """Times an epoch, its steps, and all there is beside them. Comes last, so that others' work counts."""

    def on_epoch_begin(self, epoch: int, logs: callbacks.Logs = None) -> None:
        self.began = time.monotonic()
        self.steps: list[float] = []
        self.validation_steps: list[float] = []

    def on_train_batch_begin(self, batch: int, logs: callbacks.Logs = None) -> None:
        self.since = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: callbacks.Logs = None) -> None:
        self.steps.append(time.monotonic() - self.since)

    def on_test_batch_begin(self, batch: int, logs: callbacks.Logs = None) -> None:
        self.since = time.monotonic()

    def on_test_batch_end(self, batch: int, logs: callbacks.Logs = None) -> None:
        self.validation_steps.append(time.monotonic() - self.since)

    def on_epoch_end(self, epoch: int, logs: callbacks.Logs = None) -> None:
        self.total = time.monotonic() - self.began

    @property
    def step(self) -> float:
        """Seconds of a step; the first of an epoch waits for its pictures, which is `beside`."""
        return float(np.mean(self.steps[1:] or self.steps))

    @property
    def validation_step(self) -> float:
        return float(np.mean(self.validation_steps[1:] or self.validation_steps))

    @property
    def beside(self) -> float:
        """Seconds of an epoch that are no steps."""
        counted = len(self.steps) * self.step + len(self.validation_steps) * self.validation_step
        return max(0.0, self.total - counted)


def _steps(
    bench: Bench, part: keras.Model, stores: list[features.Store], unfreeze_from: str | None, recipe: Recipe
) -> tuple[Clock, float, int]:
    """Train some real batches as `fit.fit` does; the clock of the last epoch, seconds of tracing, parameters."""
    name = FEATURE_EXTRACTION if unfreeze_from is None else FINE_TUNING
    phase = Phase(name, 1, recipe.learning_rate, recipe.patience)
    fit.compile_part(part, recipe, phase.learning_rate, rates.factors(bench.model, recipe, phase))
    first = _epoch(bench, part, stores, recipe, phase, steps=1)
    clock = _epoch(bench, part, stores, recipe, phase, steps=2)
    trace_seconds = max(0.0, first.total - clock.beside - clock.step - clock.validation_step)
    more = min(STEPS, int(TIMED / clock.step))
    if more > 2:
        clock = _epoch(bench, part, stores, recipe, phase, steps=more)
    return clock, trace_seconds, sum(prod(each.shape) for each in part.trainable_variables)


def _epoch(
    bench: Bench, part: keras.Model, stores: list[features.Store], recipe: Recipe, phase: Phase, *, steps: int
) -> Clock:
    data = _data(bench, part, stores, recipe, steps)
    standing, clock = Standing(), Clock()
    standing.begin(phase.name)
    part.fit(
        data.train,
        validation_data=data.validation,
        epochs=1,
        class_weight=data.class_weight,
        shuffle=False,
        verbose=0,
        callbacks=[
            callbacks.SeedEpoch(recipe.seed, data.train),
            callbacks.Schedule(recipe, phase, standing, len(data.train)),
            callbacks.Recorder(bench.run, standing, data.train),
            callbacks.Patience(bench.run, standing, phase.patience, None),
            callbacks.Checkpoint(bench.run, standing, bench.model),
            clock,
        ],
    )
    return clock


def _data(bench: Bench, part: keras.Model, stores: list[features.Store], recipe: Recipe, steps: int) -> Data:
    """Batches of measured pictures, repeated where there are not enough of them."""
    known = bench.sample
    if stores:
        lacking = set(stores[0].missing(list(known["sha256"])))
        known = known[~known["sha256"].isin(lacking)]
    names = bench.material.class_names

    def rows(count: int) -> pd.DataFrame:
        return known.iloc[np.resize(np.arange(len(known)), count * recipe.batch_size)]

    def batches(count: int, training: bool) -> features.Features | Pictures:
        if stores:
            return features.Features(rows(count), names, recipe, stores[:1], training=training)
        return Pictures(rows(count), names, recipe, training=training)

    return Data(part, batches(steps, True), batches(min(steps, 2), False), bench.material.class_weight)


def _key(stores: list[features.Store], view: int) -> dict[str, object]:
    """What the features of a view are kept under; empty where they are not."""
    return dict(files.read_json(stores[view].folder / "key.json")) if view < len(stores) else {}


def _whole(bench: Bench, begin_seconds: float) -> Whole:
    """Saving the finished model and predicting picture files with it."""
    memory.forget_peak()
    recipe = bench.recipe
    began = time.monotonic()
    train.save(bench.run, bench.model)
    save_seconds = time.monotonic() - began
    paths = [picture_path(sha) for sha in bench.sample["sha256"]]
    began = time.monotonic()
    predicted = evaluate.probabilities(bench.model, recipe.image_size, paths)
    next(predicted)  # once it has been made ready, and has agreed with Keras
    ready_seconds = time.monotonic() - began
    done = 0
    began = time.monotonic()
    for batch in predicted:
        done += len(batch)
        if done >= FEWEST and time.monotonic() - began >= TIMED:
            break
    # Where all pictures went into the first batch, its pace is the cautious guess.
    rate = done / (time.monotonic() - began) if done else len(paths) / ready_seconds
    a_picture = _activations(classifier.trainable_part(bench.model))
    return Whole(
        image_size=recipe.image_size,
        start_seconds=START_SECONDS,
        begin_seconds=begin_seconds,
        save_seconds=save_seconds,
        check_ready_seconds=ready_seconds,
        check_pictures_per_second=rate,
        memory=memory.peak(),
        memory_a_picture=a_picture,
        parameters=bench.model.count_params(),
    )
