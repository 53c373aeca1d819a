"""The learning-rate schedules on offer. Each is a function of how far a phase has come, so that a resumed run follows
the very curve it left."""

import math
from collections.abc import Callable
from dataclasses import dataclass

PLATEAU_FACTOR = 0.2  # what the rate is multiplied with whenever the validation loss stalls
FLOOR = 0.01  # of the learning rate: where a falling schedule ends


def constant(_done: float) -> float:
    """The same all along."""
    return 1.0


def cosine(done: float) -> float:
    """Half a cosine down from 1 (Loshchilov and Hutter, "SGDR", 2017), one descent without restarts."""
    return FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * done)) / 2


RISING = 0.3  # share of a one-cycle phase in which the rate rises
START = 0.04  # of the peak: where it starts


def one_cycle(done: float) -> float:
    """Up, then down below where it began (Smith and Topin, "Super-convergence", 2018), in fastai's cosine form."""
    if done < RISING:
        return START + (1 - START) * (1 - math.cos(math.pi * done / RISING)) / 2
    return cosine((done - RISING) / (1 - RISING))


@dataclass(frozen=True)
class Schedule:
    """How the learning rate changes in a phase.

    `factor` maps the share of the phase that is done, 0..1, to what the learning rate is multiplied with, above 0 and
    at most 1. `on_plateau`: beside that, the rate falls to a fifth whenever the validation loss stalls.
    """

    name: str
    reason: str
    factor: Callable[[float], float]
    on_plateau: bool = False


SCHEDULES = {
    row.name: row
    for row in (
        Schedule("constant", "stays as it is; nothing to tune", constant),
        Schedule("cosine", "falls slowly, then fast, then slowly, to a hundredth at the last epoch", cosine),
        Schedule("one-cycle", "rises for the first third, then falls; stands larger learning rates", one_cycle),
        Schedule("reduce on plateau", "falls to a fifth when the validation loss stalls", constant, on_plateau=True),
    )
}


def learning_rate(base: float, schedule: str, *, step: int, steps: int, warmup: int = 0, reductions: int = 0) -> float:
    """The learning rate of a step.

    Args:
        base: the recipe's learning rate, the highest there is.
        schedule: name of a row.
        step: counted from 0 at the start of the phase.
        steps: all steps the phase can have.
        warmup: steps in which the rate grows linearly from almost nothing (Goyal et al. 2017).
        reductions: how often the validation loss has stalled so far.
    """
    row = SCHEDULES[schedule]
    if step < warmup:
        return base * row.factor(0.0) * (step + 1) / (warmup + 1) * PLATEAU_FACTOR**reductions
    done = (step - warmup) / max(1, steps - 1 - warmup)
    return base * row.factor(min(1.0, done)) * PLATEAU_FACTOR**reductions
