"""Bake-offs: candidates measured one after the other, and what was measured kept for the next visit.

    cache/bake_off/<key>.json   {"key": ..., "score": ...}, or "error" in place of the score

A key is everything that decides a score: dataset version, backbone, width, image size, precision, versions and machine.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from dashboard.core import files, machine, metrics
from dashboard.core.candidates import STARTING, Score, expected_costs
from dashboard.core.errors import DashboardError, as_record
from dashboard.core.recipe import Recipe
from dashboard.core.settings import workspace
from dashboard.data.datasets import Dataset
from dashboard.runs import workers
from dashboard.runs.run import versions

COLUMNS = [
    *(
        "name",
        "backbone",
        "alpha",
        "weights",
        "image_size",
        "accuracy",
        "low",
        "high",
        "count",
        "folds",
        "milliseconds",
    ),
    *("megabytes", "parameters", "seconds", "precision", "engine", "reason"),
]
PER_CENT = 100

Report = Callable[[int, int, str], None]
Cancelled = Callable[[], bool]


class _Cancelled(Exception):  # noqa: N818
    """Somebody wants no more."""


def key(recipe: Recipe) -> dict[str, Any]:
    """Everything that decides the score of a candidate."""
    others = {} if recipe.weights == "imagenet" else {"weights": recipe.weights}  # what was kept before names none
    return {
        **others,
        **recipe.model_dump(include={"dataset", "dataset_version", "backbone", "alpha", "image_size", "precision"}),
        **_here(),
    }


@lru_cache(maxsize=1)
def _here() -> dict[str, Any]:
    """What is the same for all candidates on this machine."""
    names = ("keras", "tensorflow", "openvino")
    found = {name: each for name, each in versions().items() if name in names}
    return {"versions": {**found, "scikit-learn": version("scikit-learn")}, "machine": machine.processor()}


def path_of(recipe: Recipe) -> Path:
    """Where a candidate's score is kept, whether it is there or not."""
    name = hashlib.sha256(json.dumps(key(recipe), sort_keys=True).encode()).hexdigest()[:32]
    return _folder() / f"{name}.json"


def _folder() -> Path:
    return workspace("cache", "bake_off", "-").parent


def is_kept(recipe: Recipe) -> bool:
    """Whether this candidate has a score; what failed has none and is tried again."""
    path = path_of(recipe)
    return path.exists() and "score" in files.read_json(path)


def forget(recipe: Recipe) -> None:
    """Measure this candidate anew the next time. Its features stay."""
    path_of(recipe).unlink(missing_ok=True)


def kept(dataset: Dataset) -> pd.DataFrame:
    """What was measured on this dataset version, on this machine, with these versions; the most accurate first.

    Returns:
        Columns `COLUMNS`, one row a candidate: accuracy and its 95 % interval in 0..1, milliseconds a picture,
        megabytes, parameters (count), seconds the measurement took. A candidate that failed has a `reason` and no
        figures.
    """
    rows = []
    for path in sorted(_folder().glob("*.json")):
        record = files.read_json(path)
        about = record["key"]
        if (about["dataset"], about["dataset_version"]) == (dataset.id, dataset.version):
            mine = {name: about[name] for name in ("versions", "machine")} == _here()
            rows += [_row(record)] if mine else []
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.sort_values(["accuracy", "name"], ascending=[False, True], ignore_index=True)


def _row(record: dict[str, Any]) -> dict[str, Any]:
    about = record["key"]
    recipe = Recipe(**{name: about[name] for name in ("dataset", "backbone", "alpha", "image_size")})
    source = about.get("weights", "imagenet")
    row = {
        **about,
        "weights": source,
        "name": recipe.network_name + (" (formula)" if source == "formula" else ""),
        "reason": record.get("error", {}).get("message", ""),
        "precision": None,
    }
    if "score" in record:
        score = Score(**record["score"])
        share = metrics.wilson(score.right, score.count)
        row |= {**asdict(score), "accuracy": share.value, "low": share.low, "high": share.high}
    return {name: row.get(name) for name in COLUMNS}


def run(
    candidates: Sequence[Recipe],
    pictures: int,
    report: Report,
    cancelled: Cancelled,
    open_worker: Callable[[], workers.Worker] = workers.Worker,
) -> int:
    """Measure candidates one after the other; one that fails is kept with its reason and ends none of the others.

    They have a worker of their own: one that runs out of memory takes nobody else's along, and a cancelled one ends at
    once. Features computed until then stay.

    Args:
        candidates: as of `core.candidates.candidate`; those that have a score already are left out.
        pictures: each of them has to see.
        report: called with per cent done of all, 100, and what is done.
        cancelled: asked at every step.
        open_worker: opens the process that measures.

    Returns:
        How many candidates were measured.
    """
    waiting = [recipe for recipe in candidates if not is_kept(recipe)]
    costs = [expected_costs(recipe, pictures).total for recipe in waiting]
    measured = 0
    if not waiting:
        return 0
    report(0, PER_CENT, "Starting. Per cent")
    with open_worker() as worker:
        worker.call("ping")
        for number, recipe in enumerate(waiting):
            say = _share(report, cancelled, costs, number)
            try:
                say(0, 1, f"{recipe.network_name}, reading the network")
                keep(recipe, score=asdict(workers.bake_off(worker, recipe, on_progress=say)))
                measured += 1
            except _Cancelled:
                break
            except DashboardError as error:
                keep(recipe, error=as_record(error))
    return measured


def keep(recipe: Recipe, **found: Any) -> None:
    """Write down what became of a candidate: its `score`, the fields of a `Score`, or its `error`, as a record."""
    files.write_json(path_of(recipe), {"key": key(recipe), **found})


def _share(report: Report, cancelled: Cancelled, costs: list[float], number: int) -> Report:
    """Turns the progress of one candidate into that of all, by what each is expected to cost."""
    before, whole = STARTING + sum(costs[:number]), STARTING + sum(costs)

    def say(done: int, total: int, text: str) -> None:
        if cancelled():
            raise _Cancelled
        share = (before + costs[number] * done / total) / whole
        report(int(share * PER_CENT), PER_CENT, f"{number + 1} of {len(costs)}: {text}. Per cent")

    return say
