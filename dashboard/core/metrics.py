"""What a table of predictions says. Every function is pure; every number on the Evaluate page comes from here.

A table of predictions has one row a picture: path, sha256, split, true, predicted, and one column
`probability: <class_name>` for each class, in class index order.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

PROBABILITY = "probability: "
NORMAL_95 = 1.959963984540054  # the 97.5 % quantile of the standard normal distribution


@dataclass(frozen=True)
class Interval:
    """A share of `count` pictures, with the bounds of its 95 % interval; all in 0..1, nan where `count` is 0."""

    value: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        if not self.count:
            return "no pictures"
        return f"{self.value:.2f} ± {(self.high - self.low) / 2:.2f}"


def probability_columns(predictions: pd.DataFrame) -> list[str]:
    """Names of the columns of probabilities, in class index order."""
    return [column for column in predictions.columns if str(column).startswith(PROBABILITY)]


def class_names(predictions: pd.DataFrame) -> list[str]:
    """Class names in index order, exactly as they were given (`007` stays `007`)."""
    return [column.removeprefix(PROBABILITY) for column in probability_columns(predictions)]


def confusion_matrix(predictions: pd.DataFrame) -> pd.DataFrame:
    """Count predictions per true class.

    Returns:
        Counts, shape `(num_classes, num_classes)`; rows are true classes, columns predicted ones, both in class index
        order. Classes without a picture, or never predicted, keep their row and column, filled with 0.
    """
    return confusion_counts(predictions["true"], predictions["predicted"], class_names(predictions))


def confusion_counts(true: pd.Series, predicted: pd.Series, names: list[str]) -> pd.DataFrame:
    """As `confusion_matrix`, of true and predicted classes in two columns, and the names of all classes in order."""
    index = pd.Index(names, dtype=object)
    rows, columns = index.get_indexer(true), index.get_indexer(predicted)
    counts = np.zeros((len(names), len(names)), dtype=int)
    known = (rows >= 0) & (columns >= 0)
    np.add.at(counts, (rows[known], columns[known]), 1)
    return pd.DataFrame(counts, index=names, columns=names)


def wilson(right: int, count: int) -> Interval:
    """The Wilson score interval of a share, 95 %.

    Stays inside 0..1 and honest for few pictures, where the plain normal interval is neither.
    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22 (1927), 209-212.
    """
    if count == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    share, square = right / count, NORMAL_95**2
    centre = (share + square / (2 * count)) / (1 + square / count)
    half = NORMAL_95 * math.sqrt(share * (1 - share) / count + square / (4 * count**2)) / (1 + square / count)
    return Interval(share, min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half)), count)


def accuracy(predictions: pd.DataFrame) -> Interval:
    """The share of pictures predicted right, with its 95 % Wilson interval."""
    return wilson(int((predictions["true"] == predictions["predicted"]).sum()), len(predictions))


def per_class(predictions: pd.DataFrame) -> pd.DataFrame:
    """Precision, recall and F1 of every class, in class index order.

    Returns:
        Columns class_name, precision, recall, f1 (0..1; 0 where nothing can be counted) and support (pictures).
    """
    counts = confusion_matrix(predictions)
    right = np.diag(counts.to_numpy()).astype(float)
    support, predicted = counts.sum(axis="columns").to_numpy(), counts.sum(axis="index").to_numpy()
    return pd.DataFrame(
        {
            "class_name": list(counts.index),
            "precision": _share(right, predicted),
            "recall": _share(right, support),
            "f1": _share(2 * right, support + predicted),
            "support": support,
        }
    )


def macro_f1(predictions: pd.DataFrame) -> float:
    """Mean F1 over the classes that have a picture or were predicted, each counting the same; nan without pictures."""
    counts = confusion_matrix(predictions)
    seen = (counts.sum(axis="columns") + counts.sum(axis="index")).to_numpy() > 0
    f1 = per_class(predictions)["f1"].to_numpy()[seen]
    return float(f1.mean()) if len(f1) else math.nan


def most_confused(predictions: pd.DataFrame, count: int = 5) -> pd.DataFrame:
    """The most frequent mistakes, most frequent first.

    Returns:
        At most `count` rows: true, predicted, count (pictures) and share (of the pictures of the true class, 0..1).
    """
    counts = confusion_matrix(predictions)
    cells = counts.to_numpy().copy()
    np.fill_diagonal(cells, 0)
    order = np.argsort(-cells, axis=None, kind="stable")[: max(count, 0)]
    rows, columns = np.unravel_index(order[cells.ravel()[order] > 0], cells.shape)
    support = counts.sum(axis="columns").to_numpy()
    return pd.DataFrame(
        {
            "true": [counts.index[row] for row in rows],
            "predicted": [counts.columns[column] for column in columns],
            "count": cells[rows, columns],
            "share": _share(cells[rows, columns].astype(float), support[rows]),
        }
    )


def confidently_wrong(predictions: pd.DataFrame, count: int = 12) -> pd.DataFrame:
    """The mistakes the network was surest of, surest first.

    Returns:
        At most `count` rows: path, sha256, split, true, predicted, probability (of the predicted class, 0..1).
    """
    wrong = predictions[predictions["true"] != predictions["predicted"]]
    surest = wrong.assign(probability=wrong[probability_columns(predictions)].max(axis="columns"))
    surest = surest.sort_values("probability", ascending=False, kind="stable").head(count)
    return surest[["path", "sha256", "split", "true", "predicted", "probability"]].reset_index(drop=True)


def sentence(predictions: pd.DataFrame) -> str:
    """The finding in one sentence: how often right, how sure of that, and what is mixed up. Class names are literal."""
    result = accuracy(predictions)
    if not result.count:
        return "There are no predictions for these pictures yet."
    splits = predictions["split"].unique()
    kind = f"{splits[0]} picture" if len(splits) == 1 else "picture"
    right = round(result.value * result.count)
    text = f"Right on {right:,} of {result.count:,} {kind}{'' if result.count == 1 else 's'}, between "
    text += f"{result.low:.0%} and {result.high:.0%} in the long run".replace("%", " %")
    pair = most_mixed_up(confusion_matrix(predictions))
    return f"{text}; it mixes up " + (f"{pair[0]} and {pair[1]} most often." if pair else "nothing here.")


def most_mixed_up(counts: pd.DataFrame) -> tuple[str, str] | None:
    """The two classes that are taken for each other most often, counting both directions; None without a mistake.

    Args:
        counts: as of `confusion_matrix`.
    """
    cells = counts.to_numpy()
    both = np.triu(cells + cells.T, 1)
    if not both.any():
        return None
    first, second = np.unravel_index(both.argmax(), both.shape)
    return str(counts.index[first]), str(counts.index[second])


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """`part / whole`, 0 where `whole` is 0."""
    share: np.ndarray = np.divide(part, whole, out=np.zeros_like(part, dtype=float), where=whole > 0)
    return share
