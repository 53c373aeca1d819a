"""The patches that excite a filter most are those a plain search finds."""

import keras
import numpy as np
import pytest

from dashboard.core.errors import LessonError
from dashboard.core.packing import unpack
from dashboard.core.settings import settings
from dashboard.data import intake
from dashboard.ml import specimens, strongest
from tests.making import classes, zip_of

OF = {"recipe": {"dataset": "-", "backbone": "MobileNetV2", "alpha": 0.35, "image_size": 32, "weights": "none"}}
LAYER, FOLLOWED_BY = "block_1_expand", "block_1_expand_relu"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> object:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("THAW_WORKSPACE", str(tmp_path_factory.mktemp("strongest")))
        settings.cache_clear()
        source = zip_of(classes("a", "b", "c", images=5), tmp_path_factory.mktemp("zip") / "set.zip")
        yield intake.import_pictures(intake.Source(source, source.name), name="Set")
    settings.cache_clear()


def test_they_are_the_largest_outputs_after_activation_and_their_patches_hold_all_that_counts(dataset: object) -> None:
    told: list[tuple[int, int, str]] = []
    where = (dataset.id, dataset.version)  # type: ignore[attr-defined]
    found = strongest.patches(OF, LAYER, 3, where, 100, 5, lambda *step: told.append(step))
    assert told[0][:2] == (0, 15) and told[-1][:2] == (15, 15)
    model = specimens.network(OF)
    until = keras.Model(model.inputs[0], model.get_layer(FOLLOWED_BY).output)
    shas = strongest.chosen(where, 100)["sha256"]
    largest = sorted(
        (float(np.asarray(until(specimens.picture(sha, 32), training=False))[..., 3].max()) for sha in shas),
        reverse=True,
    )
    np.testing.assert_allclose([each["value"] for each in found], largest[:5], rtol=1e-4, atol=1e-6)
    for each in found:
        top, left, bottom, right = each["box"]
        picture = specimens.picture(each["sha256"], 32)
        np.testing.assert_allclose(unpack(each["patch"]), picture[0, top:bottom, left:right] / 255, atol=1e-3)
        alone = np.full_like(picture, 255.0) - picture  # all else is turned to its opposite
        alone[0, top:bottom, left:right] = picture[0, top:bottom, left:right]
        values = np.asarray(until(alone, training=False))[0, ..., 3]
        assert np.isclose(values, each["value"], rtol=1e-4, atol=1e-6).any()


def test_another_filter_of_the_layer_is_there_at_once_and_unknown_ones_are_refused(dataset: object) -> None:
    where = (dataset.id, dataset.version)  # type: ignore[attr-defined]
    strongest.patches(OF, LAYER, 3, where, 100, 5, lambda *step: None)
    told: list[object] = []
    strongest.patches(OF, LAYER, 4, where, 100, 5, lambda *step: told.append(step))
    assert not told
    with pytest.raises(LessonError, match="counted from 0"):
        strongest.patches(OF, LAYER, 999, where, 100, 5, lambda *step: None)


def test_pictures_are_spread_over_the_classes(dataset: object) -> None:
    where = (dataset.id, dataset.version)  # type: ignore[attr-defined]
    assert strongest.chosen(where, 7)["class_name"].value_counts().sort_index().tolist() == [3, 2, 2]
