"""The story of a run that over-fits, and of runs that do not."""

import pandas as pd
import pytest

from dashboard.core import overfitting


def epochs(*validation: float, first: int = 1, phase: str = "feature extraction") -> pd.DataFrame:
    count = len(validation)
    return pd.DataFrame(
        {
            "epoch": range(first, first + count),
            "phase": phase,
            "loss": [1 / (first + n) for n in range(count)],
            "validation_loss": validation,
            "validation_accuracy": [1 - value / 10 for value in validation],
        }
    )


def marks(*rows: tuple[str, int, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["kind", "epoch", "text"])


def test_turn_stop_and_kept_epoch_are_told() -> None:
    said = marks(("best", 2, "Best."), ("early stopping", 4, "Training stopped at epoch 4."))
    story = overfitting.story(epochs(3, 1, 2, 4), said)
    assert (story.turned, story.stopped, story.kept) == (2, 4, 2)
    turn, stop, kept = story.sentences
    assert turn.startswith("Validation loss turned after epoch 2: it was lowest there (1.000) and 4.000")
    assert stop == "Training stopped at epoch 4." and "epoch 2 were kept" in kept


def test_a_run_that_early_stopping_never_came_to_says_so() -> None:
    story = overfitting.story(epochs(3, 2, 1), marks())
    assert story.turned is None and story.kept == story.stopped == 3
    assert "still falling at the end" in story.sentences[0] and "did not come to it" in story.sentences[1]


def test_one_epoch_alone_is_a_story_too() -> None:
    assert overfitting.story(epochs(3), marks()).turned is None


def test_what_was_avoided_is_told_and_what_was_missed_too() -> None:
    own = epochs(3, 1, 2)
    assert overfitting.avoided(own, epochs(3, 1, 2, 5)).startswith("Stopping avoided this: by epoch 4")
    assert "in epoch 4 validation loss is 0.500 against 1.000" in overfitting.avoided(own, epochs(3, 1, 2, 0.5, 2))
    assert "no epoch beyond" in overfitting.avoided(own, epochs(3, 1))


def test_how_far_run_and_ghost_coincide_is_measured_on_the_epochs_they_share() -> None:
    assert overfitting.coincide(epochs(3, 1, 2), epochs(3, 1, 2, 5)) == (3, 0.0)
    assert overfitting.coincide(epochs(3, 1), epochs(3, 1.5, 9)) == (2, pytest.approx(0.5))
    assert overfitting.coincide(epochs(3), epochs(9, phase="fine-tuning")) == (0, 0.0)
