"""Work of seconds to minutes that a page starts and follows: an import, a download, predictions.

A job is a thread of the server, so it outlives the page and the tab; pages poll it. (Training is no job: it is a run,
and outlives the server.)
"""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Report = Callable[[int, int, str], None]
Cancelled = Callable[[], bool]
Work = Callable[[Report, Cancelled], Any]


@dataclass
class Job:
    """One piece of work: how far it is, and what came of it."""

    title: str
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    done: int = 0
    total: int = 0  # 0 while unknown
    earlier: int = 0  # done before the step under way began
    text: str = ""
    result: Any = None
    error: Exception | None = None
    over: threading.Event = field(default_factory=threading.Event)
    began: float = field(default_factory=time.monotonic)
    _cancel: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        self._cancel.set()

    @property
    def cancelled(self) -> bool:
        return self._cancel.is_set()

    @property
    def remaining(self) -> float | None:
        """Seconds still to go at the pace so far; None while there is no pace."""
        if self.done <= self.earlier or self.total <= self.done:
            return None
        return (time.monotonic() - self.began) / (self.done - self.earlier) * (self.total - self.done)

    def run(self, work: Work) -> None:
        try:
            self.result = work(self._report, self._cancel.is_set)
        except Exception as error:  # kept whole: the page shows a refusal and raises a bug again
            self.error = error
        finally:
            self.over.set()

    def _report(self, done: int, total: int, text: str) -> None:
        if not done or done < self.done or (self.text and text != self.text):  # another step, at a pace of its own
            self.began, self.earlier = time.monotonic(), done if done >= self.done else 0
        self.done, self.total, self.text = done, total, text


class Jobs:
    """The jobs of this server, by id. Finished ones are forgotten when many newer ones came."""

    KEPT = 100

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}

    def start(self, title: str, work: Work) -> Job:
        job = Job(title)
        self._jobs[job.id] = job
        for old in list(self._jobs)[: -self.KEPT]:
            if self._jobs[old].over.is_set():
                del self._jobs[old]
        threading.Thread(target=job.run, args=(work,), daemon=True, name=f"job {title}").start()
        return job

    def get(self, job_id: str | None) -> Job | None:
        return self._jobs.get(job_id or "")
