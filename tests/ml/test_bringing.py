"""A model made in one workspace and brought into another: it predicts, goes on learning, and begins something new."""

import json
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from dashboard.core import files
from dashboard.core.backbones import BACKBONES
from dashboard.core.errors import WeightsError
from dashboard.core.recipe import recipe_from
from dashboard.core.settings import settings
from dashboard.data.weights import take_file
from dashboard.ml import bringing as building
from dashboard.ml import classifier, export, train, weights
from dashboard.runs import bringing, queue, starting, status, workers
from dashboard.runs.run import Run, open_run, prepare
from tests.ml.conftest import CLASSES, SMALL, classified, store_shapes
from tests.security.corpus import model_bytes

pytestmark = pytest.mark.slow


@dataclass
class Brought:
    """What one machine made, and what came of it on the other."""

    made: Run
    predicted: pd.DataFrame  # there
    run: Run
    manifest: pd.DataFrame  # of the same pictures, here
    worker: workers.Worker


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory, lively_file: Path) -> Iterator[Brought]:
    """A run trained in one workspace, exported, and brought into another that has nothing but pictures."""
    before, folder = dict(os.environ), tmp_path_factory.mktemp("two machines")
    enter(folder / "there")
    start = {"weights": "file", "weights_file": take_file(lively_file, lively_file.name)}
    recipe = recipe_from({**SMALL, **start, "epochs": 1, "batch_size": 8, "learning_rate": 0.01})
    made = prepare("made", recipe, store_shapes())
    train.train(made)
    export.write_zip(made, folder / "everything.zip", lambda done, total, text: None)
    predicted = made.predictions()
    enter(folder / "here")
    with workers.Worker() as worker:
        run = bringing.bring(worker, bringing.sent([folder / "everything.zip"]))
        yield Brought(made, predicted, run, store_shapes(), worker)
    os.environ.clear()
    os.environ.update(before)
    settings.cache_clear()


def enter(folder: Path) -> None:
    os.environ["THAW_WORKSPACE"] = str(folder)
    settings.cache_clear()


def arrays(run: Run) -> dict[str, np.ndarray]:
    """All weights of a run by their place."""
    found: dict[str, np.ndarray] = {}
    with h5py.File(run.weights_path) as file:
        file.visititems(lambda place, each: found.update({place: each[()]}) if isinstance(each, h5py.Dataset) else None)
    return found


def probabilities(table: pd.DataFrame) -> np.ndarray:
    return table[[f"probability: {name}" for name in CLASSES]].to_numpy()


def test_it_is_a_finished_run_with_what_came_along(brought: Brought) -> None:
    row = queue.row(brought.run.id)
    assert (row["status"], row["dataset_id"]) == (status.FINISHED, "elsewhere")
    assert row["validation_accuracy"] == brought.made.report()["validation_accuracy"]
    assert brought.run.is_brought and brought.run.has_model
    assert brought.run.class_names == list(CLASSES)
    assert files.read_json(brought.run.path / "brought.json")["is_checked"]
    pd.testing.assert_frame_equal(brought.run.predictions(), brought.predicted)
    assert brought.run.recipe == brought.made.recipe.replace(dataset="elsewhere")


def test_it_is_taken_on_from_here_with_a_word_on_what_could_not_be_compared(brought: Brought, tmp_path: Path) -> None:
    (brought.run.path / "predictions.csv").rename(tmp_path / "predictions.csv")
    path = brought.run.path / export.export(brought.run, "zip")
    with zipfile.ZipFile(path) as archive:
        names = {Path(name).name for name in archive.namelist()}
        record = json.loads(archive.read(f"{brought.run.id}/certificate.json"))
    (tmp_path / "predictions.csv").rename(brought.run.path / "predictions.csv")
    assert {"model.weights.h5", "model.keras", "rebuild.py", "labels.json", "recipe.json"} <= names
    assert {each["verdict"] for each in record.values()} == {"not verified"}
    assert all("brought from another machine" in each["reason"] for each in record.values())


def test_it_predicts_what_the_other_machine_predicted(brought: Brought, tmp_path: Path) -> None:
    found = classified(brought.worker, brought.run, list(brought.predicted["sha256"]), tmp_path)
    expected = probabilities(brought.predicted)
    assert np.abs(found - expected).max() < 1e-4
    assert expected.std(axis=0).max() > 1e-3, "a constant output would pass every comparison"
    for place, values in arrays(brought.run).items():
        np.testing.assert_array_equal(values, arrays(brought.made)[place], place)


