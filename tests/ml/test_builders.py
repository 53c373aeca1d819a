"""Every builder of `keras.applications`: built, trained for one step, saved, and the same after loading."""

import resource
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from dashboard.core.backbones import BACKBONES
from dashboard.core.recipe import recipe_from
from dashboard.core.settings import ROOT
from dashboard.ml import classifier, cut, fit


def one_step(name: str, folder: Path) -> str:
    """What is said of a builder whose network did all of it."""
    keras.utils.set_random_seed(0)
    row = BACKBONES[name]
    size = row.smallest_image_size
    recipe = recipe_from({"dataset": "-", "backbone": row.name, "weights": "none", "image_size": size})
    model = classifier.build(recipe, ["ash", "birch", "cedar"])
    blocks = cut.blocks(classifier.backbone_of(model))
    inside = [layer for block in blocks for layer in block.layers]
    assert len(inside) == len(set(inside)) and len(blocks) <= cut.MANY
    part = classifier.trainable_part(model)
    rng = np.random.default_rng(0)
    pictures = rng.uniform(0, 255, (4, size, size, 3)).astype("float32")
    classifier.settle(part, [pictures])  # or no gradient comes down
    head = model.get_layer("probabilities")
    features = classifier.split(model, None)[0](pictures, training=False)
    head.kernel.assign(head.kernel / np.abs(features).max())  # random features may be so large that no loss has a slope
    classifier.freeze(model, cut.default_unfreeze_from(blocks))
    fit.compile_part(part, recipe, 1e-3)
    before = [weight.numpy() for weight in head.weights]
    normalizations = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    statistics = [weight.numpy() for layer in normalizations for weight in layer.weights]
    thawed = [weight.numpy() for layer in part.layers for weight in layer.trainable_weights]
    part.train_on_batch(rng.uniform(0, 255, (2, size, size, 3)).astype("float32"), np.eye(3, dtype="float32")[:2])
    assert any((old != new.numpy()).any() for old, new in zip(before, head.weights, strict=True))
    after = [weight.numpy() for layer in part.layers for weight in layer.trainable_weights]
    assert any((old != new).any() for old, new in zip(thawed[:-2], after[:-2], strict=True)), "nothing was thawed"
    still = [weight.numpy() for layer in normalizations for weight in layer.weights]
    assert all((old == new).all() for old, new in zip(statistics, still, strict=True)), "statistics moved"
    del part
    raw = rng.uniform(0, 255, (2, size + 7, size + 20, 3)).astype("float32")
    expected = model(raw)
    model.save_weights(folder / "model.weights.h5")
    model.save(folder / "model.keras")
    weights = [weight.numpy() for weight in model.weights]
    del model
    keras.utils.clear_session()
    loaded = keras.models.load_model(folder / "model.keras")
    rebuilt = classifier.build(recipe, ["ash", "birch", "cedar"])
    rebuilt.load_weights(folder / "model.weights.h5")
    for again in (loaded, rebuilt):
        assert all((old == new.numpy()).all() for old, new in zip(weights, again.weights, strict=True))
        np.testing.assert_allclose(again(raw), expected, atol=1e-5)
    return f"{len(blocks)} blocks, {len(normalizations)} layers of BatchNormalization, still"


ALONE = """
import sys
from pathlib import Path
from tests.ml.test_builders import one_step
print(one_step(sys.argv[1], Path(sys.argv[2])))
"""


@pytest.mark.slow
def test_a_backbone_trains_and_comes_back(tmp_path: Path) -> None:
    print(one_step("MobileNet", tmp_path))


@pytest.mark.soak
@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_trains_and_comes_back(name: str, tmp_path: Path) -> None:
    """Each in a process of its own, which gives back its memory."""
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", ALONE, name, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    for file in tmp_path.iterdir():
        file.unlink()
    gigabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    print(f"{name}: {time.monotonic() - began:.0f} s, at most {gigabytes:.1f} GB, {done.stdout.strip()}")
