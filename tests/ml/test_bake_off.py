"""A candidate of a bake-off: judged by pictures it has not seen, on features that a run then finds computed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from dashboard.core.candidates import candidate
from dashboard.core.errors import DatasetError, WeightsError
from dashboard.core.recipe import Recipe, recipe_from
from dashboard.core.settings import settings
from dashboard.data import datasets
from dashboard.data.datasets import Dataset, picture_path
from dashboard.ml import bake_off, classifier, material, weights
from dashboard.runs import cache

NAME, ALPHA, SIZE = "MobileNet", 0.25, 32


def silent(*_: object) -> None:
    pass


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of Keras with a file in the place of ImageNet's weights: drawn at random, but lively."""
    home = tmp_path_factory.mktemp("keras")
    drawn = recipe_from({"dataset": "-", "backbone": NAME, "alpha": ALPHA, "weights": "none", "image_size": SIZE})
    model = classifier.build(drawn, ["ash", "birch"])
    noise = np.random.default_rng(0).uniform(0, 255, (32, SIZE, SIZE, 3)).astype("float32")
    classifier.settle(classifier.trainable_part(model), [noise])
    (home / "models").mkdir()
    classifier.backbone_of(model).save_weights(home / "models" / "drawn.weights.h5")
    (home / "models" / "drawn.weights.h5").rename(home / "models" / "mobilenet_2_5_224_tf_no_top.h5")
    return home


@pytest.fixture
def recipe(take_shapes: Callable[..., Dataset], published: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recipe]:
    """A candidate on a real dataset: three textures, ten pictures each, of which the test pictures are gone."""
    monkeypatch.setenv("KERAS_HOME", str(published))
    settings.cache_clear()
    dataset = take_shapes(images_a_class=10, side=48)
    members = datasets.members(dataset)
    for sha in members.loc[members["split"] == "test", "sha256"]:
        picture_path(sha).unlink()
    yield candidate(Recipe(dataset=dataset.id, dataset_version=dataset.version), NAME, ALPHA, SIZE)
    cache.give_back()


def test_classes_that_lie_apart_are_told_apart_and_shuffled_labels_are_guessed() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 50)
    features = rng.normal(0, 1, (200, 64)).astype("float32") + 6 * np.eye(4, 64)[labels]
    apart = bake_off.out_of_fold(features, labels, 5, 0, silent)
    assert (apart == labels).mean() > 0.9
    shuffled = rng.permutation(labels)
    guessed = bake_off.out_of_fold(features, shuffled, 5, 0, silent)
    assert 0.12 < (guessed == shuffled).mean() < 0.38, "one of four by chance"


def test_no_picture_is_predicted_by_a_classifier_that_has_seen_it() -> None:
    labels = np.array([0, 1] * 20)
    features = np.random.default_rng(1).normal(0, 1, (40, 200)).astype("float32")  # any label can be learned by heart
    assert (bake_off.out_of_fold(features, labels, 5, 0, silent) == labels).mean() < 0.8


@pytest.mark.slow
def test_a_run_finds_the_features_computed_and_no_test_picture_is_touched(recipe: Recipe) -> None:
    told: list[tuple[int, int, str]] = []
    score = bake_off.bake_off(recipe, lambda *step: told.append(step))
    given = material.of_recipe(recipe)
    outside = len(given.train) + len(given.validation)
    assert score.count == outside < len(given.manifest), "the test split has pictures, and none was counted"
    assert (score.folds, score.precision) == (5, given.precision)
    assert score.parameters == 218_544 and score.megabytes == pytest.approx(0.874, abs=0.001)
    assert 0 < score.milliseconds < 1000 and score.seconds > 0
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told) and told[-1][0] == told[-1][1]

    run = recipe.replace(seed=7, head_width=16, dropout=0.5, epochs=3, fine_tune_epochs=4, label_smoothing=0.1)
    model = classifier.build(run, given.class_names)
    weights.load(model, run)
    computed: list[int] = []
    data = material.cached(material.of_recipe(run), model, None, lambda done, _total: computed.append(done))
    assert computed == [] and len(data.train.shas) == len(given.train)
    kept = {sha for listed in cache.root().glob("*/*.txt") for sha in listed.read_text().split()}
    assert kept == set(given.train["sha256"]) | set(given.validation["sha256"])


def test_a_candidate_without_weights_is_refused_before_anything_is_built(recipe: Recipe) -> None:
    told: list[object] = []
    with pytest.raises(WeightsError) as absent:
        bake_off.bake_off(candidate(recipe, "ConvNeXtXLarge", 1.0, 224), lambda *step: told.append(step))
    assert absent.value.code == "weights-absent" and told == []


def test_small_classes_get_fewer_folds_and_a_single_picture_is_too_few(recipe: Recipe) -> None:
    given = material.of_recipe(recipe)
    outside = given.manifest[given.manifest["split"] != "test"]
    one = outside["class_name"].iloc[0]

    def with_pictures(count: int) -> material.Material:
        few = outside[outside["class_name"] == one].head(count)
        return material.Material(recipe, outside[outside["class_name"] != one].combine_first(few))

    assert bake_off.num_folds(with_pictures(3)) == 3
    with pytest.raises(DatasetError, match=f"Class '{one}' has one picture outside the test split"):
        bake_off.num_folds(with_pictures(1))
    with pytest.raises(DatasetError, match="two classes"):
        bake_off.num_folds(material.Material(recipe, outside[outside["class_name"] == one]))
