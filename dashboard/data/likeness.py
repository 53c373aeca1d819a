"""Pairs of pictures that show the same thing."""

from collections.abc import Callable

import numpy as np
import pandas as pd

Progress = Callable[[int, int, str], None]
Cancelled = Callable[[], bool]


def search(
    rows: np.ndarray, newest: int, on_progress: Progress | None = None, cancelled: Cancelled | None = None
) -> pd.DataFrame:
    """Not yet."""
    return pd.DataFrame(columns=["sha256_a", "sha256_b", "similarity"])
