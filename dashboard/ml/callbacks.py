"""What happens beside the training: one concept a callback. Epochs count from 1 over all phases, Keras' own from 0."""

import math
import time
from typing import Any

import keras
import numpy as np

from dashboard.core.errors import RunError
from dashboard.core.recipe import FINE_TUNING, Phase, Recipe
from dashboard.core.schedules import PLATEAU_FACTOR, learning_rate
from dashboard.ml import standing as standings
from dashboard.ml.pictures import Rows
from dashboard.ml.standing import Standing
from dashboard.runs.run import Run

FLUSH = 0.5  # seconds between two `batches` events

Logs = dict[str, Any] | None


class StopRequested(Exception):  # noqa: N818 - a request is no error
    """Ends `fit` at once: no validation of half an epoch, which would count as a whole one."""


class PauseRequested(Exception):  # noqa: N818 - a request is no error
    """Ends the process at once; the run goes on after its last checkpoint whenever somebody wants."""


def heed(run: Run) -> None:
    """Raise what somebody asked of a run: to stop, or to pause."""
    if run.stop_requested:
        raise StopRequested
    if run.pause_requested:
        raise PauseRequested


class SeedEpoch(keras.callbacks.Callback):
    """Makes an epoch depend on seed and number only: the order of pictures, and the network's random generators."""

    def __init__(self, seed: int, pictures: Rows) -> None:
        super().__init__()
        self.seed, self.pictures = seed, pictures

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self.pictures.start_at(epoch)
        sleepers = [layer for layer in self.model.layers if hasattr(layer, "seed_generator")]
        for position, layer in enumerate(sleepers):
            state = layer.seed_generator.state
            drawn = np.random.default_rng([self.seed, epoch, position]).integers(2**31, size=2)
            state.assign(drawn.astype(state.dtype))


class Recorder(keras.callbacks.Callback):
    """Writes `batches` and `epoch` events and counts epochs and steps.

    Keras' logs are means since the epoch began; the metrics are reset after every batch, so that what is written is
    the batch itself, and the means of an epoch are made here, weighted by the pictures of each batch.
    """

    def __init__(self, run: Run, standing: Standing, pictures: Rows) -> None:
        super().__init__()
        self.run, self.standing, self.pictures = run, standing, pictures
        self.pending: list[tuple[float, float, float, int]] = []  # loss, accuracy, rate, pictures; not yet written
        self.sums = np.zeros(3)
        self.flushed = self.began = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self.sums = np.zeros(3)
        self.flushed = self.began = time.monotonic()
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        values = logs or {}
        size = self.pictures.size(batch)
        loss, accuracy = float(values["loss"]), float(values["accuracy"])
        self.model.reset_metrics()
        self.pending.append((loss, accuracy, self.learning_rate, size))
        self.sums += (loss * size, accuracy * size, size)
        self.standing.step += 1
        if time.monotonic() - self.flushed >= FLUSH or self.standing.step == 1:  # nobody waits for the first one
            self.flush()

    def on_test_begin(self, logs: Logs = None) -> None:
        self.flush()

    def flush(self) -> None:
        """Write the batches since the last time."""
        if not self.pending:
            return
        now = time.monotonic()
        loss, accuracy, rates, sizes = (list(column) for column in zip(*self.pending, strict=True))
        self.run.say(
            "batches",
            phase=self.standing.phase,
            epoch=self.epoch,
            first_step=self.standing.step - len(loss) + 1,
            loss=loss,
            accuracy=accuracy,
            learning_rate=rates,
            pictures_per_second=round(sum(sizes) / max(now - self.flushed, 1e-6), 1),
        )
        self.pending, self.flushed = [], now

    @property
    def learning_rate(self) -> float:
        return float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        values = logs or {}
        self.flush()
        self.standing.epoch = epoch + 1
        seconds = time.monotonic() - self.began
        self.standing.seconds += seconds
        self.run.say(
            "epoch",
            epoch=self.standing.epoch,
            phase=self.standing.phase,
            step=self.standing.step,
            loss=self.sums[0] / self.sums[2],
            accuracy=self.sums[1] / self.sums[2],
            validation_loss=float(values["val_loss"]),
            validation_accuracy=float(values["val_accuracy"]),
            learning_rate=self.learning_rate,
            seconds=seconds,
        )


