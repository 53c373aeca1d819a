"""Files to take home from a finished run."""

import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from dashboard.core import files
from dashboard.core.errors import RunError
from dashboard.core.export_formats import EXPORT_FORMATS, ExportFormat
from dashboard.data.datasets import picture_path
from dashboard.data.labels import TRAIN
from dashboard.data.parent import scratch
from dashboard.ml import (
    blocks,
    classifier,
    export_browser,
    export_litert,
    export_onnx,
    export_openvino,
    export_saved_model,
    fit,
    parity,
    predict,
    rebuild,
)
from dashboard.ml.pictures import Reader
from dashboard.runs.card import card, write_card
from dashboard.runs.certificates import certificate, certificate_path
from dashboard.runs.run import Run
from dashboard.runs.script import pack_script

Progress = Callable[[int, int, str], None]
Labels = dict[str, Any]
Pictures = Callable[[], Iterator[np.ndarray]]

CALIBRATION = 100  # training pictures that tell the range of every layer
PROGRAMS = (".wasm", ".mjs", ".js")
AS_TRAINED = ("weights", "keras")  # the run has these files already
IN_ZIP = (
    "model.weights.h5",
    "model.keras",
    "labels.json",
    "recipe.json",
    "manifest.csv",
    "predictions.csv",
    "report.json",
)

# Each writes one file about a run that needs no network to be there.
TEXTS: dict[str, Callable[[Run, Path], None]] = {"script": pack_script, "card": write_card}

# Each writes one export of a classifier into a folder.
WRITERS: dict[str, Callable[[keras.Model, Path, Labels, Pictures], None]] = {
    "saved-model": lambda model, folder, labels, pictures: export_saved_model.write(model, folder),
    "onnx": lambda model, folder, labels, pictures: export_onnx.write(model, folder, labels),
    "browser": lambda model, folder, labels, pictures: export_browser.write(model, folder, labels),
    "openvino": lambda model, folder, labels, pictures: export_openvino.write(model, folder),
    "litert": lambda model, folder, labels, pictures: export_litert.write(model, folder, "float32", pictures),
    "litert-float16": lambda model, folder, labels, pictures: export_litert.write(model, folder, "float16", pictures),
    "litert-int8": lambda model, folder, labels, pictures: export_litert.write(model, folder, "int8", pictures),
}


def export(run: Run, name: str, on_progress: Progress | None = None) -> Path:
    """Make one file of `core.export_formats` with its certificate, or find it where the run has it already.

    Returns:
        Its path relative to the run directory.

    Raises:
        RunError: `export-unknown`, `run-unfinished`, `graphviz-absent`, `exporter-absent`.
    """
    if name not in EXPORT_FORMATS:
        raise RunError("export-unknown", f"There is no export '{name}'. Expected one of {', '.join(EXPORT_FORMATS)}.")
    run.require_model()
    row, say = EXPORT_FORMATS[name], on_progress or (lambda done, total, text: None)
    if name == "labels":
        return Path(row.file_name)
    if name in AS_TRAINED:
        certify_as_trained(run, say)
        return Path(row.file_name)
    target = run.path / "exports" / row.file_name
    if name == "zip":
        write_zip(run, target, say)
    elif name in TEXTS:  # written anew each time: names in them may have changed
        blocks.require(run)
        TEXTS[name](run, target)
    elif not _is_made(run, row, target):
        if name in WRITERS:
            write_certified(run, row, target, say)
        else:
            draw_topology(run, target)
    return target.relative_to(run.path)


def _is_made(run: Run, row: ExportFormat, target: Path) -> bool:
    """Whether an export is there, since the run last wrote its model, with its certificate if it has one."""
    there = target.exists() and target.stat().st_mtime >= run.model_path.stat().st_mtime
    return there and (row.tolerance is None or certificate(run, row) is not None)


