"""What happens beside the training: one concept a callback. Epochs count from 1 over all phases, Keras' own from 0."""

import math
import time
from typing import Any

import keras
import numpy as np

from dashboard.core.errors import RunError
from dashboard.ml import standing as standings
from dashboard.ml.pictures import Rows
from dashboard.ml.standing import Standing
from dashboard.runs.run import Run

FLUSH = 0.5  # seconds between two `batches` events

Logs = dict[str, Any] | None


class StopRequested(Exception):  # noqa: N818 - a request is no error
    """Ends `fit` at once: no validation of half an epoch, which would count as a whole one."""


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
        self.pending: list[tuple[float, float, int]] = []  # loss, accuracy, pictures; of batches not yet written
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
        self.pending.append((loss, accuracy, size))
        self.sums += (loss * size, accuracy * size, size)
        self.standing.step += 1
        if time.monotonic() - self.flushed >= FLUSH:
            self.flush()

    def on_test_begin(self, logs: Logs = None) -> None:
        self.flush()

    def flush(self) -> None:
        """Write the batches since the last time."""
        if not self.pending:
            return
        now = time.monotonic()
        loss, accuracy, sizes = (list(column) for column in zip(*self.pending, strict=True))
        self.run.say(
            "batches",
            phase=self.standing.phase,
            epoch=self.epoch,
            first_step=self.standing.step - len(loss) + 1,
            loss=loss,
            accuracy=accuracy,
            learning_rate=[self.learning_rate] * len(loss),
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


class StopOnRequest(keras.callbacks.Callback):
    """Ends training after the current batch once somebody asked for it."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run = run

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self.run.stop_requested:
            raise StopRequested

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        self.on_train_batch_end(batch, logs)


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
        super().on_epoch_end(epoch, logs)
        here = {"epoch": epoch + 1, "step": self.standing.step}
        self.standing.wait = self.wait
        if self.wait == 0:
            values = logs or {}
            self.standing.best_loss, self.standing.best_epoch = float(values["val_loss"]), epoch + 1
            accuracy = float(values["val_accuracy"])
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

    def __init__(self, run: Run, standing: Standing, whole: keras.Model, last_epoch: int) -> None:
        super().__init__()
        self.run, self.standing, self.whole, self.last_epoch = run, standing, whole, last_epoch

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self.standing.phase_done = bool(self.model.stop_training) or self.standing.epoch >= self.last_epoch
        standings.save(self.run.path, self.standing, self.whole, self.model.optimizer)
