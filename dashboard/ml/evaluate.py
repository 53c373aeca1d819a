"""What the finished model says about every picture file of its run: `predictions.csv` and `report.json`."""

import csv
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from dashboard.core import files, metrics
from dashboard.data.datasets import picture_path
from dashboard.data.labels import TEST, TRAIN, VALIDATION
from dashboard.ml.predict import Classifier
from dashboard.ml.prefix import BATCH, open_engine
from dashboard.runs.run import Run

SAY = 0.5  # seconds between two `progress` events
TOLERANCE = 1e-4  # of a probability, between the engine and Keras


def probabilities(model: keras.Model, image_size: int, paths: list[Path]) -> Iterator[np.ndarray]:
    """What the whole float32 network says of picture files, batch by batch, shape (batch, num_classes).

    By the engine of `prefix`, several times faster than Keras on a CPU, once it has shown on the first batch that it
    gives what Keras gives; else by Keras. Where there is no second batch, there is nothing left for the engine.
    """
    keras_own = Classifier(model, image_size)
    sample = keras_own.reader.batch(paths[:BATCH])
    expected = np.asarray(keras_own.part(sample, training=False))
    if len(paths) <= BATCH:
        yield expected
        return
    engine = open_engine(keras_own.part, "float32")
    (found,) = next(engine.outputs([sample]))
    if np.abs(found - expected).max() > TOLERANCE:
        yield from keras_own.batches(paths)
        return
    for (batch,) in engine.outputs(keras_own.reader.batches(paths, BATCH)):
        yield batch


def predictions(model: keras.Model, run: Run) -> pd.DataFrame:
    """Predict all splits from the picture files, write `predictions.csv` as it goes, and return it.

    Returns:
        As `Run.predictions`; probabilities with 9 digits, which is all that float32 has.
    """
    manifest, names = run.manifest, run.class_names
    columns = ["path", "sha256", "split", "true", "predicted", *(f"{metrics.PROBABILITY}{name}" for name in names)]
    paths = [picture_path(sha) for sha in manifest["sha256"]]
    pictures = manifest[["path", "sha256", "split", "class_name"]].itertuples(index=False, name=None)
    done, said = 0, 0.0
    with files.replacing(run.path / "predictions.csv") as aside, aside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for batch in probabilities(model, run.recipe.image_size, paths):
            writer.writerows(
                [*next(pictures), names[int(values.argmax())], *(f"{value:.9g}" for value in values)]
                for values in batch
            )
            done += len(batch)
            if time.monotonic() - said >= SAY or done == len(paths):
                run.say("progress", stage="evaluating", done=done, total=len(paths))
                said = time.monotonic()
    return run.predictions()


def accuracy(model: keras.Model, run: Run, split: str) -> float:
    """Share of a split's pictures that the whole network names rightly, from their files."""
    rows = run.manifest[run.manifest["split"] == split]
    paths = [picture_path(sha) for sha in rows["sha256"]]
    found = np.concatenate([each.argmax(axis=1) for each in probabilities(model, run.recipe.image_size, paths)])
    return float(np.mean(np.array(run.class_names)[found] == rows["class_name"].to_numpy()))


def report(table: pd.DataFrame, *, epochs: int, best_epoch: int, seconds: dict[str, float]) -> dict[str, Any]:
    """The figures of a run as JSON-safe values.

    Returns:
        accuracy and loss by split (accuracy with its 95 % interval), validation_accuracy, test_accuracy (None without a
        test split), epochs, best_epoch and seconds.
    """
    splits = [split for split in (TRAIN, VALIDATION, TEST) if (table["split"] == split).any()]
    accuracy = {split: asdict(metrics.accuracy(table[table["split"] == split])) for split in splits}
    return {
        "accuracy": accuracy,
        "loss": {split: cross_entropy(table[table["split"] == split]) for split in splits},
        "validation_accuracy": accuracy[VALIDATION]["value"],
        "test_accuracy": accuracy[TEST]["value"] if TEST in accuracy else None,
        "epochs": epochs,
        "best_epoch": best_epoch,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }


def cross_entropy(table: pd.DataFrame) -> float:
    """Mean of -log(probability of the true class), natural logarithm, without label smoothing."""
    columns = metrics.probability_columns(table)
    positions = pd.Index(columns).get_indexer(metrics.PROBABILITY + table["true"])
    given = table[columns].to_numpy(float)[np.arange(len(table)), positions]
    return float(-np.log(np.maximum(given, 1e-7)).mean())
