"""One phase of training: freeze, compile, `model.fit`."""

from pathlib import Path

import keras
import numpy as np

from dashboard.core.recipe import FINE_TUNING, Phase, Recipe
from dashboard.core.schedules import SCHEDULES
from dashboard.ml import callbacks, classifier, cut, rates, standing
from dashboard.ml.material import Data
from dashboard.ml.standing import Standing
from dashboard.ml.steering import Steering
from dashboard.runs.run import Run
from dashboard.runs.steering import Plan

ENDLESS = 1_000_000_000  # epochs; `callbacks.LastEpoch` knows the last one


def compile_part(
    part: keras.Model, recipe: Recipe, learning_rate: float, factors: dict[str, float] | None = None
) -> None:
    """Make a model ready for `fit`: optimizer, loss and accuracy as the recipe says.

    Args:
        part: what is trained.
        recipe: of the run.
        learning_rate: the one of the phase.
        factors: as of `rates.optimizer`; None where all learn at one rate.
    """
    part.compile(
        optimizer=rates.optimizer(recipe.optimizer, learning_rate, factors or {}),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
    )
    part.optimizer.build(part.trainable_variables)


def lowest_block(model: keras.Model, phase: Phase, recipe: Recipe, lowered: int = 0) -> str | None:
    """The lowest block that learns in a phase; None where only the head does.

    Args:
        model: what `classifier.build` returned.
        phase: of the recipe.
        recipe: of the run.
        lowered: how many blocks were thawed below the one the phase began with.
    """
    if phase.name != FINE_TUNING:
        return None
    blocks = cut.blocks(classifier.backbone_of(model))
    # Random blocks know nothing worth keeping.
    advised = blocks[0].name if recipe.weights == "none" else cut.default_unfreeze_from(blocks)
    names = [block.name for block in blocks]
    return names[max(0, cut.position(names, recipe.unfreeze_from or advised) - lowered)]


def stage(model: keras.Model, unfreeze_from: str | None, recipe: Recipe, thawed: int) -> list[str]:
    """Freeze and thaw for what follows; returns the blocks that are still to be thawed, from the lowest up.

    Args:
        model: what `classifier.build` returned.
        unfreeze_from: the lowest block that learns in this phase.
        recipe: says whether blocks are thawed one by one.
        thawed: how many were since the phase began.
    """
    waiting: list[str] = []
    lowest = unfreeze_from
    if unfreeze_from is not None and recipe.gradual_thawing:
        names = [block.name for block in cut.blocks(classifier.backbone_of(model))]
        learning = names[cut.position(names, unfreeze_from) :]
        at = max(0, len(learning) - 1 - thawed)
        waiting, lowest = learning[:at], learning[at]
    classifier.freeze(model, lowest, train_batch_normalization=recipe.train_batch_normalization)
    return waiting


def fit(
    model: keras.Model,
    data: Data,
    run: Run,
    phase: Phase,
    progress: Standing,
    unfreeze_from: str | None = None,
    resume_from: Path | None = None,
    *,
    plan: Plan,
) -> None:
    """Train one phase to its end, to its early end, or to where a block is thawed whose features are needed first;
    afterwards the model has its best weights.

    Args:
        model: the whole classifier; stays uncompiled.
        data: the part of it that `fit` is given, and on what.
        run: gets events and checkpoints.
        phase: which layers, how long, how fast.
        progress: how far the run has come; changed with every batch and epoch.
        unfreeze_from: the lowest block that learns in this phase; None where only the head does.
        resume_from: checkpoint of this phase whose weights the model has already.
        plan: what is changed on the way.

    Raises:
        StopRequested: somebody asked for the end; the model has the best weights so far.
        PauseRequested: somebody asked to go on another time.
        RunError: `loss-not-finite`.
    """
    while True:
        waiting = stage(model, unfreeze_from, run.recipe, progress.thawed)
        thawed = progress.thawed
        compile_part(data.part, run.recipe, phase.learning_rate, rates.factors(model, run.recipe, phase))
        if resume_from and progress.epoch > progress.stage_start:
            standing.load_optimizer(resume_from, data.part.optimizer)
        elif resume_from and progress.epoch > progress.phase_start:  # killed between two stages
            standing.load_best(run.path, progress, model, run.recipe)
        _fit_stage(model, data, run, phase, progress, waiting, _below(model, unfreeze_from), plan)
        resume_from = None
        if progress.thawed == thawed:
            return


def _below(model: keras.Model, unfreeze_from: str | None) -> str | None:
    """The highest block that is no part of what learns; None where there is none."""
    names = [block.name for block in cut.blocks(classifier.backbone_of(model))]
    position = len(names) if unfreeze_from is None else cut.position(names, unfreeze_from)
    return names[position - 1] if position else None


def _fit_stage(
    model: keras.Model,
    data: Data,
    run: Run,
    phase: Phase,
    progress: Standing,
    waiting: list[str],
    below: str | None,
    plan: Plan,
) -> None:
    """One call of `model.fit`, with all that watches it."""
    part = data.part
    schedule = callbacks.Schedule(run.recipe, phase, progress, len(data.train))
    recorder = callbacks.Recorder(run, progress, data.train)
    allowed = max(phase.patience, 2) if waiting else phase.patience  # the next block is thawed before it runs out
    patience = callbacks.Patience(run, progress, allowed, best_weights(model, part, run, progress))
    data.train.start_at(progress.epoch)
    plateau = [callbacks.Plateau(run, progress, phase.patience)] if SCHEDULES[run.recipe.schedule].on_plateau else []
    try:
        part.fit(
            data.train,
            validation_data=data.validation,
            initial_epoch=progress.epoch,
            epochs=ENDLESS,
            class_weight=data.class_weight,
            shuffle=False,  # the order is the dataset's own: Keras repeats one order in every epoch
            verbose=0,
            callbacks=[
                callbacks.SeedEpoch(run.recipe.seed, data.train),
                Steering(run, progress, plan, schedule),
                schedule,
                recorder,
                callbacks.FiniteLoss(progress),
                patience,
                *plateau,
                callbacks.LastEpoch(progress, phase),
                callbacks.Thawing(run, progress, phase.patience, waiting, below, phase),
                callbacks.Checkpoint(run, progress, model),
                callbacks.StopOnRequest(run, progress),
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
    if progress.best_epoch == progress.epoch or progress.epoch in (progress.phase_start, progress.stage_start):
        return list(part.get_weights())  # a phase, and every stage of it, begins with the best weights there are
    current = model.get_weights()
    if not standing.load_best(run.path, progress, model, run.recipe):
        progress.best_loss, progress.best_epoch = None, 0
        return None
    found = list(part.get_weights())
    model.set_weights(current)
    return found
