"""Fewer points that draw the same curve."""

import numpy as np
import pandas as pd

DRAWN = 2000  # points a trace; more than a screen has columns


def kept(values: pd.Series, limit: int = DRAWN) -> np.ndarray:
    """Positions of at most about `limit` values that keep every visible peak and dip.

    The series is cut into equal stretches and the least and the greatest value of each is kept, with the first and the
    last of all: the min/max decimation of oscilloscopes. Values that are not finite give way to finite ones.

    Returns:
        Ascending positions, shape `(at most limit + 2,)`; all of them where the series is short enough.
    """
    size = len(values)
    if size <= limit:
        return np.arange(size)
    numbers = values.to_numpy(dtype=float)
    finite = np.isfinite(numbers)
    stretches = limit // 2
    width = -(-size // stretches)
    padding = stretches * width - size
    low = np.pad(np.where(finite, numbers, np.inf), (0, padding), constant_values=np.inf).reshape(stretches, width)
    high = np.pad(np.where(finite, numbers, -np.inf), (0, padding), constant_values=-np.inf).reshape(stretches, width)
    starts = np.arange(stretches) * width
    found = np.concatenate([starts + low.argmin(axis=1), starts + high.argmax(axis=1), [0, size - 1]])
    return np.unique(found[found < size])
