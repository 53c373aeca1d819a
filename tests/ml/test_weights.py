"""Weights from files: judged before they are read."""

import functools
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from dashboard.core.backbones import BACKBONES
from dashboard.core.errors import WeightsError
from dashboard.core.recipe import Recipe, recipe_from
from dashboard.core.settings import settings
from dashboard.data.weights import imagenet_file, take_file
from dashboard.ml import backbone, classifier, weights

NAMES = ["ash", "birch"]


def recipe(path: Path, name: str = "MobileNetV2", alpha: float = 0.35, size: int = 32) -> Recipe:
    sha = take_file(path, path.name)
    fields = {"backbone": name, "alpha": alpha, "image_size": size, "weights": "file", "weights_file": sha}
    return recipe_from({"dataset": "-", **fields})


def network(name: str, size: int = 32, **arguments: Any) -> keras.Model:
    """A backbone as a user builds it, every weight with a value of its own."""
    model = getattr(keras.applications, name)(include_top=False, weights=None, input_shape=(size, size, 3), **arguments)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if "int" not in str(weight.dtype):
            weight.assign(rng.uniform(0.05, 0.15, weight.shape))
    return model


@pytest.fixture(scope="module")
def saved_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A weights file of a network: as Keras 3 writes it, or as Keras 2 did. Written once for all tests."""
    folder = tmp_path_factory.mktemp("saved")

    @functools.cache
    def saved_once(name: str, layout: str, **arguments: Any) -> Path:
        model = network(name, **arguments)
        place = folder / "-".join([layout, *map(str, arguments.values())])
        place.mkdir(exist_ok=True)
        path = place / f"{name}.{'weights.' if layout == 'keras 3' else ''}h5"
        if layout == "keras 3":
            model.save_weights(path)
        else:
            as_keras_2(model, path)
        return path

    return saved_once


@pytest.fixture
def saved(saved_once: Callable[..., Path], tmp_path: Path, workspace: Path) -> Callable[..., Path]:
    """A copy of such a file for this test, to be spoiled."""

    def saved(name: str = "MobileNetV2", layout: str = "keras 3", **arguments: Any) -> Path:
        path = saved_once(name, layout, **({"alpha": 0.35} if name == "MobileNetV2" else {}) | arguments)
        return Path(shutil.copy(path, tmp_path))

    return saved


def as_keras_2(model: keras.Model, path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{number}:0" for number, _ in enumerate(layer.weights)]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, layer.weights, strict=True):
                group[name] = weight.numpy()


@pytest.mark.parametrize("layout", ["keras 2", "keras 3"])
@pytest.mark.parametrize(
    "name",
    [
        "MobileNetV2",
        pytest.param("MobileNetV3Small", marks=pytest.mark.soak),
        pytest.param("ConvNeXtTiny", marks=pytest.mark.soak),
        pytest.param("DenseNet121", marks=pytest.mark.soak),
    ],
)
def test_both_layouts_give_the_values_that_were_saved(saved: Callable[..., Path], name: str, layout: str) -> None:
    row = BACKBONES[name]
    given = recipe(saved(name, layout), name, 0.35 if len(row.alphas) > 1 else 1.0)
    model = classifier.build(given, NAMES)
    weights.load(model, given)
    expected = network(name, **({"alpha": 0.35} if len(row.alphas) > 1 else {})).weights
    assert len(model.weights) == len(expected) + 2
    for ours, theirs in zip(model.weights, expected, strict=False):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy(), ours.path)
    weights.check(given)


def test_weights_of_another_backbone_are_refused_with_the_first_difference(saved: Callable[..., Path]) -> None:
    for layout in ("keras 2", "keras 3"):
        with pytest.raises(
            WeightsError, match=r"expected MobileNetV2 0.35 .*\(260 tensors\), received 260 tensors; .* block_1_project"
        ) as refusal:
            weights.check(recipe(saved("MobileNetV2", layout, alpha=0.5)))
        assert refusal.value.code == "weights-other-backbone"
        with pytest.raises(WeightsError, match="received 26 tensors; first difference: layer") as refusal:
            weights.check(recipe(saved("VGG16", layout)))
        assert refusal.value.code == "weights-other-backbone"


def test_a_missing_layer_is_refused(saved: Callable[..., Path]) -> None:
    path = saved()
    with h5py.File(path, "r+") as file:
        del file["layers/conv2d_3"]
    with pytest.raises(WeightsError, match=r"\(260 tensors\), received 259 tensors"):
        weights.check(recipe(path))


def spoil_nan(file: h5py.File) -> None:
    file["layers/conv2d_3/vars/0"][0, 0, 0, 0] = np.nan


def spoil_soft_link(file: h5py.File) -> None:
    file["layers/conv2d_3/elsewhere"] = h5py.SoftLink("/layers")


def spoil_external_link(file: h5py.File) -> None:
    del file["layers/conv2d_3/vars/0"]
    file["layers/conv2d_3/vars/0"] = h5py.ExternalLink("/etc/passwd", "/")


def spoil_virtual(file: h5py.File) -> None:
    shape = file["layers/conv2d_3/vars/0"].shape
    del file["layers/conv2d_3/vars/0"]
    layout = h5py.VirtualLayout(shape=shape, dtype="f4")
    layout[...] = h5py.VirtualSource("other.h5", "x", shape=shape)
    file["layers/conv2d_3/vars"].create_virtual_dataset("0", layout)


def spoil_external_storage(file: h5py.File) -> None:
    shape = file["layers/conv2d_3/vars/0"].shape
    del file["layers/conv2d_3/vars/0"]
    file["layers/conv2d_3/vars"].create_dataset("0", shape, "f4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])


def spoil_complex(file: h5py.File) -> None:
    values = file["layers/conv2d_3/vars/0"][()]
    del file["layers/conv2d_3/vars/0"]
    file["layers/conv2d_3/vars/0"] = values.astype("c8")


def spoil_giant(file: h5py.File) -> None:
    del file["layers/conv2d_3/vars/0"]
    file["layers/conv2d_3/vars"].create_dataset(
        "0", (40_000, 40_000, 8), "f4", chunks=(1000, 1000, 1), compression="gzip"
    )


def spoil_loop(file: h5py.File) -> None:
    file["layers/conv2d_3/again"] = file["layers"]


@pytest.mark.parametrize(
    "spoil, code",
    [
        (spoil_nan, "weights-not-finite"),
        (spoil_soft_link, "weights-unsafe"),
        (spoil_external_link, "weights-unsafe"),
        (spoil_virtual, "weights-unsafe"),
        (spoil_external_storage, "weights-unsafe"),
        (spoil_complex, "weights-unsafe"),
        (spoil_giant, "weights-unsafe"),
        (spoil_loop, "weights-unsafe"),
    ],
)
def test_a_file_that_is_more_than_plain_numbers_is_refused(
    saved: Callable[..., Path], spoil: Callable[[h5py.File], None], code: str
) -> None:
    path = saved()
    with h5py.File(path, "r+") as file:
        spoil(file)
    with pytest.raises(WeightsError) as refusal:
        weights.check(recipe(path))
    assert refusal.value.code == code


def test_a_damaged_file_is_refused(saved: Callable[..., Path]) -> None:
    path = saved()
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 4000)
    with pytest.raises(WeightsError) as refusal:
        weights.check(recipe(path))
    assert refusal.value.code == "weights-unreadable"


def test_efficientnet_with_imagenet_weights_is_the_network_keras_makes_of_them(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, enliven: Any
) -> None:
    """Keras inserts a layer for `weights="imagenet"`; here it loads a file of ours instead of the published one."""
    given = recipe_from({"dataset": "-", "backbone": "EfficientNetB0", "weights": "imagenet", "image_size": 32})
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    settings.cache_clear()
    donor = keras.applications.EfficientNetB0(include_top=False, weights=None, input_shape=(32, 32, 3))
    normalization = next(layer for layer in donor.layers if isinstance(layer, keras.layers.Normalization))
    normalization.adapt_mean.assign(backbone.TORCH_MEAN)
    normalization.adapt_variance.assign(backbone.TORCH_DEVIATION)
    normalization.finalize_state()
    enliven(donor, 32)
    path = imagenet_file(given.backbone_row, 1.0, 32).path
    path.parent.mkdir(parents=True, exist_ok=True)
    as_keras_2(donor, path)
    theirs = keras_imagenet(path, monkeypatch)
    ours = classifier.build(given, NAMES)
    weights.load(ours, given)
    pictures = np.random.default_rng(1).uniform(0, 255, (3, 32, 32, 3)).astype("float32")
    resized = ours.get_layer(classifier.RESIZING).output
    for layer, tolerance in (("stem_activation", 1e-5), ("block3a_project_bn", 1e-3)):
        expected = keras.Model(theirs.input, theirs.get_layer(layer).output)(pictures, training=False).numpy()
        received = keras.Model(resized, ours.get_layer(layer).output)(pictures, training=False)
        assert expected.std() > 0.1, "outputs must vary, or equality proves nothing"
        np.testing.assert_allclose(received, expected, rtol=tolerance, atol=tolerance * float(expected.std()))

    ours.save_weights(tmp_path / "model.weights.h5")
    rebuilt = classifier.build(given, NAMES)
    rebuilt.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(rebuilt(pictures, training=False), ours(pictures, training=False))


def keras_imagenet(path: Path, monkeypatch: pytest.MonkeyPatch) -> keras.Model:
    """EfficientNetB0 as Keras builds it for ImageNet weights, from a file of ours."""
    from keras.src.applications import efficientnet

    digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    monkeypatch.setitem(efficientnet.WEIGHTS_HASHES, "b0", (digest, digest))
    monkeypatch.setattr(efficientnet.file_utils, "get_file", lambda *_, **__: str(path))
    return keras.applications.EfficientNetB0(include_top=False, weights="imagenet", input_shape=(32, 32, 3))


@pytest.mark.parametrize("name, alpha", [("MobileNetV2", 0.35), ("MobileNet", 0.25)])
def test_real_imagenet_weights_give_the_features_keras_gives(
    keras_home: Path, workspace: Path, name: str, alpha: float
) -> None:
    given = recipe_from({"dataset": "-", "backbone": name, "alpha": alpha, "weights": "imagenet"})
    ours = classifier.build(given, NAMES)
    weights.load(ours, given)
    theirs = getattr(keras.applications, name)(alpha=alpha, include_top=False, weights=None, input_shape=(224, 224, 3))
    theirs.load_weights(imagenet_file(given.backbone_row, alpha, 224).path)
    pictures = np.random.default_rng(1).uniform(0, 255, (2, 224, 224, 3)).astype("float32")
    expected = theirs(pictures / 127.5 - 1, training=False)
    np.testing.assert_allclose(classifier.backbone_of(ours)(pictures, training=False), expected, atol=1e-4)


def test_absent_imagenet_weights_are_refused_and_never_downloaded(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    settings.cache_clear()
    given = recipe_from({"dataset": "-", "backbone": "VGG16", "weights": "imagenet"})
    with pytest.raises(WeightsError) as refusal:
        weights.check(given)
    assert refusal.value.code == "weights-absent"
