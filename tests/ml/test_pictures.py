"""Batches that repeat to the last bit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dashboard.core.recipe import recipe_from
from dashboard.ml.pictures import Augmentation, Pictures


@pytest.fixture
def batches(store: Any) -> Any:
    def batches(epoch: int, *, training: bool = True, **fields: Any) -> list[tuple[np.ndarray, np.ndarray]]:
        rows = store()
        recipe = recipe_from(
            {"dataset": "-", "alpha": 0.35, "weights": "none", "image_size": 48, "batch_size": 5, **fields}
        )
        names = sorted(rows["class_name"].unique())
        pictures = Pictures(rows.head(12), names, recipe, training=training)
        pictures.start_at(epoch)
        return [pictures[index] for index in range(len(pictures))]

    return batches


def pixels(found: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    return np.concatenate([pictures for pictures, _ in found])


def test_the_last_batch_holds_what_is_left(batches: Any) -> None:
    assert [len(labels) for _, labels in batches(0)] == [5, 5, 2]


def test_an_epoch_repeats_its_order_and_the_next_has_another(batches: Any) -> None:
    np.testing.assert_array_equal(pixels(batches(3)), pixels(batches(3)))
    assert not np.array_equal(pixels(batches(3)), pixels(batches(4)))
    assert not np.array_equal(pixels(batches(3)), pixels(batches(3, seed=1)))


def test_every_picture_comes_once_an_epoch_and_keeps_its_label(batches: Any) -> None:
    plain, shuffled = batches(0, training=False), batches(0)
    for found in (plain, shuffled):
        assert len(np.unique(pixels(found), axis=0)) == 12
    by_picture = {
        picture.tobytes(): label.tolist()
        for pictures, labels in plain
        for picture, label in zip(pictures, labels, strict=True)
    }
    for pictures, labels in shuffled:
        for picture, label in zip(pictures, labels, strict=True):
            assert by_picture[picture.tobytes()] == label.tolist()


def test_augmentation_repeats_for_an_epoch_and_leaves_other_splits_alone(batches: Any) -> None:
    every = ["flip", "rotation", "zoom", "translation", "brightness", "contrast"]
    changed = pixels(batches(2, augmentation=every))
    np.testing.assert_array_equal(changed, pixels(batches(2, augmentation=every)))
    assert not np.array_equal(changed, pixels(batches(2)))
    assert changed.min() >= 0
    assert changed.max() <= 255
    np.testing.assert_array_equal(
        pixels(batches(2, training=False, augmentation=every)), pixels(batches(2, training=False))
    )


def test_pictures_stay_floats_after_resizing(batches: Any, workspace: Path) -> None:
    found = pixels(batches(0))
    assert found.dtype == np.float32
    assert (found % 1 > 0.01).any()


def test_mixup_makes_of_every_example_and_its_label_the_same_mixture_of_two(batches: Any) -> None:
    plain, mixed = batches(1), batches(1, mixup=0.4)
    for (pictures, labels), (before, whole) in zip(mixed, plain, strict=True):
        np.testing.assert_allclose(labels.sum(axis=1), 1, rtol=1e-6)
        for picture, label in zip(pictures, labels, strict=True):
            errors = [
                np.abs(share * one + (1 - share) * other - picture).max()
                for one, first in zip(before, whole, strict=True)
                for other, second in zip(before, whole, strict=True)
                for share in [label[first.argmax()] if (first != second).any() else None]
                if share is not None and np.allclose(share * first + (1 - share) * second, label, atol=1e-6)
            ]
            pure = label.max() > 1 - 1e-6  # mixed with one of its own class, by a share nobody can tell
            assert pure or min(errors) < 1e-3
    assert min(labels.max(axis=1).min() for _, labels in mixed) < 0.99, "something must have been mixed"
    np.testing.assert_array_equal(pixels(batches(1, mixup=0.4)), pixels(mixed))
    np.testing.assert_array_equal(pixels(batches(1, mixup=0.4, training=False)), pixels(batches(1, training=False)))


def test_a_view_is_the_same_whatever_was_drawn_before_it() -> None:
    recipe = recipe_from({"dataset": "-", "augmentation": ["flip", "rotation", "brightness"], "image_size": 48})
    picture = np.random.default_rng(0).uniform(0, 255, (48, 48, 3)).astype("float32")
    first, again = Augmentation(recipe), Augmentation(recipe)
    again.view(picture, "b" * 64, 2)
    np.testing.assert_array_equal(first.view(picture, "a" * 64, 1), again.view(picture, "a" * 64, 1))
    assert not np.array_equal(first.view(picture, "a" * 64, 1), first.view(picture, "a" * 64, 2))
    assert not np.array_equal(first.view(picture, "a" * 64, 1), first.view(picture, "b" * 64, 1))
