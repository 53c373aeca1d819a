"""A run that has a model without having trained one: drawn at random, made lively, saved. Quick, and as good for
predictions as any other."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dashboard.core.recipe import Recipe
from dashboard.core.settings import ROOT
from dashboard.data import intake
from dashboard.runs import queue, status
from dashboard.runs.run import Run
from tests.making import classes, zip_of
from tests.sharing import once

CLASS_NAMES = ("circle", "square", "stripes", "=triangle")
FIELDS = {"backbone": "MobileNet", "alpha": 0.25, "weights": "none", "image_size": 32}

DRAW = """
import sys
from pathlib import Path
from dashboard.ml.importing import import_keras
import_keras()
import keras, numpy as np
from dashboard.core.recipe import Recipe
from dashboard.ml import classifier

folder, names = Path(sys.argv[1]), sys.argv[2:]
folder.mkdir()
model = classifier.build(Recipe(dataset="-", **{fields!r}), names)
part = classifier.trainable_part(model)
for layer in part.layers:
    if isinstance(layer, keras.layers.BatchNormalization):
        layer.momentum = 0.0
part(np.random.default_rng(0).uniform(0, 255, (64, *part.input.shape[1:])).astype("float32"), training=True)
kernel, bias = model.get_layer("probabilities").weights
kernel.assign(4 * kernel)
model.save(folder / "model.keras")
model.save_weights(folder / "model.weights.h5")
"""


def drawn_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run whose model tells `CLASS_NAMES` apart somehow, with its dataset, in the workspace of the test."""

    def draw(path: Path) -> None:
        script = DRAW.replace("{fields!r}", repr(FIELDS))
        subprocess.run([sys.executable, "-c", script, path, *sorted(CLASS_NAMES)], cwd=ROOT, check=True)

    drawn = once(tmp_path_factory, "drawn-model", draw)
    source = zip_of(classes(*CLASS_NAMES), tmp_path_factory.mktemp("drawn") / "drawn.zip")
    dataset = intake.import_pictures(intake.Source(source, source.name), name="Drawn")
    run = queue.enqueue(Recipe(dataset=dataset.id, **FIELDS))
    for file in drawn.iterdir():
        shutil.copy2(file, run.path / file.name)
    queue.change(run.id, status.FINISHED, only_from=(status.QUEUED,))
    return run
