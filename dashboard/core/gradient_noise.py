"""How far the gradient of a mini-batch is from that of all pictures, and which batch size that speaks for.

McCandlish, Kaplan, Amodei and the OpenAI Dota Team, "An Empirical Model of Large-Batch Training" (2018), section 2.2:
the mean squared distance of a batch's gradient from the full one is tr(Sigma) / B, and B_simple = tr(Sigma) / |G|^2,
the simple noise scale, is the size at which noise and signal are alike. Far below it twice the batch needs half the
steps; far above it, as many.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
LEAST_STEPS = 8  # an epoch should have, or nearly all of it is waiting for validation
SMALLEST, LARGEST = 4, 512


@dataclass(frozen=True)
class Recommendation:
    """A batch size and why; the reason is one or two sentences."""

    batch_size: int
    reason: str


def sizes(pictures: int) -> list[int]:
    """The batch sizes worth a look for so many training pictures: powers of two up to all of them."""
    return [size for size in SIZES if size <= pictures]


def slope(batch_sizes: Sequence[float], noise: Sequence[float]) -> float | None:
    """Slope of a straight line through the logarithms of both, by least squares; None of fewer than two points."""
    x, y = np.asarray(batch_sizes, dtype=float), np.asarray(noise, dtype=float)
    whole = np.isfinite(y) & (y > 0)
    if whole.sum() < 2:
        return None
    return float(np.polyfit(np.log(x[whole]), np.log(y[whole]), 1)[0])


def scale(batch_sizes: Sequence[float], noise: Sequence[float]) -> float:
    """The simple noise scale in pictures: the mean of B times noise squared over the sizes, each an estimate of it.

    Args:
        batch_sizes: of batches drawn with replacement.
        noise: root mean square of |g_B - g| / |g| at each.
    """
    return float(np.mean(np.asarray(batch_sizes, dtype=float) * np.asarray(noise, dtype=float) ** 2))


def recommended(noise_scale: float, classes: int, pictures: int) -> Recommendation:
    """The power of two nearest to the noise scale, within what the number of classes and of pictures allows.

    Args:
        noise_scale: in pictures, as of `scale`.
        classes: of the dataset.
        pictures: of the training split.
    """
    least = min(max(SMALLEST, _power(classes, up=True)), LARGEST)
    most = min(max(SMALLEST, _power(pictures // LEAST_STEPS)), LARGEST)
    nearest = LARGEST if not np.isfinite(noise_scale) else 2 ** round(np.log2(min(max(noise_scale, 1.0), LARGEST)))
    balance = f"Noise and gradient are alike at about {_count(noise_scale)}"
    if most < least:
        text = f"With {pictures:,} training pictures an epoch of larger batches has fewer than {LEAST_STEPS} steps."
        return Recommendation(most, text)
    if nearest > most:
        limit = (
            f"so the largest offered, {most}," if most == LARGEST else f"but {most} leaves {LEAST_STEPS} steps an epoch"
        )
        why = f"{limit} is taken." if most == LARGEST else f"{limit} of {pictures:,} training pictures."
        return Recommendation(most, f"{balance}, {why}")
    if nearest < least:
        few = f"With {classes} classes a batch of {least} has about one picture of each, and costs hardly more time."
        return Recommendation(least, f"{balance}; fewer would do. {few}")
    return Recommendation(
        nearest, f"{balance}: smaller batches need more steps, larger ones more pictures, to get equally far."
    )


def _power(number: int, *, up: bool = False) -> int:
    """The power of two just below a number of at least 1, or just above it."""
    number = max(1, number)
    return 1 << ((number - 1).bit_length() if up else number.bit_length() - 1)


def _count(noise_scale: float) -> str:
    if not np.isfinite(noise_scale) or noise_scale > 100_000:
        return "far more than 100,000 pictures a batch"
    number = max(1, round(noise_scale))
    return f"{number:,} picture{'' if number == 1 else 's'} a batch"
