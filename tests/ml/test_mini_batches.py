"""Mini-batches on real networks: noise that follows its law, trainings that learn, refusals that say what to do."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dashboard.core import gradient_noise
from dashboard.core.errors import DatasetError
from dashboard.core.recipe import Recipe
from dashboard.core.settings import settings
from dashboard.data import datasets, intake, samples
from dashboard.ml import mini_batches
from dashboard.ml.train import FEATURES
from dashboard.runs import run as runs

pytestmark = pytest.mark.slow

NETWORK = {"backbone": "MobileNet", "alpha": 0.25, "weights": "none", "image_size": 32, "precision": "float32"}


def silent(_done: int, _total: int, _text: str) -> None:
    pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace with the shapes, and some of the digits."""
    folder = tmp_path_factory.mktemp("batches") / "workspace"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_WORKSPACE", str(folder))
        settings.cache_clear()
        samples.import_sample("shapes", settings=samples.ShapesSettings(images_a_class=20, side=32))
        digits = folder.parent / "digits"
        samples.handwritten_digits(digits)
        for each in digits.iterdir():
            for path in sorted(each.iterdir())[20:]:
                path.unlink()
        intake.import_pictures(intake.Source(digits, "digits"), name="digits")
        yield folder
    settings.cache_clear()


def of(name: str, **fields: Any) -> dict[str, Any]:
    listing = datasets.listing()
    dataset = datasets.get(listing[listing["name"].str.contains(name, case=False)]["id"].iloc[0])
    recipe = Recipe(dataset=dataset.id, dataset_version=dataset.version, **NETWORK, **fields)
    return {"recipe": recipe.model_dump(mode="json")}


@pytest.mark.soak  # the page's test has it measured, and the law is in `tests/core`
@pytest.mark.parametrize("name", ["shapes", "digits"])
def test_noise_falls_as_one_over_the_root_of_the_batch_size(folder: Path, name: str) -> None:
    found = mini_batches.measure(of(name), silent)
    rows = found["rows"]
    assert rows["size"] == gradient_noise.sizes(found["pictures"]) and len(rows["size"]) >= 7
    slope = gradient_noise.slope(rows["size"], rows["noise"])
    assert slope == pytest.approx(-0.5, abs=0.1)
    assert rows["angle"][0] > rows["angle"][-1] > 0
    assert rows["pictures_per_second"][-1] > 2 * rows["pictures_per_second"][0], "on a busy machine too"
    assert found["scale"] > 0 and found["parameters"] == 257 * found["classes"]
    said: list[str] = []
    again = mini_batches.measure(of(name), lambda _done, _total, text: said.append(text))
    assert again["rows"]["noise"] == rows["noise"], "seeded"
    assert FEATURES not in said and "building the network" not in said


def test_the_full_gradient_is_that_of_all_pictures_at_once(folder: Path) -> None:
    """By hand, for a softmax: the features times how far the probabilities are from the labels."""
    own = mini_batches.head(of("shapes"), silent)
    own.begin()
    found = mini_batches._full(own, mini_batches._gradient(own))
    probabilities = own.part.predict(own.features, verbose=0)
    gap = (probabilities - own.labels) / own.pictures
    by_hand = np.concatenate([(own.features.T @ gap).ravel(), gap.sum(axis=0)])
    np.testing.assert_allclose(found, by_hand, atol=1e-5 * np.abs(by_hand).max())


@pytest.mark.soak  # the page does the same
def test_trainings_begin_alike_and_learn_and_a_size_beyond_the_pictures_is_all_of_them(folder: Path) -> None:
    curves = mini_batches.race(of("shapes", learning_rate=0.01), [4, 4, 512, 1024], silent, seconds=0.3)
    pictures = mini_batches.head(of("shapes", learning_rate=0.01), silent).pictures
    assert [each["size"] for each in curves] == [4, pictures]
    assert len({each["loss"][0] for each in curves}) == 1
    for each in curves:
        assert each["loss"][-1] < each["loss"][0]
        assert each["pictures"][-1] == each["step"][-1] * each["size"]
        assert each["seconds"] == sorted(each["seconds"])


def manifest(*rows: tuple[str, str]) -> Any:
    """A list of pictures that are in the workspace, of these classes and splits."""
    members = datasets.members(datasets.get(datasets.listing()["id"].iloc[0])).head(len(rows)).copy()
    members["class_name"], members["split"] = zip(*rows, strict=True)
    return members


@pytest.mark.parametrize(
    ("code", "rows"),
    [
        ("mini-batches-one-class", [("a", "train"), ("a", "train"), ("a", "validation")]),
        ("mini-batches-too-few", [("a", "train"), ("b", "validation")]),
        ("split-empty", [("a", "train"), ("b", "train")]),
    ],
)
def test_pictures_that_cannot_be_compared_are_refused(folder: Path, code: str, rows: list[tuple[str, str]]) -> None:
    name = hashlib.sha256(code.encode()).hexdigest()[:8]
    run = runs.prepare(name, Recipe(dataset="-", **NETWORK), manifest(*rows))
    with pytest.raises(DatasetError) as refusal:
        mini_batches.measure({"run": run.id}, silent)
    assert refusal.value.code == code


def test_three_pictures_are_enough(folder: Path) -> None:
    rows = [("a", "train"), ("b", "train"), ("b", "train"), ("a", "validation")]
    run = runs.prepare("three", Recipe(dataset="-", **NETWORK), manifest(*rows))
    found = mini_batches.measure({"run": run.id}, silent)
    assert found["rows"]["size"] == [1, 2]
    assert gradient_noise.recommended(found["scale"], found["classes"], found["train"]).batch_size == 4


@pytest.mark.soak
@pytest.mark.parametrize("name", ["flowers_small", "trashnet_third"])
def test_the_law_holds_on_photographs(shared_data: Path, keras_home: Path, workspace: Path, name: str) -> None:
    source = shared_data / name
    dataset = intake.import_pictures(intake.Source(source, source.name), name=name)
    recipe = Recipe(dataset=dataset.id, dataset_version=dataset.version, alpha=0.35)
    found = mini_batches.measure({"recipe": recipe.model_dump(mode="json")}, silent)
    slope = gradient_noise.slope(found["rows"]["size"], found["rows"]["noise"])
    print(name, found["pictures"], "pictures, slope", slope, "noise scale", found["scale"])
    assert slope == pytest.approx(-0.5, abs=0.1)
