"""Weights that a run under way begins with stay."""

from pathlib import Path

import pytest

from dashboard.core.errors import WeightsError
from dashboard.core.recipe import Recipe
from dashboard.core.settings import settings
from dashboard.data.weights import imagenet_file
from dashboard.runs import needing, queue, status
from tests.publisher import hdf5


def test_a_file_is_kept_while_a_run_that_begins_with_it_waits(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    settings.cache_clear()
    pretrained = recipe.replace(weights="imagenet", backbone="MobileNetV2", alpha=0.35, image_size=224)
    file = imagenet_file(pretrained.backbone_row, 0.35, 224)
    file.path.parent.mkdir(parents=True)
    file.path.write_bytes(hdf5(1_000))
    queue.enqueue(recipe)  # from random weights: it needs none
    assert needing.needing(file.name) == []
    run = queue.enqueue(pretrained)

    with pytest.raises(WeightsError, match="run 2 is under way") as refusal:
        needing.remove(file.name)
    assert refusal.value.code == "weights-in-use" and file.path.exists()

    queue.change(run.id, status.FAILED, only_from=(status.QUEUED,))
    assert needing.remove(file.name) > 1_000
    assert not file.path.exists()
