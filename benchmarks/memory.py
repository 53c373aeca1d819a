"""Memory while training on more and more pictures."""

import hashlib
import io

import numpy as np
import pandas as pd
from PIL import Image

from benchmarks import ground
from dashboard.core.recipe import Recipe
from dashboard.data.datasets import picture_path
from dashboard.runs.run import prepare

COUNTS = (1_000, 10_000, 50_000)
SIDE = 64  # pixels
CLASSES = ("ash", "birch", "cedar", "dogwood")


def manifest(count: int) -> pd.DataFrame:
    """Pictures drawn from their number alone, in the workspace's objects; four classes by their colour."""
    rows = []
    for number in range(count):
        rng = np.random.default_rng(number)
        pixels = rng.integers(0, 60, (8, 8, 3), dtype="uint8")
        pixels[:, :, number % 3] += np.uint8(40 * (number % 4))
        out = io.BytesIO()
        Image.fromarray(pixels).resize((SIDE, SIDE)).save(out, "JPEG", quality=85)
        sha = hashlib.sha256(out.getvalue()).hexdigest()
        path = picture_path(sha)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(out.getvalue())
        split = ("validation", "test", *["train"] * 8)[number // 4 % 10]
        rows.append({"sha256": sha, "path": f"{number}.jpg", "class_name": CLASSES[number % 4], "split": split})
    return pd.DataFrame(rows).drop_duplicates("sha256")


def peak(count: int) -> float:
    """The greatest resident memory of a training process in megabytes, both phases, features on the disk."""
    fields = {"backbone": "MobileNetV2", "alpha": 0.35, "weights": "none", "image_size": SIDE}
    recipe = Recipe(dataset="generated", **fields, epochs=2, fine_tune_epochs=1, unfreeze_from="block_14")
    run = prepare(f"memory-{count}", recipe, manifest(count))
    return ground.train(run.path)[1]


def lines() -> list[tuple[int, float]]:
    return [(count, peak(count)) for count in COUNTS]
