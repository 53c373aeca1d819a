"""How the error falls with the number of training pictures, and what more of them would be worth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Exponents of the power law. Below a quarter a handful of points says nothing of where the curve ends.
DECAYS = np.linspace(0.25, 1.5, 26)


@dataclass(frozen=True)
class Curve:
    """error = floor + scale * pictures ** -decay; all of them 0 or more."""

    floor: float
    scale: float
    decay: float

    def at(self, pictures: float) -> float:
        """The expected error, 0..1, after training on so many pictures (1 or more)."""
        return float(min(1.0, self.floor + self.scale * pictures**-self.decay))

    def worth(self, now: float, more: float) -> float:
        """How much lower the error would be with `more` pictures than with `now`, 0..1."""
        return self.at(now) - self.at(now + more)


def fit(pictures: Sequence[float] | np.ndarray, errors: Sequence[float] | np.ndarray) -> Curve | None:
    """The inverse power law that is nearest in least squares, as learning curves of classifiers follow it: Cortes,
    Jackel, Solla, Vapnik and Denker, "Learning curves: asymptotic values and rate of convergence" (1994).

    Args:
        pictures: in the training set, of each measured point, 1 or more.
        errors: mean zero-one loss on pictures not trained on, 0..1; nan where it was not measured.

    Returns:
        None where fewer than three points are known: then no line can be drawn through them.
    """
    x, y = np.asarray(pictures, dtype=float), np.asarray(errors, dtype=float)
    known = np.isfinite(x) & np.isfinite(y) & (x > 0)
    x, y = x[known], y[known]
    if len(np.unique(x)) < 3:
        return None
    found = [_line(x, y, float(decay)) for decay in DECAYS]
    return min(found, key=lambda each: each[0])[1]


def _line(x: np.ndarray, y: np.ndarray, decay: float) -> tuple[float, Curve]:
    """The best non-negative floor and scale for one exponent, with their squared error."""
    basis = x**-decay
    centred = basis - basis.mean()
    scale = float(centred @ (y - y.mean()) / (centred @ centred))
    floor = float(y.mean() - scale * basis.mean())
    if scale < 0:
        scale, floor = 0.0, float(y.mean())
    elif floor < 0:
        scale, floor = float(basis @ y / (basis @ basis)), 0.0
    return float(((floor + scale * basis - y) ** 2).sum()), Curve(floor, scale, decay)