class FiniteLoss(keras.callbacks.Callback):
    """Ends the run when a loss is no number any more; the last checkpoint holds finite weights."""

    def __init__(self, standing: Standing) -> None:
        super().__init__()
        self.standing = standing

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._check(float((logs or {})["loss"]), f"The loss at batch {batch + 1} of epoch {self.standing.epoch + 1}")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._check(float((logs or {})["val_loss"]), f"The validation loss of epoch {epoch + 1}")

    def _check(self, loss: float, what: str) -> None:
        if not math.isfinite(loss):
            raise RunError(
                "loss-not-finite",
                f"{what} is not a finite number ({loss}); training has diverged. "
                "Start again with a learning rate ten times lower.",
            )


class Schedule(keras.callbacks.Callback):
    """Sets the learning rate before every step, as the recipe's schedule has it for how far the phase has come."""

    def __init__(self, recipe: Recipe, phase: Phase, standing: Standing, steps_an_epoch: int) -> None:
        super().__init__()
        self.recipe, self.phase, self.standing = recipe, phase, standing
        self.steps_an_epoch = steps_an_epoch

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self.epochs_done = epoch - self.standing.phase_start

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self.model.optimizer.learning_rate = self.scheduled(batch) * self.standing.rate_scale

    def scheduled(self, batch: int) -> float:
        """What the recipe has for a batch of this epoch, as if nobody had set another rate."""
        return learning_rate(
            self.phase.learning_rate,
            self.recipe.schedule,
            step=self.epochs_done * self.steps_an_epoch + batch,
            steps=self.phase.epochs * self.steps_an_epoch,
            warmup=round(self.recipe.warmup_epochs * self.steps_an_epoch),
            reductions=self.standing.reductions,
        )


