"""What checks of a dataset look at, and how they say what they found.

A finding is a row: path, sha256 and class_name of a picture (path and sha256 are empty where it is about a class, all
three where it is about the whole set), reason (a sentence with its figure), value (that figure).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from dashboard.data.looks import grey_of

COLUMNS = ["path", "sha256", "class_name", "reason", "value"]
PAIRS = ["sha256_a", "sha256_b", "similarity"]


@dataclass(frozen=True)
class Evidence:
    """What checks look at.

    `members`: columns path, sha256, class_name, split, width, height, format, mode, size, brightness, contrast,
    sharpness, phash. `likenesses`: columns sha256_a, sha256_b, similarity. `borders`: mean grey of the outermost ring
    of each member (see `border_of`), where signatures are at hand. `remarks`: those of the import. `image_size`: of the
    network, in pixels.
    """

    members: pd.DataFrame
    likenesses: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=PAIRS))
    borders: pd.Series | None = None
    remarks: pd.DataFrame | None = None
    image_size: int = 96


def of_pictures(rows: pd.DataFrame, reasons: Iterable[str], values: Iterable[float]) -> pd.DataFrame:
    of = {column: list(rows[column]) if column in rows else "" for column in ("path", "sha256", "class_name")}
    return pd.DataFrame({**of, "reason": list(reasons), "value": list(values)}, columns=COLUMNS)


def of_classes(class_names: Iterable[str], reasons: Iterable[str], values: Iterable[float]) -> pd.DataFrame:
    names = list(class_names)
    return of_pictures(pd.DataFrame({"path": "", "sha256": "", "class_name": names}), reasons, values)


def numbers(members: pd.DataFrame, column: str) -> pd.Series:
    """A measured column; rows older than the measuring have NaN, with which no comparison is true."""
    return pd.to_numeric(members[column], errors="coerce").astype(float)


def deviations(values: pd.Series) -> pd.Series:
    """How many robust standard deviations each value is from the median (Iglewicz and Hoaglin 1993)."""
    median = values.median()
    spread = 1.4826 * (values - median).abs().median()
    return (values - median) / max(spread, 1e-3 * abs(median), 1e-6)


def border_of(signatures: np.ndarray) -> np.ndarray:
    """Mean grey of the outermost ring of pictures, a thirty-second of each side wide, from their signatures."""
    greys = grey_of(signatures).astype(np.float32)
    total = greys.sum(axis=(-1, -2)) - greys[..., 1:-1, 1:-1].sum(axis=(-1, -2))
    ring: np.ndarray = total / (4 * (greys.shape[-1] - 1))
    return ring
