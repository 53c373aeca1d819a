"""The learning-rate finder on a real network: repeatable, true to what a run begins with, and without a trace."""

import fcntl
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from dashboard.core.errors import DatasetError
from dashboard.core.range_test import SETTLING, rates
from dashboard.core.recipe import FEATURE_EXTRACTION, FINE_TUNING, Recipe
from dashboard.core.settings import settings
from dashboard.data import datasets, samples
from dashboard.ml import finder, material
from dashboard.ml.train import FEATURES
from dashboard.runs import cache, queue

pytestmark = pytest.mark.slow


@dataclass
class Search:
    """One search, what it said on its way, and what the workspace held before and after it."""

    finding: finder.Finding
    before: dict[str, str]
    after: dict[str, str]
    steps: list[tuple[int, int, str]] = field(default_factory=list)

    @property
    def computed(self) -> int:
        """Pictures whose features were computed."""
        return max((done for done, _, text in self.steps if text == FEATURES), default=0)


def contents(folder: Path) -> dict[str, str]:
    """Digests of all files by path, without what only says that somebody reads."""
    files = [
        path for path in folder.rglob("*") if path.is_file() and path.name not in (cache.IN_USE, "thaw.sqlite-shm")
    ]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def in_use(features: Path) -> bool:
    """Whether a process, this one included, keeps features from being removed."""
    with (features / cache.IN_USE).open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def search(folder: Path, recipe: Recipe, phase: str) -> Search:
    steps: list[tuple[int, int, str]] = []
    before = contents(folder)
    finding = finder.find(recipe, phase, lambda *step: steps.append(step))
    return Search(finding, before, contents(folder), steps)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace with pictures, the weights of a run and the features of somebody else."""
    folder = tmp_path_factory.mktemp("found") / "workspace"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THAW_WORKSPACE", str(folder))
        settings.cache_clear()
        samples.import_sample("shapes", settings=samples.ShapesSettings(images_a_class=10, side=32))
        (cache.take("another") / "shard-0.npy").write_bytes(b"features of somebody else")
        cache.give_back()
        weights = folder / "runs" / "earlier" / "model.weights.h5"
        weights.parent.mkdir(parents=True)
        weights.write_bytes(b"weights of a run")
        yield folder
    settings.cache_clear()


@pytest.fixture(scope="module")
def recipe(folder: Path) -> Recipe:
    dataset = datasets.get(datasets.listing()["id"].iloc[0])
    return Recipe(
        dataset=dataset.id,
        dataset_version=dataset.version,
        backbone="MobileNet",
        alpha=0.25,
        weights="none",
        image_size=32,
        batch_size=8,
        learning_rate=0.01,
        fine_tune_epochs=1,
        unfreeze_from="conv_13",
        precision="float32",
    )


@pytest.fixture(scope="module")
def first(folder: Path, recipe: Recipe) -> Search:
    return search(folder, recipe, FEATURE_EXTRACTION)


@pytest.fixture(scope="module")
def thawed(folder: Path, recipe: Recipe) -> Search:
    return search(folder, recipe, FINE_TUNING)


def test_the_same_recipe_gives_the_same_curve_and_the_second_time_from_the_cache(
    first: Search, folder: Path, recipe: Recipe
) -> None:
    again = search(folder, recipe, FEATURE_EXTRACTION)
    np.testing.assert_array_equal(again.finding.losses, first.finding.losses)
    assert again.finding.suggestion == first.finding.suggestion
    assert first.computed > 0 and again.computed == 0
    assert again.after == again.before
    assert len(cache.kept()) == 2, "those of somebody else are still there"
    assert not [each.folder for each in cache.kept() if in_use(each.folder)], "who needs room may have it"


def test_it_tries_rates_from_the_lowest_up_and_finds_where_the_loss_falls(first: Search) -> None:
    found = first.finding
    np.testing.assert_array_equal(found.learning_rates, rates()[: len(found.losses)])
    assert np.isfinite(found.losses).all()
    assert found.losses[:SETTLING].mean() > 1.5 * found.losses.min(), "four shapes are told apart"
    assert found.suggestion.learning_rate is not None and 1e-4 < found.suggestion.learning_rate <= 1


def test_progress_moves_forward_within_every_step_of_the_work(thawed: Search) -> None:
    texts = list(dict.fromkeys(text for _, _, text in thawed.steps))
    assert texts[0] == "building the network" and texts[-1] == "trying learning rates"
    for text in texts:
        counted = [(done, total) for done, total, each in thawed.steps if each == text]
        assert all(done <= total for done, total in counted)
        assert text == FEATURES or counted == sorted(counted)  # two cuts, two rows of features


def test_nothing_is_written_but_features_and_no_run_appears(first: Search, thawed: Search) -> None:
    new: set[str] = set()
    for each in (first, thawed):
        assert {name: each.after[name] for name in each.before} == each.before
        new |= set(each.after) - set(each.before)
    assert new and all(name.startswith("cache/features/") for name in new)  # whichever came first wrote the head's
    assert queue.listing().empty
    assert [path.name for path in cache.root().parents[1].joinpath("runs").iterdir()] == ["earlier"]


def test_the_features_are_those_of_a_run(first: Search, recipe: Recipe) -> None:
    own = material.of_recipe(recipe)
    computed: list[int] = []
    material.cached(own, finder.begin(own, lambda *_: None), None, lambda done, _total: computed.append(done))
    cache.give_back()
    assert not computed


def test_fine_tuning_is_measured_with_a_head_that_has_learned(first: Search, thawed: Search) -> None:
    assert thawed.finding.losses[:SETTLING].mean() < 0.8 * first.finding.losses[:SETTLING].mean()


class ReadyError(Exception):
    """Ends a search when all is ready for its first batch."""


def test_without_a_cache_nothing_at_all_is_written(folder: Path, recipe: Recipe) -> None:
    said: list[str] = []

    def stop(_done: int, _total: int, text: str) -> None:
        said.append(text)
        if text == "trying learning rates":
            raise ReadyError

    before = contents(folder)
    with pytest.raises(ReadyError):
        finder.find(recipe.replace(cache=False, seed=1), FEATURE_EXTRACTION, stop)
    assert contents(folder) == before
    assert FEATURES not in said


def test_a_dataset_whose_pictures_are_gone_is_refused(folder: Path, recipe: Recipe) -> None:
    picture = datasets.picture_path(datasets.members(datasets.get(recipe.dataset))["sha256"].iloc[0])
    data = picture.read_bytes()
    picture.unlink()
    with pytest.raises(DatasetError) as refusal:
        finder.find(recipe, FEATURE_EXTRACTION, lambda *_: None)
    picture.write_bytes(data)
    assert refusal.value.code == "pictures-missing"
