import time

import numpy as np
import pytest
from PIL import Image

from dashboard.data import looks
from tests.making import pixels


def textured(seed: int, height: int = 375, width: int = 500) -> np.ndarray:
    """A picture with structure of every size, uint8 (height, width, 3)."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, 3))
    for cells in (3, 8, 24, 80):
        noise = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
        total += np.asarray(noise.resize((width, height), Image.Resampling.BICUBIC)) / 4
    return total.astype(np.uint8)


def differing_bits(first: str, second: str) -> int:
    return (int(first, 16) ^ int(second, 16)).bit_count()


def test_brightness_and_contrast_are_mean_and_deviation_of_the_grey_values():
    found = looks.measure(pixels(3, side=100))
    grey = np.asarray(Image.fromarray(pixels(3, side=100)).convert("L"), dtype=float)
    assert found.brightness == pytest.approx(grey.mean())
    assert found.contrast == pytest.approx(grey.std())


def test_one_colour_has_neither_contrast_nor_sharpness():
    found = looks.measure(np.full((30, 40, 3), 200, np.uint8))
    assert (found.brightness, found.contrast, found.sharpness) == (200, 0, 0)


def test_a_blurred_picture_is_less_sharp_and_the_same_picture_in_another_size_is_about_as_sharp():
    image = Image.fromarray(textured(0, 600, 800))
    sharp = looks.measure(np.asarray(image)).sharpness
    half = looks.measure(np.asarray(image.resize((400, 300), Image.Resampling.BOX))).sharpness
    small = looks.measure(np.asarray(image.resize((80, 60), Image.Resampling.BOX))).sharpness
    assert half == pytest.approx(sharp, rel=0.2)
    assert small < sharp / 3


def test_the_hash_stays_when_a_picture_is_resized_or_made_brighter_and_differs_between_pictures():
    image = Image.fromarray(textured(0))
    first = looks.measure(np.asarray(image)).phash
    assert len(first) == 16
    assert differing_bits(first, looks.measure(np.asarray(image.resize((250, 180)))).phash) <= 6
    assert differing_bits(first, looks.measure(np.asarray(image.point(lambda v: v * 0.8))).phash) <= 6
    others = [differing_bits(first, looks.measure(textured(seed)).phash) for seed in range(1, 20)]
    assert min(others) >= 14


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 2), (28, 28), (5000, 1200)], ids=str)
def test_any_size_is_measured_and_every_signature_has_one_size(shape):
    found = looks.measure(np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8))
    assert found.signature.shape == (looks.SIGNATURE,)
    assert found.signature.dtype == np.uint8
    assert np.isfinite([found.brightness, found.contrast, found.sharpness]).all()


def test_a_large_picture_looks_as_its_reduced_self():
    image = Image.fromarray(textured(1, 300, 450))
    small, large = looks.measure(np.asarray(image)), looks.measure(np.asarray(image.resize((4500, 3000))))
    assert large.brightness == pytest.approx(small.brightness, abs=1)
    difference = np.abs(small.signature.astype(int) - large.signature).max()
    assert difference <= 4


def test_the_parts_of_a_signature_are_the_picture_in_grey_and_its_colours():
    red = np.zeros((64, 64, 3), np.uint8)
    red[:, 32:, 0] = 255
    signature = looks.measure(red).signature
    grey, chroma = looks.grey_of(signature), looks.chroma_of(signature)
    assert grey.shape == (looks.SIDE, looks.SIDE) and grey[0, 0] == 0 and grey[0, -1] == 76
    assert chroma.shape == (2, looks.CHROMA, looks.CHROMA)
    assert (chroma[:, :, 0] == 128).all() and (chroma[1, :, -1] == 255).all()


def test_a_picture_of_the_usual_size_costs_about_a_millisecond():
    picture = textured(2)
    looks.measure(picture)
    costs = []
    for _ in range(30):
        start = time.process_time()
        looks.measure(picture)
        costs.append(time.process_time() - start)
    assert sorted(costs)[15] < 0.004  # a busy machine is no bug
