import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.core import resampling
from dashboard.core.decomposition import decompose, shares


@given(seed=st.integers(0, 2**32 - 1), pictures=st.integers(1, 12), classes=st.integers(2, 6), heads=st.integers(2, 9))
def test_bias_variance_and_noise_add_up_to_the_mean_zero_one_loss(
    seed: int, pictures: int, classes: int, heads: int
) -> None:
    """Against the loss counted one guess and one label at a time, labels being uncertain too."""
    rng = np.random.default_rng(seed)
    guesses = rng.integers(0, classes, (heads, pictures))
    labels = rng.integers(0, classes, (5, pictures))  # five people who labelled
    everyone = np.ones_like(guesses, dtype=bool)
    guessed, true = shares(guesses, everyone, classes), shares(labels, np.ones_like(labels, dtype=bool), classes)
    loss = np.array([[(guesses[:, p] != label).mean() for label in labels[:, p]] for p in range(pictures)]).mean(axis=1)
    for judges in (None, everyone.sum(axis=0)):
        found = decompose(guessed, true, judges)
        np.testing.assert_allclose(found.bias + found.variance + found.noise, loss, atol=1e-12)
        np.testing.assert_allclose(found.error, loss, atol=1e-12)


def test_few_judges_do_not_hide_variance_in_bias() -> None:
    """Two coins a picture: half of the variance would stand in the bias."""
    rng = np.random.default_rng(0)
    guesses = rng.integers(0, 2, (2, 20_000))
    true = np.tile([1.0, 0.0], (20_000, 1))
    everyone = np.ones_like(guesses, dtype=bool)
    found = decompose(shares(guesses, everyone, 2), true, everyone.sum(axis=0))
    assert found.bias.mean() == pytest.approx(0.25, abs=0.01) and found.variance.mean() == pytest.approx(0.25, abs=0.01)


def test_only_heads_that_have_not_seen_a_picture_judge_it() -> None:
    guesses = np.array([[0, 1], [1, 1], [1, 0]])
    counts = np.array([[True, False], [True, False], [False, False]])
    np.testing.assert_array_equal(shares(guesses, counts, 2)[0], [0.5, 0.5])
    assert np.isnan(shares(guesses, counts, 2)[1]).all()


def test_training_sets_keep_every_class_and_know_what_they_have_not() -> None:
    labels = np.array([0] * 20 + [1] * 2)
    rng = np.random.default_rng(0)
    for drawn in (resampling.bootstraps(labels, 9, rng), resampling.subsets(labels, 0.1, 9, rng)):
        assert all(set(labels[row]) == {0, 1} for row in drawn)
        unseen = resampling.unseen(drawn, len(labels))
        assert all(set(np.flatnonzero(~row)) == set(each) for row, each in zip(unseen, drawn, strict=True))
    assert all(len(set(row)) == len(row) for row in resampling.subsets(labels, 0.5, 9, rng))
