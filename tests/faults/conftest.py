"""Real runs on a small demo set, trained by real processes that are killed for real."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from dashboard.core import lease
from dashboard.core.recipe import Recipe
from dashboard.core.settings import ROOT
from dashboard.data import datasets
from dashboard.data.datasets import Dataset
from dashboard.data.weights import take_file
from dashboard.runs import queue
from dashboard.runs.run import Run, prepare
from tests.ml.conftest import draw_lively
from tests.waiting import wait_until

Start = Callable[..., subprocess.Popen[bytes]]

# Both phases, with everything in them that draws random numbers.
FIELDS = {
    "backbone": "MobileNet",
    "alpha": 0.25,
    "image_size": 32,
    "weights": "file",
    "batch_size": 8,
    "epochs": 3,
    "fine_tune_epochs": 3,
    "unfreeze_from": "conv_13",
    "augmentation": ["flip", "zoom"],
    "views": 2,
    "dropout": 0.3,
    "patience": 1000,
    "precision": "float32",
}


@pytest.fixture(scope="session")
def lively_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_lively(tmp_path_factory, "MobileNet", 0.25, 32)


@pytest.fixture
def recipe(take_shapes: Callable[..., Dataset], lively_file: Path) -> Recipe:
    dataset = take_shapes()
    file = take_file(lively_file, lively_file.name)
    return Recipe(dataset=dataset.id, dataset_version=dataset.version, weights_file=file, **FIELDS)


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a training process of a run, one that dies at a batch where that is given; killed at the test's end."""
    started: list[subprocess.Popen[bytes]] = []

    def start(run: Run, *, killed_at: int | None = None) -> subprocess.Popen[bytes]:
        command = ["-m", "dashboard.ml.train", str(run.path)]
        if killed_at is not None:
            command = ["-m", "tests.faults.killed_at", str(run.path), str(killed_at)]
        with run.log_path.open("ab") as log:
            started.append(subprocess.Popen([sys.executable, *command], stdout=log, stderr=log, cwd=ROOT))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


@pytest.fixture
def train_to_end(start: Start) -> Callable[[Run], Run]:
    def train_to_end(run: Run) -> Run:
        code = start(run).wait(timeout=300)
        assert code == 0, run.log_path.read_text()
        return run

    return train_to_end


def prepared(recipe: Recipe, name: str) -> Run:
    """A run directory without a row: for training processes that no supervisor starts."""
    return prepare(name, recipe, datasets.members(datasets.get(recipe.dataset)))


def digest(run: Run) -> str:
    """SHA-256 of every weight of the finished model, by its place in the file."""
    found = hashlib.sha256()

    def take(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset):
            found.update(name.encode())
            found.update(np.ascontiguousarray(node[()]).tobytes())

    with h5py.File(run.weights_path) as file:
        file.visititems(take)
    return found.hexdigest()


def worker_of(run: Run) -> int:
    """Id of the process that trains a run, once there is one."""
    wait_until(lambda: lease.holder(run.lease_path) is not None, seconds=120)
    return lease.holder(run.lease_path) or 0


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def status_of(run: Run) -> str:
    return str(queue.row(run.id)["status"])
