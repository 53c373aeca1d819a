"""The certificate: a fresh process gets an exported file, and its answers are compared with what the page showed."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from dashboard.core import certificates, files
from dashboard.core.certificates import Answers, Certificate
from dashboard.core.export_formats import EXPORT_FORMATS, ExportFormat
from dashboard.core.metrics import PROBABILITY
from dashboard.core.settings import ROOT
from dashboard.data.datasets import picture_path
from dashboard.data.labels import TEST, VALIDATION
from dashboard.data.parent import scratch
from dashboard.runs.run import Run

Progress = Callable[[int, int, str], None]
SAMPLE = 64  # pictures
GONE = (
    "No picture of the test or validation split is in the workspace any more, so nothing can be compared. "
    "Import the dataset again."
)

NOT_BROUGHT = (
    "This model was brought from another machine, and none of the pictures it was tested on are here, so nothing can "
    "be compared. Export it where it was trained."
)


def certify(run: Run, exports: dict[str, Path], on_progress: Progress) -> dict[str, Certificate]:
    """Compare exported files with the predictions of their run; a file that cannot be opened gets its certificate too.

    Args:
        run: a finished one.
        exports: for each format its zip, or a folder of its files.
        on_progress: told of every picture.

    Raises:
        RunError: `run-unfinished`, the run has no predictions.
    """
    shown = held_sample(_predictions(run))
    problem = NOT_BROUGHT if run.is_brought else GONE
    with scratch() as folder:
        place = folder.resolve()
        if len(shown):
            problem = _ask(exports, list(shown["sha256"]), place, on_progress)
        return {
            name: _certificate(EXPORT_FORMATS[name], path, run, shown, place / f"{name}.npz", problem)
            for name, path in exports.items()
        }


def _predictions(run: Run) -> pd.DataFrame:
    """Those of the run; no row, where it was brought without them."""
    if run.is_brought and not (run.path / "predictions.csv").exists():
        columns = ["path", "sha256", "split", "true", "predicted"]
        return pd.DataFrame(columns=columns + [PROBABILITY + name for name in run.class_names])
    return run.predictions()


def held_sample(predictions: pd.DataFrame) -> pd.DataFrame:
    """At most `SAMPLE` pictures that were not trained on, evenly from the first to the last, so from every class.

    Those of the test split; where none of them is in the workspace, those of the validation split; else no row.
    """
    here = predictions[predictions["sha256"].map(lambda sha: picture_path(sha).is_file()).astype(bool)]
    held = here[here["split"] == TEST]
    if not len(held):
        held = here[here["split"] == VALIDATION]
    chosen = np.linspace(0, len(held) - 1, min(SAMPLE, len(held))).round().astype(int)
    return held.iloc[chosen].reset_index(drop=True)


def _ask(exports: dict[str, Path], shas: list[str], place: Path, on_progress: Progress) -> str:
    """Have a fresh process write its answers into `place`; what went wrong there, or nothing."""
    pairs = [text for name, path in exports.items() for text in (name, str(path.resolve()))]
    own = {name: value for name, value in os.environ.items() if not name.startswith("THAW_")}
    (place / "pictures.json").write_text(json.dumps([str(picture_path(sha).resolve()) for sha in shas]))
    with (place / "pictures.json").open() as pictures, (place / "log.txt").open("wb") as log:
        command = [sys.executable, "-m", "dashboard.ml.recipient", str(place), *pairs]
        process = subprocess.Popen(command, stdin=pictures, stdout=subprocess.PIPE, stderr=log, cwd=ROOT, env=own)
        with process:
            for done, _ in enumerate(process.stdout or (), 1):
                on_progress(done, len(shas) * len(exports), "checking it in a fresh process")
    if process.returncode == 0:
        return ""
    last = [line for line in (place / "log.txt").read_text(errors="replace").splitlines() if line.strip()][-1:]
    return f"A fresh process could not predict with it (exit code {process.returncode}): {' '.join(last)[:300]}"


def _certificate(
    row: ExportFormat, path: Path, run: Run, shown: pd.DataFrame, found: Path, problem: str
) -> Certificate:
    size, digests = run.recipe.image_size, _digests(path)
    if not found.exists():
        return certificates.refused(row, shown, problem, size=size, digests=digests)
    with np.load(found) as values:
        answers = Answers(
            json.loads(str(values["class_names"])),
            values["found"],
            values["moved"],
            float(values["milliseconds"]),
            str(values["runtime"]),
        )
    return certificates.judge(row, shown, answers, size=size, digests=digests)


def _digests(path: Path) -> dict[str, str]:
    """SHA-256 of every file of an export, by its name below the one folder that all of them lie in."""
    if path.is_dir():
        return {each.name: files.sha256(each) for each in sorted(path.iterdir())}
    with zipfile.ZipFile(path) as archive:
        return {name.partition("/")[2]: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}
