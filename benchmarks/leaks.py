"""What look-alikes do to a figure: near-duplicates planted in clean sets, with a split that minds them and without."""

import io
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageEnhance

from benchmarks import ground
from dashboard.data import datasets, images, intake
from dashboard.data.datasets import Dataset
from dashboard.data.splits import SplitSettings

SETS = ("flowers_small", "trashnet_third")
PLANTED = 0.3  # share of pictures that get a changed copy
AGAIN = " again.jpg"


@dataclass(frozen=True)
class Line:
    """One way to divide one set: planted pairs with an end on either side, and test accuracies by seed."""

    dataset: str
    way: str
    planted: int
    parted: list[int]
    test_accuracies: list[float]


def changed(image: Image.Image, rng: np.random.Generator) -> bytes:
    """A copy as people come by them: cropped anywhere to 0.8 or more a side, lighter or darker, or saved again."""
    kind = str(rng.choice(["crop", "brightness", "recompression"]))
    quality = 90
    if kind == "crop":
        width, height = (round(side * rng.uniform(0.8, 0.95)) for side in image.size)
        left, top = rng.integers(0, image.width - width + 1), rng.integers(0, image.height - height + 1)
        image = image.crop((int(left), int(top), int(left) + width, int(top) + height))
    elif kind == "brightness":
        image = ImageEnhance.Brightness(image).enhance(float(rng.choice([0.7, 0.8, 1.15, 1.25])))
    else:
        quality = int(rng.integers(25, 60))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def plant(source: Path, folder: Path) -> int:
    """Copy a set, and give some of its pictures a changed copy beside them; returns how many."""
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("*.md", "*.txt", "LICENSE*"))
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    rng = np.random.default_rng(0)
    chosen = rng.permutation(len(paths))[: round(PLANTED * len(paths))]
    for number in chosen:
        path = paths[number]
        path.chmod(0o644)
        path.parent.chmod(0o755)
        path.with_name(path.name + AGAIN).write_bytes(changed(Image.fromarray(images.decode(path)), rng))
    return len(chosen)


def parted(dataset: Dataset) -> int:
    """How many pictures stand on another side than their changed copy."""
    split = datasets.members(dataset).set_index("path")["split"]
    copies = split[split.index.str.endswith(AGAIN)]
    originals = pd.Series(split[copies.index.str.removesuffix(AGAIN)].to_numpy(), index=copies.index)
    return int((copies != originals).sum())


def lines(folder: Path, repeats: int) -> Iterator[Line]:
    """Both ways on each set, each with as many seeds as there are repeats, of the split and of the training."""
    network = ground.small_network()
    for name in SETS:
        if network is None or not (ground.SHARED / name).is_dir():
            continue
        count = plant(ground.SHARED / name, folder / name)
        dataset = intake.import_pictures(intake.Source(folder / name, name), name=name)
        for way, together in (("blind to look-alikes", False), ("look-alikes kept together", True)):
            found, accuracies = [], []
            for seed in range(repeats):
                divided = datasets.resplit(dataset, SplitSettings(seed=seed, keep_together=together))
                found.append(parted(divided))
                fields = {**network, "image_size": 160, "epochs": 10, "learning_rate": 3e-3, "seed": seed}
                result = ground.by_thaw(divided, f"{name}-{together}-{seed}", empty_cache=False, **fields)
                accuracies.append(result.test_accuracy or 0.0)
            yield Line(name, way, count, found, accuracies)
