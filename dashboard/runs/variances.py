"""Bias and variance of a recipe's head: measured once, and kept for the next visit.

    cache/bias_variance/<key>.json   the record of `ml.bias_variance`

A key is everything that decides the measurement: the recipe, but for what a frozen phase does not use, and versions.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dashboard.core import files
from dashboard.core.recipe import Recipe
from dashboard.core.settings import workspace
from dashboard.runs.run import versions
from dashboard.runs.workers import Worker

UNUSED = {
    *("augmentation", "views", "mixup", "patience", "fine_tune_epochs", "fine_tune_learning_rate", "unfreeze_from"),
    *("head_rate_factor", "rate_decay", "gradual_thawing", "train_batch_normalization", "cache", "keep_head"),
    "steering",
}

Report = Callable[[int, int, str], None]
Cancelled = Callable[[], bool]


def path_of(recipe: Recipe) -> Path:
    """Where the record of a recipe is kept, whether it is there or not."""
    key = {**recipe.model_dump(mode="json", exclude=UNUSED), "versions": versions()}
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
    return workspace("cache", "bias_variance", f"{name}.json")


def kept(recipe: Recipe) -> dict[str, Any] | None:
    """The record of a recipe; None where it was not measured yet."""
    path = path_of(recipe)
    return dict(files.read_json(path)) if path.exists() else None


def measure(worker: Worker, recipe: Recipe, report: Report, cancelled: Cancelled) -> None:
    """Measure a recipe and keep the record.

    Raises:
        DashboardError: as of `dashboard.ml.bias_variance.bias_variance` and `Worker.call`.
    """
    values = recipe.model_dump(mode="json")
    record = worker.call("bias_variance", timeout=900.0, on_progress=report, cancelled=cancelled, recipe=values)
    files.write_json(path_of(recipe), record)
