"""A run as a script: one readable file of plain Keras that repeats it without this project."""

import csv
import shutil
import zipfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from dashboard.core import files, formula
from dashboard.core.augmentations import AUGMENTATIONS
from dashboard.core.errors import DatasetError, RunError
from dashboard.core.optimizers import OPTIMIZERS
from dashboard.core.recipe import FEATURE_EXTRACTION, FINE_TUNING, Recipe
from dashboard.core.schedules import SCHEDULES
from dashboard.data import datasets, weights
from dashboard.runs import events, rendering, sources
from dashboard.runs.run import Run, versions

SCRIPT, REQUIREMENTS, MANIFEST, RECIPE = "train.py", "requirements.txt", "manifest.csv", "recipe.json"
WEIGHTS, CLASSIFIER = "backbone.weights.h5", "classifier.weights.h5"  # what a run started from
IN_THE_ZIP = ("file", "formula")  # starting weights that the script finds beside itself
COLUMNS = {"path": "path", "sha256": "sha256", "class_name": "class", "split": "split"}
PACKAGES = ("tensorflow", "keras", "numpy", "pandas", "pillow")
STARTS = ("=", "+", "-", "@", "\t", "\r", "'")  # of cells that get an apostrophe, which the script takes off again
HAVE_DROPOUT = ("efficientnet", "efficientnet_v2", "alexnet")  # families of backbones with dropout of their own


@dataclass(frozen=True)
class Blocks:
    """What `ml.blocks` wrote down of a run's network."""

    layers: list[str]
    blocks: dict[str, list[str]]
    unfreeze_from: str | None
    cut: list[str]

    @property
    def learning(self) -> dict[str, list[str]]:
        """The blocks that learn in fine-tuning, from the lowest up."""
        names = list(self.blocks)
        first = names.index(self.unfreeze_from) if self.unfreeze_from else len(names)
        return {name: self.blocks[name] for name in names[first:]}

    @property
    def first_layers(self) -> list[str] | None:
        """The first layer of each of these blocks; None where a block is no run of neighbours among all layers."""
        at, found = len(self.layers) - sum(map(len, self.learning.values())), []
        for layers in self.learning.values():
            if set(self.layers[at : at + len(layers)]) != set(layers):
                return None
            found.append(self.layers[at])
            at += len(layers)
        return found


def write_script(run: Run, folder: Path) -> None:
    """Write `train.py` and all that it needs but the pictures into a folder, which need not exist.

    Raises:
        RunError: `run-unfinished`, `blocks-unknown`.
        WeightsError: `weights-file-unknown`; the file the run started from is no longer in the workspace.
    """
    texts, weights_path = contents(run)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        files.write_text(folder / name, text)
    if weights_path:
        with files.replacing(folder / weights_name(run.recipe)) as aside:
            shutil.copyfile(weights_path, aside)


def pack_script(run: Run, path: Path) -> None:
    """As `write_script`, into a zip with one folder named for the run."""
    texts, weights_path = contents(run)
    with files.replacing(path) as aside, zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(f"{run.id}/{name}", text)
        if weights_path:
            archive.write(weights_path, f"{run.id}/{weights_name(run.recipe)}")


def contents(run: Run) -> tuple[dict[str, str], Path | None]:
    """The files of a script by name, and where the weights lie that belong to it; raises as `write_script`."""
    run.require_model()
    recipe, path = run.recipe, None
    if recipe.weights in IN_THE_ZIP:
        weights.require(recipe)
        path = weights.weights_file_path(recipe.weights_file) if recipe.weights_file else formula.FILE
    texts = {
        SCRIPT: script(run),
        REQUIREMENTS: requirements(run),
        MANIFEST: manifest(run.manifest),
        RECIPE: (run.path / RECIPE).read_text(encoding="utf-8"),
    }
    return texts, path


def from_classifier(recipe: Recipe) -> bool:
    """Whether a run began with the weights of a whole classifier, of which it took the backbone at least."""
    return recipe.weights == "file" and (recipe.keep_head or bool(weights.classes_of(recipe.weights_file or "")))


def weights_name(recipe: Recipe) -> str:
    """What the file of its starting weights is called beside the script."""
    return CLASSIFIER if from_classifier(recipe) else WEIGHTS


