"""Folders on the server that its users may import from: those `THAW_FOLDERS` names, and what lies below them."""

import os
from itertools import islice
from pathlib import Path

from dashboard.core.errors import UploadError
from dashboard.core.settings import settings
from dashboard.data import names

MOST_FOLDERS = 1_000  # listed in one place
MOST_LOOKED_AT = 100_000  # files and folders of one place


def roots() -> list[Path]:
    """The folders that may be imported from, as far as they are there."""
    return [root for root in settings().folder_roots if root.is_dir()]


def subfolders(root: Path, relative: str = "") -> list[str]:
    """Names of the folders in a place, sorted, without hidden ones; folders behind links are left out.

    Args:
        root: one of `roots()`.
        relative: the place below it, parts separated by '/'.

    Raises:
        UploadError: `folder-outside`, `folder-missing`, `folder-unreadable`.
    """
    place = resolve(root, relative)
    try:
        with os.scandir(place) as found:
            items = [item.name for item in islice(found, MOST_LOOKED_AT) if item.is_dir(follow_symlinks=False)]
    except OSError as error:
        raise UploadError(
            "folder-unreadable",
            f"The folder '{names.shown(relative or place.name)}' cannot be read: {error.strerror}. Choose another one.",
        ) from error
    return sorted(name for name in items if name.isprintable() and not names.is_clutter(name))[:MOST_FOLDERS]


def resolve(root: Path, relative: str) -> Path:
    """The folder at a place, every link followed, if it is still below the root then.

    Raises:
        UploadError: `folder-outside` for whatever leads elsewhere, `folder-missing`.
    """
    if root not in settings().folder_roots:
        raise _outside(str(root))
    parts = relative.split("/") if relative else []
    if {"", ".", ".."} & set(parts):
        raise _outside(relative)
    try:
        place = root.joinpath(*parts).resolve()
        there = place.is_dir()
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, names too long, a NUL byte
        raise _outside(relative) from error
    if not place.is_relative_to(root):
        raise _outside(relative)
    if not there:
        raise UploadError(
            "folder-missing", f"There is no folder '{names.shown(relative)}' any more. Choose another one."
        )
    return place


def _outside(text: str) -> UploadError:
    return UploadError(
        "folder-outside",
        f"'{names.shown(text)}' leads out of the folders that may be imported from. Choose a folder below one of them, "
        "or have it added to THAW_FOLDERS.",
    )
