"""Look-alikes by a network's features: mirrored copies, on both sides of a split, on features that a run then finds."""

from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from dashboard.core.recipe import Recipe
from dashboard.data import datasets, images, intake
from dashboard.data.intake import Source
from dashboard.ml import look_alikes
from dashboard.runs import cache

pytestmark = pytest.mark.slow
MIRRORED = 8


@pytest.fixture
def recipe(workspace, keras_home, shared_data, tmp_path) -> Iterator[Recipe]:
    """Two kinds of real flowers with real weights, and mirrored copies of some."""
    for name in ("daisy", "roses"):
        (tmp_path / "flowers" / name).mkdir(parents=True)
        for number, path in enumerate(sorted((shared_data / "flowers_small" / name).glob("*.jpg"))[:24]):
            pixels = images.decode(path)
            Image.fromarray(pixels).save(tmp_path / "flowers" / name / f"{number:02d}.png")
            if number < MIRRORED // 2:
                mirrored = np.ascontiguousarray(pixels[:, ::-1])
                Image.fromarray(mirrored).save(tmp_path / "flowers" / name / f"{number:02d} mirrored.png")
    dataset = intake.import_pictures(Source(tmp_path / "flowers", "flowers"), name="flowers")
    yield Recipe(dataset=dataset.id, dataset_version=1, backbone="MobileNetV2", alpha=0.35, image_size=224)
    cache.give_back()


def test_mirrored_copies_are_found_whatever_their_split_and_nothing_else_is(recipe: Recipe) -> None:
    dataset = datasets.get(recipe.dataset)
    assert datasets.likenesses(dataset).empty, "signatures do not see them"
    paths = datasets.members(dataset).set_index("sha256")["path"]
    found = look_alikes.look_alikes(recipe, lambda *_: None)
    pairs = {frozenset(paths[[row.sha256_a, row.sha256_b]]) for row in found.itertuples()}
    planted = {frozenset((path, path.replace(" mirrored", ""))) for path in paths if "mirrored" in path}
    assert len(planted) == MIRRORED
    assert len(pairs & planted) >= MIRRORED - 2
    assert not pairs - planted
    assert datasets.add_likenesses(dataset, found) == len(found)
    assert datasets.add_likenesses(dataset, found) == 0
    divided = datasets.resplit(dataset, datasets.split_settings(dataset))
    assert datasets.leaks(divided)[1] == 0
