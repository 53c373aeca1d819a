"""Training sets drawn from the training pictures, class by class, so that every class stays in each of them."""

import numpy as np


def bootstraps(labels: np.ndarray, heads: int, rng: np.random.Generator) -> np.ndarray:
    """As many pictures as there are, drawn with replacement (Efron, "Bootstrap methods", 1979), in each class apart.

    Args:
        labels: class indices, shape (pictures,).
        heads: how many training sets.
        rng: draws.

    Returns:
        Indices of pictures, shape (heads, pictures).
    """
    members = [np.flatnonzero(labels == index) for index in np.unique(labels)]
    return np.stack([np.concatenate([rng.choice(each, len(each)) for each in members]) for _ in range(heads)])


def subsets(labels: np.ndarray, fraction: float, heads: int, rng: np.random.Generator) -> np.ndarray:
    """A share of the pictures of each class, at least one, none of them twice.

    Args:
        labels: as of `bootstraps`.
        fraction: of the pictures, above 0, at most 1.
        heads: how many training sets.
        rng: draws.

    Returns:
        Indices of pictures, shape (heads, pictures of a subset).
    """
    members = [np.flatnonzero(labels == index) for index in np.unique(labels)]
    sizes = [max(1, round(fraction * len(each))) for each in members]
    return np.stack(
        [
            np.concatenate([rng.permutation(each)[:size] for each, size in zip(members, sizes, strict=True)])
            for _ in range(heads)
        ]
    )


def unseen(drawn: np.ndarray, count: int) -> np.ndarray:
    """Which of `count` pictures a training set has not: bool, shape (heads, count)."""
    seen = np.zeros((len(drawn), count), dtype=bool)
    np.put_along_axis(seen, drawn, True, axis=1)
    return ~seen
