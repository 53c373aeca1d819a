"""What the short-lived child does with a model of another machine: judge it whole, then hand over plain numbers.

Runs as `python -m dashboard.data.model_files`; `runs.bringing` starts it twice. First it looks: which files there are,
what they say, whether the weights file is one. Then it reads the weights, once it was told every shape to expect.
No topology, function or class that a file names is ever looked at, let alone loaded.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dashboard.core.errors import UploadError, WeightsError
from dashboard.core.files import sha256
from dashboard.core.limits import LIMITS
from dashboard.data import archives, carried, child, names
from dashboard.data.downloads import HDF5_SIGNATURE, is_whole_hdf5, too_large
from dashboard.data.entries import Entry

WEIGHTS, LABELS, RECIPE = "model.weights.h5", "labels.json", "recipe.json"
TABLES = ("manifest.csv", "predictions.csv")
REPORT = "report.json"
WHOLE_MODELS = ("config.json", "metadata.json", "saved_model.pb", "data.pkl", "keras_metadata.pb")
ZIP_SIGNATURES = (b"PK\3\4", b"PK\5\6")
EXPECTED = f"Expected {WEIGHTS} with {LABELS} and {RECIPE} of an export, or its whole zip."
STEPS = 50  # of progress, at the most
BRIEFEST = 2  # bytes a number, in half precision; less cannot hold a network


@dataclass
class Parts:
    """What was sent: where the weights lie, what the JSON files hold, and where the tables lie."""

    weights: Path | None = None
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)  # by file name
    tables: dict[str, Path] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def work(job: dict[str, Any]) -> None:
    """Do one job: `kind` look, read, or check (one weights file, by its structure); see `runs.bringing`."""
    if job["kind"] == "look":
        _look(job)
    elif job["kind"] == "read":
        _read(job)
    else:
        from dashboard.data import hdf5

        hdf5.check(Path(job["path"]), only_weights=False)


def _look(job: dict[str, Any]) -> None:
    into = Path(job["into"])
    parts = _parts([Path(path) for path in job["paths"]], job["names"], into)
    if LABELS not in parts.objects:
        raise UploadError("labels-missing", f"{LABELS} is missing, which names the classes. {EXPECTED}")
    if parts.weights is None:
        raise UploadError("model-without-weights", f"No weights were sent. {EXPECTED}")
    labels = carried.labels(parts.objects[LABELS])
    recipe = carried.recipe(parts.objects.get(RECIPE), labels, job["dataset"])
    _check_file(parts.weights, labels)
    if parts.weights.stat().st_size < BRIEFEST * 0.9e6 * recipe.backbone_row.parameters_at(recipe.alpha):
        raise WeightsError(
            "weights-other-backbone",
            f"The weights file has {parts.weights.stat().st_size:,} bytes, too few for {recipe.network_name}. "
            f"Take {WEIGHTS} and {RECIPE} from one export.",
        )
    from dashboard.data import hdf5  # h5py takes longer to begin than all of the above

    hdf5.check(parts.weights)
    child.say(
        kind="model",
        weights=str(parts.weights),
        class_names=labels.class_names,
        recipe=recipe.model_dump(mode="json"),
        report=_tables(parts, into, labels.class_names),
        is_checked=labels.weights_sha256 is not None,
        left_out=parts.left_out,
    )


def _parts(paths: list[Path], given_names: list[str], into: Path) -> Parts:
    """Sort what was sent, by what the files are and not by what they are called."""
    parts = Parts()
    for path, name in zip(paths, given_names, strict=True):
        with path.open("rb") as file:
            head = file.read(8)
        if head.startswith(ZIP_SIGNATURES):
            _unpack(path, into, parts)
        elif head.startswith(HDF5_SIGNATURE):
            _take_weights(path, parts)
        elif name.lower().endswith(".json"):
            _take_object(path, names.shown(name), parts)
        else:
            raise UploadError("model-kind", f"The file '{names.shown(name)}' cannot be brought. {EXPECTED}")
    return parts


def _take_weights(path: Path, parts: Parts) -> None:
    if parts.weights is not None:
        raise UploadError("model-several", f"Several models were sent; one is taken at a time. {EXPECTED}")
    parts.weights = path


def _take_object(path: Path, name: str, parts: Parts) -> None:
    with path.open("rb") as file:
        values = carried.json_object(file.read(LIMITS.json_bytes + 1), name)
    kind = LABELS if "class_names" in values else RECIPE if "recipe" in values or "backbone" in values else REPORT
    if kind in parts.objects:
        raise UploadError("model-several", f"{kind} was sent twice; one model is taken at a time. {EXPECTED}")
    parts.objects[kind] = values


def _unpack(path: Path, into: Path, parts: Parts) -> None:
    """Take the members that are known out of a zip; a zip with anything hostile in it is refused whole."""
    members = archives.zip_directory(path, LIMITS.weights_bytes)
    for entry in members:
        if entry.refusal is not None:
            raise UploadError(entry.refusal.code, f"In the zip, '{names.shown(entry.path)}': {entry.refusal.message}")
    for name, entry in _known(members).items():
        target = into / f"sent-{name}"
        if name in (LABELS, RECIPE, REPORT) and entry.size > LIMITS.json_bytes:
            raise UploadError("json-too-large", f"{name} has {entry.size:,} bytes, which no export has.")
        if name in TABLES and entry.size > LIMITS.label_file_bytes:
            parts.left_out.append(name)
            continue
        archives.copy_from_zip(path, entry, target)
        if name == WEIGHTS:
            _take_weights(target, parts)
        elif name in TABLES:
            parts.tables[name] = target
        else:
            _take_named(target, name, parts)


def _take_named(path: Path, name: str, parts: Parts) -> None:
    if name in parts.objects:
        raise UploadError("model-several", f"{name} was sent twice; one model is taken at a time. {EXPECTED}")
    parts.objects[name] = carried.json_object(path.read_bytes(), name)


def _known(members: list[Entry]) -> dict[str, Entry]:
    """The files of one export in a zip, by their names without the folder; the weights say which folder it is."""
    places = {entry.path: entry for entry in members}
    weights = [path for path in places if path.rpartition("/")[2] == WEIGHTS]
    if len(weights) > 1:
        raise UploadError("model-several", f"The zip holds several models; one is taken at a time. {EXPECTED}")
    folder = weights[0].removesuffix(WEIGHTS) if weights else ""
    is_whole = any(path.rpartition("/")[2] in WHOLE_MODELS for path in places)
    if is_whole and f"{folder}{LABELS}" not in places:
        raise UploadError(
            "model-not-opened",
            f"The zip is a whole saved model, which can hold code and is never opened. {EXPECTED}",
        )
    if not weights:
        raise UploadError("model-without-weights", f"The zip holds no {WEIGHTS}. {EXPECTED}")
    wanted = (WEIGHTS, LABELS, RECIPE, REPORT, *TABLES)
    return {name: places[f"{folder}{name}"] for name in wanted if f"{folder}{name}" in places}


def _check_file(path: Path, labels: carried.Labels) -> None:
    """Raise unless the weights file has a size that is taken, is whole, and is the one that was exported."""
    size = path.stat().st_size
    if size > LIMITS.weights_bytes:
        raise WeightsError("weights-too-large", too_large(WEIGHTS, size))
    if labels.weights_sha256 is not None and sha256(path) != labels.weights_sha256:
        raise WeightsError(
            "weights-damaged",
            f"{WEIGHTS} is not the file that was exported: its SHA-256 is another than {LABELS} says. "
            "Copy it from the other machine again.",
        )
    if not is_whole_hdf5(path):
        raise WeightsError(
            "weights-not-hdf5", f"{WEIGHTS} is cut short or no HDF5 file. Copy it from the other machine again."
        )


def _tables(parts: Parts, into: Path, class_names: list[str]) -> dict[str, Any] | None:
    """Write anew what came along beside the model; returns its figures."""
    for name, rewrite in zip(TABLES, (carried.manifest, carried.predictions), strict=True):
        if name in parts.tables:
            rewrite(parts.tables[name], into / name, class_names)
    return carried.report(parts.objects[REPORT]) if REPORT in parts.objects else None


def _read(job: dict[str, Any]) -> None:
    """Write the values of every expected array behind each other, in the order and the types of what is expected."""
    from dashboard.data import hdf5

    expected = [hdf5.Expected(layer, path, tuple(shape), dtype) for layer, path, shape, dtype in job["expected"]]
    total, done, said = sum(each.bytes for each in expected), 0, 0
    with Path(job["into"]).open("wb") as file:
        for wanted, values in zip(expected, _values(job, expected), strict=True):
            file.write(values.tobytes())
            done += wanted.bytes
            if done - said >= total / STEPS or done == total:
                child.say(kind="progress", done=done, total=total)
                said = done


def _values(job: dict[str, Any], expected: list[Any]) -> Iterator[Any]:
    from dashboard.data import hdf5

    return hdf5.values(Path(job["weights"]), expected, job["network"])


if __name__ == "__main__":
    sys.exit(
        child.answer(
            work,
            memory=LIMITS.weights_memory,
            seconds=LIMITS.weights_seconds,
            file_bytes=LIMITS.weights_bytes,
        )
    )
