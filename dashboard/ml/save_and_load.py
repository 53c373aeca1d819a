"""A fresh process that saves and loads a run's network by hand: `python -m dashboard.ml.save_and_load`.

It runs the code that the page shows, cell by cell, in a folder of its own with nothing in it but the run's finished
model, its labels and one picture. JSON lines in and out, as those of `ml.worker`. The model is a file of this program:
one that was brought from another machine was rebuilt here and given its weights by value.
"""

import contextlib
import gc
import io
import json
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from dashboard.ml.importing import import_keras

if __name__ == "__main__":  # before TensorFlow, which may print: standard output is for answers alone
    _answers: IO[str] = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    import_keras()

from PIL import Image

from dashboard.core import files
from dashboard.core.errors import DashboardError, DatasetError, WorkerError, as_record
from dashboard.data.datasets import picture_path
from dashboard.data.images import decode
from dashboard.data.parent import scratch
from dashboard.runs.run import Run, open_run
from dashboard.runs.save_and_load import MARK, Result, cells, script

Progress = Callable[[int, int, str], None]


def execute(progress: Progress, *, run: str, sha256: str) -> dict[str, Any]:
    """The fields of a `Result`.

    Raises:
        RunError: `run-unfinished`.
        DatasetError: `picture-unknown`, the picture is not in the workspace any more.
        UploadError: as `images.decode`.
        WorkerError: `step-failed`, with the number of the step and what Keras said.
    """
    opened = open_run(run)
    opened.require_model()
    with scratch() as folder:
        furnish(folder, opened, sha256)
        with contextlib.chdir(folder):
            return vars(run_cells(opened, progress))


def furnish(folder: Path, run: Run, sha256: str) -> None:
    """Put into a folder what the script reads: model.keras, labels.json, picture.png (RGB, upright)."""
    path = picture_path(sha256)
    if not path.is_file():
        raise DatasetError("picture-unknown", "This picture is not in the workspace any more. Choose another one.")
    shutil.copyfile(run.model_path, folder / "model.keras")
    files.write_json(folder / "labels.json", {"class_names": run.class_names})
    Image.fromarray(decode(path)).save(folder / "picture.png")


def run_cells(run: Run, progress: Progress) -> Result:
    """Run a script's cells in the current folder, in one namespace, as a notebook does."""
    names: dict[str, Any] = {"__name__": "__main__"}
    printed, seconds = [], []
    steps = cells(run.recipe)
    for number, (cell, code) in enumerate(zip(steps, script(run.recipe).split(MARK)[1:], strict=True), 1):
        progress(number - 1, len(steps), cell.title)
        said, began = io.StringIO(), time.perf_counter()
        try:
            with contextlib.redirect_stdout(said):
                exec(compile(f"{MARK}{code}", f"step {number}", "exec"), names)
        except Exception as error:
            traceback.print_exc()
            words = f"Step {number}, '{cell.title}', ended with {type(error).__name__}: {error}"
            raise WorkerError("step-failed", f"{words[:400]} Nothing of your run was changed.") from error
        printed.append(said.getvalue().rstrip("\n"))
        seconds.append(time.perf_counter() - began)
    return Result(
        printed=printed,
        seconds=seconds,
        shapes={name: list(names[name].shape) for name in ("pixels", "picture", "batch", "probabilities")},
        weights=int(names["rebuilt"].count_params()),
        class_names=list(names["class_names"]),
        probabilities=[float(each) for each in names["probabilities"][0]],
        difference=float(names["difference"]),
    )


def answer(question: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> None:
    """Answer one question; a mistake of ours becomes a short error here and a traceback on standard error."""
    number = question["id"]
    try:
        result = execute(
            lambda done, total, text: say({"id": number, "progress": [done, total, text]}), **question["arguments"]
        )
    except DashboardError as error:
        say({"id": number, "error": as_record(error)})
    except Exception as error:
        traceback.print_exc()
        words = f"Saving and loading failed: {type(error).__name__}: {error}. The log of the worker has the details."
        say({"id": number, "error": as_record(WorkerError("worker-failed", words[:400]))})
    else:
        say({"id": number, "result": result})


def main() -> None:
    def say(line: dict[str, Any]) -> None:
        _answers.write(json.dumps(line) + "\n")
        _answers.flush()

    for line in sys.stdin:
        answer(json.loads(line), say)


if __name__ == "__main__":
    gc.freeze()
    gc.enable()
    main()
