"""What is measured before a run, on a real small network and real pictures."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dashboard.core.recipe import Recipe, recipe_from
from dashboard.ml import memory, promise
from dashboard.ml.material import Material
from dashboard.runs import cache

RECIPE = {"dataset": "-", "backbone": "MobileNet", "alpha": 0.25, "weights": "none", "image_size": 32, "batch_size": 8}


@pytest.fixture
def recipe() -> Recipe:
    return recipe_from({**RECIPE, "augmentation": ("flip",)})


@pytest.mark.slow
def test_it_times_every_part_and_keeps_the_features_it_has_made(
    workspace: Path, store: Callable[..., pd.DataFrame], recipe: Recipe
) -> None:
    manifest = store(a_class=8)
    said: list[tuple[int, int, str]] = []
    cuts = [None, "conv_12"]
    whole, parts = promise.measure(Material(recipe, manifest), cuts, lambda *step: said.append(step))
    assert [part.cut for part in parts] == cuts
    assert [part.cached for part in parts] == [True, True]
    for part in parts:
        assert part.step_seconds > 0 and part.validation_step_seconds > 0, part.cut
        assert part.trace_seconds >= 0, "what the first epoch took longer: on a busy machine perhaps nothing"
        assert part.memory > 100_000_000 and 0 <= part.memory_a_picture < part.memory, part.cut
    head, upper = parts
    assert head.parameters == 256 * 4 + 4 < upper.parameters < whole.parameters
    assert (head.feature_bytes, upper.feature_bytes) == (256 * 2, 2 * 2 * 128 * 2)
    assert head.pictures_per_second >= head.views_per_second > 0
    assert whole.begin_seconds > 0 and whole.check_pictures_per_second > 0
    assert [step[:2] for step in said] == [(done, 6) for done in range(6)]
    train = set(manifest.loc[manifest["split"] == "train", "sha256"])
    for key in (head.features, upper.features, head.view, upper.view):
        (kept,) = (each for each in cache.kept() if each.key == key)
        shas = {sha for listed in kept.folder.glob("*.txt") for sha in listed.read_text().split()}
        assert shas and shas <= train
        assert cache.remove(kept.folder), "nothing stays locked"
    left = list((workspace / "cache" / "measures").iterdir())
    assert left == [], "the scratch run is gone"


def test_the_peak_of_memory_can_be_forgotten() -> None:
    memory.forget_peak()
    before = memory.peak()
    if abs(before - memory.resident()) > 50_000_000:
        pytest.skip("this kernel does not forget the peak of a process")
    wide = np.ones(300_000_000, "uint8")
    assert memory.peak() - before > 250_000_000
    del wide
    memory.forget_peak()
    assert memory.peak() - before < 50_000_000


def test_a_batch_that_could_take_all_memory_is_measured_smaller(recipe: Recipe) -> None:
    assert promise.safe(recipe, 1_000).batch_size == 8
    assert promise.safe(recipe, 10**15).batch_size == 1
