"""How far a run has come: what a checkpoint holds beside the weights, and how it is written and taken up again."""

from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np

from dashboard.core import files
from dashboard.runs import checkpoints

WEIGHTS = "state.weights.h5"
OPTIMIZER = "optimizer.npz"
TRAINER = "trainer.json"


@dataclass
class Standing:
    """The trainer's own memory. Epochs count from 1 over all phases; 0 means none yet."""

    epoch: int = 0
    step: int = 0  # mini-batches so far
    phase: str = ""
    phase_start: int = 0  # epochs before this phase
    phase_done: bool = False
    best_loss: float | None = None  # of the validation pictures
    best_epoch: int = 0
    wait: int = 0  # epochs since the best one
    seconds: float = 0.0  # spent training, over all attempts
    feature_seconds: float = 0.0  # spent on what is frozen, over all attempts

    def begin(self, phase: str) -> None:
        """Enter a phase; the best epoch so far stays the one to beat."""
        self.phase, self.phase_start, self.phase_done, self.wait = phase, self.epoch, False, 0


def save(root: Path, standing: Standing, model: keras.Model, optimizer: keras.optimizers.Optimizer) -> None:
    """Write the checkpoint of an epoch; the last two and the best one are kept.

    Random numbers need no place in it: every epoch draws its own from the seed and its number.
    """
    with checkpoints.writing(root, standing.epoch) as folder:
        model.save_weights(folder / WEIGHTS)
        np.savez(folder / OPTIMIZER, *[keras.ops.convert_to_numpy(each) for each in optimizer.variables])
        files.write_json(folder / TRAINER, asdict(standing))
    checkpoints.keep(root, {standing.epoch, standing.epoch - 1, standing.best_epoch})


def load(folder: Path, model: keras.Model) -> Standing:
    """Give the model the weights of a verified checkpoint."""
    model.load_weights(folder / WEIGHTS)
    return Standing(**files.read_json(folder / TRAINER))


def load_optimizer(folder: Path, optimizer: keras.optimizers.Optimizer) -> None:
    """Give a built optimizer the state of a verified checkpoint of the same phase."""
    with np.load(folder / OPTIMIZER) as saved:
        for position, variable in enumerate(optimizer.variables):
            variable.assign(saved[f"arr_{position}"])


def load_best(root: Path, standing: Standing, model: keras.Model) -> bool:
    """Give the model the weights of the best epoch; False when its checkpoint is gone or damaged."""
    folder = checkpoints.path(root, standing.best_epoch)
    if not standing.best_epoch or not checkpoints.is_whole(folder):
        return False
    model.load_weights(folder / WEIGHTS)
    return True
