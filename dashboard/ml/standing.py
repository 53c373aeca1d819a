"""How far a run has come: what a checkpoint holds beside the weights, and how it is written and taken up again."""

from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np

from dashboard.core import files
from dashboard.core.recipe import Phase, Recipe
from dashboard.ml import weights
from dashboard.runs import checkpoints

BASE = "base.weights.h5"
WEIGHTS = "state.npz"
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
    best_accuracy: float | None = None  # of the validation pictures in the best epoch, as the trained part had it
    best_epoch: int = 0
    wait: int = 0  # epochs since the best one
    thawed: int = 0  # blocks thawed one by one in this phase, beside the one it began with
    stage_start: int = 0  # epochs before the last of them was
    reductions: int = 0  # how often the learning rate was reduced in this phase
    plateau_wait: int = 0  # epochs since the best one or the last reduction
    more_epochs: int = 0  # added to this phase while it ran or when it was over
    rate_scale: float = 1.0  # what the schedule's learning rates are multiplied with since somebody set one
    patience: int | None = None  # in place of the recipe's, for the rest of the run
    lowered: int = 0  # blocks thawed in this phase below the one it began with
    thaw_asked: bool = False  # at the end of this epoch the next block is thawed
    end_asked: bool = False  # at the end of this epoch the run stops
    seconds: float = 0.0  # spent training, over all attempts
    feature_seconds: float = 0.0  # spent on what is frozen, over all attempts

    def begin(self, phase: str) -> None:
        """Enter a phase; the best epoch so far stays the one to beat."""
        self.phase, self.phase_start, self.phase_done, self.wait = phase, self.epoch, False, 0
        self.thawed, self.stage_start, self.reductions, self.plateau_wait = 0, self.epoch, 0, 0
        self.more_epochs, self.rate_scale, self.lowered, self.thaw_asked = 0, 1.0, 0, False

    def last_epoch(self, phase: Phase) -> int:
        """The last epoch this phase can have."""
        return self.phase_start + phase.epochs + self.more_epochs


def save_base(root: Path, model: keras.Model) -> None:
    """Write down the random weights a run starts from; checkpoints hold only what is trained of them."""
    with checkpoints.writing(root, 0) as folder:
        model.save_weights(folder / BASE)


def has_base(root: Path, recipe: Recipe) -> bool:
    """Whether what the run starts from can be had again: a pretrained file always, drawn weights once written down."""
    return recipe.weights != "none" or checkpoints.is_whole(checkpoints.path(root, 0))


def load_base(root: Path, model: keras.Model, recipe: Recipe) -> None:
    """Give the model what its run started from.

    Raises:
        WeightsError: the pretrained file is gone or damaged.
    """
    if recipe.weights == "none":
        model.load_weights(checkpoints.path(root, 0) / BASE)
    else:
        weights.load(model, recipe)


def save(
    root: Path, standing: Standing, model: keras.Model, part: keras.Model, optimizer: keras.optimizers.Optimizer
) -> None:
    """Write the checkpoint of an epoch; the last two and the best one are kept, and what the run started from.

    What is frozen is not in it: that is as it was when the run began. Random numbers need no place in it either: every
    epoch draws its own from the seed and its number.

    Args:
        root: the run's directory.
        standing: how far it has come.
        model: the whole classifier.
        part: what this phase trains of it; a later phase trains all that an earlier one has, and more.
        optimizer: that of `part`.
    """
    trained = {id(each) for each in part.weights}
    with checkpoints.writing(root, standing.epoch) as folder:
        changed = {str(i): each.numpy() for i, each in enumerate(model.weights) if id(each) in trained}
        np.savez(folder / WEIGHTS, **changed)
        np.savez(folder / OPTIMIZER, *[keras.ops.convert_to_numpy(each) for each in optimizer.variables])
        files.write_json(folder / TRAINER, asdict(standing))
    checkpoints.keep(root, {0, standing.epoch, standing.epoch - 1, standing.best_epoch})


def load(folder: Path, model: keras.Model, recipe: Recipe) -> Standing:
    """Give the model the weights of a verified checkpoint; raises as `load_base` does."""
    load_weights(folder, model, recipe)
    return Standing(**files.read_json(folder / TRAINER))


def load_weights(folder: Path, model: keras.Model, recipe: Recipe) -> None:
    """What the run started from, with what the checkpoint has in its place; raises as `load_base` does."""
    load_base(folder.parents[1], model, recipe)
    with np.load(folder / WEIGHTS) as saved:
        for position in saved.files:
            model.weights[int(position)].assign(saved[position])


def load_optimizer(folder: Path, optimizer: keras.optimizers.Optimizer) -> None:
    """Give a built optimizer the state of a verified checkpoint of the same phase."""
    with np.load(folder / OPTIMIZER) as saved:
        for position, variable in enumerate(optimizer.variables):
            variable.assign(saved[f"arr_{position}"])


def load_best(root: Path, standing: Standing, model: keras.Model, recipe: Recipe) -> bool:
    """Give the model the weights of the best epoch; False when its checkpoint is gone or damaged."""
    folder = checkpoints.path(root, standing.best_epoch)
    if not standing.best_epoch or not checkpoints.is_whole(folder):
        return False
    load_weights(folder, model, recipe)
    return True
