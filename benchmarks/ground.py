"""What the benchmarks stand on: the pictures, the weights, and the two ways to train on them, each its own process."""

import json
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboard.core.recipe import Recipe
from dashboard.core.settings import ROOT
from dashboard.data import datasets, intake, samples, weights
from dashboard.data.datasets import Dataset, picture_path
from dashboard.runs import cache, events
from dashboard.runs.run import Run, prepare

SHARED = ROOT.parent / "shared" / "data"
PHOTOGRAPHS = SHARED / "trashnet_third"
WEIGHTS = SHARED / "derived_mobilenet_v2_1.0_224_no_top.h5"


@dataclass(frozen=True)
class Result:
    """One training: seconds from picture files to finished model, imports excluded; accuracy of the whole network."""

    seconds: float
    epoch_seconds: list[float]
    validation_accuracy: float
    peak_megabytes: float
    test_accuracy: float | None = None


def photographs(folder: Path) -> Dataset:
    """The photographs of the table; generated pictures, which say so in their name, where they are not at hand."""
    if PHOTOGRAPHS.is_dir():
        return intake.import_pictures(intake.Source(PHOTOGRAPHS, PHOTOGRAPHS.name), name=PHOTOGRAPHS.name)
    samples.SAMPLES["shapes"].make(folder / "shapes", samples.ShapesSettings())
    return intake.import_pictures(intake.Source(folder / "shapes", "shapes"), name="generated shapes")


def starting_weights() -> dict[str, Any]:
    """Fields of a recipe for MobileNetV2 1.0: real weights where they are at hand."""
    if WEIGHTS.is_file():
        return {"weights": "file", "weights_file": weights.take_file(WEIGHTS, WEIGHTS.name)}
    return {"weights": "none"}


def small_network() -> dict[str, Any] | None:
    """Fields of a recipe for MobileNetV2 0.35 with its real ImageNet weights, at any image size; None without them."""
    file = SHARED / "keras_home" / "models" / "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5"
    if not file.is_file():
        return None
    return {"alpha": 0.35, "weights": "file", "weights_file": weights.take_file(file, file.name)}


def split_folder(dataset: Dataset, folder: Path) -> Path:
    """The dataset's own split as folders of links, for the peer."""
    if not folder.exists():
        for row in datasets.members(dataset).itertuples():
            link = folder / row.split / row.class_name / f"{row.sha256}{Path(row.path).suffix.lower()}"
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(picture_path(row.sha256))
    return folder


def by_peer(folder: Path, **options: Any) -> Result:
    """Train with the plain script."""
    defaults = {"backbone": "MobileNetV2", "alpha": 1.0, "image_size": 224, "learning_rate": 1e-3, "seed": 0}
    command = [sys.executable, "-m", "benchmarks.peer", str(folder), json.dumps({**defaults, **options})]
    output, peak = _measured(command)
    return Result(**json.loads(output.splitlines()[-1]), peak_megabytes=peak)


def by_thaw(dataset: Dataset, name: str, *, empty_cache: bool = True, **fields: Any) -> Result:
    """Train with the real training process; patience never ends it early, as nothing ends the peer."""
    if empty_cache:
        shutil.rmtree(cache.root())
    recipe = Recipe(dataset=dataset.id, dataset_version=dataset.version, **{"patience": 1000, **fields})
    run = prepare(name, recipe, datasets.members(dataset))
    return result(run, train(run.path)[1])


def train(path: Path) -> tuple[str, float]:
    """Run the training process of a run directory; what it printed, and its greatest memory in megabytes."""
    return _measured([sys.executable, "-m", "dashboard.ml.train", str(path)])


def result(run: Run, peak: float = 0.0) -> Result:
    report = run.report()
    seconds = [event["seconds"] for event in events.read(run.events_path) if event["kind"] == "epoch"]
    return Result(report["seconds"]["total"], seconds, report["validation_accuracy"], peak, report["test_accuracy"])


def _measured(command: list[str]) -> tuple[str, float]:
    """Standard output of a process and its greatest resident memory in megabytes."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, _resident(process.pid))
        time.sleep(0.05)
    output, errors = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} ended with {process.returncode}:\n{errors[-3000:]}")
    return output, peak


def _resident(pid: int) -> float:
    """Megabytes a process holds for itself; pages of mapped files, which the kernel takes back at will, left out."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith(("RssAnon", "RssShmem"))) / 1000


def median(values: list[float]) -> float:
    return statistics.median(values)
