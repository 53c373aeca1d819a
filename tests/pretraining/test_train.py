"""Training on drawn pictures: resumed, checked, and the same function as the network it is loaded into."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from dashboard.ml import backbone
from pretraining import packing, pictures, train

ROOT = Path(__file__).resolve().parents[2]
PLAN = pictures.Plan(seed=3, things=5, grounds=4, pictures=8, bare=2)  # 48 pictures: 5 batches of 8 in an epoch


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures.draw_all(PLAN, tmp_path_factory.mktemp("drawn"), processes=1)


def trained(folder: Path, target: Path, killed_before: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.pretraining.killed_training", str(folder), str(target), str(killed_before)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


@pytest.mark.soak
def test_a_killed_training_goes_on_to_the_same_weights(folder: Path, tmp_path: Path) -> None:
    whole = trained(folder, tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    # In the second epoch, and in the third, which has pictures of another size.
    for batch in (8, 3):
        assert trained(folder, tmp_path / "killed", killed_before=batch).returncode == -9
    resumed = trained(folder, tmp_path / "killed")
    assert resumed.returncode == 0, resumed.stderr

    expected, received = (train.State.load(tmp_path / name / "state.npz") for name in ("whole", "killed"))
    assert expected.epoch == received.epoch == 3
    for kind in ("weights", "optimizer"):
        for first, second in zip(getattr(expected, kind), getattr(received, kind), strict=True):
            np.testing.assert_array_equal(first, second)
    rows = [json.loads(line) for line in (tmp_path / "killed" / "epochs.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2, 3]


def test_a_folder_with_other_settings_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "schooling.json").write_text(json.dumps({"epochs": 99}))
    with pytest.raises(ValueError, match="other settings.*found {'epochs': 99}"):
        train.train(train.Pictures.opened(folder), tmp_path, train.Schooling(epochs=1))


def test_pictures_held_out_are_never_trained_on(folder: Path) -> None:
    opened = train.Pictures.opened(folder)
    assert not set(opened.held_out) & set(opened.trained_on)
    assert sorted([*opened.held_out, *opened.trained_on]) == list(range(PLAN.count))
    assert opened.classes == (6, 4)


def test_two_epochs_take_the_pictures_in_another_order_and_again_in_the_same(folder: Path) -> None:
    opened, schooling = train.Pictures.opened(folder), train.Schooling(batch=8)
    first, second, again = (
        np.concatenate([np.asarray(batch[4]) for _, batch in train.batches(opened, schooling, epoch)])
        for epoch in (0, 1, 0)
    )
    assert np.array_equal(first, again) and not np.array_equal(first, second)


def test_the_rate_rises_then_falls_to_nothing() -> None:
    schooling = train.Schooling(learning_rate=1.0, warm_up=1, epochs=10, cooling=4)
    assert [round(schooling.rate(done), 3) for done in (0, 0.5, 1, 6, 8, 10)] == [0, 0.5, 1, 1, 0.5, 0]


def test_the_number_of_epochs_may_be_changed_while_it_trains(tmp_path: Path) -> None:
    train._hold_to(tmp_path / "schooling.json", train.Schooling(epochs=5))
    train._hold_to(tmp_path / "schooling.json", train.Schooling(epochs=9))
    with pytest.raises(ValueError, match="other settings"):
        train._hold_to(tmp_path / "schooling.json", train.Schooling(epochs=9, cooling=3))


def test_crops_lie_in_the_picture() -> None:
    top, left, bottom, right = train.crops(500, np.random.default_rng(0)).T
    assert min(top.min(), left.min()) >= 0 and max(bottom.max(), right.max()) <= 1 + 1e-6
    assert min((bottom - top).min(), (right - left).min()) >= 0.4 - 1e-6


def test_fused_normalization_trains_as_that_of_keras_does() -> None:
    model = train.build(32, (4, 3), 5)
    images = keras.Input((32, 32, 3))
    plain = backbone.build(train.ROW, train.ALPHA, 32, images)
    for layer in plain.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = train.MOMENTUM
    plain.set_weights(model.get_weights()[: len(plain.weights)])
    pooled = keras.Model(model.inputs[0], model.get_layer("pooling").output)
    values = np.random.default_rng(0).uniform(0, 255, (8, 32, 32, 3)).astype("float32")
    for training in (True, False):
        expected = np.asarray(plain([values], training=training)).mean(axis=(1, 2))
        np.testing.assert_allclose(np.asarray(pooled(values, training=training)), expected, atol=2e-3)
    for ours, theirs in zip(model.get_weights(), plain.get_weights(), strict=False):
        np.testing.assert_allclose(ours, theirs, rtol=2e-2, atol=1e-4)


def test_a_packed_file_gives_the_weights_back_and_is_the_same_when_packed_again(tmp_path: Path) -> None:
    weights = train.build(96, (4, 3), 5).get_weights()
    rng = np.random.default_rng(0)
    weights = [value + rng.normal(0, 0.1, value.shape) for value in weights]
    path = tmp_path / "packed.weights.h5"
    assert packing.pack(weights, path) == packing.pack(weights, path)
    model = backbone.build(train.ROW, train.ALPHA, 96, keras.Input((96, 96, 3)))
    model.load_weights(path)
    for packed, value in zip(model.get_weights(), weights, strict=False):
        np.testing.assert_allclose(packed, value, rtol=1e-3, atol=1e-6)
