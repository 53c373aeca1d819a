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
from dashboard.core.schedules import learning_rate
from dashboard.ml import callbacks, classifier, fit, material, standing, train, weights
from dashboard.ml.callbacks import StopRequested
from dashboard.ml.material import Data
from dashboard.ml.standing import Standing
from dashboard.runs import checkpoints, events
from dashboard.runs.run import Run
from dashboard.runs.steering import Plan

pytestmark = pytest.mark.slow


def trained(run: Run) -> tuple[keras.Model, Standing, Data]:
    """A run's phases one after the other in this process; with what the last one trained, and on what."""
    model = classifier.build(run.recipe, run.class_names)
    weights.load(model, run.recipe)
    progress = Standing()
    for phase in run.recipe.phases:
        progress.begin(phase.name)
        unfreeze_from = fit.lowest_block(model, phase, run.recipe)
        data = train.data_of(model, run, unfreeze_from, progress)
        fit.fit(model, data, run, phase, progress, unfreeze_from, plan=Plan(run, 0))
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
    run = make_run(**lively, epochs=1, fine_tune_epochs=1, unfreeze_from="conv_12", fine_tune_learning_rate=1e-2)
    before = classifier.build(run.recipe, run.class_names)
    weights.load(before, run.recipe)
    after, _, _ = trained(run)
    standing.load(
        checkpoints.path(run.path, 2), after, run.recipe
    )  # epoch 2 itself, should epoch 1 have been the better one
    changed = {}
    for old, new in zip(before.weights, after.weights, strict=True):
        changed[new.path] = not np.array_equal(old.numpy(), new.numpy())
    normalizations = [layer for layer in after.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert not [weight.path for layer in normalizations for weight in layer.weights if changed[weight.path]]
    assert changed["conv_pw_12/kernel"], "the thawed block must have learned, or stillness proves nothing"
    assert changed["conv_pw_13/kernel"]
    assert not changed["conv_pw_11/kernel"]


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
    thawed = {"fine_tune_epochs": 3, "fine_tune_learning_rate": 1.0, "unfreeze_from": "conv_13"}
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
    model.get_layer("probabilities").kernel.assign(np.full((256, 4), math.nan))
    progress = Standing()
    progress.begin("feature extraction")
    with pytest.raises(RunError, match="The loss at batch 1 of epoch 1 is not a finite number") as refusal:
        fit.fit(
            model,
            material.pictures(material.of_run(run), model),
            run,
            run.recipe.phases[0],
            progress,
            plan=Plan(run, 0),
        )
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


def test_every_step_is_taken_at_the_rate_of_the_schedule(make_run: Callable[..., Run], lively: dict[str, Any]) -> None:
    run = make_run(**lively, epochs=3, fine_tune_epochs=0, schedule="one-cycle", warmup_epochs=1, learning_rate=1e-2)
    _, _, data = trained(run)
    said = events.batches(events.read(run.events_path))["learning_rate"].tolist()
    steps = len(data.train)
    expected = [learning_rate(1e-2, "one-cycle", step=step, steps=3 * steps, warmup=steps) for step in range(3 * steps)]
    np.testing.assert_allclose(said, expected, rtol=1e-5)


def test_a_stalled_loss_lowers_the_rate_and_says_so(make_run: Callable[..., Run], lively: dict[str, Any]) -> None:
    """A learning rate far too high: the loss stalls until it is lowered."""
    run = make_run(
        **lively, epochs=12, fine_tune_epochs=0, patience=6, learning_rate=0.3, schedule="reduce on plateau", dropout=0
    )
    _, progress, _ = trained(run)
    said = events.read(run.events_path)
    lowered = events.marks(said)[events.marks(said)["kind"] == "learning rate"]
    rates = events.batches(said)["learning_rate"]
    assert progress.reductions == len(lowered) > 0
    assert rates.iloc[0] == pytest.approx(0.3)
    assert rates.iloc[-1] == pytest.approx(0.3 * 0.2**progress.reductions, rel=1e-5)
    assert lowered["text"].str.contains("validation loss had stalled").all()


GRADUAL = {
    "epochs": 2,
    "fine_tune_epochs": 8,
    "fine_tune_learning_rate": 0.02,
    "unfreeze_from": "conv_11",
    "gradual_thawing": True,
    "patience": 2,
    "head_rate_factor": 2.0,
    "augmentation": ["flip"],
    "views": 2,
}


class Killed(BaseException):
    """As sudden as a process' end, and as uncaught."""


@pytest.mark.soak
def test_blocks_thaw_one_by_one_and_a_run_killed_as_one_does_ends_with_the_same_bytes(
    make_run: Callable[..., Run], lively: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run("whole", **lively, **GRADUAL)
    whole, _, _ = trained(run)
    marks = events.marks(events.read(run.events_path))
    thawed = marks[marks["kind"] == "thaw"]
    assert [text.split()[0] for text in thawed["text"]] == ["conv_12", "conv_11"][: len(thawed)]
    assert len(thawed) >= 2
    at = int(thawed["epoch"].iloc[0])
    write = callbacks.Checkpoint.on_epoch_end

    def write_and_die(self: callbacks.Checkpoint, epoch: int, logs: Any = None) -> None:
        write(self, epoch, logs)
        if epoch + 1 == at:
            raise Killed

    again = make_run("killed", **lively, **GRADUAL)
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(callbacks.Checkpoint, "on_epoch_end", write_and_die)
        train.train(again)
    train.train(again)
    resumed = classifier.build(again.recipe, again.class_names)
    resumed.load_weights(again.weights_path)
    for ours, theirs in zip(resumed.weights, whole.weights, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy(), err_msg=ours.path)
    assert [event["epoch"] for event in events.read(again.events_path) if event["kind"] == "attempt"] == [0, at]


def test_what_the_whole_network_does_on_the_files_is_said_and_a_difference_is_a_warning(
    make_run: Callable[..., Run],
) -> None:
    run = make_run()
    train.compare(run, Standing(best_epoch=3, best_accuracy=0.8), 0.804)
    train.compare(run, Standing(best_epoch=3, best_accuracy=0.8), 0.79)
    said = events.read(run.events_path)
    assert [event["validation_accuracy"] for event in said if event["kind"] == "whole"] == [0.804, 0.79]
    (warning,) = [event["text"] for event in said if event["kind"] == "warning"]
    assert "80.0%" in warning
    assert "79.0%" in warning
