"""Every error a user may read.

DashboardError
├── SettingsError      the workspace or a setting cannot be used
├── UploadError        an archive or folder as a whole cannot be taken
├── DatasetError       the pictures are fine, the dataset cannot be trained
├── RecipeError        a field of the recipe is out of its range, or fields contradict each other
├── BackboneError      unknown backbone, image size or alpha it was never made for
├── WeightsError       weights are absent, damaged, or belong to another network
├── RunError           the run does not exist or is in no state to do this
│   └── AlreadyUnderWay    another run computes the same
├── LessonError        what a lesson was asked to compute cannot be
└── WorkerError        a worker process died or answered too late

Each has a stable `code` (lower case, hyphens) that command lines and tests rely on, and a message that says what
happened, what was expected and what to do. Pages show the message unchanged; nothing wider is caught.
"""

from typing import Any


class DashboardError(Exception):
    """A refusal a user can act on.

    Args:
        code: stable name of the refusal, e.g. `dataset-one-class`.
        message: one or two plain sentences: what happened, what was expected, what to do.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.code, self.message)


class SettingsError(DashboardError):
    pass


class UploadError(DashboardError):
    pass


class DatasetError(DashboardError):
    pass


class RecipeError(DashboardError):
    pass


class BackboneError(DashboardError):
    pass


class WeightsError(DashboardError):
    pass


class RunError(DashboardError):
    pass


class AlreadyUnderWay(RunError):  # noqa: N818 - nothing went wrong
    """A run of the very same recipe waits or trains: `run_id`."""

    def __init__(self, run_id: str, number: int) -> None:
        super().__init__(
            "run-under-way",
            f"Run {number} trains the very same recipe already; a second one would compute the same. "
            "Follow that run, or change the recipe, its seed for instance.",
        )
        self.run_id, self.number = run_id, number

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.run_id, self.number)


class LessonError(DashboardError):
    pass


class WorkerError(DashboardError):
    pass


KINDS: dict[str, type[DashboardError]] = {
    kind.__name__: kind
    for kind in (
        DashboardError,
        SettingsError,
        UploadError,
        DatasetError,
        RecipeError,
        BackboneError,
        WeightsError,
        RunError,
        LessonError,
        WorkerError,
    )
}


def as_record(error: DashboardError) -> dict[str, str]:
    """The error as JSON-safe values, to cross a process boundary without pickle."""
    return {"kind": type(error).__name__, "code": error.code, "message": error.message}


def from_record(record: dict[str, str]) -> DashboardError:
    """The error that `as_record` wrote, of the same class."""
    return KINDS.get(record["kind"], DashboardError)(record["code"], record["message"])
