"""The folder Keras keeps downloaded weights in, `$KERAS_HOME/models`: what lies there, of which network, how sound.

Files are hashed, never parsed. One is removed by its name within the open folder, so that nothing outside of it and
nothing behind a link is ever touched.
"""

import hashlib
import itertools
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pandas as pd

from dashboard.core import files
from dashboard.core.backbones import BACKBONES, Backbone, weights_file_name, weights_published
from dashboard.core.errors import WeightsError
from dashboard.core.settings import settings, workspace
from dashboard.data.downloads import PretrainedFile, download, is_whole_hdf5
from dashboard.data.weights import imagenet_file

Progress = Callable[[int, int, str], None]
Cancelled = Callable[[], bool]

COLUMNS = ["name", "network", "bytes", "modified", "state", "sha256", "check"]
ASIDE = re.compile(r"\.[0-9a-f]{8}-.+")  # what `files.replacing` writes to before it renames
WRITTEN = 60.0  # seconds after its last byte in which such a file may still grow; a silent server is left earlier

WHOLE, CUT_SHORT, OTHER = "whole", "cut short", "not HDF5"
FETCHING, LEFT_OVER, LINK = "on its way", "left over", "a link"
UNKNOWN = "not one of the catalogue's"
PUBLISHED, DIFFERS, NO_DIGEST, NOT_YET = "as published", "not as published", "none published", "not computed yet"
HASHING = "Computing digests (kB)"


@dataclass(frozen=True)
class Variant:
    """One published file: the ImageNet weights of a backbone at a width, for the sizes that share them."""

    name: str
    backbone: Backbone
    alpha: float
    image_size: int  # pixels a side, as the file is asked for

    @property
    def title(self) -> str:
        """`MobileNetV2 0.35, 224 px`; width and size only where there are several."""
        width = f" {self.alpha:g}" if len(self.backbone.alphas) > 1 else ""
        size = f", {self.image_size} px" if self.backbone.weights_sizes else ""
        return f"{self.backbone.name}{width}{size}"

    @property
    def file(self) -> PretrainedFile:
        return imagenet_file(self.backbone, self.alpha, self.image_size)


@lru_cache(maxsize=1)
def catalogue() -> dict[str, Variant]:
    """Every file of ImageNet weights without a classifier that is published, by the name Keras gives it."""
    found: dict[str, Variant] = {}
    for row in BACKBONES.values():
        for alpha, size in itertools.product(row.alphas, row.weights_sizes or (row.image_size,)):
            if weights_published(row, alpha, size):
                name = weights_file_name(row, alpha, size)
                found[name] = Variant(name, row, alpha, size)
    return found


def variant(row: Backbone, alpha: float, image_size: int) -> Variant:
    """The file that is asked for at a width and size.

    Raises:
        WeightsError: `weights-absent`, none is published for them.
    """
    if alpha not in row.alphas or not weights_published(row, alpha, image_size):
        raise WeightsError(
            "weights-absent",
            f"No ImageNet weights of {row.name} are published for alpha {alpha:g} at {image_size} pixels. "
            f"Expected alpha {', '.join(f'{each:g}' for each in row.alphas)}, at {row.image_size} pixels.",
        )
    return catalogue()[weights_file_name(row, alpha, image_size)]


def folder() -> Path:
    """Where Keras looks for weights and puts them; it need not exist."""
    return settings().keras_home.expanduser() / "models"


def listing() -> pd.DataFrame:
    """What lies in the folder, the largest file first; folders inside it are left out.

    Returns:
        Columns `COLUMNS`: network in words, bytes, modified in seconds since 1970, state (one of the words above),
        sha256 (empty until `digest` has been over it), check (what comes of comparing it with what Keras publishes).
    """
    known = _kept_digests()
    rows = [_row(name, status, known) for name, status in _entries()]
    return pd.DataFrame(rows, columns=COLUMNS).sort_values(
        ["bytes", "name"], ascending=[False, True], ignore_index=True
    )


def _entries() -> Iterator[tuple[str, os.stat_result]]:
    """Files and links directly in the folder, each with its own status; none where it cannot be read."""
    try:
        with os.scandir(folder()) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                if not stat.S_ISDIR(status.st_mode):
                    yield entry.name, status
    except OSError:
        return


def _row(name: str, status: os.stat_result, known: dict[str, dict[str, str | int]]) -> list[object]:
    variant, kept = catalogue().get(name), known.get(name, {})
    current = kept.get("bytes") == status.st_size and kept.get("modified") == status.st_mtime_ns
    digests = {key: str(kept[key]) for key in ("sha256", "md5")} if current else {}
    return [
        name,
        variant.title if variant else UNKNOWN,
        status.st_size,
        status.st_mtime,
        _state(folder() / name, status),
        digests.get("sha256", ""),
        check(variant, digests),
    ]


def _state(path: Path, status: os.stat_result) -> str:
    if not stat.S_ISREG(status.st_mode):
        return LINK
    if ASIDE.fullmatch(path.name):
        return FETCHING if time.time() - status.st_mtime < WRITTEN else LEFT_OVER
    try:
        if is_whole_hdf5(path):
            return WHOLE
    except OSError:  # it went meanwhile, or is not to be read
        return OTHER
    return CUT_SHORT if path.suffix in (".h5", ".hdf5") else OTHER


