"""Filters that were made by hand, one row each, and the check of one that somebody typed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.core.errors import LessonError

LARGEST = 1e6  # of a typed number: far beyond any use, and its products with pixels are still exact enough to show
SIDES = (3, 5)  # of a typed filter


@dataclass(frozen=True)
class Filter:
    """One square of weights, turned nowhere: it is laid on the picture as it stands, as Keras does."""

    name: str
    title: str
    weights: tuple[tuple[float, ...], ...]
    effect: str

    @property
    def values(self) -> np.ndarray:
        """float64, shape (side, side)."""
        return np.array(self.weights, dtype="float64")


# Gonzalez and Woods, "Digital Image Processing", chapter 3.
FILTERS = {
    row.name: row
    for row in (
        Filter("identity", "Identity", ((0, 0, 0), (0, 1, 0), (0, 0, 0)), "Every pixel stays as it is."),
        Filter(
            "sobel-upright",
            "Upright edges (Sobel)",
            ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
            "Large where it is brighter on the right than on the left, negative the other way round.",
        ),
        Filter(
            "sobel-level",
            "Level edges (Sobel)",
            ((-1, -2, -1), (0, 0, 0), (1, 2, 1)),
            "Large where it is brighter below than above, negative the other way round.",
        ),
        Filter(
            "laplacian",
            "All edges (Laplacian)",
            ((0, 1, 0), (1, -4, 1), (0, 1, 0)),
            "Zero where the picture is even, on both sides of an edge of opposite signs.",
        ),
        Filter(
            "blur",
            "Blur",
            ((1 / 16, 2 / 16, 1 / 16), (2 / 16, 4 / 16, 2 / 16), (1 / 16, 2 / 16, 1 / 16)),
            "A weighted mean of each pixel and its neighbours.",
        ),
        Filter(
            "sharpen",
            "Sharpen",
            ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
            "Each pixel, and how much it differs from its neighbours on top.",
        ),
        Filter(
            "emboss",
            "Emboss",
            ((-2, -1, 0), (-1, 1, 1), (0, 1, 2)),
            "As if light came from the upper left onto a relief.",
        ),
    )
}


def typed(rows: Sequence[Sequence[float | None]]) -> np.ndarray:
    """A typed filter, float64, shape (side, side).

    Raises:
        LessonError: `filter-not-square`; `filter-number`, a cell is empty, not finite or beyond `LARGEST`.
    """
    if len(rows) not in SIDES or any(len(row) != len(rows) for row in rows):
        raise LessonError("filter-not-square", "A filter has 3 x 3 or 5 x 5 numbers. Choose one of these sizes.")
    for number, row in enumerate(rows, 1):
        for place, value in enumerate(row, 1):
            if value is None or not np.isfinite(value) or abs(value) > LARGEST:
                what = "is empty" if value is None or np.isnan(value) else f"holds {value:g}"
                raise LessonError(
                    "filter-number",
                    f"Row {number}, column {place} of the filter {what}; expected a number from "
                    f"{-LARGEST:,.0f} to {LARGEST:,.0f}. Type one there.",
                )
    return np.array(rows, dtype="float64")
