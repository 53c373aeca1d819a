"""The exported script, run as whoever took it home runs it: without this project."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dashboard.core.settings import workspace
from dashboard.ml import train
from dashboard.runs.run import Run
from dashboard.runs.script import write_script

pytestmark = pytest.mark.slow

# One process for all of them, for TensorFlow takes longer to begin than they take to train.
ALONE = """
import importlib.util, runpy, sys
assert importlib.util.find_spec("dashboard") is None, "the project must be out of reach"
pictures, *folders = sys.argv[1:]
for folder in folders:
    sys.argv = ["train.py", "--pictures", pictures, "--out", f"{folder}/trained"]
    runpy.run_path(f"{folder}/train.py", run_name="__main__")
"""

RECIPES: dict[str, dict[str, Any]] = {
    "kept": {
        "epochs": 3,
        "learning_rate": 0.01,
        "head_width": 8,
        "fine_tune_epochs": 4,
        "fine_tune_learning_rate": 1e-3,
        "unfreeze_from": "conv_12",
        "gradual_thawing": True,
        "patience": 2,
        "head_rate_factor": 2.0,
        "rate_decay": 0.5,
        "augmentation": ["flip", "rotation", "brightness"],
        "views": 2,
        "mixup": 0.2,
        "schedule": "reduce on plateau",
        "class_weights": True,
        "label_smoothing": 0.1,
        "precision": "float32",
    },
    "from scratch, nothing kept": {
        "weights": "none",
        "weights_file": None,
        "epochs": 1,
        "learning_rate": 0.01,
        "fine_tune_epochs": 1,
        "augmentation": ["zoom", "contrast"],
        "optimizer": "SGD",
        "schedule": "one-cycle",
        "warmup_epochs": 0.5,
        "train_batch_normalization": True,
        "cache": False,
    },
}


def run_alone(runs: list[Run], folder: Path) -> dict[str, dict[str, Any]]:
    """The report that each script writes, by the name of its run."""
    for run in runs:
        write_script(run, folder / run.id)
    command = [sys.executable, "-I", "-c", ALONE, str(workspace("objects")), *(str(folder / run.id) for run in runs)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return {run.id: json.loads((folder / run.id / "trained" / "report.json").read_text()) for run in runs}


def test_a_script_without_the_project_repeats_its_run(
    make_run: Callable[..., Run], lively: dict[str, Any], tmp_path: Path
) -> None:
    runs = [make_run(name, **{**lively, **fields}) for name, fields in RECIPES.items()]
    for run in runs:
        train.train(run)
    reports = run_alone(runs, tmp_path)
    for run in runs:
        own, found = run.report(), reports[run.id]
        assert abs(found["accuracy"]["validation"] - own["validation_accuracy"]) <= 0.005
        assert (found["epochs"], found["best_epoch"]) == (own["epochs"], own["best_epoch"])
        again = pd.DataFrame(found["predictions"])[["path", "sha256", "class", "split"]]
        same = run.manifest[["path", "sha256", "class_name", "split"]].rename(columns={"class_name": "class"})
        pd.testing.assert_frame_equal(again, same)
        curves = pd.DataFrame(found["history"])[["loss", "val_loss"]]
        assert found["run_accuracy"] == {split: each["value"] for split, each in own["accuracy"].items()}
        np.testing.assert_allclose(curves, run.history()[["loss", "validation_loss"]], rtol=2e-3, err_msg=run.id)