def check(variant: Variant | None, digests: dict[str, str]) -> str:
    """What comes of comparing digests (keys sha256 and md5; empty while unknown) with the one Keras checks."""
    if variant is None or variant.backbone.weights_hash is None:
        return NO_DIGEST
    if not digests:
        return NOT_YET
    published = variant.backbone.weights_hash
    return PUBLISHED if published in (digests["sha256"], digests["md5"]) else DIFFERS


def _digests_path() -> Path:
    return workspace("cache", "weights-digests.json")


def _kept_digests() -> dict[str, dict[str, str | int]]:
    path = _digests_path()
    return dict(files.read_json(path).get(str(folder()), {})) if path.exists() else {}


def without_digest(table: pd.DataFrame) -> list[str]:
    """Names of files whose digests are not known as they are now."""
    lacking = table[(table["sha256"] == "") & ~table["state"].isin([LINK, FETCHING])]
    return list(lacking["name"])


def digest(names: list[str], on_progress: Progress, cancelled: Cancelled) -> int:
    """Compute the digests of files and keep them until size or time of a file change; how many were computed.

    Args:
        names: of files in the folder. What cannot be read, or changes meanwhile, is left out.
        on_progress: told of kilobytes.
        cancelled: asked after every piece; what is computed until then is kept.
    """
    sizes = {name: status.st_size for name, status in _entries() if name in names}
    total, before = sum(sizes.values()) // 1000, 0
    computed: dict[str, dict[str, str | int]] = {}
    for name, size in sizes.items():
        found = _digest(folder() / name, _kilobytes(on_progress, HASHING, before, total), cancelled)
        before += size
        if cancelled():
            break
        if found:
            computed[name] = found
    if computed:
        files.write_json(_digests_path(), {str(folder()): _kept_digests() | computed})
    return len(computed)


def _kilobytes(on_progress: Progress, words: str, before: int = 0, known: int = 0) -> Callable[..., None]:
    """Tells `on_progress` in kilobytes of bytes that are done after those `before`, of a total where there is one."""

    def report(done: int, total: int = 0) -> None:
        on_progress((before + done) // 1000, known or max(done, total) // 1000, words)

    return report


def _digest(path: Path, on_bytes: Callable[[int], None], cancelled: Cancelled) -> dict[str, str | int]:
    """Both digests Keras may publish, with the size and time they are true of; empty where there is nothing to say."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    done = 0
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                return {}
            while (piece := file.read(files.CHUNK)) and not cancelled():
                sha256.update(piece)
                md5.update(piece)
                done += len(piece)
                on_bytes(done)
            after = os.fstat(descriptor)
    except OSError:
        return {}
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or done != after.st_size:
        return {}
    return {
        "bytes": after.st_size,
        "modified": after.st_mtime_ns,
        "sha256": sha256.hexdigest(),
        "md5": md5.hexdigest(),
    }


def fetch(variants: list[Variant], on_progress: Progress, cancelled: Cancelled) -> list[str]:
    """Download what of these files is not here; each appears whole or not at all, and those that came stay.

    Args:
        variants: of the catalogue.
        on_progress: told of kilobytes of the file under way.
        cancelled: asked after every piece.

    Returns:
        The names of the files that came.

    Raises:
        WeightsError: as of `downloads.download`, of the first file that did not come.
    """
    missing = [each for each in variants if not each.file.present]
    for number, variant in enumerate(missing, 1):
        which = f"File {number} of {len(missing)}: " if len(missing) > 1 else ""
        download(variant.file, _kilobytes(on_progress, f"{which}{variant.title} (kB)"), cancelled)
    return [each.name for each in missing]


def remove(name: str) -> int:
    """Delete one file of the folder; how many bytes it had.

    Raises:
        WeightsError: `weights-file-unknown`, there is no such file; `weights-not-removed`, it is a link, a folder or
            on its way here, or may not be removed.
    """
    if name != os.path.basename(name) or name in ("", ".", ".."):
        raise WeightsError("weights-file-unknown", f"There is no file '{name}' in {folder()}: give a name alone.")
    try:
        inside = os.open(folder(), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError as error:
        raise WeightsError("weights-file-unknown", f"There is no folder {folder()}.") from error
    except OSError as error:
        raise _not_removed(name, f"{folder()} is a link or no folder, and is left alone") from error
    try:
        status = os.stat(name, dir_fd=inside, follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            raise _not_removed(name, "it is a link or a folder, and only files of this folder are")
        if _state(folder() / name, status) == FETCHING:
            raise _not_removed(name, "it is being written. Cancel that download, or wait a minute")
        os.unlink(name, dir_fd=inside)
    except (FileNotFoundError, ValueError) as error:  # a name that no file can have is a ValueError
        raise WeightsError("weights-file-unknown", f"There is no file {name!r} in {folder()} any more.") from error
    except OSError as error:
        raise _not_removed(name, error.strerror or str(error)) from error
    finally:
        os.close(inside)
    return status.st_size


def _not_removed(name: str, reason: str) -> WeightsError:
    return WeightsError("weights-not-removed", f"{name} was not removed: {reason}.")
