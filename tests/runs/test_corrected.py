"""A dataset is corrected under its runs: they keep the version they were made on."""

import subprocess
import sys
from pathlib import Path

import pytest

from dashboard.core.recipe import Recipe
from dashboard.data import corrections, datasets, samples
from dashboard.data.datasets import Dataset
from dashboard.runs import queue
from dashboard.runs.run import Run, open_run

ROOT = Path(__file__).resolve().parents[2]


def corrected_under_a_queued_run() -> tuple[Dataset, Run]:
    """A dataset's first version, and a run that was queued on it before the dataset was corrected twice."""
    first = samples.import_sample("shapes", settings=samples.ShapesSettings(images_a_class=6, side=32))
    recipe = Recipe(
        dataset=first.id,
        dataset_version=1,
        backbone="MobileNet",
        alpha=0.25,
        weights="none",
        image_size=32,
        epochs=1,
        fine_tune_epochs=0,
    )
    run = queue.enqueue(recipe)
    paths = datasets.members(first)["path"]
    now = corrections.leave_out(first, list(paths[:2])).dataset
    corrections.rename_class(now, datasets.class_names(now)[0], "renamed")
    return first, run


def test_a_run_keeps_its_manifest_and_its_pictures(workspace: Path) -> None:
    first, run = corrected_under_a_queued_run()
    kept, before = open_run(run.id), datasets.members(first)
    columns = ["path", "sha256", "class_name", "split"]
    assert kept.manifest[columns].values.tolist() == before[columns].values.tolist()
    assert kept.recipe.dataset_version == 1 and datasets.get(first.id).version == 3
    assert all(datasets.picture_path(digest).is_file() for digest in kept.manifest["sha256"])


@pytest.mark.slow
def test_a_run_queued_on_an_old_version_trains_with_it(workspace: Path) -> None:
    first, run = corrected_under_a_queued_run()
    done = subprocess.run(
        [sys.executable, "-m", "dashboard.ml.train", str(run.path)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    predicted = open_run(run.id).predictions()
    assert sorted(predicted["path"]) == sorted(datasets.members(first)["path"])
    assert set(predicted["true"]) == set(datasets.class_names(first))
