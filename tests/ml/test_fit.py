"""What a phase of training promises: the truth about every batch, the best weights, statistics that stay still."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from dashboard.core.errors import RunError
from dashboard.core.optimizers import OPTIMIZERS
from dashboard.core.recipe import FINE_TUNING
from dashboard.ml import classifier, fit, material, standing, train, weights
from dashboard.ml.callbacks import StopRequested
from dashboard.ml.material import Data
from dashboard.ml.standing import Standing
from dashboard.runs import checkpoints, events
from dashboard.runs.run import Run

pytestmark = pytest.mark.slow


def trained(run: Run) -> tuple[keras.Model, Standing, Data]:
    """A run's phases one after the other in this process; with what the last one trained, and on what."""
    model = classifier.build(run.recipe, run.class_names)
    weights.load(model, run.recipe)
    standing.save_base(run.path, model)
    progress = Standing()
    for phase in run.recipe.phases:
        progress.begin(phase.name)
        unfreeze_from = fit.lowest_block(model, phase, run.recipe)
        data = train.data_of(model, run, unfreeze_from, progress)
        fit.fit(model, data, run, phase, progress, unfreeze_from)
    return model, progress, data


def test_a_batch_is_told_by_itself_and_not_as_a_mean_since_the_epoch_began(
    make_run: Callable[..., Run], lively: dict[str, Any]
) -> None:
    """By hand: without dropout, steps of SGD so small that the weights stay, so every batch can be computed again."""
    run = make_run(
        **lively, epochs=2, fine_tune_epochs=0, dropout=0, optimizer="SGD", learning_rate=1e-12, batch_size=6
    )
    _, _, data = trained(run)
    part, pictures = data.part, data.train
    expected = []
    for epoch in (0, 1):
        pictures.start_at(epoch)
        for batch, labels in (pictures[index] for index in range(len(pictures))):
            probabilities = part.predict_on_batch(batch)
            loss = -np.log((probabilities * labels).sum(axis=1)).mean()
            expected.append((loss, (probabilities.argmax(axis=1) == labels.argmax(axis=1)).mean()))
    said = events.batches(events.read(run.events_path))
    assert list(said["step"]) == list(range(1, len(expected) + 1))
    np.testing.assert_allclose(said[["loss", "accuracy"]].to_numpy(), expected, rtol=1e-4, atol=1e-6)
    assert said["loss"].nunique() > 2
    sizes = [pictures.size(index) for index in range(len(pictures))]
    means = [np.average(said["loss"][said["epoch"] == epoch], weights=sizes) for epoch in (1, 2)]
    np.testing.assert_allclose(run.history()["loss"], means, rtol=1e-6)


