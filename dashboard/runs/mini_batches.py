"""What was measured of mini-batches, kept for the next visit.

    cache/mini_batches/<key>.json    {"measured": as of `ml.mini_batches.measure`} or {"race": as of its `race`}

A key is all that decides an answer: the pictures, what makes features and head of them, and how the head learns.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dashboard.core import files, machine
from dashboard.core.recipe import recipe_from
from dashboard.core.settings import workspace
from dashboard.runs.run import open_run, versions
from dashboard.runs.workers import Progress, Worker

DECIDES = {
    *("dataset", "dataset_version", "backbone", "alpha", "weights", "weights_file", "keep_head", "image_size"),
    *("head_width", "dropout", "label_smoothing", "class_weights", "optimizer", "learning_rate", "precision", "seed"),
}

Of = dict[str, Any]  # {"recipe": fields} or {"run": id}
Cancelled = Callable[[], bool]


def measured(of: Of) -> dict[str, Any] | None:
    """The noise and speed that were measured for a recipe or a run, if they were."""
    found: dict[str, Any] | None = _read(_path(of), "measured")
    return found


def raced(of: Of) -> list[dict[str, Any]] | None:
    """The newest trainings side by side, if there were any."""
    found: list[dict[str, Any]] | None = _read(_path(of, "race"), "race")
    return found


def measure(worker: Worker, of: Of, *, on_progress: Progress | None = None, cancelled: Cancelled) -> None:
    """Measure and keep; raises as `ml.mini_batches.measure` and `Worker.call`."""
    found = worker.call("mini_batch_noise", of=of, on_progress=on_progress, cancelled=cancelled)
    files.write_json(_path(of), {"measured": found})


def race(
    worker: Worker, of: Of, sizes: list[int], *, on_progress: Progress | None = None, cancelled: Cancelled
) -> None:
    """Train side by side and keep the curves; raises as `ml.mini_batches.race` and `Worker.call`."""
    found = worker.call("mini_batch_race", of=of, sizes=sizes, on_progress=on_progress, cancelled=cancelled)
    files.write_json(_path(of, "race"), {"race": found})


def _path(of: Of, what: str = "") -> Path:
    recipe = open_run(of["run"]).recipe if "run" in of else recipe_from(of["recipe"])
    about = recipe.model_dump(mode="json", include=DECIDES)
    # A run has a list of pictures of its own, which its dataset's version may have lost.
    about |= {"run": of.get("run"), "what": what, "versions": versions(), "machine": machine.processor()}
    name = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:32]
    return workspace("cache", "mini_batches", f"{name}.json")


def _read(path: Path, name: str) -> Any:
    return files.read_json(path)[name] if path.exists() else None
