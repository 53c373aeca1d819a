"""One phase of training: freeze, compile, `model.fit`."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from dashboard.core.optimizers import OPTIMIZERS
from dashboard.core.recipe import FINE_TUNING, Phase, Recipe
from dashboard.data.labels import TRAIN, VALIDATION
from dashboard.ml import callbacks, classifier, cut, standing
from dashboard.ml.pictures import Pictures
from dashboard.ml.standing import Standing
from dashboard.runs.run import Run


@dataclass(frozen=True)
class Data:
    """The two splits a phase sees, and how much a picture of each class counts (None: all the same)."""

    train: Pictures
    validation: Pictures
    class_weight: dict[int, float] | None


def load(run: Run) -> Data:
    """The pictures of a run as batches."""
    recipe, manifest = run.recipe, run.manifest
    train = manifest[manifest["split"] == TRAIN]
    validation = manifest[manifest["split"] == VALIDATION]
    counts = [max(1, int((train["class_name"] == name).sum())) for name in run.class_names]
    weights = {index: len(train) / (len(counts) * count) for index, count in enumerate(counts)}
    return Data(
        train=Pictures(train, run.class_names, recipe, training=True),
        validation=Pictures(validation, run.class_names, recipe, training=False),
        class_weight=weights if recipe.class_weights else None,
    )


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


def freeze_for(model: keras.Model, phase: Phase, recipe: Recipe) -> None:
    """Freeze and thaw as a phase wants it."""
    unfreeze_from = None
    if phase.name == FINE_TUNING:
        blocks = cut.blocks(classifier.backbone_of(model))
        # Random blocks know nothing worth keeping.
        advised = blocks[0].name if recipe.weights == "none" else cut.default_unfreeze_from(blocks)
        unfreeze_from = recipe.unfreeze_from or advised
    classifier.freeze(model, unfreeze_from, train_batch_normalization=recipe.train_batch_normalization)


def fit(
    model: keras.Model, data: Data, run: Run, phase: Phase, progress: Standing, resume_from: Path | None = None
) -> None:
    """Train one phase to its end, or to its early end; afterwards the model has its best weights.

    Args:
        model: the whole classifier; stays uncompiled.
        data: the pictures.
        run: gets events and checkpoints.
        phase: which layers, how long, how fast.
        progress: how far the run has come; changed with every batch and epoch.
        resume_from: checkpoint of this phase whose weights the model has already.

    Raises:
        StopRequested: somebody asked for the end; the model has the best weights so far.
        RunError: `loss-not-finite`.
    """
    freeze_for(model, phase, run.recipe)
    part = classifier.trainable_part(model)
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