def test_what_the_worker_refuses_changes_nothing_it_has_ready(brought: Brought, tmp_path: Path) -> None:
    """Finite weights, too large for any answer: only the network itself can tell."""

    def overflow(file: h5py.File) -> None:
        file["layers/dense/vars/0"][:] = 3e38

    shas = list(brought.manifest["sha256"][:8])
    before = classified(brought.worker, brought.run, shas, tmp_path)
    left = sorted(brought.run.path.parent.iterdir())
    for name, data in model_bytes.export(weights=model_bytes.weights(overflow)).items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(WeightsError, match="gives no numbers") as refusal:
        bringing.bring(brought.worker, bringing.sent([tmp_path / model_bytes.WEIGHTS]))
    assert refusal.value.code == "weights-not-finite"
    assert sorted(brought.run.path.parent.iterdir()) == left
    assert list((settings().absolute_workspace / "scratch").iterdir()) == []
    np.testing.assert_array_equal(classified(brought.worker, brought.run, shas, tmp_path), before)


def test_it_goes_on_learning_with_its_head(brought: Brought) -> None:
    fields = starting.fields(brought.run, list(reversed(CLASSES)))
    assert fields["keep_head"]
    recipe = recipe_from({"dataset": "shapes", **fields, "epochs": 1, "batch_size": 8, "learning_rate": 1e-7})
    run = prepare("on", recipe, brought.manifest)
    train.train(run)
    assert np.abs(probabilities(run.predictions()) - probabilities(brought.predicted)).max() < 1e-3


def test_other_classes_get_its_backbone_and_a_new_head(brought: Brought) -> None:
    two = brought.manifest[brought.manifest["class_name"].isin(CLASSES[:2])]
    fields = starting.fields(brought.run, list(CLASSES[:2]))
    assert not fields["keep_head"]
    recipe = recipe_from({"dataset": "shapes", **fields, "epochs": 1, "batch_size": 8})
    run = prepare("other", recipe, two)
    train.train(run)
    before, after = arrays(brought.run), arrays(run)
    assert after["layers/dense/vars/0"].shape == (256, 2)
    for place in before:
        if not place.startswith("layers/dense/"):
            np.testing.assert_array_equal(after[place], before[place], place)


def test_what_a_child_is_told_to_expect_is_what_keras_saves() -> None:
    recipe = recipe_from({**SMALL, **model_bytes.NETWORK})
    found = json.loads(json.dumps(building.expected(recipe, len(model_bytes.CLASSES))))
    assert found == json.loads(json.dumps(model_bytes.expected()))


def test_every_array_of_an_export_is_expected_at_its_place(brought: Brought) -> None:
    expected = bringing.tensors(brought.worker, brought.run.recipe, len(CLASSES))
    assert {place: list(values.shape) for place, values in arrays(open_run(brought.run.id)).items()} == {
        place: list(shape) for _, place, shape, _ in expected
    }


FAMILIES = (
    "MobileNetV3Small",
    "ConvNeXtTiny",
    "EfficientNetB0",
    "NASNetMobile",
    "DenseNet121",
    "Xception",
    "ResNet50V2",
    "InceptionV3",
)


@pytest.mark.soak
@pytest.mark.parametrize("name", FAMILIES)
def test_the_file_of_any_classifier_has_every_array_at_its_place_and_is_a_start(
    name: str, workspace: Path, tmp_path: Path
) -> None:
    row = BACKBONES[name]
    network = {"dataset": "-", "backbone": name, "image_size": max(32, row.smallest_image_size), "head_width": 8}
    model = classifier.build(recipe_from(network), list(CLASSES))
    model.save_weights(tmp_path / "model.weights.h5")
    expected = [(place, shape) for _, place, shape, _ in building.expected(recipe_from(network), len(CLASSES))]
    with h5py.File(tmp_path / "model.weights.h5") as file:
        found: dict[str, tuple[int, ...]] = {}
        file.visititems(
            lambda place, each: found.update({place: each.shape}) if isinstance(each, h5py.Dataset) else None
        )
    assert {place: shape for place, shape in found.items() if "seed_generator" not in place} == dict(expected)
    sha = take_file(tmp_path / "model.weights.h5", "model.weights.h5", CLASSES)
    start = recipe_from({**network, "weights": "file", "weights_file": sha})
    weights.check(start)
    weights.check(start.replace(keep_head=True))
    with pytest.raises(WeightsError) as refusal:
        weights.check(start.replace(keep_head=True, head_width=0))
    assert refusal.value.code == "weights-other-head"
