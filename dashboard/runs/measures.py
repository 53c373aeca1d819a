"""Measurements of recipes: kept in the workspace under all that determines them, and judged by what is free now.

cache/measures/<key>.json   one file a network as a whole, one a cut; `key` in it says in words what it is of
"""

import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dashboard.core import files, machine
from dashboard.core import promise as promises
from dashboard.core.errors import RecipeError
from dashboard.core.fitting import Fitting, Room, nearest, refusal
from dashboard.core.planning import Plan, best_within, candidates
from dashboard.core.promise import Measurements, Pictures, Promise
from dashboard.core.recipe import Recipe
from dashboard.core.settings import workspace
from dashboard.data import datasets
from dashboard.data.labels import TEST, TRAIN, VALIDATION
from dashboard.runs import cache, workers
from dashboard.runs.run import versions

WHOLE = "whole network"  # in the place of a cut
# Fields of a recipe that change what a step, a picture or an epoch costs.
FIELDS = (
    *("dataset", "backbone", "alpha", "weights", "weights_file", "image_size", "head_width", "augmentation"),
    *("optimizer", "batch_size", "train_batch_normalization", "cache", "precision"),
)


@dataclass(frozen=True)
class Judgement:
    """What a recipe takes; where it cannot run here: why, and the nearest that can (None: there is none)."""

    promise: Promise
    refusal: str | None
    nearest: Fitting | None


def read(recipe: Recipe) -> Measurements | None:
    """What was measured of a recipe's network under its settings; None while its own phases were not."""
    if not _topology_known(recipe):
        return None
    blocks = _blocks(None, recipe)
    whole = _path(recipe, WHOLE)
    if not whole.exists():
        return None
    wanted = dict.fromkeys([*promises.cuts(recipe, blocks), *candidates(recipe, blocks)])
    found = [_path(recipe, each) for each in wanted]
    parts = tuple(promises.part_from(files.read_json(path)["measured"]) for path in found if path.exists())
    known = Measurements(blocks, promises.whole_from(files.read_json(whole)["measured"]), parts)
    return known if known.covers(recipe) else None


def take(recipe: Recipe, *, to_plan: bool = False, on_progress: workers.Progress | None = None) -> Measurements:
    """Measure what is not known yet of a recipe, in a process of its own: only there memory tells the truth, and where
    it runs out nobody else is hurt.

    Args:
        recipe: whose phases are measured.
        to_plan: also at the other cuts that a plan chooses among.
        on_progress: as of `Worker.call`; what it raises ends the process.

    Raises:
        WeightsError, BackboneError: as `workers.check`.
        WorkerError: `worker-died`, most often because there is not enough memory even for one batch.
    """
    with workers.Worker() as worker:
        if on_progress:
            on_progress(0, 0, "Starting")
        workers.check(worker, recipe)
        blocks = _blocks(worker, recipe)
        wanted = dict.fromkeys(promises.cuts(recipe, blocks))
        if to_plan:
            wanted |= dict.fromkeys(candidates(recipe, blocks))
        cuts = [each for each in wanted if not _path(recipe, each).exists()]
        if cuts or not _path(recipe, WHOLE).exists():
            keep(recipe, workers.measure(worker, recipe, cuts, on_progress=on_progress))
    known = read(recipe)
    if known is None:
        raise RecipeError("not-measured", "What was measured is gone already. Ask again how long it will take.")
    return known


def judge(recipe: Recipe, members: pd.DataFrame | None = None) -> Judgement | None:
    """The promise of a recipe that was measured, held against what is free now; None where it was not measured.

    Args:
        recipe: to be run.
        members: as of `pictures`.
    """
    known = read(recipe)
    if known is None:
        return None
    there, free = pictures(recipe, known, members), room()
    promised = promises.promise(recipe, known, there)
    refused = refusal(promised, free)
    return Judgement(promised, refused, nearest(recipe, known, there, free) if refused else None)


def require(recipe: Recipe) -> None:
    """
    Raises:
        RecipeError: `does-not-fit`, where measurements say that the recipe cannot run here.
    """
    judged = judge(recipe)
    if judged and judged.refusal:
        raise RecipeError("does-not-fit", sentence(judged))


def sentence(judged: Judgement) -> str:
    """A refusal with the way on."""
    if judged.nearest is None:
        way_on = "Nothing near them fits: free some, or take a smaller network."
    else:
        way_on = f"The nearest that fit: {judged.nearest.changed}."
    return f"{judged.refusal} {way_on}"


