"""Children that read a source, one after the other, until every file of it is in the journal of its import."""

from collections.abc import Callable, Iterator
from typing import Any

from dashboard.core.limits import LIMITS
from dashboard.core.settings import workspace
from dashboard.data import child, imports, parent
from dashboard.data.parent import Crashed

OPENING = "dashboard.data.opening"
SUSPECTS = child.TOGETHER + child.AHEAD  # files a child may have been at, untold, when it died
CRASHES = 10  # children one import may lose

Progress = Callable[[int, int, str], None]
Cancelled = Callable[[], bool]


def read_all(
    under_way: imports.Import, staged: bool, on_progress: Progress | None, cancelled: Cancelled | None
) -> None:
    """Have children read every file of the source into the journal. One file that ends a child costs itself only.

    The files that a child may have been at when it died are announced one by one by the next child; the one that ends
    that child too is left out.

    Args:
        under_way: whose journal is written.
        staged: whether the source is a folder that a browser's files were written to.

    Raises:
        UploadError: what a child refused; `upload-cancelled`, `upload-timeout`; `upload-crashed` where children died
            whatever was left out.
    """
    job = {"kind": "dataset", "staged": staged, **under_way.job()}
    careful = 0
    for lost in range(CRASHES + 1):
        attempt = _Attempt(under_way, on_progress)
        try:
            attempt.run({**job, "careful": careful}, cancelled)
            return
        except Crashed as error:
            if lost == CRASHES or (careful and not attempt.got_on):
                raise
            attempt.blame(error)
            careful = SUSPECTS


class _Attempt:
    """One child at an import, and how far it came."""

    def __init__(self, under_way: imports.Import, on_progress: Progress | None) -> None:
        self.under_way = under_way
        self.on_progress = on_progress
        self.told = 0
        self.trying: dict[str, Any] | None = None

    @property
    def got_on(self) -> bool:
        """Whether another child would find less to do."""
        return self.told > 0 or self.trying is not None

    def run(self, job: dict[str, Any], cancelled: Cancelled | None) -> None:
        with self.under_way.writing() as write:
            for message in messages(job, cancelled):
                if message["kind"] in ("picture", "remark"):
                    write(message)
                    self.told += 1
                elif message["kind"] == "progress" and self.on_progress is not None:
                    self.on_progress(message["done"], message["total"], "Reading pictures")
                elif message["kind"] in ("trying", "tried"):
                    self.trying = message if message["kind"] == "trying" else None

    def blame(self, error: Crashed) -> None:
        """Leave out the file that was announced when the child died."""
        if self.trying is None:
            return
        reason = (
            f"Opening the file ended the process that opens pictures ({error.how}); it was left out. "
            "Open it in another program and save it again."
        )
        with self.under_way.writing() as write:
            known = {"path": self.trying["path"], "known_as": self.trying["known_as"]}
            write({"kind": "remark", "code": "image-crash", "reason": reason, "refused": True, **known})


def messages(job: dict[str, Any], cancelled: Cancelled | None) -> Iterator[dict[str, Any]]:
    """What a child tells of one job; see `data.opening`."""
    job = {**job, "workspace": str(workspace().absolute())}
    return parent.messages(OPENING, job, seconds=LIMITS.child_seconds, cancelled=cancelled)
