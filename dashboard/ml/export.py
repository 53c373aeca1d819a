"""Files to take home from a finished run."""

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import keras

from dashboard.core import files
from dashboard.core.errors import RunError
from dashboard.core.export_formats import EXPORT_FORMATS
from dashboard.ml import classifier, fit
from dashboard.runs.run import Run

Progress = Callable[[int, int, str], None]
IN_ZIP = (
    "model.weights.h5",
    "model.keras",
    "labels.json",
    "recipe.json",
    "manifest.csv",
    "predictions.csv",
    "report.json",
)


def export(run: Run, name: str, on_progress: Progress | None = None) -> Path:
    """Make one file of `core.export_formats`, or find it where the run has it already.

    Returns:
        Its path relative to the run directory.

    Raises:
        RunError: `export-unknown`, `run-unfinished`, `graphviz-absent`.
    """
    if name not in EXPORT_FORMATS:
        raise RunError("export-unknown", f"There is no export '{name}'. Expected one of {', '.join(EXPORT_FORMATS)}.")
    run.require_model()
    file_name = EXPORT_FORMATS[name].file_name
    if name in ("weights", "keras", "labels"):
        return Path(file_name)
    target = run.path / "exports" / file_name
    if name == "zip":
        write_zip(run, target, on_progress or (lambda done, total, text: None))
    elif not target.exists() or target.stat().st_mtime < run.model_path.stat().st_mtime:
        draw_topology(run, target)
    return target.relative_to(run.path)


def draw_topology(run: Run, target: Path) -> None:
    """Draw every layer with its shapes, trainable ones marked, by `keras.utils.plot_model`; the suffix says the format.

    Raises:
        RunError: `graphviz-absent`.
    """
    if shutil.which("dot") is None:
        raise RunError(
            "graphviz-absent",
            "Drawing the topology needs the program 'dot' of Graphviz, which is not installed. On Debian or Ubuntu: "
            "apt install graphviz. On macOS: brew install graphviz. Then try again.",
        )
    model = classifier.build(run.recipe, run.class_names)
    recipe = run.recipe
    lowest = fit.lowest_block(model, recipe.phases[-1], recipe)
    classifier.freeze(model, lowest, train_batch_normalization=recipe.train_batch_normalization)
    with files.replacing(target) as aside:
        # Right-angled lines, the default, make Graphviz 2.43 of Debian abort on networks with many branches.
        keras.utils.plot_model(
            model,
            to_file=aside,
            show_shapes=True,
            show_layer_names=True,
            show_trainable=True,
            splines="polyline",
        )


def write_zip(run: Run, target: Path, on_progress: Progress) -> None:
    """Everything in one file; the topology too where it can be drawn. Read and written in pieces."""
    members = [run.path / name for name in IN_ZIP if (run.path / name).exists()]
    if shutil.which("dot"):
        members += [run.path / export(run, name) for name in ("topology-svg", "topology-png")]
    with files.replacing(target) as aside, zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as archive:
        for done, member in enumerate(members):
            on_progress(done, len(members), member.name)
            archive.write(member, f"{run.id}/{member.name}")
