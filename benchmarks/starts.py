"""What the starting weights are worth: a linear classifier on frozen features, and training in both phases."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import ground
from dashboard.core import formula
from dashboard.core.recipe import SCRATCH
from dashboard.core.settings import ROOT
from dashboard.data import intake

SETS = ("flowers_small", "trashnet_third")
NETWORK = {"backbone": formula.BACKBONE, "alpha": formula.ALPHA, "image_size": formula.IMAGE_SIZE}
# Both phases, everything thawed in the second. Random weights get more epochs, so that they have at least the time.
BOTH_PHASES = {"epochs": 10, "fine_tune_epochs": 10, "fine_tune_learning_rate": 3e-4, "unfreeze_from": "stem"}
WAYS = {
    "formula": {"weights": "formula", **BOTH_PHASES},
    "random": {"weights": "none", **SCRATCH, "fine_tune_epochs": 14},
}


@dataclass(frozen=True)
class Probe:
    """Accuracy of a linear classifier on frozen features at 96 pixels, five folds."""

    dataset: str
    random: float
    formula: float
    imagenet: float
    share: float | None  # of the way from random to ImageNet; None where there is hardly any way
    kept_out: bool  # not looked at while programs and settings were chosen


@dataclass(frozen=True)
class Tuned:
    """Trainings in both phases, one a seed."""

    dataset: str
    way: str
    test_accuracies: list[float]
    seconds: list[float]


def probes() -> Iterator[Probe]:
    """Random, formula and ImageNet weights on every set that is at hand; nothing without ImageNet's file."""
    imagenet = next((ground.SHARED / "keras_home" / "models").glob("mobilenet_v2*_0.35_224_no_top.h5"), None)
    if imagenet is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "probe.json"
        options = ["--imagenet", str(imagenet), "--report", str(report)]
        command = [sys.executable, "-m", "pretraining.probe", str(ground.SHARED), str(formula.FILE), *options]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        found = json.loads(report.read_text(encoding="utf-8"))
    for name in found["random"]:
        yield Probe(name, **{column: values[name] for column, values in found.items()})


def tuned(seeds: int = 3) -> Iterator[Tuned]:
    """The bundled weights against random ones, in the real training process."""
    for name in SETS:
        if not (ground.SHARED / name).is_dir():
            continue
        dataset = intake.import_pictures(intake.Source(ground.SHARED / name, name), name=name)
        for way, fields in WAYS.items():
            results = [
                ground.by_thaw(dataset, f"{name}-{way}-{seed}", **NETWORK, **fields, seed=seed) for seed in range(seeds)
            ]
            accuracies = [each.test_accuracy for each in results if each.test_accuracy is not None]
            yield Tuned(name, way, accuracies, [each.seconds for each in results])
