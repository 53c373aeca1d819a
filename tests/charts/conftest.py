"""Tables like those the pages hand to the charts, small and seeded."""

import numpy as np
import pandas as pd
import pytest

FLOWERS = ["daisy", "roses", "tulips"]
EVIL = ["<b>bold</b>", "$x^2$ and $y$", "%{x}", "007", "<a href='https://example.org'>link</a>", "a & b", "None"]


def make_batches(extraction: int, fine_tuning: int, batches_an_epoch: int = 10) -> pd.DataFrame:
    """Batches of both phases; numbers of batches."""
    size = extraction + fine_tuning
    step = np.arange(1, size + 1)
    noise = np.random.default_rng(0).normal(0, 0.1, size)
    return pd.DataFrame(
        {
            "step": step,
            "phase": np.where(step <= extraction, "feature extraction", "fine-tuning"),
            "epoch": (step - 1) // batches_an_epoch + 1,
            "loss": 2 * np.exp(-step / size) + noise,
            "accuracy": np.clip(1 - np.exp(-step / size) + noise, 0, 1),
            "learning_rate": np.where(step <= extraction, 1e-3, 1e-5),
            "pictures_per_second": 400.0,
            "time": 1.7e9 + step,
        }
    )


@pytest.fixture
def batches() -> pd.DataFrame:
    return make_batches(60, 40)


@pytest.fixture
def epochs(batches: pd.DataFrame) -> pd.DataFrame:
    rows = batches.groupby("epoch", as_index=False).last()[
        ["epoch", "phase", "step", "loss", "accuracy", "learning_rate"]
    ]
    rows["validation_loss"] = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.45, 0.5]
    rows["validation_accuracy"] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.83, 0.8, 0.79]
    return rows.assign(seconds=2.0)


@pytest.fixture
def marks() -> pd.DataFrame:
    rows = [
        ("phase", 1, 1, "feature extraction"),
        ("best", 70, 7, "epoch 7"),
        ("best", 80, 8, "epoch 8"),
        ("warning", 33, 4, "loss <b>jumped</b> $5$"),
        ("early stopping", 100, 10, "validation loss had not improved for 2 epochs"),
    ]
    return pd.DataFrame(rows, columns=["kind", "step", "epoch", "text"])


@pytest.fixture
def members() -> pd.DataFrame:
    rows = [
        (f"{name}/{number}.jpg", name, split, 320, 240)
        for name, count in zip(FLOWERS, (10, 20, 1), strict=True)
        for number in range(count)
        for split in [("train", "validation", "test")[number % 3]]
    ]
    return pd.DataFrame(rows, columns=["path", "class_name", "split", "width", "height"])


@pytest.fixture
def network() -> pd.DataFrame:
    rows = [("stem", 4, 928, "112 x 112 x 32", False)]
    rows += [(f"block_{number}", 9, 20_000 * number, "14 x 14 x 96", number > 5) for number in range(1, 9)]
    rows += [("head", 3, 6_405, "5", True)]
    return pd.DataFrame(rows, columns=["name", "layers", "parameters", "output_shape", "trainable"])


@pytest.fixture
def catalogue() -> pd.DataFrame:
    rows = [
        ("MobileNetV2", 3.5, 14, 71.3, "on this machine"),
        ("EfficientNetV2B0", 7.2, 29, 78.7, "to download"),
        ("VGG16", 138.4, 528, 71.3, "to download"),
        ("ConvNeXtXLarge", 350.2, 1310, 86.7, "not to be had"),
    ]
    return pd.DataFrame(rows, columns=["name", "parameters", "megabytes", "top1", "status"])
