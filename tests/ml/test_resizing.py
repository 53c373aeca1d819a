"""A picture is resized as the network itself would do it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.ml import classifier
from dashboard.ml.resizing import resize

SIDES = st.integers(1, 600)


@settings(max_examples=40, deadline=None)
@given(height=SIDES, width=SIDES, image_size=st.sampled_from([16, 64, 96, 224]), seed=st.integers(0, 99))
def test_it_is_what_the_layer_of_the_network_does(height: int, width: int, image_size: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype("uint8")
    expected = np.asarray(classifier.resizing(image_size)(pixels[np.newaxis].astype("float32")))[0]
    found = resize(pixels, image_size)
    assert found.dtype == np.float32
    assert found.shape == (image_size, image_size, 3)
    np.testing.assert_allclose(
        found, expected, atol=1e-5
    )  # of 255; equal to the last bit where TensorFlow sums up in the same order


def test_a_picture_of_the_right_size_keeps_every_pixel() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype("uint8")
    np.testing.assert_array_equal(resize(pixels, 64), pixels)
