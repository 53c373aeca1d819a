"""What becomes of an upload: a dataset by its folders, a question about its label file, or both."""

from dataclasses import dataclass, replace
from typing import Any

from dashboard.core.errors import DatasetError
from dashboard.data import intake, inventory, staging
from dashboard.data.datasets import Dataset
from dashboard.data.inventory import Look
from dashboard.data.staging import Source
from dashboard.ui import resources, state

KEPT = "labels_question"


@dataclass(frozen=True)
class Question:
    """An upload with a label file. It waits for an answer, unless its folders made `dataset_id` of it already."""

    source: Source
    name: str
    look: Look
    into: str  # id of the dataset that gets the pictures; empty for a new one
    dataset_id: str | None = None


@dataclass(frozen=True)
class Arrival:
    """What came of an upload: a dataset, a question, or both."""

    dataset: Dataset | None
    question: Question | None


def target() -> str:
    """Id of the dataset that gets what comes next; empty for a new one."""
    return str(state.widget("dataset_into") or "")


def bring_in(source: Source, name: str, report: Any, cancelled: Any, into: str = "") -> Arrival:
    """Take an upload by its folders where they give classes; where only a label file could, ask.

    What was staged is discarded unless a question is left.

    Raises:
        UploadError, DatasetError: as `inventory.look` and `intake.import_pictures` do.
    """
    question = None
    try:
        look = inventory.look(source, cancelled=cancelled)
        if not look.folders_decide and look.proposals:
            question = _question(source, name, look, into)
            return Arrival(None, question)
        dataset = intake.import_pictures(source, name=name, into=into, on_progress=report, cancelled=cancelled)
        resources.members(dataset.id, dataset.version)  # the page that follows finds them read
        if look.usable and not into:
            question = Question(source, name, replace(look, proposals=look.usable), "", dataset.id)
        return Arrival(dataset, question)
    finally:
        if question is None:
            staging.discard(source.path)


def _question(source: Source, name: str, look: Look, into: str) -> Question:
    readable = tuple(found for found in look.proposals if not found.unusable)
    if not readable:
        found = look.proposals[0]
        raise DatasetError(
            "dataset-no-classes",
            f"The pictures lie in no class folders, and the label file {found.file} cannot be used. {found.doubt}",
        )
    return Question(source, name, replace(look, proposals=readable), into)


def arrived(arrival: Arrival) -> None:
    """Show what came: the dataset becomes the current one, a question is asked in place of an earlier one."""
    forget()
    state.remember(KEPT, arrival.question)
    if arrival.dataset is not None:
        state.choose_dataset(arrival.dataset.id)


def question() -> Question | None:
    """The question that was asked last, if it was not answered."""
    kept: Question | None = state.remembered(KEPT, None)
    return kept


def ask(kept: Question) -> None:
    """Have a question answered whose upload the folders made a dataset of."""
    state.remember(KEPT, replace(kept, dataset_id=None))


def forget() -> None:
    """Drop the question, and remove what was staged for it."""
    kept = question()
    if kept is not None:
        staging.discard(kept.source.path)
    state.remember(KEPT, None)
