"""Weights files: where Keras' published ImageNet weights are, and files a user brings."""

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from dashboard.core import formula
from dashboard.core.backbones import Backbone, weights_file_name, weights_published, weights_url_path
from dashboard.core.errors import WeightsError
from dashboard.core.files import read_json, replacing, sha256, write_text
from dashboard.core.limits import LIMITS
from dashboard.core.recipe import Recipe
from dashboard.core.settings import settings, workspace
from dashboard.data.downloads import (
    MEGABYTE,
    PretrainedFile,
    by_hand,
    can_fetch,
    download,
    is_whole_hdf5,
    not_written,
    too_large,
)

__all__ = [
    "PretrainedFile",
    "Whereabouts",
    "can_be_had",
    "classes_of",
    "download",
    "imagenet_file",
    "require",
    "require_head",
    "take_file",
    "weights_file_path",
    "whereabouts",
]

Whereabouts = Literal["on this machine", "to download", "not to be had"]


def imagenet_file(backbone: Backbone, alpha: float, image_size: int) -> PretrainedFile:
    """The file that `keras.applications` asks for with `weights="imagenet", include_top=False`.

    Raises:
        WeightsError: `weights-absent`; nobody published any for this backbone.
    """
    name = weights_file_name(backbone, alpha, image_size)
    path = settings().keras_home.expanduser() / "models" / name
    present = is_whole_hdf5(path)
    return PretrainedFile(
        name=name,
        path=path,
        url=f"{settings().weights_url.rstrip('/')}/{weights_url_path(backbone, alpha, image_size)}",
        megabytes=path.stat().st_size / MEGABYTE if present else backbone.download_megabytes_at(alpha),
        present=present,
        hash=backbone.weights_hash,
    )


def whereabouts(backbone: Backbone, alpha: float, image_size: int) -> Whereabouts:
    """Where the ImageNet weights for this width and size are."""
    if backbone.weights_file is None:
        return "not to be had"
    if imagenet_file(backbone, alpha, image_size).present:
        return "on this machine"
    return "to download" if weights_published(backbone, alpha, image_size) else "not to be had"


def can_be_had(recipe: Recipe) -> bool:
    """Whether the ImageNet weights of this network are on this machine, or could be fetched as far as it can tell."""
    file = imagenet_file(recipe.backbone_row, recipe.alpha, recipe.image_size)
    return file.present or can_fetch(file.url)


def require(recipe: Recipe) -> None:
    """Refuse a recipe whose starting weights are not on this machine.

    Raises:
        WeightsError: `weights-absent` or `weights-file-unknown`.
    """
    if recipe.weights == "file" and not weights_file_path(recipe.weights_file or "").is_file():
        raise WeightsError(
            "weights-file-unknown",
            f"The weights file {recipe.weights_file} is not in this workspace. Upload it again on the Model page, "
            "or give its path to `train --weights`.",
        )
    if recipe.weights == "formula" and not is_whole_hdf5(formula.FILE):
        raise WeightsError("weights-absent", f"The bundled file {formula.FILE.name} is missing; install Thaw again.")
    if recipe.weights != "imagenet":
        return
    row, alpha, size = recipe.backbone_row, recipe.alpha, recipe.image_size
    file = imagenet_file(row, alpha, size)
    if file.present:
        return
    if not weights_published(row, alpha, size):
        raise WeightsError(
            "weights-absent",
            f"There are no ImageNet weights for {recipe.network_name} at {size} pixels: they were published at "
            f"{row.image_size} pixels only. Choose image size {row.image_size}, or another alpha.",
        )
    raise WeightsError(
        "weights-absent",
        f"The ImageNet weights of {recipe.network_name} are not on this machine. Download them on the Model page. "
        f"{by_hand(file)}",
    )


def weights_file_path(sha: str) -> Path:
    """Where a user's weights file lies in the workspace, whether it is there or not.

    Raises:
        WeightsError: `weights-file-unknown`; not a SHA-256, so no file of that name was ever taken.
    """
    if not re.fullmatch(r"[0-9a-f]{64}", sha):
        raise WeightsError("weights-file-unknown", f"A weights file is named by its SHA-256; received '{sha}'.")
    return workspace("weights", f"{sha}.h5")


def classes_of(sha: str) -> list[str]:
    """What the head in a weights file tells apart, in the order of its outputs; empty where nobody said."""
    path = weights_file_path(sha).with_suffix(".json")
    return list(read_json(path)["class_names"]) if path.exists() else []


def require_head(recipe: Recipe, class_names: Sequence[str]) -> None:
    """Refuse to keep a head that tells other classes apart than these.

    Raises:
        WeightsError: `weights-other-classes`.
    """
    if not recipe.keep_head:
        return
    there, wanted = classes_of(recipe.weights_file or ""), sorted(class_names)
    if there == wanted:
        return
    added, gone = sorted(set(wanted) - set(there)), sorted(set(there) - set(wanted))
    differs = f"Only the dataset has {_listed(added)}; only the weights have {_listed(gone)}."
    raise WeightsError(
        "weights-other-classes",
        f"The head in the weights file cannot be kept: {differs if there else 'nothing says what its classes are.'} "
        "Begin with a new head: switch keep_head off on the Model page, or give --new-head.",
    )


def _listed(class_names: list[str]) -> str:
    more = f" and {len(class_names) - 3} more" if len(class_names) > 3 else ""
    return ", ".join(f"'{name}'" for name in class_names[:3]) + more if class_names else "none"


def take_file(source: Path, original_name: str, class_names: Sequence[str] = ()) -> str:
    """Copy a user's weights file into the workspace and return its SHA-256. It is not parsed.

    Args:
        source: the file.
        original_name: as the user calls it.
        class_names: what its head tells apart, in the order of its outputs; empty where it has none, or nobody knows.

    Raises:
        WeightsError: `weights-file-unknown`, `weights-too-large`, `weights-not-hdf5`, `disk-full`,
            `weights-not-written`.
    """
    if not source.is_file():
        raise WeightsError("weights-file-unknown", f"There is no file {original_name}. Check its name and folder.")
    size = source.stat().st_size
    if size > LIMITS.weights_bytes:
        raise WeightsError("weights-too-large", too_large(original_name, size))
    if not is_whole_hdf5(source):
        raise WeightsError(
            "weights-not-hdf5",
            f"{original_name} is not a whole HDF5 file. Expected weights saved by Keras (`.weights.h5` or `.h5`).",
        )
    sha = sha256(source)
    target = weights_file_path(sha)
    if not target.is_file():
        try:
            with replacing(target) as aside:
                shutil.copyfile(source, aside)
        except OSError as error:
            raise not_written(original_name, target.parent, error) from error
    if class_names:
        write_text(target.with_suffix(".json"), json.dumps({"class_names": list(class_names)}))
    return sha