def write_certified(run: Run, row: ExportFormat, target: Path, on_progress: Progress) -> None:
    """Write one format with its labels as a zip, have a fresh process predict with it, and put its certificate in.

    Raises:
        RunError: `exporter-absent`.
    """
    row.require_packages()
    on_progress(0, 0, f"writing {row.title}")
    model = predict.open_classifier(run).model
    with scratch() as place, files.replacing(target) as aside:
        labels = labels_of(run, row)
        WRITERS[row.name](model, place, labels, lambda: _calibration(run))
        (place / "labels.json").write_text(json.dumps(labels, indent=2, ensure_ascii=False), encoding="utf-8")
        pack(place, aside, f"{run.id}-{row.name}")
        found = parity.certify(run, {row.name: aside}, on_progress)[row.name]
        with zipfile.ZipFile(aside, "a") as archive:
            archive.writestr(f"{run.id}-{row.name}/certificate.json", _text(found.as_record()))
    files.write_json(certificate_path(run, row), found.as_record())


def certify_as_trained(run: Run, on_progress: Progress) -> None:
    """The certificates of the files every finished run has; the weights are loaded by `rebuild.py`."""
    rows = [EXPORT_FORMATS[name] for name in AS_TRAINED]
    if all(certificate(run, row) for row in rows):
        return
    on_progress(0, 0, "opening it in a fresh process")
    with scratch() as place:
        folders = {row.name: place / row.name for row in rows}
        for row in rows:
            folders[row.name].mkdir()
            for name in (row.file_name, "labels.json"):
                (folders[row.name] / name).symlink_to((run.path / name).resolve())
        (folders["weights"] / "rebuild.py").write_text(rebuild.script(run.recipe), encoding="utf-8")
        found = parity.certify(run, folders, on_progress)
    for row in rows:
        files.write_json(certificate_path(run, row), found[row.name].as_record())


def labels_of(run: Run, row: ExportFormat) -> Labels:
    """The run's labels, with what the input of this format must be."""
    return {**files.read_json(run.path / "labels.json"), "input": row.input.format(size=run.recipe.image_size)}


def pack(folder: Path, target: Path, inside: str) -> None:
    """The files of a folder as a zip; numbers hardly get smaller, so only programs are compressed."""
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            how = zipfile.ZIP_DEFLATED if path.suffix in PROGRAMS else zipfile.ZIP_STORED
            archive.write(path, f"{inside}/{path.relative_to(folder).as_posix()}", how)


def _calibration(run: Run) -> Iterator[np.ndarray]:
    """Training pictures as the network sees them, evenly from the first to the last, so from every class."""
    shas = run.manifest[run.manifest["split"] == TRAIN]["sha256"].to_numpy()
    chosen = shas[np.linspace(0, len(shas) - 1, min(CALIBRATION, len(shas))).round().astype(int)]
    for pictures in Reader(run.recipe.image_size).batches([picture_path(sha) for sha in chosen], 8):
        yield from pictures


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
    certify_as_trained(run, on_progress)
    members = [run.path / name for name in IN_ZIP if (run.path / name).exists()]
    if shutil.which("dot"):
        members += [run.path / export(run, name) for name in ("topology-svg", "topology-png")]
    found = {name: certificate(run, EXPORT_FORMATS[name]) for name in AS_TRAINED}
    texts = {
        "rebuild.py": rebuild.script(run.recipe),
        "certificate.json": _text({name: each.as_record() for name, each in found.items() if each}),
    }
    if not run.is_brought:  # of which neither pictures nor figures need be here
        texts["model-card.md"] = card(run)
    with files.replacing(target) as aside, zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as archive:
        for done, member in enumerate(members):
            on_progress(done, len(members), member.name)
            archive.write(member, f"{run.id}/{member.name}")
        for name, text in texts.items():
            archive.writestr(f"{run.id}/{name}", text)


def _text(record: dict[str, Any]) -> str:
    return json.dumps(record, indent=2, ensure_ascii=False) + "\n"