def script(run: Run) -> str:
    """The text of `train.py`; raises RunError `blocks-unknown`."""
    recipe, blocks = run.recipe, blocks_of(run)
    phases = [
        {
            "name": phase.name,
            "epochs": phase.epochs,
            "learning_rate": phase.learning_rate,
            "cut": (["pooling"] if phase.name == FEATURE_EXTRACTION else blocks.cut) if recipe.cache else [],
        }
        for phase in recipe.phases
    ]
    tuned = any(phase.name == FINE_TUNING for phase in recipe.phases)
    learning = [layer for layers in blocks.learning.values() for layer in layers]
    above = blocks.layers[len(blocks.layers) - len(learning) :]
    by_depth = tuned and not recipe.head_rate_factor == recipe.rate_decay == 1.0
    gradual = tuned and recipe.gradual_thawing
    return rendering.script(
        "train.py.j2",
        run_id=run.id,
        dataset=dataset_name(run),
        recipe=recipe,
        weights="file" if recipe.weights in IN_THE_ZIP else recipe.weights,
        weights_sha=formula.SHA256 if recipe.weights == "formula" else recipe.weights_file,
        weights_name=weights_name(recipe),
        from_classifier=from_classifier(recipe),
        source=rendering.Plain(sources.source(recipe.backbone_row)),
        family=recipe.backbone_row.family,
        preprocessing=recipe.backbone_row.preprocessing,
        has_alpha=len(recipe.backbone_row.alphas) > 1,
        rests=recipe.backbone_row.family in HAVE_DROPOUT,
        optimizer=OPTIMIZERS[recipe.optimizer],
        schedule=recipe.schedule,
        plateau=SCHEDULES[recipe.schedule].on_plateau,
        changing_rate=recipe.schedule != "constant" or recipe.warmup_epochs > 0,
        warmup=recipe.warmup_epochs > 0,
        augmentation=[AUGMENTATIONS[name] for name in recipe.augmentation],
        mixup=recipe.mixup > 0,
        phases=phases,
        features=any(phase["cut"] for phase in phases),
        pictures=recipe.weights == "none" or not all(phase["cut"] for phase in phases),
        whole=tuned and len(learning) == len(blocks.layers),
        by_depth=by_depth,
        gradual=gradual,
        blocks=blocks.learning,
        first_layers=blocks.first_layers if by_depth or gradual else None,
        first_layer=above[0] if tuned and set(above) == set(learning) else None,
        learning_layers=learning if tuned else None,
        steps=steps(recipe, whole=len(learning) == len(blocks.layers)),
        missing=missing(run),
        run_accuracy={split: each["value"] for split, each in run.report().get("accuracy", {}).items()},
    )


def steps(recipe: Recipe, *, whole: bool) -> list[str]:
    """What the phases do, a sentence each."""
    found = []
    for phase in recipe.phases:
        epochs = f"{phase.epochs} epoch" + ("s" if phase.epochs > 1 else "")
        if phase.name == FEATURE_EXTRACTION:
            found.append(f"Feature extraction: the backbone is frozen and the head learns, for at most {epochs}.")
        elif whole:
            found.append(f"Fine-tuning: the whole backbone learns too, slowly, for at most {epochs}.")
        else:
            found.append(f"Fine-tuning: the upper blocks of the backbone learn too, slowly, for at most {epochs}.")
    return found


def missing(run: Run) -> list[str]:
    """What happened in a run that its script does not do again, a sentence each."""
    said = [f"Before step {each.step + 1}, by hand: {each.words}" for each in run.recipe.steering]
    marks = events.marks(events.read(run.events_path))
    if "stop" in list(marks["kind"]):
        said.append("The run was stopped by hand; this script goes on to the end that the recipe has.")
    return said


def blocks_of(run: Run) -> Blocks:
    """
    Raises:
        RunError: `blocks-unknown`; the run is older than this file of it, which a process with Keras writes anew.
    """
    if not run.blocks_path.exists():
        raise RunError("blocks-unknown", f"The blocks of run '{run.id}' are not known here; export its script once.")
    found = files.read_json(run.blocks_path)
    return Blocks(**{**found, "blocks": {each["name"]: each["layers"] for each in found["blocks"]}})


def dataset_name(run: Run) -> str:
    """What the dataset is called now; its id where it was deleted."""
    try:
        return datasets.get(run.recipe.dataset).name
    except DatasetError:
        return run.recipe.dataset


def requirements(run: Run) -> str:
    """What the script is installed with, in the versions the run was made with."""
    made_with: dict[str, Any] = files.read_json(run.path / "recipe.json").get("versions", {})
    reads_backbone = run.recipe.weights in IN_THE_ZIP and not from_classifier(run.recipe)
    names = (*PACKAGES, "h5py") if reads_backbone else PACKAGES
    packages = {name: made_with.get(name) or version(name) for name in names}
    return rendering.script(
        "requirements.txt.j2",
        python=rendering.plain(made_with.get("python", versions()["python"])),
        packages={rendering.plain(name): rendering.plain(at) for name, at in packages.items()},
    )


def manifest(pictures: pd.DataFrame) -> str:
    """A run's manifest as CSV with the columns path, sha256, class, split.

    No cell is a formula to a spreadsheet: such text has an apostrophe before it, and so has text that begins with one.
    """
    table = pictures[list(COLUMNS)].rename(columns=COLUMNS)
    safe = table.map(lambda text: f"'{text}" if text.startswith(STARTS) else text)
    text: str = safe.to_csv(index=False, quoting=csv.QUOTE_ALL)  # or a lone carriage return would end a row
    return text
