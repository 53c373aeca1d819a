"""The exported script, run as whoever took it home runs it: without this project."""

import json
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from dashboard.core import files
from dashboard.core.backbones import BACKBONES
from dashboard.core.recipe import recipe_from
from dashboard.core.settings import workspace as in_workspace
from dashboard.data import datasets, intake
from dashboard.data.weights import take_file
from dashboard.ml import backbone, blocks, classifier, fit, rates, train, weights
from dashboard.runs import starting
from dashboard.runs.run import Run, prepare
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
        "epochs": 2,
        "learning_rate": 0.01,
        "head_width": 8,
        "fine_tune_epochs": 3,
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
        "epochs": 0,
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
    command = [sys.executable, "-I", "-c", ALONE, str(in_workspace("objects")), *(str(folder / run.id) for run in runs)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return {run.id: json.loads((folder / run.id / "trained" / "report.json").read_text()) for run in runs}


@pytest.mark.parametrize("names", [["kept"], pytest.param(list(RECIPES), marks=pytest.mark.soak)], ids=len)
def test_a_script_without_the_project_repeats_its_run(
    names: list[str], make_run: Callable[..., Run], lively: dict[str, Any], tmp_path: Path
) -> None:
    runs = [make_run(name, **{**lively, **RECIPES[name]}) for name in names]
    for run in runs:
        train.train(run)
    reports = run_alone(runs, tmp_path)
    for run in runs:
        own, found = run.report(), reports[run.id]
        if run.recipe.weights != "none":
            assert abs(found["accuracy"]["validation"] - own["validation_accuracy"]) <= 0.005
        assert (found["epochs"], found["best_epoch"]) == (own["epochs"], own["best_epoch"])
        again = pd.DataFrame(found["predictions"])[["path", "sha256", "class", "split"]]
        same = run.manifest[["path", "sha256", "class_name", "split"]].rename(columns={"class_name": "class"})
        pd.testing.assert_frame_equal(again, same)
        curves = pd.DataFrame(found["history"])[["loss", "val_loss"]]
        assert found["run_accuracy"] == {split: each["value"] for split, each in own["accuracy"].items()}
        # A network that knows nothing makes much of the last digit of a pixel.
        near = 0.03 if run.recipe.weights == "none" else 2e-3
        np.testing.assert_allclose(curves, run.history()[["loss", "validation_loss"]], rtol=near, err_msg=run.id)


@pytest.mark.soak
def test_a_script_goes_on_from_a_classifier_as_its_run_did(
    make_run: Callable[..., Run], lively: dict[str, Any], tmp_path: Path
) -> None:
    first = make_run("first", **lively, epochs=3, learning_rate=0.01, fine_tune_epochs=0)
    train.train(first)
    fields = {"epochs": 2, "fine_tune_epochs": 2, "unfreeze_from": "conv_12", "precision": "float32"}
    start = {**starting.fields(first, first.class_names), **fields}
    runs = [make_run("with its head", **start), make_run("with a new one", **{**start, "keep_head": False})]
    for run in runs:
        train.train(run)
    for run, found in zip(runs, run_alone(runs, tmp_path).values(), strict=True):
        curves = pd.DataFrame(found["history"])[["loss", "val_loss"]]
        print(run.id, curves.to_numpy().tolist(), run.history()[["loss", "validation_loss"]].to_numpy().tolist())
        np.testing.assert_allclose(curves, run.history()[["loss", "validation_loss"]], rtol=2e-3, err_msg=run.id)
        assert abs(found["accuracy"]["validation"] - run.report()["validation_accuracy"]) <= 0.005


@pytest.mark.soak
def test_in_a_fresh_environment_with_nothing_but_its_own_requirements_a_script_repeats_a_run_on_photographs(
    workspace: Path, shared_data: Path, keras_home: Path, tmp_path: Path
) -> None:
    photographs = shared_data / "flowers_small"
    dataset = intake.import_pictures(intake.Source(photographs, "flowers"), name="flowers")
    fields = {"dataset": dataset.id, "backbone": "MobileNetV2", "alpha": 0.35, "fine_tune_epochs": 5}
    run = prepare("photographs", recipe_from(fields), datasets.members(dataset))
    train.train(run)
    write_script(run, tmp_path / "taken")
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "fresh")], check=True)
    python = str(tmp_path / "fresh" / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "-r", "requirements.txt"]
    subprocess.run(install, cwd=tmp_path / "taken", check=True)
    alone = [python, "-I", "train.py", "--pictures", str(photographs)]
    done = subprocess.run(alone, cwd=tmp_path / "taken", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads((tmp_path / "taken" / "trained" / "report.json").read_text())
    reached = {split: (run.report()["accuracy"][split]["value"], value) for split, value in found["accuracy"].items()}
    print(f"run and script: {reached}, {len(found['history'])} epochs; same split for {len(found['predictions'])}")
    assert abs(found["accuracy"]["validation"] - run.report()["validation_accuracy"]) <= 0.005
    divided = pd.DataFrame(found["predictions"]).set_index("sha256")["split"].sort_index()
    pd.testing.assert_series_equal(divided, run.manifest.set_index("sha256")["split"].sort_index())


OF_EACH_FAMILY = {row.family: row.name for row in BACKBONES.values() if row.parameters < 60}


@pytest.mark.soak
@pytest.mark.parametrize("name", OF_EACH_FAMILY.values())
def test_a_backbone_is_built_cut_thawed_and_filled_as_its_run_has_it(
    make_run: Callable[..., Run], tmp_path: Path, name: str
) -> None:
    row = BACKBONES[name]
    size = max(row.smallest_image_size, 64)
    if row.weights_file:
        own = getattr(keras.applications, name)(include_top=False, weights=None, input_shape=(size, size, 3))
    else:
        own = backbone.build(row, 1.0, size, keras.Input((size, size, 3)))
    for layer in own.layers:
        if isinstance(layer, keras.layers.Normalization) and layer.weights:  # as a file of ImageNet's has it
            layer.adapt_variance.assign(np.array([0.229, 0.224, 0.225]).reshape(layer.adapt_variance.shape))
    own.save_weights(tmp_path / "own.weights.h5")
    taken = take_file(tmp_path / "own.weights.h5", "own.weights.h5")
    fields = {"backbone": name, "alpha": 1.0, "image_size": size, "weights": "file", "weights_file": taken}
    run = make_run(name, **fields, rate_decay=0.5)
    for path in (run.model_path, run.weights_path):
        path.write_bytes(b"")
    model = classifier.build(run.recipe, run.class_names)
    files.write_json(run.blocks_path, blocks.record(run.recipe, model))
    weights.load(model, run.recipe)
    lowest = fit.lowest_block(model, run.recipe.phases[-1], run.recipe)
    classifier.freeze(model, lowest)
    write_script(run, tmp_path / "taken")

    keras.utils.clear_session(free_memory=False)  # a script begins in a process of its own
    script = runpy.run_path(str(tmp_path / "taken" / "train.py"))
    again = script["build"](len(run.class_names))
    script["load_pretrained"](again)
    script["thaw"](again, {layer for block in script["blocks"](again) for layer in block})
    for ours, theirs in zip(again.weights, model.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=theirs.path)
    learning = [[len(layer.trainable_weights) for layer in each.layers] for each in (again, model)]
    assert learning[0] == learning[1]

    factors = rates.factors(model, run.recipe, run.recipe.phases[-1])
    assert list(script["factors_by_depth"](again).values()) == list(factors.values())
    cut = files.read_json(run.blocks_path)["cut"]
    prefix, suffix = script["split"](again, *cut)
    pictures = np.random.default_rng(0).uniform(0, 255, (2, size, size, 3)).astype("float32")
    whole = np.asarray(classifier.trainable_part(model)(pictures, training=False))
    np.testing.assert_allclose(suffix(prefix(pictures, training=False), training=False), whole, atol=1e-5)
    assert [tuple(each.shape) for each in prefix.outputs] == [
        tuple(each.shape) for each in classifier.split(model, lowest)[0].outputs
    ]
