"""One phase of training: freeze, compile, `model.fit`."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from dashboard.core.optimizers import OPTIMIZERS
from dashboard.core.recipe import FINE_TUNING, Phase, Recipe
from dashboard.data.labels import TRAIN, VALIDATION
from dashboard.ml import callbacks, classifier, cut, features, standing
from dashboard.ml import prefix as engine
from dashboard.ml.features import Features
from dashboard.ml.pictures import Pictures, Rows
from dashboard.ml.standing import Standing
from dashboard.runs.run import Run


@dataclass(frozen=True)
class Data:
    """What a phase trains, on which two splits, and how much a picture of each class counts (None: all the same)."""

    part: keras.Model
    train: Rows
    validation: Rows
    class_weight: dict[int, float] | None


def pictures(run: Run, model: keras.Model) -> Data:
    """The whole network on the pictures themselves, computed anew in every epoch."""
    train, validation = _splits(run)
    return Data(
        part=classifier.trainable_part(model),
        train=Pictures(train, run.class_names, run.recipe, training=True),
        validation=Pictures(validation, run.class_names, run.recipe, training=False),
        class_weight=_class_weight(run, train),
    )


def cached(run: Run, model: keras.Model, unfreeze_from: str | None, on_progress: features.OnProgress) -> Data:
    """What learns of the network, on what the rest made of the pictures; computes what is not kept yet.

    Args:
        unfreeze_from: name of the lowest block that learns; None where only the head does.
        on_progress: as of `features.fill`.
    """
    recipe = run.recipe
    prefix, suffix = classifier.split(model, unfreeze_from)
    precision = engine.best_precision() if recipe.precision == "auto" else recipe.precision
    store = features.open_store(prefix, unfreeze_from, recipe, precision)
    train, validation = _splits(run)
    features.fill(store, prefix, [*train["sha256"], *validation["sha256"]], recipe, precision, on_progress)
    return Data(
        part=suffix,
        train=Features(train, run.class_names, recipe, store, training=True),
        validation=Features(validation, run.class_names, recipe, store, training=False),
        class_weight=_class_weight(run, train),
    )


def _splits(run: Run) -> tuple[pd.DataFrame, pd.DataFrame]:
    manifest = run.manifest
    return manifest[manifest["split"] == TRAIN], manifest[manifest["split"] == VALIDATION]


def _class_weight(run: Run, train: pd.DataFrame) -> dict[int, float] | None:
    if not run.recipe.class_weights:
        return None
    counts = [max(1, int((train["class_name"] == name).sum())) for name in run.class_names]
    return {index: len(train) / (len(counts) * count) for index, count in enumerate(counts)}


def compile_part(part: keras.Model, recipe: Recipe, learning_rate: float) -> None:
    """Make a model ready for `fit`: optimizer, loss and accuracy as the recipe says."""
    builder = getattr(keras.optimizers, OPTIMIZERS[recipe.optimizer].builder)
    momentum = {"momentum": 0.9} if recipe.optimizer == "SGD" else {}
    part.compile(
        optimizer=builder(learning_rate=learning_rate, **momentum),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
    )
    part.optimizer.build(part.trainable_variables)


def freeze_for(model: keras.Model, phase: Phase, recipe: Recipe) -> str | None:
    """Freeze and thaw as a phase wants it; returns the lowest block that learns, None where only the head does."""
    unfreeze_from = None
    if phase.name == FINE_TUNING:
        blocks = cut.blocks(classifier.backbone_of(model))
        # Random blocks know nothing worth keeping.
        advised = blocks[0].name if recipe.weights == "none" else cut.default_unfreeze_from(blocks)
        unfreeze_from = recipe.unfreeze_from or advised
    classifier.freeze(model, unfreeze_from, train_batch_normalization=recipe.train_batch_normalization)
    return unfreeze_from


def fit(
    model: keras.Model, data: Data, run: Run, phase: Phase, progress: Standing, resume_from: Path | None = None
) -> None:
    """Train one phase to its end, or to its early end; afterwards the model has its best weights.

    Args:
        model: the whole classifier; stays uncompiled.
        data: the part of it that `fit` is given, and on what.
        run: gets events and checkpoints.
        phase: which layers, how long, how fast.
        progress: how far the run has come; changed with every batch and epoch.
        resume_from: checkpoint of this phase whose weights the model has already.

    Raises:
        StopRequested: somebody asked for the end; the model has the best weights so far.
        RunError: `loss-not-finite`.
    """
    part = data.part
    compile_part(part, run.recipe, phase.learning_rate)
    if resume_from:
        standing.load_optimizer(resume_from, part.optimizer)
    last_epoch = progress.phase_start + phase.epochs
    recorder = callbacks.Recorder(run, progress, data.train)
    patience = callbacks.Patience(run, progress, phase.patience, best_weights(model, part, run, progress))
    data.train.start_at(progress.epoch)
    try:
        part.fit(
            data.train,
            validation_data=data.validation,
            initial_epoch=progress.epoch,
            epochs=last_epoch,
            class_weight=data.class_weight,
            shuffle=False,  # the order is the dataset's own: Keras repeats one order in every epoch
            verbose=0,
            callbacks=[
                callbacks.SeedEpoch(run.recipe.seed, data.train),
                recorder,
                callbacks.FiniteLoss(progress),
                patience,
                callbacks.Checkpoint(run, progress, model, last_epoch),
                callbacks.StopOnRequest(run),
            ],
        )
    except callbacks.StopRequested:
        patience.on_train_end()  # `fit` did not come to it; it puts the best weights back
        raise
    finally:
        recorder.flush()


def best_weights(model: keras.Model, part: keras.Model, run: Run, progress: Standing) -> list[np.ndarray] | None:
    """The weights of the best epoch so far, in the order of `part.weights`; the model keeps those it has.

    None when there is no best epoch, or its checkpoint is gone; then the next epoch is the best.
    """
    if not progress.best_epoch:
        return None
    if progress.best_epoch == progress.epoch or progress.epoch == progress.phase_start:
        return list(part.get_weights())  # a phase begins with the best weights there are
    current = model.get_weights()
    if not standing.load_best(run.path, progress, model):
        progress.best_loss, progress.best_epoch = None, 0
        return None
    found = list(part.get_weights())
    model.set_weights(current)
    return found
