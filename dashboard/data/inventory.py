"""What a source holds, told before a picture of it is decoded."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboard.core.errors import UploadError
from dashboard.data import attempts, labels, names
from dashboard.data.attempts import Cancelled
from dashboard.data.label_files import Proposal
from dashboard.data.staging import Source, is_staged


@dataclass(frozen=True)
class Look:
    """What a source holds, before a picture was decoded.

    `classes` are those its folders give, with their numbers of pictures, at most 1,000 of `class_count`. Of the
    proposals, the first is the one that labels the most pictures.
    """

    files: int
    pictures: int
    refused: int
    class_count: int
    classes: tuple[tuple[str, int], ...]
    proposals: tuple[Proposal, ...]

    @property
    def folders_decide(self) -> bool:
        """Whether the folders give classes; `train` and `test` alone divide pictures, and name nothing they show."""
        return self.class_count > 1 and not labels.given_splits({name for name, _ in self.classes})

    @property
    def usable(self) -> tuple[Proposal, ...]:
        """Label files that can be used as they were found."""
        return tuple(found for found in self.proposals if not found.doubt)


def look(source: Source, *, label_path: Path | None = None, cancelled: Cancelled | None = None) -> Look:
    """Look into a source in the limited child: its files, its class folders, and what its label files seem to mean.

    Args:
        source: as for `import_pictures`.
        label_path: a label file on this machine that is no part of the source; it alone is looked into then.
        cancelled: asked again and again; true ends it.

    Raises:
        UploadError: the source as a whole, or the file at `label_path`, cannot be opened.
    """
    outside = None if label_path is None else str(label_path.absolute())
    job = {**_job("look", source), "label_path": outside}
    first, *others = attempts.messages(job, cancelled)
    fields = {name: value for name, value in first.items() if name not in ("kind", "classes")}
    proposals = [Proposal.from_record(_without_kind(other)) for other in others]
    proposals.sort(key=lambda found: (bool(found.doubt), -found.matched))
    classes = tuple((name, count) for name, count in first["classes"])
    return Look(**fields, classes=classes, proposals=tuple(proposals))


def _without_kind(message: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name != "kind"}


def _job(kind: str, source: Source) -> dict[str, Any]:
    path = source.path
    if not path.is_file() and not path.is_dir():
        raise UploadError("source-missing", f"There is no file or folder '{names.shown(str(path))}'. Check the path.")
    return {"kind": kind, "path": str(path.absolute()), "staged": is_staged(path)}
