"""An honest export of a small classifier, made by hand: MobileNet 0.25 at 32 pixels with a head for four classes.

`tests/ml/test_bringing.py` compares the list with what Keras makes of the same recipe.
"""

import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

CLASSES = ("ash", "birch", "elm", "oak")
FILTERS = (16, 32, 32, 64, 64, 128, 128, 128, 128, 128, 128, 256, 256)
NETWORK = {"backbone": "MobileNet", "alpha": 0.25, "image_size": 32}
RECIPE = {"dataset": "beech", "dataset_version": 3, **NETWORK, "weights": "none", "epochs": 2}
WEIGHTS = "model.weights.h5"
Spoil = Callable[[h5py.File], None]
Array = tuple[str, str, tuple[int, ...], str]  # layer, place, shape, type


def expected(num_classes: int = len(CLASSES), width: int = 1) -> list[Array]:
    """Every weight of the classifier in the network's order; `width` times as many filters are another backbone."""
    counts: dict[str, int] = {}
    found: list[Array] = []

    def add(layer: str, kind: str, *shapes: tuple[int, ...]) -> None:
        number = counts[kind] = counts.get(kind, -1) + 1
        place = f"layers/{kind}_{number}" if number else f"layers/{kind}"
        found.extend((layer, f"{place}/vars/{at}", shape, "float32") for at, shape in enumerate(shapes))

    channels = 8 * width
    add("conv1", "conv2d", (3, 3, 3, channels))
    add("conv1_bn", "batch_normalization", *[(channels,)] * 4)
    for number, filters in enumerate(FILTERS, start=1):
        add(f"conv_dw_{number}", "depthwise_conv2d", (3, 3, channels, 1))
        add(f"conv_dw_{number}_bn", "batch_normalization", *[(channels,)] * 4)
        add(f"conv_pw_{number}", "conv2d", (1, 1, channels, filters * width))
        channels = filters * width
        add(f"conv_pw_{number}_bn", "batch_normalization", *[(channels,)] * 4)
    add("probabilities", "dense", (channels, num_classes), (num_classes,))
    return found


def write_weights(path: Path, arrays: list[Array], dtype: str = "f4") -> None:
    """As Keras 3 writes them, every value drawn."""
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for layer, place, shape, _ in arrays:
            group = file.require_group(place.rpartition("/")[0])
            group.attrs["name"] = layer
            group.create_dataset(place.rpartition("/")[2], data=rng.uniform(0.05, 0.15, shape).astype(dtype))


_honest: list[bytes] = []


def weights(spoil: Spoil | None = None, **options: Any) -> bytes:
    """The bytes of the honest file, or of one that was spoilt afterwards."""
    if not _honest:
        _honest.append(other(expected()))
    if spoil is None:
        return _honest[0]
    with tempfile.NamedTemporaryFile(suffix=".h5") as held:
        path = Path(held.name)
        path.write_bytes(_honest[0])
        with h5py.File(path, "r+", **options) as file:
            spoil(file)
        return path.read_bytes()


def other(arrays: list[Array], dtype: str = "f4") -> bytes:
    with tempfile.NamedTemporaryFile(suffix=".h5") as held:
        write_weights(Path(held.name), arrays, dtype)
        return Path(held.name).read_bytes()


def labels(of: bytes | None = None, **changes: Any) -> bytes:
    """labels.json, with the digest of these weights if they are given."""
    values = {"class_names": list(CLASSES), **NETWORK, "input": "RGB 0..255", "output": "probabilities"}
    digest = {} if of is None else {"weights_sha256": hashlib.sha256(of).hexdigest()}
    return json.dumps(values | digest | changes).encode()


def recipe(**changes: Any) -> bytes:
    return json.dumps({"recipe": RECIPE | changes, "versions": {"keras": "3.15.1"}}).encode()


def export(**changes: bytes | None) -> dict[str, bytes]:
    """The files of an export by name, some of them others; None leaves one out."""
    whole: dict[str, bytes | None] = {"weights": weights(), "labels": labels(), "recipe": recipe()}
    named = {"weights": WEIGHTS, "labels": "labels.json", "recipe": "recipe.json"}
    return {named[key]: data for key, data in (whole | changes).items() if data is not None}


def zipped(files: Mapping[str, bytes], folder: str = "20261125-192421-a1fd05/") -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:  # stored: drawn numbers hardly get smaller
        for name, data in files.items():
            archive.writestr(f"{folder}{name}", data)
    return memory.getvalue()
