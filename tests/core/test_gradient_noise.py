"""What the noise of gradients says of batch sizes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.core import gradient_noise
from dashboard.core.gradient_noise import LEAST_STEPS, SIZES


@given(st.floats(0.01, 1e4), st.floats(-2.0, -0.1))
def test_the_slope_of_a_power_is_its_exponent(factor: float, exponent: float) -> None:
    noise = factor * np.array(SIZES, dtype=float) ** exponent
    assert gradient_noise.slope(SIZES, noise) == pytest.approx(exponent, abs=1e-6)


def test_one_size_has_no_slope() -> None:
    assert gradient_noise.slope([1], [3.0]) is None
    assert gradient_noise.slope([1, 2], [3.0, 0.0]) is None


@given(st.floats(0.1, 1e5))
def test_the_noise_scale_is_where_noise_and_gradient_are_alike(scale: float) -> None:
    noise = np.sqrt(scale / np.array(SIZES, dtype=float))
    assert gradient_noise.scale(SIZES, noise) == pytest.approx(scale)


@given(st.floats(0, 1e9) | st.just(float("inf")), st.integers(2, 3000), st.integers(2, 100_000))
def test_a_recommendation_is_a_power_of_two_that_leaves_steps_to_an_epoch(
    scale: float, classes: int, pictures: int
) -> None:
    advice = gradient_noise.recommended(scale, classes, pictures)
    size = advice.batch_size
    assert size & (size - 1) == 0 and 4 <= size <= 512
    assert size == 4 or pictures // size >= LEAST_STEPS
    assert advice.reason.endswith(".") and "inf" not in advice.reason and advice.reason[0].isupper()


def test_it_is_the_noise_scale_where_pictures_suffice_and_never_below_the_number_of_classes() -> None:
    assert gradient_noise.recommended(60.0, 5, 10_000).batch_size == 64
    assert gradient_noise.recommended(2.0, 12, 10_000).batch_size == 16
    assert "12 classes" in gradient_noise.recommended(2.0, 12, 10_000).reason
    assert gradient_noise.recommended(400.0, 5, 200).batch_size == 16
