"""Bias, variance and noise of the zero-one loss, picture by picture.

Kohavi and Wolpert, "Bias plus variance decomposition for zero-one loss functions" (ICML 1996). With P(guess) the share
of classifiers that name a class, over training sets, and P(true) the share of times a class is the right one, both of
one picture, its

    bias      is  1/2 sum (P(true) - P(guess))^2      how far the average guess is off
    variance  is  1/2 (1 - sum P(guess)^2)            how much the guesses differ from one another
    noise     is  1/2 (1 - sum P(true)^2)             what no classifier could know

(they write bias^2 and sigma^2), and the three add up to the expected zero-one loss, exactly. A picture that has one
label has no noise that could be told from bias: what is wrong in labels counts as bias, as in their paper.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Decomposition:
    """Of each picture, shape (pictures,), 0..1; nan where nobody judged it. `error` is the mean zero-one loss."""

    bias: np.ndarray
    variance: np.ndarray
    noise: np.ndarray
    error: np.ndarray


def decompose(guessed: np.ndarray, true: np.ndarray, judges: np.ndarray | None = None) -> Decomposition:
    """Take the zero-one loss apart.

    Args:
        guessed: P(guess) of each picture, shape (pictures, classes), rows that sum to 1, or nan.
        true: P(true) of each picture, likewise.
        judges: how many classifiers P(guess) was counted over, shape (pictures,). Few of them differ too little, and
            what lacks in variance stands in bias; it is put right as in section 4 of the paper, by which the bias of a
            single picture may come out a little below 0. A picture with one judge is nan. None where P(guess) is known.
    """
    bias = ((true - guessed) ** 2).sum(axis=1) / 2
    variance = (1 - (guessed**2).sum(axis=1)) / 2
    error = 1 - (guessed * true).sum(axis=1)
    if judges is not None:
        few = judges < 2
        shifted = np.where(few, np.nan, variance / np.maximum(judges - 1, 1))
        bias, variance, error = bias - shifted, variance + shifted, np.where(few, np.nan, error)
    return Decomposition(bias, variance, (1 - (true**2).sum(axis=1)) / 2, error)


def shares(guesses: np.ndarray, counts: np.ndarray, num_classes: int) -> np.ndarray:
    """P(guess) of each picture, over those classifiers that count for it.

    Args:
        guesses: class indices, shape (classifiers, pictures).
        counts: which guesses count, bool, of the same shape: those of classifiers that were not trained on the picture.
        num_classes: of the classes.

    Returns:
        Shape (pictures, num_classes); nan in the rows of pictures for which none counts.
    """
    votes = np.stack([((guesses == index) & counts).sum(axis=0) for index in range(num_classes)], axis=1)
    judges = counts.sum(axis=0)[:, None]
    found: np.ndarray = np.where(judges > 0, votes / np.maximum(judges, 1), np.nan)
    return found