def plan(recipe: Recipe, minutes: float, *, on_progress: workers.Progress | None = None) -> Plan:
    """Measure what a plan needs, and plan; raises as `take` and `planning.best_within`."""
    known = take(recipe.replace(unfreeze_from=None), to_plan=True, on_progress=on_progress)
    return best_within(minutes, recipe, known, pictures(recipe, known), room())


def pictures(recipe: Recipe, known: Measurements, members: pd.DataFrame | None = None) -> Pictures:
    """How many pictures a run of a recipe would have, and how many of them have features already.

    Args:
        recipe: names the dataset; its seed and views name the views.
        known: what was measured of it.
        members: of the dataset's version, where they are at hand.
    """
    if members is None:
        members = datasets.members(datasets.get(recipe.dataset, recipe.dataset_version))
    train = members.loc[members["split"] == TRAIN, "sha256"]
    validation = members.loc[members["split"] == VALIDATION, "sha256"]
    test = int((members["split"] == TEST).sum())
    return Pictures(len(train), len(validation), test, _kept(recipe, known, set(train), set(validation)))


def _kept(
    recipe: Recipe, known: Measurements, train: set[str], validation: set[str]
) -> dict[str | None, tuple[int, ...]]:
    """By cut, how many pictures have features; one number a view."""
    folders = _folders()
    views = recipe.views if recipe.augmentation else 1
    kept = {}
    for part in known.parts:
        counts = [len(_shas(folders, part.features) & (train | validation))]
        for view in range(1, views if part.view else 1):
            key = {**part.view, "view": {**part.view["view"], "number": view, "seed": recipe.seed}}
            counts.append(len(_shas(folders, key) & train))
        kept[part.cut] = tuple(counts)
    return kept


def room() -> Room:
    """What is free on this machine now."""
    return Room(machine.available_memory(), max(0, shutil.disk_usage(cache.root()).free - cache.SPARE))


def _topology_known(recipe: Recipe) -> bool:
    return workers.topology_known(backbone=recipe.backbone, alpha=recipe.alpha, image_size=recipe.image_size)


def _blocks(worker: workers.Worker | None, recipe: Recipe) -> tuple[str, ...]:
    """Names of a network's blocks; without a worker only where they are known."""
    worker = worker or workers.Worker()  # starts no process before it is asked something
    found = workers.topology(worker, backbone=recipe.backbone, alpha=recipe.alpha, image_size=recipe.image_size)
    return tuple(block["name"] for block in found)


def keep(recipe: Recipe, measured: dict[str, Any]) -> None:
    """Write down what `workers.measure` answered for a recipe."""
    for part in measured["parts"]:
        _write(recipe, part["cut"], part)
    _write(recipe, WHOLE, measured["whole"])


def _write(recipe: Recipe, at: str | None, measured: dict[str, Any]) -> None:
    files.write_json(_path(recipe, at), {"key": _key(recipe, at), "measured": measured})


def _path(recipe: Recipe, at: str | None) -> Path:
    name = hashlib.sha256(json.dumps(_key(recipe, at), sort_keys=True).encode()).hexdigest()[:32]
    return workspace("cache", "measures", f"{name}.json")


def _key(recipe: Recipe, at: str | None) -> dict[str, Any]:
    """Everything that decides what is measured, in words."""
    values = recipe.model_dump(mode="json")
    by_depth = recipe.head_rate_factor != 1.0 or recipe.rate_decay != 1.0
    return {
        **{name: values[name] for name in FIELDS},
        "cut": at or "head",
        "mixup": bool(recipe.mixup),
        "rates_by_depth": by_depth,
        "seed": recipe.seed if recipe.weights == "none" else 0,  # random weights have features of their own
        "machine": machine.processor(),
        "versions": versions(),
    }


def _folders() -> list[tuple[dict[str, Any], Path]]:
    """Keys and folders of all kept features."""
    found = []
    for path in cache.root().glob("*/key.json"):
        try:
            found.append((dict(files.read_json(path)), path.parent))
        except (OSError, ValueError):  # removed meanwhile
            continue
    return found


def _shas(folders: Iterable[tuple[dict[str, Any], Path]], key: dict[str, Any]) -> set[str]:
    """Pictures whose features of a key are kept."""
    shas: set[str] = set()
    for folder in (folder for each, folder in folders if each == key):
        for listed in folder.glob("*.txt"):
            shas.update(listed.read_text().split())
    return shas
