import threading
import time

from dashboard.core.errors import UploadError
from dashboard.ui.jobs import Job, Jobs


def finished(job: Job) -> Job:
    assert job.over.wait(5)
    return job


def test_a_job_hands_over_its_result() -> None:
    job = finished(Jobs().start("adding", lambda report, cancelled: 1 + 1))
    assert job.result == 2 and job.error is None


def test_progress_and_time_left_come_from_what_was_done() -> None:
    go_on, reported = threading.Event(), threading.Event()

    def work(report, cancelled):
        report(5, 20, "Reading")
        reported.set()
        go_on.wait(5)

    job = Jobs().start("reading", work)
    assert reported.wait(5)
    assert (job.done, job.total, job.text) == (5, 20, "Reading")
    assert job.remaining is not None and job.remaining > 0
    go_on.set()
    finished(job)


def test_time_left_is_told_by_the_step_under_way_and_not_by_the_one_before() -> None:
    def work(report, cancelled):
        report(1, 10, "Building")
        time.sleep(0.3)
        report(0, 10, "Trying")
        report(5, 10, "Trying")

    left = finished(Jobs().start("finding", work)).remaining
    assert left is not None and left < 0.2


def test_a_refusal_is_kept_for_the_page() -> None:
    def work(report, cancelled):
        raise UploadError("archive-cut", "The archive is cut short.")

    job = finished(Jobs().start("reading", work))
    assert isinstance(job.error, UploadError) and job.error.code == "archive-cut"


def test_a_bug_is_kept_and_not_swallowed() -> None:
    job = finished(Jobs().start("breaking", lambda report, cancelled: 1 / 0))
    assert isinstance(job.error, ZeroDivisionError)


def test_work_sees_that_it_was_cancelled() -> None:
    seen = threading.Event()

    def work(report, cancelled):
        while not cancelled():
            seen.wait(0.01)
        return "cancelled"

    job = Jobs().start("waiting", work)
    job.cancel()
    assert finished(job).result == "cancelled"


def test_old_finished_jobs_are_forgotten() -> None:
    jobs = Jobs()
    first = finished(jobs.start("first", lambda report, cancelled: None))
    for _ in range(Jobs.KEPT + 1):
        finished(jobs.start("next", lambda report, cancelled: None))
    assert jobs.get(first.id) is None