def test_fine_tuning_leaves_the_statistics_of_batch_normalization_bit_identical(
    make_run: Callable[..., Run], lively: dict[str, Any]
) -> None:
    run = make_run(**lively, epochs=1, fine_tune_epochs=1, unfreeze_from="block_14", fine_tune_learning_rate=1e-2)
    before = classifier.build(run.recipe, run.class_names)
    weights.load(before, run.recipe)
    after, _, _ = trained(run)
    standing.load(checkpoints.path(run.path, 2), after)  # epoch 2 itself, should epoch 1 have been the better one
    changed = {}
    for old, new in zip(before.weights, after.weights, strict=True):
        changed[new.path] = not np.array_equal(old.numpy(), new.numpy())
    normalizations = [layer for layer in after.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert not [weight.path for layer in normalizations for weight in layer.weights if changed[weight.path]]
    assert changed["block_14_expand/kernel"], "the thawed block must have learned, or stillness proves nothing"
    assert changed["Conv_1/kernel"]
    assert not changed["block_13_expand/kernel"]


def test_early_stopping_says_so_and_puts_the_best_weights_back(
    make_run: Callable[..., Run], lively: dict[str, Any]
) -> None:
    """A learning rate far too high: validation loss jumps, patience runs out."""
    run = make_run(**lively, epochs=30, fine_tune_epochs=0, patience=2, learning_rate=0.5, dropout=0)
    _, progress, data = trained(run)
    history = run.history()
    best = int(history["validation_loss"].idxmin()) + 1
    assert len(history) == best + 2 < 30
    assert (progress.best_epoch, progress.wait) == (best, 2)
    marks = events.marks(events.read(run.events_path))
    text = marks[marks["kind"] == "early stopping"]["text"].item()
    assert text == (
        f"Training stopped at epoch {best + 2}: validation loss had not improved for 2 epochs. "
        f"Weights of epoch {best} kept."
    )
    assert marks[marks["kind"] == "best"]["epoch"].tolist() == [best]
    fit.compile_part(data.part, run.recipe, 1e-3)
    again = data.part.evaluate(data.validation, verbose=0, return_dict=True)
    assert again["loss"] == pytest.approx(history["validation_loss"].min(), rel=1e-5)


def test_fine_tuning_never_ends_worse_than_it_began(make_run: Callable[..., Run], lively: dict[str, Any]) -> None:
    """Without a cache: the best loss was said of features at another cut, rounded to float16 elsewhere."""
    thawed = {"fine_tune_epochs": 3, "fine_tune_learning_rate": 1.0, "unfreeze_from": "block_15"}
    run = make_run(**lively, **thawed, epochs=3, patience=2, learning_rate=1e-2, cache=False)
    _, progress, data = trained(run)
    history = run.history()
    assert history["phase"].tolist()[3:] == [FINE_TUNING] * (len(history) - 3)
    assert history["epoch"].tolist() == list(range(1, len(history) + 1))
    assert progress.best_loss == pytest.approx(history["validation_loss"].min())
    fit.compile_part(data.part, run.recipe, 1e-3)
    again = data.part.evaluate(data.validation, verbose=0, return_dict=True)
    assert again["loss"] == pytest.approx(progress.best_loss, rel=1e-5)


def test_a_stop_ends_within_a_batch_and_counts_no_half_epoch(
    make_run: Callable[..., Run], lively: dict[str, Any]
) -> None:
    run = make_run(**lively, epochs=5, fine_tune_epochs=0, cache=False)
    run.request_stop()
    with pytest.raises(StopRequested):
        trained(run)
    said = events.read(run.events_path)
    assert len(events.batches(said)) == 1
    assert run.history().empty


def test_a_stop_while_features_are_computed_ends_the_run_before_its_first_batch(
    make_run: Callable[..., Run], lively: dict[str, Any]
) -> None:
    run = make_run(**lively, epochs=5, fine_tune_epochs=0)
    run.request_stop()
    with pytest.raises(StopRequested):
        trained(run)
    assert events.batches(events.read(run.events_path)).empty


def test_a_loss_that_is_no_number_ends_the_run_and_names_the_batch(
    make_run: Callable[..., Run], lively: dict[str, Any]
) -> None:
    run = make_run(**lively, epochs=5, fine_tune_epochs=0, learning_rate=1.0, optimizer="SGD", batch_size=8)
    model = classifier.build(run.recipe, run.class_names)
    model.get_layer("probabilities").kernel.assign(np.full((1280, 4), math.nan))
    progress = Standing()
    progress.begin("feature extraction")
    with pytest.raises(RunError, match="The loss at batch 1 of epoch 1 is not a finite number") as refusal:
        fit.fit(model, material.pictures(material.of_run(run), model), run, run.recipe.phases[0], progress)
    assert refusal.value.code == "loss-not-finite"


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_trains(make_run: Callable[..., Run], optimizer: str) -> None:
    """On a head alone: what is below it is the same for all of them."""
    recipe = make_run(optimizer=optimizer, label_smoothing=0.1).recipe
    head = keras.Sequential([keras.Input((8,)), keras.layers.Dense(2, activation="softmax")])
    fit.compile_part(head, recipe, learning_rate=1e-2)
    features = np.random.default_rng(0).normal(size=(32, 8)).astype("float32")
    labels = np.eye(2, dtype="float32")[(features[:, 0] > 0).astype(int)]
    losses = [float(head.train_on_batch(features, labels, return_dict=True)["loss"]) for _ in range(60)]
    assert losses[-1] < losses[0] - 0.01
