"""Whether something that has nothing to do with what pictures show gives their class away.

A classifier that sees one feature only, such as the file format, tells each class from the rest. It judges every
picture by all the others (leave-one-out), so a feature with as many values as pictures tells nothing.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

BINS = 8  # of a number
FEWEST = 8  # pictures of a class, and of all others, below which it may be chance
TELLING = 0.92  # balanced accuracy


@dataclass(frozen=True)
class Tell:
    """One class that a feature gives away. `accuracy` is balanced: the mean of the class's and of the others'."""

    class_name: str
    accuracy: float
    level: str  # the value of the feature that tells most
    share: float  # of the class that has it
    share_of_others: float


def binned(values: pd.Series) -> pd.Series:
    """Numbers as ranges, about equally frequent; a frequent value and what is missing are ranges of their own."""
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    if numbers.isna().all():
        return pd.Series("none", index=values.index)
    quantiles = np.nanquantile(numbers, np.linspace(0, 1, BINS + 1))
    often = quantiles[1:][np.diff(quantiles) == 0]
    edges = np.unique([*quantiles, np.nextafter(quantiles[-1], np.inf), *often, *np.nextafter(often, np.inf)])
    places = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, len(edges) - 2)
    names = np.array([f"{low:.4g} to {high:.4g}" for low, high in zip(edges[:-1], edges[1:], strict=True)])
    return pd.Series(np.where(numbers.notna(), names[places], "none"), index=values.index)


def found(class_names: pd.Series, feature: pd.Series) -> list[Tell]:
    """The classes that a feature gives away; of two classes one, as the other follows."""
    counts = pd.crosstab(class_names, feature)
    table = counts.to_numpy().astype(float)
    sizes = table.sum(axis=1, keepdims=True)
    others, rest = table.sum(axis=0) - table, table.sum() - sizes
    if table.shape[1] < 2:
        return []
    mine = (table - 1) / np.maximum(sizes - 1, 1) > others / np.maximum(rest, 1)
    theirs = (others - 1) / np.maximum(rest - 1, 1) >= table / np.maximum(sizes, 1)
    accuracy = (
        (table * mine).sum(axis=1) / sizes[:, 0] + (others * theirs).sum(axis=1) / np.maximum(rest[:, 0], 1)
    ) / 2
    enough = (sizes[:, 0] >= FEWEST) & (rest[:, 0] >= FEWEST)
    shares, of_others = table / sizes, others / np.maximum(rest, 1)
    level = (shares - of_others).argmax(axis=1)
    told = [
        Tell(
            str(counts.index[row]),
            float(accuracy[row]),
            str(counts.columns[level[row]]),
            float(shares[row, level[row]]),
            float(of_others[row, level[row]]),
        )
        for row in np.flatnonzero(enough & (accuracy >= TELLING))
    ]
    return told[:1] if len(counts) == 2 else told