class Plateau(keras.callbacks.Callback):
    """Counts epochs without a better validation loss and has the schedule lower the learning rate.

    Comes after `Patience`, which knows the best epoch.
    """

    def __init__(self, run: Run, standing: Standing, patience: int) -> None:
        super().__init__()
        self.run, self.standing, self.patience = run, standing, max(1, patience // 2)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        standing = self.standing
        standing.plateau_wait = 0 if standing.wait == 0 else standing.plateau_wait + 1
        if standing.plateau_wait < self.patience or self.model.stop_training:
            return
        standing.plateau_wait, standing.reductions = 0, standing.reductions + 1
        text = f"Learning rate lowered to {PLATEAU_FACTOR:.0%} after epoch {epoch + 1}: validation loss had stalled."
        self.run.say("mark", mark="learning rate", epoch=epoch + 1, step=standing.step, text=text)


class LastEpoch(keras.callbacks.Callback):
    """Ends a phase after its last epoch; `fit` itself could not be told of epochs that are added while it runs."""

    def __init__(self, standing: Standing, phase: Phase) -> None:
        super().__init__()
        self.standing, self.phase = standing, phase

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.standing.epoch >= self.standing.last_epoch(self.phase):
            self.model.stop_training = True


class Thawing(keras.callbacks.Callback):
    """Ends a stage when somebody asks for the next block, or when blocks wait for it and the validation loss stalls, so
    that the next stage can begin with one more block thawed.

    (Howard and Ruder, "ULMFiT", 2018, thaw by the epoch; here a block waits until the ones above have learned.) Comes
    after `Patience`, which knows the best epoch, and after `LastEpoch`.

    Args:
        run: gets the events.
        standing: of the run.
        patience: of the phase.
        waiting: blocks that are part of what is trained, and still frozen; from the lowest up.
        below: the highest block that is part of what is frozen; None where there is none.
        phase: the one under way.
    """

    def __init__(
        self, run: Run, standing: Standing, patience: int, waiting: list[str], below: str | None, phase: Phase
    ) -> None:
        super().__init__()
        self.run, self.standing, self.waiting, self.below, self.phase = run, standing, waiting, below, phase
        self.patience = max(1, patience // 2)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        standing = self.standing
        asked, standing.thaw_asked = standing.thaw_asked, False
        if self.model.stop_training:
            return
        stalled = min(standing.wait, standing.epoch - standing.stage_start) >= self.patience
        if self.waiting and (asked or stalled):
            standing.thawed += 1
            self._end_stage(self.waiting[-1], "on request" if asked else "validation loss had stalled")
        elif asked and self.phase.name != FINE_TUNING:
            self.model.stop_training = True  # what comes next thaws
        elif asked and self.below:
            standing.lowered += 1
            standing.thawed += self.run.recipe.gradual_thawing  # or the new block would wait
            self._end_stage(self.below, "on request")
        elif asked:
            self.run.say("warning", text="Every block is thawed already; there is no next one.")

    def _end_stage(self, block: str, reason: str) -> None:
        standing = self.standing
        standing.stage_start, standing.wait = standing.epoch, 0
        self.model.stop_training = True
        text = f"{block} thawed after epoch {standing.epoch}: {reason}."
        self.run.say("mark", mark="thaw", epoch=standing.epoch, step=standing.step, text=text)


class StopOnRequest(keras.callbacks.Callback):
    """Ends training after the current batch, or after the epoch, once somebody asked for it; comes last."""

    def __init__(self, run: Run, standing: Standing) -> None:
        super().__init__()
        self.run, self.standing = run, standing

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        heed(self.run)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        heed(self.run)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.standing.end_asked:
            raise StopRequested


class Patience(keras.callbacks.EarlyStopping):
    """Keras' early stopping, keeping the best weights; says what it does and can be taken up again after a resume.

    The best epoch of an earlier phase stays the one to beat: fine-tuning never ends worse than it began.
    """

    def __init__(self, run: Run, standing: Standing, patience: int, best_weights: list[np.ndarray] | None) -> None:
        super().__init__(monitor="val_loss", mode="min", patience=patience, restore_best_weights=True)
        self.run, self.standing = run, standing
        self.kept = best_weights

    def on_train_begin(self, logs: Logs = None) -> None:
        super().on_train_begin(logs)
        self.wait, self.best, self.best_weights = self.standing.wait, self.standing.best_loss, self.kept
        self.best_epoch = self.standing.best_epoch - 1

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.standing.patience:
            self.patience = self.standing.patience
        super().on_epoch_end(epoch, logs)
        here = {"epoch": epoch + 1, "step": self.standing.step}
        self.standing.wait = self.wait
        if self.wait == 0:
            values = logs or {}
            self.standing.best_loss, self.standing.best_epoch = float(values["val_loss"]), epoch + 1
            self.standing.best_accuracy = accuracy = float(values["val_accuracy"])
            loss = self.standing.best_loss
            text = f"Best so far, epoch {epoch + 1}: validation loss {loss:.3f}, accuracy {accuracy:.2f}."
            self.run.say("mark", mark="best", text=text, **here)
        self.run.say("patience", used=self.wait, allowed=self.patience)
        if self.model.stop_training:
            epochs = f"{self.wait} epoch" + ("s" if self.wait > 1 else "")
            text = (
                f"Training stopped at epoch {epoch + 1}: validation loss had not improved for {epochs}. "
                f"Weights of epoch {self.standing.best_epoch} kept."
            )
            self.run.say("mark", mark="early stopping", text=text, **here)


class Checkpoint(keras.callbacks.Callback):
    """Writes a checkpoint after every epoch, once everything else about the epoch is said."""

    def __init__(self, run: Run, standing: Standing, whole: keras.Model) -> None:
        super().__init__()
        self.run, self.standing, self.whole = run, standing, whole

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        standing = self.standing
        # And not for a new stage.
        standing.phase_done = bool(self.model.stop_training) and standing.stage_start < standing.epoch
        try:
            standings.save(self.run.path, standing, self.whole, self.model, self.model.optimizer)
        except OSError as error:  # never tried again: after a failed fsync nobody knows what is on the disk
            raise RunError(
                "checkpoint-failed",
                f"The checkpoint of epoch {standing.epoch} could not be written: {error.strerror}. The one before "
                "it is intact: free some disk space and resume the run.",
            ) from error
