"""A small dataset of coloured shapes, made here, and runs on it."""

import hashlib
import io
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from PIL import Image, ImageDraw

from dashboard.core.recipe import recipe_from
from dashboard.core.settings import ROOT
from dashboard.data.datasets import picture_path
from dashboard.data.weights import take_file
from dashboard.ml import opener
from dashboard.runs.run import Run, prepare
from dashboard.runs.workers import Worker
from tests.sharing import once

if "PYTEST_XDIST_WORKER" in os.environ:  # beside as many processes as there are, a second thread waits for a processor
    tf.config.threading.set_intra_op_parallelism_threads(1)

CLASSES = ("circle", "square", "stripes", "triangle")
SMALL = {"dataset": "shapes", "backbone": "MobileNet", "alpha": 0.25, "weights": "none", "image_size": 32}


def shape(name: str, rng: np.random.Generator) -> bytes:
    """A PNG of one coloured shape, 90 to 140 pixels a side."""
    width, height = rng.integers(90, 140, 2).tolist()
    image = Image.new("RGB", (width, height), tuple(rng.integers(0, 90, 3).tolist()))
    draw = ImageDraw.Draw(image)
    hue = {"circle": (230, 60, 60), "square": (60, 200, 60), "stripes": (70, 90, 240), "triangle": (230, 220, 50)}[name]
    x, y = rng.integers(10, 25, 2).tolist()
    side = int(rng.integers(50, 65))
    if name == "circle":
        draw.ellipse((x, y, x + side, y + side), fill=hue)
    elif name == "square":
        draw.rectangle((x, y, x + side, y + side), fill=hue)
    elif name == "stripes":
        for offset in range(0, side, 12):
            draw.rectangle((x, y + offset, x + side, y + offset + 5), fill=hue)
    else:
        draw.polygon([(x, y + side), (x + side, y + side), (x + side // 2, y)], fill=hue)
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def store_shapes(a_class: int = 8) -> pd.DataFrame:
    """Put shapes into the workspace; returns their manifest: of eight a class, five train, two validate, one tests."""
    rng = np.random.default_rng(0)
    rows = []
    for name in CLASSES:
        for number in range(a_class):
            data = shape(name, rng)
            sha = hashlib.sha256(data).hexdigest()
            picture_path(sha).parent.mkdir(parents=True, exist_ok=True)
            picture_path(sha).write_bytes(data)
            split = "test" if number % 8 == 7 else "validation" if number % 4 == 1 else "train"
            rows.append({"sha256": sha, "path": f"{name}/{number}.png", "class_name": name, "split": split})
    return pd.DataFrame(rows)


@pytest.fixture
def store(workspace: Path) -> Callable[..., pd.DataFrame]:
    """Put shapes into the workspace and get their manifest."""
    return store_shapes


@pytest.fixture(scope="session")
def enliven() -> Callable[[Any, int], None]:
    """Make a drawn network's outputs vary by setting its BatchNormalization to noise seen at an image size."""

    def enliven(part: Any, image_size: int) -> None:
        import keras

        normalizations = [layer for layer in part.layers if isinstance(layer, keras.layers.BatchNormalization)]
        for layer in normalizations:
            layer.trainable, layer.momentum = True, 0.0
        noise = np.random.default_rng(0).uniform(0, 255, (16, image_size, image_size, 3)).astype("float32")
        part(noise, training=True)
        for layer in normalizations:
            layer.momentum = 0.99

    return enliven


LIVELY = """
import sys
from dashboard.ml.importing import import_keras
import_keras()
import keras, numpy as np
from dashboard.core.backbones import BACKBONES
from dashboard.ml import backbone

keras.utils.set_random_seed(0)
name, alpha, size = sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
images = keras.Input((size, size, 3))
network = backbone.build(BACKBONES[name], alpha, size, images)
for layer in network.layers:
    if isinstance(layer, keras.layers.BatchNormalization):
        layer.momentum = 0.0
network(np.random.default_rng(0).uniform(0, 255, (64, size, size, 3)).astype("float32"), training=True)
network.save_weights(sys.argv[1])
"""


@pytest.fixture(scope="session")
def lively_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of MobileNet 0.25 whose outputs vary: a freshly drawn network tells every picture the same."""
    return draw_lively(tmp_path_factory, "MobileNet", 0.25, 32)


def draw_lively(tmp_path_factory: pytest.TempPathFactory, name: str, alpha: float, image_size: int) -> Path:
    """A file of such weights."""

    def draw(path: Path) -> None:
        subprocess.run([sys.executable, "-c", LIVELY, path, name, str(alpha), str(image_size)], cwd=ROOT, check=True)

    return once(tmp_path_factory, f"{name}-{alpha}-{image_size}.weights.h5", draw)


@pytest.fixture
def lively(workspace: Path, lively_file: Path) -> dict[str, Any]:
    """Fields of a recipe that starts with them."""
    return {"weights": "file", "weights_file": take_file(lively_file, lively_file.name)}


@pytest.fixture
def make_run(workspace: Path) -> Callable[..., Run]:
    """A run directory on the shapes; arguments are fields of the recipe."""

    def make_run(name: str = "run", a_class: int = 8, **fields: Any) -> Run:
        recipe = recipe_from({**SMALL, "epochs": 1, "fine_tune_epochs": 1, "batch_size": 8, **fields})
        return prepare(name, recipe, store_shapes(a_class))

    return make_run


@pytest.fixture
def start() -> Iterator[Callable[[Run], subprocess.Popen[bytes]]]:
    """Start the real training process of a run; whatever still lives at the end of the test is killed."""
    started: list[subprocess.Popen[bytes]] = []

    def start(run: Run) -> subprocess.Popen[bytes]:
        with run.log_path.open("ab") as log:
            command = [sys.executable, "-m", "dashboard.ml.train", str(run.path)]
            started.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT, env=os.environ.copy()))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


@pytest.fixture
def train_to_end(start: Callable[[Run], subprocess.Popen[bytes]]) -> Callable[[Run], Run]:
    """Run a training process to its end and expect exit code 0."""

    def train_to_end(run: Run) -> Run:
        code = start(run).wait(timeout=300)
        assert code == 0, run.log_path.read_text()
        return run

    return train_to_end


@pytest.fixture
def wait_for() -> Callable[[Callable[[], bool]], None]:
    """Wait until something is true, at most two minutes."""

    def wait_for(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 120
        while True:
            began = time.monotonic()
            if condition():
                return
            assert time.monotonic() < deadline, "waited for two minutes"
            time.sleep(max(0.02, time.monotonic() - began))  # whoever is waited for needs the processor

    return wait_for


def classified(worker: Worker, run: Run, shas: list[str], folder: Path) -> np.ndarray:
    """What a worker says of stored pictures, shape (pictures, num_classes)."""
    paths = [folder / f"{number}.float32" for number in range(len(shas))]
    for sha, path in zip(shas, paths, strict=True):
        opener.array(picture_path(sha).read_bytes(), run.recipe.image_size, path)
    return np.array(worker.call("classify", run=run.id, arrays=[str(path) for path in paths]))
