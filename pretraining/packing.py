"""From a checkpoint to the file that is shipped: the backbone alone, as small as it can be, and its fingerprint.

    python -m pretraining.packing CHECKPOINT FILE

The file is HDF5 as Keras 3 lays it out (`layers/conv2d/vars/0`), which `dashboard.ml.weights` reads by value. Kernels
are float16; what normalizes is float32, because variances may lie outside float16.
"""

import argparse
import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import keras
import numpy as np

from dashboard.core import files
from dashboard.ml import backbone
from pretraining.train import ALPHA, ROW, State

SIDE = 96  # pixels


def pack(weights: list[np.ndarray], path: Path) -> str:
    """Write the backbone's weights, the first of a checkpoint's; returns the SHA-256 of the file."""
    model = backbone.build(ROW, ALPHA, SIDE, keras.Input((SIDE, SIDE, 3)))
    model.set_weights(weights[: len(model.weights)])
    with TemporaryDirectory() as folder:
        whole = Path(folder) / "backbone.weights.h5"
        model.save_weights(whole)
        with (
            files.replacing(path) as aside,
            h5py.File(whole) as source,
            h5py.File(aside, "w") as target,
        ):
            source.visititems(lambda name, member: _copy(name, member, target))
    return sha256(path)


def _copy(name: str, member: h5py.Group | h5py.Dataset, target: h5py.File) -> None:
    if isinstance(member, h5py.Dataset):
        kernel = member.ndim > 1
        target.create_dataset(
            name, data=np.asarray(member[()], np.float16 if kernel else np.float32), track_times=False
        )
        if "name" in member.parent.parent.attrs:
            target[name].parent.parent.attrs["name"] = member.parent.parent.attrs["name"]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the backbone of a checkpoint as the file that is shipped.")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("file", type=Path, help="ends in .weights.h5")
    chosen = parser.parse_args()
    print(pack(State.load(chosen.checkpoint).weights, chosen.file), chosen.file.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
