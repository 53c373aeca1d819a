"""Networks and pictures of lessons are those of training."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dashboard.core.errors import DatasetError, RunError
from dashboard.data.datasets import picture_path
from dashboard.ml import classifier, specimens
from dashboard.ml.pictures import Reader
from dashboard.runs.run import Run


def test_a_run_s_network_is_flat_and_predicts_as_the_whole_model_until_its_weights_are_written_anew(
    make_run: Callable[..., Run],
) -> None:
    run = make_run()
    with pytest.raises(RunError, match="no finished model yet"):
        specimens.network({"run": run.id})
    model = classifier.build(run.recipe, run.class_names)
    model.save_weights(run.weights_path)
    model.save(run.model_path)
    of = {"run": run.id}
    picture = specimens.picture(run.manifest["sha256"].iloc[0], specimens.image_size(of))
    network = specimens.network(of)
    assert picture.shape == (1, 32, 32, 3) and network is specimens.network(of)
    assert not [layer for layer in network.layers if getattr(layer, "layers", None)]
    np.testing.assert_allclose(network(picture), model(picture, training=False), atol=1e-6)
    os.utime(run.weights_path, ns=(1, run.weights_path.stat().st_mtime_ns + 1))
    assert specimens.network(of) is not network


def test_the_backbone_of_a_recipe_has_the_weights_it_starts_from(lively: dict[str, Any]) -> None:
    of = {"recipe": {"dataset": "", "backbone": "MobileNet", "alpha": 0.25, "image_size": 32, **lively}}
    pictures = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype("float32")
    found = np.asarray(specimens.network(of)(pictures, training=False))
    assert found.shape == (4, 1, 1, 256) and found.std(axis=0).max() > 1e-3


def test_a_picture_is_as_training_reads_it_and_a_deleted_one_is_refused(store: Callable[..., pd.DataFrame]) -> None:
    sha = str(store(1)["sha256"].iloc[0])
    reader = Reader(48)
    np.testing.assert_array_equal(specimens.picture(sha, 48)[0], reader.read(picture_path(sha)))
    picture_path(sha).unlink()
    with pytest.raises(DatasetError, match="no longer in the workspace"):
        specimens.picture(sha, 48)
