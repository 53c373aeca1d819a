"""Checkpoints of a run: folders `checkpoints/epoch-0007`, each whole and verified or not there at all."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dashboard.core import files

SUMS = "SHA256SUMS"
NAME = re.compile(r"epoch-(\d+)")


def path(root: Path, epoch: int) -> Path:
    """The folder of an epoch's checkpoint below the run directory `root`, whether it exists or not."""
    return root / "checkpoints" / f"epoch-{epoch:04d}"


@contextmanager
def writing(root: Path, epoch: int) -> Iterator[Path]:
    """Yield a folder to write an epoch's checkpoint into; it takes its name once everything in it is on the disk."""
    with files.replacing_folder(path(root, epoch)) as aside:
        yield aside
        sums = [f"{files.sha256(file)}  {file.name}\n" for file in sorted(aside.iterdir())]
        (aside / SUMS).write_text("".join(sums), encoding="utf-8")


def is_whole(folder: Path) -> bool:
    """Whether every file of a checkpoint has the digest written down for it."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
        pairs = [line.split("  ", 1) for line in lines]
        return bool(pairs) and all(files.sha256(folder / name) == digest for digest, name in pairs)
    except (OSError, ValueError):
        return False


def epochs(root: Path) -> list[int]:
    """Epochs that have a checkpoint, newest first, verified or not."""
    folder = root / "checkpoints"
    names = [each.name for each in folder.iterdir()] if folder.is_dir() else []
    return sorted((int(match.group(1)) for name in names if (match := NAME.fullmatch(name))), reverse=True)


def keep(root: Path, wanted: set[int]) -> None:
    """Remove the checkpoints of all other epochs, and what a killed worker left half-written or half-removed."""
    for epoch in set(epochs(root)) - wanted:
        files.remove_folder(path(root, epoch))
    tidy(root)


def tidy(root: Path) -> None:
    """Remove what a killed worker left half-written or half-removed; only its successor may."""
    folder = root / "checkpoints"
    for each in folder.iterdir() if folder.is_dir() else ():
        if each.name.startswith("."):
            shutil.rmtree(each)
