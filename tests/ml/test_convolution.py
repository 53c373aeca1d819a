"""Convolution and pooling are Keras' own to the last number that is shown, and so is the arithmetic beside them."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.core.errors import LessonError
from dashboard.core.filters import FILTERS
from dashboard.core.packing import unpack
from dashboard.core.sliding import Sliding, convolution_weights, dense_weights
from dashboard.ml import convolution, pooling, specimens
from tests.core.test_sliding import slidings

SMALL = {"backbone": "MobileNetV2", "alpha": 0.35, "image_size": 32, "weights": "none"}


@settings(max_examples=25)
@given(slidings(), st.integers(1, 3), st.integers(0, 2**31), st.data())
def test_a_convolution_is_that_of_keras_and_every_place_is_the_sum_of_its_products(
    case: tuple[Sliding, tuple[int, int]], channels: int, seed: int, data: st.DataObject
) -> None:
    how, size = case
    rng = np.random.default_rng(seed)
    values, weights = rng.normal(size=(*size, channels)), rng.normal(size=(*how.kernel, channels))
    bias = float(rng.normal())
    found = convolution.convolve(values, weights, bias, how)
    layer = keras.layers.Conv2D(1, how.kernel, how.stride, how.padding, dilation_rate=how.dilation, name="keras")
    layer.build((1, *values.shape))
    layer.set_weights([weights[..., np.newaxis], np.array([bias])])
    expected = np.asarray(layer(values[np.newaxis].astype("float32")))[0, ..., 0]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert found.shape == how.output(size)
    row = data.draw(st.integers(0, found.shape[0] - 1))
    column = data.draw(st.integers(0, found.shape[1] - 1))
    products = np.nan_to_num(how.patch(values, row, column)) * weights
    assert products.sum() + bias == pytest.approx(found[row, column], rel=1e-12, abs=1e-12)


@settings(max_examples=25)
@given(slidings(), st.sampled_from(("max", "average", "global max", "global average")), st.integers(0, 2**31))
def test_a_pooling_is_that_of_keras_and_every_place_is_its_window_s(
    case: tuple[Sliding, tuple[int, int]], kind: pooling.Kind, seed: int
) -> None:
    drawn, size = case
    how = Sliding(drawn.kernel, drawn.stride, drawn.padding)
    values = np.random.default_rng(seed).normal(size=size)
    found = pooling.pool(values, kind, how)
    batch = values[np.newaxis, ..., np.newaxis].astype("float32")
    if kind.startswith("global"):
        layer = pooling.LAYERS[kind]()
        assert found.item() == pytest.approx(float(np.asarray(layer(batch)).item()), abs=1e-5)
        assert found.item() == pytest.approx(values.max() if "max" in kind else values.mean())
        return
    layer = pooling.LAYERS[kind](how.kernel, how.stride, how.padding)
    np.testing.assert_allclose(found, np.asarray(layer(batch))[0, ..., 0], atol=1e-5)
    assert found.shape == how.output(size)
    word = np.nanmax if kind == "max" else np.nanmean
    for row, column in np.ndindex(found.shape):
        window = how.patch(values[..., np.newaxis], row, column)
        assert word(window) == pytest.approx(found[row, column], rel=1e-12, abs=1e-12)


@settings(max_examples=20)
@given(slidings(), st.integers(1, 3), st.integers(1, 3))
def test_weights_are_counted_as_keras_counts_them(
    case: tuple[Sliding, tuple[int, int]], channels: int, filters: int
) -> None:
    how, size = case
    layer = keras.layers.Conv2D(filters, how.kernel, how.stride, how.padding, dilation_rate=how.dilation)
    layer.build((1, *size, channels))
    assert convolution_weights(how.kernel, channels, filters) == layer.count_params()
    output = layer.compute_output_shape((1, *size, channels))
    dense = keras.layers.Dense(output[1] * output[2] * output[3])
    dense.build((1, size[0] * size[1] * channels))
    assert dense_weights(size, channels, how.output(size), filters) == dense.count_params()


@pytest.fixture
def network(store: Callable[..., pd.DataFrame]) -> tuple[dict[str, Any], str]:
    """A network that knows nothing, and a stored picture."""
    manifest = store(1)
    return {"recipe": {"dataset": "-", **SMALL}}, str(manifest["sha256"].iloc[0])


def test_a_filter_of_a_network_gives_what_the_network_has_there(network: tuple[dict[str, Any], str]) -> None:
    of, sha = network
    model, picture = specimens.network(of), specimens.picture(sha, 32)
    listed = [each for each in convolution.layers(of) if each["shown"]]
    assert [each["name"] for each in listed[:2]] == ["Conv1", "expanded_conv_depthwise"]
    assert len(listed) == convolution.FIRST
    for each in listed[:3]:
        whole = keras.Model(model.inputs[0], model.get_layer(each["name"]).output)(picture, training=False)
        number = each["filters"] - 1
        question = {"of": of, "sha": sha, "layer": each["name"], "filter": number}
        found = convolution.whole(question, 0)
        expected = np.asarray(whole)[0, ..., number]
        np.testing.assert_allclose(unpack(found["output"]), expected, atol=1e-5 * max(1, np.abs(expected).max()))
        assert found["layer_weights"] >= model.get_layer(each["name"]).count_params()  # a bias may be left out
        place = convolution.at(question, 1, 2)
        assert sum(place["sums"]) + place["bias"] == pytest.approx(place["value"], rel=1e-12)
    with pytest.raises(LessonError, match="counted from 0; received 16"):
        convolution.filtered({"of": of, "sha": sha, "layer": "Conv1", "filter": 16})


def test_a_filter_by_hand_works_on_whole_levels_of_grey(network: tuple[dict[str, Any], str]) -> None:
    of, sha = network
    weights = FILTERS["sobel-upright"].weights
    question = {"of": of, "sha": sha, "weights": weights, "bias": 3, "sliding": Sliding((3, 3)).as_record()}
    found = convolution.whole(question, 0)
    output = unpack(found["output"])
    assert output.shape == (30, 30) and (output == output.round()).all() and found["weights"] == 10
    place = convolution.at(question, 4, 5)
    assert sum(np.ravel(place["products"])) + 3 == place["value"] == output[4, 5]


def test_a_shift_changes_what_is_pooled_less_and_all_in_all_not_at_all(network: tuple[dict[str, Any], str]) -> None:
    of, sha = network
    how = Sliding((4, 4), (4, 4)).as_record()
    asked = {"of": of, "sha": sha, "source": "edges", "how": how}
    small = pooling.whole(**asked, kind="max", shift=1)
    assert 0 < small["pooled_change"] < small["values_change"] and small["pooled_kept"] > 0
    still = pooling.whole(**asked, kind="max", shift=0)
    assert still["pooled_change"] == still["values_change"] == 0.0 and still["pooled_kept"] == 1.0
    assert pooling.whole(**asked, kind="global max", shift=1)["pooled_change"] < 0.01
    with pytest.raises(LessonError, match="shifted by 0 to 31"):
        pooling.whole(**asked, kind="max", shift=32)
    with pytest.raises(LessonError, match="window-too-large|reaches over 33 x 33"):
        pooling.whole(**asked | {"how": Sliding((33, 33)).as_record()}, kind="max", shift=0)


def test_change_is_one_for_places_that_were_shuffled() -> None:
    values = np.random.default_rng(0).normal(size=(300, 300))
    shuffled = np.random.default_rng(1).permutation(values.ravel()).reshape(values.shape)
    assert pooling.change(values, shuffled) == pytest.approx(1.0, abs=0.02)
    assert pooling.change(values, values) == 0.0
