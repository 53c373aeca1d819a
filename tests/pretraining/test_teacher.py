"""What the teacher says of pictures: the same of the same, and of a turned picture what stays when it is turned."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pretraining import pictures, teacher

pytestmark = pytest.mark.soak  # nothing that is shipped computes it

PLAN = pictures.Plan(seed=3, things=5, grounds=4, pictures=8, bare=2)


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    return np.stack([pictures.drawn(PLAN, number % 6, number // 6)[0] for number in range(48)])


@pytest.fixture(scope="module")
def made(drawn: np.ndarray) -> teacher.Teacher:
    return teacher.Teacher.made(drawn)


def test_answers_are_standardised_and_the_same_after_saving(
    made: teacher.Teacher, drawn: np.ndarray, tmp_path: Path
) -> None:
    made.save(tmp_path / "teacher.npz")
    images = tf.image.resize(drawn, (teacher.SIDE, teacher.SIDE))
    answers = np.asarray(made.answers(images))
    assert answers.shape == (48, made.targets) and made.importance.sum() == pytest.approx(1, abs=1e-4)
    assert np.abs(answers.mean(axis=0)).max() < 0.2 and 0.5 < answers.std(axis=0).mean() < 1.3
    np.testing.assert_allclose(teacher.Teacher.load(tmp_path / "teacher.npz").answers(images), answers)


def test_a_quarter_turn_changes_where_edges_are_and_not_what_is_turned(
    made: teacher.Teacher, drawn: np.ndarray
) -> None:
    images = np.asarray(teacher.resized(drawn[:6], teacher.SIDE))
    before, after = (
        teacher.descriptions(each, made.filters, made.offsets)
        for each in (images, np.rot90(images, axes=(1, 2)).copy())
    )
    changed = {name: float(np.abs(before[name] - after[name]).mean() / np.std(before[name])) for name in before}
    assert changed["turned"] < 0.1 < changed["gradients"], changed
    assert changed["colours"] < 0.05, changed
