"""The table against the Keras that is installed, which alone decides what is true."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.core.backbones import (
    BACKBONES,
    WEIGHTS_FOLDERS,
    Backbone,
    weights_file_name,
    weights_published,
    weights_url_path,
)
from dashboard.core.errors import WeightsError
from dashboard.core.settings import Settings

PUBLISHER = Settings.model_fields["weights_url"].default
ROWS = [row for row in BACKBONES.values() if row.weights_file]  # those that Keras builds
PIXEL = [10.0, 100.0, 250.0]  # red, green, blue
PREPROCESSED = {
    "built_in": PIXEL,
    "minus_one_to_one": [value / 127.5 - 1 for value in PIXEL],
    "torch": [
        (value / 255 - mean) / deviation
        for value, mean, deviation in zip(PIXEL, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True)
    ],
    "caffe": [value - mean for value, mean in zip(PIXEL[::-1], (103.939, 116.779, 123.68), strict=True)],
}

# Ways in which Keras forms a file name, of what is quick to build; the others are `FAMILIES`.
SAMPLE = [
    ("MobileNet", 0.25, 128),
    ("MobileNetV2", 0.35, 96),
    ("VGG16", 1.0, 224),
]
FAMILIES = [
    ("MobileNet", 1.0, 100),
    ("MobileNetV2", 1.4, 224),
    ("ResNet50V2", 1.0, 224),
    ("ConvNeXtTiny", 1.0, 224),
    ("EfficientNetB0", 1.0, 224),
    ("MobileNetV3Small", 1.0, 96),
    ("NASNetMobile", 1.0, 224),
    ("EfficientNetV2B0", 1.0, 100),
    ("DenseNet121", 1.0, 224),
    ("InceptionV3", 1.0, 299),
    ("InceptionResNetV2", 1.0, 299),
    ("ResNet50", 1.0, 224),
    ("VGG19", 1.0, 32),
    ("Xception", 1.0, 299),
]
MANY_SIZES = [row for row in ROWS if row.weights_sizes]
ALL_WIDTHS_AND_SIZES = [
    (row.name, alpha, size) for row in MANY_SIZES for alpha in row.alphas for size in (*row.weights_sizes, 100)
]
EVERY_BUILDER = [(row.name, 1.0, row.image_size) for row in ROWS]
EVERY_WIDTH = [(row.name, alpha) for row in ROWS for alpha in row.alphas]

Ask = Callable[[list[tuple[str, dict[str, Any]]]], list[Any]]


def assert_the_files_keras_asks_for(ask: Ask, combinations: list[tuple[str, float, int]]) -> None:
    requests = ask([("request", {"name": name, "alpha": alpha, "size": size}) for name, alpha, size in combinations])
    rows = [(BACKBONES[name], alpha, size) for name, alpha, size in combinations]
    assert requests == [
        [weights_file_name(*row), f"{PUBLISHER}/{weights_url_path(*row)}", row[0].weights_hash] for row in rows
    ]


def assert_measured(ask: Ask, widths: list[tuple[str, float]]) -> None:
    questions = []
    for name, alpha in widths:
        row = BACKBONES[name]
        for size in (None, row.image_size, row.smallest_image_size, row.smallest_image_size - 1):
            questions.append(("measure", {"name": name, "alpha": alpha, "size": size}))
    answers = ask(questions)
    for position, (name, alpha) in enumerate(widths):
        by_default, trained, smallest, smaller = answers[4 * position : 4 * position + 4]
        row = BACKBONES[name]
        assert trained["parameters"] / 1e6 == pytest.approx(row.parameters_at(alpha), abs=0.0051), name
        assert by_default["default_size"] in ([], [row.image_size]), name  # MobileNetV3 states none
        assert trained["rescales"] == (row.preprocessing == "built_in"), name
        assert "parameters" in smallest, (name, smallest)
        assert "at least" in smaller.get("refusal", ""), (name, smaller)


def test_the_table_is_what_keras_has_and_agrees_with_it_on_files_and_preprocessing(ask: Ask):
    families = sorted(WEIGHTS_FOLDERS)
    questions: list[tuple[str, dict[str, Any]]] = [("builders", {})]
    questions += [("preprocess", {"family": family, "pixel": PIXEL}) for family in families]
    builders, *preprocessed = ask(questions)

    assert builders == {row.name: row.family for row in ROWS}
    assert len(builders) == 40
    for family, pixel in zip(families, preprocessed, strict=True):
        kinds = {row.preprocessing for row in ROWS if row.family == family}
        assert [pytest.approx(PREPROCESSED[kind], abs=1e-4) for kind in kinds] == [pixel]

    assert_the_files_keras_asks_for(ask, SAMPLE)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_folder_and_hash_of_a_row_are_written_in_the_source_of_its_builder(row: Backbone):
    keras = find_spec("keras")
    assert keras is not None and keras.submodule_search_locations
    module = {"resnet_v2": "resnet"}.get(row.family, row.family)
    source = (Path(keras.submodule_search_locations[0]) / "src/applications" / f"{module}.py").read_text()
    joined = "".join(part.strip(' "f\n()\\') for part in source.splitlines())

    assert f"{PUBLISHER}/{WEIGHTS_FOLDERS[row.family]}/" in joined
    assert row.weights_hash is None or f'"{row.weights_hash}"' in source


@pytest.mark.soak
def test_every_family_width_and_size_with_weights_of_its_own_has_the_name_keras_asks_for(ask: Ask):
    assert_the_files_keras_asks_for(ask, FAMILIES + ALL_WIDTHS_AND_SIZES)


@pytest.mark.soak
def test_every_builder_asks_for_the_file_of_its_row(ask: Ask):
    assert_the_files_keras_asks_for(ask, EVERY_BUILDER)


@pytest.mark.soak
def test_every_backbone_has_the_parameters_and_the_smallest_size_of_its_row(ask: Ask):
    assert_measured(ask, EVERY_WIDTH)


@given(st.sampled_from(ROWS), st.integers(16, 1024), st.data())
def test_a_size_without_weights_of_its_own_takes_those_it_was_trained_at(row: Backbone, size: int, data: st.DataObject):
    alpha = data.draw(st.sampled_from(row.alphas))
    own = size in row.weights_sizes

    assert own or weights_file_name(row, alpha, size) == weights_file_name(row, alpha, row.image_size)
    assert not own or str(size) in weights_file_name(row, alpha, size)
    assert own or weights_published(row, alpha, size)


def test_the_widest_mobilenets_have_weights_at_224_pixels_only():
    row = BACKBONES["MobileNetV2"]

    assert not weights_published(row, 1.4, 96)  # Keras asks for it all the same, and gets a 404
    assert not weights_published(row, 1.3, 192)
    assert weights_published(row, 1.4, 224)
    assert weights_published(row, 1.4, 200)  # takes the file for 224
    assert weights_published(row, 1.0, 96)


def test_alexnet_has_no_weights_anywhere_and_says_what_to_do():
    row = BACKBONES["AlexNet"]

    assert not weights_published(row, 1.0, 227)
    with pytest.raises(WeightsError, match="random weights") as refusal:
        weights_file_name(row, 1.0, 227)
    assert refusal.value.code == "weights-absent"


def test_a_width_has_its_own_parameters():
    row = BACKBONES["MobileNetV2"]

    assert row.parameters_at(1.0) == row.parameters
    assert row.parameters_at(0.35) < 0.2 * row.parameters
    assert row.megabytes_at(0.35) == pytest.approx(4 * row.parameters_at(0.35))
    assert BACKBONES["VGG16"].parameters_at(1.0) == BACKBONES["VGG16"].parameters


def test_the_sizes_of_real_files_are_near_what_the_table_announces(shared_data: Path):
    for name, alpha in (("MobileNet", 0.25), ("MobileNetV2", 0.35)):
        row = BACKBONES[name]
        file = shared_data / "keras_home" / "models" / weights_file_name(row, alpha, 224)
        assert row.download_megabytes_at(alpha) == pytest.approx(file.stat().st_size / 1e6, rel=0.25)
