"""What comes along with a model's weights, judged field by field: its recipe, the names of its classes, its figures.

Files of other people: whatever leaves this module has been rebuilt from values that were checked.
"""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dashboard.core.errors import DashboardError, RecipeError, UploadError
from dashboard.core.limits import LIMITS
from dashboard.core.recipe import Recipe, recipe_from
from dashboard.data import names
from dashboard.data.labels import TEST, TRAIN, VALIDATION

CLASSES = 10_000
LEVERS = 10_000  # pulled while a run trained
LONGEST_MESSAGE = 400  # characters; what is wrong may itself be of any length
SHA256 = re.compile(r"[0-9a-f]{64}")
NUMBER = re.compile(r"\d{1,2}(\.\d{1,20})?(e-\d{1,3})?", re.ASCII)
SPLITS = (TRAIN, VALIDATION, TEST)
MANIFEST = ("sha256", "path", "class_name", "split")
PREDICTIONS = ("path", "sha256", "split", "true", "predicted")
Share = Field(ge=0, le=1)


class Labels(BaseModel):
    """What `labels.json` says of a network; what else it says is left alone."""

    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)

    class_names: list[str] = Field(min_length=2, max_length=CLASSES)
    backbone: str
    alpha: float
    image_size: int
    weights_sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")


class Accuracy(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)

    value: float = Share
    low: float = Share
    high: float = Share
    count: int = Field(ge=0)


class Report(BaseModel):
    """The figures of a run as `ml.evaluate` writes them; what else there is is left out."""

    model_config = ConfigDict(allow_inf_nan=False)

    accuracy: dict[str, Accuracy] = Field({}, max_length=len(SPLITS))
    loss: dict[str, float] = Field({}, max_length=len(SPLITS))
    validation_accuracy: float | None = Field(None, ge=0, le=1)
    test_accuracy: float | None = Field(None, ge=0, le=1)
    epochs: int = Field(0, ge=0, le=1_000_000)
    best_epoch: int = Field(0, ge=0, le=1_000_000)


def json_object(data: bytes, file_name: str) -> dict[str, Any]:
    """The values in a small JSON file.

    Raises:
        UploadError: `json-too-large`, `json-unreadable`.
    """
    if len(data) > LIMITS.json_bytes:
        raise UploadError(
            "json-too-large", f"{file_name} has more than {LIMITS.json_bytes:,} bytes, which no export has."
        )
    try:
        values = json.loads(data.decode(), parse_constant=_no_number, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise UploadError(
            "json-unreadable", f"{file_name} is no readable JSON. Take it from the export again, unchanged."
        ) from error
    if not isinstance(values, dict):
        raise UploadError("json-unreadable", f"{file_name} holds no JSON object. Take it from the export again.")
    return values


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these pairs; programs disagree on which of two values of one name counts."""
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return values


def labels(values: dict[str, Any]) -> Labels:
    """
    Raises:
        UploadError: `labels-invalid` names the field; `labels-order` where classes are not in the order that this
            program gives them, so that nobody knows which output is whose.
    """
    try:
        found = Labels(**values)
    except ValidationError as error:
        raise _invalid("labels-invalid", "labels.json", error) from error
    for name in found.class_names:
        try:
            kept = names.class_name(name)
        except DashboardError as error:
            raise UploadError("labels-invalid", f"labels.json has a class that cannot be: {error.message}") from error
        if kept != name:
            raise UploadError("labels-invalid", f"labels.json has a class '{names.shown(name)}' with loose spaces.")
    if found.class_names != sorted(set(found.class_names)):
        raise UploadError(
            "labels-order",
            "labels.json has its classes twice or in another order than exports have. Take it from the export again.",
        )
    return found


def recipe(values: dict[str, Any] | None, said: Labels, dataset: str) -> Recipe:
    """The recipe of a brought run: that of `recipe.json`, or what `labels.json` alone says of the network.

    Args:
        values: of `recipe.json`, bare or as a run keeps it; None where it did not come along.
        said: what `labels.json` says.
        dataset: id that takes the place of the one on the other machine.

    Raises:
        RecipeError, BackboneError: as `recipe_from`, the message at most `LONGEST_MESSAGE` characters.
        UploadError: `labels-other` where the two do not belong together.
    """
    network = {"backbone": said.backbone, "alpha": said.alpha, "image_size": said.image_size}
    inner = network | {"weights": "none"} if values is None else values.get("recipe", values)
    if not isinstance(inner, dict):
        raise RecipeError("recipe-invalid", "recipe.json holds no recipe. Take it from the export again.")
    try:
        found = recipe_from({**inner, "dataset": dataset, "dataset_version": 1})
    except DashboardError as error:
        raise type(error)(error.code, _shortened(f"recipe.json: {error.message}")) from error
    _refuse_names(found)
    for field, value in network.items():
        if getattr(found, field) != value:
            raise UploadError(
                "labels-other",
                f"labels.json and recipe.json are of two models: their {field} differs "
                f"({_shortened(str(value), 40)} and {getattr(found, field)}). Take both from one export.",
            )
    return found


def _refuse_names(found: Recipe) -> None:
    """A recipe's free texts, which pages show and later runs look things up by."""
    block, file = found.unfreeze_from or "-", found.weights_file or "0" * 64
    if len(block) > names.LONGEST_PART or names.misleads(block) or not SHA256.fullmatch(file):
        raise RecipeError("recipe-invalid", "recipe.json names a block or a weights file as no recipe does.")
    if len(found.steering) > LEVERS:
        raise RecipeError("recipe-invalid", f"recipe.json has more than {LEVERS:,} changes while it trained.")


def _invalid(code: str, file_name: str, error: ValidationError) -> UploadError:
    first = error.errors(include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    return UploadError(code, _shortened(f"{file_name}: {field}: {first['msg']}. Take the file from the export again."))


def _shortened(message: str, most: int = LONGEST_MESSAGE) -> str:
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in message).split())
    return text if len(text) <= most else f"{text[: most - 4]} ..."


