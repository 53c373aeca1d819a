"""The learning-rate range test: which rates it tries, when it has seen enough, and what its curve suggests.

Smith, "Cyclical Learning Rates for Training Neural Networks" (2017), section 3.3, in the form fastai gave it: the rate
grows exponentially from step to step, and the loss falls where a rate suits the network and explodes where it is too
large.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10

import numpy as np
import pandas as pd

from dashboard.core.recipe import FEATURE_EXTRACTION, FINE_TUNING, Recipe

LOWEST, HIGHEST = 1e-7, 10.0
STEPS = 100

SMOOTHING = 0.85  # weight of what came before; about the last seven steps, half a decade
EXPLODED = 4.0  # times the lowest smoothed loss so far: nothing above it is worth a look
SETTLING = 12  # steps, one decade, of rates at which nothing happens yet: they tell the level and the noise

WINDOW = 0.5  # decades to either side over which a fall is measured
MARGIN = 10.0  # how many times below the rate of the lowest loss a suggestion stays
CLEAR = 5.0  # standard errors that the loss must fall, or it only seems to
LEAST_FALL = 0.02  # share of the loss at the start that it must fall, however little noise there is

FALLS_FASTEST = "there the loss falls fastest"
STAYS_BELOW = "a tenth of where it is lowest"

# What a curve does not depend on, by phase: the rate in question, how long it goes on, and the other phase.
LATER = ("fine_tune_epochs", "fine_tune_learning_rate", "patience", "schedule", "warmup_epochs")
WITHOUT = {
    FEATURE_EXTRACTION: (
        *("epochs", "learning_rate", *LATER),
        *("head_rate_factor", "rate_decay", "gradual_thawing", "unfreeze_from", "train_batch_normalization"),
    ),
    FINE_TUNING: LATER,  # the head it begins with was trained at the first phase's rate
}


@dataclass(frozen=True)
class Suggestion:
    """What a curve says. `learning_rate` is None where it says nothing; `reason` completes its sentence, or is one."""

    learning_rate: float | None
    reason: str


def rates(steps: int = STEPS) -> np.ndarray:
    """The learning rates that are tried, in order: from the lowest to the highest by equal factors, shape (steps,)."""
    return np.geomspace(LOWEST, HIGHEST, steps)


def average(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Exponential moving average without a bias to its start (Kingma and Ba, "Adam", 2015, section 3).

    Args:
        values: of each step, shape (steps,).
    """
    found, mean = np.empty(len(values)), 0.0
    for step, value in enumerate(values):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * float(value)
        found[step] = mean / (1 - SMOOTHING ** (step + 1))
    return found


def average_rates(learning_rates: Sequence[float] | np.ndarray) -> np.ndarray:
    """The rates the averaged losses belong to.

    An average of what came before lags behind: drawn at the newest rate, what happens at 0.003 would seem to happen at
    0.01. The same average of the logarithms of the rates lags as much.
    """
    averaged: np.ndarray = 10 ** average(np.log10(np.asarray(learning_rates, dtype=float)))
    return averaged


def curve(learning_rates: Sequence[float] | np.ndarray, losses: Sequence[float] | np.ndarray) -> pd.DataFrame:
    """One row a step: learning_rate, loss, and smoothed, the averaged loss, at smoothed_learning_rate."""
    return pd.DataFrame(
        {
            "learning_rate": np.asarray(learning_rates, dtype=float),
            "loss": np.asarray(losses, dtype=float),
            "smoothed_learning_rate": average_rates(learning_rates),
            "smoothed": average(losses),
        }
    )


def exploded(losses: Sequence[float]) -> bool:
    """Whether the newest loss is not finite, or the smoothed one has left its lowest value far behind.

    The first decade never explodes: an average of one or two batches is as low as the luckiest of them.
    """
    if not np.isfinite(losses[-1]):
        return True
    if len(losses) <= SETTLING:
        return False
    smoothed = average(losses)[SETTLING - 1 :]
    return bool(smoothed[-1] > EXPLODED * smoothed.min())


def suggest(learning_rates: Sequence[float] | np.ndarray, losses: Sequence[float] | np.ndarray) -> Suggestion:
    """The learning rate to train with: where the smoothed loss falls fastest, or a tenth of where it is lowest.

    The lower of the two. The steepest descent is where a step gains most, but a loss that falls only just before it
    explodes is steepest at the edge; the tenth keeps away from it. Steepness is the slope of the least-squares line
    through a decade of the smoothed curve: the difference of two neighbours of an exponential average is the noise
    of a single batch. Scaling the loss changes nothing.

    Args:
        learning_rates: that were tried, ascending, shape (steps,).
        losses: of a mini-batch at each of them, finite, shape (steps,).

    Returns:
        A rate of two digits in the tested range, or None and why: too few steps, or a loss that never falls clearly.
    """
    values = np.asarray(losses, dtype=float)
    if len(values) <= SETTLING:
        return Suggestion(None, "The loss was no finite number before anything could be seen.")
    smoothed, at = average(values), np.log10(average_rates(learning_rates))
    lowest = SETTLING - 1 + int(smoothed[SETTLING - 1 :].argmin())
    level = float(values[:SETTLING].mean())
    if level - smoothed[lowest] <= max(CLEAR * _standard_error(values), LEAST_FALL * abs(level)):
        return Suggestion(
            None,
            "The loss never falls clearly at any rate: the network knows these pictures already, or cannot learn from "
            "them so fast. Keep the advised rate.",
        )
    steepest, bound = _steepest(at[: lowest + 1], smoothed[: lowest + 1]), at[lowest] - log10(MARGIN)
    chosen = max(min(steepest, bound), log10(float(learning_rates[0])))
    return Suggestion(_two_digits(10**chosen), FALLS_FASTEST if steepest <= bound else STAYS_BELOW)


def _standard_error(losses: np.ndarray) -> float:
    """Of the fall from the level at the start to a smoothed loss, from the differences between the first batches: at
    rates that low they have no trend in them."""
    batch = float(np.sqrt(np.mean(np.diff(losses[: 2 * SETTLING]) ** 2) / 2))
    return float(batch * np.sqrt((1 - SMOOTHING) / (1 + SMOOTHING) + 1 / SETTLING))


def _steepest(at: np.ndarray, smoothed: np.ndarray) -> float:
    """Where, in decades, the line through the points around falls most; the middle where there is hardly a decade."""
    centres = at[(at - at[0] >= WINDOW) & (at[-1] - at >= WINDOW)]
    if not len(centres):
        return float(at[0] + at[-1]) / 2
    slopes = []
    for centre in centres:
        near = np.abs(at - centre) <= WINDOW + 1e-9
        x, y = at[near] - at[near].mean(), smoothed[near]
        slopes.append(float(x @ (y - y.mean()) / (x @ x)))
    return float(centres[int(np.argmin(slopes))])


def _two_digits(rate: float) -> float:
    """Rounded down, so that what was below a rate stays below it."""
    exponent = floor(log10(rate))
    return float(f"{floor(rate / 10 ** (exponent - 1) + 1e-9)}e{exponent - 1}")


def relevant(recipe: Recipe, phase: str) -> Recipe:
    """The recipe with everything at its default that the curve of a phase does not depend on: equal ones, equal curves.

    Args:
        recipe: any.
        phase: name of a phase.
    """
    # Not validated: a recipe that only fine-tunes has no epochs left. It is compared, never trained.
    return recipe.model_copy(update={name: Recipe.model_fields[name].default for name in WITHOUT[phase]})
