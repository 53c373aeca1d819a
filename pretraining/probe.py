"""How good the features of a frozen network are: a linear classifier on them, five folds, on pictures of many kinds.

    python -m pretraining.probe DATA FORMULA --imagenet FILE --report FILE

Three networks of the same topology are asked, in inference mode at 96 pixels: with random weights (the mean of three
seeds), with the weights in FORMULA, and with those of ImageNet. What counts is the share of the way from random to
ImageNet that the formulas go; it is not taken where that way is shorter than `SHORTEST`.
"""

import argparse
import json
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import BinaryIO

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from PIL import Image
from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dashboard.data import images
from dashboard.data.samples import SAMPLES
from dashboard.ml import backbone
from pretraining.train import ALPHA, ROW, State

SIDE = 96  # pixels
SEEDS = (0, 1, 2)  # of the random weights
FOLDS = 5
PENALTIES = np.logspace(1, 5, 9)  # of the ridge, on standardised features; chosen within each fold
SHORTEST = 0.03  # accuracy between random and ImageNet
ENDINGS = (".jpg", ".jpeg", ".png")

# Chosen before the first result: a third of the sets is not looked at while programs and settings are chosen.
KEPT_OUT = ("trashnet_third", "mnist_png", "concrete_cracks")

PictureSet = tuple[np.ndarray, np.ndarray]  # uint8, shape (pictures, SIDE, SIDE, 3), and class names, shape (pictures,)


def picture_sets(data: Path) -> Iterator[tuple[str, PictureSet]]:
    """The sets below `data`, those that are not there left out, and the two demo sets of the dashboard."""
    for name in ("flowers_small", "sign_digits", "ms_fruit_tiny", "trashnet_third", "mnist_png"):
        if (data / name).is_dir():
            yield name, of_folder(data / name)
    zips = {
        "two_gestures": "teachablemachine_image-model-data.zip",
        "concrete_cracks": "mlnet_concrete_cracks_assets.zip",
    }
    for name, file in zips.items():
        if (path := data / "messy" / "zips" / file).exists():
            yield name, of_zip(path)
    for name, sample in SAMPLES.items():
        with TemporaryDirectory() as folder:
            sample.make(Path(folder) / name, None)
            yield f"demo: {name}", of_folder(Path(folder) / name)


def of_folder(folder: Path) -> PictureSet:
    """Every picture in a folder of class folders."""
    paths = sorted(path for path in folder.glob("*/*") if path.suffix.lower() in ENDINGS)
    return _stacked([(str(path.parent.name), path.open("rb")) for path in paths])


def of_zip(path: Path) -> PictureSet:
    """Every picture in an archive of class folders; read one by one, nothing is extracted."""
    with zipfile.ZipFile(path) as archive:
        names = [PurePosixPath(name) for name in sorted(archive.namelist())]
        wanted = [name for name in names if name.suffix.lower() in ENDINGS and name.parts[0] != "__MACOSX"]
        return _stacked([(name.parent.name, BytesIO(archive.read(str(name)))) for name in wanted])


def _stacked(found: list[tuple[str, BinaryIO]]) -> PictureSet:
    pixels = []
    for _, file in found:
        with file:
            whole = Image.fromarray(images.read(file, at_least=SIDE).pixels)
        pixels.append(np.asarray(whole.resize((SIDE, SIDE), Image.Resampling.BILINEAR)))
    return np.stack(pixels), np.array([name for name, _ in found])


def network(load: Callable[[keras.Model], None]) -> keras.Model:
    """The backbone with pooled features, shape (batch, 1280), in inference mode whatever happens."""
    pictures = keras.Input((SIDE, SIDE, 3))
    model = backbone.build(ROW, ALPHA, SIDE, pictures)
    load(model)
    model.trainable = False
    return keras.Model(pictures, keras.layers.GlobalAveragePooling2D()(model.output))


def load_formula(path: Path) -> Callable[[keras.Model], None]:
    """Weights of a checkpoint of `pretraining.train`, or of a file packed by `pretraining.packing`."""
    if path.suffix == ".npz":
        return lambda model: model.set_weights(State.load(path).weights[: len(model.weights)])
    return lambda model: model.load_weights(path)


def accuracy(features: np.ndarray, class_names: np.ndarray) -> float:
    """Mean accuracy over the folds of a ridge classifier on standardised features."""
    classifier = make_pipeline(StandardScaler(), RidgeClassifierCV(PENALTIES))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    return float(cross_val_score(classifier, features, class_names, cv=folds).mean())


def accuracies(model: keras.Model, sets: dict[str, PictureSet]) -> pd.Series:
    """Accuracy on every set, by name."""
    found = {}
    for name, (pixels, class_names) in sets.items():
        features = [np.asarray(model(part, training=False)) for part in np.array_split(pixels, len(pixels) // 128 + 1)]
        found[name] = accuracy(np.concatenate(features), class_names)
    return pd.Series(found)


def references(sets: dict[str, PictureSet], imagenet: Path) -> pd.DataFrame:
    """Accuracy with random and with ImageNet's weights; columns `random`, `imagenet`, one row a set."""
    found = []
    for seed in SEEDS:
        keras.utils.set_random_seed(seed)
        found.append(accuracies(network(lambda model: None), sets))
    of_imagenet = accuracies(network(lambda model: model.load_weights(imagenet)), sets)
    return pd.DataFrame({"random": sum(found) / len(SEEDS), "imagenet": of_imagenet})


def compared(table: pd.DataFrame) -> pd.DataFrame:
    """Add `share` of the way from random to ImageNet (NaN where it is too short), and whether a set was kept out."""
    way = table.imagenet - table.random
    share = ((table.formula - table.random) / way).where(way >= SHORTEST)
    return table.assign(share=share, kept_out=table.index.isin(KEPT_OUT))


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare features of random, formula and ImageNet weights.")
    parser.add_argument("data", type=Path, help="folder with the picture sets")
    parser.add_argument("formula", type=Path, help="checkpoint (.npz) or packed weights (.h5)")
    parser.add_argument(
        "--imagenet", type=Path, required=True, help="MobileNetV2 0.35 without classifier, as Keras publishes it"
    )
    parser.add_argument("--references", type=Path, help="JSON file that keeps what random and ImageNet weights gave")
    parser.add_argument("--chosen-on", action="store_true", help="leave out the sets kept out of choosing")
    parser.add_argument("--report", type=Path, help="JSON file for the table")
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(chosen.threads)
    sets = dict(picture_sets(chosen.data))
    if chosen.references and chosen.references.exists():
        table = pd.DataFrame(json.loads(chosen.references.read_text(encoding="utf-8")))
    else:
        table = references(sets, chosen.imagenet)
        if chosen.references:
            chosen.references.write_text(table.to_json(), encoding="utf-8")
    if chosen.chosen_on:
        sets = {name: pictures for name, pictures in sets.items() if name not in KEPT_OUT}
    table = compared(table.loc[list(sets)].assign(formula=accuracies(network(load_formula(chosen.formula)), sets)))
    print(table[["random", "formula", "imagenet", "share", "kept_out"]].round(3).to_string())
    print(f"mean share {table.share.mean():.2f}, each at most 1: {table.share.clip(upper=1).mean():.2f}")
    if chosen.report:
        chosen.report.write_text(table.to_json(indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