def report(values: dict[str, Any]) -> dict[str, Any]:
    """
    Raises:
        UploadError: `report-invalid`.
    """
    try:
        found = Report(**values)
    except ValidationError as error:
        raise _invalid("report-invalid", "report.json", error) from error
    if set(found.accuracy) | set(found.loss) <= set(SPLITS):
        return found.model_dump(mode="json")
    raise UploadError("report-invalid", "report.json has figures of a split that there is not.")


def manifest(source: Path, target: Path, class_names: list[str]) -> None:
    """Write a list of pictures anew.

    Raises:
        UploadError: `manifest-invalid` names the first line that is none of a manifest.
    """
    _rewritten(source, target, MANIFEST, "manifest", class_names)


def predictions(source: Path, target: Path, class_names: list[str]) -> None:
    """Write a table of predictions anew.

    Raises:
        UploadError: `predictions-invalid` names the first line that is none of such a table.
    """
    from dashboard.core.metrics import PROBABILITY  # with pandas, which only this needs

    columns = (*PREDICTIONS, *(PROBABILITY + name for name in class_names))
    _rewritten(source, target, columns, "predictions", class_names)


def _rewritten(source: Path, target: Path, columns: tuple[str, ...], what: str, class_names: list[str]) -> None:
    known = set(class_names)
    line = 1
    try:
        with source.open(newline="", encoding="utf-8") as read, target.open("w", newline="", encoding="utf-8") as file:
            rows, writer = csv.reader(read, strict=True), csv.writer(file)
            _expect(tuple(next(rows, ())) == columns)
            writer.writerow(columns)
            for line, row in enumerate(_told(rows), 2):  # noqa: B007 - for the message
                _expect(len(row) == len(columns))
                writer.writerow(_checked(dict(zip(columns, row, strict=True)), known))
    except (ValueError, csv.Error, UploadError) as error:
        raise UploadError(
            f"{what}-invalid",
            f"Line {line} of {what}.csv is none of an export. Take the file from it again, unchanged.",
        ) from error


def _told(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    for number, row in enumerate(rows):
        _expect(number < LIMITS.archive_members)
        yield row


def _checked(row: dict[str, str], known: set[str]) -> list[str]:
    """The cells of one row, each what its column may hold; raises ValueError."""
    for column, cell in row.items():
        if column not in (*MANIFEST, *PREDICTIONS):
            _expect(NUMBER.fullmatch(cell) is not None and float(cell) <= 1)
        elif column == "sha256":
            _expect(SHA256.fullmatch(cell) is not None)
        elif column == "split":
            _expect(cell in SPLITS)
        elif column == "path":
            _expect(names.tidy(cell) == cell)
        else:
            _expect(cell in known)
    return list(row.values())


def _expect(holds: bool) -> None:
    if not holds:
        raise ValueError("not as an export has it")
